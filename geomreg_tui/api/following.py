"""Waiting for a run or a sweep in the process of the person who asked for it. Ctrl-C keeps what is done."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from geomreg_tui.api.bars import Bar, new_bar
from geomreg_tui.errors import RunDirectoryError, SamplingError
from geomreg_tui.rundir import RunState
from geomreg_tui.runner import RunHandle
from geomreg_tui.runner.progress import stage_progress
from geomreg_tui.runner.snapshot import Snapshot

__all__ = ["Interrupts", "follow"]

_POLL = 0.1  # seconds


class Interrupts:
    """Counts Ctrl-C while in use, in place of KeyboardInterrupt.

    Only the main thread can do so, and only where nobody ignores the signal. Elsewhere nothing changes.

    Attributes:
        count: how often Ctrl-C was pressed.
    """

    def __init__(self) -> None:
        self.count = 0
        self._before: Any = None
        self._in_use = False

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.getsignal(signal.SIGINT)
            # A handler that was not set from Python is unknown, and could not be put back.
            if self._before is not None and self._before is not signal.SIG_IGN:
                signal.signal(signal.SIGINT, self._note)
                self._in_use = True
        return self

    def __exit__(self, *_: object) -> None:
        if self._in_use:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.count += 1


def follow(
    handle: RunHandle, progress: bool, on_snapshot: Callable[[Snapshot], object] | None = None
) -> None:
    """Wait until a run is over.

    Ctrl-C makes the engine stop, which keeps what is done. A second one makes it wait for nothing, and a
    third one ends it. An error in ``on_snapshot`` stops it too, and is raised.

    Args:
        handle: the run.
        progress: whether to show it.
        on_snapshot: called with each new snapshot, several times a second, and with the last one.

    Raises:
        SamplingError: if the run failed.
    """
    seen: Snapshot | None = None
    with Interrupts() as interrupts, new_bar(progress) as bar:
        stopper = _Stopper(handle, interrupts, bar)
        try:
            going = True
            while going:
                going = handle.running()
                snapshot = _newest(handle)
                if snapshot is not None and snapshot is not seen:
                    seen = snapshot
                    bar.show(stage_progress(snapshot))
                    if on_snapshot is not None:
                        on_snapshot(snapshot)
                if going:
                    stopper.pass_on()
                    time.sleep(_POLL)
        except BaseException:
            handle.stop()
            raise
    failure = handle.failure()
    if failure:
        raise SamplingError(failure)
    if interrupts.count and handle.status().state is not RunState.DONE:
        with new_bar(progress) as bar:
            bar.say(f"Stopped early. What is done is kept in {handle.directory}; resume() goes on with it.")


class _Stopper:
    """Passes Ctrl-C on to an engine."""

    def __init__(self, handle: RunHandle, interrupts: Interrupts, bar: Bar) -> None:
        self._handle, self._interrupts, self._bar = handle, interrupts, bar
        self._passed_on = 0

    def pass_on(self) -> None:
        """Tell the engine what has come since the last call."""
        while self._passed_on < self._interrupts.count:
            self._passed_on += 1
            if self._passed_on > 2:
                self._handle.kill()
                continue
            self._handle.stop()
            if self._passed_on == 1:
                self._bar.say("Stopping; what is done is kept. Once more stops at once.")


def _newest(handle: RunHandle) -> Snapshot | None:
    try:
        return handle.snapshot()
    except RunDirectoryError:
        return None
