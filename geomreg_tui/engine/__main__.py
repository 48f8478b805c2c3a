"""The engine's process: ``python -m geomreg_tui.engine run``, ``preview FILE``, or ``sweep``.

``run`` reads requests from stdin, one a line, and answers each on stdout with ``{"ready": true}`` or an
error, and when the run is over with ``{"over": STATE, "message": TEXT}``. After a request that no other
follows it needs its starter no longer: from there on the run directory is the only way to it. ``sweep``
reads one request and has an engine carry out its runs, followed through the directory of the sweep.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

from geomreg_tui.engine.executors import NICE, WorkerPool
from geomreg_tui.engine.fold import Fold
from geomreg_tui.engine.plan import Plan
from geomreg_tui.engine.preview import serve_previews
from geomreg_tui.engine.protocol import RunRequest, error_line
from geomreg_tui.engine.resume import check_environment, check_stored_chunk
from geomreg_tui.engine.run import Engine, Pace
from geomreg_tui.engine.sweep_run import serve_sweep
from geomreg_tui.engine.tail import Descents, try_out
from geomreg_tui.engine.task import Prepared
from geomreg_tui.errors import DataError, ExitCode, GeomregError, TakenOverError
from geomreg_tui.experiment import Experiment
from geomreg_tui.runs import Lease, RunDirectory, RunState, Snapshot, Status, new_run_path
from geomreg_tui.runs.directory import NameTakenError
from geomreg_tui.summary.tail import plan_from_values


def serve_runs() -> ExitCode:
    """Carry out requests until there are no more."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _lower_priority()
    pool: WorkerPool | None = None
    code = ExitCode.OK
    try:
        while line := sys.stdin.readline():
            request = RunRequest.from_line(line)
            if pool is None:
                pool = WorkerPool(request.workers or _cores())
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


def _carry_out(request: RunRequest, pool: WorkerPool) -> ExitCode:
    try:
        if request.check:
            _check(request, pool)
            _answer('{"ready": true}\n')
            return ExitCode.OK
        run, lease, engine = _begin(request, pool)
    except GeomregError as error:
        _answer(error_line(error))
        return error.exit_code
    signal.signal(signal.SIGINT, lambda *_: engine.request_stop())
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, lambda *_: engine.request_stop(hurry=True))
    _answer(json.dumps({"ready": True, "directory": str(run.path)}) + "\n")
    if not request.more:
        _detach(run.path / "engine.log")
    message = ""
    try:
        state = engine.run()
        message = run.read_status().message
    except TakenOverError as error:
        state, message = RunState.STOPPED, str(error)
        _log_line(message)
    except GeomregError as error:
        state, message = RunState.FAILED, str(error)
        _publish_failure(run, message)
    finally:
        lease.release()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, signal.SIG_DFL)
    _answer(json.dumps({"over": state.value, "message": message}) + "\n")
    return ExitCode.RUN_FAILED if state is RunState.FAILED else ExitCode.OK


def _check(request: RunRequest, pool: WorkerPool) -> None:
    """Check that an experiment, and its tail, can be run; nothing is written."""
    asked = Experiment.parse(request.experiment or {})
    deep = request.tail is not None
    pool.arrays = Path(request.arrays) if request.arrays else None
    facts = pool.prepare(asked, request.device, request.module, deep, overlays=False).facts
    if request.tail is not None:
        try_out(pool, facts.experiment, plan_from_values(request.tail))


def _begin(request: RunRequest, pool: WorkerPool) -> tuple[RunDirectory, Lease, Engine]:
    """Make or open the run directory, and return it with its lease and an engine that is ready to run."""
    path = Path(request.directory)
    stored = None
    if request.experiment is None:
        stored = RunDirectory.open(path)
        stored.check_free(take_over=request.take_over)
        pool.arrays = stored.arrays
        prepared = _prepare_again(stored, request, pool)
        differs = check_environment(stored, prepared.environment, request.allow_mixed)
        run, lease = stored, stored.lease(take_over=request.take_over)
    else:
        if not request.rename:
            RunDirectory.check_new(path)
        asked = Experiment.parse(request.experiment)
        deep = request.tail is not None
        pool.arrays = given = Path(request.arrays) if request.arrays else None
        prepared = pool.prepare(asked, request.device, request.module, deep)
        facts, environment = prepared.facts, prepared.environment
        tail = None
        if request.tail is not None:
            tail = try_out(pool, facts.experiment, plan_from_values(request.tail))
        samples, keep = request.samples, request.keep_losses
        while True:
            try:
                run, lease = RunDirectory.begin(
                    path,
                    facts,
                    environment,
                    samples,
                    keep,
                    asked,
                    tail,
                    exclusive=request.rename,
                    arrays=given,
                )
                break
            except NameTakenError:
                path = new_run_path(asked)
        pool.arrays = run.arrays  # what was given may be gone soon
        differs = False
    try:
        samples, keep = run.plan()
        fold = Fold(run, Plan(run.facts.experiment, request.samples or samples, keep))
        run.tidy()
        if stored is not None:
            here = prepared.environment
            differs |= check_stored_chunk(run, fold, pool, here, request.allow_mixed)
            if differs:
                run.add_environment(here, fold.next)
            run.write_plan(fold.plan.samples, keep)
            _set_time_limit(run, request.tail_seconds)
        descents = Descents(run, pool.workers, lease.token, request.patience)
    except GeomregError:
        lease.release()
        raise
    pace = Pace(patience=request.patience)
    return run, lease, Engine(run, pool, fold, lease, pace, prepared.place, descents)


def _set_time_limit(run: RunDirectory, seconds: float) -> None:
    """Set a new time limit for the tail of a run."""
    tail = run.tail.planned()
    if seconds and tail is not None:
        run.tail.write_plan(replace(tail, plan=replace(tail.plan, seconds=seconds)))


def _prepare_again(run: RunDirectory, request: RunRequest, pool: WorkerPool) -> Prepared:
    try:
        return pool.prepare(run.facts.experiment, request.device, request.module)
    except DataError as error:
        raise DataError(f"{error} (the run was started in {run.started_in})") from None


def _publish_failure(run: RunDirectory, message: str) -> None:
    """Publish why the run cannot go on, as far as that can still be done."""
    _log_line(message)
    with contextlib.suppress(GeomregError):
        summary = run.committed()[0].summary
        target = run.plan()[0]
        before = run.read_status()
        try:
            run.write_live(
                Snapshot(
                    RunState.FAILED,
                    target,
                    time.time(),
                    run.facts,
                    summary,
                    message=message,
                    tail=run.tail.read(),
                )
            )
        except GeomregError:
            run.drop_live()
        run.write_status(
            Status(
                RunState.FAILED,
                summary.samples,
                target,
                before.elapsed_s,
                message,
                run.facts.describe(),
                run.mixed,
                before.given_up,
            )
        )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _answer(line: str) -> None:
    """Write a line to the process that started this one, if it is still there."""
    with contextlib.suppress(OSError):
        os.write(1, line.encode())


def _log_line(line: str) -> None:
    """Write a line to the engine's log, if the disk has room for it."""
    with contextlib.suppress(OSError):
        os.write(2, f"{line}\n".encode())


def _detach(log: Path) -> None:
    """Close stdin, send stderr (of native code) to a log, and keep stdout for one last line."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 2)
    os.close(nothing)
    with contextlib.suppress(OSError):
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o644)
        os.dup2(handle, 2)
        os.close(handle)


def main() -> int:
    """Run the engine that the arguments ask for."""
    if sys.argv[1:2] == ["preview"]:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        path = Path(sys.argv[2])
        serve_previews(sys.stdin, path)
        # Whoever asked may have been killed, and then nobody else would take this away.
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            path.parent.rmdir()
        return ExitCode.OK
    if sys.argv[1:2] == ["sweep"]:
        return serve_sweep(_answer, _detach)
    return serve_runs()


if __name__ == "__main__":
    sys.exit(main())
