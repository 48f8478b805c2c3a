"""What is on the terminal, and the least to send for what should be there.

Textual sends whole widgets, and the whole screen whenever another comes to the front, each piece of it with
all of its style: over a slow line a dialog takes a second that way. Only the cells that differ are sent here,
and of their style only what the cell before has not.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from textual.strip import Strip

from geomreg_tui.tui.compat import ChopsUpdate, CompositorUpdate, LayoutUpdate, colour_system
from geomreg_tui.tui.ink import legible
from geomreg_tui.tui.pen import PLAIN, Cell, Change, Look, sequence_of

__all__ = ["LeastUpdate", "Painter"]

_KNOWN_STYLES = 4096


class Painter:
    """Knows every cell that was sent.

    Args:
        erases: whether the terminal gives what it erases the background that is selected.
    """

    def __init__(self, erases: bool = False) -> None:
        self._erases = erases
        self._rows: list[list[Cell | None]] = []
        self._looks: dict[Style | None, tuple[Look, Cell]] = {}

    def forget(self) -> None:
        """Forget what is on the terminal: every cell is sent again."""
        self._rows = []

    def sequence(self, update: CompositorUpdate, console: Console) -> str:
        """Return the sequence for an update, and remember it as sent."""
        if isinstance(update, LayoutUpdate):
            _, _, width, height = update.region
            if (height, width) != (len(self._rows), len(self._rows[0]) if self._rows else 0):
                self._rows = [[None] * width for _ in range(height)]
        elif not (isinstance(update, ChopsUpdate) and self._rows):
            return update.render_segments(console)
        colours = colour_system(console)
        rows: dict[int, list[Cell | None]] = {}
        for y, x, strip, first, last in _strips(update):
            if y >= len(self._rows):
                continue
            row = rows.setdefault(y, self._rows[y].copy())
            for place, cell in enumerate(self._cells(strip, colours), x):
                if first <= place < min(last, len(row)):
                    row[place] = cell
        changes = [
            Change(y, row, fresh) for y, row in sorted(rows.items()) if (fresh := _fresh(self._rows[y], row))
        ]
        self._rows = [rows.get(y, row) for y, row in enumerate(self._rows)]
        return sequence_of(changes, self._erases)

    def _cells(self, strip: Strip, colours: ColorSystem) -> Iterator[Cell]:
        """Yield the cells of a strip."""
        for text, style, control in strip:
            if control:
                continue
            look, blank = self._looks.get(style) or self._learn(style, colours)
            if text.isascii():
                for char in text:
                    yield blank if char == " " else (char, look)
                continue
            sizes = [cell_len(char) for char in text]
            if sum(sizes) != cell_len(text) or 0 in sizes:  # characters that join
                yield (text, look)
                yield from [("", look)] * (cell_len(text) - 1)
                continue
            for char, size in zip(text, sizes, strict=True):
                yield blank if char == " " else (char, look)
                if size > 1:
                    yield ("", look)

    def _learn(self, style: Style | None, colours: ColorSystem) -> tuple[Look, Cell]:
        """Return how a style looks, and a space in it."""
        if len(self._looks) > _KNOWN_STYLES:
            self._looks.clear()
        look = PLAIN if style is None else _look(style, colours)
        plain = look if look.is_marked or look.link else look._replace(attributes=None, foreground=None)
        self._looks[style] = look, (" ", plain)
        return self._looks[style]


class LeastUpdate(CompositorUpdate):
    """An update that is sent by a painter."""

    def __init__(self, painter: Painter, update: CompositorUpdate) -> None:
        self._painter, self._update = painter, update

    def render_segments(self, console: Console) -> str:
        """Return what to send."""
        return self._painter.sequence(self._update, console)


def _strips(update: CompositorUpdate) -> Iterator[tuple[int, int, Strip, int, int]]:
    """Yield strips of cells: row, first column, strip, and the columns from and up to which it counts."""
    if isinstance(update, LayoutUpdate):
        left = update.region.x
        for y, strips in enumerate(update.strips, update.region.y):
            x = left
            for strip in strips:
                yield y, x, strip, x, x + strip.cell_length
                x += strip.cell_length
    elif isinstance(update, ChopsUpdate):
        for y, first, last in update.spans:
            for x, chop in update.chops[y].items():
                if chop is not None and x < last and x + chop.cell_length > first:
                    yield y, x, chop, first, last


def _fresh(before: list[Cell | None], row: list[Cell | None]) -> set[int]:
    """Return the columns of a row whose cells differ, each where the text that covers it begins."""
    fresh = set()
    for place, (old, new) in enumerate(zip(before, row, strict=True)):
        if old != new and new is not None:
            while place and not row[place][0]:  # type: ignore[index]
                place -= 1
            fresh.add(place)
    return fresh


def _look(style: Style, colours: ColorSystem) -> Look:
    """Return the look of a style with the colours that the terminal has."""
    fore, back = style.color, style.bgcolor
    if fore and back and colours is ColorSystem.STANDARD:
        fore = legible(fore, back)
    return Look(
        Strip.render_ansi(style.without_color, colours),
        ";".join(fore.downgrade(colours).get_ansi_codes()) if fore else "39",
        ";".join(back.downgrade(colours).get_ansi_codes(foreground=False)) if back else "49",
        style.link or "",
    )
