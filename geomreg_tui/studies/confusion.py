"""Does width lower gradient confusion and depth raise it, and are networks of low loss less confused?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

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
_LOSS = 0.5  # half of what the null function has
_MEASURE = "confusion_min"
_MARGIN = 0.005  # of the cosine, per doubling
_DATA = {"data": "digits", "examples": 16, "init": "he_normal"}
FloatArray = NDArray[np.float64]


def _part(depth: int) -> str:
    return f"depth={depth}"


def _parts(scale: str) -> Mapping[str, SweepPlan]:
    replicates, networks, population, repeats = _SIZES[scale]
    observed = GradientPlan(("confusion",), networks=networks)
    tail = TailPlan(loss=_LOSS, population=population, repeats=repeats)
    return {
        _part(depth): over(
            "width", _WIDTHS, replicates, networks, {**_DATA, "depth": depth}, tail=tail, observed=observed
        )
        for depth in _DEPTHS[scale]
    }


def _depths(points: Points) -> list[int]:
    """Return the depths that were asked for."""
    return [depth for depth in _DEPTHS["standard"] if _part(depth) in points]


def _grid(points: Points, measure: Callable[[SweepPoint], float]) -> FloatArray:
    """Return a measure of each replicate at each depth and width, (depths, replicates, widths)."""
    tables = [table_of(points[_part(depth)], measure, _WIDTHS)[1] for depth in _depths(points)]
    count = min(len(table) for table in tables)
    return np.stack([table[:count] for table in tables])


def _corners(grid: FloatArray, depths: Sequence[int], where: str, name: str) -> list[Finding]:
    """Return what is found along the four sides of a grid: both of the width, and both of the depth.

    Args:
        grid: (depths, replicates, widths).
        depths: those of the grid.
        where: of which networks, in words.
        name: that which names of findings begin with.
    """
    wider = [
        find(
            f"{name}width-at-depth-{depths[row]}",
            f"wider networks are less confused, at depth {depths[row]} {where}",
            "change of the mean smallest cosine per doubling of the width",
            slopes(np.log2(_WIDTHS), grid[row]),
            "above",
            margin=_MARGIN,
        )
        for row in (0, -1)
    ]
    deeper = [
        find(
            f"{name}depth-at-width-{_WIDTHS[column]}",
            f"deeper networks are more confused, at width {_WIDTHS[column]} {where}",
            "change of the mean smallest cosine per doubling of the depth",
            slopes(np.log2(depths), grid[:, :, column].T),
            "below",
            margin=_MARGIN,
        )
        for column in (0, -1)
    ]
    return wider + deeper


def _judge(points: Points) -> Outcome:
    depths = _depths(points)
    drawn = _grid(points, observed_mean(_MEASURE))
    low = _grid(points, low_loss_mean(_MEASURE, _LOSS))
    findings = (
        *_corners(drawn, depths, "as drawn", ""),
        *_corners(low, depths, f"where the loss is at most {_LOSS:g}", "low-loss-"),
        find(
            "low-loss",
            "networks of low loss are less confused",
            f"mean smallest cosine where the loss is at most {_LOSS:g} minus that as drawn, mean over widths "
            "and depths",
            (low - drawn).mean(axis=(0, 2)),
            "above",
            margin=4 * _MARGIN,
        ),
    )
    panels = tuple(
        Panel(
            title,
            "width",
            "mean of the smallest cosine of two examples' gradients",
            tuple(
                Series.of_replicates(f"depth {depth}", _WIDTHS, table)
                for depth, table in zip(depths, grid, strict=True)
            ),
            log_x=True,
        )
        for title, grid in (
            ("Gradient confusion of drawn networks", drawn),
            (f"Gradient confusion where the loss is at most {_LOSS:g}", low),
        )
    )
    return Outcome(findings, panels)


STUDY = Study(
    name="confusion",
    question="Does width lower gradient confusion and depth raise it, and is it less where the loss is low?",
    claim="Contracting volume explains why gradient confusion falls with width and rises with depth.",
    source=(
        "arXiv 2202.09276: the first abstract names 'gradient confusion', an effect found by Sankararaman "
        "et al. (2020); the later abstract does not"
    ),
    rule=(
        "Each side of the grid is judged by itself, of networks as drawn and of those of low loss, found "
        "down the tail: supported where the smallest cosine of two examples' gradients rises with the width, "
        "falls with the depth, and is larger where the loss is low."
    ),
    parts=_parts,
    judge=_judge,
    rivals=(
        Rival(
            "correlated examples",
            "A deep ReLU network maps all inputs to nearly the same direction (arc-cosine recursion), so "
            "that gradients of wide deep networks are nearly parallel or opposite, as residual signs say.",
        ),
    ),
)
