"""Where the density between two modes is least: the antimode, found anew in every resample of the counts.

The place of the lowest bin between two modes is not a smooth function of the counts: it jumps between bins
of nearly equal height, its error does not shrink as 1/sqrt(n), and a bootstrap does not give its interval.
So the antimode is sought in two steps. First as the minimum of the density smoothed by a kernel, the
narrowest that shows a clear one. Such a kernel has negative sides, by which a sharp mode draws the minimum
towards itself. So the slope of the density at each bin comes from a polynomial of fourth degree, fitted by
least squares within a part of the distance to the nearer mode (Fan and Gijbels 1996), and the antimode is
where that slope turns from falling to rising: the nearest such place, in windows that narrow step by step.
The last window narrows with the number of losses, faster than would suit the mean squared error, so that its
bias (of fourth order) stays small beside counting noise.

The minimum and the turns of the slope are sought again in each row of counts. With the place of the windows
held fixed, resamples move less than the antimode of another sample does: of intervals made so, for networks
with one to three hidden layers and 10^5 to 10^6 losses, 8 to 57 % missed. A chance dip in a narrow window
holds its resamples fast as well; the wider windows are not caught in it, so the antimodes in those are
returned too, for their spread.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.statistics.parabola import Parabola, edges_of, fit_parabola

__all__ = ["Valley"]

FloatArray = NDArray[np.float64]

# The widest kernel has a sixth of the distance between two modes for its standard deviation, which keeps
# neighbouring valleys apart. It is narrowed in steps of sqrt(2), down to 2.5 bins, for as long as the density
# smoothed by it, two standard deviations to either side of its minimum, exceeds the minimum by four standard
# deviations of counting noise.
_WIDEST = 1 / 6
_STEP = 2**-0.5
_NARROWEST = 2.5  # bins
_LEAST = 0.5  # bins, between modes that are close
_CLEAR = 4.0
_WINDOW = 0.6  # of the distance from an antimode to the nearer mode, in which a polynomial is fitted
_MANY = 2e4  # losses from which on it is less
_POWER = -1 / 7  # -1 / 11 would balance the bias of the slope with its noise
_FEWEST = 5  # bins that a polynomial is fitted to
_DEGREE = 4
_SINGULAR = 1e-13  # a smaller part of the largest eigenvalue is rounding


class Valley:
    """The bins between two neighbouring modes, and how their lowest point follows from counts.

    Attributes:
        bandwidth: standard deviation in bins of the kernel that suits the counts given to the constructor.
        parabola: what touches the density of those counts at the antimode.
    """

    def __init__(self, count: FloatArray, width: FloatArray, left: int, right: int) -> None:
        """Choose the windows by the number of losses, and find the antimode.

        Args:
            count: counts of the bins, shape (bins,).
            width: their widths, in any unit in which densities are of ordinary size, shape (bins,).
            left, right: bins of the modes.
        """
        self._width, self._left, self._right = width, left, right
        self._ends = edges_of(width)
        self._middle = (self._ends[1:] + self._ends[:-1]) / 2
        self.bandwidth, self._kernel = _choose(count, width, left, right)
        last = _WINDOW * min(1.0, (max(float(count.sum()), 1.0) / _MANY) ** _POWER)
        shares = [_WINDOW]
        while shares[-1] > last:
            shares.append(max(last, shares[-1] * _STEP))
        widths = tuple(width.tolist())
        self._slopes = [_slope(widths, left, right, share) for share in shares]
        centre, low, high = float(self._find(count[None])[-1, 0]), self._middle[left], self._middle[right]
        half = last * max(min(centre - low, high - centre), 0.0)
        limits = (float(self._ends[left + 1]), float(self._ends[right]))
        self.parabola: Parabola = fit_parabola(width, centre, half, limits)

    def antimodes(self, count: FloatArray) -> FloatArray:
        """Return the antimode in bins (0 is the lower edge of the first) of each row, in each window.

        The last window's is the estimate; the others are steps on the way to it. Shape (windows, rows).

        Args:
            count: counts of the bins, shape (rows, bins).
        """
        return np.asarray(np.interp(self._find(count), self._ends, np.arange(self._ends.size)))

    def _find(self, count: FloatArray) -> FloatArray:
        """Return the antimodes in units of width, shape (windows, rows)."""
        first, last = self._left + 1, self._right
        if last - first < 2:  # at most one bin between the modes
            return np.full((len(self._slopes), len(count)), (self._ends[first] + self._ends[last]) / 2)
        rows, density = np.arange(len(count)), count / self._width
        lowest = self._left + np.argmin(density @ self._kernel.T, axis=1)
        place = self._middle[np.clip(lowest, first, last - 1)]
        inner = self._middle[first:last]
        places = []
        for operator in self._slopes:
            slope = density @ operator.T
            before, after = slope[:, :-1], slope[:, 1:]
            turns = (before < 0) & (after >= 0)
            part = before / np.where(turns, before - after, 1.0)
            at = inner[:-1] + part * np.diff(inner)
            apart = np.where(turns, np.abs(at - place[:, None]), np.inf)
            nearest = np.argmin(apart, axis=1)
            place = np.where(np.isfinite(apart[rows, nearest]), at[rows, nearest], place)
            places.append(place)
        return np.stack(places)


@lru_cache(maxsize=64)
def _slope(widths: tuple[float, ...], left: int, right: int, share: float) -> FloatArray:
    """Return the matrix that takes densities to slopes at the bins between two modes, shape (inner, bins).

    Args:
        widths: those of the bins.
        left, right: bins of the modes.
        share: of the distance to the nearer mode, within which the polynomial is fitted.
    """
    width = np.array(widths)
    ends = edges_of(width)
    middle = (ends[1:] + ends[:-1]) / 2
    centre = middle[left + 1 : right]
    half = share * np.minimum(centre - middle[left], middle[right] - centre)
    near = slice(max(left + 1 - _FEWEST, 0), right + _FEWEST)  # all that a window can hold
    apart = middle[near] - centre[:, None]
    fewest = min(_FEWEST, apart.shape[1])
    reach = np.maximum(half, np.partition(np.abs(apart), fewest - 1, axis=1)[:, fewest - 1])
    taken = np.abs(apart) <= reach[:, None]
    scaled = np.where(taken, apart / reach[:, None], 0.0)
    powers = np.ones((centre.size, min(_DEGREE + 1, fewest), scaled.shape[1]))
    for degree in range(1, powers.shape[1]):
        np.multiply(powers[:, degree - 1], scaled, out=powers[:, degree])
    weighted = powers * (taken * width[near])[:, None]
    products = weighted @ np.swapaxes(powers, 1, 2)
    inverse = np.linalg.pinv(products, rcond=_SINGULAR, hermitian=True)[:, 1:2]
    slope = np.zeros((centre.size, middle.size))
    slope[:, near] = (inverse @ weighted)[:, 0] / reach[:, None]
    return slope


def _choose(count: FloatArray, width: FloatArray, left: int, right: int) -> tuple[float, FloatArray]:
    """Return bandwidth and kernel matrix for the valley between two modes."""
    bandwidth = max(_LEAST, (right - left) * _WIDEST)
    kernel = _kernel(width.size, left, right, bandwidth)
    while bandwidth * _STEP >= _NARROWEST:
        narrower = _kernel(width.size, left, right, bandwidth * _STEP)
        smooth, variance = narrower @ (count / width), narrower**2 @ (count / width**2)
        lowest = int(np.argmin(smooth))
        reach = round(2 * bandwidth * _STEP)
        sides = np.clip([lowest - reach, lowest + reach], 0, smooth.size - 1)
        if np.any(smooth[sides] - smooth[lowest] < _CLEAR * np.sqrt(variance[sides] + variance[lowest])):
            break
        bandwidth, kernel = bandwidth * _STEP, narrower
    return bandwidth, kernel


def _kernel(bins: int, left: int, right: int, bandwidth: float) -> FloatArray:
    """Return a kernel matrix for the bins left to right, reflected at both ends of the range.

    The Gaussian kernel of fourth order, (3 - u^2) / 2 times the normal density (Wand and Schucany 1990): its
    bias is of fourth order in the bandwidth, so that a lopsided valley's minimum hardly shifts.
    """
    at = np.arange(left, right + 1)[:, None]
    source = np.arange(bins)[None, :]
    weight = np.zeros((right - left + 1, bins))
    for image in (source, -1 - source, 2 * bins - 1 - source):
        square = ((at - image) / bandwidth) ** 2
        weight += (3 - square) * np.exp(-square / 2)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))
