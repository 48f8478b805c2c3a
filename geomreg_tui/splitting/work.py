"""The deep tail inside a worker: levels of a population, from one checkpoint to the next."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.engine.work import Interrupt
from geomreg_tui.errors import ExperimentError, GeomregError, GivenUpError, Problem
from geomreg_tui.splitting.checkpoints import Checkpoint
from geomreg_tui.splitting.pieces import LevelsResult, LevelsWork, TrialResult, TrialWork
from geomreg_tui.splitting.plan import TIME_LIMIT
from geomreg_tui.splitting.population import Population
from geomreg_tui.splitting.result import PopulationResult, thinned

__all__ = ["go_down", "try_first_level"]

_TRIAL_POPULATION = 100
_CURVE = frozenset(PopulationResult.empty().to_parts()[1])  # arrays whose size is that of the curve
_LINEAGE = "state.lineage"
# What a checkpoint that was forged or is of another version can cause when its numbers are used.
_UNFIT = (ArithmeticError, AttributeError, IndexError, LookupError, RuntimeError, TypeError, ValueError)


@dataclass
class _Loaded:
    """A population that is in this worker's memory.

    Attributes:
        work: the last work that was done on it.
        device: where it is.
        population: the population.
        seconds: time spent on it in all.
    """

    work: LevelsWork
    device: str
    population: Population
    seconds: float

    def advance(self) -> None:
        """Go down a level."""
        before = time.monotonic()
        self.population.advance()
        self.seconds += time.monotonic() - before

    def stands_where(self, work: LevelsWork, device: str) -> bool:
        """Return whether a piece of work goes on from here."""
        spent = work.checkpoint.seconds if work.checkpoint is not None else 0.0
        same = (self.work.experiment, self.work.index, self.device) == (work.experiment, work.index, device)
        # A limit of time, and how many populations there are, change none of its bits.
        plans = [replace(plan, seconds=math.inf, repeats=1) for plan in (self.work.plan, work.plan)]
        stands = (self.population.result.levels, self.seconds) == (work.levels, spent)
        return same and plans[0] == plans[1] and stands


_last: _Loaded | None = None  # the population of the last work, so that the next need not restore it


def try_first_level(work: TrialWork, device: str, interrupt: Interrupt | None = None) -> TrialResult:
    """Go down the first level with a small population."""
    plan = replace(work.plan, population=min(work.plan.population, _TRIAL_POPULATION))
    try:
        population = Population(work.experiment, plan, 0, device)
        population.advance()
    except ExperimentError as error:
        return TrialResult(problems=error.problems)
    except GeomregError as error:
        return TrialResult(
            problems=(Problem("tail", "an experiment whose tail cannot be computed", str(error)),)
        )
    except (NotImplementedError, *_UNFIT) as error:
        rule = f"that ends in {type(error).__name__}: {error}; allowed is auto, which chooses one that works"
        return TrialResult(problems=(Problem("move", repr(plan.kernel), rule),))
    return TrialResult(population.kernel, population.space)


def go_down(work: LevelsWork, device: str, interrupt: Interrupt | None = None) -> LevelsResult:
    """Go down some levels; the same bits whichever worker does which levels.

    A worker touches no file: what a population goes on from comes with the work, and where it stands then
    goes back with the answer.

    Raises:
        ExperimentError, DataError, CapacityError: if the experiment cannot be run here.
        GivenUpError: if ``interrupt`` said so.
    """
    global _last
    loaded, _last = _last, None
    damage = ""
    if loaded is None or not loaded.stands_where(work, device):
        loaded, damage = _load(work, device)
    ended = _advance(loaded, work, interrupt)
    _last = loaded
    loaded.work = replace(work, checkpoint=None)
    result = loaded.population.result
    result = replace(result, status=result.status or ended or None)
    checkpoint = Checkpoint(*loaded.population.to_parts(), loaded.seconds, ended)
    return LevelsResult(thinned(result), checkpoint, damage)


def _advance(loaded: _Loaded, work: LevelsWork, interrupt: Interrupt | None) -> str:
    """Go down a level or more if any is left; return why the population goes no further though it could."""
    begun = time.monotonic()
    while loaded.population.result.status is None:
        if interrupt is not None and interrupt():
            raise GivenUpError(f"population {work.index} was given up")
        if loaded.seconds >= work.allowed:
            return TIME_LIMIT
        loaded.advance()
        if time.monotonic() - begun >= work.stretch:
            break
    return ""


def _load(work: LevelsWork, device: str) -> tuple[_Loaded, str]:
    """Return the population as its checkpoint has it, or begun, and what was wrong with the checkpoint."""
    fresh = Population(work.experiment, work.plan, work.index, device)
    stored = work.checkpoint
    if stored is None:
        return _Loaded(work, device, fresh, 0.0), ""
    try:
        _check_shapes(stored.arrays, fresh.to_parts()[1])
        population = Population(
            work.experiment, work.plan, work.index, device, checkpoint=(stored.values, stored.arrays)
        )
        loaded = _Loaded(work, device, population, stored.seconds)
        if population.result.status is None and loaded.seconds < work.allowed:
            loaded.advance()  # what does not fit together shows at the next level
        return loaded, ""
    except _UNFIT as error:
        fresh.advance()  # if this fails too, nothing is wrong with the checkpoint
        return _Loaded(work, device, fresh, 0.0), f"{type(error).__name__}: {error}"[:200]


def _check_shapes(
    stored: Mapping[str, NDArray[np.generic]], expected: Mapping[str, NDArray[np.generic]]
) -> None:
    """Check that what a population is made of has the shapes of one that has just begun.

    Only the first size of an array that is no particle's may differ, as a lineage grows. Whole numbers are
    names of particles.

    Raises:
        ValueError: if they have not.
    """
    for name, array in expected.items():
        if name in _CURVE:
            continue
        if name not in stored or stored[name].dtype != array.dtype or stored[name].ndim != array.ndim:
            raise ValueError(f"{name} is missing, or not of its kind")
        part = slice(1, None) if name == _LINEAGE else slice(None)
        if stored[name].shape[part] != array.shape[part]:
            raise ValueError(f"{name} is not of the shape that it has in this population")
        if array.dtype == np.int64 and stored[name].size:
            low, high = int(stored[name].min()), int(stored[name].max())
            if low < 0 or high >= array.shape[-1]:
                raise ValueError(f"{name} names particles that there are not")
