"""Humps too broad and low for single bins to show: how far a histogram is from one with given modes only.

A broad hump of 1 % of the mass is in no single bin more than counting noise above its valley, and yet its
basin can hold half of the mass. What tells it from noise is its excess mass: the counts that would have to
move from the hump into the valley before it to level both. That is the distance between the cumulative
counts and their concave hull between a mode and the end of its basin: Hartigan's dip with the mode held
fixed, the excess mass of Mueller and Sawitzki (1991). Over the square root of the number of counts, noise
reaches 1.6 in 1 of 500 samples of a flat density, the worst case. It seldom reaches half of that where the
density falls on both sides of its mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Hump", "largest_hump"]

FloatArray = NDArray[np.float64]


class Hump(NamedTuple):
    """A hump beside given modes.

    Attributes:
        bin: its bin of largest density.
        excess: counts above the level at which they would fill the valley between it and the mode.
    """

    bin: int
    excess: float


def largest_hump(count: FloatArray, width: FloatArray, modes: Sequence[int]) -> Hump | None:
    """Return the hump of largest excess mass beside given modes, or None where there is none.

    Args:
        count: counts of the bins, shape (bins,).
        width: their widths, positive, shape (bins,).
        modes: bins of the modes, increasing; at least one.
    """
    density = count / width
    walls = [a + int(np.argmin(density[a : b + 1])) for a, b in pairwise(modes)]
    ends = [0, *walls, count.size - 1]
    best: Hump | None = None
    for mode, first, last in zip(modes, ends, ends[1:], strict=False):
        for step, stop in ((1, last), (-1, first)):
            side = np.arange(mode, stop + step, step)
            found = _falling_misfit(count[side], width[side])
            if found is not None and (best is None or found.excess > best.excess):
                best = Hump(int(side[found.bin]), found.excess)
    return best


def _falling_misfit(count: FloatArray, width: FloatArray) -> Hump | None:
    """Return the largest hump in counts whose density should fall from the first bin on."""
    x, y = np.concatenate([[0.0], np.cumsum(width)]), np.concatenate([[0.0], np.cumsum(count)])
    hull = _concave_hull(x, y)
    gap = np.interp(x, x[hull], y[hull]) - y
    place = int(np.argmax(gap))
    if not gap[place] > 0:
        return None
    last = int(hull[np.searchsorted(hull, place)])  # up to here the hull is straight: the hump ends
    return Hump(place + int(np.argmax(count[place:last] / width[place:last])), float(gap[place]))


def _concave_hull(x: FloatArray, y: FloatArray) -> NDArray[np.int64]:
    """Return the places of the corners of the smallest concave function that is nowhere below the points."""
    hull: list[int] = []
    xs, ys = x.tolist(), y.tolist()
    for place in range(len(xs)):
        while len(hull) > 1:
            a, b = hull[-2], hull[-1]
            if (ys[b] - ys[a]) * (xs[place] - xs[b]) > (ys[place] - ys[b]) * (xs[b] - xs[a]):
                break
            hull.pop()
        hull.append(place)
    return np.array(hull, np.int64)
