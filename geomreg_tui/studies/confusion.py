"""Does width lower gradient confusion and depth raise it, and are networks of low loss less confused?"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from geomreg_tui.gradients.plan import GradientPlan
from geomreg_tui.statistics.evidence import find
from geomreg_tui.studies.replicates import observed_mean, over, slopes, table_of
from geomreg_tui.studies.study import Outcome, Panel, Points, Rival, Series, Study
from geomreg_tui.sweeps.observed import point_observed
from geomreg_tui.sweeps.plan import SweepPlan
from geomreg_tui.sweeps.result import SweepPoint

__all__ = ["STUDY"]

_SIZES = {"quick": (5, 300), "standard": (20, 2000), "deep": (40, 10_000)}  # data sets, networks observed
_WIDTHS = (8, 32, 128)
_DEPTHS = (1, 3, 6)
_MEASURE = "confusion_min"
_DATA = {"data": "digits", "examples": 16, "init": "he_normal"}


def _part(depth: int) -> str:
    return f"depth={depth}"


def _parts(scale: str) -> Mapping[str, SweepPlan]:
    replicates, networks = _SIZES[scale]
    observed = GradientPlan(("confusion",), networks=networks)
    return {
        _part(depth): over(
            "width", _WIDTHS, replicates, networks, {**_DATA, "depth": depth}, observed=observed
        )
        for depth in _DEPTHS
    }


def _rank_correlation(point: SweepPoint) -> float:
    """Return the rank correlation of the loss with the smallest cosine, over the networks of a point."""
    found = point_observed(point).get("observables", {}).get(_MEASURE, {})
    value = found.get("loss_rank_correlation", [None])[0]
    return math.nan if value is None else float(value)


def _judge(points: Points) -> Outcome:
    tables, ranks, widths = [], [], list[int]()
    for depth in _DEPTHS:
        widths, table = table_of(points[_part(depth)], observed_mean(_MEASURE), _WIDTHS)
        tables.append(table)
        ranks.append(table_of(points[_part(depth)], _rank_correlation, _WIDTHS)[1])
    count = min(len(table) for table in tables)
    grid = np.stack([table[:count] for table in tables])  # (depths, replicates, widths)
    doublings, deeper = np.log2(widths), np.log2(_DEPTHS)
    margin = 0.005
    findings = [
        find(
            f"width-at-depth-{depth}",
            f"wider networks are less confused, at depth {depth}",
            "change of the mean smallest cosine per doubling of the width",
            slopes(doublings, table),
            "above",
            margin=margin,
        )
        for depth, table in ((_DEPTHS[0], grid[0]), (_DEPTHS[-1], grid[-1]))
    ]
    findings += [
        find(
            f"depth-at-width-{widths[k]}",
            f"deeper networks are more confused, at width {widths[k]}",
            "change of the mean smallest cosine per doubling of the depth",
            slopes(deeper, grid[:, :, k].T),
            "below",
            margin=margin,
        )
        for k in (0, len(widths) - 1)
    ]
    findings.append(
        find(
            "low-loss",
            "networks of low loss are less confused",
            "rank correlation of loss and smallest cosine, mean over widths and depths",
            np.mean([table[:count].mean(axis=1) for table in ranks], axis=0),
            "below",
            margin=0.05,
        )
    )
    panel = Panel(
        "Gradient confusion of drawn networks",
        "width",
        "mean of the smallest cosine of two examples' gradients",
        tuple(
            Series.of_replicates(f"depth {depth}", widths, table)
            for depth, table in zip(_DEPTHS, grid, strict=True)
        ),
        log_x=True,
    )
    return Outcome(tuple(findings), (panel,))


STUDY = Study(
    name="confusion",
    question="Does width lower gradient confusion and depth raise it, and is it less where the loss is low?",
    claim="Contracting volume explains why gradient confusion falls with width and rises with depth.",
    source="arXiv 2202.09276, abstract: 'gradient confusion', an effect found by Sankararaman et al. (2020)",
    rule=(
        "Each corner of the grid is judged by itself: supported where the smallest cosine of two examples' "
        "gradients rises with the width, falls with the depth, and is larger where the loss is low."
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
