"""How changed cells are written with few bytes: look by look, the cursor jumping over what is right already.

To select a look takes four times as many bytes as to move the cursor, so that each look is selected once
for all of its cells. Blanks are erased, many at a time, where the terminal erases in the background's colour.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["PLAIN", "Cell", "Change", "Look", "sequence_of"]

_ERASED = 6  # blanks that are erased rather than written: to go there and erase them takes about 12 bytes
_NARROW = 3  # cells that the cursor steps back over, one by one, to write below them
_MARKS = {"4", "7", "9", "21", "53"}  # attributes that show on a space: lines, and colours reversed


class Look(NamedTuple):
    """How a cell looks, as parameters of the sequence that selects it; None where that cannot be seen."""

    attributes: str | None
    foreground: str | None
    background: str
    link: str = ""

    @property
    def is_marked(self) -> bool:
        """Whether it shows even on blanks, as an underline does."""
        return not _MARKS.isdisjoint((self.attributes or "").split(";"))

    @property
    def is_blank(self) -> bool:
        """Whether it is that of a space of which only the background is seen."""
        return self.foreground is None


PLAIN = Look("", "39", "49")

# The text that begins in a cell (none where that of the cell before reaches so far), and how it looks.
Cell = tuple[str, Look]


@dataclass
class Change:
    """What is to be written of a row.

    Attributes:
        y: number of the row.
        row: its cells as they are to be; None where that is not known.
        fresh: columns where a text begins that is not yet on the terminal.
    """

    y: int
    row: Sequence[Cell | None]
    fresh: set[int]


class Run(NamedTuple):
    """Cells of one look side by side: the number of their change, and from and up to which column."""

    number: int
    first: int
    last: int


def sequence_of(changes: Sequence[Change], erases: bool) -> str:
    """Return the sequence that writes changes, and leaves the style as it was found.

    Args:
        changes: rows, from the top; what is written is taken from their ``fresh``.
        erases: whether the terminal gives what it erases the background that is selected.
    """
    pen = _Pen()
    if erases:
        _erase(changes, pen)
    for look, runs in sorted(_runs(changes).items(), key=lambda found: _rank(found[0])):
        while runs:
            run = next(iter(runs))
            while run in runs:  # what is as narrow as the side of a frame is written from the top down
                del runs[run]
                pen.write(changes[run.number], range(run.first, run.last), look)
                if run.last - run.first <= _NARROW:
                    run = run._replace(number=run.number + 1)
    return pen.finished()


def _erase(changes: Sequence[Change], pen: _Pen) -> None:
    """Erase long rows of blanks, and with them what is to be written there later."""
    blanks = Counter(
        look.background
        for change in changes
        for _, look in (change.row[place] or ("", PLAIN) for place in change.fresh)
        if look.is_blank
    )
    for background, count in blanks.most_common():
        if count < _ERASED:
            return
        for change in changes:
            for first, last in _blanks(change, background):
                pen.erase(change, first, last, background)


def _blanks(change: Change, background: str) -> Iterator[tuple[int, int]]:
    """Yield from and up to which columns a row may be erased, for the many blanks to be written there."""
    first, last, count, fresh = 0, 0, 0, False
    for place, cell in enumerate([*change.row, None]):
        text, look = cell or ("", PLAIN)
        blank = look.is_blank and look.background == background
        fresh = place in change.fresh if text else fresh and cell is not None
        if not (fresh or blank):
            if count >= _ERASED:
                yield first, last
            count = 0
        elif fresh and blank:
            first, last, count = (first if count else place), place + 1, count + 1


def _runs(changes: Sequence[Change]) -> Mapping[Look, dict[Run, None]]:
    """Return what is to be written, in the order of reading, for each look."""
    found: dict[Look, dict[Run, None]] = defaultdict(dict)
    for number, change in enumerate(changes):
        run, before = None, PLAIN
        for place in sorted(change.fresh):
            _, look = change.row[place] or ("", PLAIN)
            if run is not None and (place, look) == (run.last, before):
                del found[look][run]
                run = run._replace(last=place + 1)
            else:
                run, before = Run(number, place, place + 1), look
            found[look][run] = None
    return found


def _rank(look: Look) -> tuple[str, bool, str, str]:
    """Return what puts looks in an order in which each is like the one before; blanks after text."""
    return look.background, look.is_blank, look.attributes or "", look.foreground or ""


class _Pen:
    """Writes cells with as few bytes as it takes."""

    def __init__(self) -> None:
        self._at: tuple[int, int] | None = None  # column and row of the cursor, where that is known
        self._parts: list[str] = []
        self._look = PLAIN

    def write(self, change: Change, places: range, look: Look) -> None:
        """Write the texts that begin in cells of one look, but those that have been written."""
        self._turn(look)
        for place in places:
            if place in change.fresh:
                self._move(change, place)
                self._put(change, place)

    def erase(self, change: Change, first: int, last: int, background: str) -> None:
        """Make blanks of the cells from a column up to another."""
        look = Look(None, None, background)
        self._turn(look)
        self._move(change, first)
        self._parts.append(f"\x1b[{last - first}X")
        change.fresh -= {place for place in range(first, last) if change.row[place] == (" ", look)}

    def finished(self) -> str:
        """Return all that was written, with the style left as it was found."""
        self._turn(PLAIN)
        return "".join(self._parts)

    def _put(self, change: Change, place: int) -> None:
        """Write the text that begins in a cell, where the cursor is."""
        text, _ = change.row[place] or ("", PLAIN)
        self._parts.append(text)
        change.fresh.discard(place)
        end = place + 1
        while end < len(change.row) and (change.row[end] or (" ",))[0] == "":
            end += 1
        self._at = end, change.y

    def _move(self, change: Change, place: int) -> None:
        """Go to a cell; over a short gap by writing what is to be in it."""
        end, row = self._at or (0, -2)
        if row + 1 == change.y and place < end <= min(place + _NARROW, len(change.row) - 1):
            self._parts.append("\x1bD" + "\b" * (end - place))
        elif row != change.y or end > place:
            self._parts.append(f"\x1b[{change.y + 1};{place + 1}H")
        elif end < place:
            jump, between = f"\x1b[{place + 1}G", range(end, place)
            if self._costs(change, between) <= len(jump):
                for at in between:
                    self._put(change, at)
            else:
                self._parts.append(jump)

    def _costs(self, change: Change, places: range) -> float:
        """Return the bytes that it takes to write cells, less those that have to be written anyway."""
        total = 0
        for place in places:
            cell = change.row[place]
            if cell is None or not cell[0] or self._codes(cell[1]):
                return math.inf
            total += 0 if place in change.fresh else len(cell[0].encode())
        return total

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
            attributes = "" if now.is_marked else now.attributes
        if foreground is None:
            foreground = now.foreground
        return Look(attributes, foreground, look.background, look.link)
