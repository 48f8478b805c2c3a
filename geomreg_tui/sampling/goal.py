"""Where a descent ends, and what a level of it shows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Goal", "Record"]


@dataclass(frozen=True)
class Goal:
    """Where a descent ends.

    Attributes:
        log_loss: natural logarithm of the loss to reach.
        log_volume: natural logarithm of the volume fraction to reach.
        levels: most levels.
    """

    log_loss: float = -math.inf
    log_volume: float = -math.inf
    levels: int = 10_000


@dataclass(frozen=True)
class Record:
    """Points of the curve from one level down to the next.

    Attributes:
        log_loss: natural logarithms of losses, decreasing, (points,).
        log_volume: natural logarithm of V at each, (points,).
        variance: variance of each log V, from within the run, (points,).
    """

    log_loss: NDArray[np.float64]
    log_volume: NDArray[np.float64]
    variance: NDArray[np.float64]
