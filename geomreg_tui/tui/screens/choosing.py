"""What is chosen on other screens: a run, a sweep, a study, a comparison, or a data file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from textual import on

from geomreg_tui.rundir.elsewhere import COMPARISON, STUDIES, SWEEP
from geomreg_tui.tui.keys import Keys
from geomreg_tui.tui.pins import Pin
from geomreg_tui.tui.screens.choice import RunChoice
from geomreg_tui.tui.screens.export import ExportScreen
from geomreg_tui.tui.screens.messages import Loaded
from geomreg_tui.tui.screens.pinning import PinningScreen
from geomreg_tui.tui.session import ActiveRun, Session
from geomreg_tui.tui.threads import in_thread
from geomreg_tui.tui.view import load_pin
from geomreg_tui.tui.widgets.knobs import Knobs

__all__ = ["ChoosingScreen"]


class ChoosingScreen(PinningScreen):
    """A screen of plots of one session, from which others are opened to choose what is shown next."""

    def __init__(self, session: Session, frame: float, keys: Keys) -> None:
        """Show a session, looking at it every ``frame`` seconds."""
        super().__init__(session, keys)
        self._frame = frame
        self._going_on = False  # whether the run that is being loaded is to go on at once
        self._wanted = 0  # grows with every run that is asked for from the list

    def action_runs(self) -> None:
        """List all runs and sweeps on disk."""
        from geomreg_tui.tui.screens.runs import RunsScreen  # a start does without it

        self.app.push_screen(RunsScreen(), self._chosen)

    def action_sweep(self) -> None:
        """Sweep a factor of the experiment on the knobs."""
        self._sweep()

    def _sweep(self, path: Path | None = None, *, go_on: bool = False) -> None:
        """Show the sweep of the session, or one that is on disk, and go on with that if wanted."""
        from geomreg_tui.tui.screens.sweep import SweepScreen  # a start does without it

        screen = SweepScreen(self.session, self._frame, self.keys, path, go_on=go_on)
        self.app.push_screen(screen, self._swept)

    def action_studies(self) -> None:
        """Show the studies, and open a part of one as a sweep where that is chosen."""
        self._studies()

    def _studies(self, path: Path | None = None) -> None:
        """Show the studies of a folder, or the newest."""
        from geomreg_tui.tui.screens.studies import StudiesScreen  # a start does without it

        self.app.push_screen(StudiesScreen(path), lambda part: self._sweep(part) if part else None)

    def _compared(self, path: Path) -> None:
        """Show a comparison of sampling with training."""
        from geomreg_tui.tui.screens.compared import arms_compared  # a start does without it

        self.app.push_screen(arms_compared(path))

    def _swept(self, choice: RunChoice | None) -> None:
        self.lookout.steadily()  # the sweep may go on, and the status line tells
        self.draw_status()
        self._chosen(choice)

    def _chosen(self, choice: RunChoice | None) -> None:
        if choice is None:
            return
        if choice.kind == SWEEP:
            self._sweep(choice.path, go_on=choice.action == "go on")
        elif choice.kind == STUDIES:
            self._studies(choice.path)
        elif choice.kind == COMPARISON:
            self._compared(choice.path)
        elif self.session.starting:
            self.notify("The full run is being started; try again in a moment.", markup=False)
        else:
            self._going_on = choice.action == "go on"
            self._load(load_pin if choice.action == "compare" else self.session.load_run, choice.path)

    @on(Knobs.Browse)
    def action_browse(self) -> None:
        """Browse to a data file of one's own, and choose its target."""
        from geomreg_tui.tui.screens.data import Chosen, DataScreen  # a start does without it

        def take(chosen: Chosen | None) -> None:
            if chosen is not None:
                knobs.choose_file(*chosen)

        knobs = self._panes.knobs
        self.app.push_screen(DataScreen(knobs.path, knobs.with_file), take)

    def action_export(self) -> None:
        """Offer to write the run on view to a file."""
        if (directory := self.session.directory) is not None:
            self.app.push_screen(ExportScreen(directory, self.session.run_active))

    def _load(self, load: Callable[[Path], ActiveRun | Pin], path: Path) -> None:
        self._wanted += 1
        wanted = self._wanted
        in_thread("load", lambda: load(path), lambda *got: self.post_message(Loaded(wanted, *got)))
