"""Losses of constant predictions: of outputs that are all 0, and of the best constants."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from jaxtyping import Float64

__all__ = ["best_constant_loss", "loss_of_zeros", "told_loss"]

FloatArray = NDArray[np.float64]


def loss_of_zeros(
    loss: str,
    targets: Float64[FloatArray, "training outputs"],
    bounds: Float64[FloatArray, "2 training"],
) -> float:
    """Return the mean loss over the training examples where all outputs are 0.

    Args:
        loss: its name.
        targets: of the training examples as the loss sees them, (N, C).
        bounds: interval of the right class for a single output, (2, N).
    """
    outputs = targets.shape[1]
    size = np.abs(targets)
    match loss:
        case "mse":
            return float(np.square(targets).mean())
        case "mae":
            return float(size.mean())
        case "huber":
            return float(np.where(size < 1, targets**2 / 2, size - 0.5).mean())
        case "cross_entropy":
            return math.log(outputs)
        case "bce":
            return math.log(2)
        case "hinge":
            return 1.0 if outputs == 1 else (outputs - 1) / outputs
    right = (bounds[0] < 0) & (bounds[1] > 0)
    return float(1 - right.mean()) if outputs == 1 else 1.0


def told_loss(rounded: float, exact: float, eps: float) -> float:
    """Return the loss by which networks whose outputs are all 0 can be told.

    Where the number format of the run gives a loss more than one unit in the last place away from the exact
    one, it is the former.

    Args:
        rounded: the loss as the run computes it.
        exact: the loss in float64.
        eps: distance of numbers of the run's format, relative to their size.
    """
    return exact if abs(rounded - exact) <= eps * exact else rounded


def best_constant_loss(loss: str, targets: Float64[FloatArray, "training outputs"]) -> float:
    """Return the mean loss of the best constant prediction.

    Args:
        loss: its name.
        targets: of the training examples as the loss sees them, (N, C).
    """
    return _CONSTANTS[loss](targets)


def _variance(targets: Float64[FloatArray, "training outputs"]) -> float:
    return float(targets.var(axis=0).mean())


def _spread(targets: Float64[FloatArray, "training outputs"]) -> float:
    return float(np.abs(targets - np.median(targets, axis=0)).mean())


def _huber_constant(targets: Float64[FloatArray, "training outputs"]) -> float:
    from scipy.optimize import brentq
    from scipy.special import huber

    best = [
        brentq(lambda c, column=column: np.clip(c - column, -1, 1).sum(), column.min(), column.max())
        for column in targets.T
    ]
    return float(huber(1.0, targets - np.array(best)).mean())


def _binary_entropy(targets: Float64[FloatArray, "training outputs"]) -> float:
    from scipy.special import entr

    share = targets.mean(axis=0)
    return float((entr(share) + entr(1 - share)).mean())


def _class_shares(
    targets: Float64[FloatArray, "training outputs"],
) -> Float64[FloatArray, " classes"]:
    """Return the share of each class, for one-hot targets or a single signed one."""
    shares: FloatArray = targets.mean(axis=0)
    return np.array([(1 - shares[0]) / 2, (1 + shares[0]) / 2]) if len(shares) == 1 else shares


def _label_entropy(targets: Float64[FloatArray, "training outputs"]) -> float:
    from scipy.special import entr

    return float(entr(_class_shares(targets)).sum())


def _hinge_constant(targets: Float64[FloatArray, "training outputs"]) -> float:
    """Return the least mean hinge loss of a constant prediction.

    One output: the loss is linear between kinks at -1 and 1, so it is twice the smaller share. C outputs:
    a linear programme in differences of outputs, so there is a best prediction in whole numbers; classes
    ordered by share step down by 1, in groups. With i classes above, a group of shares p costs
    (last - 1) sum(p), and the step above it i times the share of all below; the best grouping is a
    shortest path over group ends.
    """
    shares = _class_shares(targets)
    if targets.shape[1] == 1:
        return float(2 * shares.min())
    below = np.concatenate([[0.0], np.cumsum(np.sort(shares)[::-1])])
    cost = np.zeros(len(below))
    for last in range(1, len(below)):
        first = np.arange(last)
        group = (below[last] - below[:last]) * (last - 1)
        cost[last] = (cost[:last] + first * (1 - below[:last]) + group).min()
    return float(cost[-1] / len(shares))


def _minority(targets: Float64[FloatArray, "training outputs"]) -> float:
    return float(1 - _class_shares(targets).max())


_CONSTANTS: dict[str, Callable[[FloatArray], float]] = {
    "mse": _variance,
    "mae": _spread,
    "huber": _huber_constant,
    "cross_entropy": _label_entropy,
    "bce": _binary_entropy,
    "hinge": _hinge_constant,
    "zero_one": _minority,
}
