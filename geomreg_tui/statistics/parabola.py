"""The parabola that touches the density at an antimode: where its lowest point is, and how low.

Value, slope and bend of the density at a place come from a least-squares polynomial of fourth degree. A
polynomial of second degree would be drawn towards the flatter side of a lopsided valley: its error in the
slope is of second order in the window, that of this one of fourth.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Parabola", "edges_of", "fit_parabola"]

FloatArray = NDArray[np.float64]

_FEWEST = 7  # bins that the polynomial is fitted to
_DEGREE = 4


class Parabola(NamedTuple):
    """A parabola that touches the density at a place, as a function of the counts.

    Attributes:
        first: the first bin that the polynomial is fitted in.
        width: widths of those bins, (bins,).
        coefficients: times their densities, its value, slope and bend at the centre, (3, bins).
        ends: edges of all bins in units of width, (all bins + 1,).
        centre: its centre, in those units.
        low, high: between which the lowest point may be, in those units.
    """

    first: int
    width: FloatArray
    coefficients: FloatArray
    ends: FloatArray
    centre: float
    low: float
    high: float

    def lowest(self, count: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the place of the lowest point in bins, and the density there, at least 0, each (...).

        Where the density is not convex, that is the centre.

        Args:
            count: counts of the bins, shape (..., bins or more).
        """
        density = count[..., self.first : self.first + self.width.size] / self.width
        value, slope, bend = np.moveaxis(density @ self.coefficients.T, -1, 0)
        vertex = -slope / np.where(bend > 0, 2 * bend, 1.0)
        shift = np.clip(np.where(bend > 0, vertex, 0.0), self.low - self.centre, self.high - self.centre)
        height = np.maximum(value + slope * shift + bend * shift**2, 0.0)
        place = np.interp(self.centre + shift, self.ends, np.arange(self.ends.size))
        return np.asarray(place), np.asarray(height)


def edges_of(width: FloatArray) -> FloatArray:
    """Return the edges of bins of such widths, from 0 on, shape (bins + 1,)."""
    return np.concatenate([[0.0], np.cumsum(width)])


def fit_parabola(
    width: FloatArray, centre: float, half: float, limits: tuple[float, float] | None = None
) -> Parabola:
    """Return the parabola at a place, from a polynomial fitted to the densities within a distance of it.

    Args:
        width: widths of the bins, shape (bins,).
        centre: the place, in units of width from the first edge.
        half: the distance; at least seven bins are taken.
        limits: between which the lowest point may be; it is within half the distance of the centre too. None
            for a lowest point at the centre.
    """
    ends = edges_of(width)
    middle = (ends[1:] + ends[:-1]) / 2
    apart = np.abs(middle - centre)
    chosen = np.flatnonzero(apart <= half)
    if chosen.size < min(_FEWEST, width.size):
        chosen = np.sort(np.argsort(apart, kind="stable")[:_FEWEST])
    bins = slice(int(chosen[0]), int(chosen[-1]) + 1)
    x = middle[bins] - centre
    scale = float(np.abs(x).max()) or 1.0
    weight = np.sqrt(width[bins])[:, None]
    degrees = np.arange(min(_DEGREE + 1, x.size))[:, None]
    powers = (x[:, None] / scale) ** degrees.T
    coefficients = np.zeros((3, x.size))
    fit = np.linalg.pinv(powers * weight) * weight.T / scale**degrees
    coefficients[: degrees.size] = fit[:3]
    low, high = (centre, centre) if limits is None else limits
    low, high = max(low, centre - half / 2), min(high, centre + half / 2)
    return Parabola(bins.start, width[bins], coefficients, ends, centre, low, high)
