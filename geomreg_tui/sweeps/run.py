"""Running a sweep: its points one after the other in one engine, in a directory that viewers follow."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from geomreg_tui.errors import ClusterError, GeomregError, RunDirectoryError, SamplingError
from geomreg_tui.experiment import Experiment
from geomreg_tui.gradients.plan import GradientPlan
from geomreg_tui.gradients.store import Planned
from geomreg_tui.place import Cluster
from geomreg_tui.rundir import Action, Labels, RunDirectory, RunState, differences
from geomreg_tui.runner.handle import RunHandle
from geomreg_tui.runner.series import RunSeries
from geomreg_tui.sampling.store import committed
from geomreg_tui.splitting.checkpoints import TailFolder
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.sweeps.directory import SweepDirectory, sweeps_root
from geomreg_tui.sweeps.plan import Factor, SweepPlan, impossible, point_name
from geomreg_tui.sweeps.published import PublishedResult
from geomreg_tui.sweeps.result import FailedPoint, SweepError, SweepPoint
from geomreg_tui.training.plan import TrainingPlan
from geomreg_tui.training.store import TrainingFolder

__all__ = ["SweepEngine", "run_sweep"]


def run_sweep(
    base: Experiment,
    factors: Sequence[Factor],
    samples: int,
    folder: Path,
    *,
    workers: int | None = None,
    device: str = "auto",
    interrupted: Callable[[], bool] = lambda: False,
    begun: Callable[[], None] = lambda: None,
    tail: TailPlan | None = None,
    training: TrainingPlan | None = None,
    observed: GradientPlan | None = None,
    arrays: Path | None = None,
    engine: SweepEngine | None = None,
    cluster: Cluster | None = None,
    labels: Labels | None = None,
) -> Iterator[SweepPoint]:
    """Run the points of a sweep one after the other in one engine, each in a run directory of its own.

    Points that are there already are taken as they are if they are complete, and gone on with if not: a
    sweep that was stopped or killed is taken up by asking for it again. Viewers may pause and stop it
    through the directory. The result so far is written to ``sweep.json`` as points come in.

    All points are checked before the first is drawn. One that fails all the same, because a worker was
    killed or the data are gone, is set down as failed, and the others are run.

    Args:
        base: the experiment whose keys the factors replace.
        factors: one or two.
        samples: networks of each point.
        folder: the directory of the sweep, where the run directories are made.
        workers: worker processes; default: one for each core.
        device: ``auto``, ``cpu`` or ``cuda:i``.
        interrupted: asked several times a second; once true, the point under way is stopped and is the last.
        begun: called once the directory is this process's.
        tail: how deep to go at each point after that; None for not at all.
        training: how to train networks at each point after that; None for not at all.
        observed: what to observe of networks of each point besides their loss; None for nothing.
        arrays: folder with the arrays that the experiment was given for data; each run keeps a copy.
        engine: what carries it out, which stays open; None for one of its own, by ``workers``, ``device``,
            ``arrays`` and ``cluster``.
        cluster: whose workers do the work; None for this machine's.
        labels: what the sweep is called, which no bit depends on; None for what it is called already.

    Raises:
        ClusterError: if the cluster cannot be used.
        ExperimentError: if points cannot be run, with all problems of all of them; nothing is drawn then.
        RunDirectoryError: if a directory cannot be made, holds another experiment, or is in use.
        SweepError: after the last point, if points failed.
    """
    plan = SweepPlan(base, tuple(factors), samples, tail, training, observed)
    directory = SweepDirectory(folder)
    directory.check_free()
    used = engine or SweepEngine(workers, device, arrays, cluster)
    try:
        _check(plan, directory, used, interrupted)
        yield from _run(plan, directory, used, interrupted, begun, labels)
    finally:
        if engine is None:
            used.close()
        if folder.parent == sweeps_root():
            with contextlib.suppress(OSError):
                folder.rmdir()  # one that nothing came into


def _run(
    plan: SweepPlan,
    directory: SweepDirectory,
    engine: SweepEngine,
    interrupted: Callable[[], bool],
    begun: Callable[[], None],
    labels: Labels | None,
) -> Iterator[SweepPoint]:
    """Yield the points, and keep the directory up to date."""
    factors, samples = plan.factors, plan.samples
    lease = directory.begin(plan, labels)
    result = PublishedResult(directory, factors)
    requests = _Requests(directory, plan, interrupted, result)
    state, message = RunState.STOPPED, ""
    try:
        directory.log("start", points=len(plan.grid()), samples=plan.samples)
        directory.write_status(plan, RunState.SAMPLING, 0)
        begun()
        for point in _points(plan, directory, engine, requests):
            result.add(point)
            place = point_name(factors, point.settings)
            if isinstance(point, FailedPoint):
                directory.log("point failed", point=place, reason=point.reason)
                continue
            directory.log("point", point=place, samples=point.summary.samples)
            requests.samples += point.summary.samples
            directory.write_status(plan, requests.state, requests.samples)
            yield point
        result.write()
        if result.failed:
            raise SweepError(factors, result.failed)
        complete = all(point.summary.samples >= samples for point in result.points)
        if requests.samples >= plan.target and complete:
            state = RunState.DONE
    except GeomregError as error:
        state, message = RunState.FAILED, str(error)
        raise
    finally:
        try:
            with contextlib.suppress(RunDirectoryError):  # the runs of the points hold all of it
                result.write()
            directory.write_status(plan, state, requests.samples, message)
            directory.log("end", state=state.value, samples=requests.samples, message=message)
        finally:
            lease.release()


class _Requests:
    """Requests to a sweep: of viewers, and of the process that runs it.

    Attributes:
        stopping: whether the point under way is the last.
        paused: whether sampling is to pause.
        samples: networks of the points that are over.
    """

    def __init__(
        self,
        directory: SweepDirectory,
        plan: SweepPlan,
        interrupted: Callable[[], bool],
        result: PublishedResult,
    ) -> None:
        self._directory = directory
        self._plan = plan
        self._interrupted = interrupted
        self._result = result
        self.stopping = False
        self.paused = False
        self.samples = 0

    @property
    def state(self) -> RunState:
        return RunState.PAUSED if self.paused else RunState.SAMPLING

    def pass_on(self, handle: RunHandle, fresh: bool) -> None:
        """Pass requests on to the run under way; ``fresh``: it has just begun, and knows of none.

        What is on disk of the points before keeps up meanwhile.
        """
        self._result.keep_up()
        before = False if fresh else self.paused
        for command in self._directory.control.poll():
            self.stopping |= command.action is Action.STOP
            if command.action in (Action.PAUSE, Action.RESUME):
                self.paused = command.action is Action.PAUSE
        self.stopping |= self._interrupted()
        if self.stopping:
            handle.stop()
        elif self.paused != before:
            (handle.pause if self.paused else handle.resume)()
            self._directory.write_status(self._plan, self.state, self.samples)


class SweepEngine:
    """One engine for all points of a sweep, or of several; another one after one that died.

    Args:
        workers: worker processes; None for one for each core.
        device: which devices are meant.
        arrays: folder with the arrays that the experiments were given for data.
        cluster: whose workers do the work; None for this machine's.
    """

    def __init__(
        self, workers: int | None, device: str, arrays: Path | None, cluster: Cluster | None = None
    ) -> None:
        self._workers, self._device, self._arrays, self._cluster = workers, device, arrays, cluster
        self._series: RunSeries | None = None

    @property
    def series(self) -> RunSeries:
        """The engine, started where there is none."""
        if self._series is None:
            self._series = RunSeries(self._workers, self._device, self._arrays, self._cluster)
        return self._series

    def close(self) -> None:
        """End the engine after the run that it is at."""
        series, self._series = self._series, None
        if series is not None:
            series.close()


def _check(
    plan: SweepPlan, directory: SweepDirectory, engine: SweepEngine, interrupted: Callable[[], bool]
) -> None:
    """Make sure that every point that is not there yet can be run.

    Raises:
        ExperimentError: with all problems of all points.
        RunDirectoryError: if a directory holds another experiment.
    """
    problems: list[tuple[tuple[Any, ...], GeomregError]] = []
    for settings, experiment in plan.grid():
        stored = _stored(directory.point_path(plan.factors, settings), experiment, plan)
        if stored is not None and _complete(stored, plan):
            continue
        if interrupted():
            return
        try:
            engine.series.check(experiment, plan.tail, plan.training, plan.observed)
        except SamplingError:  # no fault of the experiment; it may be better when its time comes
            engine.close()
        except ClusterError:  # no point could be run
            raise
        except GeomregError as error:
            problems.append((settings, error))
    if problems:
        raise impossible(plan.factors, problems)


def _points(
    plan: SweepPlan, directory: SweepDirectory, engine: SweepEngine, requests: _Requests
) -> Iterator[SweepPoint | FailedPoint]:
    """Yield the outcome of each point; of one that failed with networks, these first."""
    for settings, experiment in plan.grid():
        path = directory.point_path(plan.factors, settings)
        stored = _stored(path, experiment, plan)
        if stored is not None and _complete(stored, plan):
            yield SweepPoint.of(settings, stored)
            continue
        try:
            reason = _sample(plan, path, experiment, stored is not None, engine.series, requests)
        except ClusterError:  # the others could not be run either
            raise
        except GeomregError as error:
            reason = str(error)
            engine.close()  # it may have died
        samples = 0
        if not reason or (path / "experiment.json").exists():
            try:
                run = RunDirectory.open(path)
                samples = committed(run).summary.samples
                if samples or not reason:
                    yield SweepPoint.of(settings, run)
            except RunDirectoryError as error:
                reason = reason or str(error)
        if reason:
            yield FailedPoint(settings, reason, samples)
        if requests.stopping:
            return


def _sample(
    plan: SweepPlan,
    path: Path,
    experiment: Experiment,
    resumed: bool,
    series: RunSeries,
    requests: _Requests,
) -> str:
    """Run a point to its end, or go on with it; return why it failed, empty where it did not.

    Raises:
        GeomregError: if it cannot be begun, or the engine died.
    """
    if resumed:
        observed = plan.observed.networks if plan.observed is not None else 0
        handle = series.resume(path, plan.samples, experiment.module, observed)
    else:
        handle = series.run(
            experiment, plan.samples, path, tail=plan.tail, training=plan.training, observe=plan.observed
        )
    requests.pass_on(handle, fresh=True)
    if series.finish(lambda: requests.pass_on(handle, fresh=False)) is not RunState.FAILED:
        return ""
    return handle.failure() or "its run failed"


def _stored(path: Path, experiment: Experiment, plan: SweepPlan) -> RunDirectory | None:
    """Return the run of an experiment that is at ``path``, or None where there is none."""
    if not (path / "experiment.json").exists():
        return None
    run = RunDirectory.open(path)
    if run.asked != experiment:
        changed = "; ".join(differences(run.asked, experiment))
        raise RunDirectoryError(f"{path}: holds another experiment ({changed}); choose another --out")
    tail, training = TailFolder.of(run).planned(), TrainingFolder(run).planned()
    if (replace(tail.plan, observe=(), pairs=None) if tail else None) != plan.tail:
        raise RunDirectoryError(f"{path}: holds a run with another deep tail, or none; choose another --out")
    if (replace(training.plan, observe=(), pairs=None) if training else None) != plan.training:
        raise RunDirectoryError(f"{path}: holds a run with another training, or none; choose another --out")
    if not _observes(run, plan):
        raise RunDirectoryError(f"{path}: holds a run with another --observe, or none; choose another --out")
    return run


def _observes(run: RunDirectory, plan: SweepPlan) -> bool:
    """Return whether a run observes what is asked for, of whatever number of networks."""
    planned, asked = Planned.read(run), plan.observed
    if planned is None or asked is None:
        return planned is None and asked is None
    return replace(planned.plan, networks=asked.networks) == asked


def _complete(run: RunDirectory, plan: SweepPlan) -> bool:
    status, planned = run.read_status(), Planned.read(run)
    observed = plan.observed is None or (
        planned is not None and planned.plan.networks >= plan.observed.networks
    )
    return status.state is RunState.DONE and status.samples >= plan.samples and observed
