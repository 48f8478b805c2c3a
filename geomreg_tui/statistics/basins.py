"""How much mass each mode holds: antimodes, basin masses and their resampling.

The place of the lowest bin between two modes is not a smooth function of the counts: it jumps between bins
of nearly equal height, its error does not shrink as 1/sqrt(n), and a bootstrap does not give its interval.
So the antimode is sought in two steps. First as the minimum of the density smoothed by a kernel, the
narrowest that shows a clear one. Such a kernel has negative sides, by which a sharp mode draws the minimum
towards itself: so a polynomial of fourth degree is fitted about that place, within a part of the distance to
the nearer mode, and again about the lowest point of the parabola that touches it (:mod:`~.parabola`) until
that stays. That is the antimode. The window narrows with the number of losses, faster than would suit the
mean squared error, so that its bias (of fourth order) stays small beside counting noise.

The mass up to the antimode comes from cumulative counts that are linear within bins. With the modes and the
windows held fixed it is a smooth function of the bin shares, so that the multinomial bootstrap is valid to
first order. Where a valley is so empty that it shows no bend, the mass hardly depends on where in it the
antimode is.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.statistics.parabola import Parabola, edges_of, fit_parabola

__all__ = ["Basins", "resample"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

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
_MOST_FITS = 24
_SETTLED = 0.01  # of the window: a smaller move of the lowest point is the last


class Basins:
    """The division of a histogram's mass among given modes.

    Attributes:
        modes: bins of the modes, increasing.
        bandwidths: standard deviation in bins of the kernel used between each two neighbouring modes.
        parabolas: what is fitted between each two of them.
    """

    def __init__(self, count: FloatArray, width: FloatArray, modes: Sequence[int]) -> None:
        """Choose the kernels.

        Args:
            count: counts of the bins, shape (bins,).
            width: their widths, in any unit in which densities are of ordinary size, shape (bins,).
            modes: bins of the modes, increasing.
        """
        self.modes = tuple(modes)
        chosen = [_choose(count, width, left, right) for left, right in pairwise(self.modes)]
        self.bandwidths = tuple(bandwidth for bandwidth, _ in chosen)
        self.parabolas = tuple(
            _parabola(count, width, kernel, left, right)
            for (left, right), (_, kernel) in zip(pairwise(self.modes), chosen, strict=True)
        )

    def antimodes(self, count: FloatArray) -> FloatArray:
        """Return the antimodes in bins (0 is the lower edge of the first), shape (..., modes - 1).

        Args:
            count: counts of the bins, shape (..., bins).
        """
        if not self.parabolas:
            return np.empty((*count.shape[:-1], 0))
        return np.stack([parabola.lowest(count)[0] for parabola in self.parabolas], axis=-1)

    def masses(self, count: FloatArray, above: FloatArray) -> FloatArray:
        """Return the counts that belong to each mode, shape (..., modes).

        Args:
            count: counts of the bins, shape (..., bins).
            above: counts beyond the last bin, shape (...); the last mode's basin extends over them.
        """
        if not self.modes:
            return np.zeros((*count.shape[:-1], 0))
        places = self.antimodes(count)
        whole = np.minimum(places.astype(np.int64), count.shape[-1] - 1)
        cumulative = np.cumsum(count, axis=-1)
        inside = np.take_along_axis(count, whole, axis=-1)
        below = np.take_along_axis(cumulative, whole, axis=-1) - inside + (places - whole) * inside
        total = cumulative[..., -1:] + above[..., None]
        return np.diff(np.concatenate([np.zeros_like(total), below, total], axis=-1), axis=-1)


def resample(cells: IntArray, replicates: int, seed: int) -> FloatArray:
    """Return multinomial resamples of counts, shape (replicates, cells), as floats."""
    total = int(cells.sum())
    drawn = np.random.default_rng(seed).multinomial(total, cells / total, size=replicates)
    return drawn.astype(np.float64)


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


def _parabola(count: FloatArray, width: FloatArray, kernel: FloatArray, left: int, right: int) -> Parabola:
    """Return the parabola in the valley between two modes, from the minimum of the smoothed density on."""
    ends = edges_of(width)
    middle = (ends[1:] + ends[:-1]) / 2
    share = _WINDOW * min(1.0, (max(float(count.sum()), 1.0) / _MANY) ** _POWER)
    lowest = left + int(np.clip(np.argmin(kernel @ (count / width)), 1, max(1, right - left - 1)))
    centre = float(middle[lowest])
    for number in range(_MOST_FITS):
        part = max(share, _WINDOW * _STEP**number)
        half = part * max(min(centre - middle[left], middle[right] - centre), 0.0)
        found = fit_parabola(width, centre, half, (float(ends[left + 1]), float(ends[right])))
        before, centre = centre, float(np.interp(found.lowest(count)[0], np.arange(ends.size), ends))
        if part == share and abs(centre - before) <= _SETTLED * half:
            break
    return found


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
