"""The explorer's application: wires screen, source, signals and theme together."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.screen import Screen

from geomreg_tui.errors import ExperimentError, Problem, nearest_name, plain_text
from geomreg_tui.experiment import Experiment
from geomreg_tui.tui.look import AsciiFilter, stylesheet
from geomreg_tui.tui.screens.explorer import ExplorerScreen, action_of
from geomreg_tui.tui.source import Source

__all__ = ["ExplorerApp", "open_explorer"]

_PATIENCE = 1.0  # seconds that leaving may take once the terminal is gone


class ExplorerApp(App[None]):
    """Shows :class:`ExplorerScreen`; owns what outlives a screen."""

    CSS_PATH = stylesheet()
    TITLE = "geomreg-tui"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+z", "suspend_process", "Suspend", show=False),
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True),
    ]

    def __init__(
        self,
        experiment: Experiment,
        samples: int,
        source: Source,
        fps: float = 4,
        ascii_only: bool = False,
        attached: Path | None = None,
    ) -> None:
        super().__init__()
        self.animation_level = "none"  # frames of animations are bytes on a slow line
        self.source = source
        self.explorer = ExplorerScreen(source, experiment, samples, fps, attached)
        self._ascii: list[LineFilter] = [AsciiFilter()] if ascii_only else []
        self.ended_by: int = 0

    def get_default_screen(self) -> Screen[None]:
        """Return the explorer."""
        return self.explorer

    def on_mount(self) -> None:
        """Leave in good order when told to by a signal; runs go on."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._signalled, number)

    def on_unmount(self) -> None:
        """Let go of the warm engine."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)
        self.source.close()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return Textual's filters, and the one to ASCII where that is asked for."""
        return [*super().get_line_filters(), *self._ascii]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer every action of the explorer by name, and the themes."""
        if screen is self.explorer:
            for binding in ExplorerScreen.BINDINGS:
                if not (isinstance(binding, Binding) and binding.show):
                    continue
                if screen.check_action(*action_of(binding)):
                    title = f"{binding.description} ({binding.key_display or binding.key})"
                    yield SystemCommand(title, binding.tooltip, _runner(self, binding.action))
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)

    async def action_quit(self) -> None:
        """Leave; asks first while a run is sampling."""
        self.explorer.ask_quit()

    def _signalled(self, number: signal.Signals) -> None:
        if number is signal.SIGHUP:
            # With the terminal gone nothing that writes to it can be relied on to end.
            threading.Thread(target=_leave_for_certain, args=(128 + number,), daemon=True).start()
        self.ended_by = number
        self.exit(return_code=128 + number)


def _runner(app: ExplorerApp, action: str) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        await app.run_action(action, app.explorer)

    return run


def _leave_for_certain(code: int) -> None:
    time.sleep(_PATIENCE)
    os._exit(code)


def open_explorer(
    experiment: Experiment,
    samples: int,
    source: Source,
    attached: Path | None,
    fps: float,
    mouse: bool,
    ascii_only: bool,
    theme: str | None,
) -> int:
    """Run the explorer; arguments, result and errors as :func:`geomreg_tui.tui.run_explorer`."""
    app = ExplorerApp(experiment, samples, source, fps, ascii_only, attached)
    if theme is not None:
        names = sorted(app.available_themes)
        if theme not in names:
            allowed = "allowed are " + ", ".join(names)
            raise ExperimentError([Problem("theme", repr(theme), allowed, nearest_name(theme, names))])
        app.theme = theme
    try:
        app.run(mouse=mouse)
    except OSError:
        if app.ended_by != signal.SIGHUP:
            raise
    if app.ended_by == signal.SIGHUP:
        return 128 + signal.SIGHUP  # nobody is there to be told anything
    run = app.explorer.background
    if run is not None:
        where = plain_text(str(run.directory))
        print(f"The run goes on in the background: {where}", file=sys.stderr)
        print(f"'geomreg-tui attach {run.directory.name}' shows it again.", file=sys.stderr)
    return app.return_code or 0
