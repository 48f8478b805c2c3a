"""What a user would take for the deep tail instead: subset simulation as in the textbook, and dynesty.

Both walk in the weights, as standard normals, and both are given the logarithm of the loss.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special
from torch import Tensor

__all__ = ["Curve", "Problem", "dynesty_run", "linear", "relu", "subset_simulation"]

FloatArray = NDArray[np.float64]

KEPT = 0.1  # Au and Beck's p0
ACCEPTANCE = 0.234  # at which random-walk Metropolis in many dimensions moves farthest (Roberts et al. 1997)
_GAIN = 2.0


@dataclass(frozen=True)
class Curve:
    """What one run has found, and what it took.

    Attributes:
        log_loss: natural logarithms of losses, decreasing, (points,).
        log_volume: natural logarithm of V at each, (points,).
        seconds: processor time.
        evaluations: losses computed.
        own_error: standard error of log10 V at the end as the run itself has it, in decades.
    """

    log_loss: FloatArray
    log_volume: FloatArray
    seconds: float
    evaluations: int
    own_error: float = math.nan

    def at(self, log_loss: float) -> float:
        """Return log10 V at a loss; NaN where the run has not come to it."""
        volume = np.interp(log_loss, self.log_loss[::-1], self.log_volume[::-1], left=np.nan)
        return float(volume) / math.log(10)


@dataclass(frozen=True)
class Problem:
    """A loss as a function of standard normals.

    Attributes:
        dimensions: how many there are.
        log_loss: natural logarithms of the losses of points, (n, dimensions) to (n,).
    """

    dimensions: int
    log_loss: Callable[[Tensor], Tensor]


def linear(examples: int) -> Problem:
    """Return the linear model on orthonormal inputs with targets 0: outputs are the weights."""
    return Problem(examples, lambda z: z.square().mean(dim=1).log())


def relu(x: FloatArray, y: FloatArray, width: int) -> Problem:
    """Return a ReLU network with two hidden layers, He weights and no biases, on x (N, inputs), y (N,)."""
    inputs, target = torch.from_numpy(x.T.copy()).float(), torch.from_numpy(y.copy()).float()
    sizes = [(width, len(inputs)), (width, width), (1, width)]
    ends = np.cumsum([0, *(rows * columns for rows, columns in sizes)])

    def log_loss(z: Tensor) -> Tensor:
        h = inputs
        for (rows, columns), start, end in zip(sizes, ends, ends[1:], strict=False):
            weights = z[:, start:end].float().reshape(-1, rows, columns) * math.sqrt(2 / columns)
            h = weights @ (h.relu() if start else h)
        return (h[:, 0] - target).square().mean(dim=1).log().double()

    return Problem(int(ends[-1]), log_loss)


def subset_simulation(problem: Problem, population: int, goal: float, seconds: float, seed: int) -> Curve:
    """Moves down by subset simulation (Au and Beck 2001) until a log loss or a time is reached.

    The tenth of lowest losses seeds chains of ten steps each of Metropolis's random walk: a normal step of
    all coordinates, taken by the ratio of the priors if the loss is below the level. The step is adapted
    from one to the next, so that it is as long as it should be at every level.
    """
    begun = time.process_time()
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(population, problem.dimensions, generator=generator)
    log_loss = problem.log_loss(z)
    evaluations, volume, step = population, 0.0, 2.38 / math.sqrt(problem.dimensions)
    seeds, losses, volumes = int(KEPT * population), [], []
    while True:
        order = log_loss.argsort()
        z, log_loss = z[order], log_loss[order]
        places = np.arange(population, seeds, -1)
        losses.append(log_loss[seeds:].flip(0).numpy())
        volumes.append(volume + np.log(places / population))
        level = float(log_loss[seeds])
        volume += math.log(KEPT)
        if level <= goal or time.process_time() - begun > seconds:
            break
        now, now_loss = z[:seeds], log_loss[:seeds]
        chain, chain_losses = [now], [now_loss]
        for _ in range(population // seeds - 1):
            proposed = now + step * torch.randn(now.shape, generator=generator)
            ratio = (now.square().sum(dim=1) - proposed.square().sum(dim=1)) / 2
            proposed_loss = problem.log_loss(proposed)
            chance = torch.rand(seeds, generator=generator).log()
            accepted = (chance < ratio) & (proposed_loss <= level)
            now = torch.where(accepted[:, None], proposed, now)
            now_loss = torch.where(accepted, proposed_loss, now_loss)
            chain.append(now)
            chain_losses.append(now_loss)
            evaluations += seeds
            step *= math.exp(_GAIN / math.sqrt(population) * (float(accepted.double().mean()) - ACCEPTANCE))
        z, log_loss = torch.cat(chain), torch.cat(chain_losses)
    return Curve(np.concatenate(losses), np.concatenate(volumes), time.process_time() - begun, evaluations)


def dynesty_run(problem: Problem, live: int, goal: float, seconds: float, seed: int) -> Curve:
    """Moves down by dynesty's static nested sampling, by random walks, to a log loss or a time."""
    import dynesty

    begun = time.process_time()

    def log_likelihood(z: FloatArray) -> float:
        return -float(problem.log_loss(torch.from_numpy(z[None]))[0])

    sampler = dynesty.NestedSampler(
        log_likelihood,
        special.ndtri,
        problem.dimensions,
        nlive=live,
        bound="none",
        sample="rwalk",
        rstate=np.random.default_rng(seed),
    )
    volumes: list[float] = []
    losses: list[float] = []
    evaluations = live
    for found in sampler.sample(dlogz=0.0, add_live=False):
        losses.append(-float(found.loglstar))
        volumes.append(float(found.logvol))
        evaluations += int(found.nc)
        if losses[-1] <= goal or time.process_time() - begun > seconds:
            break
    return Curve(np.array(losses), np.array(volumes), time.process_time() - begun, evaluations)
