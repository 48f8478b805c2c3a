"""Aggregates of observables: counts and sums are exact, whatever the division, and come back from arrays."""

import itertools
import math

import hypothesis.extra.numpy as arrays_of
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from scipy import stats

from geomreg_tui.gradients.result import Observations, ObservedValues
from geomreg_tui.gradients.walk_sums import GROUPS, NEUTRAL, WalkSums
from geomreg_tui.statistics.observed import (
    given_loss,
    group_correlation,
    mean_interval,
    quantiles,
    rank_correlation,
)
from geomreg_tui.summary import ExactSum, LossJoint, Moments, SignedHistogram
from tests import seeds
from tests.rates import sigmas

BITS = 7
NUMBERS = st.one_of(
    st.floats(width=64),
    st.sampled_from([0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 5e-324, -5e-324]),
)
NETWORKS = st.lists(st.tuples(st.floats(0, 1e30), NUMBERS, st.booleans()), max_size=30)
# Numbers whose sums fit into a float, in whatever order they are added.
ADDED = NETWORKS.map(lambda networks: [n for n in networks if not 1e300 < abs(n[1]) < math.inf])


def values_of(networks):
    losses, numbers, undefined = (np.array(column) for column in zip(*networks, strict=True))
    return ObservedValues.from_values(losses, numbers, BITS, undefined)


def chunk(networks):
    """Return observations of networks, with walks whose losses are theirs, one after the other."""
    losses = np.array([loss for loss, _, _ in networks])
    walk = WalkSums.from_losses(losses, losses[::-1], 1.5)
    values = (
        {"confusion_min": values_of(networks)} if networks else {"confusion_min": ObservedValues.empty(BITS)}
    )
    return Observations(len(networks), values, 3, walk)


def bits(observations):
    return {name: array.tobytes() for name, array in observations.to_arrays().items()}


@given(NETWORKS.filter(bool))
def test_every_number_is_counted_once(networks):
    found = values_of(networks)
    known = np.array([number for _, number, undefined in networks if not undefined])
    histogram = found.histogram
    finite = known[np.isfinite(known)]
    assert histogram.undefined == sum(undefined for *_, undefined in networks)
    assert histogram.nonfinite == (~np.isfinite(known)).sum()
    assert histogram.zero == (known == 0).sum()
    assert (histogram.finite, histogram.total) == (finite.size, len(networks))
    middles, counts = histogram.middles()
    assert (np.diff(middles) >= 0).all()
    assert counts.sum() == finite.size
    place = np.repeat(middles, counts)
    normal = np.abs(finite) > 1e-300
    if normal.all():
        np.testing.assert_allclose(place, np.sort(finite), rtol=histogram.relative_error * 1.0001)
    assert found.joint.total == len(networks)


@settings(max_examples=30)
@given(st.lists(ADDED, min_size=3, max_size=3))
def test_merging_is_exact_in_any_order_and_grouping(parts):
    first, second, third = (chunk(networks) for networks in parts)
    together = Observations.merge([first, second, third])
    right = Observations.merge([first, Observations.merge([second, third])])
    turned = Observations.merge([third, first, second])
    assert bits(right) == bits(together)
    assert bits(turned) == bits(together)
    restored = Observations.from_arrays(together.to_arrays())
    assert bits(restored) == bits(together)
    nothing = Observations.empty(["confusion_min"], BITS, 1.5)
    assert bits(Observations.merge([nothing, together])) == bits(together)


@given(NETWORKS.filter(bool), st.data())
def test_broken_arrays_are_refused_or_are_the_same(networks, data):
    arrays = chunk(networks).to_arrays()
    name = data.draw(st.sampled_from(sorted(arrays)))
    broken = arrays[name].copy()
    if broken.size:
        place = data.draw(st.integers(0, broken.size - 1))
        broken.flat[place] = -5 if broken.dtype == np.int64 else broken.flat[place]
    else:
        broken = np.zeros(2, broken.dtype)
    for change in (lambda: {**arrays, name: broken}, lambda: {k: v for k, v in arrays.items() if k != name}):
        changed = change()
        try:
            restored = Observations.from_arrays(changed)
        except (LookupError, TypeError, ValueError):
            continue
        assert restored.samples == len(networks) or name == "observed.counters"


def test_walks_are_summed_by_groups():
    rng = seeds.generator(60)
    before, after = rng.gamma(2, size=(2, 1000))
    before[3], after[5], before[7] = np.inf, np.nan, 0.0
    after[9] = before[9] * (1 + NEUTRAL / 2)
    walk = WalkSums.from_losses(before, after, 2.0)
    finite = np.isfinite(before) & np.isfinite(after)
    assert (walk.pairs, walk.nonfinite, walk.zero) == (1000, 2, 1)
    assert walk.improving == (after < before)[finite].sum()
    assert walk.neutral == (np.abs(after - before) <= NEUTRAL * before)[finite].sum()
    correlation, each = group_correlation(*walk.group_sums())
    assert correlation.estimate == pytest.approx(np.corrcoef(before[finite], after[finite])[0, 1], abs=1e-12)
    place = np.arange(1000) % GROUPS
    expected = [
        np.corrcoef(before[finite & (place == k)], after[finite & (place == k)])[0, 1] for k in range(GROUPS)
    ]
    np.testing.assert_allclose(each, expected, atol=1e-10)
    there = finite & (before > 0)
    of_logarithm, _ = group_correlation(*walk.group_sums(logarithm=True))
    assert of_logarithm.estimate == pytest.approx(
        np.corrcoef(np.log(before[there]), np.log(after[there]))[0, 1], abs=1e-12
    )
    with pytest.raises(ValueError, match="cannot be merged"):
        _ = walk + WalkSums.from_losses([1.0], [1.0], 3.0)


def test_intervals_of_walks_hold_what_they_say():
    """Of 200 samples with heavy tails the share of 95 % intervals that hold the truth is about that."""
    rng = seeds.generator(61)
    rho, held = 0.6, 0
    for _ in range(200):
        common, a, b = rng.normal(size=(3, 2000))
        first, second = (np.sqrt(rho) * common + np.sqrt(1 - rho) * part for part in (a, b))
        walk = WalkSums.from_losses(np.exp(first), np.exp(second), 1.0)
        interval, _ = group_correlation(*walk.group_sums(logarithm=True))
        held += interval.low <= rho <= interval.high
    assert held >= stats.binom.ppf(1e-5, 200, 0.93)


def test_a_walk_without_spread_has_no_correlation():
    for losses in ([], [1.0], [1.0] * 200):
        walk = WalkSums.from_losses(losses, losses, 1.0)
        correlation, each = group_correlation(*walk.group_sums())
        assert math.isnan(correlation.estimate)
        assert np.isnan(each).all()


@given(arrays_of.arrays(np.float64, st.integers(1, 200), elements=st.floats(-1e3, 1e3, width=16)))
def test_quantiles_are_those_of_the_values_to_a_bin(numbers):
    histogram, moments = SignedHistogram.from_values(numbers, BITS), Moments.from_losses(numbers, 0.0)
    shares = (0.05, 0.5, 0.95)
    found = quantiles(histogram, moments, shares)
    expected = np.quantile(numbers, shares, method="inverted_cdf")
    np.testing.assert_allclose([q.estimate for q in found], expected, rtol=2**-BITS, atol=0)
    for q in found:
        assert math.isnan(q.low) or q.low <= q.estimate
        assert math.isnan(q.high) or q.high >= q.estimate


def test_intervals_of_quantiles_and_means_hold_what_they_say():
    rng = seeds.generator(62)
    held = np.zeros(3)
    for _ in range(200):
        numbers = rng.normal(size=300)
        histogram, moments = SignedHistogram.from_values(numbers, 12), Moments.from_losses(numbers, 0.0)
        for place, share in enumerate((0.1, 0.5)):
            (q,) = quantiles(histogram, moments, [share])
            held[place] += q.low <= stats.norm.ppf(share) <= q.high
        mean = mean_interval(moments)
        held[2] += mean.low <= 0 <= mean.high
    assert (held >= stats.binom.ppf(1e-5, 200, 0.94)).all()


def test_the_joint_histogram_tells_how_an_observable_goes_with_the_loss():
    rng = seeds.generator(63)
    losses = np.exp(rng.normal(size=4000))
    numbers = np.log(losses) + rng.normal(size=4000)
    joint = LossJoint.from_values(losses, numbers)
    r = rank_correlation(joint)
    exact = stats.spearmanr(losses, numbers).statistic
    assert r.estimate == pytest.approx(exact, abs=0.01)
    assert r.low < exact < r.high
    independent = rank_correlation(LossJoint.from_values(losses, rng.normal(size=4000)))
    assert abs(independent.estimate) < sigmas() / math.sqrt(4000)
    groups = given_loss(joint)
    assert sum(group.networks for group in groups) == 4000
    assert 5 <= len(groups) <= 10
    for before, after in itertools.pairwise(groups):
        assert before.high < after.low
        assert before.median < after.median
    for group in groups:
        inside = numbers[(losses > group.low * 0.94) & (losses < group.high * 1.06)]
        low, high = np.quantile(inside, [0.35, 0.65])
        assert low - 0.1 <= group.median <= high + 0.1
    assert given_loss(LossJoint.empty()) == []
    assert math.isnan(rank_correlation(LossJoint.empty()).estimate)


def test_sums_of_a_chunk_do_not_round_between_chunks():
    parts = [WalkSums.from_losses([1e16, 1.0, 1e-3], [1.0, 1e16, 1.0], 1.0) for _ in range(5)]
    merged = WalkSums.merge(parts)
    for place, total in enumerate(merged.sums):
        assert total.value == ExactSum.of([part.sums[place].value for part in parts]).value
