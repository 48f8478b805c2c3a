"""Where a population ends, and what a level of it shows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.splitting.excess import log_difference

__all__ = ["FLAT_FLOOR", "Goal", "Record"]

FLAT_FLOOR = 1e-3  # of a loss: so close above it the curve has come to a floor


@dataclass(frozen=True)
class Goal:
    """Where a population ends.

    Attributes:
        log_loss: natural logarithm of the loss to reach.
        log_volume: natural logarithm of the volume fraction to reach.
        levels: most levels.
    """

    log_loss: float = -math.inf
    log_volume: float = -math.inf
    levels: int = 10_000

    def log_excess(self, log_floor: float) -> float:
        """Return the natural logarithm of the loss to reach above a floor; -inf where it is not above."""
        return float(log_difference(np.float64(self.log_loss), log_floor))


@dataclass(frozen=True)
class Record:
    """Points of the curve from one level down to the next.

    Attributes:
        log_excess: natural logarithms of losses above the floor, decreasing, (points,).
        log_volume: natural logarithm of V at each, (points,).
        variance: variance of each log V, from within the run, (points,).
        log_floor: natural logarithm of the smallest loss that was met or is possible; -inf for 0.
        certain: whether no network has a lower one.
        rounding: by how much rounding can move each of ``log_excess``, (points,); 0 where no two networks
            have one loss.
    """

    log_excess: NDArray[np.float64]
    log_volume: NDArray[np.float64]
    variance: NDArray[np.float64]
    log_floor: float
    certain: bool
    rounding: NDArray[np.float64] | float = 0.0
