"""What an engine's process does: it carries out requests for runs, one after the other.

It reads them from stdin, one a line, and answers each on stdout with ``{"ready": true}`` or an error, and
when the run is over with ``{"over": STATE, "message": TEXT}``. After a request that no other follows it needs
its starter no longer: from there on the run directory is the only way to it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from importlib import import_module
from pathlib import Path

from geomreg_tui.engine.executors import NICE, Executor, WorkerPool
from geomreg_tui.errors import ExitCode, GeomregError, TakenOverError
from geomreg_tui.place import Cluster
from geomreg_tui.rundir import RunState
from geomreg_tui.runner.begin import begin, check
from geomreg_tui.runner.failure import publish_failure
from geomreg_tui.runner.process import answer, detach, log_line
from geomreg_tui.runner.protocol import RunRequest, error_line
from geomreg_tui.runner.resume import changes

__all__ = ["serve_runs"]

_LATER = "scipy.special"  # needed when a run ends; loaded while the workers begin


def serve_runs() -> ExitCode:
    """Carry out requests until there are no more."""
    _lower_priority()
    pool: Executor | None = None
    code = ExitCode.OK
    try:
        while line := sys.stdin.readline():
            request = RunRequest.from_line(line)
            if pool is None:
                pool = _executor(request)
                threading.Thread(target=import_module, args=(_LATER,), daemon=True).start()
            code = _carry_out(request, pool)
            if not request.more:
                break
    finally:
        if pool is not None:
            pool.close()
    return code


def _lower_priority() -> None:
    """Lower the priority of this session below those of people: Linux may weigh sessions before processes."""
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(NICE))


def _executor(request: RunRequest) -> Executor:
    """Return what does the work of a request and of those that follow it."""
    if request.cluster is not None:
        from geomreg_tui.engine.cluster import DaskExecutor

        return DaskExecutor(Cluster.from_json(request.cluster), changes)
    return WorkerPool(request.workers or _cores())


def _carry_out(request: RunRequest, pool: Executor) -> ExitCode:
    """Carry out a request; return how it ended."""
    try:
        if request.check:
            check(request, pool)
            answer('{"ready": true}\n')
            return ExitCode.OK
        run, lease, engine = begin(request, pool)
    except GeomregError as error:
        answer(error_line(error))
        return error.exit_code
    signal.signal(signal.SIGINT, lambda *_: engine.request_stop())
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, lambda *_: engine.request_stop(hurry=True))
    answer(json.dumps({"ready": True, "directory": str(run.path)}) + "\n")
    if not request.more:
        detach(run.path / "engine.log")
    message = ""
    try:
        state = engine.run()
        message = run.read_status().message
    except TakenOverError as error:
        state, message = RunState.STOPPED, str(error)
        log_line(message)
    except GeomregError as error:
        state, message = RunState.FAILED, str(error)
        log_line(message)
        publish_failure(run, message)
    finally:
        lease.release()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, signal.SIG_DFL)
    answer(json.dumps({"over": state.value, "message": message}) + "\n")
    return ExitCode.RUN_FAILED if state is RunState.FAILED else ExitCode.OK


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
