"""Observables of networks of low loss, against closed forms, plain sampling with rejection, and plain draws.

Means of independent populations are compared in their standard errors, at the rate of false alarm of
``tests/rates.py``; so are Kolmogorov-Smirnov tests.
"""

import math

import numpy as np
import pytest
import torch

from geomreg_tui.experiment import Experiment
from geomreg_tui.sampling.sampler import Sampler
from geomreg_tui.splitting.observing import TailObserver
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.splitting.population import tail_experiment
from geomreg_tui.splitting.spaces import ReducedSpace, build_space
from tests import seeds
from tests.gradients.making import observed, observer
from tests.gradients.test_two_samples import judge_pair
from tests.rates import sigmas
from tests.statistics.tail import LN10, descend, orthonormal

RUNS = 8
GRADIENTS = ("confusion", "ntk", "gradient_norm", "sharpness")
GAUSSIAN = {"data": "gaussian", "inputs": 6, "examples": 4}


def tail_observer(values, observe=GRADIENTS):
    space = build_space(Sampler(tail_experiment(Experiment.parse(values))))
    return space, TailObserver(space, TailPlan(log10_volume=-1.0, population=10**5, observe=observe))


def rows_of(found, name, row):
    """Return the values of an observable of each population at a row, (populations, members)."""
    return np.array([p.observed.values[row, p.observed.names.index(name)] for p in found])


@pytest.mark.parametrize(
    ("values", "reduced"),
    [
        ({"depth": 2, "width": 7}, True),
        ({"depth": 1, "width": 5, "bias": True, "bias_scale": 0.7, "residual": True}, True),
        ({"depth": 2, "width": 5, "activation": "tanh", "layer_norm": True}, True),
        ({"depth": 1, "width": 5, "init": "uniform"}, False),
        ({"data": "digits", "arch": "conv", "width": 2, "depth": 1, "examples": 2, "bias": True}, True),
        pytest.param(
            {"data": "digits", "arch": "conv", "width": 3, "depth": 2, "examples": 3},
            True,
            marks=pytest.mark.full,
        ),
        ({"data": "iris", "examples": 5, "depth": 1, "width": 6, "loss": "cross_entropy"}, True),
    ],
)
def test_points_drawn_at_random_have_the_gradients_of_networks_drawn_at_random(values, reduced):
    values = {**({} if "data" in values else GAUSSIAN), **values}
    space, seen = tail_observer(values)
    assert isinstance(space, ReducedSpace) is reduced
    generator, parts, count = seeds.torch_generator(70), [], 1500
    with torch.inference_mode():
        for _ in range(-(-count // seen.members)):
            latent = space.draw(seen.members, generator)
            parts.append(seen.observe(latent, math.inf, generator))
    found = dict(zip(seen.names, np.concatenate(parts, axis=1)[:, :count], strict=True))
    drawn = observed(observer(method="direct", dtype="float64", **values), count, 71)
    judge_pair(found, {name: drawn[name] for name in found})


@pytest.mark.parametrize(
    "values",
    [
        {"depth": 2, "width": 7, "bias": True},
        {"depth": 1, "width": 5, "init": "uniform", "residual": True},
        {"data": "digits", "arch": "conv", "width": 3, "depth": 2, "examples": 3, "bias": True},
        {"data": "digits", "arch": "conv", "width": 2, "depth": 1, "examples": 3, "init": "laplace"},
    ],
)
def test_networks_that_are_observed_are_the_points(values):
    """The way forward gives the outputs that the points have in their space, however low their loss is."""
    values = {**({} if "data" in values else GAUSSIAN), **values}
    space, seen = tail_observer(values)
    generator = seeds.torch_generator(72)
    with torch.inference_mode():
        latent = space.draw(40, generator)
        outputs = seen._forward(latent, generator).outputs
        assert torch.allclose(outputs, space._outputs(latent), rtol=1e-13, atol=1e-13)


def test_gradient_norm_of_a_linear_model_deep_down(tmp_path):
    """On orthonormal examples ||grad L|| = 2 sqrt(L / N), and L / eps ~ Beta(N / 2, 1) as V goes to 0."""
    values, examples = orthonormal(tmp_path, 5, 0.0), 5
    plan = {"log10_volume": -6.0, "population": 40, "observe": ("ntk", "gradient_norm", "sharpness")}
    found = [descend(values, k, **plan) for k in range(RUNS)]
    rows = min(len(p.observed.log_loss) for p in found)
    assert rows >= 3
    row = rows - 1
    losses = np.exp([p.observed.log_loss[row] for p in found])
    squares = rows_of(found, "gradient_norm", row) ** 2 * examples / 4 / losses[:, None]
    assert squares.max() <= 1 + 1e-9
    for power in (1, 3):  # E u**k = N / (N + 2 k)
        means = (squares**power).mean(axis=1)
        error = means.std(ddof=1) / math.sqrt(RUNS)
        expected = examples / (examples + 2 * power)
        assert abs(means.mean() - expected) < sigmas(2, freedom=RUNS - 1) * error
    assert np.allclose(rows_of(found, "ntk_trace", row), examples, rtol=1e-12)
    assert np.allclose(rows_of(found, "sharpness", row), 2 / examples, rtol=1e-12)


def test_residuals_of_low_loss_have_all_signs_alike(tmp_path):
    """Two examples with the cosine rho: theirs of gradients is rho or -rho, each for half of the networks as
    V goes to 0; for all networks the share of unlike signs is arccos(rho) / pi."""
    rho, path = 0.8, tmp_path / "two.npz"
    np.savez(path, x=np.array([[1.0, 0.0], [rho, 0.6]]), y=np.zeros(2))
    values = {"data": str(path), "examples": 2, "depth": 0, "init": "normal", "standardize": False}
    plan = {"log10_volume": -7.0, "population": 40, "observe": ("confusion",)}
    found = [descend(values, k, **plan) for k in range(RUNS)]
    row = min(len(p.observed.log_loss) for p in found) - 1
    cosines = rows_of(found, "confusion_min", row)
    assert np.allclose(np.abs(cosines), rho, rtol=1e-9)
    means = (cosines < 0).mean(axis=1)
    assert abs(means.mean() - 0.5) < sigmas(2, freedom=RUNS - 1) * means.std(ddof=1) / math.sqrt(RUNS)
    made = observer(("confusion",), dtype="float64", **values)
    share = (observed(made, 4000, 73)["confusion_min"] < 0).mean()
    assert abs(share - math.acos(rho) / math.pi) < sigmas(2) * 0.5 / math.sqrt(4000)


@pytest.mark.parametrize(
    "values",
    [
        {"depth": 1, "width": 6, "loss": "mae"},
        pytest.param({"depth": 1, "width": 5}, marks=pytest.mark.full),
        pytest.param({"depth": 2, "width": 8, "activation": "tanh", "bias": True}, marks=pytest.mark.full),
        pytest.param({"depth": 1, "width": 6, "init": "uniform"}, marks=pytest.mark.full),
        pytest.param(
            {"data": "iris", "examples": 4, "depth": 1, "width": 6, "loss": "cross_entropy"},
            marks=pytest.mark.full,
        ),
        pytest.param(
            {"data": "digits", "arch": "conv", "width": 2, "depth": 1, "examples": 3}, marks=pytest.mark.full
        ),
    ],
)
def test_where_plain_sampling_sees_it_finds_the_same_observables(values):
    """Networks of loss up to the 1 % quantile, by rejection and down the tail: means and places in order."""
    values = {**({} if "data" in values else GAUSSIAN), **values}
    names = ("confusion", "ntk", "gradient_norm")
    made = observer(names, **{**values, "dtype": "float64"})
    plain = observed(made, 25_000, 74)
    eps = float(np.quantile(plain["loss"], 0.01))
    kept = {name: each[plain["loss"] <= eps] for name, each in plain.items()}
    found = [descend(values, k, loss=eps, population=100, observe=names) for k in range(RUNS)]
    assert all(abs(p.observed.log_loss[-1] - math.log(eps)) < 1e-9 for p in found)
    judged = [name for name in found[0].observed.names if name != "confusion_negative"]
    for name in judged:
        rejected = kept[name][np.isfinite(kept[name])]
        tail = rows_of(found, name, -1)
        assert abs(np.isnan(tail).mean() - np.isnan(kept[name]).mean()) < 0.05
        for place in (0.25, 0.5, 0.75):
            at = np.quantile(rejected, place)
            shares = np.nanmean(np.where(np.isnan(tail), np.nan, tail <= at), axis=1)
            error = math.hypot(shares.std(ddof=1) / math.sqrt(RUNS), 0.5 / math.sqrt(len(rejected)))
            assert abs(shares.mean() - place) < sigmas(3 * len(judged), freedom=RUNS - 1) * error, name


def test_residuals_that_are_rounding_are_not_observed(tmp_path):
    values = orthonormal(tmp_path, 3, 1.0)
    found = descend(values, log10_volume=-80.0, population=40, observe=("confusion", "ntk", "gradient_norm"))
    seen = found.observed
    known = np.isfinite(seen.values).all(axis=2)
    deep = seen.log_loss < 2 * math.log(2.0**-52)
    assert deep.any()
    assert known[:, seen.names.index("ntk_trace")].all()
    assert not known[deep][:, seen.names.index("gradient_norm")].any()
    assert known[seen.log_loss > -20 * LN10][:, seen.names.index("gradient_norm")].all()
