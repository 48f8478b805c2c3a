"""Laws of the loss that theory gives for an experiment, for drawing over the sampled ones.

They apply to squared error and plain multilayer perceptrons with Gaussian weights:

- ``exact``: a linear model, any examples; a non-central, generalised chi-square.
- ``exact at this width``: one example and output, no biases, relu, linear or abs.
- ``infinite width``: the limit of wide layers (NNGP), any examples and activation.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.analysis.finite_width import HALVED, KEPT, finite_width_law
from geomreg_tui.analysis.nngp import LayerVariance, kernel_cost, nngp_kernel
from geomreg_tui.analysis.quadratic_form import squared_error_law
from geomreg_tui.experiment import Experiment
from geomreg_tui.shapes import LayerShape, fan_std, layer_shapes
from geomreg_tui.summary import Overlay

__all__ = ["overlays", "weight_variance"]

FloatArray = NDArray[np.float64]

# Families of fan-scaled Gaussian laws; a plain normal has none.
_FAMILIES = {"normal": None, "he_normal": "he", "glorot_normal": "glorot", "lecun_normal": "lecun"}
_VARIANCES = (1e-100, 1e100)  # of a weight, between which nothing here leaves the range of floats
_MOST_EXAMPLES = 256
_MOST_KERNEL_WORK = 10**7
_DECADES = (-12, 3)  # about the mean loss
_CERTAIN = 1 - 1e-12


def overlays(experiment: Experiment, x: FloatArray, targets: FloatArray) -> tuple[Overlay, ...]:
    """Return the laws that apply to an experiment, none when none does or it would take long.

    Args:
        experiment: the experiment.
        x: training inputs as the network sees them, (examples, *input shape).
        targets: training targets as the loss sees them, (examples, outputs).
    """
    plain = experiment.arch == "mlp" and not experiment.residual and not experiment.layer_norm
    if not plain or experiment.loss != "mse" or experiment.init not in _FAMILIES:
        return ()
    shapes = layer_shapes(experiment, x.shape[1:], targets.shape[1])
    variances = [weight_variance(experiment, shape) for shape in shapes]
    if not all(_VARIANCES[0] < variance < _VARIANCES[1] for variance in variances):
        return ()
    rows = x.reshape(len(x), -1)
    found = []
    if targets.size == 1 and _finite_width_applies(experiment, rows):
        law = finite_width_law(
            variances[0] * float(rows[0] @ rows[0]),
            experiment.widths,
            variances[1:],
            experiment.activation,
            float(targets[0, 0]),
        )
        if law is not None:
            found.append(_tabulated("exact at this width", law.cdf, law.mean, law.null_loss))
    work = kernel_cost(experiment.activation, len(x), experiment.depth)
    if len(x) <= _MOST_EXAMPLES and work <= _MOST_KERNEL_WORK:
        layers = [
            LayerVariance(variance * shape.n_in, experiment.bias_scale**2 * shape.bias)
            for variance, shape in zip(variances, shapes, strict=True)
        ]
        kernel = nngp_kernel(rows, experiment.activation, layers)
        if np.all(np.isfinite(kernel)) and kernel.trace() > 0:
            form = squared_error_law(kernel, targets)
            name = "infinite width" if experiment.depth else "exact"
            found.append(_tabulated(name, form.cdf, form.mean, form.offset))
    return tuple(overlay for overlay in found if overlay is not None)


def weight_variance(experiment: Experiment, shape: LayerShape) -> float:
    """Return the variance of a weight of a layer under a Gaussian init law."""
    family = _FAMILIES[experiment.init]
    deviation = experiment.gain * (fan_std(family, shape) if family else 1.0)
    return deviation * deviation


def _finite_width_applies(experiment: Experiment, rows: FloatArray) -> bool:
    return (
        experiment.depth > 0
        and not experiment.bias
        and experiment.activation in HALVED + KEPT
        and bool(np.any(rows))
    )


def _tabulated(
    name: str, cdf: Callable[[FloatArray], FloatArray], mean: float, jump: float
) -> Overlay | None:
    """Return a law on a grid that is fine near 0, about the mean, and on both sides of a jump."""
    if not 0 < mean < 1e300:
        return None
    grid = [np.geomspace(mean * 10.0 ** _DECADES[0], mean * 10.0 ** _DECADES[1], 300)]
    grid.append(np.linspace(0, 8 * mean, 400)[1:])
    if jump > 0:
        spread = jump * np.geomspace(1e-9, 0.5, 60)
        grid += [jump - spread, jump + spread, np.array([np.nextafter(jump, 0), jump])]
    loss = np.unique(np.concatenate(grid))
    share = np.maximum.accumulate(np.asarray(cdf(loss), np.float64))
    last = int(np.searchsorted(share, _CERTAIN)) + 1
    return Overlay(name, loss[:last], share[:last])
