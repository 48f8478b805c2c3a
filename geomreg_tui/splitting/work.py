"""The deep tail inside a worker: levels of a population, from one checkpoint to the next."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.engine.work import Interrupt
from geomreg_tui.errors import ExperimentError, GeomregError, Problem, RunDirectoryError
from geomreg_tui.rundir.lease import held_by
from geomreg_tui.splitting.checkpoints import Checkpoint, TailFolder
from geomreg_tui.splitting.pieces import LevelsWork, TrialResult, TrialWork
from geomreg_tui.splitting.plan import TIME_LIMIT
from geomreg_tui.splitting.population import Population
from geomreg_tui.splitting.result import LevelsResult, PopulationResult, thinned

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
        key: which it is: directory, index and device.
        population: the population.
        seconds: time spent on it in all.
        damage: what was wrong with a checkpoint that was set aside.
    """

    key: tuple[str, int, str]
    population: Population
    seconds: float
    damage: str = ""

    def advance(self) -> None:
        """Go down a level."""
        before = time.monotonic()
        self.population.advance()
        self.seconds += time.monotonic() - before


_last: _Loaded | None = None  # the population of the last work, so that the next need not read it


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
    """Go down some levels and write a checkpoint; the same bits whichever worker does which levels.

    Raises:
        ExperimentError, DataError, CapacityError: if the experiment cannot be run here.
    """
    global _last
    key = (work.directory, work.index, device)
    loaded, _last = _last, None
    folder = TailFolder(Path(work.directory) / "tail", work.experiment.digest())
    if loaded is None or loaded.key != key or loaded.population.result.levels != work.levels:
        loaded = _load(work, device, folder)
    ended = _advance(loaded, work)
    unwritten = _write(loaded, work, folder, ended)
    _last = loaded
    result = loaded.population.result
    result = replace(result, status=result.status or ended or None)
    damage, loaded.damage = loaded.damage, ""
    return LevelsResult(thinned(result), loaded.seconds, unwritten, damage)


def _advance(loaded: _Loaded, work: LevelsWork) -> str:
    """Go down a level or more if any is left; return why the population goes no further though it could."""
    begun = time.monotonic()
    while loaded.population.result.status is None:
        if loaded.seconds >= work.allowed:
            return TIME_LIMIT
        loaded.advance()
        if time.monotonic() - begun >= work.stretch:
            break
    return ""


def _write(loaded: _Loaded, work: LevelsWork, folder: TailFolder, ended: str) -> str:
    """Write a checkpoint; return why not where that cannot be done."""
    if work.token and not held_by(Path(work.directory) / "lease.json", work.token):
        return f"{work.directory}: was taken over by another engine"
    try:
        folder.write(work.index, work.plan, Checkpoint(*loaded.population.to_parts(), loaded.seconds, ended))
    except RunDirectoryError as error:
        return str(error)
    return ""


def _load(work: LevelsWork, device: str, folder: TailFolder) -> _Loaded:
    """Return the population as its checkpoint has it, or begun."""
    key = (work.directory, work.index, device)
    fresh = Population(work.experiment, work.plan, work.index, device)
    try:
        stored = folder.checkpoint(work.index, work.plan)
        if stored is None:
            return _Loaded(key, fresh, 0.0)
        _check_shapes(stored.arrays, fresh.to_parts()[1])
        population = Population(
            work.experiment, work.plan, work.index, device, checkpoint=(stored.values, stored.arrays)
        )
        loaded = _Loaded(key, population, stored.seconds)
        if population.result.status is None and loaded.seconds < work.allowed:
            loaded.advance()  # what does not fit together shows at the next level
        return loaded
    except (RunDirectoryError, *_UNFIT) as error:
        fresh.advance()  # if this fails too, nothing is wrong with the checkpoint
        if not _set_aside(work, folder):
            raise
        return _Loaded(key, fresh, 0.0, damage=f"{type(error).__name__}: {error}"[:200])


def _set_aside(work: LevelsWork, folder: TailFolder) -> bool:
    """Rename a checkpoint that is no good, unless the run is another engine's by now; return whether."""
    if work.token and not held_by(Path(work.directory) / "lease.json", work.token):
        return False
    folder.set_aside(work.index)
    return True


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
