"""Intervals of the points of a sweep as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.statistics.intervals import UNDEFINED

__all__ = ["interval_rows"]


def interval_rows(
    names: Iterable[str], points: Sequence[Mapping[str, Sequence[float]]]
) -> dict[str, NDArray[np.float64]]:
    """Return each measure by name: its estimate and the ends of its interval at each point, (points, 3).

    Args:
        names: of the measures.
        points: the intervals that each point has, by name; the others are NaN.
    """
    return {
        name: np.array([point.get(name, UNDEFINED) for point in points], np.float64).reshape(-1, 3)
        for name in names
    }
