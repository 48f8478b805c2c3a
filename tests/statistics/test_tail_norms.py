"""Norms of networks that fit, and their distances from initial ones, against exact laws and plain sampling.

Each population's quantiles are put through the distribution function that the law has. Where the law is right
that gives the quantiles' shares; by symmetry the mean over the shares, and that of the median, is 1/2.
Means over independent populations are compared in their standard errors, at the rate of ``tests/rates.py``.
"""

import math

import numpy as np
import pytest
from scipy import stats

from geomreg_tui.datasets import load
from geomreg_tui.experiment import Experiment
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.splitting.population import Population, tail_experiment
from tests import seeds
from tests.rates import sigmas
from tests.size import sized

RUNS = sized(12, 24)
GAUSSIAN = {"data": "gaussian", "inputs": 9, "examples": 4, "held_out": 2}
DRAWS = 200_000
WIDTH = 6


def quantiles(values, key, **goal):
    """Return the last quantiles of norms and of distances of each population, (runs, 5), and its loss."""
    experiment = tail_experiment(Experiment.parse({**values, "seed": seeds.seed(61, key)}))
    plan = TailPlan(**goal, population=120, norms=True)
    found = []
    for index in range(RUNS):
        population = Population(experiment, plan, index)
        while population.advance():
            pass
        found.append(population.result)
    norms, distances = (
        np.array([getattr(each, f"held_{name}_quantiles")[-1] for each in found])
        for name in ("norm", "distance")
    )
    return norms, distances, np.array([math.exp(each.held_log_loss[-1]) for each in found])


def assert_uniform(shares):
    """Assert that distribution functions at quantiles, (runs, 5), are as they should be in the mean."""
    for values in (shares.mean(axis=1), shares[:, 2]):
        error = values.std(ddof=1) / math.sqrt(RUNS)
        assert abs(values.mean() - 0.5) < sigmas(4, freedom=RUNS - 1) * error


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"sampler": "direct", "loss": "mse"},
        pytest.param({"init": "lecun_normal"}, marks=pytest.mark.full),
    ],
)
def test_linear_networks_that_fit(more):
    """theta = X^+ y + what no example sees: N(0, s^2) in n - N directions. theta_0 is N(0, s^2) in all."""
    values = {**GAUSSIAN, "depth": 0, "init": "he_normal", **more}
    variance = (1 if more.get("init") else 2) / 9
    data = load(Experiment.parse({**values, "seed": seeds.seed(61, 1)}))
    x, y = data.x[:4].astype(float), data.y[:4].reshape(4).astype(float)
    least = float(((np.linalg.pinv(x) @ y) ** 2).sum()) / variance
    goal = {"log10_volume": -14.0} if "sampler" not in more else {"log10_volume": -9.0}
    norms, distances, losses = quantiles(values, 1, **goal)
    assert losses.max() < 1e-4
    assert_uniform(stats.chi2.cdf(norms**2 / variance - least, 5))
    # The sum of a noncentral chi-square of 4 and twice a chi-square of 5 degrees of freedom.
    rng = seeds.generator(62)
    drawn = stats.ncx2.rvs(4, least, size=DRAWS, random_state=rng) + 2 * rng.chisquare(5, DRAWS)
    assert_uniform(np.searchsorted(np.sort(drawn), distances**2 / variance) / DRAWS)


@pytest.mark.parametrize(
    "more",
    [
        {"bias": True, "bias_scale": 0.4},
        pytest.param({"loss": "mae"}, marks=pytest.mark.full),
        pytest.param({"sampler": "direct", "bias": True, "bias_scale": 0.4}, marks=pytest.mark.full),
    ],
)
def test_where_plain_sampling_sees_them(more):
    """Networks of one hidden layer drawn by numpy, those kept whose loss is as low."""
    values = {**GAUSSIAN, "depth": 1, "width": WIDTH, "init": "he_normal", **more}
    data = load(Experiment.parse({**values, "seed": seeds.seed(61, 2)}))
    x, y = data.x[:4].astype(float), data.y[:4].reshape(4).astype(float)
    norms, distances, losses = quantiles(values, 2, log10_volume=-2.0)
    rng, scale = seeds.generator(63), more.get("bias_scale", 0.0)
    kept, below = np.zeros((RUNS, 1)), np.zeros((2, RUNS, 5))
    for _ in range(40):
        drawn, start = drawn_networks(rng, scale), drawn_networks(rng, scale)
        first, last, shift, offset = drawn
        hidden = np.maximum(x @ first.swapaxes(1, 2) + shift[:, None], 0)
        gaps = np.abs((hidden @ last[:, :, None])[:, :, 0] + offset - y)
        loss = (gaps if "loss" in more else gaps**2).mean(axis=1)
        sizes = norm_of(drawn), norm_of([one - other for one, other in zip(drawn, start, strict=True)])
        for run, most in enumerate(losses):
            low = loss <= most
            kept[run] += low.sum()
            for count, size, found in zip(below, sizes, (norms, distances), strict=True):
                count[run] += (size[low][:, None] <= found[run]).sum(axis=0)
    assert kept.min() > 3000
    for count in below:
        assert_uniform(count / kept)


def drawn_networks(rng, scale):
    """Draw weights by He's law, and biases of a standard deviation, of 20,000 networks."""
    first = rng.normal(size=(20_000, WIDTH, 9)) * math.sqrt(2 / 9)
    last = rng.normal(size=(20_000, WIDTH)) * math.sqrt(2 / WIDTH)
    return first, last, scale * rng.normal(size=(20_000, WIDTH)), scale * rng.normal(size=(20_000, 1))


def norm_of(parts):
    return np.sqrt(sum((part.reshape(len(part), -1) ** 2).sum(axis=1) for part in parts))
