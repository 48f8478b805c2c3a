"""The list of all that is on disk: to open, go on with, name, compare, export, check or delete."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.reactive import Reactive
from textual.widget import Widget
from textual.widgets import Input

from geomreg_tui.errors import ExperimentError, GeomregError, one_line
from geomreg_tui.listing import (
    GROUPS,
    KEYS,
    Condition,
    parse_condition,
    sort_rows,
    status_of,
)
from geomreg_tui.listing.order import NEWEST
from geomreg_tui.listing.row import FOUND, SIZE, when_text
from geomreg_tui.rundir import RunEntry
from geomreg_tui.rundir.elsewhere import RUN, SWEEP
from geomreg_tui.tui.bindings import LINES
from geomreg_tui.tui.run_reader import FINDINGS, ROWS, SIZES, Listed, Read
from geomreg_tui.tui.screens.choice import Action, RunChoice
from geomreg_tui.tui.screens.compared import runs_compared
from geomreg_tui.tui.screens.export import ExportScreen, SweepExportScreen
from geomreg_tui.tui.screens.labels import LabelsScreen
from geomreg_tui.tui.screens.log import LogScreen
from geomreg_tui.tui.screens.run_work import RunWorkScreen, delete_entries
from geomreg_tui.tui.widgets.fields import PlainInput
from geomreg_tui.tui.widgets.keyline import KeyLine
from geomreg_tui.tui.widgets.rows import Piece, Roles, follow_theme
from geomreg_tui.tui.widgets.run_facts import about_lines
from geomreg_tui.tui.widgets.runs import NotesWidget, RunsList

__all__ = ["RunsScreen"]

_FRAME = 4  # cells of borders
_MOST_COMPARED = 6
_BROAD = 128  # columns from which all keys are on one line


class RunsScreen(RunWorkScreen):
    """Lists all that is on disk, or one kind of it, newest first. Ends with a choice, or with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose('open')", "Open"),
        Binding("d", "delete", "Delete"),
        Binding("c", "choose('compare')", "Compare"),
        Binding("e", "export", "Export"),
        Binding("v", "verify", "Verify"),
        Binding("space", "mark", "Mark", key_display="space"),
        Binding("n", "label", "Name"),
        Binding("l", "log", "Log"),
        Binding("g", "choose('go on')", "Go on"),
        Binding("o", "order", "Order"),
        Binding("O", "reverse", "Reverse", show=False),
        Binding("asterisk", "mark_all", "Mark all", show=False),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("escape", "back", "Close"),
        Binding("q,r", "dismiss", "Close", show=False),
        *LINES,
    ]

    # Textual paints the whole screen anew when the focus moves; the two widgets concerned are enough.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    def __init__(self, only: str | None = None) -> None:
        """Make the list, of one kind of entries alone if wanted."""
        super().__init__()
        self._only = only
        self._read_of_all: frozenset[str] = frozenset()
        self._condition = Condition()

    def compose(self) -> ComposeResult:
        """A line to filter by, the list, three lines about the selected run, the keys."""
        yield Roles()
        with Vertical(id="runs", classes="dialog") as dialog:
            dialog.border_title = "Runs and sweeps" if self._only is None else f"{self._only.capitalize()}s"
            dialog.border_subtitle = "escape closes"
            with Horizontal(id="runs-head"):
                yield PlainInput(placeholder="/ filters: width>64 init:he*", id="runs-filter")
                yield NotesWidget(id="runs-count")
            yield RunsList(id="runs-list")
            yield NotesWidget(id="runs-about")
            yield KeyLine(2, id="runs-keys")

    def on_mount(self) -> None:
        """Have the folders read."""
        self._list.focus()
        follow_theme(self)
        self.query_one(KeyLine).offer(self.BINDINGS, self.check_action)
        self._reader.start()
        self._refill()

    def on_resize(self, event: events.Resize) -> None:
        """Give the keys a second line where one is too short."""
        self.set_class(event.size.width < _BROAD, "-narrow")

    def on_unmount(self) -> None:
        """Close the reader."""
        self._reader.close()

    # Reading and drawing

    @on(RunWorkScreen.Updated)
    def _updated(self, event: RunWorkScreen.Updated) -> None:
        news = event.news
        if isinstance(news, Listed):
            self._read_of_all = frozenset()
            self._entries = tuple(entry for entry in news.entries if self._only in (None, entry.kind))
            self._list.marked &= {entry.path for entry in news.entries}
            self._refill()
        elif isinstance(news, Read):
            self._known.update(news.known)
            self._read_of_all |= news.complete
            if self._wanted:
                self._refill()
            else:
                self._list.redraw()
                self._draw()
        else:
            self._say(f"! {news.message}", "warn")

    @property
    def _wanted(self) -> frozenset[str]:
        """What has to be read of all runs, for filter and order."""
        order, condition = self._list.order, self._condition
        wanted = {ROWS} if condition.terms or order != NEWEST else set()
        wanted |= {FINDINGS} if condition.asks_for(FOUND) or order in FOUND else set()
        wanted |= {SIZES} if condition.asks_for(SIZE) or order in SIZE else set()
        return frozenset(wanted)

    def _refill(self) -> None:
        """Show the runs that the filter lets through, in order."""
        entries: Sequence[RunEntry] = self._entries or ()
        listed = self._list
        if self._condition.terms:
            entries = tuple(entry for entry in entries if self._passes(entry))
        if listed.order != NEWEST:
            rows = [self._known[entry.path] for entry in entries if entry.path in self._known]
            unread = [entry for entry in entries if entry.path not in self._known]
            ordered = sort_rows(rows, listed.order, reverse=listed.reverse)
            entries = (*(row.entry for row in ordered), *unread)
        elif listed.reverse:
            entries = tuple(reversed(entries))
        listed.show(entries, self._known, self._why_empty())
        self._draw()

    def _passes(self, entry: RunEntry) -> bool:
        row = self._known.get(entry.path)
        if row is not None:
            return self._condition.holds(row)
        text = f"{entry.name} {when_text(entry.begun)}".casefold()
        return self._condition.words and all(term.value in text for term in self._condition.terms)

    def _why_empty(self) -> tuple[str, ...]:
        if self._entries is None:
            return ("… reading the folder of runs",)
        if not self._entries:
            return (
                f"There are no {self._only or 'run'}s yet.",
                "",
                "To make one: close this list and press space,",
                f"or use 'geomreg-tui {self._only or 'run'}' in a shell.",
            )
        if self._wanted <= self._read_of_all:
            return ("No run has that in its name, settings or experiment.", "", "escape clears the filter.")
        return ("… searching",)

    @on(RunsList.Moved)
    def _moved(self) -> None:
        self._draw()

    def _draw(self) -> None:
        """Draw what is not in the list, and have the rows on view read."""
        listed = self._list
        entry, shown, total = listed.selected, len(listed.entries), len(self._entries or ())
        wanted = self._wanted
        self._reader.want(listed.on_view, wanted)
        count = f"{total:,} {self._only or 'run'}{'s' * (total != 1)}" if self._entries is not None else ""
        if self._condition.terms and count:
            count = f"{shown:,} of {count}"
        count += f", {len(listed.marked):,} marked" if listed.marked else ""
        count += ", searching …" if count and not wanted <= self._read_of_all else ""
        self.query_one("#runs-count", NotesWidget).show(Piece(count, "dim"), right=True)
        lines = about_lines(
            entry, self._known.get(entry.path) if entry else None, self.app.size.width - _FRAME
        )
        if self._asked:
            lines[1] = Piece(f"Delete? y/n   {self._question()}", "warn")
        elif self._busy or self._notice is not None:
            lines[1] = Piece(self._busy, "mark") if self._busy else self._notice or Piece("")
        self.query_one("#runs-about", NotesWidget).show(*lines)

    # Keys

    def on_key(self, event: events.Key) -> None:
        """Answer the question, or begin to filter with a letter that is no key of the list."""
        self._notice = None
        if self._asked:
            event.stop()
            entries, self._asked = self._asked, []
            if event.key == "y":
                what = entries[0].name if len(entries) == 1 else f"{len(entries):,} of the list"
                self._list.marked.clear()
                self._work(f"… deleting {what}", lambda: delete_entries(entries))
            else:
                self._say("Nothing was deleted.")
        elif self.focused is self._filter:
            if event.key == "enter":
                event.stop()
                self._list.focus()
        elif event.is_printable and event.character and not self._bound(event.key):
            event.stop()
            self._filter.focus()
            self._filter.insert_text_at_cursor(event.character)

    def _bound(self, key: str) -> bool:
        return key in self._bindings.key_to_bindings

    @property
    def _filter(self) -> PlainInput:
        return self.query_one("#runs-filter", PlainInput)

    @on(Input.Changed)
    def _filtered(self, event: Input.Changed) -> None:
        event.stop()
        try:
            self._condition = parse_condition(event.value, KEYS)
        except ExperimentError as error:  # half of a term, perhaps: what was there before goes on
            self._say(one_line(f"! {error.problems[0]}").removeprefix("! where: "), "warn")
            return
        self._refill()

    def on_click(self) -> None:
        """Answer a question with no, as any key but y does."""
        self._asked, self._notice = [], None
        self._draw()

    @on(RunsList.Opened)
    def _clicked(self) -> None:
        self.action_choose("open")

    @on(RunsList.Ordered)
    def _title_clicked(self, event: RunsList.Ordered) -> None:
        self._order_by(event.key, reverse=event.key == self._list.order and not self._list.reverse)

    def action_choose(self, action: Action) -> None:
        """Close the list with a choice."""
        if (entry := self._list.selected) is None:
            return
        marked = [e for e in self._list.entries if e.path in self._list.marked]
        if action == "compare" and len(marked) > 1:
            self._compare(marked)
        elif entry.kind != RUN and action == "compare":
            what = "sweep" if entry.kind == SWEEP else "folder of sweeps"
            self._say(f"A {what} is many runs: open it, and compare its points there.")
        else:
            self.dismiss(RunChoice(action, entry.path, entry.kind))

    def action_export(self) -> None:
        """Offer to write the selected run or sweep to a file; the list is there again after that."""
        entry = self._list.selected
        if entry is not None and entry.kind in GROUPS:
            self._say("A folder of sweeps: open it; its sweeps are exported one by one.")
        elif entry is not None:
            kind = SweepExportScreen if entry.kind == SWEEP else ExportScreen
            going = False
            with contextlib.suppress(GeomregError):  # what cannot be read is said by the dialog
                going = not status_of(entry).state.over
            self.app.push_screen(kind(entry.path, going))

    def _compare(self, entries: Sequence[RunEntry]) -> None:
        """Show the marked runs side by side, the first of the list first."""
        if len(entries) > _MOST_COMPARED or any(entry.kind != RUN for entry in entries):
            self._say(f"Two to {_MOST_COMPARED} runs are compared, and no sweeps; others are marked.", "warn")
        else:
            self.app.push_screen(runs_compared([entry.path for entry in entries]))

    def action_mark(self) -> None:
        """Mark the selected run, or let go of it, and select the next."""
        if (entry := self._list.selected) is not None:
            self._list.marked ^= {entry.path}
            self._list.move(1)

    def action_mark_all(self) -> None:
        """Mark all runs that are listed; none, where all of them are."""
        paths = {entry.path for entry in self._list.entries}
        self._list.marked = (
            self._list.marked - paths if paths <= self._list.marked else self._list.marked | paths
        )
        self._list.redraw()
        self._draw()

    def action_order(self) -> None:
        """Sort by the next column."""
        keys = self._list.order_keys
        order = self._list.order
        place = keys.index(order) + 1 if order in keys else 0
        self._order_by(keys[place % len(keys)], reverse=False)

    def action_reverse(self) -> None:
        """Sort the other way around."""
        self._order_by(self._list.order, reverse=not self._list.reverse)

    def _order_by(self, key: str, *, reverse: bool) -> None:
        self._list.order, self._list.reverse = key, reverse
        self._refill()

    def action_label(self) -> None:
        """Change name, tags and note of the selected run."""

        def changed(done: bool | None) -> None:
            if done and entry is not None:
                self._reader.look_again([entry.path])

        if (entry := self._list.selected) is not None:
            self.app.push_screen(LabelsScreen(entry), changed)

    def action_log(self) -> None:
        """Show what happened to the selected run."""
        if (entry := self._list.selected) is not None:
            self.app.push_screen(LogScreen(entry))

    def action_filter(self) -> None:
        """Type what to filter by."""
        self._filter.focus()

    def action_back(self) -> None:
        """Clear the filter; close the list where there is none."""
        if self._filter.value or self.focused is self._filter:
            self._filter.value = ""
            self._list.focus()
        else:
            self.dismiss(None)

    def action_move(self, step: int) -> None:
        """Select the run so many rows below."""
        self._list.move(step)

    def action_page(self, direction: int) -> None:
        """Select a run a page further."""
        self._list.move_page(direction)

    def action_end(self, direction: int) -> None:
        """Select the first or the last run."""
        self._list.move_to_end(direction)
