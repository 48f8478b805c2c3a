"""Generalised chi-square laws, judged by mpmath, by Imhof's integral and by numbers that numpy draws."""

import math

import mpmath
import numpy as np
import pytest
from scipy import integrate, stats

from geomreg_tui.statistics.quadratic_form import QuadraticForm, squared_error_law
from tests import seeds
from tests.rates import ALPHA, sigmas


def true_log_cdf(x, freedom, noncentrality):
    """log P(non-central chi-square <= x), the Poisson mixture of gamma laws with 50 digits."""
    with mpmath.workdps(50):
        half, rate, total, k = (
            mpmath.mpf(float(x)) / 2,
            mpmath.mpf(float(noncentrality)) / 2,
            mpmath.mpf(0),
            0,
        )
        while True:
            a = mpmath.mpf(freedom) / 2 + k
            gamma = mpmath.exp(a * mpmath.log(half) - half - mpmath.loggamma(a + 1))
            poisson = mpmath.exp(-rate) * rate**k / mpmath.factorial(k)
            term = poisson * gamma * mpmath.hyp1f1(1, a + 1, half)
            total += term
            if k > rate and term < total * mpmath.mpf(10) ** -25:
                return float(mpmath.log(total))
            k += 1


@pytest.mark.parametrize("freedom", [1, 2, 16, 128])
@pytest.mark.parametrize("noncentrality", [0.0, 1.7, 90.0])
def test_log_cdf_agrees_with_mpmath_down_to_1e_300(freedom, noncentrality):
    form = QuadraticForm(np.array([0.3]), np.array([0.3 * noncentrality]), freedom)
    mean = freedom + noncentrality
    lowest = max(math.exp(-1800 / freedom), 1e-250)
    points = mean * np.concatenate([np.geomspace(lowest, 0.5, 12), [0.9, 1.0, 1.1, 1.5, 3.0]])
    expected = np.array([true_log_cdf(x, freedom, noncentrality) for x in points])
    assert expected.min() < math.log(1e-300) or lowest == 1e-250
    assert form.log_cdf(0.3 * points) == pytest.approx(expected, rel=1e-11, abs=1e-11)


def test_linear_regression_on_orthonormal_inputs_far_into_the_tail():
    # N L / s^2 is non-central chi-square with N degrees of freedom.
    y = seeds.generator(3).normal(size=(64, 1))
    variance = 0.4
    law = squared_error_law(variance * np.eye(64), y)
    losses = np.geomspace(1e-10, 1, 8)
    expected = [true_log_cdf(64 * x / variance, 64, float(np.sum(y**2)) / variance) for x in losses]
    assert expected[0] < math.log(1e-300)
    assert law.log_cdf(losses) == pytest.approx(expected, rel=1e-11)


def imhof(x, weights, squares):
    """P(form <= x) by Imhof (1961), eq. 3.2, on the real line."""
    shifts = squares / weights

    def integrand(u):
        scaled = weights * u
        shrunk = shifts / (1 + scaled**2)
        angle = np.sum(np.arctan(scaled) + shrunk * scaled) / 2 - x * u / 2
        log_size = np.sum(np.log1p(scaled**2) / 4 + shrunk * scaled**2 / 2)
        return np.sin(angle) * math.exp(-log_size) / u

    value, _ = integrate.quad(integrand, 0, np.inf, epsabs=1e-12, limit=2000)
    return 0.5 - value / math.pi


@pytest.mark.parametrize("spread", [1, 10, 1000])
def test_unequal_weights_agree_with_imhof(spread):
    rng = seeds.generator(spread)
    weights = np.repeat(np.geomspace(1 / spread, 1, 5), 4)
    squares = rng.exponential(size=20)
    form = QuadraticForm(weights, squares)
    points = form.mean * np.array([0.3, 0.6, 0.9, 1.0, 1.3, 2.0])
    expected = [imhof(x, weights, squares) for x in points]
    assert form.cdf(points) == pytest.approx(expected, abs=1e-9)


def test_a_mixture_of_scales_is_resolved_on_each():
    # chi-square(1) plus 1e-8 chi-square(1): far below the small weight, far above it, and between.
    form = QuadraticForm(np.array([1.0, 1e-8]), np.zeros(2))
    for x in (1e-12, 1e-8, 1e-5, 1.0):
        expected, _ = integrate.quad(
            lambda t, x=x: stats.chi2.cdf((x - 1e-8 * t * t), 1) * 2 * stats.norm.pdf(t),
            0,
            min(math.sqrt(x / 1e-8), 12),
            epsabs=0,
            epsrel=1e-11,
        )
        assert form.cdf(x) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("case", ["full", "singular", "repeated"])
def test_mean_squared_error_is_that_of_drawn_outputs(case):
    """Kolmogorov–Smirnov with 100,000 draws, and their mean."""
    rng = seeds.generator(7)
    root = rng.normal(size=(6, 2 if case == "singular" else 6))
    if case == "repeated":
        root[1] = root[0]
    y = rng.normal(size=(6, 3))
    law = squared_error_law(root @ root.T, y)
    outputs = np.einsum("ik,skc->sic", root, rng.normal(size=(100_000, root.shape[1], 3)))
    losses = np.mean((outputs - y) ** 2, axis=(1, 2))
    assert law.mean == pytest.approx(losses.mean(), abs=sigmas(2) * losses.std() / math.sqrt(losses.size))
    grid = np.geomspace(losses.min(), losses.max(), 600)
    shares = np.searchsorted(np.sort(losses), grid, side="right") / losses.size
    assert np.abs(law.cdf(grid) - shares).max() < stats.kstwo.isf(ALPHA / 2, losses.size)
    if case != "full":
        # What no weights can fit is a floor that no loss goes below.
        residual = y - root @ np.linalg.lstsq(root, y, rcond=None)[0]
        assert law.offset == pytest.approx(np.mean(residual**2), rel=1e-9)
        assert law.cdf(0.999 * law.offset) == 0


def test_large_noncentrality_keeps_its_digits():
    # f ~ N(0, 1e-16), y = 1: L <= 1 + t where f is above -t / 2 to first order.
    form = QuadraticForm(np.array([1e-16]), np.array([1.0]))
    shifts = np.array([-4e-8, 0.0, 2e-8])
    assert form.cdf(1 + shifts) == pytest.approx(stats.norm.cdf(shifts / 2e-8), abs=1e-6)


def test_what_is_not_random_is_a_step():
    law = squared_error_law(np.zeros((2, 2)), np.array([[1.0], [2.0]]))
    assert law.cdf([2.4, 2.5, 2.6]).tolist() == [0, 1, 1]


def test_shapes_and_the_whole_range_of_floats():
    form = QuadraticForm(np.array([1.0, 1e-5]), np.array([0.5, 0.5]))
    with np.errstate(all="raise", under="ignore"):
        values = form.log_cdf([[-1.0, 0.0, 5e-324], [1e-200, 1e200, 1.7e308]])
    assert values.shape == (2, 3)
    assert values[0, :2].tolist() == [-math.inf, -math.inf]
    assert values[1, 1:] == pytest.approx([0, 0], abs=1e-12)
    # Two degrees of freedom: proportional to x near 0.
    assert values[1, 0] - form.log_cdf(1e-100) == pytest.approx(-100 * math.log(10), rel=1e-10)
