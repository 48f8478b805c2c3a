"""Do wider networks stay nearer to where they began, at equal loss?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from geomreg_tui.statistics.evidence import find
from geomreg_tui.studies.replicates import over, slopes, table_of, trained_median
from geomreg_tui.studies.study import Outcome, Panel, Points, Rival, Series, Study
from geomreg_tui.sweeps.plan import SweepPlan
from geomreg_tui.training.plan import TrainingPlan

__all__ = ["STUDY"]

_SIZES = {"quick": (5, 16), "standard": (20, 64), "deep": (40, 256)}  # data sets, networks of each
_WIDTHS = {"quick": (16, 64, 256), "standard": (16, 32, 64, 128, 256, 512), "deep": (16, 64, 256, 1024)}
_LOSS = 1e-2
_DATA = {"data": "digits", "classes": "3,8", "examples": 16, "depth": 1, "init": "he_normal"}


def _parts(scale: str) -> Mapping[str, SweepPlan]:
    replicates, trajectories = _SIZES[scale]
    training = TrainingPlan(to_loss=_LOSS, trajectories=trajectories)
    return {"width": over("width", _WIDTHS[scale], replicates, 1e4, _DATA, training=training)}


def _judge(points: Points) -> Outcome:
    widths, relative = table_of(points["width"], trained_median("relative_distance"))
    _, distance = table_of(points["width"], trained_median("distance"))
    logs = np.log2(widths)
    relative_slope = slopes(logs, np.log2(relative))
    findings = (
        find(
            "proximity",
            "wider networks stay nearer to their start at equal loss",
            "log-log slope of ||theta_T - theta_0|| / ||theta_0|| against the width",
            relative_slope,
            "below",
            margin=0.1,
        ),
        find(
            "lazy-relative",
            "the relative distance falls as 1 / width, as it does for a model linear in its weights",
            "log-log slope of ||theta_T - theta_0|| / ||theta_0|| against the width",
            relative_slope,
            "equal",
            null=-1.0,
            margin=0.15,
            rival="lazy training",
        ),
        find(
            "lazy-distance",
            "the distance itself falls as 1 / sqrt(width)",
            "log-log slope of ||theta_T - theta_0|| against the width",
            slopes(logs, np.log2(distance)),
            "equal",
            null=-0.5,
            margin=0.15,
            rival="lazy training",
        ),
    )
    panel = Panel(
        f"Distance from the start when the loss first comes to {_LOSS:g}",
        "width",
        "median distance",
        (
            Series.of_replicates("relative distance", widths, relative),
            Series.of_replicates("distance", widths, distance),
        ),
        log_x=True,
        log_y=True,
    )
    return Outcome(findings, (panel,))


STUDY = Study(
    name="proximity",
    question="Do wider networks stay nearer to where they began, at equal loss?",
    claim="Training retains proximity to the initial weights in wide networks, because of contracted volume.",
    source="arXiv 2202.09276, abstract: 'retained proximity' to the initialisation",
    rule="Supported if the log-log slope of the relative distance against the width is below 0.",
    parts=_parts,
    judge=_judge,
    rivals=(
        Rival(
            "lazy training",
            "Chizat, Oyallon & Bach (2019): a wide network changes its outputs by weights that hardly move; "
            "the slopes are -1/2 for the distance and -1 for the relative one, with no mention of volume.",
        ),
    ),
)
