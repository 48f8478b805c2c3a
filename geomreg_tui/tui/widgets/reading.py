"""The values at the crosshair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual.geometry import Size

from geomreg_tui.tui.widgets.rows import Piece, RowsWidget, flow

__all__ = ["Reading", "ReadingLine"]

_BETWEEN = "  "
_MANY, _TALL = 2, 40  # readings above which pins have one line each, on screens of fewer lines


class Reading(NamedTuple):
    """What is known of one distribution at the crosshair.

    Attributes:
        name: what it is, with its mark; empty pieces for the one that is on view.
        texts: in words, one for each quantity.
    """

    name: tuple[Piece, ...]
    texts: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it in one line."""
        return _BETWEEN.join(["".join(piece.text for piece in self.name), *self.texts]).strip()


class ReadingLine(RowsWidget):
    """A line or two for each distribution; hidden without a crosshair.

    It does not become shorter while it is shown, so that moving the crosshair moves nothing else.
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._readings: tuple[Reading, ...] = ()
        self._lines: list[int] = []

    @property
    def text(self) -> str:
        """What is shown, as lines of plain text."""
        return "\n".join(reading.text for reading in self._readings)

    def show(self, readings: Sequence[Reading]) -> None:
        """Draw readings; none hides the line."""
        if not readings or len(readings) != len(self._readings):
            self._lines = []
        self._readings = tuple(readings)
        self.display = bool(readings)
        before = sum(self._lines)
        self._all_rows(self.content_size.width or self.screen.size.width - 2)
        if sum(self._lines) != before:
            self.refresh(layout=True)
        self.redraw()

    def on_resize(self) -> None:
        """Take as many lines as the new width needs."""
        self._lines = []
        super().on_resize()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the lines that the readings take."""
        return len(self._all_rows(width))

    def paint(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """Draw all of it."""
        return self._all_rows(width)

    def _all_rows(self, width: int) -> list[list[Piece]]:
        brief = len(self._readings) > _MANY and self.app.size.height < _TALL
        drawn = [_rows(reading, width, brief and bool(reading.name)) for reading in self._readings]
        known = self._lines or [1] * len(drawn)
        self._lines = [max(lines, len(rows)) for lines, rows in zip(known, drawn, strict=True)]
        return [
            row
            for lines, rows in zip(self._lines, drawn, strict=True)
            for row in (*rows, *([] for _ in range(lines - len(rows))))
        ]


def _rows(reading: Reading, width: int, brief: bool) -> list[list[Piece]]:
    """Return a reading as rows, or as much of it as has room in one."""
    items = [list(reading.name)] if reading.name else []
    items += [
        [Piece(text, "text" if number or reading.name else "strong")]
        for number, text in enumerate(reading.texts)
    ]
    rows = flow(items, width)
    return rows[:1] if brief else rows
