"""Is there a phase change: a peak of the heat capacity that grows, or a convex stretch of ln V'?"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.statistics.convexity import entropy_of_bins, held_out_depths
from geomreg_tui.statistics.evidence import find
from geomreg_tui.statistics.heat_capacity import gaussian_heat_capacity, heat_capacity
from geomreg_tui.statistics.nngp import nngp_kernel
from geomreg_tui.statistics.quadratic_form import squared_error_law
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
_EDGES = 10.0 ** np.linspace(-2, 0.5, 11)  # of bins of the loss, in null losses
_LOSS = 1e-3
_DEPTH = 0.25  # nats below a chord, that are too few to matter: a density less by a fifth
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


def _entropy(point: SweepPoint) -> FloatArray:
    """Return S = ln V'(L / L_0) in each bin; NaN where V is not known."""
    return entropy_of_bins(_EDGES, point.volume_of_loss.at(_EDGES * point.facts.null_loss)[:, 0])[1]


def _kernel(point: SweepPoint) -> tuple[FloatArray, FloatArray]:
    """Return the kernel of infinitely wide layers, (N, N), and the targets, (N, 1)."""
    experiment = point.facts.experiment
    x, y = numbers_of(experiment)
    x, y = x[:_EXAMPLES], y[:_EXAMPLES]
    layers = gaussian_layers(experiment, x, y)
    assert layers is not None, "he_normal has such layers"
    return nngp_kernel(x, experiment.activation, layer_variances(experiment, layers)), y


def _law(point: SweepPoint) -> FloatArray:
    """Return the heat capacity of infinitely wide layers at each beta."""
    kernel, y = _kernel(point)
    return gaussian_heat_capacity(kernel, y[:, 0], _BETAS)


def _entropy_law(point: SweepPoint) -> FloatArray:
    """Return S of infinitely wide layers in each bin."""
    law = squared_error_law(*_kernel(point))
    return entropy_of_bins(_EDGES, law.log_cdf(_EDGES * point.facts.null_loss) / np.log(10))[1]


def _judge(points: Points) -> Outcome:
    widths, peaks = table_of(points["width"], _peak, _WIDTHS)
    middles = (_EDGES[1:] + _EDGES[:-1]) / 2
    findings = (
        find(
            "peak",
            "the peak of the heat capacity grows with the number of parameters: a transition of second order",
            "change of the largest heat capacity per doubling of the width",
            slopes(np.log2(widths), peaks),
            "above",
            margin=0.1,
        ),
        find(
            "first-order",
            "the entropy ln V'(L) has a convex stretch at the largest width: a transition of first order",
            "nats by which it lies below a chord that the other data sets chose; below 0 is above the chord",
            held_out_depths(middles, _rows(points, _WIDTHS[-1], _entropy, len(middles))),
            "above",
            margin=_DEPTH,
        ),
    )
    panels = (
        Panel(
            "Heat capacity",
            "log10 beta",
            "beta^2 Var(L), mean over replicates",
            _lines(points, np.log10(_BETAS), _capacity, _law),
        ),
        Panel(
            "Its peak",
            "width",
            "largest beta^2 Var(L)",
            (Series.of_replicates("measured", widths, peaks),),
            log_x=True,
        ),
        Panel(
            "Microcanonical entropy",
            "L / L_0",
            "ln V'(L / L_0), mean over replicates",
            _lines(points, middles, _entropy, _entropy_law),
        ),
    )
    remark = f"Far down it is lambda, N/2 = {_EXAMPLES / 2:g} for {_EXAMPLES} examples."
    return Outcome(findings, panels, (remark,))


def _rows(points: Points, width: int, of: Callable[[SweepPoint], FloatArray], places: int) -> FloatArray:
    """Return a curve of each point of a width, (points, places)."""
    some = [point for point in points["width"] if point.settings[0] == width]
    return np.array([of(point) for point in some]).reshape(-1, places)


def _lines(
    points: Points,
    x: FloatArray,
    measured: Callable[[SweepPoint], FloatArray],
    law: Callable[[SweepPoint], FloatArray],
) -> tuple[Series, ...]:
    """Return a curve over x at each width, and what it is at infinite width."""
    series = [
        Series.of_replicates(f"width {width}", x, _rows(points, width, measured, len(x))) for width in _WIDTHS
    ]
    expected = _rows(points, _WIDTHS[-1], law, len(x))
    if len(expected):
        series.append(Series.of_law("infinite width", x, expected.mean(axis=0)))
    return tuple(series)


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
        "From V(eps) alone. Second order: Z(beta) is the integral of exp(-beta L) dV; supported if the "
        "largest heat capacity beta^2 Var(L) grows with the width, not if it changes by less than 0.1 per "
        "doubling. First order: supported if ln V'(L) lies below a rising chord, as at a loss that is rarer "
        "than those on either side; the chord is chosen on the other data sets, or noise would make one."
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
