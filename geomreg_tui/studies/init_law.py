"""Does the init law, by its family or its scale, move the balance between zero and the centre?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from geomreg_tui.statistics.evidence import find
from geomreg_tui.studies.replicates import dominance, over, slopes, table_of
from geomreg_tui.studies.study import Outcome, Panel, Points, Rival, Series, Study
from geomreg_tui.sweeps.plan import SweepPlan

__all__ = ["STUDY"]

_SIZES = {"quick": (6, 1e4), "standard": (20, 1e6), "deep": (60, 1e7)}
_FAMILIES = ("he_normal", "he_uniform")
_GAINS = (0.5, 0.71, 1.0, 1.41)
_NARROW, _WIDE = 4, 64
_DATA = {"data": "gaussian", "inputs": 4, "examples": 1, "depth": 2}


def _parts(scale: str) -> Mapping[str, SweepPlan]:
    replicates, samples = _SIZES[scale]
    return {
        "narrow": over("init", _FAMILIES, replicates, samples, {**_DATA, "width": _NARROW}),
        "wide": over("init", _FAMILIES, replicates, samples, {**_DATA, "width": _WIDE}),
        "scale": over("gain", _GAINS, replicates, samples, {**_DATA, "width": 16, "init": "he_normal"}),
    }


def _judge(points: Points) -> Outcome:
    families = {part: table_of(points[part], dominance, _FAMILIES)[1] for part in ("narrow", "wide")}
    gains, scale = table_of(points["scale"], dominance, _GAINS)
    middle = _GAINS.index(1.0)
    beside = np.maximum(scale[:, middle - 1], scale[:, middle + 1])
    findings = (
        find(
            "family",
            "at equal variance the family of the law moves the balance of a narrow network",
            "D_0 of he_uniform minus that of he_normal, width 4",
            families["narrow"][:, 1] - families["narrow"][:, 0],
            "different",
            margin=0.005,
        ),
        find(
            "family-wide",
            "at equal variance the family of the law moves the balance of a wide network",
            "D_0 of he_uniform minus that of he_normal, width 64",
            families["wide"][:, 1] - families["wide"][:, 0],
            "different",
            margin=0.02,
        ),
        find(
            "scale",
            "a larger scale moves mass from the null loss towards zero loss",
            "change of D_0 per doubling of the gain",
            slopes(np.log2(gains), scale),
            "above",
            margin=0.01,
        ),
        find(
            "he",
            "He's scale puts more mass near zero loss than scales on either side of it",
            "D_0 at gain 1 minus the larger of D_0 at gains 0.71 and 1.41",
            scale[:, middle] - beside,
            "above",
            margin=0.01,
        ),
    )
    panels = (
        Panel(
            "D_0 by the scale of the weights",
            "gain on He's scale",
            "D_0  (-1 central, +1 zero)",
            (Series.of_replicates("he_normal, width 16", gains, scale),),
            log_x=True,
        ),
        Panel(
            "D_0 by the family, at equal variance",
            "0 normal, 1 uniform",
            "D_0  (-1 central, +1 zero)",
            tuple(
                Series.of_replicates(f"width {width}", range(len(_FAMILIES)), families[part])
                for part, width in (("narrow", _NARROW), ("wide", _WIDE))
            ),
        ),
    )
    return Outcome(findings, panels)


STUDY = Study(
    name="init-law",
    question="Does the init law, by its family or its scale, move the balance between zero and the centre?",
    claim="The init distribution moves the balance of the modes; He initialisation is a good choice by it.",
    source=(
        "arXiv 2202.09276: the first abstract names init distributions and 'the benefits of He "
        "initialization'; the later abstract names neither"
    ),
    rule=(
        "The family matters if D_0 differs between laws of equal variance by more than the margin. Scale "
        "matters if D_0 changes along the gain. He's scale is special if D_0 there is above that at both "
        "of its neighbours; that D_0 bends there does not make it so."
    ),
    parts=_parts,
    judge=_judge,
    rivals=(
        Rival(
            "universality",
            "In the limit of wide layers outputs are a Gaussian process that knows the variance of the "
            "weights and nothing else of their law (Neal 1996): the family matters for narrow networks only.",
        ),
        Rival(
            "signal propagation",
            "He et al. (2015) chose the scale so that the size of the signal is the same in every layer. By "
            "that account no balance of modes is best at that scale.",
        ),
    ),
)
