"""The worker's side of the engine: the only part that imports torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from geomreg_tui import sampling
from geomreg_tui.analysis import theory
from geomreg_tui.engine.legs import try_out, walk
from geomreg_tui.engine.task import Leg, Prepared, Task, Trial, Work
from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.experiment import Experiment
from geomreg_tui.sampling.descend import tail_experiment

__all__ = ["perform", "prepare"]


def prepare(
    experiment: Experiment, device: str, module: str | None, deep: bool = False, overlays: bool = True
) -> Prepared:
    """Make an experiment ready.

    Args:
        experiment: the experiment.
        device: which devices are meant (:func:`geomreg_tui.sampling.resolve_devices`).
        module: the module factory that the person named; code that only a file names is never imported.
        deep: whether to make it ready as the deep tail is computed; sizes that were asked for stay.
        overlays: whether to compute what theory says of it.

    Raises:
        ExperimentError, DataError, CapacityError: if it cannot be run.
    """
    if experiment.module is not None and experiment.module != module:
        raise ExperimentError(
            [Problem("module", experiment.module, "code is imported only if --module names it")]
        )
    if deep:
        sizes = {key: getattr(experiment, key) for key in ("chunk_size", "batch_size")}
        experiment = tail_experiment(experiment).replace(**sizes)
    devices = sampling.resolve_devices(device)
    ready = sampling.prepare(experiment, devices[0])
    facts = ready.facts
    if overlays:
        facts = replace(facts, overlays=theory.overlays(facts.experiment, ready.x, ready.targets))
    return Prepared(facts, devices, sampling.environment(devices[0]))


def perform(work: Work, device: str, interrupt: Callable[[], bool] | None = None) -> Any:
    """Draw a chunk, walk a leg or try one out, on a device; return what came of it.

    Args:
        work: what to do.
        device: where.
        interrupt: whether to give up, asked before each batch of a chunk.

    Raises:
        GivenUpError: if ``interrupt`` said so.
    """
    match work:
        case Task():
            return sampling.run_chunk(
                work.experiment,
                work.chunk,
                work.count,
                device=device,
                keep=work.keep,
                interrupt=interrupt,
            )
        case Leg():
            return walk(work, device)
        case Trial():
            return try_out(work, device)
    raise TypeError(f"{type(work).__name__} is no kind of work")
