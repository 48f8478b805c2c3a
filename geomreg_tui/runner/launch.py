"""Starting engines. Never imports torch; and numpy, with all that needs it, while the engine starts."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from geomreg_tui.errors import ExperimentError, Problem, SamplingError
from geomreg_tui.experiment import Experiment
from geomreg_tui.gradients.plan import NAME as GRADIENTS
from geomreg_tui.gradients.plan import GradientPlan
from geomreg_tui.gradients.plan import plan_values as gradient_values
from geomreg_tui.held import is_held
from geomreg_tui.place import Cluster
from geomreg_tui.runner.loading import preloaded
from geomreg_tui.runner.process import RUNNER, spawn
from geomreg_tui.runner.protocol import RunRequest, raise_error
from geomreg_tui.sampling.plan import NAME as SAMPLING
from geomreg_tui.splitting.plan import NAME as SPLITTING
from geomreg_tui.splitting.plan import TailPlan, plan_values
from geomreg_tui.training.plan import NAME as TRAINING
from geomreg_tui.training.plan import TrainingPlan
from geomreg_tui.training.plan import plan_values as training_values

if TYPE_CHECKING:
    from geomreg_tui.rundir import Labels
    from geomreg_tui.runner.handle import RunHandle
    from geomreg_tui.runner.waiting import WaitingEngine

__all__ = [
    "Request",
    "ask",
    "launch",
    "modules_for",
    "plain_cluster",
    "resume_run",
    "spelled",
    "stage_plans",
    "start_run",
]

PATIENCE = 60.0  # seconds


def start_run(
    experiment: Experiment,
    samples: int,
    *,
    directory: Path | None = None,
    workers: int | None = None,
    device: str = "auto",
    keep_losses: int = 0,
    import_module: bool = True,
    patience: float = PATIENCE,
    tail: TailPlan | None = None,
    training: TrainingPlan | None = None,
    volume: Mapping[str, Any] | None = None,
    observe: GradientPlan | None = None,
    arrays: Path | None = None,
    cluster: Cluster | None = None,
    labels: Labels | None = None,
    waiting: WaitingEngine | None = None,
    meanwhile: Callable[[], object] = lambda: None,
) -> RunHandle:
    """Start an engine on a new run, and return when it has begun.

    Args:
        experiment: what to sample.
        samples: how many networks.
        directory: the run directory to make; default: a new one in the catalogue.
        workers: worker processes; default: one for each core.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:i``, or several GPUs.
        keep_losses: how many of the first losses to keep.
        import_module: whether to import the code that a custom architecture names; not where the
            experiment comes from a file of unknown origin.
        patience: seconds for which the directory may be unwritable before the run fails.
        tail: how deep to go when the networks are drawn; None for not at all.
        training: how to train networks after that; None for not at all.
        volume: for the training, V of losses from another run; None for V of this run.
        observe: what to observe of networks besides their loss, on the way down a tail and along
            trajectories too; None for nothing.
        arrays: folder with the arrays that the experiment was given for data; the run keeps a copy.
        cluster: whose workers do the work; None for this machine's.
        labels: what the run is called, which no bit depends on; None for nothing.
        waiting: has an engine that has loaded already, perhaps; None for one that is started now.
        meanwhile: called while the engine starts.

    Raises:
        ExperimentError, DataError, CapacityError: if the experiment cannot be run; nothing is written.
        ClusterError: if the cluster cannot be used.
        RunDirectoryError: if the directory cannot be made.
        SamplingError: if the engine died.

    Example:
        >>> experiment = geomreg.Experiment.parse({"data": "digits", "examples": 4, "width": 16})
        >>> handle = geomreg.start_run(experiment, 10_000)
        >>> handle.wait()  # meanwhile: handle.snapshot(), pause(), resume(), extend(20_000), stop()
        True
        >>> geomreg.load(handle.directory).summary.samples
        10000
    """
    plans = stage_plans(samples, keep_losses, tail, training, observe)
    if volume is not None:
        plans[TRAINING]["volume"] = dict(volume)
    values = experiment.model_dump(mode="json", exclude_unset=True)
    handle = _launch(
        RunRequest(
            spelled(directory),
            plans,
            values,
            workers or 0,
            device,
            module=experiment.module if import_module else None,
            patience=patience,
            arrays=spelled(arrays),
            cluster=plain_cluster(cluster),
            labels=asdict(labels) if labels is not None else None,
        ),
        waiting,
        meanwhile,
    )
    from geomreg_tui.rundir.elsewhere import RUN, remember

    remember(handle.directory, RUN)
    return handle


def resume_run(
    directory: Path,
    samples: int = 0,
    *,
    workers: int | None = None,
    device: str = "auto",
    module: str | None = None,
    take_over: bool = False,
    allow_mixed: bool = False,
    patience: float = PATIENCE,
    tail_seconds: float = 0.0,
    observed: int = 0,
    cluster: Cluster | None = None,
    waiting: WaitingEngine | None = None,
) -> RunHandle:
    """Start an engine that goes on with a run, and return when it has begun.

    Before it goes on it draws one stored chunk again and compares. A point of a sweep stays as it is: a copy
    of it in the catalogue goes on, and is what is returned.

    Args:
        directory: the run directory.
        samples: networks in all; 0: as planned.
        workers: worker processes; default: one for each core.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:i``, or several GPUs.
        module: the module factory of a custom architecture; one that only the run names is not imported.
        take_over: take the run from an engine that seems to be at work, or is on another host.
        allow_mixed: go on where versions, device or bits differ, and label the result.
        patience: seconds for which the directory may be unwritable before the run fails.
        tail_seconds: new time limit of its deep tail; 0: as planned.
        observed: networks that are observed in all; 0: as planned.
        cluster: whose workers do the work; None for this machine's.
        waiting: has an engine that has loaded already, perhaps; None for one that is started now.

    Raises:
        ClusterError: if the cluster cannot be used.
        RunDirectoryError: if it is not a run directory, is in use, or would not go on with the same bits.
        ExperimentError, DataError, CapacityError: if the experiment cannot be run here.
        SamplingError: if the engine died.
    """
    from geomreg_tui.rundir.catalogue import sweep_of
    from geomreg_tui.rundir.copying import copy_run
    from geomreg_tui.rundir.elsewhere import RUN, remember
    from geomreg_tui.runner.registry import layout

    path = directory.absolute()
    if (sweep := sweep_of(path)) is not None:
        path = copy_run(path, layout(), f"goes on from {path.name} of the sweep {sweep.name}")
    else:
        remember(path, RUN)
    return _launch(
        RunRequest(
            str(path),
            {
                SAMPLING: {"samples": samples},
                SPLITTING: {"seconds": tail_seconds},
                GRADIENTS: {"networks": observed},
            },
            workers=workers or 0,
            device=device,
            module=module,
            take_over=take_over,
            allow_mixed=allow_mixed,
            patience=patience,
            cluster=plain_cluster(cluster),
        ),
        waiting,
    )


def modules_for(experiment: Experiment, device: str) -> tuple[str, ...]:
    """Return what the workers of a run are to have loaded that only samples losses of an experiment."""
    values = experiment.model_dump(mode="json", exclude_unset=True)
    return preloaded(RunRequest("", stage_plans(0, 0, None), values, device=device))


def _launch(
    request: RunRequest, waiting: WaitingEngine | None, meanwhile: Callable[[], object] = lambda: None
) -> RunHandle:
    """Start an engine: in this process for a module that no other can import, else in one of its own."""
    if is_held(request.module):
        if request.cluster is not None:
            rule = "workers of a cluster must import it: write a function that makes it to a file of its own"
            raise ExperimentError([Problem("module", "a module that only this process has", rule)])
        from geomreg_tui.runner.here import launch_here

        return launch_here(request)
    modules = preloaded(request)
    ready = waiting.take(modules) if waiting is not None else None
    process, answer = launch(RUNNER, request, "run", *modules, ready=ready, meanwhile=meanwhile)
    from geomreg_tui.runner.handle import RunHandle

    return RunHandle(Path(str(answer.get("directory", request.directory))), process)


class Request(Protocol):
    """A request to a process that is started."""

    def to_line(self) -> str:
        """Return the request as a line."""


def launch(
    module: str,
    request: Request,
    *arguments: str,
    ready: subprocess.Popen[bytes] | None = None,
    meanwhile: Callable[[], object] = lambda: None,
) -> tuple[subprocess.Popen[bytes], Mapping[str, Any]]:
    """Start a process, hand it a request, and return it with its answer when it has begun.

    Args:
        module: the module that is run.
        request: what is asked for.
        arguments: of the module.
        ready: the process, where it was started before.
        meanwhile: called while it begins.

    Raises:
        GeomregError: what it answers in place of beginning.
        SamplingError: if it died.
    """
    process = ready or spawn(module, *arguments)
    pipes = [process.stdin, process.stderr]
    try:
        answer = ask(process, request, meanwhile)
    except BaseException:
        process.kill()
        process.wait()
        pipes.append(process.stdout)
        raise
    finally:
        for pipe in pipes:
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
    return process, answer


def ask(
    process: subprocess.Popen[bytes], request: Request, meanwhile: Callable[[], object] = lambda: None
) -> Mapping[str, Any]:
    """Send a request, wait until the engine is ready, and return its answer or raise its error."""
    if process.stdin is None or process.stdout is None:
        raise AssertionError("the engine was started without pipes")
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(request.to_line().encode())
        process.stdin.flush()
    meanwhile()
    line = process.stdout.readline()
    if not line:
        said = process.stderr.read().decode(errors="replace").strip() if process.stderr else ""
        reason = said.rpartition("\n")[2] or "no reason was given"
        raise SamplingError(f"the engine died before it began: {reason}")
    answer: Mapping[str, Any] = json.loads(line)
    raise_error(answer)
    return answer


def stage_plans(
    samples: int,
    keep_losses: int,
    tail: TailPlan | None,
    training: TrainingPlan | None = None,
    observe: GradientPlan | None = None,
) -> dict[str, dict[str, Any]]:
    """Return the plan of each stage, by its name."""
    plans: dict[str, dict[str, Any]] = {SAMPLING: {"samples": samples, "keep_losses": keep_losses}}
    if observe is not None:
        plans[GRADIENTS] = gradient_values(observe)
    if tail is not None:
        plans[SPLITTING] = plan_values(tail.observing(observe))
    if training is not None:
        plans[TRAINING] = training_values(training.observing(observe))
    return plans


def spelled(folder: Path | None) -> str:
    """Return an absolute path as text; an empty text for none."""
    return str(folder.absolute()) if folder is not None else ""


def plain_cluster(cluster: Cluster | None) -> dict[str, Any] | None:
    """Return a cluster as plain data."""
    return None if cluster is None else cluster.to_json()
