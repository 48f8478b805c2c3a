"""Derivatives of losses by the outputs, for networks side by side.

The loss of a network is the mean over its examples of the loss in ``geomreg_tui.losses.per_example``, itself
a mean over outputs. The derivatives keep their relative precision near a fit: that of cross entropy by the
output of an example's own class is minus the sum of those by the others.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from geomreg_tui.batched import elementwise

__all__ = ["curve_of_loss", "slope_of_loss"]

_Formula = Callable[[Tensor, Tensor], Tensor]


def slope_of_loss(
    loss: str,
    outputs: Tensor,
    targets: Tensor,
) -> Tensor:
    """Return the derivative of each network's loss by its outputs.

    At kinks it is what torch's automatic differentiation gives: 0 where mae is 0 and where a margin is met.

    Args:
        loss: name of the loss.
        outputs: (networks, C, examples).
        targets: as the loss sees them (``Objective.targets``), (networks or 1, C, examples).
    """
    terms = outputs.shape[2] if loss in _SUMMED else outputs[0].numel()
    return _SLOPES[loss](outputs, targets.expand_as(outputs)).div_(terms)


def curve_of_loss(
    loss: str,
    outputs: Tensor,
    targets: Tensor,
    directions: Tensor,
) -> Tensor:
    """Return the second derivative of each network's loss by its outputs, times directions.

    That of huber is taken where it is not 0, which is near the targets, so that a step that is stable now
    stays so.

    Args:
        loss: name of a loss that has one: ``mse``, ``huber``, ``bce`` or ``cross_entropy``.
        outputs, directions: (networks, C, examples).
        targets: (networks or 1, C, examples).
    """
    count = outputs[0].numel()
    match loss:
        case "mse":
            return directions * (2 / count)
        case "huber":
            return directions / count
        case "bce":
            share = elementwise(torch.sigmoid, outputs)
            return directions * share * (1 - share) / count
        case "cross_entropy":
            shares = _softmax(outputs)
            along = (shares * directions).sum(dim=1, keepdim=True)
            return shares * (directions - along) / outputs.shape[2]
    raise ValueError(f"the second derivative of {loss} is 0")


def _mse(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets).mul_(2)


def _mae(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets).sign_()


def _huber(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets).clamp_(-1, 1)


def _cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return p of the other classes, and minus their sum for the own class; targets are 0 and 1."""
    return _against_own(_softmax(outputs) * (1 - targets), targets)


def _bce(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return -s / (1 + exp(s f)), with s = 1 for the target 1 and -1 for 0."""
    signs = torch.where(targets > 0, 1.0, -1.0).to(outputs.dtype)
    return elementwise(torch.sigmoid, outputs * -signs).mul_(-signs)


def _hinge(outputs: Tensor, targets: Tensor) -> Tensor:
    if outputs.shape[1] == 1:
        return torch.where(outputs * targets < 1, -targets, 0.0)
    own = (outputs * targets).sum(dim=1, keepdim=True)
    others = ((outputs - own + 1 > 0) & (targets == 0)).to(outputs.dtype)
    return _against_own(others, targets)


def _softmax(outputs: Tensor) -> Tensor:
    weights = torch.exp(outputs - outputs.amax(dim=1, keepdim=True))
    return weights / weights.sum(dim=1, keepdim=True)


def _against_own(others: Tensor, targets: Tensor) -> Tensor:
    """Return derivatives by the outputs of other classes, with minus their sum at the own class."""
    return others - others.sum(dim=1, keepdim=True) * targets


_SUMMED = ("cross_entropy",)  # which is no mean over outputs
_SLOPES: dict[str, _Formula] = {
    "mse": _mse,
    "mae": _mae,
    "huber": _huber,
    "cross_entropy": _cross_entropy,
    "bce": _bce,
    "hinge": _hinge,
}
