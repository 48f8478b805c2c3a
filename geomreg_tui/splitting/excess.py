"""Losses counted from a floor, as natural logarithms. No torch here."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["log_difference", "recounted"]

FloatArray = NDArray[np.float64]


def log_difference(log_high: FloatArray | np.float64, log_low: float) -> FloatArray:
    """Return log(high - low), from the logarithms of both; -inf where high is not above low."""
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = np.minimum(log_low - np.asarray(log_high), 0.0)
        difference = log_high + np.log(-np.expm1(gap))
    return np.where(np.asarray(log_high) > log_low, difference, -np.inf)


def recounted(log_excess: FloatArray, log_floor: float, lower: float) -> FloatArray:
    """Return losses above a floor as losses above a lower one, natural logarithms all."""
    if log_floor == lower or not log_excess.size:
        return log_excess
    return np.logaddexp(log_excess, float(log_difference(np.float64(log_floor), lower)))
