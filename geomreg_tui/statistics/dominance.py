"""How the mass divides between the zero mode and the central mode, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.statistics.binning import Axis
from geomreg_tui.statistics.distribution import LossDistribution
from geomreg_tui.statistics.intervals import UNDEFINED, Interval, clopper_pearson, effective_share
from geomreg_tui.statistics.persistence import significance

__all__ = ["Balance", "NearZero", "Reading", "balance", "near_zero", "readings", "union"]

FloatArray = NDArray[np.float64]

FINEST = 1 / 32  # of the null loss: how near to 0 losses must be seen for a mode to be at 0
_FARTHEST = 1 / 4  # of the null loss: where none is below, no mode is at 0
_REACHES_ZERO = 3.0  # a peak no more than this above the density at 0 is called a mode at 0


class Reading(NamedTuple):
    """Which of the significant modes is the zero and which the central mode, by number; None for none."""

    zero: int | None
    central: int | None


class Balance(NamedTuple):
    """Masses under one reading.

    Attributes:
        zero, central: shares of the finite losses, with intervals.
        dominance: D, with its interval.
    """

    zero: Interval
    central: Interval
    dominance: Interval


def readings(
    axis: Axis,
    modes: Sequence[int],
    masses: FloatArray,
    antimodes: FloatArray,
    near: NearZero,
    threshold: float,
) -> list[Reading]:
    """Return how the modes can be read, the likeliest first: one reading, or two where noise leaves it open.

    The lowest mode is at 0 if its top reaches 0: if its highest bin is not clearly above the density at 0
    (by less than 3 standard deviations), since the place of the highest bin of a flat top is chance, and if
    losses are seen within 1/32 of the null loss. Where that rise is marginal (up to ``threshold``), where
    the highest bin is far from 0 (beyond the lower quarter of its basin), so that the top is a plateau that
    reaches from 0 far up, and where no loss is within 1/32 of the null loss but some are within a quarter,
    both readings are given. Where no loss is below a quarter of the null loss, no mode is at 0.

    Args:
        axis: the counts.
        modes: bins of the modes, increasing.
        masses: losses in each mode's basin, shape (modes,).
        antimodes: places in bins between the modes, shape (modes - 1,).
        near: the losses within the first bin.
        threshold: standard deviations that make a mode significant.
    """
    if not modes:
        return [Reading(None, None)]
    peak = modes[0]
    rise = max(near.rise, _rise(axis, peak) if peak else -math.inf)
    if rise >= threshold or near.empty:
        return [_reading(masses, False)]
    end = antimodes[0] if antimodes.size else axis.count.size
    at_zero = rise < _REACHES_ZERO and near.seen
    if at_zero and peak <= end / 4:
        return [_reading(masses, True)]
    return [_reading(masses, at_zero), _reading(masses, not at_zero)]


class NearZero(NamedTuple):
    """The losses near 0, on the scale of the null loss however wide the bins are.

    Attributes:
        seen: whether any is within 1/32 of the null loss.
        most: losses that a zero mode too small to be seen could hold: those in the first bin, or within a
            quarter of the null loss where the bin is wider.
        empty: whether none is within a quarter of it.
        rise: by how many standard deviations the density of the first bin exceeds that nearer to 0.
    """

    seen: bool
    most: int
    empty: bool
    rise: float


def near_zero(distribution: LossDistribution, axis: Axis) -> NearZero:
    """Return the losses near 0; where the null loss is 0 there is no scale, and the bins decide alone."""
    null, end = distribution.null_loss, float(axis.edges[1])
    fine, far = null * FINEST, null * _FARTHEST
    if not fine > 0 or not end > 0:
        return NearZero(True, int(axis.count[0]), False, -math.inf)
    edges = distribution.nearest_names(np.array([fine, far]))
    within, below = distribution.count_before(edges, atom=False).tolist()
    if axis.lattice:
        within = below = int(axis.count[0])
    most = min(int(axis.count[0]), below) if end > far else int(axis.count[0])
    return NearZero(within > 0, most, below == 0, _rise_within(distribution, end, fine))


def _rise_within(distribution: LossDistribution, end: float, fine: float) -> float:
    """Return by how many standard deviations a half exceeds that nearer to 0, from ``end`` to ``fine``."""
    halvings = math.floor(math.log2(end) - math.log2(fine))
    if halvings < 1:
        return -math.inf
    ends = distribution.nearest_names(np.ldexp(end, -np.arange(halvings + 1)))
    within = distribution.count_before(ends, atom=False).astype(np.float64)
    return float(np.max(significance(-np.diff(within), within[1:], 1, 1)))


def _reading(masses: FloatArray, at_zero: bool) -> Reading:
    """Return the reading in which the mode of largest mass away from 0 is the central one."""
    others = range(int(at_zero), masses.size)
    return Reading(0 if at_zero else None, max(others, key=lambda mode: float(masses[mode]), default=None))


def _rise(axis: Axis, peak: int) -> float:
    """Return by how many standard deviations a peak stands above the density at 0, bins pooled as suits."""
    counts = np.concatenate([[0.0], np.cumsum(axis.count)])
    widths = np.concatenate([[0.0], np.cumsum(axis.width)])
    rises = []
    pool = 1
    while 2 * pool <= peak + 1:
        start = peak - (pool - 1) // 2
        stop = min(start + pool, axis.count.size)
        top, wide = counts[stop] - counts[start], widths[stop] - widths[start]
        rises.append(float(significance(top, counts[pool], wide, widths[pool])))
        pool *= 2
    return max(rises)


def balance(
    axis: Axis,
    reading: Reading,
    masses: FloatArray,
    drawn: FloatArray,
    atoms: FloatArray,
    samples: int,
    unseen: int,
) -> Balance:
    """Return the masses of the zero and the central mode with their intervals, and D.

    Args:
        axis: the counts; its atom belongs to the central mode's mass.
        reading: which mode is which.
        masses: losses in each mode's basin, shape (modes,).
        drawn: the same in bootstrap replicates, with the antimodes of each window, (windows, replicates,
            modes).
        atoms: losses of the atom in those replicates, shape (replicates,).
        samples: all finite losses.
        unseen: losses that a zero mode too small to be seen could hold.
    """
    if not masses.size and not axis.atom:
        return Balance(UNDEFINED, UNDEFINED, UNDEFINED)
    zero = 0.0 if reading.zero is None else float(masses[reading.zero])
    central = axis.atom + (0.0 if reading.central is None else float(masses[reading.central]))
    none = np.zeros(drawn.shape[:2])
    zeros = none if reading.zero is None else drawn[..., reading.zero]
    centrals = atoms + (none if reading.central is None else drawn[..., reading.central])
    both = zeros + centrals

    zero_mass, _ = effective_share(zero / samples, _variance(zeros / samples), samples)
    central_mass, _ = effective_share(central / samples, _variance(centrals / samples), samples)
    share = zero / (zero + central)
    shares = np.divide(zeros, both, out=np.full_like(both, np.nan), where=both > 0)
    held, _ = effective_share(share, _variance(shares), zero + central)
    if reading.zero is None:
        zero_mass = zero_mass._replace(high=float(clopper_pearson(unseen, samples)[1]))
        held = held._replace(high=float(clopper_pearson(min(unseen, central), central)[1]))
    dominance = Interval(*(2 * value - 1 for value in held))
    return Balance(zero_mass, central_mass, dominance)


def union(intervals: Sequence[Interval]) -> Interval:
    """Return the first estimate with an interval that holds all the intervals that are defined."""
    known = [interval for interval in intervals if not math.isnan(interval.low)]
    if not known:
        return intervals[0]
    low, high = min(interval.low for interval in known), max(interval.high for interval in known)
    return Interval(intervals[0].estimate, low, high)


def _variance(values: FloatArray) -> float:
    """Return the variance over replicates in the window where it is largest; NaN is left out."""
    rows = [row[np.isfinite(row)] for row in values]
    return max((float(np.var(row, ddof=1)) for row in rows if row.size > 1), default=0.0)
