"""Do the updates of training move in fewer and fewer directions, and in fewer than a linear model's?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.statistics.evidence import find
from geomreg_tui.statistics.gradient_laws import infinite_ntk
from geomreg_tui.statistics.nngp import nngp_kernel
from geomreg_tui.statistics.theory import gaussian_layers, layer_variances
from geomreg_tui.statistics.update_dimension import WINDOWS, linear_moves, window_dimensions
from geomreg_tui.studies.examples import numbers_of
from geomreg_tui.studies.replicates import over, slopes, table_of
from geomreg_tui.studies.study import Outcome, Panel, Points, Rival, Series, Study
from geomreg_tui.sweeps.plan import SweepPlan
from geomreg_tui.sweeps.result import SweepPoint
from geomreg_tui.training.plan import TrainingPlan
from geomreg_tui.training.result import FITTED

__all__ = ["STUDY"]

# Data sets, networks of each, and most steps.
_SIZES = {"quick": (8, 8, 3000), "standard": (20, 32, 20_000), "deep": (40, 128, 100_000)}
_WIDTHS = {"quick": (8, 32, 128), "standard": (8, 16, 32, 64, 128, 256), "deep": (8, 32, 128, 512)}
_LOSS = 1e-2
_RECORD = 48  # steps a decade, so that a third of a short path has moves enough
_SKETCH = 256
_DRAWS = 64  # of outputs at the start
_MARGIN = 0.1  # of ln of a ratio of dimensions
FloatArray = NDArray[np.float64]
_DATA = {"data": "digits", "classes": "3,8", "examples": 16, "depth": 1, "init": "he_normal"}


def _parts(scale: str) -> Mapping[str, SweepPlan]:
    replicates, trajectories, steps = _SIZES[scale]
    training = TrainingPlan(
        to_loss=_LOSS, steps=steps, trajectories=trajectories, record=_RECORD, sketch=_SKETCH
    )
    return {"width": over("width", _WIDTHS[scale], replicates, 1e3, _DATA, training=training)}


def _dimensions(point: SweepPoint) -> FloatArray:
    """Return the mean of ln of the dimension over networks that fitted, (windows,); NaN for none.

    One that is stuck above the loss moves along one line for ever, which says nothing of low loss.
    """
    overview = point.training
    if overview is None:
        return np.full(len(WINDOWS), np.nan)
    return _mean_log(overview.dimensions[overview.ends.status == FITTED])


def _linear(point: SweepPoint) -> FloatArray:
    """Return the same of a model that is linear in its weights, with kernels of infinite width, (windows,).

    Outputs at the start are drawn from the Gaussian process that wide networks have; all else is exact.
    """
    experiment = point.facts.experiment
    if point.training is None:
        return np.full(len(WINDOWS), np.nan)
    plan = point.training.plan
    x, y = numbers_of(experiment)
    x, y = x[: experiment.examples], y[: experiment.examples]
    layers = gaussian_layers(experiment, x, y)
    assert layers is not None, "he_normal has such layers"
    root = np.linalg.cholesky(nngp_kernel(x, experiment.activation, layer_variances(experiment, layers)))
    values, vectors = np.linalg.eigh(
        infinite_ntk(x, experiment.activation, experiment.widths, experiment.gain)
    )
    drawn = np.random.default_rng(0).normal(size=(_DRAWS, len(y)))
    residuals = (y[:, 0] - drawn @ root.T) @ vectors
    rate = 2 * plan.lr_share / values[-1]  # of the largest stable step, N / lambda_max
    steps = plan.recorded_steps()
    moves = [linear_moves(row, values, rate, steps, plan.to_loss) for row in residuals]
    return _mean_log(np.array([window_dimensions(each) for each in moves]))


def _mean_log(dimensions: FloatArray) -> FloatArray:
    known = dimensions[np.isfinite(dimensions).all(axis=1)]
    return np.log(known).mean(axis=0) if len(known) else np.full(len(WINDOWS), np.nan)


def _judge(points: Points) -> Outcome:
    part = points["width"]
    measured = {p.settings: _dimensions(p) for p in part}
    widths, fall = table_of(part, lambda p: _fall(measured[p.settings]))
    linear = {p.settings: _linear(p) for p in part if p.settings[0] == widths[-1]}
    _, of_linear = table_of(part, lambda p: _fall(linear[p.settings]) if p.settings in linear else math.nan)
    findings = (
        find(
            "shrinks",
            "training that fits moves in fewer directions late than early",
            "ln of the dimension late over early, mean over the networks and widths",
            fall.mean(axis=1) if widths else [],
            "below",
            margin=_MARGIN,
        ),
        find(
            "width",
            "it shrinks more in wider networks, as it would where more parameters contract more volume",
            "change of ln of the dimension late over early per doubling of the width",
            slopes(np.log2(widths), fall),
            "below",
            margin=_MARGIN / 4,
        ),
        find(
            "linear",
            "in the widest networks it shrinks as it does in a model linear in its weights",
            "ln of the dimension late over early at the largest width, minus that model's",
            fall[:, -1] - of_linear[:, -1] if widths else [],
            "equal",
            margin=_MARGIN,
            rival="modes that die in turn",
        ),
    )
    series = []
    for width in widths:
        rows = np.array([measured[p.settings] for p in part if p.settings[0] == width])
        series.append(_series(f"width {width}", rows))
    if linear:
        law = np.exp(np.mean(list(linear.values()), axis=0))
        series.append(Series.of_law("linear in the weights", np.arange(len(WINDOWS)), law))
    panel = Panel.of_names(
        "Dimension of the updates along the path of training",
        WINDOWS,
        "participation ratio, geometric mean",
        tuple(series),
        ordered=True,
    )
    return Outcome(findings, (panel,), _remarks(part))


def _fall(logs: FloatArray) -> float:
    return float(logs[-1] - logs[0])


def _series(label: str, rows: FloatArray) -> Series:
    """Return means of logarithms as values."""
    series = Series.of_replicates(label, np.arange(rows.shape[1]), rows)
    return Series(series.label, series.x, np.exp(series.y))


def _remarks(part: Sequence[SweepPoint]) -> tuple[str, ...]:
    moves = [np.median(p.training.moves) for p in part if p.training is not None and p.training.moves.size]
    remark = "A third of a path has at most as many dimensions as moves, and a random walk has just as many."
    if not moves:
        return (remark,)
    return (f"{remark} Here a third is {np.median(moves):g} moves, the median over the points.",)


STUDY = Study(
    name="update-dimension",
    question="Do the updates of training move in fewer and fewer directions, and more so in wider networks?",
    claim=(
        "The dimension of the weight updates that are available shrinks along the path of training, and "
        "where it falls past the peak of the volume of a ball, geometric regularisation sets in again."
    ),
    source=(
        "arXiv 2202.09276: the later abstract explains double descent by it; the first abstract does not "
        "speak of updates"
    ),
    rule=(
        "Taken as the participation ratio of the updates that training makes, in a third of its recorded "
        "moves. It shrinks if it is smaller late than early. A random walk's does not shrink, so that tells "
        "training from chance. A linear model's does, with no volume that contracts: only what goes beyond "
        "it, or grows with the width, would speak for volume. Only networks that come to the loss count: "
        "narrow ones come to it less often, and those that do are chosen by that."
    ),
    parts=_parts,
    judge=_judge,
    rivals=(
        Rival(
            "modes that die in turn",
            "Gradient descent on a quadratic loss leaves (1 - eta lambda)^t of each mode, so that the last "
            "updates are along the slowest alone. The eigenvalues of the kernel say how fast, exactly.",
        ),
        Rival(
            "a walk at random",
            "Antognini & Sohl-Dickstein (2018): the positions of a random walk have 60.8 % of their variance "
            "along one direction, whatever the dimension. So its moves are looked at here, which have as "
            "many directions early as late.",
        ),
    ),
)
