"""Quantiles and means of values in independent clusters, within which they may depend on one another."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.statistics.intervals import LEVEL, UNDEFINED, WIDTH, Interval, effective_share

__all__ = ["cluster_mean", "cluster_quantiles"]

FloatArray = NDArray[np.float64]


def cluster_quantiles(
    values: Sequence[FloatArray], weights: Sequence[FloatArray], shares: Sequence[float]
) -> list[Interval]:
    """Return quantiles of the weighted values, each with its 95 % interval.

    The share of values up to a number is a ratio of sums over clusters; its variance is that of the clusters'
    terms. The interval of a quantile is where the interval of its share comes to (Woodruff 1952), and that is
    the exact binomial one of as many independent values as have this variance (Korn and Graubard 1998).
    Unknown for a single cluster; an end that lies beyond all values is unknown too.

    Args:
        values: of each cluster, (members,).
        weights: of these, not negative, (members,) each.
        shares: such as 0.5 for the median.
    """
    every = np.concatenate(values) if values else np.empty(0)
    weight = np.concatenate(weights) if weights else np.empty(0)
    order = np.argsort(every, kind="stable")
    ordered, total = every[order], float(weight.sum())
    if not total > 0:
        return [UNDEFINED] * len(shares)
    cumulative = np.cumsum(weight[order]) / total

    def at(share: float) -> float:
        place = int(np.searchsorted(cumulative, share * (1 - 1e-12)))
        return float(ordered[min(place, ordered.size - 1)])

    found = []
    for share in shares:
        estimate = at(share)
        each = [np.array([w[v <= estimate].sum(), w.sum()]) for v, w in zip(values, weights, strict=True)]
        reached, error = _ratio(np.array(each))
        if not math.isfinite(error):
            found.append(Interval(estimate, math.nan, math.nan))
            continue
        # Of the share asked for: the estimate may overshoot it where many values are equal.
        low, high = effective_share(share, error**2, float(np.count_nonzero(weight)))[0][1:]
        lowest, highest = low <= float(cumulative[0]), high >= float(cumulative[-1]) * (1 - 1e-12)
        ends = (math.nan if lowest else at(low), math.nan if highest else at(high))
        found.append(Interval(estimate, *ends) if reached > 0 else UNDEFINED)
    return found


def cluster_mean(values: Sequence[FloatArray], weights: Sequence[FloatArray]) -> Interval:
    """Return the weighted mean with its 95 % interval, by Student's law; arguments as above."""
    each = np.array([[(w * v).sum(), w.sum()] for v, w in zip(values, weights, strict=True)]).reshape(-1, 2)
    if not each[:, 1].sum() > 0:
        return UNDEFINED
    mean, error = _ratio(each)
    return Interval(mean, mean - WIDTH * error, mean + WIDTH * error)


def _ratio(sums: FloatArray) -> tuple[float, float]:
    """Return a ratio of sums over clusters, and its standard error; NaN for a single cluster.

    The error is widened so that 1.96 of it make a 95 % interval: few clusters tell their scatter badly.

    Args:
        sums: numerator and denominator of each cluster, (clusters, 2).
    """
    from scipy.stats import t

    total = float(sums[:, 1].sum())
    ratio, count = float(sums[:, 0].sum()) / total, len(sums)
    if count < 2:
        return ratio, math.nan
    terms = (sums[:, 0] - ratio * sums[:, 1]) / total
    error = math.sqrt(count / (count - 1) * float((terms**2).sum()))
    return ratio, error * float(t.isf((1 - LEVEL) / 2, count - 1)) / WIDTH
