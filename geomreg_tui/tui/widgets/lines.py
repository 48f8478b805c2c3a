"""The header line and the status line."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

from rich.cells import cell_len, set_cell_size

from geomreg_tui.errors import plain_text
from geomreg_tui.experiment import Experiment
from geomreg_tui.formatting import decimal_text
from geomreg_tui.rundir import RunState
from geomreg_tui.runner.progress import stage_progress, stage_work
from geomreg_tui.runner.snapshot import Snapshot
from geomreg_tui.statistics.intervals import Interval
from geomreg_tui.summary import Facts
from geomreg_tui.tui.eta import TimeLeft, time_text
from geomreg_tui.tui.numbers import count_text, interval_text
from geomreg_tui.tui.widgets.rows import Piece, RowsWidget, cut_row, flow

__all__ = ["GLYPHS", "EndsLine", "HeaderLine", "StatusLine", "headline_texts", "progress_bar"]

GLYPHS = {
    RunState.STARTING: "…",
    RunState.SAMPLING: "▶",
    RunState.PAUSED: "‖",
    RunState.STOPPED: "■",
    RunState.DONE: "✓",
    RunState.FAILED: "✗",
}
_BAR, _SHORT_BAR = 20, 10  # cells
_EIGHTHS = " ▏▎▍▌▋▊▉"
_STALE = 2.0  # seconds after which the age of the live file is worth a word


class HeaderLine(RowsWidget):
    """What is on view, in one line."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._left = ""
        self._right = ""

    def show(self, experiment: Experiment, facts: Facts | None, snapshot: Snapshot | None) -> None:
        """Draw an experiment, with sizes once they are known, and where and how fast it is sampled."""
        sizes = (facts.input_size, facts.output_size) if facts else (None, None)
        self._left = experiment.describe(*sizes)
        parts = []
        if snapshot is not None and snapshot.mixed:
            parts.append("MIXED environments")
        if facts:
            parts.append(f"{facts.experiment.sampler} sampler")
        if snapshot is not None and snapshot.device:
            parts.append(plain_text(snapshot.device))
        if facts and snapshot is not None and snapshot.rate > 0:
            parts.append(f"{count_text(snapshot.rate)} networks/s")
        self._right = " · ".join(parts)
        self.redraw()

    def paint(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """Draw name and experiment at the left, sampler and rate at the right."""
        name = "geomreg-tui  " if width >= 100 else ""
        room = width - len(name) - cell_len(self._right) - 2
        left, right = self._left, self._right
        if room < cell_len(left) and width < 100:
            right, room = "", width - len(name)
        if cell_len(left) > room:
            left = set_cell_size(left, max(0, room - 1)) + "…"
        gap = " " * max(0, width - len(name) - cell_len(left) - cell_len(right))
        return [[Piece(name, "strong"), Piece(left), Piece(gap), Piece(right, "dim")]]


class EndsLine(RowsWidget):
    """Pieces at the left, and others at the right."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._left: Sequence[Piece] = ()
        self._right: Sequence[Piece] = ()

    def show(self, left: Sequence[Piece], right: Sequence[Piece] = ()) -> None:
        """Draw pieces at both ends."""
        self._left, self._right = tuple(left), tuple(right)
        self.redraw()

    def paint(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """Draw the line; what is at the right is left out where both do not fit."""
        left = sum(cell_len(piece.text) for piece in self._left)
        right = sum(cell_len(piece.text) for piece in self._right)
        if right and left + 2 + right <= width:
            return [[*self._left, Piece(" " * (width - left - right)), *self._right]]
        return flow([self._left], width)


class StatusLine(RowsWidget):
    """State, progress, counts, time left and the age of the live file, in one line."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._drawn: list[list[Piece]] = []
        self._headline: tuple[str, ...] = ()
        self._time_left = TimeLeft()

    def show(
        self,
        snapshot: Snapshot | None,
        what: str,
        notice: str,
        aside: str,
        directory: Path | None,
        headline: Sequence[str] = (),
    ) -> None:
        """Draw a snapshot.

        Args:
            snapshot: of what is on view; None before the first.
            what: "preview" or "run".
            notice: shown instead of the state where not empty.
            aside: a word on a run that is not on view.
            directory: of the run on view.
            headline: at the right, in shorter and shorter words; the shortest is always there.
        """
        self._headline = tuple(headline)
        dim = None if aside else directory  # there is no room for both
        if notice:
            drawn = [[Piece(notice, "warn")]]
        elif snapshot is None:
            drawn = [[Piece(f"… {what}: waiting for the first networks", "dim")]]
        else:
            subject = what, directory, snapshot.request, snapshot.target
            left = self._time_left.of_run(subject, snapshot)
            drawn = [_progress(snapshot, what, left, *how) for how in _ways(dim)]
        last = [Piece("   " + aside, "mark")] if aside else []
        self._drawn = [[*pieces, *last] for pieces in drawn]
        self.redraw()

    def paint(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """Draw the line: the fullest that fits, or the shortest, cut."""
        for headline in self._headline or ("",):
            room = width - cell_len(headline) - 2 if headline else width
            for row in self._drawn:
                if _cells(row) <= room:
                    return [_ended(row, headline, width)]
        headline = self._headline[-1] if self._headline else ""
        room = width - cell_len(headline) - 2 if headline else width
        return [_ended(cut_row(row, max(1, room)), headline, width) for row in self._drawn[-1:]]


def headline_texts(dominance: Interval) -> tuple[str, ...]:
    """Return D_0 with its interval, and in fewer cells without it."""
    return f"D0 {interval_text(dominance, 3, 2)}", f"D0 {decimal_text(dominance.estimate, 2)}"


def _cells(row: Sequence[Piece]) -> int:
    return sum(cell_len(piece.text) for piece in row)


def _ended(row: Sequence[Piece], headline: str, width: int) -> list[Piece]:
    """Return a row with a headline at its right end, if there is one."""
    if not headline:
        return list(row)
    gap = " " * (width - _cells(row) - cell_len(headline))
    return [*row, Piece(gap), Piece(headline, "strong")]


def _ways(directory: Path | None) -> list[tuple[int, str, bool]]:
    """Return the ways to draw the line, fuller ones first: cells of the bar, where it is kept, asides."""
    ways = [
        (_BAR, "", True),
        (_SHORT_BAR, "", True),
        (_BAR, "", False),
        (_SHORT_BAR, "", False),
        (0, "", False),
    ]
    if directory is not None:
        path, name = plain_text(_from_home(directory)), plain_text(directory.name)
        ways = [
            (_BAR, f"in {path}", True),
            (_BAR, f"as {name}", True),
            (_SHORT_BAR, f"as {name}", True),
            *ways,
        ]
    return ways


def _from_home(path: Path) -> str:
    """Return a path as shells write it."""
    with contextlib.suppress(ValueError, RuntimeError):
        return f"~/{path.relative_to(Path.home())}"
    return str(path)


def _progress(snapshot: Snapshot, what: str, left: float, bar: int, kept: str, asides: bool) -> list[Piece]:
    state = snapshot.state
    pieces = [
        Piece(f"{GLYPHS[state]} {what} {state.value}  ", "warn" if state is RunState.FAILED else "strong")
    ]
    if state is RunState.FAILED:
        return [*pieces, Piece(plain_text(snapshot.message).replace("\n", "; "), "warn")]
    stage = stage_progress(snapshot)
    if stage.name != "sampling" and stage.total and not state.over:
        work = stage_work(snapshot)
        pieces += progress_bar(stage.done / stage.total if work is None else work.share, bar)
        note = stage.note if asides else stage.note.partition(",")[0]
        pieces.append(Piece(f"  {stage.name}: {stage.done:,} of {stage.total:,} {note}"))
        if state is RunState.SAMPLING:
            pieces.append(Piece(f"  {time_text(left)}"))
    elif snapshot.target:
        share = min(1.0, snapshot.samples / snapshot.target)
        pieces += progress_bar(share, bar)
        pieces.append(Piece(f"  {count_text(snapshot.samples)} / {count_text(snapshot.target)}"))
    if state is RunState.SAMPLING and stage.name == "sampling" and snapshot.rate > 0:
        pieces.append(Piece(f"  {time_text(left)}"))
        age = time.time() - snapshot.written_at
        if age > _STALE:
            pieces.append(Piece(f"  live file {age:.0f} s old", "warn"))
        elif what == "run" and asides:
            pieces.append(Piece(f"  live file {max(age, 0):.1f} s old", "dim"))
    if snapshot.message:
        pieces.append(Piece("  " + plain_text(snapshot.message).replace("\n", "; "), "dim"))
    elif kept and state.over:
        pieces.append(Piece(f"  kept {kept}", "dim"))
    elif what == "preview" and state is RunState.DONE and asides:
        pieces.append(Piece("  space: full run", "dim"))
    return pieces


def progress_bar(share: float, cells: int = _BAR) -> list[Piece]:
    """Return a bar of which a share, from 0 to 1, is filled."""
    eighths = int(share * cells * 8)
    whole, part = divmod(eighths, 8)
    filled = "█" * whole + (_EIGHTHS[part] if part else "")
    return [Piece(filled, "bar"), Piece("░" * (cells - len(filled)), "dim")]
