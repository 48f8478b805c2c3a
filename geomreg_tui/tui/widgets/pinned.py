"""The pinned distributions in legends."""

from __future__ import annotations

from collections.abc import Sequence

from geomreg_tui.tui.pins import MARKS, PIN_ROLES
from geomreg_tui.tui.view import Comparison
from geomreg_tui.tui.widgets.rows import Piece

__all__ = ["pin_items"]


def pin_items(comparisons: Sequence[Comparison]) -> list[list[Piece]]:
    """Return an item of a legend for each pin: its mark, and in what it differs from what is shown."""
    word = "pinned: " if len(comparisons) == 1 else ""
    return [
        [Piece(MARKS[each.place], PIN_ROLES[each.place]), Piece(f" {word}{each.label}")]
        for each in comparisons
    ]
