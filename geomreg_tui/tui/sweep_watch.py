"""The watch over a sweep: one thread that reads it again and again, and tells what is new."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from geomreg_tui.errors import GeomregError
from geomreg_tui.tui.sweep_view import SweepReader, SweepView

__all__ = ["SweepNews", "SweepTrouble", "SweepWatch"]

_FAREWELL = 0.8  # seconds
_SELDOM = 2.0  # seconds between looks at a sweep that is over but may go on elsewhere


@dataclass(frozen=True)
class SweepTrouble:
    """A sweep could not be read."""

    path: Path
    message: str


SweepNews = SweepView | SweepTrouble


class SweepWatch:
    """Reads and analyses in a daemon thread, so that nothing waits for it.

    Args:
        every: seconds between looks at a sweep that goes on.
        deliver: called in that thread with whatever is new.
    """

    def __init__(self, every: float, deliver: Callable[[SweepNews], object]) -> None:
        self._every = every
        self._deliver = deliver
        self._path: Path | None = None
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="sweep", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()
        atexit.register(self._end)

    def watch(self, path: Path | None) -> None:
        """Watch another sweep, or the same one anew, or none; returns at once."""
        self._path = path
        self._wake.set()

    def close(self) -> None:
        """End the thread after the look in hand."""
        self._closed = True
        self._wake.set()

    def _end(self) -> None:
        """Wait for the thread before the interpreter ends, which aborts if one is in native code then."""
        self.close()
        self._thread.join(_FAREWELL)

    def _serve(self) -> None:
        """Look until the watch is closed."""
        try:
            self._look()
        finally:
            atexit.unregister(self._end)

    def _look(self) -> None:
        """Read the sweep again and again, and deliver what has changed."""
        reader: SweepReader | None = None
        pause: float | None = None
        last = ""
        while not self._closed:
            self._wake.wait(pause)
            path = self._path
            if self._wake.is_set():
                self._wake.clear()
                reader, last = SweepReader(path) if path else None, ""
            pause = None
            if reader is None or path is None:
                continue
            try:
                view = reader.read()
                pause = _SELDOM if reader.over else self._every
                if view is not None:
                    last = ""
                    self._deliver(view)
            except Exception as error:
                # Any defect: the screen must not wait for ever without a word.
                message = str(error)
                if not isinstance(error, GeomregError):
                    message = f"the sweep cannot be read: {type(error).__name__}: {error}"
                pause = _SELDOM
                if message != last:
                    last = message
                    self._deliver(SweepTrouble(path, message))
