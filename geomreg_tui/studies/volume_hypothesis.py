"""Does training find what random sampling would: networks of low loss, as often as they have volume?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.experiment import Experiment
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.statistics.evidence import Finding, find
from geomreg_tui.studies.comparison import (
    ARMS,
    GD,
    READOUT,
    SGD,
    VOLUME,
    ComparePlan,
    Comparison,
    compare_arms,
)
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
# Population, repeats and networks that are trained in the other cells of a data set, and with many examples,
# whose volume lies deep.
_LESS = {"standard": (100, 2, 32), "deep": (200, 4, 64)}
_MANY, _LEAST = 32, 60
_LOSS = 1e-2
FloatArray = NDArray[np.float64]
_TRAINED = {
    GD: ("all weights", "all weights", ""),
    READOUT: ("the readout", "readout alone", "reweighting alone"),
    SGD: ("all weights by minibatches", "by minibatches", ""),
}
_RANKS = {"loss": GD, "norm": f"{GD}, norm", "distance": f"{GD}, distance"}
_RATIO = "ln of the ratio of held-out losses"
_MARGIN = 0.05
_EXAMPLES = 6
_DATA: dict[str, dict[str, Any]] = {
    "moons": {"data": "moons", "examples": _EXAMPLES, "width": 32, "depth": 1},
    "digits": {"data": "digits", "classes": "3,8", "examples": _EXAMPLES, "width": 32, "depth": 2},
    "iris": {
        "data": "iris",
        "classes": "versicolor,virginica",
        "examples": _EXAMPLES,
        "width": 32,
        "depth": 1,
    },
    "teacher": {"data": "teacher", "inputs": 8, "examples": _EXAMPLES, "width": 64, "depth": 1},
}
# With so many examples few networks that are trained come to the loss: neighbours have different targets. The
# volume of some sets is below 1e-500 there, and takes hours to find.
_TOO_MANY = frozenset({("moons", 16), ("moons", 32), ("iris", 32)})
_VARIED: dict[str, tuple[int, ...]] = {"examples": (2, 16, 32), "width": (256,), "depth": (3,)}


@dataclass(frozen=True)
class _Cell:
    """Networks of one size on one data set.

    Attributes:
        data: name of the data set.
        varied: what is not as it is in the other cells of the data set; empty for the first.
        value: what it is instead.
    """

    data: str
    varied: str = ""
    value: int = 0

    @property
    def keys(self) -> dict[str, Any]:
        """The keys of the experiment."""
        return {**_DATA[self.data], **({self.varied: self.value} if self.varied else {})}

    @property
    def name(self) -> str:
        """A name for folders."""
        return f"{self.data}-{self.varied}-{self.value}" if self.varied else self.data

    @property
    def label(self) -> str:
        """What it is, in words."""
        return f"{self.data}, {self.varied} {self.value}" if self.varied else self.data

    @property
    def sizes(self) -> str:
        """All its sizes, in words."""
        keys = self.keys
        return f"{self.data}, N = {keys['examples']}, width {keys['width']}, depth {keys['depth']}"


_FIRST = tuple(_Cell(data) for data in _DATA)
_OTHERS = tuple(
    _Cell(data, key, value)
    for data in _DATA
    for key, values in _VARIED.items()
    for value in values
    if _DATA[data][key] != value and (data, value) not in _TOO_MANY
)


def _cells(scale: str) -> tuple[_Cell, ...]:
    return _FIRST if scale == "quick" else (*_FIRST, *_OTHERS)


@cache
def _plans(scale: str) -> dict[_Cell, ComparePlan]:
    return {cell: _plan(scale, cell) for cell in _cells(scale)}


def _plan(scale: str, cell: _Cell) -> ComparePlan:
    """Return what is compared in a cell: minibatches too in the first one of each data set."""
    sets, population, repeats, trajectories, steps = _SIZES[scale]
    if cell.varied:
        population, repeats, trajectories = _LESS[scale]
    if scale == "standard" and cell.keys["examples"] >= _MANY:
        population = _LEAST
    return ComparePlan(
        Experiment.parse({**cell.keys, "held_out": 60, "init": "he_normal"}),
        ARMS if scale != "quick" and not cell.varied else (VOLUME, READOUT, GD),
        sets,
        TailPlan(loss=_LOSS, population=population, repeats=repeats),
        TrainingPlan(trajectories=trajectories, steps=steps, record=2),
    )


def _parts(scale: str) -> Mapping[str, SweepPlan]:
    return {
        f"{cell.name}-{arm}": plan
        for cell, asked in _plans(scale).items()
        for arm, plan in asked.parts().items()
    }


def _judge(points: Points) -> Outcome:
    found: dict[_Cell, Comparison] = {}
    for cell in (*_FIRST, *_OTHERS):
        arms = {arm: points[part] for arm in ARMS if (part := f"{cell.name}-{arm}") in points}
        if arms:
            found[cell] = compare_arms(arms, _LOSS)
    findings = [
        _finding(cell, comparison, arm)
        for arm in _TRAINED
        for cell, comparison in found.items()
        if arm in comparison.arms
    ]
    remarks = [_remark(cell, comparison) for cell, comparison in found.items()]
    if any(cell.varied for cell in found):
        left_out = ", ".join(f"{data} with {examples} examples" for data, examples in sorted(_TOO_MANY))
        remarks.append(f"Undecided, and not run, as few networks come to the loss: {left_out}.")
    return Outcome(tuple(findings), _panels(found), tuple(remarks))


def _panels(found: Mapping[_Cell, Comparison]) -> tuple[Panel, ...]:
    """Return a panel of each data set by the number of examples, and one of other widths and depths.

    One panel of all data sets where each has one cell.
    """
    title = "Held-out loss of trained networks against those of the volume, at equal training loss"
    if not any(cell.varied for cell in found):
        return (_places_panel(title, found),)
    panels = []
    for data in _DATA:
        by_examples = {
            cell.keys["examples"]: comparison
            for cell, comparison in found.items()
            if cell.data == data and cell.varied in ("", "examples")
        }
        counts = sorted(by_examples)
        ordered = [by_examples[count] for count in counts]
        panels.append(
            Panel(
                f"{data}: training over volume",
                "training examples N",
                _RATIO,
                (*_series(counts, ordered), *_laws(counts, ordered)),
                log_x=True,
            )
        )
    others = {cell: comparison for cell, comparison in found.items() if cell.varied in ("width", "depth")}
    return (*panels, _places_panel(f"N = {_EXAMPLES}, other widths and depths", others))


def _places_panel(title: str, found: Mapping[_Cell, Comparison]) -> Panel:
    """Return a panel with a place for each cell."""
    series = _series(range(len(found)), list(found.values()))
    return Panel.of_names(title, [cell.label for cell in found], _RATIO, series, ordered=False)


def _series(places: Sequence[int], comparisons: Sequence[Comparison]) -> tuple[Series, ...]:
    """Return lines of ln of the ratio of held-out losses, one for each way of training, and none at all."""
    lines = [
        Series.of_replicates(label, places, _columns([_ratio(each, arm) for each in comparisons]))
        for arm, (_, label, _) in _TRAINED.items()
        if any(arm in each.arms for each in comparisons)
    ]
    return (*lines, Series.of_law("no difference", places, np.zeros(len(places))))


def _laws(places: Sequence[int], comparisons: Sequence[Comparison]) -> tuple[Series, ...]:
    """Return the line of infinitely wide networks; none where they have no law."""
    limits = [each.limits for each in comparisons]
    if not all(GD in each and VOLUME in each for each in limits):
        return ()
    law = [math.log(each[GD] / each[VOLUME]) for each in limits]
    return (Series.of_law("infinitely wide", places, law),)


def _columns(rows: list[list[float]]) -> FloatArray:
    """Return values of cells as columns, (training sets, cells); NaN where a cell has fewer than others."""
    table = np.full((max(map(len, rows), default=0), len(rows)), np.nan)
    for place, row in enumerate(rows):
        table[: len(row), place] = row
    return table


def _ratio(comparison: Comparison, arm: str) -> list[float]:
    """Return ln of an arm's held-out loss over the volume's for each training set; none for no such arm."""
    if arm not in comparison.arms:
        return []
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.log(comparison.arms[arm].loss) - np.log(comparison.arms[VOLUME].loss)
    return [float(value) for value in values]


def _finding(cell: _Cell, comparison: Comparison, arm: str) -> Finding:
    what, _, rival = _TRAINED[arm]
    return find(
        f"{cell.name}-{arm}",
        f"gradient descent on {what} predicts as the volume does: {cell.label}",
        "ln of the ratio of mean held-out losses, training over volume, at training loss 0.01",
        _ratio(comparison, arm),
        "equal",
        margin=_MARGIN,
        rival=rival,
    )


def _remark(cell: _Cell, comparison: Comparison) -> str:
    """Return the numbers of a cell in a sentence."""
    arms = ", ".join(_arm_text(arm, comparison) for arm in comparison.arms)
    said = f"{cell.sizes}: held-out loss {arms}; mean log10 V(0.01) {_mean(comparison.log10_volume)}"
    ranks = {each.name: each.effect.estimate for each in comparison.ranks if each.replicates}
    by = {what: name for what, name in _RANKS.items() if name in ranks}
    if by:
        places = ", ".join(f"{what} {ranks[name]:.2f}" for what, name in by.items())
        said += f"; mean rank of trained networks among the volume's by {places}"
    return said + "."


def _arm_text(arm: str, comparison: Comparison) -> str:
    """Return the mean held-out loss of an arm, with what is to be known of it."""
    result, notes = comparison.arms[arm], []
    if arm in comparison.limits:
        notes.append(f"infinitely wide: {comparison.limits[arm]:.3g}")
    fitted = result.fitted[np.isfinite(result.fitted)]
    if fitted.size and fitted.mean() < 1:
        notes.append(f"{100 * fitted.mean():.0f} % fitted")
    return f"{arm} {_mean(result.loss)}" + (f" ({'; '.join(notes)})" if notes else "")


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
        "Supported for a data set, and a size of it and of networks, if trained networks and those drawn by "
        "volume have the same held-out loss at the same training loss, to within 5 %; against if the "
        "difference is larger. Only networks that come to the loss count."
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
