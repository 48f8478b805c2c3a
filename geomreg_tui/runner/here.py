"""An engine in a thread of this process, for a module that no other process can import.

It has one worker. All else is as with an engine of its own: the run directory, its snapshots, commands.
"""

from __future__ import annotations

import threading

from geomreg_tui.engine import Engine
from geomreg_tui.engine.executors import InProcess
from geomreg_tui.errors import GeomregError, TakenOverError
from geomreg_tui.rundir import Lease, RunDirectory
from geomreg_tui.runner.begin import begin
from geomreg_tui.runner.failure import publish_failure
from geomreg_tui.runner.handle import RunHandle
from geomreg_tui.runner.protocol import RunRequest

__all__ = ["launch_here"]


class _ThreadHandle(RunHandle):
    """A run whose engine is a thread of this process."""

    def __init__(
        self, run: RunDirectory, engine: Engine, thread: threading.Thread, given_up: threading.Event
    ) -> None:
        super().__init__(run.path)
        self._engine, self._thread, self._given_up = engine, thread, given_up

    def stop(self, *, hurry: bool = False) -> None:
        """Ask the engine to stop and keep everything that is done."""
        self._engine.request_stop(hurry=hurry)

    def kill(self) -> None:
        """Have the engine give up work under way; finished work is kept."""
        self.killed = True
        self._given_up.set()
        self._engine.request_stop(hurry=True)

    def running(self) -> bool:
        """Return whether the engine is at work."""
        return self._thread.is_alive()


def launch_here(request: RunRequest) -> RunHandle:
    """Start an engine here, and return when it has begun.

    Raises:
        GeomregError: if the run cannot be begun or gone on with.
    """
    given_up = threading.Event()
    run, lease, engine = begin(request, InProcess(given_up.is_set), signalled=False)
    thread = threading.Thread(target=_carry_out, args=(run, lease, engine), name="engine", daemon=True)
    handle = _ThreadHandle(run, engine, thread, given_up)
    thread.start()
    return handle


def _carry_out(run: RunDirectory, lease: Lease, engine: Engine) -> None:
    """Run the engine to its end, publish a failure, and give the lease back."""
    try:
        engine.run()
    except TakenOverError:
        pass
    except Exception as error:
        # Whatever it is: who waits for the run reads it from there.
        publish_failure(run, str(error) if isinstance(error, GeomregError) else repr(error))
    finally:
        lease.release()
