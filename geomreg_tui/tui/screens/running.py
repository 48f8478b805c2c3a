"""Runs from the keys: starting, pausing, going on and stopping, with a deep tail or a training perhaps."""

from __future__ import annotations

from pathlib import Path

from textual import on

from geomreg_tui.errors import GeomregError, one_line, plain_text
from geomreg_tui.runner.snapshot import Snapshot
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.training.plan import TrainingPlan
from geomreg_tui.tui.keys import Keys
from geomreg_tui.tui.screens.messages import Begun
from geomreg_tui.tui.screens.reading import ReadingScreen
from geomreg_tui.tui.screens.tail import TailScreen
from geomreg_tui.tui.session import PREVIEW_SAMPLES, ActiveRun, Move, Session
from geomreg_tui.tui.threads import in_thread
from geomreg_tui.tui.watch import Watch

__all__ = ["RunningScreen", "stopping_text"]


class RunningScreen(ReadingScreen):
    """A screen of plots of one session, whose run it can start and stop.

    Attributes:
        session: which experiment and which run are on view.
        notice: a line about the knobs or the last key; empty for none.
        lookout: when what is on view is looked at.
    """

    lookout: Watch

    def __init__(self, session: Session, keys: Keys) -> None:
        super().__init__(keys)
        self.session = session
        self.notice = ""
        self._extended: Path | None = None  # the run that is being gone on with

    def look_anew(self) -> None:
        """Look for the first answer after a change."""
        raise NotImplementedError

    def draw_status(self) -> None:
        """Draw the status line."""
        raise NotImplementedError

    def action_sample(self) -> None:
        """Start, pause or go on with the full run."""
        session = self.session
        move = session.next_move()
        run = session.run
        if move in (Move.START, Move.EXTEND):
            self.begin(move)
        elif move is Move.INVALID:
            self.notify("Correct the marked settings first.", severity="warning", markup=False)
        elif move is Move.STOPPING:
            self.notify("The run is being stopped; when it is, space goes on with it.", markup=False)
        elif move is Move.NOTHING:
            self.notify("This run is done. Ask for more samples, or turn a knob.", markup=False)
        elif run is not None and move in (Move.PAUSE, Move.RESUME):
            (run.handle.pause if move is Move.PAUSE else run.handle.resume)()
            self.lookout.steadily()

    def action_stop(self) -> None:
        """Stop the full run; what is done is kept."""
        try:
            self.session.stop()
        except GeomregError as error:
            self.notify(plain_text(str(error)), severity="error", markup=False)
        self.draw_status()
        self.lookout.steadily()

    def action_tail(self) -> None:
        """Ask how deep to go, and go down the tail of the knobs' experiment."""
        if reason := self.session.why_not_begun("go down the tail"):
            self.notify(reason, severity="warning", markup=False)
        else:
            self.app.push_screen(TailScreen(), lambda plan: self.begin(Move.START, plan) if plan else None)

    def action_train(self) -> None:
        """Ask how to train, and train networks of the knobs' experiment."""
        from geomreg_tui.tui.screens.train import Training, TrainScreen  # a start does without it

        def begin(training: Training | None) -> None:
            if training is not None:
                self._panes.turn_to("training")
                self.begin(Move.START, training.tail, training.plan)

        if reason := self.session.why_not_begun("train"):
            self.notify(reason, severity="warning", markup=False)
        else:
            self.app.push_screen(TrainScreen(self.session.experiment), begin)

    def begin(self, move: Move, tail: TailPlan | None = None, training: TrainingPlan | None = None) -> None:
        """Start or extend the run, in a thread."""
        session = self.session
        session.starting = True
        self._extended = session.directory if move is Move.EXTEND else None
        session.cancel_preview()
        experiment = session.experiment
        more = tail is not None or training is not None
        target = min(session.samples, PREVIEW_SAMPLES) if more else session.samples
        observe = self._panes.loss.observing(experiment, target)
        in_thread(
            "begin",
            lambda: session.begin(move, experiment, target, tail, training, observe),
            lambda run, problem: self.post_message(Begun(run, experiment, target, problem)),
        )
        self.draw_status()

    @on(Begun)
    def _run_begun(self, event: Begun) -> None:
        session = self.session
        session.starting = False
        if event.run is None:
            self.notice = one_line(f"! the run did not start: {event.problem}")
            self.draw_status()
            return
        self.notice = ""
        if self._extended is not None and event.run.directory != self._extended:
            kept, copy = self._extended.name, event.run.directory.name
            self.notify(f"{kept} of the sweep stays as it is: a copy goes on, {copy}", markup=False)
        session.run = ActiveRun(event.experiment, event.run, event.target)
        if session.shows_run:
            session.generation += 1
        self.look_anew()
        self.draw_status()


def stopping_text(snapshot: Snapshot | None) -> str:
    """Return what is waited for while a run stops: what its engine says, as soon as it does."""
    said = snapshot.message if snapshot is not None and snapshot.message.startswith("stopping") else ""
    return f"■ run {said or 'stopping, finishing what is under way'}"
