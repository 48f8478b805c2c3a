"""Scaling to mean 0 and variance 1, feature by feature, without ever forming a float64 copy of the pool."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.datasets.base import FloatArray

__all__ = ["Scaling"]

_BLOCK_NUMBERS = 2**20


@dataclass(frozen=True, eq=False)
class Scaling:
    """Mean and standard deviation of each feature, kept relative to its largest absolute value.

    Relative, so that squares neither overflow nor underflow, whatever the units.

    Attributes:
        unit: largest absolute value of each feature, 1 where that is 0.
        mean: mean of the feature in that unit.
        std: standard deviation in that unit, dividing by the count; 0 for a constant feature.
    """

    unit: FloatArray
    mean: FloatArray
    std: FloatArray

    @classmethod
    def of(cls, values: NDArray[Any]) -> Scaling:
        """Measure finite ``values`` of shape (count, ...) in two passes."""
        low, high = values.min(axis=0).astype(np.float64), values.max(axis=0).astype(np.float64)
        unit = np.maximum(np.abs(low), np.abs(high))
        unit = np.where(unit > 0, unit, 1.0)
        count = len(values)
        mean = sum(((block / unit).sum(axis=0) for block in _blocks(values)), np.zeros_like(unit)) / count
        square = sum(
            (np.square(block / unit - mean).sum(axis=0) for block in _blocks(values)), np.zeros_like(unit)
        )
        return cls(unit, mean, np.where(low < high, np.sqrt(square / count), 0.0))

    def apply(self, values: NDArray[Any]) -> FloatArray:
        """Return ``values`` with mean 0 and variance 1; constant features are 0."""
        centred = values.astype(np.float64) / self.unit - self.mean
        scaled: FloatArray = np.divide(centred, self.std, out=np.zeros_like(centred), where=self.std > 0)
        return scaled


def _blocks(values: NDArray[Any]) -> Iterator[FloatArray]:
    rows = max(1, _BLOCK_NUMBERS // max(1, values[0].size))
    for start in range(0, len(values), rows):
        # In one order of memory, for sums depend on it: equal arrays have equal bits however they are stored.
        yield np.ascontiguousarray(values[start : start + rows], dtype=np.float64)
