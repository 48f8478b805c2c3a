"""The engine's process: ``python -m geomreg_tui.engine run``, or ``preview FILE``.

``run`` reads requests from stdin, one a line, and answers each on stdout with ``{"ready": true}`` or an
error. After a request that no other follows it lets go of its starter: from there on the run directory
is the only way to it. Otherwise it answers ``{"over": STATE}`` when the run is over, and reads the next.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

from geomreg_tui.engine.executors import WorkerPool
from geomreg_tui.engine.preview import serve_previews
from geomreg_tui.engine.protocol import RunRequest, error_line
from geomreg_tui.engine.run import Engine
from geomreg_tui.engine.task import Prepared
from geomreg_tui.errors import ExitCode, GeomregError
from geomreg_tui.experiment import Experiment
from geomreg_tui.runs import RunDirectory, RunState, Snapshot


def serve_runs() -> ExitCode:
    """Carry out requests until there are no more."""
    pool: WorkerPool | None = None
    code = ExitCode.OK
    try:
        while line := sys.stdin.readline():
            request = RunRequest.from_line(line)
            if pool is None:
                pool = WorkerPool(request.workers or _cores())
            code = _run(request, pool)
            if not request.more:
                break
    finally:
        if pool is not None:
            pool.close()
    return code


def _run(request: RunRequest, pool: WorkerPool) -> ExitCode:
    path = Path(request.directory)
    try:
        stored = None
        if request.experiment is None:
            stored = RunDirectory.open(path)
            stored.check_free(take_over=request.take_over)
        else:
            RunDirectory.check_new(path)
        experiment = stored.facts.experiment if stored else Experiment.parse(request.experiment or {})
        prepared = pool.prepare(experiment, request.device, request.module)
        directory = stored or RunDirectory.create(
            path, prepared.facts, prepared.environment, request.samples, request.keep_losses
        )
        lease = directory.lease(take_over=request.take_over)
        if stored and request.samples:
            stored.write_plan(request.samples, stored.plan()[1])
        engine = Engine(directory, pool, _devices(prepared))
    except GeomregError as error:
        _answer(error_line(error))
        return error.exit_code
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, lambda *_: engine.request_stop())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _answer('{"ready": true}\n')
    if not request.more:
        _let_go(path / "engine.log")
    try:
        state = engine.run()
    except GeomregError as error:
        state = RunState.FAILED
        _tell(directory, error)
    finally:
        lease.release()
    if request.more:
        _answer(json.dumps({"over": state.value}) + "\n")
    return ExitCode.RUN_FAILED if state is RunState.FAILED else ExitCode.OK


def _tell(directory: RunDirectory, error: GeomregError) -> None:
    """Tell viewers, as far as that can still be done, why the run cannot go on."""
    print(error, file=sys.stderr)
    try:
        directory.write_live(
            Snapshot(
                RunState.FAILED,
                directory.plan()[0],
                time.time(),
                directory.facts,
                directory.committed()[0].summary,
                message=str(error),
            )
        )
    except GeomregError as second:
        print(second, file=sys.stderr)


def _devices(prepared: Prepared) -> list[str]:
    if prepared.device == "cpu":
        return ["cpu"]
    return [f"cuda:{number}" for number in range(prepared.devices)]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _answer(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


def _let_go(log: Path) -> None:
    """Turn away from the starter's pipes: what native code writes goes to a log."""
    nothing = os.open(os.devnull, os.O_RDWR)
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.dup2(handle, 2)
    os.close(nothing)
    os.close(handle)


def main() -> int:
    """Run the engine that the arguments ask for."""
    if sys.argv[1:2] == ["preview"]:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        serve_previews(sys.stdin, Path(sys.argv[2]))
        return ExitCode.OK
    return serve_runs()


if __name__ == "__main__":
    sys.exit(main())
