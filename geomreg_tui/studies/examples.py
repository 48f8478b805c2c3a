"""The examples of a point as numbers, for laws that need nothing else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.datasets import load
from geomreg_tui.experiment import Experiment

__all__ = ["numbers_of"]

FloatArray = NDArray[np.float64]


def numbers_of(experiment: Experiment) -> tuple[FloatArray, FloatArray]:
    """Return inputs (N + M, features) and targets as squared error sees them, (N + M, outputs).

    Raises:
        DataError: as :func:`load`.
    """
    data = load(experiment)
    y = data.y
    if data.label_values is not None:
        y = (data.label_values[y] - data.label_mean) / data.label_std
    return data.x.reshape(len(data.x), -1), y.reshape(len(y), -1).astype(np.float64)
