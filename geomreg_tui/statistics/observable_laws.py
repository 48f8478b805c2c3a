"""The laws of :mod:`geomreg_tui.statistics.gradient_laws` that hold for an experiment, as expected means.

All but one are of plain perceptrons with independent normal weights:

- ``ntk_trace``: exact at any width. Activations that are linear on either side of 0, no biases, and weights
  whose variance times the inputs is the same in all layers.
- ``confusion_min``, ``confusion_mean``, ``confusion_negative``: as the above, squared error, all pairs of
  examples; at infinite width, and exact for a linear model.
- ``sharpness``: squared error. It is 2 / (N C) times the largest eigenvalue of the NTK. Without a hidden
  layer that is a constant, whatever the init law; with one example and one output it is twice the trace, and
  exact as that is; else it is that of the limit at infinite width.
- ``walk_correlation``: squared error, any activation, with and without biases; at infinite width, and exact
  for a linear model.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.experiment import Experiment
from geomreg_tui.statistics.gradient_laws import (
    infinite_confusion,
    infinite_ntk,
    walk_kernels,
    walk_loss_correlation,
)
from geomreg_tui.statistics.nngp import SLOPES, LayerVariance, kernel_cost
from geomreg_tui.statistics.theory import gaussian_layers, layer_variances

__all__ = ["ObservableLaw", "observable_laws"]

FloatArray = NDArray[np.float64]

_CONFUSION = ("confusion_min", "confusion_mean", "confusion_negative")
_DRAWS = 2**14  # of residuals: the means are known to 1 % of the standard deviation
_MOST_COSINES = 2**11  # outputs times pairs of examples: a second of work
_MOST_WORK = 10**7
_SAME = 1e-12


class ObservableLaw(NamedTuple):
    """What theory expects of the mean of an observable.

    Attributes:
        name: ``exact``, ``exact at this width`` or ``infinite width``.
        mean: over networks.
        error: its standard error, where it comes from draws; 0 where it is a closed form.
    """

    name: str
    mean: float
    error: float = 0.0


def observable_laws(
    experiment: Experiment,
    x: FloatArray,
    targets: FloatArray,
    names: Collection[str],
    *,
    all_pairs: bool,
    walk_step: float,
) -> dict[str, ObservableLaw]:
    """Return the law of each observable that there is one for, by name; none that would take long.

    Args:
        experiment: the experiment.
        x: training inputs as the network sees them, (examples, *input shape).
        targets: training targets as the loss sees them, (examples, outputs).
        names: observables that are wanted.
        all_pairs: whether all pairs of examples are compared.
        walk_step: rho of a step of a walk.
    """
    shapes = gaussian_layers(experiment, x, targets)
    rows, (examples, outputs) = x.reshape(len(x), -1).astype(np.float64), targets.shape
    constant = {}
    if "sharpness" in names and _is_linear(experiment):
        constant["sharpness"] = ObservableLaw("exact", _sharpness(rows @ rows.T + experiment.bias, outputs))
    if shapes is None or not rows.any(axis=1).all():
        return constant
    layers = layer_variances(experiment, shapes)
    limit = "infinite width" if experiment.depth else "exact"
    squared = experiment.loss == "mse"
    known = kernel_cost(experiment.activation, examples, experiment.depth) * 2 <= _MOST_WORK
    laws: dict[str, ObservableLaw] = dict(constant)
    gain = _gain(experiment, layers)
    if gain is not None and known:
        ntk = infinite_ntk(rows, experiment.activation, experiment.widths, gain)
        if "ntk_trace" in names:
            name = "exact at this width" if experiment.depth else "exact"
            laws["ntk_trace"] = ObservableLaw(name, outputs * float(ntk.trace()))
        if "sharpness" in names and squared and "sharpness" not in laws:
            name = "exact at this width" if examples * outputs == 1 else "infinite width"
            laws["sharpness"] = ObservableLaw(name, _sharpness(ntk, outputs))
        cosines = outputs * examples * (examples - 1) // 2
        if squared and all_pairs and 0 < cosines <= _MOST_COSINES and set(_CONFUSION) & set(names):
            kernel, _ = walk_kernels(rows, experiment.activation, layers, 1.0)
            drawn = infinite_confusion(ntk, kernel, targets, _DRAWS, np.random.default_rng(0))
            columns = (drawn.minimum, drawn.mean, drawn.negative)
            for observable, values in zip(_CONFUSION, columns, strict=True):
                error = float(values.std(ddof=1)) / math.sqrt(_DRAWS)
                laws[observable] = ObservableLaw(limit, float(values.mean()), error)
    if "walk_correlation" in names and squared and known:
        kernel, cross = walk_kernels(rows, experiment.activation, layers, walk_step)
        laws["walk_correlation"] = ObservableLaw(limit, walk_loss_correlation(kernel, cross, targets))
    return {name: law for name, law in laws.items() if math.isfinite(law.mean)}


def _is_linear(experiment: Experiment) -> bool:
    """Return whether outputs are linear in the weights, and the loss is the squared error."""
    return experiment.arch == "mlp" and experiment.depth == 0 and experiment.loss == "mse"


def _sharpness(ntk: FloatArray, outputs: int) -> float:
    """Return the largest eigenvalue of the Gauss-Newton matrix of squared error, from Theta of one output."""
    return 2 / (len(ntk) * outputs) * float(np.linalg.eigvalsh(ntk)[-1])


def _gain(experiment: Experiment, layers: list[LayerVariance]) -> float | None:
    """Return the factor on He's standard deviation that all layers share; None where there is none."""
    variances = [layer.weight for layer in layers]
    same = max(variances) - min(variances) <= _SAME * max(variances)
    if experiment.bias or experiment.activation not in SLOPES or not same:
        return None
    return math.sqrt(variances[0] / 2)
