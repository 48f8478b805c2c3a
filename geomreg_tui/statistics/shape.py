"""The shape of the density: Hartigan's dip test, contraction below a mode, the slope of the log density."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geomreg_tui.statistics.distribution import LossDistribution
from geomreg_tui.statistics.intervals import UNDEFINED, Interval
from geomreg_tui.statistics.persistence import steepest_fall

__all__ = ["DIP_LIMIT", "Dip", "contracts", "dip_test", "log_density_slope"]

FloatArray = NDArray[np.float64]

DIP_LIMIT = 72_000  # the largest sample in the table of critical values
_FEWEST = 4  # the smallest sample in that table
_NORMAL_95 = 1.959963984540054


class Dip(NamedTuple):
    """Hartigan's dip test of unimodality; NaN where it was left out or has no meaning.

    Attributes:
        statistic: largest distance to the nearest unimodal distribution function.
        p_value: probability of as large a dip under the uniform law; conservative under other unimodal ones.
        samples: losses that were tested.
    """

    statistic: float
    p_value: float
    samples: int


def dip_test(distribution: LossDistribution, samples: int = 20_000) -> Dip:
    """Return Hartigan's dip test (Hartigan and Hartigan 1985) of the finite losses beside the atom.

    With more losses than ``samples`` a random subsample is tested, the same one each time: the test's table
    ends at 72,000, and with 10^9 losses any departure is significant. Losses of one base bin are spread
    evenly over it, since ties look like modes. Where exact zeros are many they are such ties, and are meant.

    Args:
        distribution: the losses.
        samples: size of the subsample, at most 72,000; 0 leaves the test out.
    """
    histogram = distribution.histogram
    total = distribution.finite - histogram.atom
    size = min(samples, total, DIP_LIMIT)
    if size < _FEWEST:
        return Dip(math.nan, math.nan, 0)
    from diptest import diptest

    if size < total:
        chosen = np.random.default_rng(total).choice(total, size, replace=False, shuffle=False)
        ranks = np.sort(chosen) - histogram.zero
    else:
        ranks = np.arange(total) - histogram.zero
    values = np.zeros(size)
    positive = ranks >= 0
    ranks = ranks[positive]
    cumulative = distribution.cumulative
    slot = np.searchsorted(cumulative, ranks, side="right") - 1
    names = histogram.index[slot]
    lower, upper = distribution.edge(names), distribution.edge(names + 1)
    within = (ranks - cumulative[slot] + 0.5) / histogram.count[slot]
    values[positive] = lower + (upper - lower) * within
    if values[0] == values[-1]:
        return Dip(math.nan, math.nan, 0)
    # The dip does not change with the scale, but its computation underflows at losses near 1e-300.
    statistic, p_value = diptest(values / values[-1], sort_x=False)
    return Dip(float(statistic), float(p_value), size)


def contracts(count: ArrayLike, width: ArrayLike, threshold: float) -> bool:
    """Return whether the density is non-decreasing, to within counting noise.

    Neighbouring bins are also pooled by 2, 4, 8 and so on, so that a slow fall, too small to show between
    two single bins, is not overlooked.

    Args:
        count: counts of the bins from 0 up to the mode, shape (bins,).
        width: their widths, positive, shape (bins,).
        threshold: standard deviations of the difference of two bins that count as a fall.
    """
    counts, widths = np.asarray(count, np.float64), np.asarray(width, np.float64)
    while counts.size > 1:
        if steepest_fall(counts, widths) >= threshold:
            return False
        # From the upper end down: the mode's own bin must stay at the end of a pool.
        starts = np.arange(counts.size % 2, counts.size, 2)
        counts, widths = np.add.reduceat(counts, starts), np.add.reduceat(widths, starts)
    return True


def log_density_slope(count: ArrayLike, edges: ArrayLike) -> Interval:
    """Return the mean slope of the log density over some bins, per unit of the axis, with its 95 % interval.

    The slope b of the density proportional to exp(b x) of greatest likelihood: the one whose mean equals
    that of the sample, so bins may be empty. Its variance is the sandwich estimate (White 1982), which
    holds although the density is not log-linear.

    Args:
        count: counts of the bins, shape (bins,).
        edges: their increasing edges, shape (bins + 1,).
    """
    counts, ends = np.asarray(count, np.float64), np.asarray(edges, np.float64)
    total = float(counts.sum())
    if np.count_nonzero(counts) < 2:
        return UNDEFINED
    extent = float(ends[-1] - ends[0])
    ends = (ends - ends[0]) / extent
    share_of_width, middle = np.diff(ends), (ends[:-1] + ends[1:]) / 2
    mean = float(counts @ middle) / total
    low, high = -1e6, 1e6  # two occupied bins keep the slope finite; their distance is at least one bin
    for _ in range(80):
        slope = (low + high) / 2
        model, _ = _tilted(share_of_width, middle, slope)
        low, high = (slope, high) if model < mean else (low, slope)
    _, information = _tilted(share_of_width, middle, slope)
    spread = float(counts @ (middle - mean) ** 2)
    if not information > 0:
        return UNDEFINED
    error = _NORMAL_95 * math.sqrt(spread) / (total * information)
    return Interval(*(value / extent for value in (slope, slope - error, slope + error)))


def _tilted(width: FloatArray, middle: FloatArray, slope: float) -> tuple[float, float]:
    """Return mean and variance of the bins' middles under a density proportional to exp(slope x)."""
    exponent = slope * middle
    weight = width * np.exp(exponent - exponent.max())
    weight /= weight.sum()
    mean = float(weight @ middle)
    return mean, float(weight @ (middle - mean) ** 2)
