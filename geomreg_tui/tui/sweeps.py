"""The sweeps of a session: which one is on view, and which go on in the background."""

from __future__ import annotations

import time
from dataclasses import replace
from enum import Enum
from pathlib import Path

from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir import RunState
from geomreg_tui.sweeps.directory import new_sweep_path
from geomreg_tui.sweeps.plan import SweepPlan
from geomreg_tui.tui.source import Source, SweepRun
from geomreg_tui.tui.sweep_setup import SweepSetup, setup_of, usual_values
from geomreg_tui.tui.sweep_view import SweepView

__all__ = ["SweepMove", "Sweeps"]

_CHECK = 1.0  # seconds
_SAMPLES = "1e5"


class SweepMove(Enum):
    """What the start key does now."""

    START = "start"
    GO_ON = "go on"
    PAUSE = "pause"
    RESUME = "resume"
    NOTHING = "nothing"
    INVALID = "invalid"
    WAIT = "wait"


class Sweeps:
    """Decides; owns no widget and does no waiting.

    Attributes:
        shown: the sweep on view; None before there is one.
        view: what was read of it last.
        setup: what the controls showed last.
        selected: number of the selected point.
        starting: whether a sweep is being started.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self.shown: SweepRun | None = None
        self.view: SweepView | None = None
        self.setup: SweepSetup | None = None
        self.selected = 0
        self.starting = False
        self._started: list[SweepRun] = []
        self._active = False
        self._checked = 0.0

    def turn_to(self, experiment: Experiment) -> tuple[Experiment, SweepSetup]:
        """Return what the controls show first, for the experiment on the knobs.

        The sweep on view stays so while it is being sampled, or while it is one of that experiment.
        """
        view, setup = self.view, self.setup
        if view is not None and setup is not None:
            known = [view.plan.experiment, *(point for _, point in view.plan.grid())]
            if not view.state.over or experiment in known:
                return view.plan.experiment, setup
        self.shown = self.view = None
        self.selected = 0
        key = setup.key if setup else "width"
        self.setup = SweepSetup(key, usual_values(experiment, key), setup.samples if setup else _SAMPLES)
        return experiment, self.setup

    def show(self, sweep: SweepRun, plan: SweepPlan) -> SweepSetup:
        """Take a sweep for the one on view, and return the setup that asks for it."""
        if self.view is not None and self.view.path == sweep.directory:
            self.view = replace(self.view, state=RunState.STARTING)  # until it is read anew
        else:
            self.view, self.selected = None, 0
        self.shown, self.setup = sweep, setup_of(plan)
        return self.setup

    def next_move(self, plan: SweepPlan | None) -> SweepMove:
        """Return what the start key does now, given what the controls ask for."""
        if self.starting:
            return SweepMove.WAIT
        view = self.view
        if self.shown is not None and (view is None or not view.state.over):
            paused = view is not None and view.state is RunState.PAUSED
            return SweepMove.RESUME if paused else SweepMove.PAUSE if view else SweepMove.WAIT
        if plan is None:
            return SweepMove.INVALID
        if view is None or not self.asks_for_view(plan):
            return SweepMove.START
        if view.state is RunState.DONE and plan.samples <= view.plan.samples:
            return SweepMove.NOTHING
        return SweepMove.GO_ON

    def directions(self, experiment: Experiment) -> tuple[tuple[str, str], ...]:
        """Return the factors of the sweep on view that an experiment is a point of, and where each pushes."""
        view = self.view
        if view is None:
            return ()
        here = {factor.key: getattr(experiment, factor.key, None) for factor in view.plan.factors}
        if any(here[factor.key] not in factor.values for factor in view.plan.factors):
            return ()
        if view.plan.experiment.replace(**here) != experiment:
            return ()
        return tuple(
            (verdict.factor.key, verdict.direction.verdict)
            for verdict in view.judged
            if verdict.held is None or here[verdict.held[0]] == verdict.held[1]
        )

    def asks_for_view(self, plan: SweepPlan | None) -> bool:
        """Return whether a plan asks for the sweep on view, perhaps with other samples."""
        view = self.view
        if plan is None or view is None or plan.experiment != view.plan.experiment:
            return False
        # A sweep of two factors shows the first: untouched controls mean all of it.
        return plan.factors[0] == view.plan.factors[0]

    def begin(self, move: SweepMove, plan: SweepPlan) -> SweepRun:
        """Start a sweep, or go on with the one on view; blocks, so call it in a thread."""
        view = self.view
        if move is SweepMove.GO_ON and view is not None:
            whole = replace(view.plan, experiment=plan.experiment, samples=plan.samples)
            sweep = self._source.start_sweep(whole, view.path)
        else:
            sweep = self._source.start_sweep(plan, new_sweep_path(plan.experiment))
        self._started.append(sweep)
        self._active = True
        return sweep

    def attach(self, directory: Path) -> tuple[SweepRun, SweepPlan]:
        """Return a sweep that is on disk and what it asks for; blocks, so call it in a thread.

        Raises:
            RunDirectoryError: if it is not the directory of a sweep, or damaged.
        """
        sweep = self._source.attach_sweep(directory)
        return sweep, sweep.plan()

    def going(self) -> list[SweepRun]:
        """Return the sweeps that this session started and that are being sampled, or paused."""
        self._started = [sweep for sweep in self._started if sweep.running()]
        self._active = bool(self._started)
        return self._started

    @property
    def active(self) -> bool:
        """Whether a sweep of this session was going on at the last look."""
        return self._active

    def check(self) -> None:
        """Look whether sweeps go on, about once a second."""
        if self._started and time.monotonic() - self._checked >= _CHECK:
            self._checked = time.monotonic()
            self.going()
