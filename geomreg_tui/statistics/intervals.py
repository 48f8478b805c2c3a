"""Intervals for probabilities: Clopper–Pearson, Wilson, simultaneous bands, the bound for nothing seen.

Counts may be arrays of any shape and need not be whole numbers: an effective sample size, by which an
interval for an estimate that is noisier than a binomial share is made, seldom is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "LEVEL",
    "SURE",
    "UNDEFINED",
    "WIDTH",
    "Interval",
    "clopper_pearson",
    "effective_share",
    "rule_of_three",
    "simultaneous_bands",
    "wilson",
]

LEVEL = 0.95
SURE = 1.645  # standard errors of a one-sided 95 % bound
WIDTH = 1.96  # standard errors to either side, of a 95 % interval
FloatArray = NDArray[np.float64]


class Interval(NamedTuple):
    """An estimate with the ends of its interval (95 % unless said otherwise); NaN where undefined."""

    estimate: float
    low: float
    high: float

    def to_json(self) -> list[float | None]:
        """Return ``[estimate, low, high]`` with None for what is undefined."""
        return [float(value) if np.isfinite(value) else None for value in self]


UNDEFINED = Interval(np.nan, np.nan, np.nan)


def clopper_pearson(
    successes: ArrayLike, trials: ArrayLike, level: ArrayLike = LEVEL
) -> tuple[FloatArray, FloatArray]:
    """Return the ends of the exact binomial interval (Clopper and Pearson 1934), equal-tailed.

    Args:
        successes: number of successes, 0 to ``trials``, any shape.
        trials: number of trials, broadcast with ``successes``; where it is 0 the interval is [0, 1].
        level: confidence level, between 0 and 1.
    """
    from scipy.special import betaincinv

    k, n, confidence = np.broadcast_arrays(
        np.asarray(successes, np.float64), np.asarray(trials, np.float64), np.asarray(level, np.float64)
    )
    if np.any((k < 0) | (k > n)):
        raise ValueError("successes must lie between 0 and trials")
    tail = (1 - confidence) / 2
    some, short = k > 0, k < n
    low = np.where(some, betaincinv(np.where(some, k, 1), np.where(some, n - k + 1, 1), tail), 0.0)
    high = np.where(short, betaincinv(np.where(short, k + 1, 1), np.where(short, n - k, 1), 1 - tail), 1.0)
    return low, high


def wilson(successes: ArrayLike, trials: ArrayLike, level: float = LEVEL) -> tuple[FloatArray, FloatArray]:
    """Return the ends of the score interval (Wilson 1927): near its level on average, unlike the exact one.

    Args:
        successes: number of successes, 0 to ``trials``, any shape.
        trials: number of trials, broadcast with ``successes``; where it is 0 the interval is [0, 1].
        level: confidence level, between 0 and 1.
    """
    from scipy.special import ndtri

    k, n = np.broadcast_arrays(np.asarray(successes, np.float64), np.asarray(trials, np.float64))
    if np.any((k < 0) | (k > n)):
        raise ValueError("successes must lie between 0 and trials")
    z2 = float(ndtri((1 + level) / 2)) ** 2
    size = np.where(n > 0, n, 1.0)
    middle = (k + z2 / 2) / (size + z2)
    reach = np.sqrt(z2) / (size + z2) * np.sqrt(k * (size - k) / size + z2 / 4)
    # At no or only successes the formula's end is 0 or 1 but for rounding.
    low = np.where(k > 0, np.clip(middle - reach, 0, 1), 0.0)
    high = np.where(k < n, np.clip(middle + reach, 0, 1), 1.0)
    return np.where(n > 0, low, 0.0), np.where(n > 0, high, 1.0)


def rule_of_three(trials: int) -> float:
    """Return the 95 % upper bound, 3 / trials, for the probability of an event never seen; at most 1."""
    return min(1.0, 3.0 / trials) if trials > 0 else 1.0


def simultaneous_bands(counts: ArrayLike, trials: int, level: float = LEVEL) -> tuple[FloatArray, FloatArray]:
    """Return bands that hold all cell probabilities of a multinomial at once, with at least ``level``.

    Bonferroni-adjusted Clopper–Pearson intervals: each cell's is at ``1 - (1 - level) / cells``.

    Args:
        counts: count of each cell, shape (cells,).
        trials: all draws, those in no cell too.
        level: joint confidence level.
    """
    cells = np.asarray(counts, np.float64)
    return clopper_pearson(cells, trials, 1 - (1 - level) / max(cells.size, 1))


def effective_share(share: float, variance: float, trials: float) -> tuple[Interval, float]:
    """Return an interval for a share whose variance is known, and its effective number of trials.

    The estimate is treated as the share of as many independent trials as a binomial needs for the same
    variance, never more than there were; their Clopper–Pearson interval is taken (Korn and Graubard 1998).
    So the interval is right both where the variance tells (many counts on either side) and where it cannot:
    a share of 0 or 1, whose variance over resamples is 0.

    Args:
        share: the estimate, 0 to 1.
        variance: its variance, from a bootstrap for instance.
        trials: number of trials behind it; at 0 the interval is undefined.
    """
    if trials <= 0 or not np.isfinite(share):
        return UNDEFINED, 0.0
    spread = share * (1 - share)
    effective = min(float(trials), spread / variance) if variance > 0 and spread > 0 else float(trials)
    successes = min(max(share * effective, 0.0), effective)
    low, high = clopper_pearson(successes, effective)
    return Interval(float(share), float(low), float(high)), effective
