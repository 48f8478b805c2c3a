"""What the kernel is told of an experiment, and which experiments it can draw."""

from __future__ import annotations

import math
from collections.abc import Sequence

from geomreg_tui.experiment import Experiment
from geomreg_tui.shapes import LayerShape

__all__ = [
    "ACTIVATIONS",
    "LAWS",
    "LOSSES",
    "against_fused",
    "drawn_numbers",
    "law_number",
    "least_input",
    "projected_layers",
]

# In the order of kernel.h.
ACTIVATIONS = ("relu", "leaky_relu", "tanh", "sigmoid", "erf", "gelu", "silu", "sin", "linear", "abs")
LOSSES = ("mse", "mae", "huber", "cross_entropy", "bce", "hinge", "zero_one")
LAWS = ("normal", "uniform", "truncated", "laplace", "binary")
MOST_COLUMNS, MOST_OUTPUTS = 256, 256

# Seconds on one core, measured; they decide what is drawn, so they are the same everywhere.
_NORMAL = 5.5e-10
_PRODUCT = 2.5e-11  # one multiplication and addition of float32
_GRAM = 1.2e-10  # the same of float64, activation included
_ROOT = 2e-10


def against_fused(experiment: Experiment, columns: int, outputs: int, *, radial: bool) -> str:
    """Return what alone the kernel draws, where an experiment is not of it; empty where it is.

    Args:
        experiment: the experiment.
        columns: training and held-out examples.
        outputs: C.
        radial: whether its sampler is ``radial``.
    """
    if experiment.arch != "mlp" or experiment.residual or experiment.layer_norm:
        return "arch mlp without residual connections and layer norm"
    if experiment.dtype != "float32":
        return "dtype float32"
    if _law_name(experiment) is None and not (radial and experiment.init == "orthogonal"):
        return f"init laws other than {experiment.init}"
    if experiment.activation not in ACTIVATIONS or experiment.loss not in LOSSES:
        return f"activations {', '.join(ACTIVATIONS)} and losses {', '.join(LOSSES)}"
    if columns > MOST_COLUMNS or outputs > MOST_OUTPUTS:
        return f"up to {MOST_COLUMNS} examples and {MOST_OUTPUTS} outputs"
    return ""


def projected_layers(shapes: Sequence[LayerShape], columns: int, sampler: str) -> list[bool]:
    """Return for each layer whether it is given a root of its inputs' Gram matrix, and not the inputs."""
    if sampler != "projected":
        return [False] * len(shapes)
    padded = 1 if columns == 1 else -(-columns // 4) * 4
    return [_projects(shape, columns, padded) for shape in shapes]


def drawn_numbers(shapes: Sequence[LayerShape], columns: int) -> int:
    """Return how many random numbers a network takes with the sampler ``projected``."""
    chosen = zip(shapes, projected_layers(shapes, columns, "projected"), strict=True)
    return sum(
        shape.n_out * (columns if is_projected else shape.n_in + shape.bias) for shape, is_projected in chosen
    )


def _projects(shape: LayerShape, columns: int, padded: int) -> bool:
    """Return whether a layer is cheaper to project than to draw in full."""
    if columns >= shape.n_in + shape.bias:
        return False
    if columns == 1 or shape.index == 0:  # the root is a norm, or one that all networks share
        return True
    saved = shape.n_out * (shape.n_in + shape.bias - columns) * _NORMAL
    saved += shape.n_out * padded * (shape.n_in - columns / 2) * _PRODUCT
    root = shape.n_in * padded**2 / 2 * _GRAM + padded**3 / 3 * _ROOT
    return saved > root


def _law_name(experiment: Experiment) -> str | None:
    """Return the name in :data:`LAWS` of the entries of an init law; None where they are of none."""
    if experiment.init in ("sphere", "ball"):
        return "normal"
    if experiment.init == "torch_default":
        return "uniform"
    form = experiment.init.rpartition("_")[2]
    return form if form in LAWS else None


def law_number(experiment: Experiment) -> int:
    """Return the number of an init law in kernel.h."""
    name = _law_name(experiment)
    return LAWS.index(name) if name else 0


def least_input(scale: float, offset: float, least: float) -> float:
    """Return the size from which inputs of a layer lie well inside the number format; 0: any size."""
    if offset >= least or (scale == 0 and offset == 0):
        return 0.0
    return least / scale if scale else math.inf
