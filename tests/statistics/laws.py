"""Exact laws of the loss, from scipy alone, to judge samplers by; and the draws to be judged.

One example of norm ||x|| and target y, squared error, a scalar output: given the last layer's input the
output is N(0, v), so P(L <= l | v) = Phi((y + sqrt l) / sqrt v) - Phi((y - sqrt l) / sqrt v).
"""

from dataclasses import dataclass

import numpy as np
from scipy import interpolate, special, stats

from geomreg_tui.experiment import Experiment
from geomreg_tui.sampling import work as sampling
from geomreg_tui.summary import Summary
from tests import seeds
from tests.rates import ALPHA, sigmas

DRAWN_BY = "torch"  # unless an experiment says; the fixture ``each_backend`` has both


@dataclass(frozen=True)
class Draws:
    """Losses drawn, in order, with what the sampler said of the experiment."""

    losses: np.ndarray
    facts: object


def draw(values, count):
    """Draw at least ``count`` networks of an experiment through the chunks that runs are made of."""
    ready = sampling.prepare(Experiment.parse({"seed": seeds.seed(0), "backend": DRAWN_BY, **values}))
    experiment = ready.facts.experiment
    parts, drawn = [], 0
    while drawn < count:
        part = sampling.run_chunk(
            experiment, len(parts), min(count - drawn, experiment.chunk_size), keep=experiment.chunk_size
        )
        parts.append(part.losses)
        drawn += len(part.losses)
    return Draws(np.concatenate(parts), ready.facts)


def draw_summary(values, count):
    """Draw ``count`` networks and return their summary and the facts of the experiment."""
    facts = sampling.prepare(Experiment.parse({"seed": seeds.seed(0), "backend": DRAWN_BY, **values})).facts
    size = facts.experiment.chunk_size
    chunks = range(-(-count // size))
    counts = [min(size, count - chunk * size) for chunk in chunks]
    parts = [sampling.run_chunk(facts.experiment, k, n).summary for k, n in zip(chunks, counts, strict=True)]
    return Summary.merge(parts), facts


def single_example(tmp_path, x, y):
    """Write one example, or N of them, to a file, and return the keys of an experiment on it."""
    path = tmp_path / "examples.npz"
    x, y = np.atleast_2d(np.asarray(x, float)), np.atleast_1d(np.asarray(y, float))
    np.savez(path, x=x, y=y)
    return {"data": str(path), "examples": len(x), "standardize": False}


def gaussian_cdf(y, variance):
    """CDF of (f - y)^2 for f ~ N(0, variance)."""
    return lambda loss: stats.ncx2.cdf(np.asarray(loss) / variance, 1, y**2 / variance)


def mixed_cdf(y, variances, weights):
    """CDF of (f - y)^2 for f ~ N(0, v), v with the given values and probabilities (0: L = y^2)."""

    def cdf(loss):
        loss = np.atleast_1d(np.asarray(loss, float))
        root = np.sqrt(loss)
        total = np.zeros_like(loss)
        for v, w in zip(variances, weights, strict=True):
            if v == 0:
                total += w * (loss >= y**2)
            else:
                s = np.sqrt(v)
                total += w * (special.ndtr((y + root) / s) - special.ndtr((y - root) / s))
        return total

    return cdf


def relu_layer(scale, width):
    """Values and probabilities of scale * chi2(K), K ~ Binomial(width, 1/2): one hidden ReLU layer.

    Wide layers are smooth laws: 40 nodes for each K are within 3e-6 of the truth at a width of 64.
    """
    nodes = 200 if width < 16 else 40
    u, w = np.polynomial.legendre.leggauss(nodes)
    u, w = (u + 1) / 2, w / 2
    values, weights = [0.0], [0.5**width]
    for k in range(1, width + 1):
        values += list(scale * stats.chi2.ppf(u, k))
        weights += list(stats.binom.pmf(k, width, 0.5) * w)
    return values, weights


def linear_layer(scale, width, nodes=400):
    """Values and probabilities of scale * chi2(width): one hidden linear layer."""
    u, w = np.polynomial.legendre.leggauss(nodes)
    return list(scale * stats.chi2.ppf((u + 1) / 2, width)), list(w / 2)


def judge(losses, cdf, bins=100, cusp=0.0):
    """Assert that losses follow a continuous law: Kolmogorov-Smirnov, and chi-square in equal bins.

    The CDF is interpolated between 6,000 exact values, evenly spaced in sqrt L and crowding at a ``cusp``
    of the density: within 1e-5 of the truth, where the statistic of a million is about 1e-3.
    """
    top = np.sqrt(losses.max()) * 1.0001
    roots = np.linspace(0, top, 4000)
    near = np.geomspace(1e-9, top, 1000)
    roots = np.unique(np.clip(np.concatenate([roots, near, cusp + near, cusp - near]), 0, top))
    shares = interpolate.PchipInterpolator(roots, cdf(roots**2))(np.sqrt(losses))
    assert stats.kstest(shares, "uniform").pvalue > ALPHA / 2
    places = np.clip((shares * bins).astype(int), 0, bins - 1)
    assert stats.chisquare(np.bincount(places, minlength=bins)).pvalue > ALPHA / 2


def judge_pair(first, second):
    """Assert that two samples are of one law: Kolmogorov-Smirnov, and a z-test of the means."""
    assert stats.ks_2samp(first, second).pvalue > ALPHA / 2
    z = (first.mean() - second.mean()) / np.hypot(
        first.std() / np.sqrt(len(first)), second.std() / np.sqrt(len(second))
    )
    assert abs(z) < sigmas(2)
