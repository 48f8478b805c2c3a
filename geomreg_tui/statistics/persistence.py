"""Which maxima of a histogram are more than counting noise: topological persistence of its peaks."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Peak", "peaks", "significance", "significant_peaks", "steepest_fall"]

FloatArray = NDArray[np.float64]


class Peak(NamedTuple):
    """A local maximum of a histogram.

    Attributes:
        bin: the bin of largest density (the first of equal ones).
        saddle: the bin where the peak's hill merges into that of a higher peak; -1 for the highest peak.
        persistence: how far the peak stands above the saddle, in standard deviations of the difference of
            the two Poisson counts (in density units); above nothing for the highest peak.
    """

    bin: int
    saddle: int
    persistence: float


def significance(higher: ArrayLike, lower: ArrayLike, wide: ArrayLike, narrow: ArrayLike) -> FloatArray:
    """Return by how many standard deviations the first density exceeds the second.

    The densities are Poisson counts ``higher`` and ``lower`` over widths ``wide`` and ``narrow``; the
    standard deviation is that of their difference, from the counts. Two empty bins do not differ: 0. Given
    the sum of two counts of equal mean each is binomial, so by Hoeffding's inequality their difference
    exceeds t of these standard deviations with probability at most exp(-t^2 / 2), however few they are.
    """
    first, second = np.asarray(higher, np.float64), np.asarray(lower, np.float64)
    w1, w2 = np.asarray(wide, np.float64), np.asarray(narrow, np.float64)
    spread = np.sqrt(first * (w2 / w1) ** 2 + second)
    return (first * (w2 / w1) - second) / np.where(spread > 0, spread, 1.0)


def peaks(count: ArrayLike, width: ArrayLike) -> list[Peak]:
    """Return all local maxima of a histogram (one for a flat top), highest first, with their persistence.

    Bins are taken from the highest density down. A bin beside none taken before begins a hill; one beside
    a hill joins it; one between two hills is the saddle at which the lower one ends (Edelsbrunner,
    Letscher and Zomorodian 2002; the elder rule). The first and the last bin can be maxima like any other.

    Args:
        count: counts of the bins, shape (bins,).
        width: their widths, positive, shape (bins,).
    """
    counts, widths = np.asarray(count, np.float64), np.asarray(width, np.float64)
    density = counts / widths
    order = np.argsort(-density, kind="stable").tolist()
    hill = [-1] * counts.size  # number of the hill that an edge bin of a run belongs to
    other_end = list(range(counts.size))
    tops: list[int] = []
    saddles: list[int] = []
    for place in order:
        left = hill[place - 1] if place > 0 else -1
        right = hill[place + 1] if place + 1 < counts.size else -1
        start = other_end[place - 1] if left >= 0 else place
        stop = other_end[place + 1] if right >= 0 else place
        if left < 0 and right < 0:
            own = len(tops)
            tops.append(place)
            saddles.append(-1)
        elif left < 0 or right < 0:
            own = max(left, right)
        else:
            # Hills are numbered from the highest top down.
            own = min(left, right)
            saddles[max(left, right)] = place
        hill[place] = hill[start] = hill[stop] = own
        other_end[start], other_end[stop] = stop, start
    top, saddle = np.array(tops, np.int64), np.array(saddles, np.int64)
    floor = np.where(saddle >= 0, counts[saddle], 0.0)
    sigmas = significance(counts[top], floor, widths[top], widths[saddle])
    found = [Peak(*values) for values in zip(tops, saddles, sigmas.tolist(), strict=True)]
    # Bins of equal density that were not taken in the order of their places leave hills of no height.
    return [peak for peak in found if peak.saddle < 0 or peak.persistence > 0]


def significant_peaks(count: ArrayLike, width: ArrayLike, threshold: float) -> list[Peak]:
    """Return the peaks whose persistence reaches ``threshold``, in the order of the bins.

    The highest peak counts as soon as all counts together differ from none by the threshold: a
    distribution that has been seen has at least one mode.
    """
    counts = np.asarray(count, np.float64)
    if math.sqrt(float(counts.sum())) < threshold:
        return []
    found = peaks(counts, width)
    return sorted(peak for peak in found if peak.saddle < 0 or peak.persistence >= threshold)


def steepest_fall(count: ArrayLike, width: ArrayLike) -> float:
    """Return the largest fall from a bin to a later one, in standard deviations of the difference.

    Args:
        count: counts of the bins, shape (bins,).
        width: their widths, positive, shape (bins,).
    """
    counts, widths = np.asarray(count, np.float64), np.asarray(width, np.float64)
    falls = significance(counts[:, None], counts[None, :], widths[:, None], widths[None, :])
    return float(np.max(np.triu(falls, 1), initial=0.0))
