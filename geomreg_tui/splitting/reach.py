"""Which outputs the networks of an experiment can have on the training examples at all.

Outputs are a function of the inputs: equal inputs have equal outputs. Those of a linear network are linear in
its inputs. So for every network, the outputs over the examples lie in one subspace, and the part of the
targets outside it is in the squared error of every network: a floor that is known before anything is drawn.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geomreg_tui.experiment import Experiment
from geomreg_tui.shapes import LayerShape

__all__ = ["Reach", "reach_of"]

FloatArray = NDArray[np.float64]

# Laws under which every set of weights has neighbours that are drawn.
_EVERYWHERE = ("normal", "he_normal", "glorot_normal", "lecun_normal", "laplace", "student_t")
_ROUNDING = 8 * float(np.finfo(np.float64).eps)  # of a singular value, times the size of the matrix


class Reach(NamedTuple):
    """The subspace that all outputs lie in.

    Attributes:
        basis: orthonormal columns that span it, (N, G); None where it is everything.
        targets: y in that basis, (C, G).
        floor: mean squared error that no network can be without.
        attained: whether networks come as near to the floor as one likes.
    """

    basis: Tensor | None
    targets: Tensor
    floor: float
    attained: bool

    def of(self, columns: Tensor) -> Tensor:
        """Return columns over the examples, (..., N), in the basis, (..., G)."""
        return columns if self.basis is None else columns @ self.basis


def reach_of(experiment: Experiment, shapes: tuple[LayerShape, ...], x: Tensor, targets: Tensor) -> Reach:
    """Return the subspace that the outputs of an experiment's networks lie in.

    Args:
        experiment: the experiment.
        shapes: its layers.
        x: training inputs, (N, *input shape).
        targets: y, (C, N).
    """
    rows = x.reshape(len(x), -1).cpu().numpy().astype(np.float64)
    linear = _is_linear(experiment)
    basis = (
        _row_span(rows, experiment.gain > 0, _has_biases(experiment, shapes)) if linear else _distinct(rows)
    )
    # Linear functions of several outputs through a hidden layer can be of too high a rank for it.
    attained = linear and experiment.init in _EVERYWHERE and (experiment.depth == 0 or len(targets) == 1)
    if basis.shape[1] == len(rows):
        return Reach(None, targets, 0.0, attained)
    columns = torch.from_numpy(basis).to(targets.device, targets.dtype)
    inside = targets @ columns
    outside = targets - inside @ columns.T
    # Targets in reach leave a rest that is rounding.
    lost = outside.norm(dim=1) > _ROUNDING * len(rows) * targets.norm(dim=1)
    floor = float((outside[lost].square().sum() / targets.numel()).cpu())
    return Reach(columns, inside, floor, attained)


def _is_linear(experiment: Experiment) -> bool:
    """Return whether outputs are linear in the inputs."""
    return experiment.arch == "mlp" and (
        experiment.depth == 0 or (experiment.activation == "linear" and not experiment.layer_norm)
    )


def _has_biases(experiment: Experiment, shapes: tuple[LayerShape, ...]) -> bool:
    """Return whether a layer has biases that are not 0."""
    return experiment.bias_scale > 0 and any(shape.bias for shape in shapes)


def _row_span(rows: FloatArray, weights: bool, biases: bool) -> FloatArray:
    """Return an orthonormal basis of the functions on the examples that are linear in the inputs, (N, G)."""
    largest = np.abs(rows).max(initial=0.0)
    parts = [rows / largest] if weights and largest > 0 else []
    parts += [np.ones((len(rows), 1))] if biases else []
    if not parts:
        return np.zeros((len(rows), 0))
    left, values, _ = np.linalg.svd(np.hstack(parts), full_matrices=False)
    return np.asarray(left[:, values > _ROUNDING * max(rows.shape) * values[0]], np.float64)


def _distinct(rows: FloatArray) -> FloatArray:
    """Return an orthonormal basis of the functions that are equal on equal inputs, (N, G)."""
    _, group, sizes = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    basis = np.zeros((len(rows), len(sizes)))
    group = group.reshape(-1)
    basis[np.arange(len(rows)), group] = 1 / np.sqrt(sizes[group])
    return basis
