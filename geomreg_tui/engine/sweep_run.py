"""Running a sweep: its points one after the other in one engine, in a directory that viewers follow."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from geomreg_tui.engine.handle import RunHandle
from geomreg_tui.engine.launch import RunSeries
from geomreg_tui.engine.protocol import SweepRequest, error_line
from geomreg_tui.engine.sweep import Factor, SweepPoint
from geomreg_tui.engine.sweep_directory import SweepDirectory, SweepPlan
from geomreg_tui.errors import ExitCode, GeomregError, RunDirectoryError, SamplingError
from geomreg_tui.experiment import Experiment
from geomreg_tui.runs import Action, RunDirectory, RunState, differences
from geomreg_tui.summary import TailPlan

__all__ = ["run_sweep", "serve_sweep"]


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
) -> Iterator[SweepPoint]:
    """Run the points of a sweep one after the other in one engine, each in a run directory of its own.

    Points that are there already are taken as they are if they are complete, and gone on with if not: a
    sweep that was stopped or killed is taken up by asking for it again. Viewers may pause and stop it
    through the directory. The result so far is written to ``sweep.json`` after every point.

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

    Raises:
        ExperimentError, DataError, CapacityError: if a point cannot be run.
        RunDirectoryError: if a directory cannot be made, holds another experiment, or is in use.
        SamplingError: if a run failed.
    """
    plan = SweepPlan(base, tuple(factors), samples, tail)
    plan.grid()
    directory = SweepDirectory(folder)
    lease = directory.begin(plan)
    wishes = _Wishes(directory, plan, interrupted)
    state, message, found = RunState.STOPPED, "", list[SweepPoint]()
    try:
        directory.write_status(plan, RunState.SAMPLING, 0)
        begun()
        for point in _points(plan, directory, workers, device, wishes):
            found.append(point)
            wishes.samples += point.summary.samples
            directory.write_result(factors, found)
            directory.write_status(plan, wishes.state, wishes.samples)
            yield point
        if wishes.samples >= plan.target and all(point.summary.samples >= samples for point in found):
            state = RunState.DONE
    except GeomregError as error:
        state, message = RunState.FAILED, str(error)
        raise
    finally:
        try:
            directory.write_status(plan, state, wishes.samples, message)
        finally:
            lease.release()


class _Wishes:
    """What viewers, and whoever runs the sweep, want of it.

    Attributes:
        stopping: whether the point under way is the last.
        paused: whether sampling is to pause.
        samples: networks of the points that are over.
    """

    def __init__(self, directory: SweepDirectory, plan: SweepPlan, interrupted: Callable[[], bool]) -> None:
        self._directory = directory
        self._plan = plan
        self._interrupted = interrupted
        self.stopping = False
        self.paused = False
        self.samples = 0

    @property
    def state(self) -> RunState:
        return RunState.PAUSED if self.paused else RunState.SAMPLING

    def pass_on(self, handle: RunHandle, fresh: bool) -> None:
        """Have the run under way do what is wanted; ``fresh``: it has just begun, and knows nothing yet."""
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


def _points(
    plan: SweepPlan, directory: SweepDirectory, workers: int | None, device: str, wishes: _Wishes
) -> Iterator[SweepPoint]:
    series = RunSeries(workers, device)
    try:
        for settings, experiment in plan.grid():
            path = directory.point_path(plan.factors, settings)
            stored = _stored(path, experiment, plan.tail)
            if stored is not None and _complete(stored, plan.samples):
                yield SweepPoint.of(settings, stored)
                continue
            if stored is not None:
                handle = series.resume(path, plan.samples, experiment.module)
            else:
                handle = series.run(experiment, plan.samples, path, tail=plan.tail)
            wishes.pass_on(handle, fresh=True)

            def watch(handle: RunHandle = handle) -> None:
                wishes.pass_on(handle, fresh=False)

            if series.finish(watch) is RunState.FAILED:
                snapshot = handle.snapshot()
                raise SamplingError(snapshot.message if snapshot else "a run of the sweep failed")
            yield SweepPoint.of(settings, RunDirectory.open(handle.directory))
            if wishes.stopping:
                return
    finally:
        series.close()


def _stored(path: Path, experiment: Experiment, tail: TailPlan | None) -> RunDirectory | None:
    """Return the run of an experiment that is at ``path``, or None where there is none."""
    if not (path / "experiment.json").exists():
        return None
    run = RunDirectory.open(path)
    if run.asked != experiment:
        changed = "; ".join(differences(run.asked, experiment))
        raise RunDirectoryError(f"{path}: holds another experiment ({changed}); choose another --out")
    stored = run.tail.planned()
    if (stored.plan if stored else None) != tail:
        raise RunDirectoryError(f"{path}: holds a run with another deep tail, or none; choose another --out")
    return run


def _complete(run: RunDirectory, samples: int) -> bool:
    status = run.read_status()
    return status.state is RunState.DONE and status.samples >= samples


def serve_sweep(answer: Callable[[str], None], let_go: Callable[[Path], None]) -> ExitCode:
    """Run the sweep that a line on stdin asks for; whoever asked may go once it has begun.

    Args:
        answer: tells the starter ``{"ready": true}``, or an error.
        let_go: turns away from the starter; native code's messages go to the file that it is given.
    """
    told = []
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, lambda *_: told.append("stop"))
    request = SweepRequest.from_line(sys.stdin.readline())
    folder = Path(request.directory)
    begun = []

    def ready() -> None:
        answer('{"ready": true}\n')
        let_go(folder / "engine.log")
        begun.append(True)

    try:
        plan = SweepPlan.from_json(request.plan)
        points = run_sweep(
            plan.experiment,
            plan.factors,
            plan.samples,
            folder,
            workers=request.workers or None,
            device=request.device,
            interrupted=lambda: bool(told),
            begun=ready,
            tail=plan.tail,
        )
        for _ in points:
            pass
    except GeomregError as error:
        if not begun:  # later the directory tells
            answer(error_line(error))
        return error.exit_code
    return ExitCode.OK
