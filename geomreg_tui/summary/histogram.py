"""The base histogram: exact integer counts over bins that are fine in relative terms.

A bin is named by the leading bits of the float64 bit pattern of the losses in it (the exponent and the
first ``bits`` bits of the mantissa), as in HdrHistogram. Each bin is ``2**-bits`` wide in relative
terms over the whole positive float range, so no range has to be chosen before the losses are known.
Counts are integers: merging is exact in any order, and a result does not depend on how the work was cut.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["LossHistogram"]

_MANTISSA_BITS = 52
_DENSE_LIMIT = 2**21  # bins; 512 octaves at the default resolution, 16 MiB
IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class LossHistogram:
    """Counts of losses, of which the exceptional ones are kept apart.

    Attributes:
        bits: mantissa bits that tell bins apart; the relative bin width is ``2**-bits``.
        index: bin names, strictly increasing, shape (bins,).
        count: losses in each bin, positive, shape (bins,).
        zero: losses equal to 0.
        atom: losses equal to the null loss to within float rounding.
        nonfinite: losses that are NaN or infinite.
    """

    bits: int
    index: IntArray
    count: IntArray
    zero: int = 0
    atom: int = 0
    nonfinite: int = 0

    @classmethod
    def empty(cls, bits: int) -> LossHistogram:
        """Return the histogram of no losses."""
        return cls(bits, np.empty(0, np.int64), np.empty(0, np.int64))

    @classmethod
    def from_losses(
        cls, losses: ArrayLike, bits: int, null_loss: float | None = None, rounding: float = 0.0
    ) -> LossHistogram:
        """Count losses.

        Args:
            losses: non-negative losses, NaN or infinity, any shape.
            bits: mantissa bits that tell bins apart, 4 to 20.
            null_loss: position of the atom; None when there is none to look for.
            rounding: relative distance from ``null_loss`` that still counts as the atom.
        """
        values = np.asarray(losses, dtype=np.float64).ravel()
        finite = np.isfinite(values)
        nonfinite = values.size - int(np.count_nonzero(finite))
        if nonfinite:
            values = values[finite]
        is_zero = values == 0
        keep = ~is_zero
        atom = 0
        if null_loss is not None and null_loss > 0:
            is_atom = np.abs(values - null_loss) <= rounding * null_loss
            atom = int(np.count_nonzero(is_atom))
            keep &= ~is_atom
        index, count = _tally(values[keep], bits)
        return cls(bits, index, count, int(np.count_nonzero(is_zero)), atom, nonfinite)

    @classmethod
    def merge(cls, histograms: Iterable[LossHistogram]) -> LossHistogram:
        """Return the histogram of all losses of ``histograms`` together, exactly.

        Raises:
            ValueError: if there are none, or their resolutions differ.
        """
        parts = list(histograms)
        if not parts or any(part.bits != parts[0].bits for part in parts):
            raise ValueError("histograms to merge must be of one resolution, and at least one")
        index, count = _merged(parts)
        return cls(
            parts[0].bits,
            index,
            count,
            sum(part.zero for part in parts),
            sum(part.atom for part in parts),
            sum(part.nonfinite for part in parts),
        )

    @property
    def total(self) -> int:
        """All losses, the non-finite ones too."""
        return int(self.count.sum()) + self.zero + self.atom + self.nonfinite

    @property
    def relative_error(self) -> float:
        """Largest relative distance between a loss and the middle of its bin."""
        return 2.0 ** -(self.bits + 1)

    @property
    def lower(self) -> FloatArray:
        """Lower edge of each bin (inclusive), shape (bins,)."""
        return bin_edge(self.index, self.bits)

    @property
    def upper(self) -> FloatArray:
        """Upper edge of each bin (exclusive), shape (bins,)."""
        return bin_edge(self.index + 1, self.bits)

    def digest(self) -> str:
        """Return the SHA-256 of resolution, counters, bin names and counts, in hexadecimal."""
        state = hashlib.sha256()
        for part in (
            [self.bits, self.zero, self.atom, self.nonfinite, self.index.size],
            self.index,
            self.count,
        ):
            state.update(np.asarray(part, dtype="<i8").tobytes())
        return state.hexdigest()


def bin_index(values: ArrayLike, bits: int) -> IntArray:
    """Return the names of the bins that hold the positive, finite ``values``."""
    pattern = np.ascontiguousarray(values, dtype=np.float64).view(np.int64)
    return pattern >> (_MANTISSA_BITS - bits)


def bin_edge(index: IntArray, bits: int) -> FloatArray:
    """Return the lower edges of the bins named ``index``."""
    return np.left_shift(index, _MANTISSA_BITS - bits).view(np.float64)


def _tally(values: FloatArray, bits: int) -> tuple[IntArray, IntArray]:
    names = bin_index(values, bits)
    if not names.size:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    low, high = int(names.min()), int(names.max())
    if high - low < 4 * names.size + 2**16:
        dense = np.bincount(names - low)
        occupied = np.flatnonzero(dense)
        return occupied.astype(np.int64) + low, dense[occupied].astype(np.int64)
    index, count = np.unique(names, return_counts=True)
    return index, count.astype(np.int64)


def _merged(parts: list[LossHistogram]) -> tuple[IntArray, IntArray]:
    occupied = [part for part in parts if part.index.size]
    if not occupied:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    low = min(int(part.index[0]) for part in occupied)
    high = max(int(part.index[-1]) for part in occupied)
    if high - low > _DENSE_LIMIT:
        index, inverse = np.unique(np.concatenate([part.index for part in occupied]), return_inverse=True)
        count = np.zeros(index.size, np.int64)
        np.add.at(count, inverse, np.concatenate([part.count for part in occupied]))
        return index, count
    dense = np.zeros(high - low + 1, np.int64)
    for part in occupied:
        dense[part.index - low] += part.count
    filled = np.flatnonzero(dense)
    return filled + low, dense[filled]
