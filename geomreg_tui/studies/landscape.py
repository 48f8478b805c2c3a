"""Are landscapes smoother for wide networks, and more rugged for deep ones?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from geomreg_tui.gradients.plan import GradientPlan
from geomreg_tui.statistics.evidence import find
from geomreg_tui.studies.replicates import observed_mean, over, slopes, table_of
from geomreg_tui.studies.study import Outcome, Panel, Points, Rival, Series, Study
from geomreg_tui.sweeps.plan import SweepPlan

__all__ = ["STUDY"]

_SIZES = {"quick": (6, 4000), "standard": (20, 40_000), "deep": (40, 200_000)}  # data sets, pairs
_WIDTHS, _DEPTHS = (8, 32, 128), (1, 2, 4, 8)
_DATA = {"data": "gaussian", "inputs": 8, "examples": 4, "init": "he_normal"}


def _parts(scale: str) -> Mapping[str, SweepPlan]:
    replicates, networks = _SIZES[scale]
    observed = GradientPlan(("walk",), networks=networks)
    return {
        "width": over("width", _WIDTHS, replicates, networks, {**_DATA, "depth": 2}, observed=observed),
        "depth": over("depth", _DEPTHS, replicates, networks, {**_DATA, "width": 32}, observed=observed),
    }


def _judge(points: Points) -> Outcome:
    widths, by_width = table_of(points["width"], observed_mean("walk_correlation"), _WIDTHS)
    depths, by_depth = table_of(points["depth"], observed_mean("walk_correlation"), _DEPTHS)
    measure = "correlation of the loss before and after a step of rho = 0.9, change per doubling of the"
    findings = (
        find(
            "depth",
            "deeper landscapes are more rugged",
            f"{measure} depth",
            slopes(np.log2(depths), by_depth),
            "below",
            margin=0.005,
        ),
        find(
            "width",
            "wider landscapes are smoother",
            f"{measure} width",
            slopes(np.log2(widths), by_width),
            "above",
            margin=0.005,
        ),
    )
    label = "correlation of the loss after a step"
    panels = (
        Panel(
            "Ruggedness by depth, width 32",
            "depth",
            label,
            (Series.of_replicates("measured", depths, by_depth),),
            log_x=True,
        ),
        Panel(
            "Ruggedness by width, depth 2",
            "width",
            label,
            (Series.of_replicates("measured", widths, by_width),),
            log_x=True,
        ),
    )
    return Outcome(findings, panels)


STUDY = Study(
    name="landscape",
    question="Are loss landscapes smoother for wide networks, and more rugged for deep ones?",
    claim="Contracting volume explains loss landscapes, which are smooth when wide and rugged when deep.",
    source=(
        "arXiv 2202.09276: the first abstract names 'fitness landscape properties', and the pictures are "
        "those of Li et al. (2018); the later abstract does not name them"
    ),
    rule=(
        "A walk theta' = 0.9 theta + sqrt(0.19) xi leaves the init law as it is. Supported if the "
        "correlation of the loss along it falls with the depth, and rises with the width."
    ),
    parts=_parts,
    judge=_judge,
    rivals=(
        Rival(
            "composition",
            "Each layer multiplies the correlation of two networks by rho and passes it through one map, "
            "at any width (arc-cosine recursion): depth makes it smaller, and width does nothing to it.",
        ),
    ),
)
