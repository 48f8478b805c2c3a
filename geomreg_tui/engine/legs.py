"""Legs of the deep tail, walked inside a worker: from a checkpoint to the next one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.engine.task import TIME_LIMIT, Leg, Trial, Tried, Walked
from geomreg_tui.errors import ExperimentError, GeomregError, Problem, RunDirectoryError
from geomreg_tui.runs import Checkpoint, TailFolder
from geomreg_tui.runs.lease import held_by
from geomreg_tui.sampling.descend import Descender
from geomreg_tui.summary import Descent
from geomreg_tui.summary.tail import thinned

__all__ = ["try_out", "walk"]

_TRIAL_POPULATION = 100
_CURVE = frozenset(Descent.empty().to_parts()[1])  # arrays whose size is that of the curve
_LINEAGE = "state.lineage"
# What a checkpoint that was forged or is of another version can cause when its numbers are used.
_UNFIT = (ArithmeticError, AttributeError, IndexError, LookupError, RuntimeError, TypeError, ValueError)


@dataclass
class _Walker:
    """A population in the hands of this worker."""

    key: tuple[str, int, str]
    descender: Descender
    seconds: float
    aside: str = ""

    def step(self) -> None:
        """Walk a level."""
        before = time.monotonic()
        self.descender.advance()
        self.seconds += time.monotonic() - before


_in_hand: _Walker | None = None  # the population walked last, so that the next leg need not read it


def try_out(trial: Trial, device: str) -> Tried:
    """Walk the first level with a small population."""
    plan = replace(trial.plan, population=min(trial.plan.population, _TRIAL_POPULATION))
    try:
        descender = Descender(trial.experiment, plan, 0, device)
        descender.advance()
    except ExperimentError as error:
        return Tried(problems=error.problems)
    except GeomregError as error:
        return Tried(problems=(Problem("tail", "an experiment that cannot be walked", str(error)),))
    except (NotImplementedError, *_UNFIT) as error:
        rule = f"that ends in {type(error).__name__}: {error}; allowed is auto, which chooses one that works"
        return Tried(problems=(Problem("move", repr(plan.kernel), rule),))
    return Tried(descender.kernel, descender.space)


def walk(leg: Leg, device: str) -> Walked:
    """Walk a leg, and keep where it has led; the same bits whichever worker walks which leg.

    Raises:
        ExperimentError, DataError, CapacityError: if the experiment cannot be run here.
    """
    global _in_hand
    key = (leg.directory, leg.index, device)
    walker, _in_hand = _in_hand, None
    folder = TailFolder(Path(leg.directory) / "tail", leg.experiment.digest())
    if walker is None or walker.key != key or walker.descender.descent.levels != leg.levels:
        walker = _picked_up(leg, device, folder)
    ended = _advance(walker, leg)
    unwritten = _keep(walker, leg, folder, ended)
    _in_hand = walker
    descent = walker.descender.descent
    descent = replace(descent, status=descent.status or ended or None)
    aside, walker.aside = walker.aside, ""
    return Walked(thinned(descent), walker.seconds, unwritten, aside)


def _advance(walker: _Walker, leg: Leg) -> str:
    """Walk at least a level if any is left; return why the population goes no further though it could."""
    begun = time.monotonic()
    while walker.descender.descent.status is None:
        if walker.seconds >= leg.allowed:
            return TIME_LIMIT
        walker.step()
        if time.monotonic() - begun >= leg.stretch:
            break
    return ""


def _keep(walker: _Walker, leg: Leg, folder: TailFolder, ended: str) -> str:
    """Write a checkpoint; return why not where that cannot be done."""
    if leg.token and not held_by(Path(leg.directory) / "lease.json", leg.token):
        return f"{leg.directory}: was taken over by another engine"
    try:
        folder.write(leg.index, leg.plan, Checkpoint(*walker.descender.to_parts(), walker.seconds, ended))
    except RunDirectoryError as error:
        return str(error)
    return ""


def _picked_up(leg: Leg, device: str, folder: TailFolder) -> _Walker:
    """Return the population of a leg as its checkpoint has it, or begun."""
    key = (leg.directory, leg.index, device)
    fresh = Descender(leg.experiment, leg.plan, leg.index, device)
    try:
        found = folder.checkpoint(leg.index, leg.plan)
        if found is None:
            return _Walker(key, fresh, 0.0)
        _check_shapes(found.arrays, fresh.to_parts()[1])
        descender = Descender(
            leg.experiment, leg.plan, leg.index, device, checkpoint=(found.values, found.arrays)
        )
        walker = _Walker(key, descender, found.seconds)
        if descender.descent.status is None and walker.seconds < leg.allowed:
            walker.step()  # what does not fit together shows at the next level
        return walker
    except (RunDirectoryError, *_UNFIT) as error:
        fresh.advance()  # if this fails too, nothing is wrong with the checkpoint
        if not _set_aside(leg, folder):
            raise
        return _Walker(key, fresh, 0.0, aside=f"{type(error).__name__}: {error}"[:200])


def _set_aside(leg: Leg, folder: TailFolder) -> bool:
    """Rename a checkpoint that is no good, unless the run is another engine's by now; say whether."""
    if leg.token and not held_by(Path(leg.directory) / "lease.json", leg.token):
        return False
    folder.set_aside(leg.index)
    return True


def _check_shapes(
    found: Mapping[str, NDArray[np.generic]], expected: Mapping[str, NDArray[np.generic]]
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
        if name not in found or found[name].dtype != array.dtype or found[name].ndim != array.ndim:
            raise ValueError(f"{name} is missing, or not of its kind")
        part = slice(1, None) if name == _LINEAGE else slice(None)
        if found[name].shape[part] != array.shape[part]:
            raise ValueError(f"{name} is not of the shape that it has in this population")
        if array.dtype == np.int64 and found[name].size:
            low, high = int(found[name].min()), int(found[name].max())
            if low < 0 or high >= array.shape[-1]:
                raise ValueError(f"{name} names particles that there are not")
