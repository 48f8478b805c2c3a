"""Quantiles of samples, with intervals from order statistics that hold whatever the law."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geomreg_tui.statistics.intervals import LEVEL, UNDEFINED, Interval

__all__ = ["quantile_interval"]


def quantile_interval(values: ArrayLike, share: float = 0.5, level: float = LEVEL) -> Interval:
    """Return a quantile of a sample, with its distribution-free interval.

    The ends are order statistics whose ranks a binomial of the share's probability puts in its tails (David
    and Nagaraja 2003, section 7.1), so the coverage is at least ``level``. Where a sample is too small for
    one, that end is infinite.

    Args:
        values: the sample, any shape; values that are NaN are left out.
        share: which quantile, between 0 and 1, both exclusive.
        level: confidence level.
    """
    flat = np.asarray(values, np.float64).ravel()
    ordered: NDArray[np.float64] = np.sort(flat[~np.isnan(flat)])
    size = ordered.size
    if not size:
        return UNDEFINED
    first, last = _ranks(size, share, level)
    low = ordered[first - 1] if first >= 1 else -np.inf
    high = ordered[last - 1] if last <= size else np.inf
    with np.errstate(invalid="ignore"):
        estimate = np.quantile(ordered, share)
    if np.isnan(estimate):  # between two infinite values
        estimate = np.quantile(ordered, share, method="higher")
    return Interval(float(estimate), float(low), float(high))


@lru_cache(maxsize=1024)
def _ranks(size: int, share: float, level: float) -> tuple[int, int]:
    """Return the ranks of the ends, from 1; kept, as samples of one size are looked at again and again."""
    from scipy.stats import binom

    tail = (1 - level) / 2
    return int(binom.ppf(tail, size, share)), int(binom.ppf(1 - tail, size, share)) + 1
