"""Do wider networks move mass towards zero loss, and deeper ones towards the centre?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from geomreg_tui.statistics.evidence import find
from geomreg_tui.studies.replicates import dominance, over, slopes, table_of
from geomreg_tui.studies.study import Outcome, Panel, Points, Rival, Series, Study
from geomreg_tui.sweeps.plan import SweepPlan

__all__ = ["STUDY"]

_SIZES = {"quick": (6, 2e4), "standard": (20, 2e5), "deep": (60, 1e6)}
_WIDTHS = {"quick": (2, 8, 32), "standard": (2, 4, 8, 16, 32, 64), "deep": (2, 4, 8, 16, 32, 64, 128)}
_DEPTHS = (1, 2, 4)
_DATA = {"data": "gaussian", "inputs": 4, "examples": 1, "init": "he_normal"}


def _part(depth: int) -> str:
    return f"depth={depth}"


def _parts(scale: str) -> Mapping[str, SweepPlan]:
    replicates, samples = _SIZES[scale]
    return {
        _part(depth): over("width", _WIDTHS[scale], replicates, samples, {**_DATA, "depth": depth})
        for depth in _DEPTHS
    }


def _judge(points: Points) -> Outcome:
    widths, tables = list[int](), []
    for depth in _DEPTHS:
        widths, table = table_of(points[_part(depth)], dominance, _WIDTHS["quick"])
        tables.append(table)
    count = min(len(table) for table in tables)
    grid = np.stack([table[:count] for table in tables])  # (depths, replicates, widths)
    doublings = np.log2(widths)
    by_width = slopes(doublings, grid.mean(axis=0))
    by_depth = slopes(np.log2(_DEPTHS), grid.mean(axis=2).T)
    deepest = slopes(doublings, grid[-1])
    findings = (
        find(
            "width",
            "wider networks have more mass near zero loss",
            "change of D_0 per doubling of the width, mean over depths",
            by_width,
            "above",
            margin=0.01,
        ),
        find(
            "depth",
            "deeper networks have more mass near the null loss",
            "change of D_0 per doubling of the depth, mean over widths",
            by_depth,
            "below",
            margin=0.01,
        ),
        find(
            "dead",
            "width matters more at depth 4 than at depth 1, as it does where narrow deep networks die",
            "change of D_0 per doubling of the width, at depth 4 minus that at depth 1",
            deepest - slopes(doublings, grid[0]),
            "above",
            margin=0.01,
            rival="dying units",
        ),
    )
    panel = Panel(
        "D_0 by width and depth",
        "width",
        "D_0  (-1 central, +1 zero)",
        tuple(
            Series.of_replicates(f"depth {depth}", widths, table)
            for depth, table in zip(_DEPTHS, grid, strict=True)
        ),
        log_x=True,
    )
    return Outcome(findings, (panel,))


STUDY = Study(
    name="width-depth",
    question="Do wider networks move mass towards zero loss, and deeper ones towards the centre?",
    claim="Width and depth push the balance of the two modes in opposite directions.",
    source=(
        "arXiv 2202.09276: the first abstract finds 'directional correlations' of mode dominance with width "
        "and depth; the later abstract does not speak of them"
    ),
    rule=(
        "Supported if the mean slope of D_0 over data sets is above 0 along the width, and below 0 along the "
        "depth; not supported if it is within 0.01 of 0 per doubling."
    ),
    parts=_parts,
    judge=_judge,
    rivals=(
        Rival(
            "dying units",
            "A deep narrow ReLU network is off for one example with a probability that grows with depth and "
            "falls with width (Lu et al. 2019). Then its loss is exactly L_0. If that is the reason, width "
            "matters more the deeper the network is.",
        ),
    ),
)
