"""Ticks: every label read back is where it stands, at any size, width and zoom."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geomreg_tui.statistics.ticks import ticks

CELLS = st.integers(13, 300)  # a plot of 20 columns has 13 for its axis
MOST = st.integers(2, 12)


def check(places, labels, low, high, log, cells):
    assert len(places) == len(labels) >= 2
    span = high - low
    for place, label in zip(places, labels, strict=True):
        value = float(label)
        assert place == pytest.approx(math.log10(value) if log else value, abs=1e-9 * span, rel=1e-14)
        assert low - 2e-9 * span <= place <= high + 2e-9 * span
        assert not label.startswith("-0.0") or value != 0
    assert all(a < b for a, b in pairwise(map(float, labels)))
    # Each label is in the middle over its place, but for what would be beyond the ends of the axis.
    starts = [
        min(max(0, math.floor((place - low) / span * cells) - len(label) // 2), cells - len(label))
        for place, label in zip(places, labels, strict=True)
    ]
    for (start, label), following in pairwise(zip(starts, labels, strict=True)):
        assert start + len(label) < following[0] or start + len(label) + 1 <= following[0]


@settings(deadline=None)
@given(st.floats(-300, 300), st.floats(1, 9.99), CELLS, MOST)
def test_linear_axes_from_zero(power, digit, cells, most):
    high = digit * 10.0**power
    check(*ticks(0.0, high, most, cells=cells), 0.0, high, False, cells)


@settings(deadline=None)
@given(st.floats(-299, 299), st.floats(-9, 9), st.floats(0.01, 10), CELLS, MOST)
def test_linear_axes_anywhere(power, middle, width, cells, most):
    cells += 20  # of the sizes of such axes' ends, two labels do not fit into 13 cells
    low, high = (middle - width / 2) * 10.0**power, (middle + width / 2) * 10.0**power
    check(*ticks(low, high, most, cells=cells), low, high, False, cells)


@settings(deadline=None)
@given(st.floats(-300, 299), st.floats(0.05, 600), CELLS, MOST)
def test_log_axes_name_the_loss_and_not_its_logarithm(low, decades, cells, most):
    high = min(low + decades, 300.0)
    cells += 10 if high - low < 0.6 else 0  # two labels such as 1.85e-100 do not fit into 13 cells
    check(*ticks(low, high, most, log=True, cells=cells), low, high, True, cells)


@settings(deadline=None)
@given(st.floats(-300, 300), st.floats(1, 9.99), MOST)
def test_labels_are_no_longer_than_asked_for(power, digit, most):
    high = digit * 10.0**power
    places, labels = ticks(0.0, high, most, longest=6)
    assert max(map(len, labels)) <= 6
    for place, label in zip(places, labels, strict=True):
        assert float(label) == pytest.approx(place, rel=1e-14)


@pytest.mark.parametrize(
    ("low", "high", "most", "log", "labels"),
    [
        (0, 1, 5, False, ("0.0", "0.2", "0.4", "0.6", "0.8", "1.0")),
        (0, 3, 4, False, ("0", "1", "2", "3")),
        (-3, 1, 4, True, ("1e-3", "1e-2", "1e-1", "1e0", "1e1")),
        (-0.5, 0, 5, True, ("0.4", "0.6", "0.8", "1.0")),
    ],
)
def test_examples(low, high, most, log, labels):
    assert ticks(low, high, most, log=log)[1] == labels
