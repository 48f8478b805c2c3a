"""Do wider networks stay nearer to where they began, at equal loss?"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.statistics.evidence import find
from geomreg_tui.statistics.gradient_laws import infinite_ntk
from geomreg_tui.statistics.nngp import nngp_kernel
from geomreg_tui.statistics.theory import gaussian_layers, layer_variances
from geomreg_tui.studies.examples import numbers_of
from geomreg_tui.studies.replicates import over, slopes, table_of, trained_median
from geomreg_tui.studies.study import Outcome, Panel, Points, Rival, Series, Study
from geomreg_tui.sweeps.plan import SweepPlan
from geomreg_tui.sweeps.result import SweepPoint
from geomreg_tui.training.plan import TrainingPlan

__all__ = ["STUDY"]

_SIZES = {"quick": (5, 16), "standard": (20, 64), "deep": (40, 256)}  # data sets, networks of each
_WIDTHS = {"quick": (16, 64, 256), "standard": (16, 32, 64, 128, 256, 512), "deep": (16, 64, 256, 1024)}
_LOSS = 1e-2
_DRAWS = 64  # of outputs at the start
FloatArray = NDArray[np.float64]
_DATA = {"data": "digits", "classes": "3,8", "examples": 16, "depth": 1, "init": "he_normal"}


def _parts(scale: str) -> Mapping[str, SweepPlan]:
    replicates, trajectories = _SIZES[scale]
    training = TrainingPlan(to_loss=_LOSS, trajectories=trajectories)
    return {"width": over("width", _WIDTHS[scale], replicates, 1e4, _DATA, training=training)}


def _lazy(point: SweepPoint) -> float:
    """Return the median distance of a model that is linear in its weights, with kernels of infinite width.

    Residuals y - f_0 shrink as exp(-2 Theta t / N) along gradient flow. Where their mean square is the loss
    asked for, the weights have moved by the square root of r^T (I - e) Theta^-1 (I - e) r.
    """
    experiment = point.facts.experiment
    x, y = numbers_of(experiment)
    x, y = x[: experiment.examples], y[: experiment.examples]
    layers = gaussian_layers(experiment, x, y)
    assert layers is not None, "he_normal has such layers"
    kernel = nngp_kernel(x, experiment.activation, layer_variances(experiment, layers))
    ntk = infinite_ntk(x, experiment.activation, experiment.widths, experiment.gain)
    values, vectors = np.linalg.eigh(ntk)
    root = np.linalg.cholesky(kernel)
    drawn = np.random.default_rng(0).normal(size=(_DRAWS, len(y)))
    residuals = (y[:, 0] - drawn @ root.T) @ vectors
    return float(np.median([_distance(row, np.maximum(values, 0.0)) for row in residuals]))


def _distance(residuals: FloatArray, values: FloatArray) -> float:
    """Return how far weights have moved when the loss comes to the one asked for.

    Args:
        residuals: at the start, in the eigenvectors of Theta, (N,).
        values: eigenvalues of Theta, (N,).
    """

    def left(log_time: float) -> FloatArray:
        return np.asarray(np.exp(-values / values.max() * math.exp(log_time)), np.float64)

    low, high = -20.0, 40.0  # of the logarithm of the time, in units of the fastest mode
    for _ in range(80):
        middle = (low + high) / 2
        loss = float(np.mean((left(middle) * residuals) ** 2))
        low, high = (middle, high) if loss > _LOSS else (low, middle)
    moved = (1 - left(high)) * residuals
    used = values > 0
    return math.sqrt(float((moved[used] ** 2 / values[used]).sum()))


def _judge(points: Points) -> Outcome:
    widths, relative = table_of(points["width"], trained_median("relative_distance"))
    _, distance = table_of(points["width"], trained_median("distance"))
    _, lazy = table_of(points["width"], _lazy)
    ratio = np.log(distance) - np.log(lazy)
    findings = (
        find(
            "proximity",
            "wider networks stay nearer to their start at equal loss",
            "log-log slope of ||theta_T - theta_0|| / ||theta_0|| against the width",
            slopes(np.log2(widths), np.log2(relative)),
            "below",
            margin=0.1,
        ),
        find(
            "lazy",
            "the widest networks move as far as a model linear in its weights does, which knows no volume",
            "ln of the ratio of the median distance to that model's, at the largest width",
            ratio[:, -1] if widths else [],
            "equal",
            margin=0.1,
            rival="lazy training",
        ),
    )
    panel = Panel(
        f"Distance from the start when the loss first comes to {_LOSS:g}",
        "width",
        "median distance",
        (
            Series.of_replicates("distance", widths, distance),
            Series.of_law("distance, linear in the weights", widths, lazy.mean(axis=0) if widths else []),
            Series.of_replicates("relative distance", widths, relative),
        ),
        log_x=True,
        log_y=True,
    )
    return Outcome(findings, (panel,))


STUDY = Study(
    name="proximity",
    question="Do wider networks stay nearer to where they began, at equal loss?",
    claim="Training retains proximity to the initial weights in wide networks, because of contracted volume.",
    source=(
        "arXiv 2202.09276: the first abstract names 'retained proximity in training'; the later abstract "
        "does not"
    ),
    rule="Supported if the log-log slope of the relative distance against the width is below 0.",
    parts=_parts,
    judge=_judge,
    rivals=(
        Rival(
            "lazy training",
            "Chizat, Oyallon & Bach (2019): a wide network changes its outputs by weights that hardly move, "
            "as if it were linear in them. The tangent kernel says how far, with no mention of volume.",
        ),
    ),
)
