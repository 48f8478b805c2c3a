"""Risk along gradient flow against steps so small that they follow it, and peaks against scipy's."""

import math

import numpy as np
import pytest
from scipy.signal import find_peaks, peak_prominences

from geomreg_tui.statistics.epochs import ScaledModel, prominence
from tests import seeds
from tests.rates import sigmas

SMALL = ScaledModel(examples=12, features=(6, 3), scale=0.3)


@pytest.mark.parametrize("one_rate", [False, True])
def test_the_risk_is_that_of_many_small_steps(one_rate):
    """Steps of 1e-3: gradient descent leaves the flow by terms of the order of the step."""
    seed, step, count = seeds.seed(71) % 2**31, 1e-3, 3000
    x, y, truth = SMALL.drawn(seed)
    weights, rates = np.zeros(9), SMALL.scales**-2.0 if one_rate else 1.0
    found = []
    for place in range(count + 1):
        if place % 1000 == 0:
            found.append(np.sum((SMALL.scales * (weights - truth)) ** 2) + SMALL.noise**2)
        weights = weights - 2 * step / len(y) * rates * (x.T @ (x @ weights - y))
    risk = SMALL.risk(seed, np.arange(0, count + 1, 1000) * step, one_rate=one_rate)
    np.testing.assert_allclose(risk, found, rtol=5e-3)


def test_the_risk_is_that_of_fresh_examples_and_ends_at_least_squares():
    seed = seeds.seed(72) % 2**31
    x, y, truth = SMALL.drawn(seed)
    first, last = SMALL.risk(seed, [0.0, 1e9])
    assert first == pytest.approx(2 * SMALL.signal + SMALL.noise**2)
    weights = np.linalg.lstsq(x, y, rcond=None)[0]
    rng = seeds.generator(73)
    fresh = rng.normal(size=(200_000, 9)) * SMALL.scales
    squares = (fresh @ (weights - truth)) ** 2
    error = squares.std() / math.sqrt(len(squares))
    assert abs(squares.mean() + SMALL.noise**2 - last) < sigmas() * error
    assert SMALL.risk(seed, [1e9], one_rate=True)[0] == pytest.approx(last)


def test_a_peak_stands_out_as_scipy_says():
    rng = seeds.generator(74)
    for size in (3, 5, 40):
        for values in rng.normal(size=(50, size)):
            peaks = find_peaks(values)[0]
            expected = max(peak_prominences(values, peaks)[0], default=0.0)
            assert prominence(values) == pytest.approx(expected)
    assert prominence([3.0, 1.0, 2.0]) == 0
    assert prominence([1.0, math.nan, 2.0, 0.5]) == 1
    assert math.isnan(prominence([1.0, 2.0]))


def test_two_scales_make_a_second_descent_and_one_rate_none():
    """Both effects are larger than any scatter: of 20 data sets all agree."""
    times = np.logspace(-2, 6, 161)
    model = ScaledModel()
    for seed in range(20):
        assert prominence(np.log10(model.risk(seed, times))) > 0.05
        assert prominence(np.log10(model.risk(seed, times, one_rate=True))) < 0.005
