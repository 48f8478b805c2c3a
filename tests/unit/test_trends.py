"""Directions over sweeps: Kendall's tau against scipy, and how often noise makes a direction."""

import functools
import json
import math

import numpy as np
import pytest
from scipy import stats

from geomreg_tui.analysis import LossDistribution, analyse_modes, direction
from geomreg_tui.summary import LossHistogram, Moments, Summary
from tests import seeds

NULL = 1.0


def analysis(losses):
    histogram = LossHistogram.from_losses(losses, 10, NULL, 1e-12)
    part = LossDistribution(Summary(histogram, Moments.from_losses(losses, NULL)), NULL)
    return analyse_modes(part, replicates=100, dip_samples=0)


def two_modes(share, generator, samples=3000):
    """Analyse losses of which this share belongs to a zero mode: D is 2 share - 1."""
    low = generator.random(samples) < share
    return analysis(
        np.where(low, 0.4 * generator.beta(1, 4, samples), 0.5 + 0.5 * generator.beta(4, 4, samples))
    )


def sweep(shares, seed, samples=3000):
    generator = seeds.generator(seed)
    return [two_modes(share, generator, samples) for share in shares]


def test_directions_of_constructed_sweeps():
    rising, falling = [0.1, 0.2, 0.35, 0.5, 0.7], [0.7, 0.5, 0.35, 0.2, 0.1]
    widths = [4, 8, 16, 32, 64]
    up = direction(widths, sweep(rising, 1))
    assert up.verdict == "towards zero"
    assert up[:3] == pytest.approx((1, 1, 1))
    assert up.p_value == pytest.approx(2 / math.factorial(5))
    down = direction(widths, sweep(falling, 2))
    assert down.verdict == "towards central"
    assert down.tau == pytest.approx(-1)
    assert direction([-w for w in widths], sweep(rising, 1)).verdict == "towards central"


def test_order_of_the_points_does_not_matter():
    points = sweep([0.1, 0.3, 0.2, 0.5], 3)
    forward, backward = direction([1, 2, 3, 4], points), direction([4, 3, 2, 1], points[::-1])
    assert forward.tau == backward.tau == pytest.approx(2 / 3)
    assert forward.verdict == backward.verdict


def test_tau_is_that_of_scipy_with_ties():
    factor = [1, 1, 2, 2, 3, 3]
    points = sweep([0.2, 0.3, 0.25, 0.5, 0.4, 0.6], 4)
    expected = stats.kendalltau(factor, [point.dominance.estimate for point in points])
    got = direction(factor, points)
    assert got.tau == pytest.approx(expected.statistic)
    assert got.p_value == pytest.approx(expected.pvalue)
    # Shares that far apart are never exchanged by the noise of 3000 losses: the redraws all have that tau.
    assert (got.low, got.high) == pytest.approx((expected.statistic, expected.statistic))


@functools.cache
def null_points():
    return tuple(sweep([0.3] * 300, 5, 800))


@pytest.mark.parametrize("size", [2, 3, 5, 8])
def test_equal_shares_have_no_direction(size):
    # The rate of false directions is about 5 %, or less: among 300 / size sweeps twice over (in two random
    # orders of the points), more than the bound with probability below 1e-3.
    points = null_points()
    factor = np.arange(size)
    generator = seeds.generator(size)
    false, sweeps = 0, 0
    for _ in range(2):
        order = generator.permutation(len(points))
        for start in range(0, len(points) - size + 1, size):
            chosen = [points[place] for place in order[start : start + size]]
            false += direction(factor.tolist(), chosen).verdict != "no direction"
            sweeps += 1
    assert false <= stats.binom.ppf(1 - 1e-3, sweeps, 0.05)


def test_small_differences_are_seen_with_enough_samples():
    shares = [0.30, 0.31, 0.32]
    assert direction([1, 2, 3], sweep(shares, 6, 1000)).verdict == "no direction"
    assert direction([1, 2, 3], sweep(shares, 6, 200_000)).verdict == "towards zero"


def test_points_without_a_mode_are_left_out():
    points = sweep([0.1, 0.3, 0.6], 7)
    empty = analysis(np.array([np.nan, 0.3]))
    got = direction([1, 2, 3, 4], [points[0], empty, points[1], points[2]])
    assert got.tau == pytest.approx(1)
    assert got.verdict == "towards zero"


def test_too_little_has_no_direction():
    empty = analysis(np.array([]))
    point = sweep([0.3], 8)[0]
    for factor, points in (([], []), ([1], [point]), ([1, 2], [empty, point]), ([2, 2], [point, point])):
        got = direction(factor, points)
        assert got.verdict == "no direction"
        assert got.to_json()["tau"] is None
        json.dumps(got.to_json(), allow_nan=False)


def test_all_on_one_side_has_no_direction():
    # No zero mode anywhere: every D is -1, and redraws differ by noise alone.
    generator = seeds.generator(9)
    points = [analysis(generator.normal(5, 0.5, 2000)) for _ in range(5)]
    assert {point.dominance.estimate for point in points} == {-1.0}
    got = direction(range(5), points)
    assert got.verdict == "no direction"
    assert got.low < 0 < got.high


@pytest.mark.parametrize(("factor", "message"), [([1, 2, 3], "3 values"), ([1, math.nan], "finite")])
def test_sweeps_that_do_not_fit_are_refused(factor, message):
    with pytest.raises(ValueError, match=message):
        direction(factor, sweep([0.3, 0.4], 10, 200))


def test_result_repeats_with_its_seed():
    points = sweep([0.3, 0.31, 0.33], 11)
    assert direction([1, 2, 3], points, seed=4) == direction([1, 2, 3], points, seed=4)
