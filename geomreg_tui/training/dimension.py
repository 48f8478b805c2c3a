"""The dimension of the updates of each trajectory, from sketches of how far its weights have moved."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.statistics.update_dimension import WINDOWS, window_dimensions, windows_of
from geomreg_tui.training.result import TrainingResult

__all__ = ["update_dimensions"]

FloatArray = NDArray[np.float64]


def update_dimensions(
    result: TrainingResult, grid: Sequence[int], asked: int
) -> tuple[FloatArray, NDArray[np.int64]]:
    """Return the dimension of the updates of each trajectory, and of how many moves each part is.

    Args:
        result: trajectories with sketches of how far they have moved from their start.
        grid: the steps between which moves are taken, and to the last row. Those rows that were recorded
            because the loss had come to a power of ten are left out: they would make short moves.
        asked: numbers of a sketch that were asked for; those that have fewer are the moves themselves.

    Returns:
        (trajectories, windows), NaN where a part has no two moves; and (trajectories,).
    """
    width = result.sketch.shape[1]
    sketched = width if width == asked else 0
    found = np.full((len(result.trajectory), len(WINDOWS)), np.nan)
    moves_of = np.zeros(len(result.trajectory), np.int64)
    if not width:
        return found, moves_of
    on_grid = np.isin(result.step, np.asarray(grid, np.int64))
    for place, (first, stop) in enumerate(zip(result.first_row[:-1], result.first_row[1:], strict=True)):
        rows = np.arange(first, stop)
        kept = rows[on_grid[first:stop] | (rows == stop - 1)]
        moves = np.diff(result.sketch[kept], axis=0)
        moves_of[place] = windows_of(len(moves))[0].stop
        found[place] = window_dimensions(moves, sketched)
    return found, moves_of
