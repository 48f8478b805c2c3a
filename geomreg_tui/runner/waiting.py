"""An engine that waits for its request: it has loaded what a run needs, so that the run begins at once."""

from __future__ import annotations

import contextlib
import subprocess
import threading

from geomreg_tui.runner.process import RUNNER, spawn

__all__ = ["WaitingEngine"]


class WaitingEngine:
    """At most one engine that waits for a request. It ends when its starter is gone, having done nothing.

    Any thread may call the methods.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._modules: tuple[str, ...] = ()

    def start(self, modules: tuple[str, ...]) -> None:
        """Start an engine, unless one waits that will do; returns at once, and it loads in the background.

        Args:
            modules: what its workers are to have loaded (:func:`~geomreg_tui.runner.loading.preloaded`).
        """
        with self._lock:
            if self._waits() and self._modules == modules:
                return
            self._end()
            with contextlib.suppress(OSError):  # then the run itself says why no process can be started
                self._process, self._modules = spawn(RUNNER, "run", *modules), modules

    def take(self, modules: tuple[str, ...]) -> subprocess.Popen[bytes] | None:
        """Return the engine for a run, and keep it no longer.

        Args:
            modules: what its workers must have loaded.

        Returns:
            The process; None where none waits, or where it has loaded other modules.
        """
        with self._lock:
            if not self._waits() or self._modules != modules:
                return None
            process, self._process = self._process, None
            return process

    def close(self) -> None:
        """End the engine that waits."""
        with self._lock:
            self._end()

    def _waits(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _end(self) -> None:
        """End the process at once, while it loads perhaps: it has begun nothing that could be lost."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        self._process = None
