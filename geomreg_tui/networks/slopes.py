"""Derivatives of activations, for hidden layers of networks side by side."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from geomreg_tui.activations import LEAKY_SLOPE
from geomreg_tui.batched import elementwise
from geomreg_tui.networks.activations import activation

__all__ = ["Slope", "apply_activation", "slope_of"]

_aten = torch.ops.aten
_KEPT = ("gelu", "silu", "sin", "erf", "abs")  # whose derivative needs what the activation was applied to


class Slope(NamedTuple):
    """The derivative of an activation.

    Attributes:
        keeps_inputs: whether it needs the pre-activations z; otherwise the activations phi(z) do.
        times: takes what is differentiated by phi(z), and z or phi(z), and returns what is differentiated
            by z. All are of one shape; none is overwritten.
    """

    keeps_inputs: bool
    times: Callable[[Tensor, Tensor], Tensor]


def apply_activation(name: str, z: Tensor) -> Tensor:
    """Return the activation of pre-activations, which may be overwritten unless the slope needs them."""
    function = activation(name)
    if name in _KEPT:
        return elementwise(lambda values: function(values.clone()), z)
    return elementwise(function, z)


def slope_of(name: str) -> Slope:
    """Return the derivative of an activation, as torch's automatic differentiation has it at kinks."""
    formula = _SLOPES[name]
    return Slope(name in _KEPT, lambda upstream, values: elementwise(formula, upstream, values))


# Of what is differentiated by the activation, and of the activation or of what it was applied to.
_SLOPES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "relu": lambda upstream, a: _aten.threshold_backward(upstream, a, 0),
    "leaky_relu": lambda upstream, a: _aten.leaky_relu_backward(upstream, a, LEAKY_SLOPE, True),
    "tanh": lambda upstream, a: _aten.tanh_backward(upstream, a),
    "sigmoid": lambda upstream, a: _aten.sigmoid_backward(upstream, a),
    "erf": lambda upstream, z: torch.exp(-z.square()).mul_(2 / math.sqrt(math.pi)).mul_(upstream),
    "gelu": lambda upstream, z: _aten.gelu_backward(upstream, z),
    "silu": lambda upstream, z: _aten.silu_backward(upstream, z),
    "sin": lambda upstream, z: upstream * torch.cos(z),
    "linear": lambda upstream, a: upstream,
    "abs": lambda upstream, z: upstream * torch.sign(z),
}
