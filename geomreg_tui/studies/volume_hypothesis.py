"""Does training find what random sampling would: networks of low loss, as often as they have volume?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.experiment import Experiment
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.statistics.evidence import Finding, find
from geomreg_tui.studies.comparison import ComparePlan, Comparison, compare_arms
from geomreg_tui.studies.study import Outcome, Panel, Points, Rival, Series, Study
from geomreg_tui.sweeps.plan import SweepPlan
from geomreg_tui.training.plan import TrainingPlan

__all__ = ["STUDY"]

# Training sets, population, repeats, networks that are trained, and steps.
_SIZES = {
    "quick": (5, 60, 2, 16, 2000),
    "standard": (20, 200, 4, 64, 10_000),
    "deep": (40, 500, 8, 128, 100_000),
}
_LOSS = 1e-2
FloatArray = NDArray[np.float64]
_ARMS = ("volume", "readout", "gd")
_MARGIN = 0.05
_CELLS: dict[str, dict[str, object]] = {
    "moons": {"data": "moons", "examples": 6, "width": 32, "depth": 1},
    "digits": {"data": "digits", "classes": "3,8", "examples": 6, "width": 32, "depth": 2},
    "iris": {"data": "iris", "classes": "versicolor,virginica", "examples": 6, "width": 32, "depth": 1},
    "teacher": {"data": "teacher", "inputs": 8, "examples": 6, "width": 64, "depth": 1},
}


@cache
def _plans(scale: str) -> dict[str, ComparePlan]:
    sets, population, repeats, trajectories, steps = _SIZES[scale]
    return {
        cell: ComparePlan(
            Experiment.parse({**keys, "held_out": 60, "init": "he_normal"}),
            _ARMS,
            sets,
            TailPlan(loss=_LOSS, population=population, repeats=repeats),
            TrainingPlan(trajectories=trajectories, steps=steps, record=2),
        )
        for cell, keys in _CELLS.items()
    }


def _parts(scale: str) -> Mapping[str, SweepPlan]:
    return {
        f"{cell}-{arm}": plan for cell, asked in _plans(scale).items() for arm, plan in asked.parts().items()
    }


def _judge(points: Points) -> Outcome:
    found = {
        cell: compare_arms({arm: points.get(f"{cell}-{arm}", ()) for arm in _ARMS}, _LOSS) for cell in _CELLS
    }
    findings = [_finding(cell, comparison, "gd", "") for cell, comparison in found.items()]
    findings += [_finding(cell, each, "readout", "reweighting alone") for cell, each in found.items()]
    places = np.arange(len(found))
    tables = [_columns([_ratio(each, arm) for each in found.values()]) for arm in ("gd", "readout")]
    panel = Panel(
        "Held-out loss of trained networks against those of the volume, at equal training loss",
        "; ".join(f"{place} {cell}" for place, cell in enumerate(found)),
        "ln of the ratio of held-out losses",
        (
            Series.of_replicates("all weights trained", places, tables[0]),
            Series.of_replicates("readout trained", places, tables[1]),
            Series.of_law("no difference", places, np.zeros(len(places))),
        ),
    )
    return Outcome(tuple(findings), (panel,), tuple(_remark(cell, each) for cell, each in found.items()))


def _columns(rows: list[list[float]]) -> FloatArray:
    """Return values of cells as columns, (training sets, cells); NaN where a cell has fewer than others."""
    table = np.full((max(map(len, rows)), len(rows)), np.nan)
    for place, row in enumerate(rows):
        table[: len(row), place] = row
    return table


def _ratio(comparison: Comparison, arm: str) -> list[float]:
    """Return ln of an arm's held-out loss over the volume's for each training set."""
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.log(comparison.arms[arm].loss) - np.log(comparison.arms["volume"].loss)
    return [float(value) for value in values]


def _finding(cell: str, comparison: Comparison, arm: str, rival: str) -> Finding:
    what = "all weights" if arm == "gd" else "the readout"
    return find(
        f"{cell}-{arm}",
        f"gradient descent on {what} predicts as the volume does: {cell}",
        "ln of the ratio of mean held-out losses, training over volume, at training loss 0.01",
        _ratio(comparison, arm),
        "equal",
        margin=_MARGIN,
        rival=rival,
    )


def _remark(cell: str, comparison: Comparison) -> str:
    arms = ", ".join(
        f"{arm} {_mean(result.loss)}"
        + (f" (infinitely wide: {comparison.limits[arm]:.3g})" if arm in comparison.limits else "")
        for arm, result in comparison.arms.items()
    )
    return f"{cell}: held-out loss {arms}; mean log10 V(0.01) {_mean(comparison.log10_volume)}."


def _mean(values: FloatArray) -> str:
    known = values[np.isfinite(values)]
    return f"{known.mean():.3g}" if known.size else "unknown"


STUDY = Study(
    name="volume-hypothesis",
    question="Does training find networks of low loss as often as they have volume?",
    claim="Generalisation comes from the volume of good solutions, more than from the optimiser.",
    source=(
        "arXiv 2202.09276: both abstracts, the first and the later, say that volume 'may be the source of "
        "implicit regularization', which implies it; the name is that of Chiang et al. (2023)"
    ),
    rule=(
        "Supported for a data set if trained networks and those drawn by volume have the same held-out "
        "loss at the same training loss, to within 5 %; against if the difference is larger."
    ),
    parts=_parts,
    judge=_judge,
    rivals=(
        Rival(
            "reweighting alone",
            "Training the readout of a drawn network ends at a draw from the volume given the layers below. "
            "If it predicts as the volume does, learning features is not what makes the volume generalise.",
        ),
        Rival(
            "implicit bias",
            "Peleg & Hein (2024), Kreimer et al. (2025): gradient descent prefers solutions that random "
            "sampling does not, and more so the wider the network is.",
        ),
    ),
)
