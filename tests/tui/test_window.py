"""What part of an axis is on view: panned, zoomed, typed."""

from __future__ import annotations

import math
import random

import pytest

from geomreg_tui.tui.window import Window
from tests.seeds import seed


def test_a_zoom_leaves_a_place_where_it_is_and_turns_back() -> None:
    draw = random.Random(seed(118))
    for _ in range(200):
        low = draw.uniform(-10, 10)
        window = Window(low, low + 10 ** draw.uniform(-3, 3))
        about = draw.uniform(*window)
        share = (about - window.low) / (window.high - window.low)
        near = window.zoomed(about, 2.0)
        assert near.high - near.low == pytest.approx((window.high - window.low) / 2)
        assert (about - near.low) / (near.high - near.low) == pytest.approx(share, abs=1e-9)
        assert near.zoomed(about, 0.5) == pytest.approx(window)
        moved = window.panned(0.25)
        assert moved.high - moved.low == pytest.approx(window.high - window.low)
        assert moved.panned(-0.25) == pytest.approx(window)
        kept = window.within(0.0)
        assert kept.low >= 0 or window.low >= 0
        assert kept.high - kept.low == pytest.approx(window.high - window.low)


def test_a_window_on_the_other_axis_has_the_same_ends() -> None:
    assert Window(0.01, 10.0).turned(True) == pytest.approx((-2.0, 1.0))
    assert Window(-2.0, 1.0).turned(False) == pytest.approx((0.01, 10.0))
    assert Window(0.0, 10.0).turned(True) == pytest.approx((-2.0, 1.0))
    assert Window(-1.0, 0.0).turned(True) is None
    assert Window(0.0, 5000.0).turned(False) is None


@pytest.mark.parametrize(
    ("text", "log", "ends"),
    [
        ("0.1 2", False, (0.1, 2.0)),
        ("0.1:2", False, (0.1, 2.0)),
        (" 1e-3, 0.5 ", True, (-3.0, math.log10(0.5))),
        ("0;1e3", False, (0.0, 1000.0)),
    ],
)
def test_what_is_typed_is_read(text: str, log: bool, ends: tuple[float, float]) -> None:
    assert Window.typed(text, log) == pytest.approx(ends)


@pytest.mark.parametrize(
    ("text", "log", "said"),
    [
        ("", False, "two numbers"),
        ("1", False, "two numbers"),
        ("1 2 3", False, "two numbers"),
        ("a 2", False, "a is no number"),
        ("2 1", False, "larger"),
        ("1 1", False, "larger"),
        ("nan 1", False, "larger"),
        ("-1 1", False, "nothing below 0"),
        ("0 1", True, "above 0"),
        ("1 1.0000000001", False, "too near"),
        ("1 1e400", False, "too large"),
    ],
)
def test_what_cannot_be_shown_is_told(text: str, log: bool, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Window.typed(text, log)
