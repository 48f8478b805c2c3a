"""At an equal number of parameters, are wide networks nearer to zero loss than deep ones?"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.statistics.evidence import find
from geomreg_tui.studies.replicates import dominance, log10_volume, over, slopes, table_of
from geomreg_tui.studies.study import Outcome, Panel, Points, Rival, Series, Study
from geomreg_tui.sweeps.plan import SweepPlan
from geomreg_tui.sweeps.result import SweepPoint

__all__ = ["STUDY"]

_SIZES = {"quick": (5, 60, 2), "standard": (20, 300, 4), "deep": (40, 1000, 8)}  # data sets, population
_INPUTS, _PARAMETERS = 8, 600
_DEPTHS = (1, 2, 4)
_LOSS = 3e-2
_DATA = {"data": "gaussian", "inputs": _INPUTS, "init": "he_normal"}


def _width(depth: int) -> int:
    """Return the width at which an MLP of one output has about as many weights as all others."""
    widths = range(1, _PARAMETERS)
    return min(widths, key=lambda w: abs(_INPUTS * w + (depth - 1) * w * w + w - _PARAMETERS))


def _parts(scale: str) -> Mapping[str, SweepPlan]:
    replicates, population, repeats = _SIZES[scale]
    tail = TailPlan(loss=_LOSS, population=population, repeats=repeats)
    parts = {}
    for depth in _DEPTHS:
        width = _width(depth)
        keys = {**_DATA, "depth": depth}
        parts[f"one-{depth}"] = over("width", (width,), replicates, 5e4, {**keys, "examples": 1})
        parts[f"four-{depth}"] = over("width", (width,), replicates, 2e4, {**keys, "examples": 4}, tail=tail)
    return parts


def _by_depth(points: Points, part: str, measure: Callable[[SweepPoint], float]) -> NDArray[np.float64]:
    """Return a measure of each replicate at each depth, (replicates, depths)."""
    columns = [table_of(points[f"{part}-{depth}"], measure, (_width(depth),))[1] for depth in _DEPTHS]
    count = min(len(column) for column in columns)
    return np.concatenate([column[:count] for column in columns], axis=1)


def _judge(points: Points) -> Outcome:
    balance = _by_depth(points, "one", dominance)
    volume = _by_depth(points, "four", log10_volume(_LOSS))
    deeper = np.log2(_DEPTHS)
    findings = (
        find(
            "balance",
            "of networks with equally many weights the deeper ones have less mass near zero loss",
            "change of D_0 per doubling of the depth, N = 1",
            slopes(deeper, balance),
            "below",
            margin=0.01,
        ),
        find(
            "volume",
            "of networks with equally many weights the deeper ones have less volume of low loss",
            f"change of log10 V({_LOSS:g}) per doubling of the depth, N = 4",
            slopes(deeper, volume),
            "below",
            margin=0.05,
        ),
    )
    sizes = ", ".join(f"{_width(depth)} x {depth}" for depth in _DEPTHS)
    panels = tuple(
        Panel(title, "depth", label, (Series.of_replicates("measured", _DEPTHS, table),), log_x=True)
        for title, label, table in (
            ("Balance of one example", "D_0  (-1 central, +1 zero)", balance),
            ("Volume of four examples", f"log10 V({_LOSS:g})", volume),
        )
    )
    return Outcome(findings, panels, (f"About {_PARAMETERS} weights each: width x depth is {sizes}.",))


STUDY = Study(
    name="wide-deep",
    question="At an equal number of parameters, are wide networks nearer to zero loss than deep ones?",
    claim="Width and depth regularise differently at the same number of parameters.",
    source=(
        "arXiv 2202.09276: the first abstract names 'the differences between wide and deep networks'; the "
        "later abstract does not"
    ),
    rule="Supported if D_0, and log10 V at equal loss, fall with the depth at about 600 weights.",
    parts=_parts,
    judge=_judge,
    rivals=(
        Rival(
            "narrowness",
            "At equal parameters a deep network is narrow, and narrow ReLU layers die: both grow with the "
            "ratio of depth to width (Hanin & Rolnick 2018), which says nothing of volume.",
        ),
    ),
)
