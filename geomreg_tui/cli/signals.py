"""Signals to a command that follows a run: they are passed on to the engine, never raised."""

from __future__ import annotations

import signal
from types import FrameType

__all__ = ["Signals"]

_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


class Signals:
    """Notes signals while in use.

    Ctrl-C, and SIGTERM and SIGUSR1, by which schedulers say that time is up, ask for a stop; a second one
    asks for it at once. SIGHUP says that the terminal is gone, which is no reason to stop sampling. What
    was ignored from the start, as by nohup, stays ignored.

    Attributes:
        raising: whether to raise KeyboardInterrupt instead, because there is nothing to stop yet.
        stops: how often a stop was asked for.
        hurry: whether a scheduler asked.
        hang_up: whether the terminal is gone.
    """

    def __init__(self) -> None:
        self.raising = True
        self.stops = 0
        self.hurry = False
        self.hang_up = False

    def __enter__(self) -> Signals:
        heard = [n for n in (*_STOP, signal.SIGHUP) if signal.getsignal(n) is not signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._note) for number in heard}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self.hang_up = True
        elif self.raising:
            raise KeyboardInterrupt
        else:
            self.stops += 1
            self.hurry |= number != signal.SIGINT
