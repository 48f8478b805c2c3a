"""What is on the terminal, and the least to send for what should be there.

Textual sends whole widgets, and the whole screen whenever another comes to the front, each piece of it with
all of its style: over a slow line a dialog takes a second that way. Only the cells that differ are sent here,
and of their style only what the cell before has not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from textual.strip import Strip

from geomreg_tui.tui.compat import ChopsUpdate, CompositorUpdate, LayoutUpdate, colour_system

__all__ = ["LeastUpdate", "Painter"]

_GAP = 4  # cells that are sent again rather than jumped over
_MARKS = {"4", "7", "9", "21", "53"}  # attributes that show on a space: lines, and colours reversed
_KNOWN_STYLES = 4096


class Look(NamedTuple):
    """How a cell looks, as parameters of the sequence that selects it; None where that cannot be seen."""

    attributes: str | None
    foreground: str | None
    background: str
    link: str = ""


PLAIN = Look("", "39", "49")

# The text that begins in a cell (none where that of the cell before reaches so far), and how it looks.
Cell = tuple[str, Look]


class Painter:
    """Knows every cell that was sent."""

    def __init__(self) -> None:
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
        pen = _Pen()
        rows: dict[int, list[Cell | None]] = {}
        for y, x, strip, first, last in _strips(update):
            if y >= len(self._rows):
                continue
            row = rows.setdefault(y, self._rows[y].copy())
            for place, cell in enumerate(self._cells(strip, colours), x):
                if first <= place < min(last, len(row)):
                    row[place] = cell
        for y, row in sorted(rows.items()):
            self._send(y, row, pen)
            self._rows[y] = row
        return pen.finished()

    def _send(self, y: int, row: list[Cell | None], pen: _Pen) -> None:
        """Write the cells of a row that differ from those on the terminal."""
        before, place, width = self._rows[y], 0, len(row)
        while place < width:
            if row[place] == before[place]:
                place += 1
                continue
            start = place
            while start and _continues(row[start]):
                start -= 1
            while place < width and (row[place] != before[place] or _continues(row[place])):
                place += 1
            pen.move(start, y, row)
            pen.write(cell for cell in row[start:place] if cell is not None)
            pen.at = (place, y)

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
        plain = look if _is_marked(look) or look.link else look._replace(attributes=None, foreground=None)
        self._looks[style] = look, (" ", plain)
        return self._looks[style]


class LeastUpdate(CompositorUpdate):
    """An update that is sent by a painter."""

    def __init__(self, painter: Painter, update: CompositorUpdate) -> None:
        self._painter, self._update = painter, update

    def render_segments(self, console: Console) -> str:
        """Return what to send."""
        return self._painter.sequence(self._update, console)


class _Pen:
    """Writes cells with as few bytes as it takes."""

    def __init__(self) -> None:
        self.at: tuple[int, int] | None = None
        self._parts: list[str] = []
        self._look = PLAIN

    def move(self, x: int, y: int, row: list[Cell | None]) -> None:
        """Go to a cell; over a short gap by writing again what is in it."""
        if self.at is None or self.at[1] != y:
            self._parts.append(f"\x1b[{y + 1};{x + 1}H")
        elif self.at[0] != x:
            between = row[self.at[0] : x]
            cells = [cell for cell in between if cell is not None and cell[0]]
            if len(between) == len(cells) <= _GAP and not any(self._codes(look) for _, look in cells):
                self.write(cells)
            else:
                self._parts.append(f"\x1b[{x + 1}G")

    def write(self, cells: Iterable[Cell]) -> None:
        """Write cells where the pen is."""
        for text, look in cells:
            if look is not self._look and text:
                self._turn(look)
            self._parts.append(text)

    def finished(self) -> str:
        """Return all that was written, with the style left as it was found."""
        self._turn(PLAIN)
        return "".join(self._parts)

    def _turn(self, look: Look) -> None:
        """Select a look."""
        codes, now = self._codes(look), self._look
        if codes:
            self._parts.append(f"\x1b[{';'.join(codes)}m")
        if look.link != now.link:
            self._parts.append(f"\x1b]8;;{look.link}\x1b\\")
        self._look = self._turned(look)

    def _codes(self, look: Look) -> list[str]:
        """Return the codes that turn the present look into another."""
        now, then = self._look, self._turned(look)
        if now.attributes != then.attributes:
            codes = ["0", then.attributes or ""]
            codes += [then.foreground or ""] if then.foreground != PLAIN.foreground else []
            codes += [then.background] if then.background != PLAIN.background else []
            return [code for code in codes if code]
        codes = [then.foreground or ""] if then.foreground != now.foreground else []
        return codes + ([then.background] if then.background != now.background else [])

    def _turned(self, look: Look) -> Look:
        """Return a look with what cannot be seen as it is now."""
        now = self._look
        attributes, foreground = look.attributes, look.foreground
        if attributes is None:
            attributes = "" if _is_marked(now) else now.attributes
        if foreground is None:
            foreground = now.foreground
        return Look(attributes, foreground, look.background, look.link)


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


def _continues(cell: Cell | None) -> bool:
    """Return whether a cell is covered by the text of one before."""
    return cell is not None and not cell[0]


def _is_marked(look: Look) -> bool:
    """Return whether a look shows even on blanks, as an underline does."""
    return not _MARKS.isdisjoint((look.attributes or "").split(";"))


def _look(style: Style, colours: ColorSystem) -> Look:
    """Return the look of a style with the colours that the terminal has."""
    fore, back = style.color, style.bgcolor
    return Look(
        Strip.render_ansi(style.without_color, colours),
        ";".join(fore.downgrade(colours).get_ansi_codes()) if fore else "39",
        ";".join(back.downgrade(colours).get_ansi_codes(foreground=False)) if back else "49",
        style.link or "",
    )
