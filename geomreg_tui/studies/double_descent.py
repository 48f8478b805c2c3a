"""Is the second descent of double descent explained by low-loss volume that contracts?"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.statistics.evidence import find
from geomreg_tui.statistics.nngp import nngp_kernel
from geomreg_tui.statistics.quadratic_form import squared_error_law
from geomreg_tui.statistics.theory import gaussian_layers, layer_variances
from geomreg_tui.studies.examples import numbers_of
from geomreg_tui.studies.replicates import over, slopes, table_of
from geomreg_tui.studies.study import Outcome, Panel, Points, Rival, Series, Study
from geomreg_tui.sweeps.plan import SweepPlan
from geomreg_tui.sweeps.result import SweepPoint
from geomreg_tui.training.plan import TrainingPlan

__all__ = ["STUDY"]

# Data sets, networks of each, and steps of training.
_SIZES = {"quick": (6, 4, 1000), "standard": (40, 16, 20_000), "deep": (200, 16, 50_000)}
_EXAMPLES = 16  # of the linear model: its threshold
_INPUTS = {
    "quick": (4, 10, 16, 24, 48, 128),
    "standard": (4, 8, 12, 14, 16, 18, 20, 24, 32, 64, 128),
    "deep": (4, 8, 12, 14, 16, 18, 20, 24, 32, 64, 128),
}
_GAIN = 0.5
_LOSS = 1e-2  # at which volumes are compared
_LINEAR = {"data": "gaussian", "examples": _EXAMPLES, "held_out": 400, "depth": 0, "init": "he_normal"}
_THRESHOLD = 24  # units of the network, as many as its examples
_WIDTHS = {
    "quick": (6, 24, 128),
    "standard": (4, 8, 12, 16, 20, 24, 28, 36, 64, 128, 512),
    "deep": (4, 8, 12, 16, 20, 24, 28, 36, 64, 128, 512, 2048),
}
_NETWORK = {
    "data": "digits",
    "classes": "3,8",
    "examples": _THRESHOLD,
    "held_out": 250,
    "label_noise": 0.2,
    "depth": 1,
}


def _parts(scale: str) -> Mapping[str, SweepPlan]:
    replicates, trajectories, steps = _SIZES[scale]
    linear = TrainingPlan(to_loss=1e-6, steps=steps, trajectories=trajectories, record=2)
    readout = TrainingPlan(to_loss=1e-4, steps=steps, trajectories=trajectories, record=2, train="readout")
    return {
        "linear": over(
            "inputs", _INPUTS[scale], replicates, 2e3, {**_LINEAR, "gain": _GAIN}, training=linear
        ),
        "readout": over("width", _WIDTHS[scale], replicates, 2e3, _NETWORK, training=readout),
    }


def _risk(point: SweepPoint) -> float:
    """Return log10 of the mean held-out loss where training ended, fitted or at the limit of steps."""
    if point.training is None:
        return math.nan
    losses = point.training.ends.final("held_out_loss")
    known = losses[np.isfinite(losses)]
    return math.log10(float(known.mean())) if known.size else math.nan


def _volume(point: SweepPoint) -> float:
    """Return log10 V of the linear model at the loss at which volumes are compared: exact."""
    experiment = point.facts.experiment
    x, y = numbers_of(experiment)
    x, y = x[: experiment.examples], y[: experiment.examples]
    layers = gaussian_layers(experiment, x, y)
    if layers is None:
        return math.nan
    law = squared_error_law(nngp_kernel(x, experiment.activation, layer_variances(experiment, layers)), y)
    log = float(law.log_cdf(_LOSS)) / math.log(10)
    return log if math.isfinite(log) else math.nan


def _expected_risk(inputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the risk of the linear model on pure noise of variance 1, NaN next to the threshold.

    Belkin, Hsu & Xu (2020), with what the initial weights leave where no example looks: (1 - n/p) times their
    squared norm, 2 gain^2.
    """
    p, n = inputs, _EXAMPLES
    with np.errstate(divide="ignore", invalid="ignore"):
        under = 1 + p / (n - p - 1)
        beyond = 1 + n / (p - n - 1) + 2 * _GAIN**2 * (1 - n / p)
    return np.where(p <= n - 2, under, np.where(p >= n + 2, beyond, np.nan))


def _judge(points: Points) -> Outcome:
    inputs, linear = table_of(points["linear"], _risk)
    _, volume = table_of(points["linear"], _volume)
    widths, readout = table_of(points["readout"], _risk)
    sizes = np.array(inputs, np.float64)
    beyond = sizes > _EXAMPLES
    findings = (
        find(
            "linear-peak",
            "the linear model's risk falls beyond the threshold",
            "log10 risk at p = n minus that at the largest p",
            _fall(inputs, linear, _EXAMPLES),
            "above",
            margin=0.05,
        ),
        find(
            "network-peak",
            "the held-out loss of trained readouts falls beyond the threshold",
            "log10 held-out loss at width N minus that at the largest width",
            _fall(widths, readout, _THRESHOLD),
            "above",
            margin=0.05,
        ),
        find(
            "volume",
            "low-loss volume contracts beyond the threshold, where the risk descends again",
            "change of log10 V(0.01) per doubling of p beyond the threshold, linear model, exact",
            slopes(np.log2(sizes[beyond]), volume[:, beyond]),
            "below",
            margin=0.1,
        ),
    )
    panels = (
        Panel(
            "Risk of the linear model, 16 examples of pure noise",
            "inputs p",
            "held-out loss",
            (
                _powers(Series.of_replicates("gradient descent", sizes, linear)),
                Series.of_law("Belkin, Hsu & Xu (2020), mean", sizes, _expected_risk(sizes)),
            ),
            log_x=True,
            log_y=True,
        ),
        Panel(
            "Volume of the same model",
            "inputs p",
            "log10 V(0.01), exact",
            (Series.of_replicates("mean over data sets", sizes, volume),),
            log_x=True,
        ),
        Panel(
            f"Trained readouts on {_THRESHOLD} digits, 20 % of the labels drawn anew",
            "width",
            "held-out loss",
            (_powers(Series.of_replicates("gradient descent", widths, readout)),),
            log_x=True,
            log_y=True,
        ),
    )
    return Outcome(findings, panels, ("Where p is below n no weights come to the loss, and V is 0.",))


def _fall(values: list[int], table: NDArray[np.float64], threshold: int) -> NDArray[np.float64]:
    """Return the value at the threshold minus that at the largest place, (replicates,)."""
    if threshold not in values:
        return np.empty(0)
    return np.asarray(table[:, values.index(threshold)] - table[:, values.index(max(values))])


def _powers(series: Series) -> Series:
    """Return a series of log10 values as values."""
    return Series(series.label, series.x, 10.0**series.y, series.law)


STUDY = Study(
    name="double-descent",
    question="Is the second descent of double descent explained by low-loss volume that contracts?",
    claim="Volume that contracts with the number of parameters regularises, and explains double descent.",
    source=(
        "arXiv 2202.09276: the first abstract explains double descent by volume that contracts at low loss; "
        "the later abstract explains it by updates whose dimension shrinks"
    ),
    rule=(
        "The descent is there if the risk falls from the threshold to the largest model. The explanation is "
        "supported if V at equal loss falls there too, against if it rises."
    ),
    parts=_parts,
    judge=_judge,
    rivals=(
        Rival(
            "variance at the threshold",
            "Belkin, Hsu & Xu (2020): the inverse of a nearly singular matrix of examples blows up at "
            "p = n. It divides by the determinant that V is made of: V is smallest where risk is largest, "
            "and expands beyond.",
        ),
        Rival(
            "superposed trade-offs",
            "Heckel & Yilmaz (2021): epoch-wise double descent is two bias-variance trade-offs at different "
            "times, and no change of phase. Not measured here.",
        ),
    ),
)
