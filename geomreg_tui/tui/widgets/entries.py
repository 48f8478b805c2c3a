"""Names with what they mean, in two columns that scroll: only the lines on the screen are drawn."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size

from geomreg_tui.tui.bindings import LINES
from geomreg_tui.tui.widgets.rows import Piece, RowsWidget, with_bar

__all__ = ["Entries", "Entry"]

_BETWEEN = 2  # cells between the columns
_LEAST = 16  # cells of the second column, or it is below the first
_WHEEL = 3  # lines of one turn of the wheel


class Entry(NamedTuple):
    """A name and what it means, or a line of its own."""

    meaning: str
    name: str = ""


class Entries(RowsWidget, can_focus=True):
    """Entries as rows, of which as many are drawn as have room.

    Textual's own text widgets lay all of a text out before the first line of it is on the screen.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *LINES,
        Binding("space", "page(1)", "Page down", show=False),
    ]

    def __init__(self, entries: Iterable[Entry], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._listed = tuple(entries)
        self._laid_out: tuple[int, list[list[Piece]]] = (0, [])  # for so many cells
        self._top = 0

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the lines that all of it takes."""
        return len(self._all_rows(width))

    def paint(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """Draw what is on view, with a bar at the right where that is not all."""
        rows = self._all_rows(width)
        if len(rows) <= height:
            self._top = 0
            return rows
        rows = self._all_rows(width - 2)
        self._top = max(0, min(self._top, len(rows) - height))
        return with_bar(rows[self._top : self._top + height], width, height, self._top, height, len(rows))

    def action_move(self, lines: int) -> None:
        """Show what is so many lines further down."""
        self._go_to(self._top + lines)

    def action_page(self, direction: int) -> None:
        """Show the next screenful (1) or the one before (-1)."""
        self.action_move(direction * max(1, self.content_size.height - 1))

    def action_end(self, direction: int) -> None:
        """Show the beginning (-1) or the end (1)."""
        self._go_to(len(self._all_rows(self._laid_out[0])) if direction > 0 else 0)

    def _go_to(self, top: int) -> None:
        self._top = max(0, top)
        self.redraw()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Show what is below."""
        event.stop()
        self.action_move(_WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Show what is above."""
        event.stop()
        self.action_move(-_WHEEL)

    def _all_rows(self, width: int) -> list[list[Piece]]:
        """Return all rows for so many cells."""
        if self._laid_out[0] != width:
            self._laid_out = width, _rows(self._listed, width)
        return self._laid_out[1]


def _rows(entries: Sequence[Entry], width: int) -> list[list[Piece]]:
    """Return entries as rows; those between two lines of their own are in columns of their own."""
    rows: list[list[Piece]] = []
    for named, group in groupby(entries, lambda entry: bool(entry.name)):
        if named:
            rows += _columns(list(group), width)
        else:
            rows += [
                [Piece(line, "strong")] for entry in group for line in _wrapped(entry.meaning, width) or [""]
            ]
    return rows


def _columns(entries: Sequence[Entry], width: int) -> list[list[Piece]]:
    first = max(cell_len(entry.name) for entry in entries) + _BETWEEN
    beside = width - first >= _LEAST
    indent = first if beside else _BETWEEN
    rows: list[list[Piece]] = []
    for entry in entries:
        lines = _wrapped(entry.meaning, width - indent) or [""]
        name = Piece(entry.name.ljust(first) if beside else entry.name, "key")
        rows += [[name, Piece(lines[0])]] if beside else [[name], [Piece(" " * indent), Piece(lines[0])]]
        rows += [[Piece(" " * indent), Piece(line)] for line in lines[1:]]
    return rows


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(1, width), break_on_hyphens=False)
