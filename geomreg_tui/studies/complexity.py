"""Does the complexity of the data move the capacity that is needed, and the volume of low loss?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.statistics.evidence import find
from geomreg_tui.studies.replicates import log10_volume, over, slopes, table_of
from geomreg_tui.studies.study import Outcome, Panel, Points, Series, Study
from geomreg_tui.sweeps.plan import SweepPlan
from geomreg_tui.sweeps.result import SweepPoint
from geomreg_tui.training.plan import TrainingPlan

__all__ = ["STUDY"]

# Data sets, networks that are trained and their steps, population and repeats.
_SIZES = {
    "quick": (5, 16, 1500, 60, 2),
    "standard": (20, 32, 5000, 300, 4),
    "deep": (40, 64, 20_000, 1000, 8),
}
_WIDTHS = (1, 2, 4, 8, 16)
_NOISES = (0.0, 0.25, 0.5, 1.0)
_LOSS = 0.1
_DATA = {"data": "moons", "depth": 1, "init": "he_normal", "bias": True}
_DIGITS = {"data": "digits", "classes": "3,8", "examples": 8, "width": 32, "depth": 1, "init": "he_normal"}
_CLEAN, _NOISY = "clean", "noisy"


def _parts(scale: str) -> Mapping[str, SweepPlan]:
    replicates, trajectories, steps, population, repeats = _SIZES[scale]
    training = TrainingPlan(to_loss=_LOSS, steps=steps, trajectories=trajectories, record=2)
    tail = TailPlan(loss=_LOSS, population=population, repeats=repeats)
    fit = {**_DATA, "examples": 24}
    return {
        _CLEAN: over("width", _WIDTHS, replicates, 2e3, fit, training=training),
        _NOISY: over("width", _WIDTHS, replicates, 2e3, {**fit, "label_noise": 0.5}, training=training),
        "volume": over("label_noise", _NOISES, replicates, 2e4, _DIGITS, tail=tail),
    }


def _fitted(point: SweepPoint) -> float:
    """Return the share of trained networks that have fitted."""
    overview = point.training
    if overview is None or not overview.ended:
        return float("nan")
    return overview.counts["fitted"] / overview.ended


def _judge(points: Points) -> Outcome:
    widths, clean = table_of(points[_CLEAN], _fitted, _WIDTHS)
    _, noisy = table_of(points[_NOISY], _fitted, _WIDTHS)
    noises, volume = table_of(points["volume"], log10_volume(_LOSS), _NOISES)
    count = min(len(clean), len(noisy))
    findings = (
        find(
            "capacity",
            "labels drawn anew need more units to be fitted",
            "share of networks that fit, clean labels minus half of them drawn anew, mean over widths",
            (clean[:count] - noisy[:count]).mean(axis=1),
            "above",
            margin=0.02,
        ),
        find(
            "volume",
            "the volume of low loss falls with the noise of the labels",
            f"change of log10 V({_LOSS:g}) from no noise to all labels drawn anew, by the slope",
            slopes(noises, volume),
            "below",
            margin=0.2,
        ),
    )
    panels = (
        Panel(
            "Networks that gradient descent makes fit 24 examples",
            "width",
            f"share that comes to loss {_LOSS:g}",
            (
                Series.of_replicates("labels as they are", widths, clean, (0.0, 1.0)),
                Series.of_replicates("half drawn anew", widths, noisy, (0.0, 1.0)),
            ),
            log_x=True,
        ),
        Panel(
            "Volume of low loss by the noise of the labels",
            "share of labels drawn anew",
            f"log10 V({_LOSS:g}), 8 digits",
            (Series.of_replicates("width 32", _floats(noises), volume),),
        ),
    )
    return Outcome(findings, panels)


def _floats(values: Sequence[float]) -> NDArray[np.float64]:
    return np.array(values, np.float64)


STUDY = Study(
    name="complexity",
    question="Does the complexity of the data move the capacity that is needed, and the volume of low loss?",
    claim="The more complex the data, the more parameters it takes until volume contracts towards low loss.",
    source=(
        "arXiv 2202.09276: the later abstract says that 'representational complexity' of the data may move "
        "interpolation thresholds; the first abstract does not"
    ),
    rule=(
        "Supported if fewer networks of a width fit where labels are drawn anew, and V at equal loss falls "
        "with the share of such labels."
    ),
    parts=_parts,
    judge=_judge,
)
