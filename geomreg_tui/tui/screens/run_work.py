"""Work on entries of the list of runs: they are deleted, when that is confirmed, and checked, in threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from textual import on
from textual.message import Message
from textual.screen import ModalScreen

from geomreg_tui.errors import plain_text
from geomreg_tui.formatting import size_text
from geomreg_tui.listing import GROUPS, Row, delete_entry, run_paths
from geomreg_tui.rundir import RunEntry
from geomreg_tui.rundir.elsewhere import SWEEP
from geomreg_tui.runner.verify import verify_run
from geomreg_tui.tui.numbers import count_text
from geomreg_tui.tui.run_reader import News, RunReader
from geomreg_tui.tui.screens.choice import RunChoice
from geomreg_tui.tui.threads import in_thread
from geomreg_tui.tui.widgets.rows import Piece
from geomreg_tui.tui.widgets.run_facts import counts_text
from geomreg_tui.tui.widgets.runs import RunsList

__all__ = ["RunWorkScreen", "delete_entries"]


class RunWorkScreen(ModalScreen[RunChoice | None]):
    """A list of what is on disk, of which the selected or the marked entries are worked on."""

    @dataclass
    class Updated(Message):
        """The reader has something new."""

        news: News

    @dataclass
    class Done(Message):
        """Runs were deleted or checked, or could not be."""

        result: tuple[str, bool] | None
        problem: str

    @dataclass
    class Added(Message):
        """It is known what the runs to be deleted take."""

        sizes: list[int] | None

    def __init__(self) -> None:
        super().__init__()
        self._reader = RunReader(lambda news: self.post_message(self.Updated(news)))
        self._entries: tuple[RunEntry, ...] | None = None
        self._known: dict[Path, Row] = {}
        self._asked: list[RunEntry] = []  # of which it is asked whether to delete them
        self._asked_size: int | None = None
        self._busy = ""
        self._notice: Piece | None = None

    @property
    def _list(self) -> RunsList:
        return self.query_one(RunsList)

    def _draw(self) -> None:
        """Draw what is not in the list."""
        raise NotImplementedError

    def _say(self, text: str, role: str = "strong") -> None:
        self._notice = Piece(plain_text(text), role)
        self._draw()

    def action_delete(self) -> None:
        """Ask whether the marked runs are to be deleted, or the selected one where none is marked."""
        selected = self._list.selected
        if selected is None or self._is_busy():
            return
        marked = [entry for entry in self._entries or () if entry.path in self._list.marked]
        self._asked, self._asked_size = marked or [selected], None
        if len(self._asked) > 1:
            asked = self._asked
            in_thread(
                "sizes",
                lambda: [entry.size() for entry in asked],
                lambda sizes, _: self.post_message(self.Added(sizes)),
            )
        self._draw()

    @on(Added)
    def _added(self, event: Added) -> None:
        if self._asked and event.sizes is not None and len(event.sizes) == len(self._asked):
            self._asked_size = sum(event.sizes)
            self._draw()

    def action_verify(self) -> None:
        """Check everything that the selected run keeps."""
        if (entry := self._list.selected) is not None and not self._is_busy():
            self._work(f"… checking {entry.name}", lambda: _verify(entry))

    def _question(self) -> str:
        """Return what is to be deleted."""
        if len(self._asked) == 1:
            known = self._known.get(self._asked[0].path)
            return " · ".join(counts_text(known, self.app.size.width)) if known else "not read yet"
        sweeps = sum(entry.kind == SWEEP for entry in self._asked)
        folders = sum(entry.kind in GROUPS for entry in self._asked)
        runs = len(self._asked) - sweeps - folders
        kinds = [f"{runs:,} run{'s' * (runs != 1)}"] if runs else []
        kinds += [f"{sweeps:,} sweep{'s' * (sweeps != 1)} with all points"] if sweeps else []
        kinds += [f"{folders:,} folder{'s' * (folders != 1)} of sweeps"] if folders else []
        size = "" if self._asked_size is None else f", {size_text(self._asked_size)} on disk"
        return " and ".join(kinds) + size

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


def delete_entries(entries: Sequence[RunEntry]) -> tuple[str, bool]:
    """Delete entries; return what to say of it, and whether it is good."""
    kept = [name for entry in entries for name in delete_entry(entry)]
    what = entries[0].name if len(entries) == 1 else f"{len(entries):,} of the list"
    return f"Deleted {what}" + (f"; kept what is not ours: {', '.join(kept)}" if kept else ""), True


def _verify(entry: RunEntry) -> tuple[str, bool]:
    found = [verify_run(path) for path in run_paths(entry)]
    files, samples = sum(each.files for each in found), sum(each.samples for each in found)
    counts = f"{count_text(samples)} networks in {files} file{'s' * (files != 1)}"
    problems = [problem for each in found for problem in each.problems]
    if problems:
        number = "1 PROBLEM" if len(problems) == 1 else f"{len(problems)} PROBLEMS"
        return f"{entry.name}: {number}, {counts}: {'; '.join(problems)}", False
    listed = [note for each in found for note in each.notes]
    notes = f"; {'; '.join(listed)}" if listed else ""
    return f"{entry.name}: ok, every checksum is right, {counts}{notes}", True
