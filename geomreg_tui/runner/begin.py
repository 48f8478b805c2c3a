"""From a request to an engine that is ready: the run directory is made or opened, and its stages with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from geomreg_tui.engine import Engine, Pace, Prepared, Stage, StageContext, StageKind
from geomreg_tui.engine.executors import Executor
from geomreg_tui.errors import DataError, GeomregError
from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir import Lease, RunDirectory, new_run_path, parse_labels
from geomreg_tui.rundir.directory import NameTakenError
from geomreg_tui.runner import registry
from geomreg_tui.runner.document import run_document
from geomreg_tui.runner.preparation import Preparation
from geomreg_tui.runner.protocol import RunRequest
from geomreg_tui.runner.resume import check_bits, check_environment

__all__ = ["begin", "check", "describer"]


def check(request: RunRequest, pool: Executor) -> None:
    """Check that an experiment can go through the stages that are asked for; nothing is written.

    Raises:
        ExperimentError, DataError, CapacityError: if it cannot.
    """
    pool.arrays = Path(request.arrays) if request.arrays else None
    experiment = Experiment.parse(request.experiment or {})
    prepared = pool.prepare(_preparation(experiment, request, overlays=False))
    for kind in _asked(request):
        kind.check_plan(request.plans[kind.name], prepared.facts.experiment, pool)


def begin(
    request: RunRequest, pool: Executor, *, signalled: bool = True
) -> tuple[RunDirectory, Lease, Engine]:
    """Return a run directory with its lease, and an engine that is ready to run.

    Args:
        request: what is asked for.
        pool: the workers.
        signalled: whether others may signal this process (see :class:`~geomreg_tui.rundir.Lease`).

    Raises:
        GeomregError: if the run cannot be begun or gone on with; a new one has left nothing then.
    """
    if request.experiment is None:
        return _go_on(request, pool, signalled)
    run, lease, prepared = _make(request, pool, signalled)
    try:
        stages = _open(run, StageContext(lambda: pool.workers), {})
        _tidy(run)
    except GeomregError:
        lease.release()
        raise
    return run, lease, _engine(run, lease, pool, prepared, [stage for _, stage in stages], request)


def describer(run: RunDirectory, stages: Sequence[Stage]) -> Callable[[bool, float], dict[str, Any]]:
    """Return a function of (whether the run is complete, seconds spent) that returns its document."""

    def describe(complete: bool, elapsed_s: float) -> dict[str, Any]:
        results = {stage.name: stage.result() for stage in stages}
        given_up = stages[0].progress.given_up
        return run_document(run.facts, results, complete, elapsed_s, run.environments, given_up)

    return describe


def _make(request: RunRequest, pool: Executor, signalled: bool) -> tuple[RunDirectory, Lease, Prepared]:
    """Make the directory of a new run."""
    asked = Experiment.parse(request.experiment or {})
    path = Path(request.directory) if request.directory else new_run_path(asked)
    if request.directory:
        RunDirectory.check_new(path, registry.layout())
    pool.arrays = given = Path(request.arrays) if request.arrays else None
    prepared = pool.prepare(_preparation(asked, request))
    facts = prepared.facts
    plans = [kind.check_plan(request.plans[kind.name], facts.experiment, pool) for kind in _asked(request)]
    while True:
        try:
            run, lease = RunDirectory.begin(
                path,
                facts,
                prepared.environment,
                plans,
                asked,
                layout=registry.layout(),
                exclusive=not request.directory,
                arrays=given,
                signalled=signalled,
                labels=parse_labels(**(request.labels or {})),
            )
            break
        except NameTakenError:
            path = new_run_path(asked)
    pool.arrays = run.arrays  # what was given may be gone soon
    return run, lease, prepared


def _go_on(request: RunRequest, pool: Executor, signalled: bool) -> tuple[RunDirectory, Lease, Engine]:
    """Open a run to go on with it, and make sure that it keeps to the same bits."""
    run = RunDirectory.open(Path(request.directory))
    run.check_free(take_over=request.take_over)
    pool.arrays = run.arrays
    try:
        prepared = pool.prepare(_preparation(run.facts.experiment, request))
    except DataError as error:
        raise DataError(f"{error} (the run was started in {run.started_in})") from None
    here = prepared.environment
    differs = check_environment(run, here, request.allow_mixed)
    lease = run.lease(take_over=request.take_over, signalled=signalled)
    try:
        stages = _open(run, StageContext(lambda: pool.workers), request.plans)
        _tidy(run)
        for kind, stage in stages:
            differs |= check_bits(run, here, kind.check_repeat(stage, run, pool), request.allow_mixed)
        if differs:
            run.add_environment(here, stages[0][1].progress.pieces)
        for kind, _ in stages:
            kind.write_changes(run, request.plans.get(kind.name, {}))
    except GeomregError:
        lease.release()
        raise
    return run, lease, _engine(run, lease, pool, prepared, [stage for _, stage in stages], request)


def _engine(
    run: RunDirectory,
    lease: Lease,
    pool: Executor,
    prepared: Prepared,
    stages: Sequence[Stage],
    request: RunRequest,
) -> Engine:
    """Return an engine for a run that is ready."""
    pace = Pace(patience=request.patience)
    place = f"{prepared.place}, {pool.place}" if pool.place else prepared.place
    return Engine(run, pool, stages, describer(run, stages), lease, pace, place)


def _open(
    run: RunDirectory, context: StageContext, changes: Mapping[str, Mapping[str, Any]]
) -> list[tuple[StageKind, Stage]]:
    """Return the stages of a run with their kinds."""
    opened = [(kind, kind.open(run, context, changes.get(kind.name, {}))) for kind in registry.STAGES]
    return [(kind, stage) for kind, stage in opened if stage is not None]


def _tidy(run: RunDirectory) -> None:
    """Delete what engines and workers that were killed left half-written."""
    run.tidy()
    for kind in registry.STAGES:
        kind.tidy(run)


def _asked(request: RunRequest) -> list[StageKind]:
    """Return the kinds of stages that a request has a plan for."""
    return [kind for kind in registry.STAGES if kind.name in request.plans]


def _preparation(experiment: Experiment, request: RunRequest, *, overlays: bool = True) -> Preparation:
    """Return the work that makes an experiment ready."""
    # A run that is gone on with has an experiment that its stages have adapted already.
    plans = request.plans if request.experiment is not None else {}
    return Preparation(experiment, request.device, request.module, plans, overlays)
