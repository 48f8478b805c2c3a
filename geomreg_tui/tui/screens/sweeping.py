"""The sweep of a session from the keys: begun, paused, gone on with, stopped; or another that is on disk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from textual import on
from textual.message import Message
from textual.screen import Screen

from geomreg_tui.errors import one_line
from geomreg_tui.rundir.elsewhere import SWEEP
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.sweeps.plan import SweepPlan
from geomreg_tui.tui.eta import TimeLeft
from geomreg_tui.tui.keys import Keys
from geomreg_tui.tui.screens.choice import RunChoice
from geomreg_tui.tui.screens.runs import RunsScreen
from geomreg_tui.tui.screens.tail import TailScreen
from geomreg_tui.tui.session import Session
from geomreg_tui.tui.source import SweepRun
from geomreg_tui.tui.sweep_watch import SweepNews, SweepWatch
from geomreg_tui.tui.sweeps import SweepMove
from geomreg_tui.tui.threads import in_thread
from geomreg_tui.tui.widgets.multiples import Multiples
from geomreg_tui.tui.widgets.points import PointsTable
from geomreg_tui.tui.widgets.sweep_form import SweepForm
from geomreg_tui.tui.widgets.sweep_words import warning_text
from geomreg_tui.tui.widgets.trend import VOLUME, TrendPane, measures_of

__all__ = ["SweepingScreen"]


class SweepingScreen(Screen[RunChoice | None]):
    """A screen of the sweep of a session, which it can start and stop."""

    @dataclass
    class Updated(Message):
        """The watch has something new."""

        news: SweepNews

    @dataclass
    class Attached(Message):
        """A sweep on disk was read, or could not be."""

        path: Path
        found: tuple[SweepRun, SweepPlan] | None
        problem: str = ""

    def __init__(
        self,
        session: Session,
        frame: float,
        keys: Keys,
        path: Path | None = None,
        *,
        go_on: bool = False,
    ) -> None:
        """Make the screen.

        Args:
            session: whose sweep it shows, for the experiment on its knobs.
            frame: seconds between looks.
            keys: of every action.
            path: a sweep that is on disk, to be shown first; None for that of the session.
            go_on: whether to go on with that once it is read, if it is over and not complete.
        """
        super().__init__()
        self._going_on = go_on
        self._first = path
        self._sweeps = session.sweeps
        self._keys = keys
        self._experiment, setup = self._sweeps.turn_to(session.experiment)
        self._form = SweepForm(self._experiment, setup, id="sweep-form")
        self._multiples = Multiples(id="multiples", classes="pane")
        self._trend = TrendPane(id="trend", classes="pane")
        self._table = PointsTable(id="points", classes="pane")
        self._time_left = TimeLeft()
        self._watch = SweepWatch(frame, lambda news: self.post_message(self.Updated(news)))
        self._notice = "" if session.valid else "! a knob shows an impossible value; this is the one before"

    def _draw(self) -> None:
        """Draw all that is on the screen."""
        raise NotImplementedError

    def action_sample(self) -> None:
        """Start the sweep, pause it, or go on with it."""
        sweeps, plan = self._sweeps, self._form.plan
        move = sweeps.next_move(plan)
        if move is SweepMove.INVALID:
            self.notify("Correct what is marked first.", severity="warning", markup=False)
        elif move is SweepMove.NOTHING:
            self.notify("This sweep is done. Ask for more samples, or other values.", markup=False)
        elif move in (SweepMove.START, SweepMove.GO_ON) and plan is not None:
            self._begin(move, plan)
        elif sweeps.shown is not None and move is SweepMove.PAUSE:
            sweeps.shown.pause()
        elif sweeps.shown is not None and move is SweepMove.RESUME:
            sweeps.shown.resume()

    def _begin(self, move: SweepMove, plan: SweepPlan) -> None:
        sweeps = self._sweeps
        sweeps.starting = True
        self._notice = ""
        if move is SweepMove.START:
            sweeps.shown = sweeps.view = None
            self._multiples.select(0)
        app = self.app  # the screen may be gone, and know no application, when the sweep has begun
        in_thread(
            "sweep",
            lambda: sweeps.begin(move, plan),
            lambda sweep, problem: app.call_later(self._begun, sweep, plan, problem),
        )
        self._draw()

    def _begun(self, sweep: SweepRun | None, plan: SweepPlan, problem: str) -> None:
        self._sweeps.starting = False
        if sweep is None:
            self._notice = one_line(f"! the sweep did not start: {problem}")
        else:
            self._sweeps.show(sweep, plan)
        for screen in self.app.screen_stack:  # perhaps another than this one by now
            if isinstance(screen, SweepingScreen):
                screen.follow()

    def follow(self) -> None:
        """Watch the sweep of the session."""
        if self._sweeps.shown is not None:
            self._watch.watch(self._sweeps.shown.directory)
        self._draw()

    def action_stop(self) -> None:
        """Stop the sweep; what is done is kept."""
        if self._sweeps.shown is not None:
            self._sweeps.shown.stop()

    def action_reopen(self) -> None:
        """List the sweeps on disk."""
        self.app.push_screen(RunsScreen(SWEEP), self._chosen)

    def _chosen(self, choice: RunChoice | None) -> None:
        if choice is not None:
            self._going_on = choice.action == "go on"
            self._reopen(choice.path)

    def _reopen(self, path: Path | None) -> None:
        if path is None:
            return
        if self._sweeps.starting:
            self.notify("A sweep is being started; try again in a moment.", markup=False)
            return
        attach = self._sweeps.attach
        in_thread(
            "sweep",
            lambda: attach(path),
            lambda found, problem: self.post_message(self.Attached(path, found, problem)),
        )

    @on(Attached)
    def _attached(self, event: Attached) -> None:
        self._notice = warning_text(event.problem, event.path) if event.problem else ""
        if event.found is not None:
            sweep, plan = event.found
            self._experiment = plan.experiment
            self._form.show(plan.experiment, self._sweeps.show(sweep, plan))
            self._multiples.show(None)
            self._multiples.select(0)
            self._watch.watch(sweep.directory)
        self._draw()

    def action_tail(self) -> None:
        """Draw D, V at equal loss, or trained networks; where a sweep has D alone, ask how deep to go."""
        view = self._sweeps.view
        if view is not None and len(measures_of(view)) > 1:
            self._trend.cycle()
        elif self._form.plan is None:
            self.notify("Correct what is marked first.", severity="warning", markup=False)
        else:
            self.app.push_screen(TailScreen(), self._begin_tails)

    def _begin_tails(self, tail: TailPlan | None) -> None:
        idle = (SweepMove.START, SweepMove.GO_ON, SweepMove.NOTHING)
        plan = self._form.plan
        if tail is not None and plan is not None and self._sweeps.next_move(plan) in idle:
            self._trend.shown = VOLUME
            self._begin(SweepMove.START, replace(plan, tail=tail))
