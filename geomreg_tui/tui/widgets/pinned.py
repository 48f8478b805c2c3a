"""The pinned distributions in legends, and their marks along curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.tui.pins import MARKS, MOST, PIN_ROLES
from geomreg_tui.tui.view import Comparison
from geomreg_tui.tui.widgets.canvas import Canvas
from geomreg_tui.tui.widgets.rows import Piece

__all__ = ["mark_pin", "pin_items"]

_MARKED = 2 * MOST  # columns from one mark of a pin to the next


def pin_items(comparisons: Sequence[Comparison]) -> list[list[Piece]]:
    """Return an item of a legend for each pin: its mark, and in what it differs from what is shown."""
    word = "pinned: " if len(comparisons) == 1 else ""
    return [
        [Piece(MARKS[each.place], PIN_ROLES[each.place]), Piece(f" {word}{each.label}")]
        for each in comparisons
    ]


def mark_pin(canvas: Canvas, place: int, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    """Put the mark of a pin along its curve, in other columns than those of other pins.

    Args:
        canvas: where it is put.
        place: of the pin among the pins.
        x, y: the curve, (points,) each, where x increases.
    """
    for column in range(place, canvas.columns, _MARKED):
        at = canvas.x.middle(column, canvas.columns)
        if x.size and x[0] <= at <= x[-1]:
            canvas.mark(at, float(np.interp(at, x, y)), MARKS[place], PIN_ROLES[place])
