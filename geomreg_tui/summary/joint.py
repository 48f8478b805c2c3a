"""Joint counts of training loss and held-out performance, so that one can be read given the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geomreg_tui.summary.histogram import IntArray, bin_edge, bin_index

__all__ = ["OVERFLOW", "JointHistogram"]

# Pseudo-bins of a coarse loss: below every real bin name, and above all of them.
_ZERO, OVERFLOW = -1, 2**15 - 1
_COARSE_BITS = 3  # eight bins to an octave, 12.5 % wide
_BIN_BITS, _CORRECT_BITS = 16, 30  # of a cell as one number


@dataclass(frozen=True)
class JointHistogram:
    """Counts of (coarse training-loss bin, coarse held-out-loss bin, correct held-out predictions).

    Attributes:
        cells: strictly increasing rows (training bin, held-out bin, correct), shape (cells, 3);
            ``correct`` is -1 where there are no classes.
        count: networks in each cell, shape (cells,).
        examples: held-out examples M that ``correct`` is out of.
    """

    cells: IntArray
    count: IntArray
    examples: int

    @property
    def valid(self) -> bool:
        """Whether every cell can be, as far as each by itself can tell."""
        if self.cells.shape != (self.count.size, 3) or not 1 <= self.examples <= 10**9:
            return False
        if not self.count.size:
            return True
        within = self.cells.min() >= -1 and self.cells[:, :2].max() <= OVERFLOW
        return bool(within and self.cells[:, 2].max() <= self.examples and self.count.min() > 0)

    @classmethod
    def empty(cls, examples: int) -> JointHistogram:
        """Return the counts of no networks."""
        return cls(np.empty((0, 3), np.int64), np.empty(0, np.int64), examples)

    @classmethod
    def from_losses(
        cls, train: ArrayLike, held_out: ArrayLike, correct: ArrayLike | None, examples: int
    ) -> JointHistogram:
        """Count networks by training loss, held-out loss and correct predictions, each of shape (batch,)."""
        first, second = coarse_bin(train), coarse_bin(held_out)
        third = (
            np.full(first.size, -1, np.int64) if correct is None else np.asarray(correct, np.int64).ravel()
        )
        return cls(
            *_collect(np.stack([first, second, third], axis=1), np.ones(first.size, np.int64)), examples
        )

    @classmethod
    def merge(cls, parts: Iterable[JointHistogram]) -> JointHistogram:
        """Return the counts of all networks of ``parts`` together, exactly.

        Raises:
            ValueError: if they are of different numbers of held-out examples.
        """
        listed = list(parts)
        if len({part.examples for part in listed}) != 1:
            raise ValueError("joint histograms of different numbers of examples cannot be merged")
        cells = np.concatenate([part.cells for part in listed])
        return cls(*_collect(cells, np.concatenate([part.count for part in listed])), listed[0].examples)


def coarse_bin(losses: ArrayLike) -> IntArray:
    """Return the names of the coarse bins of ``losses``; zero and non-finite have bins of their own."""
    values = np.asarray(losses, dtype=np.float64).ravel()
    usable = np.isfinite(values) & (values > 0)
    names = bin_index(np.where(usable, values, 1.0), _COARSE_BITS)
    return np.where(usable, names, np.where(values == 0, _ZERO, OVERFLOW))


def coarse_middle(names: IntArray) -> NDArray[np.float64]:
    """Return the middle of each coarse bin: 0 for exact zeros, NaN for non-finite losses."""
    real = (names != _ZERO) & (names != OVERFLOW)
    safe = np.where(real, names, 0)
    middle = (bin_edge(safe, _COARSE_BITS) + bin_edge(safe + 1, _COARSE_BITS)) / 2
    return np.where(real, middle, np.where(names == _ZERO, 0.0, np.nan))


def _collect(cells: IntArray, count: IntArray) -> tuple[IntArray, IntArray]:
    # A cell fits into one number, and numbers are sorted many times faster than rows.
    key = (((cells[:, 0] + 1) << _BIN_BITS | (cells[:, 1] + 1)) << _CORRECT_BITS) | (cells[:, 2] + 1)
    unique, inverse = np.unique(key, return_inverse=True)
    total = np.zeros(unique.size, np.int64)
    np.add.at(total, inverse, count)
    bins = unique >> _CORRECT_BITS
    columns = (bins >> _BIN_BITS, bins & (2**_BIN_BITS - 1), unique & (2**_CORRECT_BITS - 1))
    return np.stack(columns, axis=1) - 1, total
