"""Elementwise nonlinearities, in torch's definitions."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from geomreg_tui.activations import LEAKY_SLOPE

__all__ = ["activation"]

_IN_PLACE: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu_,
    "leaky_relu": lambda z: functional.leaky_relu(z, LEAKY_SLOPE, inplace=True),
    "tanh": torch.tanh_,
    "sigmoid": torch.sigmoid_,
    "erf": torch.erf_,
    "gelu": functional.gelu,
    "silu": lambda z: functional.silu(z, inplace=True),
    "sin": torch.sin_,
    "linear": lambda z: z,
    "abs": torch.abs_,
}


def activation(name: str) -> Callable[[Tensor], Tensor]:
    """Return the nonlinearity called ``name``; it may overwrite its argument."""
    return _IN_PLACE[name]
