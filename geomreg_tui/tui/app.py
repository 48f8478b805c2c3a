"""The explorer's application: wires screen, source, signals and theme together."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.screen import Screen

from geomreg_tui.errors import ExperimentError, GeomregError, Problem, nearest_name, plain_text
from geomreg_tui.tui.bindings import action_of, in_effect, keymap
from geomreg_tui.tui.compat import CompositorUpdate, ReducingApp, colour_system
from geomreg_tui.tui.keys import Keys, default_keys
from geomreg_tui.tui.look import AsciiFilter, erases_in_colour, plain_theme, stylesheet
from geomreg_tui.tui.painter import LeastUpdate, Painter
from geomreg_tui.tui.screens.messages import HelpAsked, Opened
from geomreg_tui.tui.screens.opening import OpeningScreen
from geomreg_tui.tui.settings import Settings
from geomreg_tui.tui.source import Source
from geomreg_tui.tui.state import State, keep_state, read_state

if TYPE_CHECKING:
    from geomreg_tui.experiment import Experiment
    from geomreg_tui.tui.screens.explorer import ExplorerScreen

__all__ = ["FIRST", "ExplorerApp", "open_explorer"]

FIRST = {"data": "digits", "data_seed": 4, "examples": 1, "width": 16, "depth": 3}  # both modes are there
_SAMPLES = 10**6  # of a full run, where nothing else is known
_COLLECT = (2_000, 20, 50)  # objects, and younger collections, to a collection of garbage
_PATIENCE = 1.0  # seconds that leaving may take once the terminal is gone


class ExplorerApp(ReducingApp[None]):
    """Shows the first frame, then the explorer; owns what outlives a screen.

    Attributes:
        explorer: the main screen; None until all that it needs has been imported.
        problem: why it could not be opened.
    """

    CSS_PATH = stylesheet()
    TITLE = "geomreg-tui"
    ENABLE_COMMAND_PALETTE = True
    VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-tall")]  # noqa: RUF012 - as Textual declares it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+z", "suspend_process", "Suspend", show=False, id="suspend"),
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True, id="quit_anywhere"),
        Binding("ctrl+l", "redraw", "Redraw", show=False, priority=True, id="redraw"),
        Binding("ctrl+p", "command_palette", "Palette", show=False, priority=True, id="palette"),
    ]

    def __init__(
        self,
        experiment: Experiment | None,
        samples: int | None,
        source: Source,
        fps: float = 4,
        ascii_only: bool = False,
        attached: Path | None = None,
        *,
        keys: Keys | None = None,
        restored: State | None = None,
        notice: str = "",
        keep_in: Path | None = None,
        last: Path | None = None,
    ) -> None:
        super().__init__()
        self.animation_level = "none"  # frames of animations are bytes on a slow line
        self.source = source
        self.explorer: ExplorerScreen | None = None
        self._coming: ExplorerScreen | None = None
        self.problem: GeomregError | None = None
        self._experiment, self._samples, self._fps, self._attached = experiment, samples, fps, attached
        self._ascii: list[LineFilter] = [AsciiFilter()] if ascii_only else []
        self.ended_by: int = 0
        self.not_kept = ""
        self._notice = notice
        self._keep_in = keep_in
        self._last = last
        self._keys = keys or default_keys()
        self.set_keymap(keymap(self._keys))
        self._restored = restored or State()
        self._restore_theme(self._restored.theme)
        self._first_theme = self.theme
        self._painter = Painter(erases_in_colour(os.environ))
        self._early: list[events.Key] | None = []  # pressed before the explorer was there; None from then on

    def get_default_screen(self) -> Screen[None]:
        """Return the first frame."""
        shown = "setup" if self._experiment is not None and not self._attached else "loss"
        first = "loss" if self._attached else self._restored.tab or shown
        about = self._experiment.describe() if self._experiment is not None else ""
        return OpeningScreen(about, first, self._keys, self._prepare, self._restored.panes)

    def _prepare(self) -> Callable[[], ExplorerScreen]:
        """Import all that the explorer needs, and read the run that it is to show; called in a thread."""
        from geomreg_tui.experiment import Experiment
        from geomreg_tui.tui.screens.explorer import ExplorerScreen
        from geomreg_tui.tui.session import Session

        if self._last is not None:
            self._restored, self._notice = read_state(self._last)
        experiment = self._experiment or self._restored.experiment
        if experiment is None:
            experiment = Experiment.parse(FIRST)
            self._restored = replace(self._restored, tab=self._restored.tab or "loss")
        samples = self._samples or self._restored.samples or _SAMPLES
        session = Session(self.source, experiment, samples)
        if self._attached:
            session.open_run(self._attached)
        elif self._restored.run is not None:
            try:
                session.open_run(Path(self._restored.run))
            except (GeomregError, OSError) as error:
                self._notice = f"The run that was on view cannot be shown: {error}"
                self._restored = replace(self._restored, zoom=0, windows={})  # they were of its losses
        return partial(ExplorerScreen, session, self._fps, self._keys, self._restored)

    @on(OpeningScreen.Prepared)
    async def _prepared(self, event: OpeningScreen.Prepared) -> None:
        """Put the explorer over the first frame."""
        if isinstance(event.problem, GeomregError):
            self.problem = event.problem
            self.exit(return_code=event.problem.exit_code)
        elif event.make is None:
            raise event.problem or RuntimeError("the explorer was not made")
        else:
            self._coming = event.make()
            await self.push_screen(self._coming)

    @on(Opened)
    def _explorer_opened(self) -> None:
        """Hand over the keys that were pressed before."""
        self.explorer = self._coming
        if not self.is_headless:
            gc.freeze()  # to go over all that was imported again and again would hold up keys, for 0.1 s
            gc.set_threshold(*_COLLECT)
            gc.enable()
        if self._notice:
            self.notify(plain_text(self._notice), severity="warning", markup=False)
        early, self._early = self._early or [], None
        for key in early:
            self.post_message(events.Key(key.key, key.character))

    @on(HelpAsked)
    def _help_asked(self, event: HelpAsked) -> None:
        """Tell what the field with the focus is, and of all keys and terms where that is asked for."""
        from geomreg_tui.tui.screens.help import FieldHelpScreen, HelpScreen  # a start does without it

        def show_all(wanted: bool | None = True) -> None:
            if wanted:
                self.push_screen(HelpScreen(in_effect(event.bindings, self._keys), self._keys))

        if event.about is None:
            show_all()
        else:
            self.push_screen(FieldHelpScreen(event.about, self._keys), show_all)

    async def on_event(self, event: events.Event) -> None:
        """Keep keys that are pressed before the explorer is there; keys for leaving leave at once."""
        if self._early is not None and isinstance(event, events.Key) and self._is_early(event):
            self._early.append(event)
        else:
            await super().on_event(event)

    def _is_early(self, key: events.Key) -> bool:
        return not key.is_forwarded and key.key not in (*self._keys["quit"], *self._keys["quit_anywhere"])

    def on_mount(self) -> None:
        """Leave in good order on a signal; runs go on."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._signalled, number)

    def on_unmount(self) -> None:
        """Close the warm engine."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)
        try:
            if not self.return_code:  # what was open at a crash would perhaps crash again
                self._keep_state()
        finally:
            self.source.close()

    def reduced(self, update: CompositorUpdate) -> CompositorUpdate:
        """Return an update that sends only what differs from what is on the terminal."""
        return LeastUpdate(self._painter, update)

    def on_resize(self) -> None:
        """Send everything: terminals differ in what they keep at a new size, or after a stop."""
        self._painter.forget()

    def action_redraw(self) -> None:
        """Send everything again: another program, or the line, may have spoilt what is on the terminal."""
        self._painter.forget()
        self.refresh(layout=True)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return Textual's filters, and the one to ASCII where that is asked for."""
        return [*super().get_line_filters(), *self._ascii]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer every action of the explorer by name, and the themes."""
        if not screen.is_modal and self.explorer is not None:
            for binding in in_effect(screen.BINDINGS, self._keys):
                title = f"{binding.description} ({binding.key_display})"
                if binding.show and screen.check_action(*action_of(binding)):
                    yield SystemCommand(title, binding.tooltip, _runner(self, binding.action, screen))
                elif binding.show and screen is self.explorer:
                    reason = f"not now: {self.explorer.why_not(*action_of(binding))}"
                    yield SystemCommand(title, reason, partial(self.notify, reason, markup=False))
        yield SystemCommand("Redraw", "Send the whole screen again", self.action_redraw)
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)

    async def action_quit(self) -> None:
        """Leave; asks first while a run is sampling."""
        if self.explorer is None:
            self.exit()
        else:
            self.explorer.ask_quit()

    def _signalled(self, number: signal.Signals) -> None:
        if number is signal.SIGHUP:
            # With the terminal gone nothing that writes to it can be relied on to end.
            threading.Thread(target=_leave_for_certain, args=(128 + number,), daemon=True).start()
        self.ended_by = number
        try:
            self._keep_state()  # now, as nothing later is certain to be reached
        finally:
            self.exit(return_code=128 + number)

    def choose_theme(self, name: str, source: str) -> None:
        """Use a theme that a setting names.

        Raises:
            ExperimentError: if there is no such theme.
        """
        names = sorted(self.available_themes)
        if name not in names:
            allowed = "allowed are " + ", ".join(names)
            raise ExperimentError(
                [Problem(f"theme ({source})", repr(name), allowed, nearest_name(name, names))]
            )
        self.theme = self._first_theme = name

    def suit_colours(self) -> None:
        """Use the theme that a terminal of few colours needs, whatever theme was chosen on another."""
        theme = plain_theme(colour_system(self.console), os.environ)
        if theme is not None and not self.theme.startswith("ansi"):
            self.theme = self._first_theme = theme

    def _restore_theme(self, name: str | None) -> None:
        if name in self.available_themes:
            self.theme = name
        elif name is not None:
            before = f"{self._notice}; " if self._notice else ""
            self._notice = f"{before}Not restored, as it is none of the themes: {name}"

    def _keep_state(self) -> None:
        path, self._keep_in = self._keep_in, None
        if path is not None and self.explorer is not None:
            chosen = self.theme if self.theme != self._first_theme else self._restored.theme
            self.not_kept = keep_state(path, replace(self.explorer.state(), theme=chosen))


def _runner(app: ExplorerApp, action: str, screen: Screen[Any]) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        await app.run_action(action, screen)

    return run


def _leave_for_certain(code: int) -> None:
    time.sleep(_PATIENCE)
    os._exit(code)


def open_explorer(
    experiment: Experiment | None,
    samples: int | None,
    source: Source,
    attached: Path | None,
    settings: Settings,
    restored: State,
    notice: str,
    keep_in: Path | None,
    last: Path | None,
) -> int:
    """Run the explorer; result and errors as :func:`geomreg_tui.tui.run_explorer`.

    Args:
        experiment, samples, source, attached, settings: as there.
        restored: what is restored of the last session, apart from the experiment.
        notice: a line on what could not be restored, if anything.
        keep_in: where what is open is kept for the next start; None for nowhere.
        last: the file of the last session, where experiment and samples are to be taken from it.
    """
    app = ExplorerApp(
        experiment,
        samples,
        source,
        settings.fps,
        settings.ascii,
        attached,
        keys=settings.keys,
        restored=restored,
        notice=notice,
        keep_in=keep_in,
        last=last,
    )
    if settings.theme is not None:
        app.choose_theme(settings.theme, settings.source("theme"))
    else:
        app.suit_colours()
    try:
        app.run(mouse=settings.mouse)
    except OSError:
        if app.ended_by != signal.SIGHUP:
            raise
    if app.ended_by == signal.SIGHUP:
        return 128 + signal.SIGHUP  # nobody is there to read a message
    if app.problem is not None:
        raise app.problem
    if app.not_kept:
        print(plain_text(f"What was open is not kept: {app.not_kept}"), file=sys.stderr)
    session = app.explorer.session if app.explorer is not None else None
    if session is not None and (run := session.background) is not None:
        from geomreg_tui.rundir import runs_root

        where = plain_text(str(run.directory))
        print(f"The run goes on in the background: {where}", file=sys.stderr)
        name = run.directory.name if run.directory.parent == runs_root() else where
        print(f"'geomreg-tui attach {name}' shows it again.", file=sys.stderr)
    for sweep in session.sweeps_going() if session is not None else ():
        where = plain_text(str(sweep.directory))
        print(f"The sweep goes on in the background: {where}", file=sys.stderr)
        print("In the explorer, x and then o shows it again.", file=sys.stderr)
    return app.return_code or 0
