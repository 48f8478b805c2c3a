"""How much mass each mode holds: antimodes, basin masses and their resampling.

The mass up to an antimode (:mod:`~.valley`) comes from cumulative counts that are linear within bins. The
antimode is found anew in every resample, so that a multinomial bootstrap holds what its place adds to the
noise of a mass. Where a valley is so empty that it shows no bend, the mass hardly depends on where in it the
antimode is.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.statistics.valley import Valley

__all__ = ["Basins", "resample"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Basins:
    """The division of a histogram's mass among given modes.

    Attributes:
        modes: bins of the modes, increasing.
        bandwidths: standard deviation in bins of the kernel used between each two neighbouring modes.
        parabolas: what is fitted between each two of them.
    """

    def __init__(self, count: FloatArray, width: FloatArray, modes: Sequence[int]) -> None:
        """Find the valleys.

        Args:
            count: counts of the bins, shape (bins,).
            width: their widths, in any unit in which densities are of ordinary size, shape (bins,).
            modes: bins of the modes, increasing.
        """
        self.modes = tuple(modes)
        self._valleys = [Valley(count, width, left, right) for left, right in pairwise(self.modes)]
        self.bandwidths = tuple(valley.bandwidth for valley in self._valleys)
        self.parabolas = tuple(valley.parabola for valley in self._valleys)

    def antimodes(self, count: FloatArray) -> FloatArray:
        """Return the antimodes in bins (0 is the lower edge of the first), shape (..., modes - 1).

        Args:
            count: counts of the bins, shape (..., bins).
        """
        places = self._places(count.reshape(-1, count.shape[-1]))[-1]
        return np.asarray(places.reshape(*count.shape[:-1], places.shape[-1]))

    def masses(self, count: FloatArray, above: FloatArray) -> FloatArray:
        """Return the counts that belong to each mode, shape (rows, modes).

        Args:
            count: counts of the bins, shape (rows, bins).
            above: counts beyond the last bin, shape (rows,); the last mode's basin extends over them.
        """
        return np.asarray(self.masses_by_window(count, above)[-1])

    def masses_by_window(self, count: FloatArray, above: FloatArray) -> FloatArray:
        """Return the same with the antimodes of each window, the widest first, (windows, rows, modes).

        The last are the estimate. The spread of a mass is the largest over the windows.
        """
        if not self.modes:
            return np.zeros((1, len(count), 0))
        places = self._places(count)
        whole = np.minimum(places.astype(np.int64), count.shape[-1] - 1)
        rows = np.arange(len(count))[:, None]
        cumulative, inside = np.cumsum(count, axis=-1), count[rows, whole]
        below = cumulative[rows, whole] - inside + (places - whole) * inside
        ends = np.broadcast_to((cumulative[:, -1] + above)[None, :, None], (*below.shape[:2], 1))
        return np.diff(np.concatenate([np.zeros_like(ends), below, ends], axis=-1), axis=-1)

    def _places(self, count: FloatArray) -> FloatArray:
        """Return the antimodes in bins in each window, shape (windows, rows, modes - 1)."""
        if not self._valleys:
            return np.empty((1, len(count), 0))
        return np.stack([valley.antimodes(count) for valley in self._valleys], axis=-1)


def resample(cells: IntArray, replicates: int, seed: int) -> FloatArray:
    """Return multinomial resamples of counts, shape (replicates, cells), as floats."""
    total = int(cells.sum())
    drawn = np.random.default_rng(seed).multinomial(total, cells / total, size=replicates)
    return drawn.astype(np.float64)
