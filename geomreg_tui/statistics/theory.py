"""Laws of the loss that theory gives for an experiment, for drawing over the sampled ones.

They apply to squared error and plain multilayer perceptrons with Gaussian weights:

- ``exact``: a linear model, any examples; a non-central, generalised chi-square.
- ``exact at this width``: one example and output, no biases, relu, linear or abs.
- ``infinite width``: the limit of wide layers (NNGP), any examples and activation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.experiment import Experiment
from geomreg_tui.shapes import LayerShape, fan_std, layer_shapes
from geomreg_tui.statistics.finite_width import HALVED, KEPT, finite_width_law
from geomreg_tui.statistics.nngp import LayerVariance, kernel_cost, nngp_kernel
from geomreg_tui.statistics.quadratic_form import QuadraticForm, squared_error_law
from geomreg_tui.summary import Overlay

__all__ = ["gaussian_layers", "infinite_width_law", "layer_variances", "overlays", "weight_variance"]

FloatArray = NDArray[np.float64]

# Families of fan-scaled Gaussian laws; a plain normal has none.
_FAMILIES = {"normal": None, "he_normal": "he", "glorot_normal": "glorot", "lecun_normal": "lecun"}
_VARIANCES = (1e-100, 1e100)  # of a weight, between which nothing here leaves the range of floats
_MOST_EXAMPLES = 256
_MOST_KERNEL_WORK = 10**7
_LARGEST = 1e100  # of an input or target

# The grid of an overlay: at first four points to a decade, from and to these multiples of the mean.
_SPAN, _FIRST_POINTS = (1e-24, 1e3), 109
_IMPOSSIBLE = 1e-12  # probability below which, at either end, nothing is drawn
_SMALLEST = 1e-250
_REFINEMENTS = 16  # each cuts a cell into four
_LARGEST_RISE = 1 / 128  # of the distribution function from point to point
_STEEPEST = 1.3  # and its largest ratio
_FINEST = 1e-9  # relative width of the narrowest cell


def overlays(experiment: Experiment, x: FloatArray, targets: FloatArray) -> tuple[Overlay, ...]:
    """Return the laws that apply to an experiment, none when none does or it would take long.

    Args:
        experiment: the experiment.
        x: training inputs as the network sees them, (examples, *input shape).
        targets: training targets as the loss sees them, (examples, outputs).
    """
    layers = _gaussian_layers(experiment, x, targets)
    if layers is None:
        return ()
    rows = x.reshape(len(x), -1)
    found = []
    if targets.size == 1 and _finite_width_applies(experiment, rows):
        variances = [weight_variance(experiment, shape) for shape in layers]
        law = finite_width_law(
            variances[0] * float(rows[0] @ rows[0]),
            experiment.widths,
            variances[1:],
            experiment.activation,
            float(targets[0, 0]),
        )
        if law is not None:
            found.append(_tabulated("exact at this width", law.cdf, law.mean, law.null_loss))
    form = _gaussian_process_law(experiment, layers, rows, targets)
    if form is not None:
        name = "infinite width" if experiment.depth else "exact"
        found.append(_tabulated(name, form.cdf, form.mean, form.offset))
    return tuple(overlay for overlay in found if overlay is not None)


def infinite_width_law(experiment: Experiment, x: FloatArray, targets: FloatArray) -> QuadraticForm | None:
    """Return the law of the loss in the limit of wide layers (NNGP); exact for a linear model.

    Args:
        experiment: the experiment.
        x: training inputs as the network sees them, (examples, *input shape).
        targets: training targets as the loss sees them, (examples, outputs).

    Returns:
        The law; None where it does not apply, or would take long.
    """
    layers = _gaussian_layers(experiment, x, targets)
    if layers is None:
        return None
    return _gaussian_process_law(experiment, layers, x.reshape(len(x), -1), targets)


def _gaussian_layers(
    experiment: Experiment, x: FloatArray, targets: FloatArray
) -> tuple[LayerShape, ...] | None:
    """Return the layers of an experiment that a law of its loss may apply to, else None."""
    return gaussian_layers(experiment, x, targets) if experiment.loss == "mse" else None


def gaussian_layers(
    experiment: Experiment, x: FloatArray, targets: FloatArray
) -> tuple[LayerShape, ...] | None:
    """Return the layers of a plain perceptron with independent normal weights; None for any other network.

    Args:
        experiment: the experiment.
        x: training inputs as the network sees them, (examples, *input shape).
        targets: training targets as the loss sees them, (examples, outputs).
    """
    plain = experiment.arch == "mlp" and not experiment.residual and not experiment.layer_norm
    if not plain or experiment.init not in _FAMILIES:
        return None
    shapes = layer_shapes(experiment, x.shape[1:], targets.shape[1])
    variances = [weight_variance(experiment, shape) for shape in shapes]
    sizes = max(float(np.abs(x).max()), float(np.abs(targets).max()))
    if not all(_VARIANCES[0] < v < _VARIANCES[1] for v in variances) or not sizes < _LARGEST:
        return None
    return shapes


def _gaussian_process_law(
    experiment: Experiment, shapes: Sequence[LayerShape], rows: FloatArray, targets: FloatArray
) -> QuadraticForm | None:
    """Return the law for outputs that are a Gaussian process; None if it is degenerate or takes long."""
    work = kernel_cost(experiment.activation, len(rows), experiment.depth)
    if len(rows) > _MOST_EXAMPLES or work > _MOST_KERNEL_WORK:
        return None
    kernel = nngp_kernel(rows, experiment.activation, layer_variances(experiment, shapes))
    if not np.all(np.isfinite(kernel)) or kernel.trace() <= 0:
        return None
    return squared_error_law(kernel, targets)


def layer_variances(experiment: Experiment, shapes: Sequence[LayerShape]) -> list[LayerVariance]:
    """Return the second moments of each layer under a Gaussian init law, first to last."""
    return [
        LayerVariance(weight_variance(experiment, shape) * shape.n_in, experiment.bias_scale**2 * shape.bias)
        for shape in shapes
    ]


def weight_variance(experiment: Experiment, shape: LayerShape) -> float:
    """Return the variance of a weight of a layer under a Gaussian init law."""
    family = _FAMILIES[experiment.init]
    deviation = experiment.gain * (fan_std(family, shape) if family else 1.0)
    return deviation * deviation


def _finite_width_applies(experiment: Experiment, rows: FloatArray) -> bool:
    """Return whether the exact law for one example applies to an experiment."""
    return (
        experiment.depth > 0
        and not experiment.bias
        and experiment.activation in HALVED + KEPT
        and float(rows[0] @ rows[0]) > 0
    )


def _tabulated(
    name: str, cdf: Callable[[FloatArray], FloatArray], mean: float, jump: float
) -> Overlay | None:
    """Return a law on a grid that is refined until straight lines between its points will do.

    A law can be a thousand times narrower than its mean (networks that collapse onto the null loss), or
    have nearly all its mass far below it (deep and narrow ones). Both sides of a jump are in the grid.
    """
    if not _SMALLEST < mean < 1e300:
        return None
    loss = np.geomspace(mean * _SPAN[0], mean * _SPAN[1], _FIRST_POINTS)
    if jump > 0:
        loss = np.union1d(loss, [np.nextafter(jump, 0), jump])
    share = cdf(loss)
    while share[0] > _IMPOSSIBLE and loss[0] > _SMALLEST:
        below = np.geomspace(loss[0] * _SPAN[0], loss[0], _FIRST_POINTS)[:-1]
        loss, share = np.concatenate([below, loss]), np.concatenate([cdf(below), share])
    for _ in range(_REFINEMENTS):
        gap = np.diff(loss)
        steep = (share[1:] > _STEEPEST * share[:-1]) & (share[1:] > _IMPOSSIBLE)
        coarse = (steep | (np.diff(share) > _LARGEST_RISE)) & (gap > _FINEST * loss[1:])
        if not coarse.any():
            break
        inner = np.geomspace(loss[:-1][coarse], loss[1:][coarse], 5)[1:-1].ravel()
        order = np.argsort(np.concatenate([loss, inner]), kind="stable")
        loss, share = (
            np.concatenate([loss, inner])[order],
            np.concatenate([share, cdf(inner)])[order],
        )
    share = np.maximum.accumulate(share)
    first = max(int(np.searchsorted(share, _IMPOSSIBLE)) - 1, 0)
    last = int(np.searchsorted(share, 1 - _IMPOSSIBLE)) + 1
    return Overlay(name, loss[first:last], share[first:last])
