"""Trained ensembles over a sweep: how they ended at each point, and V at the loss that all are trained to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.statistics.intervals import Interval, wilson
from geomreg_tui.sweeps.bands import interval_rows
from geomreg_tui.sweeps.result import SweepPoint
from geomreg_tui.training.document import training_document
from geomreg_tui.training.result import MEASURES

__all__ = ["MEASURES_OF_POINTS", "TrainingComparison", "compare_training", "point_training"]

MEASURES_OF_POINTS = ("fitted", "steps", *MEASURES, "log10_volume")


@dataclass(frozen=True)
class TrainingComparison:
    """How the ensembles of a sweep ended.

    Attributes:
        to_loss: the loss that all are trained to; 0 for none.
        measures: by name, for each point an estimate with the ends of its 95 % interval, (points, 3). NaN
            where a point has none. ``fitted`` is the share of the trajectories that have fitted; the others
            are medians over these. ``log10_volume`` is log10 V at :attr:`to_loss`, where that is known.
    """

    to_loss: float
    measures: dict[str, NDArray[np.float64]]


def compare_training(points: Sequence[SweepPoint]) -> TrainingComparison | None:
    """Compare the ensembles of a sweep; None where nothing was trained."""
    plans = [point.training.plan for point in points if point.training is not None]
    if not plans:
        return None
    rows = [_measures(point) for point in points]
    observed = dict.fromkeys(name for plan in plans for name in plan.observed)
    return TrainingComparison(plans[0].to_loss, interval_rows((*MEASURES_OF_POINTS, *observed), rows))


def point_training(point: SweepPoint) -> dict[str, Any]:
    """Return how an ensemble ended as plain data, without its path; nothing where nothing was trained."""
    if point.training is None:
        return {}
    document = training_document(point.training, point.volume_of_loss)
    del document["path"]
    return {"training": document}


def _measures(point: SweepPoint) -> dict[str, Interval]:
    overview = point.training
    if overview is None or not overview.ended:
        return {}
    found = overview.ends.medians()
    fitted = overview.counts["fitted"]
    low, high = (float(end) for end in wilson(fitted, overview.ended))
    found["fitted"] = Interval(fitted / overview.ended, low, high)
    volume = point.volume_of_loss.at([overview.plan.to_loss])[0]
    return found | {"log10_volume": Interval(*map(float, volume))}
