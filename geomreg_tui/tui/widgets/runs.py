"""A list of any number of runs: only the rows on view are ever made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from textual import events
from textual.message import Message

from geomreg_tui.rundir import RunEntry, Status
from geomreg_tui.tui.numbers import count_text, size_text
from geomreg_tui.tui.run_reader import Known
from geomreg_tui.tui.widgets.lines import GLYPHS
from geomreg_tui.tui.widgets.rows import Piece, RowsWidget

__all__ = ["NotesWidget", "RunsList", "cut", "state_text", "when_text"]

_GAP = "  "
_WIDE = 100  # cells from which the whole name is shown
_DATED = 84  # cells from which the year is shown
_MIDDLE = 68  # cells from which networks asked for and size are shown
_LONGEST_NAME = 36
_WHEEL = 3  # rows of one turn of the wheel


class _Column(NamedTuple):
    """A column of the list: its title, its width, and whether it is set to the right."""

    title: str
    width: int
    right: bool = False


class RunsList(RowsWidget, can_focus=True):
    """Rows of runs with one of them selected.

    Attributes:
        entries: the runs, in order.
    """

    @dataclass
    class Moved(Message):
        """Another run is selected, or other rows are on view."""

    @dataclass
    class Opened(Message):
        """The selected run was clicked on."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.entries: Sequence[RunEntry] = ()
        self._known: Mapping[str, Known] = {}
        self._instead: Sequence[str] = ()
        self._place = 0
        self._top = 0
        self._name_width = 0

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
        self, entries: Sequence[RunEntry], known: Mapping[str, Known], instead: Sequence[str] = ()
    ) -> None:
        """Draw other runs; the one selected stays so while it is among them.

        Args:
            entries: the runs, in order.
            known: what has been read of them so far, by name; it may grow before the next call of
                :meth:`redraw`.
            instead: lines to show where there are no runs.
        """
        self._known, self._instead = known, instead
        if entries is not self.entries:
            places = {entry.name: place for place, entry in enumerate(entries)}
            before, top = self.selected, self.entries[self._top : self._top + 1]
            self.entries = entries
            if before is not None:
                self._place = places.get(before.name, self._place)
            if self._top and top:  # new runs at the head do not push away what is being looked at
                self._top = places.get(top[0].name, self._top)
            self._name_width = min(_LONGEST_NAME, max(map(len, places), default=0))
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
        """Select the run under the mouse; open it if it is selected already."""
        place = self._top + event.y - self.gutter.top - 1
        if event.y <= self.gutter.top or place >= len(self.entries):
            return
        if place == self._place:
            self.post_message(self.Opened())
        else:
            self.move(place - self._place)

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
        columns = self._columns(width - 4)
        titles = _GAP.join(_fit(column.title, column) for column in columns)
        rows = [[Piece(cut("  " + titles, width), "dim")]]
        bar = _bar(self._top, self._page, len(self.entries))
        for number, entry in enumerate(self.on_view):
            here = self._top + number == self._place
            over = "select" if here else ""
            mark = Piece("❯ " if here else "  ", "key", over)
            cells = self._cells(entry, columns, here, over)
            used = sum(cell_len(piece.text) for piece in cells) + 2
            room = Piece(" " * max(0, width - 2 - used), "text", over)
            end = [Piece(" "), Piece("┃", "axis")] if number in bar else []
            rows.append([mark, *cells, room, *end])
        return rows

    def _columns(self, room: int) -> list[_Column]:
        """Return the columns for which there is room."""
        if room >= _WIDE:
            columns = [_Column("run", self._name_width)]
        else:
            columns = [_Column("when", 16 if room >= _DATED else 11)]
        columns.append(_Column("state", 10))
        if room >= _MIDDLE:
            columns += [_Column("networks", 15, True), _Column("size", 7, True)]
        else:
            columns.append(_Column("nets", 6, True))
        used = sum(column.width + len(_GAP) for column in columns)
        return [*columns, _Column("experiment", max(1, room - used))]

    def _cells(self, entry: RunEntry, columns: Sequence[_Column], here: bool, over: str) -> list[Piece]:
        """Return the cells of a run."""
        known = self._known.get(entry.name)
        row: list[Piece] = []
        for column in columns:
            text, role = _cell(column, entry, known)
            if column.title == "experiment" and known is not None and known.status.mixed:
                row.append(Piece("mixed ", "warn", over))
                column = column._replace(width=column.width - 6)
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


def _cell(column: _Column, entry: RunEntry, known: Known | None) -> tuple[str, str]:
    """Return the text of one cell and its role."""
    if column.title == "run":
        return entry.name, "text"
    if column.title == "when":
        return when_text(entry.name)[-column.width :], "text"
    if known is None:
        return ("…" if column.title == "state" else ""), "dim"
    status = known.status
    if column.title == "state":
        return state_text(status), _role(status)
    if column.title == "size":
        return ("…" if known.size is None else size_text(known.size)), "dim"
    if column.title == "experiment":
        return _one_line(status.about) or "(not known)", "text" if status.about else "dim"
    if column.title == "nets":
        return count_text(status.samples), "text"
    return f"{count_text(status.samples)} / {count_text(status.target)}", "text"


def state_text(status: Status) -> str:
    """Return the glyph and the word of a state."""
    return f"{GLYPHS[status.state]} {status.state.value}"


def when_text(name: str) -> str:
    """Return when a run began, to the minute, from its name."""
    return f"{name[:4]}-{name[4:6]}-{name[6:8]} {name[9:11]}:{name[11:13]}"


def cut(text: str, width: int) -> str:
    """Return a text of at most so many cells, with an ellipsis where something is missing."""
    return text if cell_len(text) <= width else set_cell_size(text, max(0, width - 1)).rstrip() + "…"


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
