"""A list of any number of runs: only the rows on view are ever made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from textual import events
from textual.message import Message

from geomreg_tui.errors import one_line
from geomreg_tui.formatting import decimal_text, share_text, size_text
from geomreg_tui.listing import GROUPS, Row
from geomreg_tui.listing.row import when_text
from geomreg_tui.rundir import RunEntry, Status
from geomreg_tui.rundir.elsewhere import SWEEP
from geomreg_tui.tui.numbers import count_text
from geomreg_tui.tui.widgets.lines import GLYPHS
from geomreg_tui.tui.widgets.rows import Piece, RowsWidget

__all__ = ["NotesWidget", "RunsList", "cut", "cut_before", "state_text"]

_GAP = "  "
_WHEEL = 3  # rows of one turn of the wheel
_LONGEST_NAME = 36
_DATED = 84  # cells from which the year is shown
_MIDDLE = 66  # cells from which the networks that are asked for are shown
_EXPERIMENT = 22  # cells that are kept for the experiment
_MARKED = "● "
_OF_KINDS = {"tail": "tail_text", "fitted": "training_text"}  # columns that are empty but for some runs


class _Column(NamedTuple):
    """A column of the list.

    Attributes:
        key: what it is sorted by.
        title: over it.
        width: its cells.
        right: whether it is set to the right.
    """

    key: str
    title: str
    width: int
    right: bool = False


_D0 = 7  # cells
# Further columns, as far as there is room for them, the first ones first.
_MORE = (
    _Column("d0", "D0", _D0, True),
    _Column("size", "size", 7, True),
    _Column("v", "log10 V", 7, True),
    _Column("tail", "tail", 16),
    _Column("fitted", "training", 14),
    _Column("kind", "kind", 10),
)
_FOLDERS = (SWEEP, *GROUPS)  # kinds that stand before the experiment where there is no column for them


class RunsList(RowsWidget, can_focus=True):
    """Rows of runs with one of them selected.

    Attributes:
        entries: the runs, in order.
        marked: those of which several are to be deleted or compared.
        order, reverse: by what they are sorted, as the titles show it.
    """

    @dataclass
    class Moved(Message):
        """Another run is selected, or other rows are on view."""

    @dataclass
    class Opened(Message):
        """The selected run was clicked on."""

    @dataclass
    class Ordered(Message):
        """The title of a column was clicked on; ``key`` is what it is sorted by."""

        key: str

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.entries: Sequence[RunEntry] = ()
        self.marked: set[Path] = set()
        self.order = "when"
        self.reverse = False
        self._known: Mapping[Path, Row] = {}
        self._instead: Sequence[str] = ()
        self._place = 0
        self._top = 0
        self._name_width = 0
        self._seen: set[str] = set()  # columns that some kinds of runs have, of which there were any

    @property
    def selected(self) -> RunEntry | None:
        """The selected run; None where there are none."""
        return self.entries[self._place] if self.entries else None

    @property
    def on_view(self) -> Sequence[RunEntry]:
        """The runs whose rows are on the screen."""
        return self.entries[self._top : self._top + self._page]

    @property
    def _page(self) -> int:
        return max(1, self.content_size.height - 1)

    def show(
        self, entries: Sequence[RunEntry], known: Mapping[Path, Row], instead: Sequence[str] = ()
    ) -> None:
        """Draw other runs; the one selected stays so while it is among them.

        Args:
            entries: the runs, in order.
            known: what has been read of them so far, by path; it may grow before the next call of
                :meth:`redraw`.
            instead: lines to show where there are no runs.
        """
        self._known, self._instead = known, instead
        if entries is not self.entries:
            places = {entry.path: place for place, entry in enumerate(entries)}
            before, top = self.selected, self.entries[self._top : self._top + 1]
            self.entries = entries
            if before is not None:
                self._place = places.get(before.path, self._place)
            if self._top and top:  # new runs at the head do not push away what is being looked at
                self._top = places.get(top[0].path, self._top)
            self._name_width = min(_LONGEST_NAME, max((len(entry.name) for entry in entries), default=0))
        self._settle()

    def move(self, step: int) -> None:
        """Select another run, so many rows below."""
        self._place += step
        self._settle()

    def move_page(self, direction: int) -> None:
        """Select another run, a page above or below."""
        self.move(direction * self._page)

    def move_to_end(self, direction: int) -> None:
        """Select the first (-1) or the last (1) run."""
        self.move(direction * len(self.entries))

    def _scroll(self, step: int) -> None:
        """Show other rows; the selection comes along only where it would leave the screen."""
        self._top = max(0, min(self._top + step, len(self.entries) - self._page))
        self._place = max(self._top, min(self._place, self._top + self._page - 1))
        self._settle()

    def _settle(self) -> None:
        """Keep the selection among the runs and on view, and draw."""
        last = max(0, len(self.entries) - 1)
        self._place = max(0, min(self._place, last))
        top = max(0, min(self._top, len(self.entries) - self._page))
        self._top = max(self._place - self._page + 1, min(top, self._place))
        self.redraw()
        self.post_message(self.Moved())

    def on_resize(self) -> None:
        """Keep the selected run on view."""
        self._settle()

    def on_click(self, event: events.Click) -> None:
        """Select the run under the mouse; open it if it is selected already; sort by a title."""
        place = self._top + event.y - self.gutter.top - 1
        if event.y == self.gutter.top:
            self._click_title(event.x - self.gutter.left)
            return
        if event.y < self.gutter.top or place >= len(self.entries):
            return
        if place == self._place:
            self.post_message(self.Opened())
        else:
            self.move(place - self._place)

    def _click_title(self, x: int) -> None:
        """Ask for another order, by the column at a cell."""
        start = len(_MARKED)
        for column in self._columns(self.content_size.width - 4):
            if start <= x < start + column.width + len(_GAP) and column.key:
                self.post_message(self.Ordered(column.key))
                return
            start += column.width + len(_GAP)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Show rows further down."""
        event.stop()
        self._scroll(_WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Show rows further up."""
        event.stop()
        self._scroll(-_WHEEL)

    def paint(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """Draw the headings, the rows on view, and where among all of them those are."""
        if not self.entries:
            return [[Piece(line, "dim" if number else "text")] for number, line in enumerate(self._instead)]
        for entry in self.on_view:
            known = self._known.get(entry.path)
            found = known.findings if known else None
            self._seen |= {key for key, text in _OF_KINDS.items() if found and getattr(found, text)}
        columns = self._columns(width - 4)
        titles: list[Piece] = [Piece("  ")]
        for column in columns:
            sorted_by = column.key == self.order and bool(column.key)
            title = column.title + ((" ↑" if self._upwards else " ↓") if sorted_by else "")
            titles += [Piece(_fit(title, column), "strong" if sorted_by else "dim"), Piece(_GAP)]
        rows: list[Sequence[Piece]] = [titles]
        bar = _bar(self._top, self._page, len(self.entries))
        for number, entry in enumerate(self.on_view):
            here = self._top + number == self._place
            over = "select" if here else ""
            sign = _MARKED if entry.path in self.marked else "❯ " if here else "  "
            cells = self._cells(entry, columns, here, over)
            used = sum(cell_len(piece.text) for piece in cells) + 2
            room = Piece(" " * max(0, width - 2 - used), "text", over)
            end = [Piece(" "), Piece("┃", "axis")] if number in bar else []
            rows.append([Piece(sign, "key", over), *cells, room, *end])
        return rows

    @property
    def _upwards(self) -> bool:
        """Whether values grow from the top to the bottom."""
        return self.reverse is (self.order == "when")

    @property
    def order_keys(self) -> list[str]:
        """By what the columns on view are sorted."""
        return [column.key for column in self._columns(self.content_size.width - 4) if column.key]

    def _columns(self, room: int) -> list[_Column]:
        """Return the columns for which there is room."""
        columns = [_Column("when", "when", 16 if room >= _DATED else 11), _Column("state", "state", 10)]
        roomy = room >= _MIDDLE
        columns.append(_Column("samples", "networks" if roomy else "nets", 13 if roomy else 6, True))
        used = sum(column.width + len(_GAP) for column in columns) + _EXPERIMENT
        more = [column for column in _MORE if column.key not in _OF_KINDS or column.key in self._seen]
        for column in more:
            if used + column.width + len(_GAP) > room:
                break
            columns.append(column)
            used += column.width + len(_GAP)
        if len(columns) == 3 + len(more) and used + self._name_width + len(_GAP) <= room:
            columns.insert(1, _Column("name", "directory", self._name_width))
        used = sum(column.width + len(_GAP) for column in columns)
        return [*columns, _Column("", "experiment", max(1, room - used))]

    def _cells(self, entry: RunEntry, columns: Sequence[_Column], here: bool, over: str) -> list[Piece]:
        """Return the cells of a run."""
        known = self._known.get(entry.path)
        row: list[Piece] = []
        for column in columns:
            text, role = _cell(column, entry, known)
            if column.title == "experiment" and known is not None:
                for word, how in _prefixes(known, kinds=any(each.key == "kind" for each in columns)):
                    word = cut(f"{word} ", max(0, column.width - 1))
                    row.append(Piece(word, how, over))
                    column = column._replace(width=column.width - cell_len(word))
            bold = here and role == "text"
            row += [Piece(_fit(text, column), "strong" if bold else role, over), Piece(_GAP, "text", over)]
        return row[:-1]


class NotesWidget(RowsWidget):
    """Lines of text that are cut where they are too long."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[Piece] = ()
        self._right = False

    def show(self, *lines: Piece, right: bool = False) -> None:
        """Draw lines, at the right if wanted."""
        self._lines, self._right = lines, right
        self.redraw()

    def paint(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """Draw them."""
        pieces = [line._replace(text=cut(_one_line(line.text), width)) for line in self._lines]
        if self._right:
            return [[Piece(" " * (width - cell_len(piece.text))), piece] for piece in pieces]
        return [[piece] for piece in pieces]


def _cell(column: _Column, entry: RunEntry, known: Row | None) -> tuple[str, str]:
    """Return the text of one cell and its role."""
    if column.key == "name":
        return one_line(entry.name), "text"
    if column.key == "when":
        return when_text(entry.begun)[-column.width :], "text"
    if known is None:
        return ("…" if column.key == "state" else ""), "dim"
    status = known.status
    if column.key == "state":
        return state_text(status), _role(status)
    if column.key == "kind":
        return known.kind, "mark" if known.kind in _FOLDERS else "dim"
    if column.key == "size":
        return ("…" if known.size is None else size_text(known.size)), "dim"
    if not column.key:
        return _one_line(status.about) or "(not known)", "text" if status.about else "dim"
    if column.key == "samples":
        asked = f" / {count_text(status.target)}" if column.title == "networks" else ""
        return f"{count_text(status.samples)}{asked}", "text"
    return _found(column.key, known), "text"


def _found(key: str, known: Row) -> str:
    """Return what a run has found, in the few cells of a column."""
    if known.findings is None:
        return ""
    if key == "tail":
        return known.findings.tail_text
    if key == "fitted":
        return known.findings.training_text
    values = known.values(key)
    if len(values) != 1:
        return ""  # a sweep has one for each point
    if key != "d0":
        return decimal_text(values[0], 2)
    text = share_text(values[0], 3)
    if len(text) <= _D0:
        return text
    return ">0.999" if values[0] > 0 else "<-0.999"  # nearer to an end than there are cells for


def _prefixes(known: Row, *, kinds: bool) -> list[tuple[str, str]]:
    """Return the words before an experiment, with their roles: what sets a run apart from others like it.

    Args:
        known: what is known of it.
        kinds: whether there is a column for its kind.
    """
    words = [(known.kind, "mark")] if known.kind in _FOLDERS and not kinds else []
    words += [("mixed", "warn")] if known.status.mixed else []
    return words + ([(f"{known.labels.name}:", "key")] if known.labels.name else [])


def state_text(status: Status) -> str:
    """Return the glyph and the word of a state."""
    return f"{GLYPHS[status.state]} {status.state.value}"


def cut(text: str, width: int) -> str:
    """Return a text of at most so many cells, with an ellipsis where something is missing."""
    return text if cell_len(text) <= width else set_cell_size(text, max(0, width - 1)).rstrip() + "…"


def cut_before(text: str, width: int) -> str:
    """Return the end of a text, of at most so many cells, with an ellipsis where something is missing.

    Of a path the end tells more than the beginning.
    """
    start = 0
    while start < len(text) and cell_len(text[start:]) > (width if start == 0 else width - 1):
        start += 1
    return f"…{text[start:]}" if start else text


def _role(status: Status) -> str:
    if status.state.value == "failed":
        return "warn"
    return "dim" if status.state.over else "mark"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _fit(text: str, column: _Column) -> str:
    text = cut(text, column.width)
    space = " " * (column.width - cell_len(text))
    return space + text if column.right else text + space


def _bar(top: int, page: int, total: int) -> range:
    """Return the rows at which the mark of a scroll bar stands; none where all rows are on view."""
    if total <= page:
        return range(0)
    size = max(1, round(page * page / total))
    start = round((page - size) * top / (total - page))
    return range(start, start + size)
