"""What is said of an observable of drawn networks: moments, quantiles, and how it goes with the loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.statistics.intervals import LEVEL, UNDEFINED, WIDTH, Interval
from geomreg_tui.summary import LossJoint, Moments, SignedHistogram

__all__ = ["GivenLoss", "given_loss", "group_correlation", "mean_interval", "quantiles", "rank_correlation"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class GivenLoss(NamedTuple):
    """An observable of networks whose losses lie in one range.

    Attributes:
        low, high: middles of the lowest and the highest bin of the loss in it.
        networks: how many there are.
        lower, median, upper: quartiles of the observable, to 6 %.
    """

    low: float
    high: float
    networks: int
    lower: float
    median: float
    upper: float


def mean_interval(moments: Moments) -> Interval:
    """Return the mean of the finite values with its 95 % interval, from the standard error."""
    if moments.count < 2 or not math.isfinite(moments.std):
        return Interval(moments.mean, math.nan, math.nan)
    reach = WIDTH * moments.std / math.sqrt(moments.count)
    return Interval(moments.mean, moments.mean - reach, moments.mean + reach)


def quantiles(histogram: SignedHistogram, moments: Moments, shares: Sequence[float]) -> list[Interval]:
    """Return quantiles of the finite values, each with its 95 % interval from order statistics.

    Each value is known to within its bin, and none lies beyond the extremes.

    Args:
        histogram: counts of the values.
        moments: of the same values.
        shares: such as 0.5 for the median.
    """
    from scipy.stats import binom

    middles, counts = histogram.middles()
    total = int(counts.sum())
    if not total:
        return [UNDEFINED] * len(shares)
    cumulative = np.cumsum(counts)

    def at(place: float) -> float:
        # The value at a place in the order, from 1 to total.
        found = np.searchsorted(cumulative, min(max(place, 1), total))
        return float(np.clip(middles[found], moments.minimum, moments.maximum))

    tail = (1 - LEVEL) / 2
    results = []
    for share in shares:
        low, high = float(binom.ppf(tail, total, share)), float(binom.isf(tail, total, share)) + 1
        estimate = at(math.ceil(share * total))
        # A place before the first or after the last has no order statistic that bounds it.
        results.append(
            Interval(estimate, at(low) if low >= 1 else math.nan, at(high) if high <= total else math.nan)
        )
    return results


def given_loss(joint: LossJoint, groups: int = 10) -> list[GivenLoss]:
    """Return the observable given the loss, for about ``groups`` ranges of the loss with equal counts.

    Args:
        joint: counts of networks by coarse bins of loss and observable.
        groups: a bin is never cut in two, so there may be fewer.
    """
    losses, values, counts = joint.table()
    if not counts.size:
        return []
    levels, place = np.unique(losses, return_inverse=True)
    share = np.cumsum(np.bincount(place, weights=counts)) / counts.sum()
    group = np.minimum((share * groups).astype(int), groups - 1)
    found = []
    for number in np.unique(group):
        members = np.flatnonzero(group == number)
        kept = np.isin(place, members)
        order = np.argsort(values[kept], kind="stable")
        cumulative = np.cumsum(counts[kept][order])
        networks = int(cumulative[-1])
        quartiles = [
            float(values[kept][order][np.searchsorted(cumulative, max(1, math.ceil(part * networks)))])
            for part in (0.25, 0.5, 0.75)
        ]
        found.append(GivenLoss(float(levels[members[0]]), float(levels[members[-1]]), networks, *quartiles))
    return found


def rank_correlation(joint: LossJoint) -> Interval:
    """Return Spearman's rank correlation of loss and observable, with a 95 % interval.

    From coarse bins, whose networks share a rank; the interval is Bonett & Wright's (2000), by Fisher's
    transform. Undefined where one of the two does not vary, or there are fewer than ten networks.
    """
    losses, values, counts = joint.table()
    total = int(counts.sum())
    if total < 10:
        return UNDEFINED
    first, second = _mid_ranks(losses, counts), _mid_ranks(values, counts)
    a, b = first - np.average(first, weights=counts), second - np.average(second, weights=counts)
    spread = float((counts * a * a).sum()) * float((counts * b * b).sum())
    if spread <= 0:
        return UNDEFINED
    r = float((counts * a * b).sum()) / math.sqrt(spread)
    return _by_fisher(r, math.sqrt((1 + r * r / 2) / (total - 3)), WIDTH)


def group_correlation(counts: IntArray, sums: FloatArray) -> tuple[Interval, FloatArray]:
    """Return the correlation of pairs, with a 95 % interval, and that of each group of pairs.

    The interval is a jackknife's over the groups, of Fisher's transform, so it needs no law of the numbers.

    Args:
        counts: pairs of each group, (groups,).
        sums: sums of a, b, a**2, b**2 and a b over the pairs of each group, (groups, 5).

    Returns:
        The correlation of all pairs together; and (groups,), NaN where a group has fewer than three pairs.
    """
    from scipy.stats import t

    whole = float(_correlations(counts.sum(keepdims=True), sums.sum(axis=0, keepdims=True))[0])
    each = _correlations(counts, sums)
    filled = np.flatnonzero(counts)
    if not math.isfinite(whole) or filled.size < 3 or counts.sum() < 3 * filled.size:
        return Interval(whole, math.nan, math.nan), each
    without = _correlations(counts.sum() - counts[filled], sums.sum(axis=0) - sums[filled])
    with np.errstate(divide="ignore"):
        turned = np.arctanh(np.clip(without, -1, 1))
    if not np.isfinite(turned).all():
        return Interval(whole, math.nan, math.nan), each
    size = filled.size
    error = math.sqrt((size - 1) / size * float(((turned - turned.mean()) ** 2).sum()))
    return _by_fisher(whole, error, float(t.isf((1 - LEVEL) / 2, size - 1))), each


def _correlations(counts: IntArray, sums: FloatArray) -> FloatArray:
    """Return the correlation of each row of sums; NaN for fewer than three pairs or without spread."""
    number = counts.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b, aa, bb, ab = (sums[:, term] / number for term in range(5))
        spread = (aa - a * a) * (bb - b * b)
        r = (ab - a * b) / np.sqrt(spread)
    known = (number >= 3) & (spread > 0)
    return np.where(known, np.clip(r, -1, 1), np.nan)


def _by_fisher(r: float, error: float, width: float) -> Interval:
    """Return a correlation with the interval that its Fisher transform has with a standard error."""
    if abs(r) >= 1:
        return Interval(r, r, r)
    middle = math.atanh(r)
    return Interval(r, math.tanh(middle - width * error), math.tanh(middle + width * error))


def _mid_ranks(values: FloatArray, counts: IntArray) -> FloatArray:
    """Return the mean rank of the networks of each cell, by values."""
    levels, place = np.unique(values, return_inverse=True)
    size = np.bincount(place, weights=counts, minlength=levels.size)
    middles = np.cumsum(size) - (size - 1) / 2
    return np.asarray(middles[place], np.float64)
