"""Does volume at equal loss follow the hypersphere of P, of N, or of 2 lambda dimensions?"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.statistics.evidence import find
from geomreg_tui.studies.replicates import log10_volume, over, slopes, table_of
from geomreg_tui.studies.study import Outcome, Panel, Points, Rival, Series, Study
from geomreg_tui.sweeps.plan import SweepPlan
from geomreg_tui.sweeps.result import SweepPoint

__all__ = ["STUDY"]

_SIZES = {"quick": (4, 60, 2), "standard": (16, 300, 4), "deep": (40, 1000, 8)}  # data sets, population
_WIDTHS = (16, 32, 64, 128)
_HIGH, _LOW = 1e-2, 1e-3
_EXAMPLES = 6
_DATA = {"data": "gaussian", "inputs": 16, "depth": 2, "examples": _EXAMPLES, "init": "he_normal"}


def _parts(scale: str) -> Mapping[str, SweepPlan]:
    replicates, population, repeats = _SIZES[scale]
    tail = TailPlan(loss=_LOW, population=population, repeats=repeats)
    return {"width": over("width", _WIDTHS, replicates, 2e4, _DATA, tail=tail)}


def _decades(point: SweepPoint) -> float:
    """Return how many decades of V lie between the two losses."""
    high, low = point.volume_of_loss.at([_HIGH, _LOW])[:, 0]
    return float(high - low)


def _parameters(point: SweepPoint) -> float:
    return float(point.facts.parameters)


def _judge(points: Points) -> Outcome:
    widths, volume = table_of(points["width"], log10_volume(_LOW), _WIDTHS)
    _, decades = table_of(points["width"], _decades, _WIDTHS)
    _, parameters = table_of(points["width"], _parameters, _WIDTHS)
    count = [next((each for each in column if math.isfinite(each)), math.nan) for column in parameters.T]
    span = math.log10(_HIGH / _LOW)
    exponent = decades / span
    doublings = np.log2(widths)
    findings = (
        find(
            "volume",
            "volume at equal loss contracts as parameters are added",
            "change of log10 V(0.001) per doubling of the width",
            slopes(doublings, volume),
            "below",
            margin=0.1,
        ),
        find(
            "dimension-p",
            "the exponent grows with the number of parameters, as that of a ball of P dimensions does",
            "change of lambda per doubling of the width",
            slopes(doublings, exponent),
            "above",
            margin=0.1,
        ),
        find(
            "dimension-n",
            "the exponent is N/2, that of a ball of N dimensions, at every width",
            "lambda over N/2, mean over widths",
            exponent.mean(axis=1) / (_EXAMPLES / 2),
            "equal",
            null=1.0,
            margin=0.1,
            rival="ball of N dimensions",
        ),
    )
    panels = (
        Panel(
            "Volume at equal loss",
            "width",
            "log10 V(0.001)",
            (Series.of_replicates("measured", widths, volume),),
            log_x=True,
        ),
        Panel(
            "Dimension of the set of low loss",
            "width",
            "2 lambda",
            (
                Series.of_replicates("measured, 2 lambda", widths, 2 * exponent),
                Series.of_law("N", widths, np.full(len(widths), _EXAMPLES)),
                Series.of_law("P", widths, count),
            ),
            log_x=True,
            log_y=True,
        ),
    )
    return Outcome(findings, panels)


STUDY = Study(
    name="spheres",
    question="Does volume at equal loss follow the hypersphere of P, of N, or of 2 lambda dimensions?",
    claim="Low-loss volume contracts with the number of parameters, as the volume of hyperspheres does.",
    source=(
        "arXiv 2202.09276: both abstracts, the first and the later, begin with 'contracting volume with "
        "increasing dimensions', as hyperspheres show it"
    ),
    rule=(
        "Supported if log10 V(0.001) falls along the width, and lambda grows; not if both are within "
        "0.1 of no change per doubling, while the number of parameters grows over thirty times."
    ),
    parts=_parts,
    judge=_judge,
    rivals=(
        Rival(
            "ball of N dimensions",
            "With more parameters than examples, all directions but N do not change the loss at all. The set "
            "of low loss is a tube, and its volume shrinks as a ball of N dimensions: lambda = N/2.",
        ),
    ),
)
