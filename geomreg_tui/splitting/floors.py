"""Where the loss has a smallest value above 0, and how much of weight space has just that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.splitting.excess import recounted
from geomreg_tui.splitting.result import PopulationResult

__all__ = ["EXACT", "FOUND", "Atom", "Floor", "atom_at_floor", "counted_from", "floor_of", "log_mean"]

FloatArray = NDArray[np.float64]

EXACT, FOUND = "exact", "found"  # kinds of floors
_LN10 = math.log(10)
_SAME = 1e-6  # of log losses that differ by the rounding of a search only
_FLAT = math.log(1e-2)  # of a loss: a floor is found where the curve comes so near to it
_ATOM = math.log(3)  # of V between the points of one loss, which are then an atom and not a chance tie
_AT_ATOM = ("zero loss", "floor", "plateau")


class Atom(NamedTuple):
    """The networks of exactly the smallest loss.

    Attributes:
        log_volume, variance: natural logarithm of their V, and its variance.
    """

    log_volume: float
    variance: float


@dataclass(frozen=True)
class Floor:
    """The smallest loss.

    Attributes:
        log10_loss: its log10; -inf where losses go down to 0.
        kind: ``exact`` where no network has less, ``found`` where none with less was met.
        log10_volume: log10 V there, where networks of exactly this loss have positive probability; else None.
    """

    log10_loss: float
    kind: str
    log10_volume: float | None

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {"log10_loss": self.log10_loss, "kind": self.kind, "log10_volume": self.log10_volume}


def floor_of(populations: Sequence[PopulationResult]) -> tuple[Floor | None, float]:
    """Return the smallest loss and its natural logarithm; None and -inf where it is 0 or not known.

    A floor is found where all populations end at one loss that many networks share, or where in the last
    decade of V the curve comes to within a hundredth of the smallest loss that was met.
    """
    log_floor = min(population.log_floor for population in populations)
    if not math.isfinite(log_floor):
        return None, -math.inf
    atoms = [
        atom_at_floor(population)
        for population in populations
        if abs(population.log_floor - log_floor) < _SAME
    ]
    shared = [atom.log_volume for atom in atoms if atom is not None]
    volume = None
    if len(shared) == len(populations):
        volume = float(log_mean(np.array(shared)))
        volume = max(volume, *(population.log_least_volume for population in populations)) / _LN10
    if all(population.certain for population in populations):
        return Floor(log_floor / _LN10, EXACT, volume), log_floor
    if volume is not None or all(_comes_near(population, log_floor) for population in populations):
        return Floor(log_floor / _LN10, FOUND, volume), log_floor
    return None, -math.inf


def _comes_near(population: PopulationResult, log_floor: float) -> bool:
    """Return whether a population is near a floor throughout the last decade of V."""
    excess, volume = counted_from(population, log_floor), population.log_volume
    finite = np.isfinite(excess)
    if not finite.any():
        return False
    above = volume >= volume[finite][-1] + _LN10
    return bool(above.any()) and float(excess[above][-1]) < log_floor + _FLAT


def atom_at_floor(population: PopulationResult) -> Atom | None:
    """Return V of the networks that have exactly the smallest loss, where they are no chance tie."""
    volumes = population.log_volume[population.log_excess == -math.inf]
    if not volumes.size:
        return None
    if volumes.max() - volumes.min() <= _ATOM and population.status not in _AT_ATOM:
        return None
    place = int(np.argmax(population.log_excess == -math.inf))
    return Atom(float(population.log_volume[place]), float(population.variance[place]))


def counted_from(population: PopulationResult, log_floor: float) -> FloatArray:
    """Return natural logarithms of a population's losses above a floor no higher than its own."""
    if log_floor == -math.inf:
        return population.log_loss
    return recounted(population.log_excess, population.log_floor, log_floor)


def log_mean(logs: FloatArray) -> FloatArray:
    """Return the logarithm of the mean over the first dimension, from logarithms."""
    return np.asarray(np.logaddexp.reduce(logs, axis=0) - math.log(len(logs)))
