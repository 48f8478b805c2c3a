"""Narration on stderr: a progress bar with rate and ETA where there is a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from geomreg_tui.cli.signals import Signals
from geomreg_tui.errors import RunDirectoryError, plain_text
from geomreg_tui.terminal_bar import NoBar, TerminalBar, is_terminal

if TYPE_CHECKING:
    from geomreg_tui.runner import RunHandle
    from geomreg_tui.runner.snapshot import Snapshot

__all__ = ["follow", "narrate"]

_FIRST_REFRESH, _REFRESH = 0.02, 0.2  # seconds; a small run is over soon
_STOPPING = (
    "Stopping; what is done is kept. Ctrl-C again to stop at once.",
    "Stopping at once. Ctrl-C again kills the engine, which keeps what is committed.",
)


def narrate(text: str, quiet: bool = False) -> None:
    """Print a line on stderr unless asked to be quiet, or nobody is there to read it."""
    if not quiet:
        with contextlib.suppress(OSError):
            print(plain_text(text), file=sys.stderr)


def follow(handle: RunHandle, signals: Signals, quiet: bool) -> None:
    """Show the progress of a run until it is over, or until the terminal is gone.

    The first request to stop is passed on to the engine, which keeps what is done; a second one makes it
    stop at once, and a third one kills it, however busy it is.
    """
    from geomreg_tui.runner.progress import stage_progress

    told = _tell_facts(_newest(handle), quiet)
    signals.raising = False
    stopper = _Stopper(handle, signals, quiet)
    message, pause = "", _FIRST_REFRESH
    try:
        with NoBar() if quiet or not is_terminal(sys.stderr) else TerminalBar("sampling") as bar:
            while not (handle.wait(pause) or signals.hang_up):
                pause = min(1.5 * pause, _REFRESH)
                stopper.pass_on()
                snapshot = _newest(handle)
                if snapshot is None:
                    continue
                told = told or _tell_facts(snapshot, quiet)
                if snapshot.message != message:
                    message = snapshot.message
                    narrate(message, quiet or not message)
                bar.show(stage_progress(snapshot))
    except OSError:
        if not signals.hang_up:
            raise
    if not (told or signals.hang_up):
        _tell_facts(_newest(handle), quiet)


def _tell_facts(snapshot: Snapshot | None, quiet: bool) -> bool:
    """Say what is drawn and how; return whether that is known yet."""
    if snapshot is None or snapshot.facts is None:
        return False
    facts = snapshot.facts
    for note in facts.data_notes:
        narrate(note, quiet)
    narrate(
        f"Sampler {facts.experiment.sampler}: {facts.sampler_reason}. {facts.parameters:,} parameters.", quiet
    )
    return True


class _Stopper:
    """Passes requests to stop on to an engine."""

    def __init__(self, handle: RunHandle, signals: Signals, quiet: bool) -> None:
        self._handle, self._signals, self._quiet = handle, signals, quiet
        self._passed_on = 0

    def pass_on(self) -> None:
        """Tell the engine what has come since the last call."""
        while self._signals.stops > self._passed_on:
            self._passed_on += 1
            if self._passed_on > 2:
                self._handle.kill()
                return
            self._handle.stop(hurry=self._signals.hurry)
            narrate(_STOPPING[self._passed_on - 1], self._quiet)


def _newest(handle: RunHandle) -> Snapshot | None:
    try:
        return handle.snapshot()
    except RunDirectoryError:
        return None
