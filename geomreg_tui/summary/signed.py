"""Counts of numbers of either sign: a histogram on a fixed relative grid, alone and jointly with the loss."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geomreg_tui.summary.histogram import IntArray, LossHistogram, bin_edge
from geomreg_tui.summary.joint import OVERFLOW, coarse_bin, coarse_middle

__all__ = ["LossJoint", "SignedHistogram"]

FloatArray = NDArray[np.float64]
Arrays = Mapping[str, NDArray[np.generic]]
_UNDEFINED = 2 * OVERFLOW  # pseudo-bin of a number that is 0 / 0, above all others
_BITS = 17  # of a bin of a number, shifted to be positive


@dataclass(frozen=True)
class SignedHistogram:
    """Counts of numbers, of which the exceptional ones are kept apart. Merging is exact, in any order.

    Attributes:
        positive: the positive numbers, with those equal to 0 and those that are not finite.
        negative: magnitudes of the negative numbers.
        undefined: numbers that are 0 / 0.
    """

    positive: LossHistogram
    negative: LossHistogram
    undefined: int = 0

    @classmethod
    def empty(cls, bits: int) -> SignedHistogram:
        """Return the histogram of no numbers."""
        return cls(LossHistogram.empty(bits), LossHistogram.empty(bits))

    @classmethod
    def from_values(cls, values: ArrayLike, bits: int, undefined: ArrayLike | None = None) -> SignedHistogram:
        """Count numbers.

        Args:
            values: any shape; what is not finite is counted as that.
            bits: mantissa bits that tell bins apart, 4 to 20.
            undefined: which are 0 / 0, whatever ``values`` has there, of the same shape; None for none.
        """
        numbers = np.asarray(values, np.float64).ravel()
        missing = np.zeros(numbers.size, bool) if undefined is None else np.asarray(undefined, bool).ravel()
        known = numbers[~missing]
        below = known < 0
        return cls(
            LossHistogram.from_losses(known[~below & (known != -np.inf)], bits),
            LossHistogram.from_losses(-known[below], bits),
            int(missing.sum()),
        )

    @classmethod
    def merge(cls, histograms: Iterable[SignedHistogram]) -> SignedHistogram:
        """Return the histogram of all numbers of ``histograms`` together, exactly.

        Raises:
            ValueError: if there are none, or their resolutions differ.
        """
        parts = list(histograms)
        return cls(
            LossHistogram.merge(part.positive for part in parts),
            LossHistogram.merge(part.negative for part in parts),
            sum(part.undefined for part in parts),
        )

    @property
    def finite(self) -> int:
        """Numbers that are finite."""
        return self.total - self.nonfinite - self.undefined

    @property
    def nonfinite(self) -> int:
        """Numbers that are infinite or not a number, but for those that are 0 / 0."""
        return self.positive.nonfinite + self.negative.nonfinite

    @property
    def zero(self) -> int:
        """Numbers equal to 0."""
        return self.positive.zero

    @property
    def total(self) -> int:
        """All numbers."""
        return self.positive.total + self.negative.total + self.undefined

    @property
    def relative_error(self) -> float:
        """Largest relative distance between a number and the middle of its bin."""
        return self.positive.relative_error

    def middles(self) -> tuple[FloatArray, IntArray]:
        """Return the middles of the occupied bins, increasing, and how many numbers are in each, (bins,)."""
        below, above = -_middles(self.negative), _middles(self.positive)
        at_zero = [0.0] if self.zero else []
        middles = np.concatenate([below[::-1], at_zero, above])
        counts = np.concatenate([self.negative.count[::-1], [self.zero] * len(at_zero), self.positive.count])
        return middles, counts.astype(np.int64)

    def to_arrays(self, prefix: str) -> dict[str, NDArray[np.generic]]:
        """Return named arrays, from which :meth:`from_arrays` restores every bit."""
        positive, negative = self.positive, self.negative
        counters = [positive.bits, positive.zero, positive.nonfinite, negative.nonfinite, self.undefined]
        return {
            f"{prefix}.counters": np.array(counters, np.int64),
            f"{prefix}.positive.index": positive.index,
            f"{prefix}.positive.count": positive.count,
            f"{prefix}.negative.index": negative.index,
            f"{prefix}.negative.count": negative.count,
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, prefix: str) -> SignedHistogram:
        """Restore a histogram.

        Raises:
            LookupError, TypeError, ValueError: if arrays are missing, or contradict each other.
        """
        bits, zero, infinite, below, undefined = (int(n) for n in _counts(arrays, f"{prefix}.counters", 5))
        if not 4 <= bits <= 20 or min(zero, infinite, below, undefined) < 0:
            raise ValueError(f"{prefix}: impossible counters")
        positive, negative = (_bins(arrays, f"{prefix}.{side}", bits) for side in ("positive", "negative"))
        return cls(
            LossHistogram(bits, *positive, zero=zero, nonfinite=infinite),
            LossHistogram(bits, *negative, nonfinite=below),
            undefined,
        )


@dataclass(frozen=True)
class LossJoint:
    """Counts of networks by coarse bins of their loss and of a number of either sign.

    Attributes:
        cells: strictly increasing rows (bin of the loss, bin of the number), (cells, 2). A bin of the number
            is one more than that of its magnitude, with its sign; 0 stands for 0. There are bins for what is
            not finite and for what is undefined.
        count: networks in each cell, (cells,).
    """

    cells: IntArray
    count: IntArray

    @classmethod
    def empty(cls) -> LossJoint:
        """Return the counts of no networks."""
        return cls(np.empty((0, 2), np.int64), np.empty(0, np.int64))

    @classmethod
    def from_values(
        cls, losses: ArrayLike, values: ArrayLike, undefined: ArrayLike | None = None
    ) -> LossJoint:
        """Count networks by loss and number, each (batch,); ``undefined`` tells which numbers are 0 / 0."""
        numbers = np.asarray(values, np.float64).ravel()
        names = (coarse_bin(np.abs(numbers)) + 1) * np.where(numbers < 0, -1, 1)
        names = np.where(np.isfinite(numbers), names, OVERFLOW + 1)
        if undefined is not None:
            names = np.where(np.asarray(undefined, bool).ravel(), _UNDEFINED, names)
        first = coarse_bin(losses)
        return cls(*_collect(np.stack([first, names], axis=1), np.ones(first.size, np.int64)))

    @classmethod
    def merge(cls, parts: Iterable[LossJoint]) -> LossJoint:
        """Return the counts of all networks of ``parts`` together, exactly."""
        listed = [cls.empty(), *parts]
        cells = np.concatenate([part.cells for part in listed])
        return cls(*_collect(cells, np.concatenate([part.count for part in listed])))

    @property
    def total(self) -> int:
        """All networks."""
        return int(self.count.sum())

    def table(self) -> tuple[FloatArray, FloatArray, IntArray]:
        """Return middles of the loss and of the number, and networks, of each cell where both are finite.

        The middles of 0 are 0. Cells increase in the loss.
        """
        kept = (self.cells[:, 0] != OVERFLOW) & (self.cells[:, 1] <= OVERFLOW)
        losses, names = self.cells[kept, 0], self.cells[kept, 1]
        return coarse_middle(losses), coarse_middle(np.abs(names) - 1) * np.sign(names), self.count[kept]

    def to_arrays(self, prefix: str) -> dict[str, NDArray[np.generic]]:
        """Return named arrays, from which :meth:`from_arrays` restores every bit."""
        return {f"{prefix}.cells": self.cells, f"{prefix}.count": self.count}

    @classmethod
    def from_arrays(cls, arrays: Arrays, prefix: str) -> LossJoint:
        """Restore counts.

        Raises:
            LookupError, TypeError, ValueError: if arrays are missing, or contradict each other.
        """
        count = _counts(arrays, f"{prefix}.count")
        cells = arrays[f"{prefix}.cells"].astype(np.int64, casting="safe")
        if cells.shape != (count.size, 2):
            raise ValueError(f"{prefix}: cells and counts are of different sizes")
        if count.size:
            within = cells[:, 0].min() >= -1 and cells[:, 0].max() <= OVERFLOW
            if not within or cells[:, 1].min() < -OVERFLOW or cells[:, 1].max() > _UNDEFINED:
                raise ValueError(f"{prefix}: a cell that cannot be")
            if count.min() <= 0 or np.any(np.diff(_key(cells)) <= 0):
                raise ValueError(f"{prefix}: cells must increase and counts be positive")
        return cls(cells, count)


def _middles(histogram: LossHistogram) -> FloatArray:
    """Return the middle of each bin, which is an edge where bins are half as wide."""
    return bin_edge(2 * histogram.index + 1, histogram.bits + 1)


def _key(cells: IntArray) -> IntArray:
    """Return each cell as one number; they are in the order of the cells."""
    return ((cells[:, 0] + 1) << _BITS) | (cells[:, 1] + OVERFLOW)


def _collect(cells: IntArray, count: IntArray) -> tuple[IntArray, IntArray]:
    unique, inverse = np.unique(_key(cells), return_inverse=True)
    total = np.zeros(unique.size, np.int64)
    np.add.at(total, inverse, count)
    columns = ((unique >> _BITS) - 1, (unique & (2**_BITS - 1)) - OVERFLOW)
    return np.stack(columns, axis=1), total


def _counts(arrays: Arrays, name: str, size: int | None = None) -> IntArray:
    array = arrays[name]
    if array.dtype != np.int64 or array.ndim != 1 or (size is not None and array.size != size):
        raise ValueError(f"{name}: of the wrong type or shape")
    return array.astype(np.int64, copy=False)


def _bins(arrays: Arrays, prefix: str, bits: int) -> tuple[IntArray, IntArray]:
    index, count = _counts(arrays, f"{prefix}.index"), _counts(arrays, f"{prefix}.count")
    if index.size != count.size:
        raise ValueError(f"{prefix}: bins and counts are of different sizes")
    if index.size and (index[0] < 0 or np.any(np.diff(index) <= 0) or count.min() <= 0):
        raise ValueError(f"{prefix}: bins must increase and counts be positive")
    if index.size and index[-1] >= 0x7FF << bits:
        raise ValueError(f"{prefix}: a bin lies beyond the finite floats")
    return index, count
