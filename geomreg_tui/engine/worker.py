"""What is done inside a worker: the only part of the engine that imports torch."""

from __future__ import annotations

from dataclasses import replace

from geomreg_tui import sampling
from geomreg_tui.analysis import theory
from geomreg_tui.engine.task import Prepared, Task
from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.experiment import Experiment
from geomreg_tui.sampling import ChunkResult

__all__ = ["perform", "prepare"]


def prepare(experiment: Experiment, device: str, module: str | None) -> Prepared:
    """Make an experiment ready.

    Args:
        experiment: the experiment.
        device: which devices are meant (:func:`geomreg_tui.sampling.resolve_devices`).
        module: the module factory that the person named; code that only a file names is never imported.

    Raises:
        ExperimentError, DataError, CapacityError: if it cannot be run.
    """
    if experiment.module is not None and experiment.module != module:
        raise ExperimentError(
            [Problem("module", experiment.module, "code is imported only if --module names it")]
        )
    devices = sampling.resolve_devices(device)
    ready = sampling.prepare(experiment, devices[0])
    overlays = theory.overlays(ready.facts.experiment, ready.x, ready.targets)
    facts = replace(ready.facts, overlays=overlays)
    return Prepared(facts, devices, sampling.environment(devices[0]))


def perform(task: Task, device: str) -> ChunkResult:
    """Draw a chunk on a device."""
    return sampling.run_chunk(task.experiment, task.chunk, task.count, device=device, keep=task.keep)
