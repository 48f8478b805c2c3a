"""Is the microcanonical entropy S(L) = ln V'(L) convex anywhere? That would be a transition of first order.

At beta = S' > 0 a network drawn with weight exp(-beta L) has a loss of one kind or of another, and seldom
one between, if and only if S lies below a chord of slope beta (Gross, "Microcanonical Thermodynamics", 2001).
With three losses a < b < c the depth below the chord is

    (c - b) / (c - a) S(a) + (b - a) / (c - a) S(c) - S(b),

in nats: the logarithm of how much rarer losses at b are than those at both ends. Where S is concave it is not
above 0, whichever three are taken. For V = eps**lambda with lambda > 1 it is below 0.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["deepest_chord", "entropy_of_bins", "held_out_depths"]

FloatArray = NDArray[np.float64]
_FEWEST = 2  # replicates that choose a chord for another one


def entropy_of_bins(edges: ArrayLike, log10_volume: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the middles of bins, and S there up to a constant; NaN where V is not known, or does not rise.

    Args:
        edges: losses, increasing, (bins + 1,).
        log10_volume: log10 V at each, (bins + 1,); NaN where it is not known.
    """
    ends, log = np.asarray(edges, np.float64), np.log(10) * np.asarray(log10_volume, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        # V of a bin by the logarithms of V at its ends, which may be far below the smallest number.
        inner = log[1:] + np.log(-np.expm1(log[:-1] - log[1:])) - np.log(np.diff(ends))
    return (ends[1:] + ends[:-1]) / 2, np.where(np.isfinite(inner), inner, np.nan)


def deepest_chord(losses: ArrayLike, entropy: ArrayLike) -> tuple[int, int, int] | None:
    """Return the places a < b < c where S is deepest below a chord that rises; None where none does.

    Args:
        losses: increasing, (places,).
        entropy: S at each, (places,); NaN where it is not known.
    """
    x, values = np.asarray(losses, np.float64), np.asarray(entropy, np.float64)
    places = np.array(list(itertools.combinations(np.flatnonzero(np.isfinite(values)).tolist(), 3)))
    if not len(places):
        return None
    rising = places[values[places[:, 2]] > values[places[:, 0]]]
    if not len(rising):
        return None
    a, b, c = rising[int(np.argmax(_depths(x, values, rising)))].tolist()
    return a, b, c


def held_out_depths(losses: ArrayLike, table: ArrayLike) -> FloatArray:
    """Return how deep S of each replicate lies below a chord that the others chose, (replicates,).

    The chord is the one below which the mean S of the others is deepest. What chooses is not what is
    measured, so that noise alone is as often above the chord as below it, and where S is concave the mean is
    not above 0.

    Args:
        losses: increasing, (places,).
        table: S of each replicate, up to a constant, (replicates, places); NaN where it is not known.
    """
    x, values = np.asarray(losses, np.float64), np.asarray(table, np.float64)
    found = np.full(len(values), np.nan)
    for row in range(len(values)):
        others = np.delete(values, row, axis=0)
        if len(others) < _FEWEST:
            continue
        places = deepest_chord(x, others.mean(axis=0))  # known where all of them are
        if places is not None:
            found[row] = _depths(x, values[row], np.array([places]))[0]
    return found


def _depths(x: FloatArray, values: FloatArray, places: NDArray[np.int64]) -> FloatArray:
    """Return how deep S lies below chords; ``places`` are a, b and c of each, (chords, 3)."""
    a, b, c = places.T
    share = (x[b] - x[a]) / (x[c] - x[a])
    depths: FloatArray = (1 - share) * values[a] + share * values[c] - values[b]
    return depths
