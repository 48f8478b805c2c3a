"""Does width lower gradient confusion and depth raise it, and are networks of low loss less confused?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.gradients.plan import GradientPlan
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.statistics.evidence import Finding, find
from geomreg_tui.studies.replicates import low_loss_mean, observed_mean, over, slopes, table_of
from geomreg_tui.studies.study import Outcome, Panel, Points, Rival, Series, Study
from geomreg_tui.sweeps.plan import SweepPlan
from geomreg_tui.sweeps.result import SweepPoint

__all__ = ["STUDY"]

# Data sets, networks observed, population and repeats.
_SIZES = {"quick": (5, 300, 40, 2), "standard": (20, 2000, 200, 4), "deep": (40, 10_000, 1000, 8)}
_WIDTHS = (8, 32, 128)
_DEPTHS = {"quick": (1, 6), "standard": (1, 3, 6), "deep": (1, 3, 6)}
_GAINS = (0.5, 1, 2)
_MIDDLE = {"width": 32, "depth": 3}  # where the scale is varied
_MEASURE = "confusion_min"
_MARGIN = 0.005  # of the cosine, per doubling
_DATA = {"data": "digits", "examples": 16, "init": "he_normal"}
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class _Task:
    """What networks are to do with the digits.

    Attributes:
        part: that which names of its sweeps and findings begin with.
        words: what is learnt, for people.
        loss: name of the loss.
        low: half of the loss of the null function.
    """

    part: str
    words: str
    loss: str
    low: float

    def depth(self, depth: int) -> str:
        """Return the name of the sweep over widths at a depth."""
        return f"{self.part}depth={depth}"

    @property
    def gain(self) -> str:
        """The name of the sweep over gains."""
        return f"{self.part}gain"


_TASKS = (
    _Task("", "one output, squared error", "mse", 0.5),
    _Task("classes-", "ten classes, cross-entropy", "cross_entropy", 1.15),
)


def _parts(scale: str) -> Mapping[str, SweepPlan]:
    replicates, networks, population, repeats = _SIZES[scale]
    observed = GradientPlan(("confusion",), networks=networks)
    parts = {}
    for task in _TASKS:
        keys = {**_DATA, "loss": task.loss}
        tail = TailPlan(loss=task.low, population=population, repeats=repeats)
        for depth in _DEPTHS[scale]:
            parts[task.depth(depth)] = over(
                "width",
                _WIDTHS,
                replicates,
                networks,
                {**keys, "depth": depth},
                tail=tail,
                observed=observed,
            )
        parts[task.gain] = over("gain", _GAINS, replicates, networks, {**keys, **_MIDDLE}, observed=observed)
    return parts


def _depths(points: Points) -> list[int]:
    """Return the depths that were asked for."""
    return [depth for depth in _DEPTHS["standard"] if _TASKS[0].depth(depth) in points]


def _grid(points: Points, task: _Task, measure: Callable[[SweepPoint], float]) -> FloatArray:
    """Return a measure of each replicate at each depth and width, (depths, replicates, widths)."""
    tables = [table_of(points[task.depth(depth)], measure, _WIDTHS)[1] for depth in _depths(points)]
    count = min(len(table) for table in tables)
    return np.stack([table[:count] for table in tables])


def _sides(grid: FloatArray, depths: Sequence[int], task: _Task) -> list[Finding]:
    """Return what is found along the four sides of a grid: both of the width, and both of the depth.

    Args:
        grid: (depths, replicates, widths).
        depths: those of the grid.
        task: what the networks are to do.
    """
    wider = [
        find(
            f"{task.part}width-at-depth-{depths[row]}",
            f"wider networks are less confused at depth {depths[row]}: {task.words}",
            "change of the mean smallest cosine per doubling of the width",
            slopes(np.log2(_WIDTHS), grid[row]),
            "above",
            margin=_MARGIN,
        )
        for row in (0, -1)
    ]
    deeper = [
        find(
            f"{task.part}depth-at-width-{_WIDTHS[column]}",
            f"deeper networks are more confused at width {_WIDTHS[column]}: {task.words}",
            "change of the mean smallest cosine per doubling of the depth",
            slopes(np.log2(depths), grid[:, :, column].T),
            "below",
            margin=_MARGIN,
        )
        for column in (0, -1)
    ]
    return wider + deeper


def _of_task(points: Points, task: _Task) -> tuple[list[Finding], list[Panel], Series]:
    """Return what networks with a task have shown, and their confusion by scale."""
    depths, where = _depths(points), f"where the loss is at most {task.low:g}"
    drawn = _grid(points, task, observed_mean(_MEASURE))
    low = _grid(points, task, low_loss_mean(_MEASURE, task.low))
    gains, by_gain = table_of(points[task.gain], observed_mean(_MEASURE), _GAINS)
    findings = [
        *_sides(drawn, depths, task),
        find(
            f"{task.part}low-loss",
            f"networks of low loss are less confused: {task.words}",
            f"mean smallest cosine {where} minus that as drawn, mean over widths and depths",
            (low - drawn).mean(axis=(0, 2)),
            "above",
            margin=4 * _MARGIN,
        ),
        find(
            f"{task.part}gain",
            f"networks of larger scale are more confused: {task.words}",
            "change of the mean smallest cosine per doubling of the gain",
            slopes(np.log2(gains), by_gain),
            "below",
            margin=_MARGIN,
        ),
    ]
    y_label = "mean of the smallest cosine of two examples' gradients"
    panels = [
        Panel(
            f"{task.words}: {title}",
            "width",
            y_label,
            tuple(
                Series.of_replicates(f"depth {depth}", _WIDTHS, table)
                for depth, table in zip(depths, grid, strict=True)
            ),
            log_x=True,
        )
        for title, grid in (("networks as drawn", drawn), (where, low))
    ]
    return findings, panels, Series.of_replicates(task.words, gains, by_gain)


def _judge(points: Points) -> Outcome:
    found = [_of_task(points, task) for task in _TASKS]
    place = f"width {_MIDDLE['width']}, depth {_MIDDLE['depth']}"
    scale = Panel(
        f"Gradient confusion by scale, {place}",
        "gain",
        "mean of the smallest cosine",
        tuple(series for *_, series in found),
        log_x=True,
    )
    return Outcome(
        tuple(finding for findings, *_ in found for finding in findings),
        (*(panel for _, panels, _ in found for panel in panels), scale),
    )


STUDY = Study(
    name="confusion",
    question="Does width lower gradient confusion and depth raise it, and is it less where the loss is low?",
    claim="Contracting volume explains why gradient confusion falls with width and rises with depth.",
    source=(
        "arXiv 2202.09276: the first abstract names 'gradient confusion', an effect found by Sankararaman "
        "et al. (2020); the later abstract does not"
    ),
    rule=(
        "Each side of the grid is judged by itself, for networks with one output and for those with ten: "
        "supported where the smallest cosine of two examples' gradients rises with the width, falls with the "
        "depth or the gain, and is larger where the loss is low, down the tail."
    ),
    parts=_parts,
    judge=_judge,
    rivals=(
        Rival(
            "correlated examples",
            "A deep ReLU network maps all inputs to nearly the same direction (arc-cosine recursion), so "
            "that gradients of wide deep networks with one output are nearly parallel or opposite, as the "
            "signs of two residuals say. Ten outputs seldom have opposite residuals.",
        ),
    ),
)
