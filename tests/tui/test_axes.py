"""Axes: every cell has a value and every value a cell; ticks are within the ends, and evenly apart."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import numpy as np
import pytest

from geomreg_tui.tui.axes import HeldScale, Scale, held_ceiling
from tests.seeds import seed

TRIES = 400


def ranges(log: bool) -> list[tuple[float, float, int, int]]:
    """Return ranges of data with the cells they are drawn on, and the least cells between ticks."""
    draw = random.Random(seed(95, log))
    found = []
    for _ in range(TRIES):
        cells, apart = draw.choice(((draw.randint(20, 200), 9), (draw.randint(5, 50), 2)))
        size = 10 ** draw.uniform(-1.5, 1.5) if log else 10 ** draw.uniform(-6, 6)
        low = draw.uniform(-30, 5) if log else size * draw.choice((0.0, 0.0, draw.uniform(-20, 20)))
        found.append((low, low + size, cells, apart))
    return found


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("log", [False, True])
def test_ticks_of_even_axes_are_round_numbers_a_whole_number_of_cells_apart(log: bool, down: bool) -> None:
    evenly = 0
    for low, high, cells, apart in ranges(log):
        scale = Scale.even(low, high, cells, apart, log=log, down=down)
        assert scale.low <= low + 1e-9 * (high - low)
        assert high <= scale.high + 1e-9 * (high - low)
        assert scale.high - scale.low <= 1.4 * (high - low) + 1e-9
        assert scale.ticks
        for tick, label in zip(scale.ticks, scale.labels, strict=True):
            assert scale.low - 1e-9 <= tick <= scale.high + 1e-9
            value = float(label)
            assert tick == pytest.approx(math.log10(value) if log else value, rel=1e-12, abs=1e-12)
        if (scale.low, scale.high) != (low, high) and all(tick % 1 == 0 or not log for tick in scale.ticks):
            at = [scale.cell(tick, cells) for tick in scale.ticks if scale.share(tick) < 1 - 1e-9]
            gaps = {b - a for a, b in pairwise(at)}
            assert len(gaps) <= 1, (low, high, cells, scale, at)
            assert not gaps or min(gaps) >= apart
            evenly += 1
    assert evenly > TRIES / 5


@pytest.mark.parametrize("log", [False, True])
def test_every_cell_maps_to_a_value_and_back(log: bool) -> None:
    for low, high, cells, apart in ranges(log):
        scale = Scale.even(low, high, cells, apart, log=log)
        values = [scale.middle(cell, cells) for cell in range(cells)]
        assert [scale.cell(value, cells) for value in values] == list(range(cells))
        edges = np.linspace(scale.low, scale.high, cells + 1)
        np.testing.assert_allclose(
            values, (edges[1:] + edges[:-1]) / 2, rtol=1e-12, atol=1e-12 * (high - low)
        )
        assert scale.cell(scale.low, cells) == 0
        assert scale.cell(scale.high, cells) == cells - 1
        beyond = 0.01 * (scale.high - scale.low)
        assert scale.cell(scale.low - beyond, cells) is None
        assert scale.cell(scale.high + beyond, cells) is None


def test_minor_ticks_are_the_digits_of_decades_in_cells_of_their_own() -> None:
    seen = set()
    for low, high, cells, apart in ranges(True):
        scale = Scale.even(low, high, cells, apart, log=True)
        minor = scale.minor(cells)
        digits = {round(10 ** (place % 1), 6) for place in minor}
        assert digits <= {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, digits
        assert not set(np.round(minor, 6)) & set(np.round(scale.ticks, 6))
        assert all(scale.low <= place <= scale.high for place in minor)
        if (scale.high - scale.low) * 22 < cells:
            # All digits of every whole decade on view that have no label.
            wanted = {
                round(power + math.log10(digit), 6)
                for power in range(math.floor(low), math.ceil(high) + 1)
                for digit in range(1, 10)
            }
            found = {round(place, 6) for place in (*minor, *scale.ticks)}
            assert {place for place in wanted if scale.low < place < scale.high} <= found
            seen.add("all")
        at = [scale.cell(place, cells) for place in minor]
        assert len(at) - len(set(at)) <= len(at) / 8  # a gap of a cell may be rounded away
    assert seen
    assert Scale.even(0, 3, 60, 9).minor(60) == ()


@pytest.mark.parametrize(("low", "high"), [(-2.2, 0.5), (-14.0, 2.0), (-0.5, 1.5), (-5.3, 0.0)])
@pytest.mark.parametrize("cells", [32, 66, 106])
def test_log_axes_of_panes_have_three_labels_or_more(low: float, high: float, cells: int) -> None:
    assert len(Scale.even(low, high, cells, 9, log=True).ticks) >= 3


def test_a_held_axis_stays_while_it_fits_and_changes_when_it_does_not() -> None:
    held = HeldScale()
    first = held.even(0.0, 2.0, 60, 9)
    assert held.even(0.0, 1.9, 60, 9) is first
    assert held.even(0.0, first.high, 60, 9) is first
    grown = held.even(0.0, first.high * 1.01, 60, 9)
    assert grown.high > first.high
    assert held.even(0.0, 0.5, 60, 9).high < 1.0
    held.forget()
    assert held.even(0.0, 2.0, 60, 9) == first
    assert held.even(0.0, 2.0, 61, 9) is not first


@pytest.mark.parametrize("value", [2.04, 0.731, 1e-9, 3.3e17, 1.0])
def test_a_ceiling_is_a_round_number_at_most_a_quarter_above(value: float) -> None:
    high = held_ceiling(value)
    assert value <= high <= 1.34 * value
    assert float(f"{high:.1e}") == pytest.approx(high)
    assert held_ceiling(value * 0.9, high) == high
