"""Differences between two independent samples, with intervals that cover.

Where both quantities have a 95 % interval of their own, that of the difference comes from the two: the error
to either side is the root of the sum of the squares of the errors that matter there (Newcombe 1998 for
shares; MOVER, Zou and Donner 2008, for any quantity). It covers where the two intervals do, also where they
are not symmetric. D_0 has a distribution given its sample, and the difference is drawn from both.
"""

from __future__ import annotations

import math

import numpy as np

from geomreg_tui.statistics.distribution import LossDistribution
from geomreg_tui.statistics.intervals import LEVEL, UNDEFINED, Interval
from geomreg_tui.statistics.landmark import LandmarkDominance

__all__ = ["difference", "dominance_difference", "quantile_interval"]

_DRAWS = 4_000


def difference(first: Interval, second: Interval) -> Interval:
    """Return first minus second, of independent samples; an end is infinite where one of theirs is.

    Args:
        first, second: estimates with their 95 % intervals; undefined where there is no estimate.
    """
    gap = first.estimate - second.estimate
    if not math.isfinite(gap):
        return UNDEFINED
    below = math.hypot(first.estimate - first.low, second.high - second.estimate)
    above = math.hypot(first.high - first.estimate, second.estimate - second.low)
    return Interval(gap, gap - below, gap + above)


def dominance_difference(first: LandmarkDominance, second: LandmarkDominance) -> Interval:
    """Return D_0 of the first minus D_0 of the second; undefined where one of them is.

    Both are drawn from their distributions given the samples, by generators of their own that are the same
    at every call.
    """
    gap = first.landmark.estimate - second.landmark.estimate
    if not math.isfinite(gap):
        return UNDEFINED
    drawn = [part.draw(np.random.default_rng(seed), _DRAWS) for seed, part in enumerate((first, second))]
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(drawn[0] - drawn[1], [tail, 1 - tail]).tolist()
    return Interval(gap, min(low, gap), max(high, gap))


def quantile_interval(distribution: LossDistribution, share: float) -> Interval:
    """Return a quantile of the finite losses with its distribution-free interval, from order statistics.

    With n losses the r-th and the s-th smallest hold the quantile with at least 95 %, where r and s - 1 are
    quantiles of the binomial law (n, share) (David and Nagaraja 2003, section 7.1). What a base bin may hide
    is added to either side.

    Args:
        distribution: the losses.
        share: between 0 and 1.
    """
    from scipy.stats import binom

    count = distribution.finite
    if not count:
        return UNDEFINED
    tail = (1 - LEVEL) / 2
    first, last = binom.ppf([tail, 1 - tail], count, share)
    shares = np.array([share, max(first, 1) / count, min(last + 1, count) / count])
    estimate, low, high = distribution.quantile(shares).tolist()
    slack = distribution.relative_error
    low = 0.0 if first < 1 else low * (1 - slack)
    return Interval(estimate, min(low, estimate), max(high * (1 + slack), estimate))
