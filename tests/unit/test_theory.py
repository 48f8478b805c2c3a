"""Laws of the loss for whole experiments, judged by scipy and by networks that numpy draws."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from geomreg_tui.experiment import Experiment
from geomreg_tui.statistics import theory
from geomreg_tui.statistics.finite_width import finite_width_law
from tests import seeds
from tests.rates import ALPHA

X = np.array([[1.0, -2.0, 0.5, 1.5]])
Y = np.array([[1.3]])
NETWORKS = 40_000  # judged by Kolmogorov-Smirnov


def laws(values, x=X, y=Y):
    return {law.name: law for law in theory.overlays(Experiment.parse(values), x, y)}


def networks(widths, activation, deviation, x=X, y=Y, seed=0):
    """Losses of networks whose every weight is drawn by numpy."""
    rng = seeds.generator(seed)
    phi = {"relu": lambda z: np.maximum(z, 0), "linear": lambda z: z, "abs": np.abs, "tanh": np.tanh}
    losses = []
    for _ in range(NETWORKS // 1000):
        hidden = np.broadcast_to(x.T, (1000, *x.T.shape))
        for width in widths:
            weights = rng.normal(size=(1000, width, hidden.shape[1])) * deviation(hidden.shape[1], width)
            hidden = phi[activation](weights @ hidden)
        weights = rng.normal(size=(1000, 1, hidden.shape[1])) * deviation(hidden.shape[1], 1)
        losses.append(np.mean(((weights @ hidden)[:, 0] - y[:, 0]) ** 2, axis=1))
    return np.concatenate(losses)


def he(n_in, n_out):
    return math.sqrt(2 / n_in)


def glorot(n_in, n_out):
    return math.sqrt(2 / (n_in + n_out))


@pytest.mark.parametrize(
    ("activation", "widths", "init", "deviation"),
    [
        pytest.param(
            activation, widths, *law, marks=[] if (number + place) % 3 == turn else [pytest.mark.full]
        )
        for number, activation in enumerate(["relu", "linear", "abs"])
        for place, widths in enumerate([(3,), (5, 2), (9, 9, 9, 9)])
        for turn, law in enumerate([("he_normal", he), ("glorot_normal", glorot)])
    ],
)
def test_finite_width_is_the_law_of_drawn_networks(activation, widths, init, deviation):
    law = laws({"width": widths, "activation": activation, "init": init})["exact at this width"]
    losses = np.sort(networks(widths, activation, deviation))
    null = Y.item() ** 2
    dead = 1 - math.prod(1 - 0.5**width for width in widths) if activation == "relu" else 0.0
    atoms = np.abs(losses - null) < 1e-12
    assert stats.binomtest(int(atoms.sum()), NETWORKS, dead).pvalue > ALPHA
    living = losses[~atoms]
    share = (np.interp(living, law.loss, law.cdf) - dead * (living >= null)) / (1 - dead)
    assert stats.kstest(share, "uniform").pvalue > ALPHA


def test_one_hidden_layer_is_an_integral_over_chi_square():
    # One linear hidden layer of n units: q = c chi2(n), f ~ N(0, q).
    width, variance = 4, 0.3
    law = finite_width_law(variance, [width], [1.0], "linear", 0.8)

    def given(q, loss):
        scale = math.sqrt(q * variance)
        root = math.sqrt(loss)
        return stats.norm.cdf((0.8 + root) / scale) - stats.norm.cdf((0.8 - root) / scale)

    for loss in (1e-6, 0.01, 0.63, 0.65, 3.0, 20.0):
        exact, _ = integrate.quad(
            lambda q, loss=loss: given(q, loss) * stats.chi2.pdf(q, width), 0, np.inf, epsabs=1e-12, limit=500
        )
        assert law.cdf(np.array([loss]))[0] == pytest.approx(exact, abs=1e-7)


def test_the_mean_is_that_of_the_moments():
    # E q is multiplied by E chi2(K) = n / 2 in each ReLU layer.
    law = finite_width_law(0.7, [6, 11], [2 / 6, 2 / 11], "relu", 1.3)
    assert law.mean == pytest.approx(0.7 + 1.3**2, rel=1e-6)
    assert law.dead == pytest.approx(1 - (1 - 2.0**-6) * (1 - 2.0**-11), rel=1e-12)


@pytest.mark.parametrize("width", [100_000, (3, 100_000, 7)])
def test_wide_layers_are_quick_and_tend_to_the_limit(width):
    found = laws({"width": width, "depth": 3, "init": "he_normal"})
    exact, limit = found["exact at this width"], found["infinite width"]
    at = np.geomspace(1e-6, 30, 200)
    gap = np.max(np.abs(np.interp(at, exact.loss, exact.cdf) - np.interp(at, limit.loss, limit.cdf)))
    assert (gap < 1e-3) == (width == 100_000)


def test_what_would_take_long_is_left_out():
    assert finite_width_law(1.0, [1, 10**9], [1.0, 1.0], "relu", 1.0) is None
    assert finite_width_law(1.0, range(100, 200), np.ones(100), "relu", 1.0) is None
    assert "exact at this width" not in laws({"width": (1, 10**8), "depth": 2})


def test_a_linear_model_is_noncentral_chi_square():
    law = laws({"depth": 0, "init": "normal", "gain": 0.7, "bias": True, "bias_scale": 0.4})["exact"]
    variance = 0.49 * (X @ X.T).item() + 0.16
    exact = stats.ncx2.cdf(law.loss / variance, 1, Y.item() ** 2 / variance)
    np.testing.assert_allclose(law.cdf, exact, atol=1e-9)


def test_orthonormal_examples_are_noncentral_chi_square():
    x = np.linalg.qr(seeds.generator(0).normal(size=(9, 9)))[0][:5]
    y = seeds.generator(1).normal(size=(5, 1))
    law = laws({"depth": 0, "init": "normal", "examples": 5}, x, y)["exact"]
    exact = stats.ncx2.cdf(5 * law.loss, 5, float(y[:, 0] @ y[:, 0]))
    np.testing.assert_allclose(law.cdf, exact, atol=1e-9)


@pytest.mark.parametrize("activation", ["relu", pytest.param("tanh", marks=pytest.mark.full)])
def test_wide_networks_approach_the_infinite_width(activation):
    rng = seeds.generator(2)
    x, y = rng.normal(size=(3, 4)), rng.normal(size=(3, 1))
    law = laws({"depth": 2, "activation": activation, "examples": 3}, x, y)["infinite width"]
    gaps = []
    for width in (4, 16, 64):
        losses = networks((width, width), activation, he, x, y)
        gaps.append(stats.kstest(losses, lambda loss: np.interp(loss, law.loss, law.cdf)).statistic)
    assert gaps[0] > gaps[1] > gaps[2]
    # The gap falls like 1 / width, so by 16 here; the noise of 40,000 networks is 0.01 at most.
    assert gaps[2] < gaps[0] / 16 + 0.01


@pytest.mark.parametrize(
    "values",
    [
        {"loss": "mae"},
        {"arch": "conv"},
        {"residual": True},
        {"layer_norm": True},
        {"init": "orthogonal"},
        {"init": "uniform"},
        {"gain": 0},
        {"gain": 1e200},
        {"gain": 1e-200},
    ],
)
def test_nothing_is_claimed_where_no_law_applies(values):
    assert laws(values, X.reshape(1, 1, 2, 2)) == {}


def test_every_curve_is_a_distribution_function():
    for values in ({}, {"width": 2, "depth": 6}, {"depth": 0}, {"activation": "gelu", "bias": True}):
        for x, y in ((X, Y), (X, 0 * Y), (0 * X, Y), (1e-8 * X, 1e8 * Y)):
            for law in laws(values, x, y).values():
                assert np.all(np.diff(law.loss) > 0)
                assert np.all(np.diff(law.cdf) >= 0)
                assert law.cdf[0] >= 0
                assert 0.99 < law.cdf[-1] <= 1


def test_shares_of_bins_leave_out_the_atom():
    law = laws({"width": 2, "depth": 2})["exact at this width"]
    edges = np.concatenate([np.linspace(0, 10, 41), [law.loss[-1]]])
    shares = law.shares(edges, Y.item() ** 2)
    dead = 1 - (1 - 0.25) ** 2
    assert shares.sum() == pytest.approx(law.cdf[-1] - dead, abs=1e-9)
    assert np.all(shares >= 0)


@pytest.mark.parametrize(
    "values",
    [
        {"width": 16, "gain": 0.1, "depth": 3},  # collapsed onto the null loss
        {"width": 2, "depth": 40, "gain": 3.0},  # mean far above nearly all of the mass
        {"width": 64, "depth": 2},
        {"depth": 0, "gain": 1e-3},
    ],
)
def test_curves_are_fine_wherever_the_mass_is(values):
    for law in laws(values).values():
        rises = np.diff(law.cdf, prepend=0.0)
        rises[np.abs(law.loss - Y.item() ** 2) < 1e-9] = 0  # the atom
        assert rises.max() < 0.01
        assert law.loss.size < 1500
