"""The functions of the public API. None of them imports torch into the process that calls it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from geomreg_tui.api.arguments import (
    GOALS,
    asked_for,
    count_of,
    factors_of,
    gradient_plan,
    labels_of,
    tail_plan,
    training_plan,
)
from geomreg_tui.api.bars import new_bar
from geomreg_tui.api.following import Interrupts
from geomreg_tui.api.results import RunResult, SweepResult, finished, read_sweep
from geomreg_tui.errors import ExperimentError, Problem, nearest_name
from geomreg_tui.experiment import Experiment
from geomreg_tui.place import Cluster
from geomreg_tui.report import volume_from as measured_volume
from geomreg_tui.rundir.elsewhere import SWEEP, remember
from geomreg_tui.runner import start_run
from geomreg_tui.runner.progress import StageProgress
from geomreg_tui.runner.snapshot import Snapshot
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.sweeps.directory import new_sweep_path
from geomreg_tui.sweeps.plan import grid, point_name
from geomreg_tui.sweeps.result import SweepError, SweepPoint
from geomreg_tui.sweeps.run import run_sweep
from geomreg_tui.training.plan import TrainingPlan, check_plan

__all__ = ["sample", "sweep", "tail", "train"]

AnyPath = str | os.PathLike[str]


def sample(
    experiment: Experiment | None = None,
    samples: float | str = 1e6,
    out: AnyPath | None = None,
    *,
    data: Any = None,
    module: Any = None,
    workers: int | None = None,
    device: str = "auto",
    cluster: Cluster | None = None,
    name: str | None = None,
    tags: str | Sequence[str] = (),
    note: str | None = None,
    keep_losses: int = 0,
    observe: str | Sequence[str] | None = None,
    observed: float | str | None = None,
    pairs: int | None = None,
    walk_step: float | None = None,
    progress: bool = True,
    on_snapshot: Callable[[Snapshot], object] | None = None,
    **keys: Any,
) -> RunResult:
    """Draw networks from an init law, and return what their losses say.

    The networks are drawn in processes of their own, which write a run directory. Ctrl-C stops them: what
    is done is kept and returned, and :meth:`RunResult.resume` goes on with it.

    Args:
        experiment: what to sample; None for an experiment of the keys alone.
        samples: networks to draw, such as ``1e6`` or ``"10M"``.
        out: the run directory to make; None for a new one in the catalogue, which :func:`runs` lists.
        data: a built-in or synthetic set, the path of a file, or arrays ``(X, y)`` of numpy, torch or pandas:
            X (n, features) or images (n, ...), y (n,) or (n, outputs), numbers or, as classes, text. Arrays
            are kept in the run directory.
        module: an ``nn.Module`` of your own, a function or class that makes one when it is called without
            arguments, or its name: the architecture is ``custom`` then. What stands at the top of a file is
            imported by processes of their own, and the run goes on wherever it can be imported. A module
            that is made already, or what a notebook defines itself, is drawn in this process by one worker.
            Such a run goes on only where the same module is handed over again; a warning says so.
        workers: worker processes on the CPU; None for one for each core.
        device: ``auto``, ``cpu``, ``cuda`` (all GPUs of a kind), ``cuda:i``, or several.
        cluster: whose workers do the work (:class:`Cluster`); None for this machine's.
        name, tags, note: what the run is called, by which :func:`load` finds it; no bit depends on them.
        keep_losses: how many of the first losses to keep, for :attr:`RunResult.losses`.
        observe: what to observe of some networks besides their loss, for :attr:`RunResult.observables`: names
            of ``confusion``, ``ntk``, ``gradient_norm``, ``sharpness`` and ``walk``, listed or with commas.
        observed: how many networks; None for 10,000, or ``samples`` if that is less.
        pairs: pairs of examples whose gradients are compared; None for all.
        walk_step: rho of a step of a walk; None for 0.9.
        progress: show a bar in a terminal or a notebook.
        on_snapshot: called several times a second with a :class:`Snapshot` of the run: ``samples``,
            ``target``, ``rate`` (networks a second) and ``summary``. An error in it stops the run
            and is raised.
        keys: keys of :class:`Experiment`, such as ``width=64``, ``init="orthogonal"`` or ``seed=1``; they
            take precedence over ``experiment``.

    Raises:
        ExperimentError: with every key that is unknown or has an impossible value.
        ClusterError: if the cluster cannot be used.
        DataError: if the data cannot be read or used.
        CapacityError: if a network does not fit into memory.
        RunDirectoryError: if the run directory cannot be made.
        SamplingError: if the run failed; what was drawn is kept.

    Example:
        >>> import numpy as np
        >>> X = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        >>> y = np.array([0.5, -1.0, 2.0])
        >>> result = geomreg.sample(data=(X, y), examples=3, width=8, depth=1, samples=2e4, keep_losses=3)
        >>> print(repr(result).partition(": ")[2])
        mlp 2→8×1→1 · relu · he_normal · arrays N=3 · mse · seed 0: 20,000 networks, done>
        >>> result.losses.shape
        (3,)
    """
    plan = gradient_plan(observe, observed, pairs, walk_step, count_of(samples))
    labels = labels_of(name, tags, note)
    with asked_for(experiment, data, module, keys) as asked:
        handle = start_run(
            asked.experiment,
            count_of(samples),
            directory=None if out is None else Path(out),
            workers=workers,
            device=device,
            cluster=cluster,
            labels=labels,
            keep_losses=_whole("keep_losses", keep_losses),
            observe=plan,
            arrays=asked.arrays,
        )
    return finished(handle, progress, on_snapshot)


def tail(
    experiment: Experiment | None = None,
    samples: float | str = 1e5,
    out: AnyPath | None = None,
    *,
    data: Any = None,
    module: Any = None,
    to_loss: float | None = None,
    to_log10_volume: float | None = None,
    population: int | None = None,
    repeats: int | None = None,
    move: str | None = None,
    max_seconds: float | None = None,
    observe: str | Sequence[str] | None = None,
    observed: float | str | None = None,
    pairs: int | None = None,
    walk_step: float | None = None,
    workers: int | None = None,
    device: str = "auto",
    cluster: Cluster | None = None,
    name: str | None = None,
    tags: str | Sequence[str] = (),
    note: str | None = None,
    progress: bool = True,
    on_snapshot: Callable[[Snapshot], object] | None = None,
    **keys: Any,
) -> RunResult:
    """Measure the volume of low loss down to 1e-300, by multilevel splitting.

    First networks are drawn plainly. Then populations of networks go down level by level: the better ones are
    copied and moved about, and each level multiplies V by a share that is measured.

    Args:
        experiment: what to sample; None for an experiment of the keys alone.
        samples: networks to draw plainly, for the upper part of the curve.
        out, data, module, workers, device, cluster, name, tags, note: as for :func:`sample`.
        progress, on_snapshot, keys: as there.
        to_loss: training loss to go down to.
        to_log10_volume: log10 of the volume fraction to go down to; -50 where no goal is given.
        population: particles in a population; 1000 unless given.
        repeats: independent populations, from whose scatter the error is taken; 8 unless given.
        move: how particles are moved: ``auto``, ``pcn``, ``slice``, ``reflect`` or ``tempered``.
        max_seconds: time limit of the tail, in seconds.
        observe, observed, pairs, walk_step: what to observe of networks besides their loss, as for
            :func:`sample`. Of those that the populations hold on the way down it is observed too, but for
            walks: ``at_loss`` in :attr:`RunResult.observables`.

    Raises:
        ExperimentError, DataError, CapacityError, RunDirectoryError, SamplingError: as :func:`sample`.

    Example:
        >>> result = geomreg.tail(data="gaussian", inputs=4, examples=2, depth=0, samples=1e4,
        ...                       to_log10_volume=-8, population=50, repeats=2)
        >>> result.tail.status
        'volume reached'
        >>> round(result.tail.exponent[0], 1)  # V ~ L ** (N / 2), with N = 2 examples
        1.0
    """
    goals = {
        "to_loss": to_loss,
        "to_log10_volume": to_log10_volume,
        "population": population,
        "repeats": repeats,
        "move": move,
        "max_seconds": max_seconds,
    }
    plan = tail_plan(goals)
    labels = labels_of(name, tags, note)
    seen = gradient_plan(observe, observed, pairs, walk_step, count_of(samples))
    with asked_for(experiment, data, module, keys) as asked:
        handle = start_run(
            asked.experiment,
            count_of(samples),
            directory=None if out is None else Path(out),
            workers=workers,
            device=device,
            cluster=cluster,
            labels=labels,
            tail=plan,
            observe=seen,
            arrays=asked.arrays,
        )
    return finished(handle, progress, on_snapshot)


def train(
    experiment: Experiment | None = None,
    samples: float | str = 1e5,
    out: AnyPath | None = None,
    *,
    data: Any = None,
    module: Any = None,
    optimizer: str | None = None,
    lr: float | str | None = None,
    lr_share: float | None = None,
    momentum: float | None = None,
    batch: int | str | None = None,
    steps: float | str | None = None,
    to_loss: float | None = None,
    train: str | None = None,
    trajectories: int | None = None,
    record: int | None = None,
    sketch: int | None = None,
    subspace: int | None = None,
    tail: bool | Mapping[str, Any] = False,
    volume_from: RunResult | AnyPath | None = None,
    observe: str | Sequence[str] | None = None,
    observed: float | str | None = None,
    pairs: int | None = None,
    walk_step: float | None = None,
    workers: int | None = None,
    device: str = "auto",
    cluster: Cluster | None = None,
    name: str | None = None,
    tags: str | Sequence[str] = (),
    note: str | None = None,
    progress: bool = True,
    on_snapshot: Callable[[Snapshot], object] | None = None,
    **keys: Any,
) -> RunResult:
    """Train networks drawn from an init law, and return what they find and how rare that is.

    First networks are drawn plainly, for V(loss). Then an ensemble is trained, many networks at once, each
    from a draw of its own. The bits of a trajectory depend on the experiment, these options and its index
    alone.

    Args:
        experiment: what is trained; None for an experiment of the keys alone.
        samples: networks to draw plainly.
        out, data, module, workers, device, cluster, name, tags, note: as for :func:`sample`.
        progress, on_snapshot, keys: as there.
        optimizer: ``gd`` (gradient descent on all examples), ``momentum`` (heavy ball), ``sgd``
            (minibatches) or ``adam``; ``gd`` unless given.
        lr: step size, or ``auto``: a share of the largest stable step of each network, and 0.001 for Adam.
        lr_share: that share, of 2 / lambda_max of the Gauss-Newton matrix at the start; 0.5 unless given.
        momentum: coefficient of ``momentum``; 0.9 unless given.
        batch: examples a step, or ``all``; 32 with ``sgd``, else all, unless given.
        steps: most steps of a trajectory; 10,000 unless given.
        to_loss: training loss at which a network has fitted; 1e-3 unless given, 0 for none.
        train: ``all`` weights and biases, or those of the ``readout``.
        trajectories: networks that are trained; 64 unless given.
        record: recorded steps a decade; 8 unless given.
        sketch: numbers kept of the weights at each recorded step, for the dimension of the updates; none
            unless given. 256 know the squared cosine of two moves to 0.05 or better.
        subspace: dimensions of a random affine subspace through the start of each network, in which it is
            trained; all of weight space unless given.
        tail: whether to go down the deep tail to ``to_loss`` too, so that V of every loss on the way is
            known; or its goals, as :func:`tail` takes them: ``{"population": 200, "repeats": 4}``.
        volume_from: a run of the same experiment, its name or its path, from which V is taken in place of
            that of the networks drawn here.
        observe, observed, pairs, walk_step: as for :func:`sample`, of networks that are not trained; of
            ``confusion`` and ``ntk`` also of the trained ones, at each recorded step.

    Returns:
        The run. ``training`` has counts and medians, ``arrays("path")`` quantiles over the trajectories
        (with ``confusion_min``, ``confusion_mean`` and ``ntk_change`` where they were asked for),
        ``arrays("trajectories")`` all of them.

    Raises:
        ExperimentError, DataError, CapacityError, RunDirectoryError, SamplingError: as :func:`sample`.

    Example:
        >>> result = geomreg.train(data="iris", examples=6, width=8, depth=1, samples=1e4, trajectories=5,
        ...                        to_loss=0.1)
        >>> result.training.counts
        {'fitted': 5, 'limit': 0, 'diverged': 0, 'dead': 0}
        >>> path = result.arrays("path")
        >>> bool(path["loss"][0] > path["loss"][-1])
        True
    """
    options = {
        "optimizer": optimizer,
        "lr": lr,
        "lr_share": lr_share,
        "momentum": momentum,
        "batch": batch,
        "steps": steps,
        "to_loss": to_loss,
        "train": train,
        "trajectories": trajectories,
        "record": record,
        "sketch": sketch,
        "subspace": subspace,
    }
    plan = training_plan(options)
    labels = labels_of(name, tags, note)
    deep = None if tail is False else _deep({} if tail is True else tail, plan)
    seen = gradient_plan(observe, observed, pairs, walk_step, count_of(samples))
    with asked_for(experiment, data, module, keys) as asked:
        check_plan(plan, asked.experiment)
        volume = None if volume_from is None else _volume(volume_from, asked.experiment)
        handle = start_run(
            asked.experiment,
            count_of(samples),
            directory=None if out is None else Path(out),
            workers=workers,
            device=device,
            cluster=cluster,
            labels=labels,
            tail=deep,
            training=plan,
            volume=volume,
            observe=seen,
            arrays=asked.arrays,
        )
    return finished(handle, progress, on_snapshot)


def sweep(
    over: Mapping[str, Any],
    experiment: Experiment | None = None,
    samples: float | str = 1e5,
    out: AnyPath | None = None,
    *,
    data: Any = None,
    module: Any = None,
    goals: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    observe: str | Sequence[str] | None = None,
    observed: float | str | None = None,
    pairs: int | None = None,
    walk_step: float | None = None,
    workers: int | None = None,
    device: str = "auto",
    cluster: Cluster | None = None,
    name: str | None = None,
    tags: str | Sequence[str] = (),
    note: str | None = None,
    progress: bool = True,
    on_point: Callable[[SweepPoint], object] | None = None,
    **keys: Any,
) -> SweepResult:
    """Run an experiment over the values of one or two factors, and return which way each pushes the balance.

    Ctrl-C stops at the point under way: what is done is kept and returned. The same call with ``out`` set to
    the directory of the sweep goes on, and tries points that failed again.

    Args:
        over: keys of the experiment and their values: ``{"width": [16, 64, 256]}``, or text as the command
            line takes it, ``{"width": "16:1024:x2", "depth": "1:8"}``. One or two.
        experiment: whose keys the factors replace; None for an experiment of ``keys`` alone.
        samples: networks of each point.
        out: the directory of the sweep; None for a new one.
        data, workers, device, cluster, name, tags, note, progress, keys: as for :func:`sample`.
        module: a function or class at the top of a file that makes an ``nn.Module``, or its name.
        goals: go down the deep tail at each point, to these goals of :func:`tail`, such as
            ``{"to_loss": 1e-3}``; an empty mapping for the default goal. None for no deep tail.
        training: train networks at each point, by these options of :func:`train`, such as
            ``{"to_loss": 1e-2, "trajectories": 32}``. None for no training.
        observe, observed, pairs, walk_step: what to observe of networks of each point besides their loss;
            as for :func:`sample`.
        on_point: called with what came of each point.

    Raises:
        ExperimentError: with every problem of all points; nothing is drawn then.
        DataError, RunDirectoryError: as :func:`sample`.
        SweepError: if every point failed. Where some did, they are in ``failed``, and a warning says so.
        KeyboardInterrupt: if it is interrupted before there is a point.

    Example:
        >>> result = geomreg.sweep({"width": [2, 8]}, data="gaussian", inputs=4, examples=1, depth=1,
        ...                        samples=2e4)
        >>> [point.settings for point in result.points]
        [(2,), (8,)]
        >>> result["width=8"].experiment.width
        8
    """
    trained = training_plan(_options(training)) if training is not None else None
    deep = _deep(goals, trained) if goals is not None else None
    factors, wanted = factors_of(over), count_of(samples)
    labels = labels_of(name, tags, note)
    seen = gradient_plan(observe, observed, pairs, walk_step, wanted)
    found = 0
    failure: SweepError | None = None
    with (
        asked_for(experiment, data, module, keys, elsewhere=True) as asked,
        Interrupts() as interrupts,
        new_bar(progress) as bar,
    ):
        total = len(grid(asked.experiment, factors))
        folder = Path(out) if out is not None else new_sweep_path(asked.experiment)
        bar.show(StageProgress("points", 0, total))
        points = run_sweep(
            asked.experiment,
            factors,
            wanted,
            folder,
            workers=workers,
            device=device,
            cluster=cluster,
            labels=labels,
            interrupted=lambda: interrupts.count > 0,
            tail=deep,
            training=trained,
            observed=seen,
            arrays=asked.arrays,
            begun=lambda: remember(folder, SWEEP),
        )
        try:
            for found, point in enumerate(points, start=1):
                bar.show(StageProgress("points", found, total, point_name(factors, point.settings)))
                if on_point is not None:
                    on_point(point)
        except SweepError as error:
            failure = error
            if not found:
                raise
    if failure is not None:
        warnings.warn(str(failure), RuntimeWarning, stacklevel=2)
    if interrupts.count and not found:
        raise KeyboardInterrupt
    return read_sweep(folder)


def _volume(run: RunResult | AnyPath, experiment: Experiment) -> Mapping[str, Any]:
    """Return V of losses as a run has measured it."""
    return measured_volume(os.fspath(run.path if isinstance(run, RunResult) else run), experiment)


def _whole(key: str, value: float) -> int:
    return count_of(value, key) if value else 0


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a training that are given.

    Raises:
        ExperimentError: if one is unknown.
    """
    names = [field.name for field in fields(TrainingPlan)]
    problems = [
        Problem("training", repr(key), f"allowed are {', '.join(names)}", nearest_name(str(key), names))
        for key in given
        if key not in names
    ]
    if problems:
        raise ExperimentError(problems)
    return dict(given)


def _deep(goals: Mapping[str, Any], trained: TrainingPlan | None) -> TailPlan:
    """Return how deep a tail goes: with a training, below the loss that networks are trained to.

    Raises:
        ExperimentError: with one problem for each goal that is no good or unknown.
    """
    to_loss = trained.tail_loss or None if trained is not None else None
    unknown = [key for key in goals if key not in GOALS]
    if unknown:
        rule = f"allowed are {', '.join(GOALS)}"
        raise ExperimentError([Problem("goals", repr(key), rule) for key in unknown])
    return tail_plan({**dict.fromkeys(GOALS), "to_loss": to_loss, **goals})
