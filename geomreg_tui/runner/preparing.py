"""Making an experiment ready, inside a worker. Imports torch where torch is to draw."""

from __future__ import annotations

from dataclasses import replace

from geomreg_tui.engine.work import Interrupt, Prepared
from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.runner import registry
from geomreg_tui.runner.preparation import Preparation
from geomreg_tui.sampling import work as sampling
from geomreg_tui.sampling.device import environment, resolve_devices
from geomreg_tui.statistics import theory

__all__ = ["prepare"]


def prepare(work: Preparation, device: str = "", interrupt: Interrupt | None = None) -> Prepared:
    """Load the data, choose the sampler, fix the sizes, and compute the laws that theory gives.

    Args:
        work: what to make ready.
        device, interrupt: not used: the work says which devices are meant.

    Raises:
        ExperimentError, DataError, CapacityError: if the experiment cannot be run.
    """
    experiment = work.experiment
    if experiment.module is not None and experiment.module != work.module:
        raise ExperimentError(
            [
                Problem(
                    "module",
                    experiment.module,
                    "code is imported only where it is named again: --module, or module= in Python",
                )
            ]
        )
    for kind in registry.STAGES:
        if kind.name in work.plans:
            experiment = kind.adapt(experiment, work.plans[kind.name])
    devices = resolve_devices(work.device)
    ready = sampling.prepare(experiment, devices[0])
    facts = ready.facts
    if work.overlays:
        facts = replace(facts, overlays=theory.overlays(facts.experiment, ready.x, ready.targets))
    return Prepared(facts, devices, environment(devices[0]))
