"""A chunk of observed networks inside a worker: a pure function of (experiment, plan, arrangement, chunk)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geomreg_tui.engine.work import Interrupt
from geomreg_tui.errors import ExperimentError, GivenUpError, ModuleError, Problem
from geomreg_tui.experiment import Experiment
from geomreg_tui.gradients.observer import Observed, Observer
from geomreg_tui.gradients.pieces import ArrangeResult, ArrangeWork, ObserveWork
from geomreg_tui.gradients.plan import Arrangement, GradientPlan
from geomreg_tui.gradients.result import Observations, ObservedValues
from geomreg_tui.gradients.walk_sums import WalkSums
from geomreg_tui.sampling.device import numbers_of, one_thread
from geomreg_tui.sampling.rng import observation_generator

__all__ = ["arrange", "observe_chunk"]

_TRIED = 2  # networks that are observed to see whether they can be


def arrange(work: ArrangeWork, device: str, interrupt: Interrupt | None = None) -> ArrangeResult:
    """Return how networks are observed, once a few have been."""
    try:
        observer = Observer(work.experiment, work.plan, device)
        generator = torch.Generator(observer.sampler.device).manual_seed(0)
        with one_thread(), torch.inference_mode():
            if work.plan.observables:
                observer.observe(_TRIED, generator)
            if work.plan.walks:
                observer.walk(_TRIED, generator)
    except ExperimentError as error:
        return ArrangeResult(problems=error.problems)
    except (ModuleError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        got = f"networks without gradients ({' '.join(str(error).split())[:200]})"
        rule = "torch must be able to differentiate a module: leave observe out, or change the module"
        return ArrangeResult(problems=(Problem("observe", got, rule),))
    return ArrangeResult(observer.arrangement, laws=observer.laws())


def observe_chunk(work: ObserveWork, device: str, interrupt: Interrupt | None = None) -> Observations:
    """Observe the networks of one chunk; the same arguments give the same bits.

    Raises:
        GivenUpError: if ``interrupt`` said so.
    """
    # How many networks are asked for in all is no matter of a chunk.
    observer = _observer(work.experiment, replace(work.plan, networks=1), work.arrangement, device)
    plan, size = work.plan, work.arrangement.chunk
    wanted = size if work.count is None else min(work.count, size)
    facts = observer.sampler.facts
    seed, where = facts.experiment.seed, torch.device(device)
    parts: list[Observed] = []
    pairs: list[tuple[Tensor, Tensor]] = []
    batches = range(0, wanted, work.arrangement.batch)
    with one_thread(), torch.inference_mode():
        gradients = observation_generator(seed, work.chunk, where)
        walks = observation_generator(seed, work.chunk, where, walk=True)
        for _ in batches:
            if interrupt is not None and interrupt():
                raise GivenUpError(f"chunk {work.chunk} was given up")
            if plan.observables:
                parts.append(observer.observe(work.arrangement.batch, gradients))
            if plan.walks:
                pairs.append(observer.walk(work.arrangement.batch, walks))
    values = {}
    if parts:
        losses = _joined([part.losses for part in parts], wanted)
        for name in plan.observables:
            undefined = None
            if name in parts[0].undefined:
                undefined = _joined([part.undefined[name] for part in parts], wanted) != 0
            numbers = _joined([part.values[name] for part in parts], wanted)
            values[name] = ObservedValues.from_values(losses, numbers, facts.experiment.bin_bits, undefined)
    missing = int(_joined([part.missing for part in parts], wanted).sum()) if "confusion_min" in values else 0
    walk = None
    if pairs:
        before, after = (_joined([pair[end] for pair in pairs], wanted) for end in range(2))
        walk = WalkSums.from_losses(before, after, facts.null_loss)
    return Observations(wanted, values, missing, walk)


def _joined(parts: Sequence[Tensor], count: int) -> NDArray[np.float64]:
    """Return the first ``count`` numbers of batches, (count,)."""
    return numbers_of(parts, count, torch.float64)


@lru_cache(maxsize=4)
def _observer(experiment: Experiment, plan: GradientPlan, arrangement: Arrangement, device: str) -> Observer:
    return Observer(experiment, plan, device, arrangement)
