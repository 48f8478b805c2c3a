"""Directions over sweeps: Kendall's tau against scipy, and how often noise makes a direction."""

import functools
import json
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from geomreg_tui.statistics import LossDistribution, direction, landmark_dominance
from geomreg_tui.statistics.interactions import grid_direction
from geomreg_tui.statistics.landmark import LandmarkDominance, Window
from geomreg_tui.statistics.trends import volume_direction
from geomreg_tui.summary import LossHistogram, Moments, Summary
from tests import seeds
from tests.rates import most

NULL = 1.0


def analysis(losses):
    histogram = LossHistogram.from_losses(losses, 10, NULL, 1e-12)
    part = LossDistribution(Summary(histogram, Moments.from_losses(losses, NULL)), NULL)
    return landmark_dominance(part)


def two_modes(share, generator, samples=3000):
    """Return the dominance of losses of which this share is near 0, the others at L_0: D_0 is 2 share - 1."""
    low = generator.random(samples) < share
    return analysis(
        np.where(low, 0.25 * generator.beta(1, 4, samples), 0.875 + 0.25 * generator.beta(4, 4, samples))
    )


def sweep(shares, seed, samples=3000):
    generator = seeds.generator(seed)
    return [two_modes(share, generator, samples) for share in shares]


def near(interval, truth):
    """Say whether a truth is within twice the reach of an interval: beyond that once in 10,000 or less."""
    return abs(truth - interval.estimate) <= interval.high - interval.low


def test_directions_of_constructed_sweeps():
    rising, falling = [0.1, 0.2, 0.35, 0.5, 0.7], [0.7, 0.5, 0.35, 0.2, 0.1]
    widths = [4, 8, 16, 32, 64]
    up = direction(widths, sweep(rising, 1))
    assert up.verdict == "monotone, towards zero"
    assert up[:3] == pytest.approx((1, 1, 1))
    assert up.p_value == pytest.approx(2 / math.factorial(5))
    assert [(step.start, step.stop, step.resolved) for step in up.steps] == [
        (4, 8, True),
        (8, 16, True),
        (16, 32, True),
        (32, 64, True),
    ]
    for step, change in zip(up.steps, (0.2, 0.3, 0.3, 0.4), strict=True):
        assert near(step.change, change)
    assert near(up.effect, 1.2)
    down = direction(widths, sweep(falling, 2))
    assert down.verdict == "monotone, towards central"
    assert down.tau == pytest.approx(-1)
    assert direction([-w for w in widths], sweep(rising, 1)).verdict == "monotone, towards central"


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([-5.0, -4.0], "monotone, expanding"),
        ([-5.0, -5.05], "no direction"),
        ([-3.0, -4.0, -5.0], "monotone, contracting"),
        ([-5.0, -3.0, -4.0, -6.0], "not monotone: largest at 2"),
        ([-3.0, -5.0, -6.0, -4.0], "not monotone: smallest at 4"),
        ([-6.0, -5.0, -4.95, -4.0], "mostly expanding"),
        ([-4.0, -5.0, -5.0, -6.0], "mostly contracting"),
        ([-5.0, -5.05, -4.97, -5.02, -5.01], "no direction"),
        ([-5.0, -5.0, -5.0], "no direction"),
    ],
)
def test_volume_verdicts_of_constructed_sweeps(values, verdict):
    factor = [1, 2, 4, 8, 16][: len(values)]
    got = volume_direction(factor, np.array(values), np.full(len(values), 0.1))
    assert got.verdict == verdict
    assert len(got.steps) == len(values) - 1
    # The change from end to end has a normal law here, and so its interval.
    reach = stats.norm.ppf(0.975) * 0.1 * math.sqrt(2)
    assert got.effect == pytest.approx(
        (values[-1] - values[0], *(values[-1] - values[0] + reach * np.array([-1, 1]))), abs=0.02
    )
    plain = got.to_json()
    json.dumps(plain, allow_nan=False)
    assert (plain["p_value"] is None) == (len(values) < 5)
    if len(set(values)) > 1:
        assert got.tau == pytest.approx(stats.kendalltau(factor, values).statistic)


@settings(deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=2, max_size=8), st.integers(0, 5))
def test_resolved_steps_are_those_of_holm(changes, seed):
    # Holm's procedure by hand, on the exact normal p-values; changes so near the limit that 4000 redraws
    # can fall on its other side are left out.
    values = np.cumsum([0.0, *changes])
    got = volume_direction(range(len(values)), values, np.full(len(values), math.sqrt(0.5)), seed=seed)
    p = 2 * stats.norm.sf(np.abs(changes))
    order = np.argsort(p)
    expected, open_ = set(), True
    for rank, place in enumerate(order):
        limit = 0.05 / (len(p) - rank)
        assume(not 0.5 < p[place] / limit < 1.6)
        open_ = open_ and p[place] <= limit
        if open_:
            expected.add(int(place))
    assert {place for place, step in enumerate(got.steps) if step.resolved} == expected
    for step in got.steps:
        assert step.change.low <= step.change.estimate <= step.change.high
        # Joint intervals are no narrower than what a step alone is tested at: an unresolved one holds 0.
        assert step.resolved or step.change.low <= 0 <= step.change.high


@pytest.mark.parametrize("size", [2, *(pytest.param(size, marks=pytest.mark.full) for size in (3, 5, 8))])
def test_noise_alone_rarely_has_a_direction(size):
    # At most 5 % of 1,000 sweeps of equal volumes: more than the bound with probability below ALPHA.
    generator = np.random.default_rng(20 + size)
    false = sum(
        volume_direction(range(size), generator.normal(-5, 0.1, size), np.full(size, 0.1), seed=k).verdict
        != "no direction"
        for k in range(1000)
    )
    assert false <= most(1000, 0.05)


def test_points_that_share_a_value_are_taken_together():
    got = volume_direction([1, 1, 2, 2], np.array([-5.0, -4.0, -3.0, -2.0]), np.full(4, 0.1))
    assert got.verdict == "monotone, expanding"
    (step,) = got.steps
    assert step.change.estimate == got.effect.estimate == pytest.approx(2.0)
    assert got.tau == pytest.approx(stats.kendalltau([1, 1, 2, 2], [-5, -4, -3, -2]).statistic)


def test_order_of_the_points_does_not_matter():
    points = sweep([0.1, 0.3, 0.2, 0.5], 3)
    forward, backward = direction([1, 2, 3, 4], points), direction([4, 3, 2, 1], points[::-1])
    assert forward.tau == backward.tau == pytest.approx(2 / 3)
    assert forward.verdict == backward.verdict


def test_tau_is_that_of_scipy_with_ties():
    factor = [1, 1, 2, 2, 3, 3]
    points = sweep([0.2, 0.3, 0.25, 0.5, 0.4, 0.6], 4)
    expected = stats.kendalltau(factor, [point.landmark.estimate for point in points])
    got = direction(factor, points)
    assert got.tau == pytest.approx(expected.statistic)
    assert math.isnan(got.p_value)  # three values of the factor say nothing
    more = [*factor, 4, 5]
    points += sweep([0.7, 0.8], 4)
    expected_more = stats.kendalltau(more, [point.landmark.estimate for point in points])
    assert direction(more, points).p_value == pytest.approx(expected_more.pvalue)
    # Shares that far apart are never exchanged by the noise of 3000 losses: the redraws all have that tau.
    assert (got.low, got.high) == pytest.approx((expected.statistic, expected.statistic))


@functools.cache
def null_points():
    return tuple(sweep([0.3] * 300, 5, 800))


@pytest.mark.parametrize("size", [2, 3, 5, 8])
def test_equal_shares_have_no_direction(size):
    # The rate of false directions is 5 % or less: among 300 / size sweeps, no two of which share a point,
    # more are false than the bound with probability ALPHA at most, over the four sizes.
    points = null_points()
    factor = np.arange(size)
    sweeps = [points[start : start + size] for start in range(0, len(points) - size + 1, size)]
    false = sum(direction(factor.tolist(), chosen).verdict != "no direction" for chosen in sweeps)
    assert false <= most(len(sweeps), 0.05, comparisons=4)


def test_small_differences_are_seen_with_enough_samples():
    shares, towards = [0.30, 0.31, 0.32], "monotone, towards zero"
    # With 1,000 networks about one sweep of ten sees it: twenty of forty do so once in 1e9.
    few = [direction([1, 2, 3], sweep(shares, 60 + place, 1000)).verdict for place in range(40)]
    assert few.count(towards) < 20
    assert direction([1, 2, 3], sweep(shares, 6, 200_000)).verdict == towards


def test_points_without_losses_near_zero_or_the_null_loss_are_left_out():
    points = sweep([0.1, 0.3, 0.6], 7)
    empty = analysis(np.array([np.nan, 0.3]))
    got = direction([1, 2, 3, 4], [points[0], empty, points[1], points[2]])
    assert got.tau == pytest.approx(1)
    assert got.verdict == "monotone, towards zero"


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
    points = [analysis(generator.normal(1, 0.02, 2000)) for _ in range(5)]
    assert {point.landmark.estimate for point in points} == {-1.0}
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


def grid_of(shares, seed, samples=3000):
    """Return the lines of a grid from the true shares near 0, a row for each value of the other factor."""
    return [(range(len(row)), sweep(row, seed + number, samples)) for number, row in enumerate(shares)]


@pytest.mark.parametrize(
    ("shares", "verdict", "differs"),
    [
        ([[0.2, 0.4, 0.6], [0.3, 0.5, 0.7]], "monotone, towards zero", False),
        ([[0.2, 0.4, 0.6], [0.3, 0.4, 0.5]], "monotone, towards zero", True),
        ([[0.6, 0.4, 0.2], [0.9, 0.5, 0.3]], "monotone, towards central", True),
        ([[0.2, 0.4, 0.6], [0.6, 0.4, 0.2]], "not monotone everywhere", True),
        ([[0.2, 0.5, 0.5], [0.2, 0.5, 0.5]], "mostly towards zero", False),
    ],
)
def test_a_factor_is_judged_on_the_whole_grid(shares, verdict, differs):
    got = grid_direction(grid_of(shares, 40, 20_000))
    assert got.verdict == verdict
    assert got.interacts == differs
    for effect, row in zip(got.effects, shares, strict=True):
        assert near(effect, 2 * (row[-1] - row[0]))
    assert near(got.mean_effect, float(np.mean([2 * (row[-1] - row[0]) for row in shares])))
    json.dumps(got.to_json(), allow_nan=False)


def test_the_test_of_an_interaction_keeps_its_level():
    # Equal effects on three lines: at 5 %, more than the bound of 100 grids with probability below ALPHA.
    points = null_points()
    generator = seeds.generator(41)
    differing = wrong = 0
    for _ in range(100):
        chosen = [points[place] for place in generator.permutation(len(points))[:6]]
        got = grid_direction([([1, 2], chosen[:2]), ([1, 2], chosen[2:4]), ([1, 2], chosen[4:])])
        differing += got.interacts
        wrong += got.verdict != "no direction"
    assert differing <= most(100, 0.05)
    assert wrong <= most(100, 0.05)


def test_a_line_with_a_single_value_makes_no_grid():
    (one,) = grid_of([[0.3, 0.5]], 42)
    assert grid_direction([one, ([1], one[1][:1])]) is None


def test_where_the_tail_reaches_the_measure_is_the_log_ratio():
    def deep(log10_volume):
        window = Window(0.0, 0.0, 0.0)
        return LandmarkDominance(window, Window(5000.0, 5000.0, 5000.0), 10_000, (log10_volume, 0.05))

    got = direction([1, 2, 3], [deep(-9.0), deep(-7.0), deep(-5.0)])
    assert got.measure == "log10_ratio"
    assert got.verdict == "monotone, towards zero"
    assert near(got.effect, 4.0)
    assert direction([1, 2], sweep([0.3, 0.4], 43)).measure == "landmark"
