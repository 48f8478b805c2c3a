"""Activations by the names that experiments have for them, as torch defines them."""

import torch
from torch.nn import functional

ACTIVATIONS = {
    "relu": functional.relu,
    "leaky_relu": functional.leaky_relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "erf": torch.erf,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "sin": torch.sin,
    "linear": lambda z: z,
    "abs": torch.abs,
}
