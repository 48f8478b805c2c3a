"""The summary: exact counts, exact sums, exact merging."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geomreg_tui.sampling.packs import Pack
from geomreg_tui.summary import ExactSum, JointHistogram, LossHistogram, Moments, Summary
from geomreg_tui.summary.histogram import bin_edge, bin_index
from geomreg_tui.summary.joint import coarse_bin, coarse_middle
from tests import seeds

losses = st.lists(
    st.one_of(
        st.floats(0, 1e300, allow_nan=False),
        st.sampled_from([0.0, 1.0, math.nan, math.inf, 5e-324, 2.2e-308, 1.7e308]),
    ),
    max_size=60,
)


def summarise(values, held_out=0, dead=0):
    histogram = LossHistogram.from_losses(values, 12, 1.0, 1e-7)
    joint = None
    if held_out:
        joint = JointHistogram.from_losses(values, values, np.zeros(len(values), int), held_out)
    return Summary(histogram, Moments.from_losses(values, 1.0), joint, dead)


@given(losses)
def test_every_loss_is_counted_once(values):
    histogram = LossHistogram.from_losses(values, 12, 1.0, 1e-7)
    array = np.array(values)
    finite = array[np.isfinite(array)]
    atoms = np.abs(finite - 1.0) <= 1e-7
    assert histogram.total == len(values)
    assert histogram.nonfinite == len(values) - len(finite)
    assert histogram.zero == np.count_nonzero(finite == 0)
    assert histogram.atom == np.count_nonzero(atoms)
    expected = np.sort(finite[(finite != 0) & ~atoms])
    lower, upper = np.repeat(histogram.lower, histogram.count), np.repeat(histogram.upper, histogram.count)
    assert np.all((lower <= expected) & (expected < upper))


@given(st.lists(st.floats(1e-307, 1e307), min_size=1, max_size=50), st.integers(4, 20))
def test_bins_are_as_narrow_as_promised(values, bits):
    histogram = LossHistogram.from_losses(values, bits)
    width = (histogram.upper - histogram.lower) / histogram.lower
    assert np.all(width <= 2.0**-bits)
    middle = (histogram.upper + histogram.lower) / 2
    sample = np.sort(values)
    error = np.abs(np.repeat(middle, histogram.count) - sample) / sample
    assert np.all(error <= histogram.relative_error * (1 + 1e-12))


@given(losses, st.integers(0, 60), st.integers(0, 60))
def test_merging_is_exact_whatever_the_cut(values, first, second):
    a, b = sorted((min(first, len(values)), min(second, len(values))))
    parts = [summarise(part) for part in (values[:a], values[a:b], values[b:])]
    whole = summarise(values)
    left = Summary.merge([Summary.merge(parts[:2]), parts[2]])
    right = Summary.merge([parts[2], Summary.merge([parts[1], parts[0]])])
    assert left.histogram.digest() == right.histogram.digest() == whole.histogram.digest()
    np.testing.assert_equal(left.moments.deviation.value, right.moments.deviation.value)
    np.testing.assert_equal(left.moments.square.value, right.moments.square.value)
    assert (left.moments.minimum, left.moments.maximum) == (whole.moments.minimum, whole.moments.maximum)


def test_merging_far_apart_bins_takes_the_sparse_way():
    values = np.array([1e-300, 1e-300, 1.0, 1e300])
    whole = LossHistogram.from_losses(values, 12)
    parts = LossHistogram.merge([LossHistogram.from_losses([value], 12) for value in values])
    assert parts.digest() == whole.digest()
    assert parts.index.size == 3


def test_merge_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="resolution"):
        LossHistogram.merge([LossHistogram.empty(12), LossHistogram.empty(13)])
    with pytest.raises(ValueError, match="at least one"):
        LossHistogram.merge([])
    with pytest.raises(ValueError, match="cannot be added"):
        Moments(1.0) + Moments(2.0)
    with pytest.raises(ValueError, match="held-out"):
        Summary.merge([summarise([1.0]), summarise([1.0], held_out=3)])


@given(st.lists(st.one_of(st.none(), st.integers(0, 5)), min_size=1, max_size=6), st.randoms())
def test_dead_networks_add_up_in_any_order_and_are_unknown_where_one_part_did_not_count(counts, order):
    parts = [summarise([1.0] * 5, dead=count) for count in counts]
    order.shuffle(parts)
    split = order.randrange(len(parts) + 1)
    empty = Summary.empty(12, 1.0)
    merged = Summary.merge([Summary.merge([empty, *parts[:split]]), Summary.merge([empty, *parts[split:]])])
    assert merged.dead == (None if None in counts else sum(counts))
    restored = Summary.from_arrays(merged.to_arrays())
    assert (restored.dead, restored.samples) == (merged.dead, 5 * len(counts))


def test_arrays_of_version_0_1_0_have_no_count_of_dead_networks():
    arrays = summarise([1.0, 2.0], dead=1).to_arrays()
    assert arrays["histogram.counters"].shape == (4,)
    del arrays["dead"]
    assert Summary.from_arrays(arrays).dead is None


def test_a_chunk_drawn_by_version_0_1_0_is_recognised_when_it_is_drawn_again():
    counted, uncounted = (Pack.of_chunk(summarise([1.0, 2.0], dead=n), np.empty(0)) for n in (1, None))
    assert counted.check == uncounted.check
    assert counted.check != Pack.of_chunk(summarise([1.0, 2.5]), np.empty(0)).check


@given(st.lists(st.floats(-1e100, 1e100, allow_nan=False), max_size=40), st.randoms())
def test_sums_are_those_of_exact_arithmetic_in_any_order(terms, order):
    exact = sum((Fraction(term) for term in terms), Fraction(0))
    shuffled = list(terms)
    order.shuffle(shuffled)
    half = len(shuffled) // 2
    total = ExactSum.of(shuffled[:half]) + ExactSum.of(shuffled[half:])
    assert total.value == float(exact)


def test_moments_are_numpys():
    sample = seeds.generator(1).gamma(2.0, size=10_000)
    parts = [Moments.from_losses(part, 1.0) for part in np.array_split(sample, 7)]
    moments = sum(parts[1:], parts[0])
    assert moments.mean == pytest.approx(np.mean(sample), rel=1e-13)
    assert moments.std == pytest.approx(np.std(sample, ddof=1), rel=1e-12)
    assert (moments.minimum, moments.maximum, moments.count) == (sample.min(), sample.max(), 10_000)


def test_moments_of_nothing_and_of_one():
    assert math.isnan(Moments.from_losses([math.nan], 1.0).mean)
    assert math.isnan(Moments.from_losses([3.0], 1.0).std)
    assert Moments.from_losses([3.0], 1.0).mean == 3.0


@settings(max_examples=50)
@given(losses)
def test_arrays_restore_every_bit(values):
    for held_out in (0, 5):
        summary = summarise(values, held_out)
        restored = Summary.from_arrays(summary.to_arrays())
        assert restored.histogram.digest() == summary.histogram.digest()
        np.testing.assert_equal(restored.moments.deviation.parts, summary.moments.deviation.parts)
        if held_out:
            np.testing.assert_array_equal(restored.joint.cells, summary.joint.cells)


@pytest.mark.parametrize(
    "damage",
    [
        lambda a: a.pop("histogram.index"),
        lambda a: a.update({"histogram.count": -a["histogram.count"]}),
        lambda a: a.update({"histogram.index": a["histogram.index"][::-1].copy()}),
        lambda a: a.update({"histogram.index": a["histogram.index"].astype(np.float64)}),
        lambda a: a.update({"histogram.counters": np.array([99, 0, 0, 0])}),
        lambda a: a.update({"moments.count": np.array([1])}),
        lambda a: a.update({"joint.count": a["joint.count"] + 1}),
        lambda a: a.update({"joint.cells": a["joint.cells"][:, :2].copy()}),
        lambda a: a.update({"histogram.index": a["histogram.index"] + (0x7FF << 12)}),
        lambda a: a.update({"dead": np.array([4])}),
        lambda a: a.update({"dead": np.array([-1])}),
        lambda a: a.update({"dead": np.array([1.0])}),
    ],
)
def test_impossible_arrays_are_refused(damage):
    arrays = summarise([0.5, 2.0, 2.5], held_out=3).to_arrays()
    damage(arrays)
    with pytest.raises(ValueError, match=r"histogram|moments|joint|dead"):
        Summary.from_arrays(arrays)


@given(st.floats(5e-324, 1.7e308))
def test_coarse_bins_hold_their_loss(value):
    (name,) = coarse_bin([value])
    low, high = bin_edge(np.array([name, name + 1]), 3)
    assert low <= value < high or value >= high == math.inf
    assert name == bin_index([value], 3)[0]


def test_coarse_bins_keep_zeros_and_nonfinite_apart():
    names = coarse_bin([0.0, math.nan, math.inf, 1.0])
    middle = coarse_middle(names)
    assert middle[0] == 0
    assert np.isnan(middle[1:3]).all()
    assert middle[3] == pytest.approx(1.0, rel=0.07)


def test_joint_counts_are_those_of_numpy_unique():
    rng = seeds.generator(3)
    train, held, correct = rng.random(2000), rng.random(2000), rng.integers(0, 4, 2000)
    whole = JointHistogram.from_losses(train, held, correct, 4)
    parts = [JointHistogram.from_losses(train[i::3], held[i::3], correct[i::3], 4) for i in range(3)]
    merged = JointHistogram.merge(parts)
    np.testing.assert_array_equal(merged.cells, whole.cells)
    np.testing.assert_array_equal(merged.count, whole.count)
    for value in range(4):
        assert whole.count[whole.cells[:, 2] == value].sum() == np.count_nonzero(correct == value)
