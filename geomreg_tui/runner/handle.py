"""The handle: how viewers follow a run and tell its engine what they want. Never imports torch."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.rundir import Action, Command, Holder, RunDirectory, RunState, Status
from geomreg_tui.rundir.catalogue import sweep_of
from geomreg_tui.runner.snapshot import Snapshot, read_live

__all__ = ["RunHandle"]

_POLL = 0.05  # seconds


class RunHandle:
    """A run that an engine is sampling, or has sampled.

    Attributes:
        directory: the run directory.
        killed: whether the engine was ended by :meth:`kill`.
    """

    def __init__(self, directory: Path, process: subprocess.Popen[bytes] | None = None) -> None:
        self.directory = directory
        self._run = RunDirectory.open(directory)
        self._process = process
        self._last_word = ""
        self.killed = False
        self._seen: tuple[tuple[int, int, int], Snapshot | None] | None = None

    def snapshot(self) -> Snapshot | None:
        """Return the newest snapshot, or None before the first; an unchanged file is not read again.

        Raises:
            RunDirectoryError: if it is damaged.
        """
        stamp = self._run.live_stamp()
        if self._seen is None or self._seen[0] != stamp:
            self._seen = stamp, read_live(self._run)
        return self._seen[1]

    def status(self) -> Status:
        """Return state and counts as of the last commit."""
        return self._run.read_status()

    def pause(self) -> None:
        """Ask the engine to pause."""
        self._run.send(Command(Action.PAUSE))

    def resume(self) -> None:
        """Ask the engine to go on."""
        self._run.send(Command(Action.RESUME))

    def stop(self, *, hurry: bool = False) -> None:
        """Ask the engine to stop and keep everything that is done; asked twice, to stop at once.

        Args:
            hurry: have it wait no more than seconds for chunks under way.
        """
        engine = self._run.engine()
        if hurry and engine and self._signal(engine, signal.SIGTERM):
            return
        try:
            self._run.send(Command(Action.STOP))
        except RunDirectoryError:
            # A full disk takes no commands, but on this machine there is another way.
            if engine is None or not self._signal(engine, signal.SIGINT):
                raise

    def extend(self, samples: int) -> None:
        """Ask the engine to sample up to ``samples`` networks in all.

        Raises:
            RunDirectoryError: if the run is a point of a sweep, whose points have equally many.
        """
        if (sweep := sweep_of(self.directory)) is not None:
            raise RunDirectoryError(
                f"{self.directory.name}: is a point of the sweep {sweep.name}, which stays as it was asked "
                f"for; when it is over, 'geomreg-tui run --resume {self.directory}' goes on with a copy"
            )
        self._run.send(Command(Action.EXTEND, samples))

    def kill(self) -> None:
        """End the engine at once, if it is on this machine; what is committed is kept. That is no failure."""
        engine = self._run.engine()
        if engine is not None:
            self.killed = self._signal(engine, signal.SIGKILL) or self.killed

    def running(self) -> bool:
        """Return whether an engine is at work."""
        if self._process is not None:
            if self._process.poll() is None:
                return True
            self._read_last_line(self._process)
        return self._run.engine() is not None

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run is over; return whether it is."""
        end = None if timeout is None else time.monotonic() + timeout
        while self.running():
            left = _POLL if end is None else min(_POLL, end - time.monotonic())
            if left <= 0:
                return False
            self._sleep(left)
        return True

    def failure(self) -> str:
        """Return why a run that is over failed, or an empty text where it did not."""
        status = self.status()
        if status.state is RunState.FAILED:
            return status.message or self._last_word or "the run failed"
        if self.killed:
            return ""
        if self._process is not None and self._process.returncode:
            return self._last_word or (
                f"the engine died ({_ending(self._process.returncode)}); what was committed is kept, and "
                f"'geomreg-tui run --resume {self.directory}' goes on with it"
            )
        return ""

    def _sleep(self, seconds: float) -> None:
        """Let some time pass, less if an engine that was started here ends meanwhile."""
        if self._process is None or self._process.poll() is not None:
            time.sleep(seconds)
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def _signal(self, engine: Holder, number: signal.Signals) -> bool:
        """Send a signal to an engine; return whether that could be done."""
        if not engine.here:
            return False
        try:
            os.kill(engine.pid, number)
        except OSError:
            return False
        return True

    def _read_last_line(self, process: subprocess.Popen[bytes]) -> None:
        """Read the last line of an engine that has ended."""
        if process.stdout is None or process.stdout.closed:
            return
        for line in process.stdout.read().splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                self._last_word = str(json.loads(line)["message"])
        process.stdout.close()


def _ending(code: int) -> str:
    """Return in words why a process ended."""
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
