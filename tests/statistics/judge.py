"""An independent judge of small volumes: subset simulation in numpy, moved by elliptical slices.

A pilot population finds levels that about half of the points of the level above come below (Au & Beck 2001).
Then many populations walk down these fixed levels: what is left is drawn from anew and moved within
{L <= level} by elliptical slice sampling (Murray, Adams & MacKay 2010). With fixed levels the product of the
shares is an unbiased estimate of V, however well or badly the moves mix (Del Moral 2004, theorem 7.4.2), and
the scatter of the populations is its error. Nothing of this is the program's.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

POPULATIONS, SIZE, MOVES = 24, 200, 6


def log_volume(loss, dimension, level, generator):
    """Return log V(level) and its standard error, which has POPULATIONS - 1 degrees of freedom.

    Args:
        loss: a function of points (n, dimension) that returns losses (n,).
        dimension: number of standard normal coordinates.
        level: the loss whose volume is asked for.
        generator: a generator of numpy.
    """
    levels = pilot_levels(loss, dimension, level, generator)
    points = generator.normal(size=(POPULATIONS * SIZE, dimension))
    losses = loss(points)
    volumes = np.ones(POPULATIONS)
    for limit in levels:
        kept = (losses <= limit).reshape(POPULATIONS, SIZE)
        volumes *= kept.mean(axis=1)
        assert volumes.all(), "a population has died out"
        chosen = [k * SIZE + generator.choice(np.flatnonzero(alive), SIZE) for k, alive in enumerate(kept)]
        points, losses = move(loss, points[np.ravel(chosen)], limit, generator)
    error = volumes.std(ddof=1) / math.sqrt(POPULATIONS) / volumes.mean()
    return math.log(volumes.mean()), error


def pilot_levels(loss, dimension, level, generator):
    """Return falling levels, the last of them ``level``, each the median of a population below the last."""
    points = generator.normal(size=(2 * SIZE, dimension))
    losses, levels = loss(points), []
    while not levels or levels[-1] > level:
        levels.append(max(float(np.median(losses)), level))
        chosen = generator.choice(np.flatnonzero(losses <= levels[-1]), len(points))
        points, losses = move(loss, points[chosen], levels[-1], generator)
    return levels


def move(loss, points, limit, generator):
    """Move points (n, d) within {L <= limit}; return them and their losses."""
    for _ in range(MOVES):
        points, losses = elliptical_slice(loss, points, limit, generator)
    return points, losses


def elliptical_slice(loss, points, limit, generator):
    """Move each point along an ellipse of its own to where the loss is within the limit."""
    start, other = points, generator.normal(size=points.shape)
    points, losses = points.copy(), np.empty(len(points))
    angle = generator.uniform(0, 2 * np.pi, len(points))
    low, high = angle - 2 * np.pi, angle.copy()
    waiting = np.arange(len(points))
    while waiting.size:
        turn = angle[waiting, None]
        tried = start[waiting] * np.cos(turn) + other[waiting] * np.sin(turn)
        found = loss(tried)
        fits = found <= limit
        points[waiting[fits]], losses[waiting[fits]] = tried[fits], found[fits]
        waiting = waiting[~fits]
        below = angle[waiting] < 0
        low[waiting[below]] = angle[waiting[below]]
        high[waiting[~below]] = angle[waiting[~below]]
        angle[waiting] = generator.uniform(low[waiting], high[waiting])
    return points, losses


def network_loss(widths, stds, activation, x, per_example):
    """Return the loss of fully connected networks without biases, as a function of normals (n, P).

    Args:
        widths: inputs, units of each hidden layer, outputs (1).
        stds: standard deviation of each layer's weights.
        activation: of the hidden layers.
        x: inputs (N, widths[0]).
        per_example: losses (n, N) of outputs (n, N).
    """

    def loss(points):
        hidden, used = np.broadcast_to(x.T, (len(points), *x.T.shape)), 0
        for layer, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
            weights = points[:, used : used + n_in * n_out].reshape(-1, n_out, n_in)
            used += n_in * n_out
            hidden = stds[layer] * weights @ hidden
            if layer < len(widths) - 2:
                hidden = activation(hidden)
        return per_example(hidden[:, 0]).mean(axis=1)

    return loss
