"""Is there a phase change: a heat capacity whose peak grows with the number of parameters?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.statistics.evidence import find
from geomreg_tui.statistics.heat_capacity import gaussian_heat_capacity, heat_capacity
from geomreg_tui.statistics.nngp import nngp_kernel
from geomreg_tui.statistics.theory import gaussian_layers, layer_variances
from geomreg_tui.studies.examples import numbers_of
from geomreg_tui.studies.replicates import over, slopes, table_of
from geomreg_tui.studies.study import Outcome, Panel, Points, Rival, Series, Study
from geomreg_tui.sweeps.plan import SweepPlan
from geomreg_tui.sweeps.result import SweepPoint

__all__ = ["STUDY"]

_SIZES = {"quick": (4, 100, 2), "standard": (16, 400, 4), "deep": (40, 1000, 8)}  # replicates, population
_WIDTHS = (8, 32, 128)
_BETAS = 10.0 ** np.linspace(-1, 2.25, 27)
_LOSS = 1e-3
_EXAMPLES = 4
_DATA = {"data": "gaussian", "inputs": 8, "depth": 1, "examples": _EXAMPLES, "init": "he_normal"}
FloatArray = NDArray[np.float64]


def _parts(scale: str) -> Mapping[str, SweepPlan]:
    replicates, population, repeats = _SIZES[scale]
    tail = TailPlan(loss=_LOSS, population=population, repeats=repeats)
    return {"width": over("width", _WIDTHS, replicates, 5e4, _DATA, tail=tail)}


def _capacity(point: SweepPoint) -> FloatArray:
    """Return the heat capacity at each beta."""
    curve = point.volume_of_loss
    return heat_capacity(curve.log10_loss, curve.log10_volume, _BETAS)


def _peak(point: SweepPoint) -> float:
    """Return the largest heat capacity."""
    found = _capacity(point)
    return float(np.nanmax(found)) if np.isfinite(found).any() else float("nan")


def _law(point: SweepPoint) -> FloatArray:
    """Return the heat capacity of infinitely wide layers at each beta."""
    experiment = point.facts.experiment
    x, y = numbers_of(experiment)
    x, y = x[:_EXAMPLES], y[:_EXAMPLES]
    layers = gaussian_layers(experiment, x, y)
    assert layers is not None, "he_normal has such layers"
    kernel = nngp_kernel(x, experiment.activation, layer_variances(experiment, layers))
    return gaussian_heat_capacity(kernel, y[:, 0], _BETAS)


def _judge(points: Points) -> Outcome:
    widths, peaks = table_of(points["width"], _peak, _WIDTHS)
    findings = (
        find(
            "peak",
            "the peak of the heat capacity grows with the number of parameters: a phase change",
            "change of the largest heat capacity per doubling of the width",
            slopes(np.log2(widths), peaks),
            "above",
            margin=0.1,
        ),
    )
    series = [
        Series.of_replicates(
            f"width {width}", np.log10(_BETAS), _rows([p for p in points["width"] if p.settings[0] == width])
        )
        for width in _WIDTHS
    ]
    widest = [point for point in points["width"] if point.settings[0] == _WIDTHS[-1]]
    if widest:
        law = np.mean([_law(point) for point in widest], axis=0)
        series.append(Series.of_law("infinite width", np.log10(_BETAS), law))
    panels = (
        Panel("Heat capacity", "log10 beta", "beta^2 Var(L), mean over replicates", tuple(series)),
        Panel(
            "Its peak",
            "width",
            "largest beta^2 Var(L)",
            (Series.of_replicates("measured", widths, peaks),),
            log_x=True,
        ),
    )
    remark = f"Far down it is lambda, N/2 = {_EXAMPLES / 2:g} for {_EXAMPLES} examples."
    return Outcome(findings, panels, (remark,))


def _rows(points: Sequence[SweepPoint]) -> FloatArray:
    """Return the heat capacity of points, (points, betas)."""
    return np.array([_capacity(point) for point in points]).reshape(-1, len(_BETAS))


STUDY = Study(
    name="phase",
    question="Is there a phase change between networks that fit and those that do not?",
    claim=(
        "Double descent is a phase change of regularisation: at a low enough loss volume contracts, and more "
        "so the more parameters there are."
    ),
    source=(
        "arXiv 2202.09276: the first abstract says 'a regularization phase change'; the later abstract does "
        "not use the words"
    ),
    rule=(
        "From V(eps) alone: Z(beta) is the integral of exp(-beta L) dV. Supported if the largest heat "
        "capacity beta^2 Var(L) grows with the width; not if it changes by less than 0.1 per doubling."
    ),
    parts=_parts,
    judge=_judge,
    rivals=(
        Rival(
            "no transition",
            "In the limit of wide layers outputs are a Gaussian process, whose heat capacity is a smooth "
            "function of the kernel and does not depend on the number of parameters at all.",
        ),
        Rival(
            "superposed trade-offs",
            "Heckel & Yilmaz (2021) read double descent as superposed bias-variance trade-offs, and not as a "
            "phase change.",
        ),
    ),
)
