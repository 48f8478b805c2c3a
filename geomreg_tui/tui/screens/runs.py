"""The runs list: every run on disk, to open, compare, export, check or delete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.reactive import Reactive
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input

from geomreg_tui.errors import plain_text
from geomreg_tui.rundir import RunEntry, RunState
from geomreg_tui.runner.registry import delete_run
from geomreg_tui.runner.verify import verify_run
from geomreg_tui.tui.numbers import count_text, duration_text, size_text
from geomreg_tui.tui.run_reader import Known, Listed, News, Read, RunReader
from geomreg_tui.tui.threads import in_thread
from geomreg_tui.tui.widgets.fields import PlainInput
from geomreg_tui.tui.widgets.keyline import KeyLine
from geomreg_tui.tui.widgets.rows import Piece, Roles, follow_theme
from geomreg_tui.tui.widgets.runs import NotesWidget, RunsList, state_text, when_text

__all__ = ["RunChoice", "RunsScreen"]

_FRAME = 4  # cells of borders
_ROOMY = 72  # columns from which counts are followed by what is counted


@dataclass(frozen=True)
class RunChoice:
    """What is to be done with which run."""

    action: Literal["open", "compare", "export"]
    path: Path


class RunsScreen(ModalScreen[RunChoice | None]):
    """Lists the runs of the catalogue, newest first. Ends with a choice, or with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose('open')", "Open"),
        Binding("c", "choose('compare')", "Compare"),
        Binding("e", "choose('export')", "Export"),
        Binding("d", "delete", "Delete"),
        Binding("v", "verify", "Verify"),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("escape", "back", "Close"),
        Binding("q,r", "dismiss", "Close", show=False),
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "end(-1)", "First", show=False),
        Binding("end", "end(1)", "Last", show=False),
    ]

    # Textual paints the whole screen anew when the focus moves; the two widgets concerned are enough.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    @dataclass
    class Updated(Message):
        """The reader has something new."""

        news: News

    @dataclass
    class Done(Message):
        """A run was deleted or checked, or could not be."""

        result: tuple[str, bool] | None
        problem: str

    def __init__(self) -> None:
        super().__init__()
        self._reader = RunReader(lambda news: self.post_message(self.Updated(news)))
        self._entries: tuple[RunEntry, ...] | None = None
        self._known: dict[str, Known] = {}
        self._searched: dict[str, str] = {}  # what the filter looks at, of runs whose state is known
        self._complete = False
        self._words: list[str] = []
        self._asked: RunEntry | None = None  # the run of which it is asked whether to delete it
        self._busy = ""
        self._notice: Piece | None = None

    def compose(self) -> ComposeResult:
        """A line to filter by, the list, two lines about the selected run, the keys."""
        yield Roles()
        with Vertical(id="runs", classes="dialog") as dialog:
            dialog.border_title = "Runs"
            dialog.border_subtitle = "escape closes"
            with Horizontal(id="runs-head"):
                filter_by = PlainInput(placeholder="/ filters by any words", compact=True, id="runs-filter")
                filter_by.cursor_blink = False  # a blinking cursor sends bytes for ever
                yield filter_by
                yield NotesWidget(id="runs-count")
            yield RunsList(id="runs-list")
            yield NotesWidget(id="runs-about")
            yield KeyLine(id="runs-keys")

    def on_mount(self) -> None:
        """Have the folder read."""
        self._list.focus()
        follow_theme(self)
        self.query_one(KeyLine).offer(self.BINDINGS, self.check_action)
        self._reader.start()
        self._refill()

    def on_unmount(self) -> None:
        """Close the reader."""
        self._reader.close()

    @property
    def _list(self) -> RunsList:
        return self.query_one(RunsList)

    # Reading and drawing

    @on(Updated)
    def _updated(self, event: Updated) -> None:
        news = event.news
        if isinstance(news, Listed):
            self._entries, self._complete = news.entries, False
            self._refill()
        elif isinstance(news, Read):
            self._known.update(news.known)
            for name, known in news.known.items():
                text = f"{name} {when_text(name)} {known.status.about}"
                self._searched[name] = text.casefold()
            self._complete |= news.complete
            if self._words:
                self._refill()
            else:
                self._list.redraw()
                self._draw()
        else:
            self._say(f"! {news.message}", "warn")

    def _refill(self) -> None:
        """Show the runs that the filter lets through."""
        entries = self._entries or ()
        if self._words:
            entries = tuple(entry for entry in entries if self._passes(entry.name))
        self._list.show(entries, self._known, self._why_empty())
        self._draw()

    def _passes(self, name: str) -> bool:
        text = self._searched.get(name) or f"{name} {when_text(name)}".casefold()
        return all(word in text for word in self._words)

    def _why_empty(self) -> tuple[str, ...]:
        if self._entries is None:
            return ("… reading the folder of runs",)
        if not self._entries:
            return (
                "There are no runs yet.",
                "",
                "To make one: close this list and press space,",
                "or use 'geomreg-tui run' in a shell.",
            )
        if self._complete:
            return ("No run has that in its name or experiment.", "", "escape clears the filter.")
        return ("… searching",)

    @on(RunsList.Moved)
    def _moved(self) -> None:
        self._draw()

    def _draw(self) -> None:
        """Draw what is not in the list, and have the rows on view read."""
        entry, shown, total = self._list.selected, len(self._list.entries), len(self._entries or ())
        self._reader.want(self._list.on_view, everything=bool(self._words))
        count = f"{total:,} run{'s' * (total != 1)}" if self._entries is not None else ""
        if self._words and count:
            count = f"{shown:,} of {count}" + ("" if self._complete else ", searching …")
        self.query_one("#runs-count", NotesWidget).show(Piece(count, "dim"), right=True)
        known = self._known.get(entry.name) if entry else None
        first, second = Piece(""), Piece("")
        roomy = self.app.size.width >= _ROOMY
        if entry is not None and known is not None:
            facts = [entry.name, *_counts(known, roomy)]
            facts += ["mixed environments"] if known.status.mixed else []
            facts.append(f"sampled for {duration_text(known.status.elapsed_s)}")
            room = self.app.size.width - _FRAME
            while len(facts) > 1 and cell_len(" · ".join(facts)) > room:
                facts.pop()  # half a fact is none
            first = Piece(" · ".join(facts), "strong")
            failed = known.status.state is RunState.FAILED
            second = Piece(known.status.message, "warn") if failed else Piece(known.status.about)
        elif entry is not None:
            first = Piece(entry.name, "strong")
        if self._asked is not None:
            about = self._known.get(self._asked.name)
            facts = [state_text(about.status), *_counts(about, roomy)] if about else ["not read yet"]
            second = Piece(f"Delete? y/n   {' · '.join(facts)}", "warn")
        elif self._busy or self._notice is not None:
            second = Piece(self._busy, "mark") if self._busy else self._notice or Piece("")
        self.query_one("#runs-about", NotesWidget).show(first, second)

    def _say(self, text: str, role: str = "strong") -> None:
        self._notice = Piece(plain_text(text), role)
        self._draw()

    # Keys

    def on_key(self, event: events.Key) -> None:
        """Answer the question, or begin to filter with a letter that is no key of the list."""
        self._notice = None
        if self._asked is not None:
            event.stop()
            entry, self._asked = self._asked, None
            if event.key == "y":
                self._work(f"… deleting {entry.name}", lambda: _delete(entry))
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
        self._words = event.value.casefold().split()
        self._refill()

    def on_click(self) -> None:
        """Answer a question with no, as any key but y does."""
        self._asked = self._notice = None
        self._draw()

    @on(RunsList.Opened)
    def _clicked(self) -> None:
        self.action_choose("open")

    def action_choose(self, action: Literal["open", "compare", "export"]) -> None:
        """Close the list with a choice."""
        if (entry := self._list.selected) is not None:
            self.dismiss(RunChoice(action, entry.path))

    def action_filter(self) -> None:
        """Type what to filter by."""
        self._filter.focus()

    def action_back(self) -> None:
        """Clear the filter; close the list where there is none."""
        if self._words or self.focused is self._filter:
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

    def action_delete(self) -> None:
        """Ask whether the selected run is to be deleted."""
        if self._list.selected is not None and not self._is_busy():
            self._asked = self._list.selected
            self._draw()

    def action_verify(self) -> None:
        """Check everything that the selected run keeps."""
        if (entry := self._list.selected) is not None and not self._is_busy():
            self._work(f"… checking {entry.name}", lambda: _verify(entry))

    # Work in threads

    def _is_busy(self) -> bool:
        if self._busy:
            self.notify(f"One thing at a time: {self._busy}", markup=False)
        return bool(self._busy)

    def _work(self, doing: str, work: Callable[[], tuple[str, bool]]) -> None:
        self._busy = doing
        in_thread("runs", work, lambda done, problem: self.post_message(self.Done(done, problem)))
        self._draw()

    @on(Done)
    def _done(self, event: Done) -> None:
        self._busy = ""
        self._reader.look_again()
        text, good = event.result or (f"! {event.problem}", False)
        self._say(text, "strong" if good else "warn")


def _counts(known: Known, roomy: bool) -> list[str]:
    status = known.status
    counts = f"{count_text(status.samples)} / {count_text(status.target)}"
    size = "size not known yet" if known.size is None else size_text(known.size)
    return [counts + (" networks" if roomy else ""), size]


def _delete(entry: RunEntry) -> tuple[str, bool]:
    kept = delete_run(entry.path)
    return f"Deleted {entry.name}" + (f"; kept what is not ours: {', '.join(kept)}" if kept else ""), True


def _verify(entry: RunEntry) -> tuple[str, bool]:
    found = verify_run(entry.path)
    counts = f"{count_text(found.samples)} networks in {found.files} file{'s' * (found.files != 1)}"
    if found.problems:
        number = len(found.problems)
        problems = "1 PROBLEM" if number == 1 else f"{number} PROBLEMS"
        return f"{entry.name}: {problems}, {counts}: {'; '.join(found.problems)}", False
    notes = f"; {'; '.join(found.notes)}" if found.notes else ""
    return f"{entry.name}: ok, every checksum is right, {counts}{notes}", True
