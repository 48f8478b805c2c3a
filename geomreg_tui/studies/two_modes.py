"""Does a single training example make two modes, one at loss 0 and one in the centre?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from geomreg_tui.statistics.evidence import find
from geomreg_tui.studies.replicates import over, table_of
from geomreg_tui.studies.study import Outcome, Panel, Points, Rival, Series, Study
from geomreg_tui.sweeps.plan import SweepPlan
from geomreg_tui.sweeps.result import SweepPoint

__all__ = ["STUDY"]

_SIZES = {"quick": (6, 1e4), "standard": (20, 2e5), "deep": (60, 1e6)}
_WIDTHS = (2, 4, 8, 16)
_SHARE = (0.0, 1.0)
_DATA = {"data": "gaussian", "inputs": 4, "examples": 1, "depth": 2, "init": "he_normal"}


def _parts(scale: str) -> Mapping[str, SweepPlan]:
    replicates, samples = _SIZES[scale]
    return {
        "squared_error": over("width", _WIDTHS, replicates, samples, _DATA),
        "absolute_error": over("width", _WIDTHS, replicates, samples, {**_DATA, "loss": "mae"}),
    }


def _two_modes(point: SweepPoint) -> float:
    """Return whether a point has both modes, as 0 or 1."""
    return float(point.modes.zero_mass.estimate > 0 and point.modes.central_mass.estimate > 0)


def _zero_mode(point: SweepPoint) -> float:
    return float(point.modes.zero_mass.estimate > 0)


def _judge(points: Points) -> Outcome:
    widths, both = table_of(points["squared_error"], _two_modes, _WIDTHS)
    _, squared = table_of(points["squared_error"], _zero_mode, _WIDTHS)
    _, absolute = table_of(points["absolute_error"], _zero_mode, _WIDTHS)
    share = "share of widths"
    count = min(len(squared), len(absolute))
    findings = (
        find(
            "both-modes",
            "with one example the loss has a mode at 0 and a central one at most widths",
            f"{share} with both modes",
            both.mean(axis=1),
            "above",
            null=0.5,
        ),
        find(
            "shape-of-the-loss",
            "the mode at 0 is there only because squaring makes any density rise as L^(-1/2) at 0: "
            "with absolute error it is not",
            f"{share} with a mode at 0, squared error minus absolute error",
            squared[:count].mean(axis=1) - absolute[:count].mean(axis=1),
            "above",
            margin=0.1,
            rival="change of variables",
        ),
    )
    panel = Panel(
        "Modes at 0 and in the centre",
        "width",
        "share of data sets",
        (
            Series.of_replicates("both modes", widths, both, _SHARE),
            Series.of_replicates("mode at 0, squared error", widths, squared, _SHARE),
            Series.of_replicates("mode at 0, absolute error", widths, absolute, _SHARE),
        ),
        log_x=True,
    )
    empty = int(np.isnan(both).sum())
    return Outcome(findings, (panel,), (f"{empty} points are not there.",) if empty else ())


STUDY = Study(
    name="two-modes",
    question="Does a single training example make two modes of the loss, one at 0 and one in the centre?",
    claim="With a single training example the histogram often has two modes: at zero loss and a central one.",
    source=(
        "arXiv 2202.09276: the first version shows histograms of one example, and its abstract speaks of "
        "'zero or central mode dominance'; the later abstract has neither"
    ),
    rule=(
        "Supported if, over data sets, both modes are significant at more than half of the widths. The rival "
        "is supported if the mode at 0 goes when the loss is not squared."
    ),
    parts=_parts,
    judge=_judge,
    rivals=(
        Rival(
            "change of variables",
            "L = (f - y)^2 turns any density of f that is smooth at y into one that rises as L^(-1/2) at 0. "
            "With absolute error nothing rises.",
        ),
    ),
)
