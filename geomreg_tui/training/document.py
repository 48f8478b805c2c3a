"""What ``summary.json`` says of a trained ensemble."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from geomreg_tui.statistics.intervals import Interval
from geomreg_tui.training.overview import TrainingOverview
from geomreg_tui.training.plan import plan_values
from geomreg_tui.training.volume import VolumeOfLoss

__all__ = ["final_medians", "training_document"]

_PATH = ("loss", "distance", "held_out_loss")


def final_medians(overview: TrainingOverview, volume: VolumeOfLoss) -> dict[str, Interval]:
    """Return the median over the fitted trajectories of each measure at their end, of ``steps``, and of V.

    The interval of ``log10_volume`` is that of V at the median loss: it tells how well V is known there.
    """
    medians = overview.ends.medians()
    loss = medians["loss"].estimate
    return medians | {"log10_volume": Interval(*map(float, volume.at([loss])[0]))}


def training_document(overview: TrainingOverview, volume: VolumeOfLoss) -> dict[str, Any]:
    """Return plain data; None stands for what is undefined.

    Args:
        overview: of the ensemble.
        volume: V of losses, of the same experiment.
    """
    plan = plan_values(overview.plan)
    dimension = {name: value.to_json() for name, value in overview.dimension.items()}
    medians = {name: band.median[:, 0] for name, band in overview.bands.items()}
    return {
        **plan,
        "counts": overview.counts,
        "waiting": overview.waiting,
        "failed": overview.failed,
        "failures": list(overview.failures),
        "final": {name: value.to_json() for name, value in final_medians(overview, volume).items()},
        **({"update_dimension": dimension} if dimension else {}),
        "path": {
            "step": overview.step.tolist(),
            **{name: _plain(medians[name]) for name in _PATH},
            "held_out_accuracy": _plain(medians["held_out_accuracy"]),
            "log10_volume": _plain(volume.at(medians["loss"])[:, 0]),
            **{name: _plain(medians[name]) for name in overview.plan.observed},
        },
    }


def _plain(values: np.ndarray[Any, np.dtype[np.float64]]) -> list[float | None]:
    return [float(value) if math.isfinite(value) else None for value in values]
