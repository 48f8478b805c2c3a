"""The session: which experiment is on the knobs, which run or preview is on view, and what may be done."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from geomreg_tui.errors import GeomregError
from geomreg_tui.experiment import Experiment
from geomreg_tui.gradients.plan import GradientPlan
from geomreg_tui.rundir import RunDirectory, RunState
from geomreg_tui.runner.snapshot import Snapshot
from geomreg_tui.sampling.plan import read_plan
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.training.plan import TrainingPlan
from geomreg_tui.tui.numbers import count_text
from geomreg_tui.tui.pins import Pins
from geomreg_tui.tui.source import Run, Source, SweepRun

if TYPE_CHECKING:
    from geomreg_tui.tui.sweeps import Sweeps

__all__ = ["PREVIEW_SAMPLES", "ActiveRun", "Move", "Session"]

PREVIEW_SAMPLES = 100_000
_CHECK = 1.0  # seconds
_LOST = "its engine is gone; all that was done is kept, and space goes on with it"


@dataclass(eq=False)
class ActiveRun:
    """The full run of this session.

    Attributes:
        experiment: what it samples, as the knobs had it.
        handle: how to talk to it.
        target: networks asked for.
        state: what it was doing when last read.
        samples: networks it had drawn then.
        lost: whether its engine has gone without a word.
        checked: when that was looked at last, on the monotonic clock.
        attached: whether another process started it, and may go on with it at any time.
        stopping: whether it was told to stop here.
    """

    experiment: Experiment
    handle: Run
    target: int
    state: RunState = RunState.STARTING
    samples: int = 0
    lost: bool = False
    checked: float = 0.0
    attached: bool = False
    stopping: bool = False


class Move(Enum):
    """What the start key does now."""

    START = "start"
    EXTEND = "extend"
    PAUSE = "pause"
    RESUME = "resume"
    NOTHING = "nothing"
    INVALID = "invalid"
    WAIT = "wait"
    STOPPING = "stopping"


class Session:
    """Decides; owns no widget and does no waiting.

    What is on view: the run while the knobs show its experiment, else a preview of the knobs'. Turning a
    knob never disturbs a run; turning it back brings the run back.

    Attributes:
        experiment, samples: what the valid knobs say.
        valid: whether all knobs are valid.
        generation: grows with everything that makes older answers stale.
        run: the full run, if there was one.
        starting: whether a run is being started.
        pins: the distributions kept for comparison.
    """

    def __init__(self, source: Source, experiment: Experiment, samples: int) -> None:
        self.source = source
        self.experiment = experiment
        self.samples = samples
        self.valid = True
        self.generation = 0
        self.run: ActiveRun | None = None
        self.starting = False
        self.pins = Pins()
        self._sweeps: Sweeps | None = None
        self._request = -1
        self._others: list[ActiveRun] = []  # runs that this session started and no longer shows

    @property
    def sweeps(self) -> Sweeps:
        """The sweeps of this session; a start does without what they need."""
        if self._sweeps is None:
            from geomreg_tui.tui.sweeps import Sweeps

            self._sweeps = Sweeps(self.source)
        return self._sweeps

    @property
    def directions(self) -> tuple[tuple[str, str], ...]:
        """Factors of the sweep on view that what is shown here is a point of, and where each pushes D."""
        return self._sweeps.directions(self.experiment) if self._sweeps else ()

    def sweeps_going(self) -> list[SweepRun]:
        """Return the sweeps that this session started and that are being sampled, or paused."""
        return self._sweeps.going() if self._sweeps else []

    @property
    def shows_run(self) -> bool:
        """Whether the run is on view (otherwise a preview is)."""
        return self.run is not None and self.run.experiment == self.experiment

    @property
    def directory(self) -> Path | None:
        """Directory of the run on view; None while a preview is."""
        return self.run.handle.directory if self.run is not None and self.shows_run else None

    @property
    def aside(self) -> str:
        """A word on runs that are not on view; empty where there are none."""
        others = sum(_going(run) for run in self._others)
        parts = [f"{others} other {'runs' if others > 1 else 'run'} going on"] if others else []
        parts += ["a sweep is going on"] if self._sweeps and self._sweeps.active else []
        if self.run is not None and not self.shows_run:
            counts = f"{count_text(self.run.samples)} / {count_text(self.run.target)}"
            parts.insert(0, f"run of other settings: {self.run.state.value}, {counts}")
        return ", ".join(parts)

    @property
    def busy(self) -> bool:
        """Whether any run or sweep of this session is being sampled, or paused."""
        sweeping = self._sweeps is not None and self._sweeps.active
        return self.run_active or sweeping or any(_going(run) for run in self._others)

    @property
    def run_active(self) -> bool:
        """Whether a run is being sampled, or paused."""
        return self.run is not None and _going(self.run)

    @property
    def background(self) -> Run | None:
        """The run that goes on when the explorer is closed now, if any."""
        shown = [self.run] if self.run is not None and self.run_active else []
        return next((run.handle for run in [*shown, *self.going()] if not run.stopping), None)

    @property
    def stopping(self) -> bool:
        """Whether the run on view was told to stop and is finishing what is under way."""
        return self.run is not None and self.shows_run and self.run_active and self.run.stopping

    def stop(self) -> None:
        """Tell the run to stop; what is done is kept.

        Raises:
            RunDirectoryError: if it cannot be told.
        """
        if self.run is not None and self.run_active:
            self.run.handle.stop()
            self.run.stopping = True

    def preview(self) -> None:
        """Ask for a preview of the knobs' experiment, unless the run on view is of that."""
        self.generation += 1
        if self.shows_run:
            self.source.cancel_preview()
        else:
            self._request = self.source.preview(self.experiment, min(self.samples, PREVIEW_SAMPLES))

    def cancel_preview(self) -> None:
        """Drop the preview asked for last: its answer, should it come, is not shown."""
        self._request = -1
        self.source.cancel_preview()

    def open_run(self, directory: Path) -> None:
        """Show a run that is on disk, whoever is sampling it: :meth:`load_run`, then :meth:`show_run`.

        Raises:
            RunDirectoryError: if it is not a run directory.
        """
        self.show_run(self.load_run(directory))

    def load_run(self, directory: Path) -> ActiveRun:
        """Return a run that is on disk; blocks while files are read, so call it in a thread.

        Raises:
            RunDirectoryError: if it is not a run directory.
        """
        for run in self._own():
            if _same(run.handle.directory, directory):
                self._check(run)
                if _going(run):
                    return run
        stored = RunDirectory.open(directory)
        run = ActiveRun(stored.asked, self.source.attach(directory), read_plan(stored).samples, attached=True)
        self._check(run)
        return run

    def show_run(self, run: ActiveRun) -> None:
        """Show a run, and take its experiment for the session's.

        A run of this session that is being sampled goes on in the background.
        """
        self.cancel_preview()
        before = self.run
        if before is not None and before is not run and not before.attached and self.run_active:
            self._others.append(before)
        if run in self._others:
            self._others.remove(run)
        self.generation += 1
        self.experiment, self.samples, self.valid = run.experiment, run.target, True
        self.run = run

    def going(self) -> list[ActiveRun]:
        """Return the runs that this session started and that are being sampled, or paused."""
        self._check_others()
        self._others = [run for run in self._others if _going(run)]
        return [run for run in self._own() if _going(run)]

    def all_going(self) -> list[Run | SweepRun]:
        """Return the runs and sweeps that this session started and that go on if nobody stops them."""
        return [*(run.handle for run in self.going() if not run.stopping), *self.sweeps_going()]

    def _own(self) -> list[ActiveRun]:
        shown = [self.run] if self.run is not None and not self.run.attached else []
        return shown + self._others

    def repin(self, pins: Pins) -> None:
        """Keep these distributions for comparison."""
        self.pins = pins
        self.generation += 1

    def read(self) -> Snapshot | None:
        """Return the newest snapshot of what is on view; None while there is none.

        Called from the analyst's thread. Raises a GeomregError where that cannot be read.
        """
        run = self.run
        looked_after = run is not None and (self.run_active or run.attached)
        if run is not None and looked_after and time.monotonic() - run.checked >= _CHECK:
            self._check(run)
        self._check_others()
        if run is not None and run.experiment == self.experiment:
            snapshot = run.handle.snapshot()
            if run.lost and snapshot is not None:
                snapshot = replace(snapshot, state=RunState.STOPPED, message=_LOST)
            if not run.attached and not _going(run):
                self.source.expect_run(run.experiment)
            return snapshot
        snapshot = self.source.preview_snapshot()
        if snapshot is None or snapshot.request != self._request:
            return None
        if snapshot.state.over:
            self.source.expect_run(self.experiment)
        return snapshot

    def note(self, snapshot: Snapshot) -> None:
        """Take state and counts of the run on view from what was read of it."""
        if self.run is not None and self.shows_run:
            self.run.state, self.run.samples = snapshot.state, snapshot.samples

    def _check_others(self) -> None:
        if self._sweeps is not None:
            self._sweeps.check()
        for run in tuple(self._others):
            if time.monotonic() - run.checked >= _CHECK:
                with contextlib.suppress(GeomregError):
                    self._check(run)

    def _check(self, run: ActiveRun) -> None:
        """Bring what is known of a run that may not be on view up to date."""
        run.checked = time.monotonic()
        alive = run.handle.running()
        snapshot = run.handle.snapshot()  # after asking: what an engine leaves behind is its last word
        if snapshot is not None:
            run.state, run.samples = snapshot.state, snapshot.samples
        run.lost = not alive and not run.state.over

    def next_move(self) -> Move:
        """Return what the start key does now."""
        if self.starting:
            return Move.WAIT
        if self.run is not None and self.run_active:
            if self.run.stopping:
                return Move.STOPPING
            return Move.RESUME if self.run.state is RunState.PAUSED else Move.PAUSE
        if not self.valid:
            return Move.INVALID
        if self.run is not None and self.shows_run:
            more = self.samples > self.run.samples or self.run.state is not RunState.DONE
            return Move.EXTEND if more else Move.NOTHING
        return Move.START

    def why_not_begun(self, what: str) -> str:
        """Return why no other run can be begun now; empty where one can. ``what`` names it: "train"."""
        if not self.valid:
            return "Correct the marked settings first."
        if self.starting or self.run_active:
            return f"A run is being sampled; let it end, or stop it, and then {what}."
        return ""

    def begin(
        self,
        move: Move,
        experiment: Experiment,
        samples: int,
        tail: TailPlan | None = None,
        training: TrainingPlan | None = None,
        observe: GradientPlan | None = None,
    ) -> Run:
        """Start or extend the run; blocks, so call it in a thread."""
        if move is Move.EXTEND and self.run is not None:
            return self.source.extend(self.run.handle.directory, samples)
        return self.source.start(experiment, samples, tail, training, observe)


def _going(run: ActiveRun) -> bool:
    return not run.state.over and not run.lost


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one == other
