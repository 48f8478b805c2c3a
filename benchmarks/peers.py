"""What a user would write instead, written well: each draws ReLU networks with He weights and no biases.

Both reuse their memory, run without autograd, and draw the weights in place by ``normal_``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

__all__ = ["Case", "module_loop", "vmap_ensemble"]

_ENSEMBLE_WEIGHTS = 2**23  # weights drawn together; larger and smaller were slower


@dataclass(frozen=True)
class Case:
    """A network and its data: ``depth`` hidden layers, one output, squared error over N examples."""

    inputs: int
    width: int
    depth: int
    examples: int

    def data(self) -> tuple[Tensor, Tensor]:
        """Return x (N, inputs) and y (N, 1)."""
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(self.examples, self.inputs, generator=generator)
        return x, torch.randn(self.examples, 1, generator=generator)

    def module(self) -> nn.Sequential:
        """Return the network as a module."""
        sizes = [self.inputs, *[self.width] * self.depth]
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(sizes):
            layers += [nn.Linear(n_in, n_out, bias=False), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(sizes[-1], 1, bias=False))


def module_loop(case: Case) -> Callable[[], int]:
    """Re-initialise one module again and again; each call draws a few networks and returns how many."""
    module, (x, y) = case.module(), case.data()
    weights = list(module.parameters())
    losses = torch.empty(8)

    @torch.inference_mode()
    def draw() -> int:
        for i in range(len(losses)):
            for weight in weights:
                weight.normal_(0, math.sqrt(2 / weight.shape[1]))
            losses[i] = nn.functional.mse_loss(module(x), y)
        return len(losses)

    for weight in weights:
        weight.requires_grad_(False)
    return draw


def vmap_ensemble(case: Case, device: str = "cpu") -> Callable[[], int]:
    """Stack the weights of many networks and evaluate them with ``torch.func.vmap``."""
    module, (x, y) = case.module().to(device), (part.to(device) for part in case.data())
    count = sum(weight.numel() for weight in module.parameters())
    ensemble = max(1, min(4096, _ENSEMBLE_WEIGHTS // count))
    stacked = {
        name: torch.empty(ensemble, *weight.shape, device=device)
        for name, weight in module.named_parameters()
    }
    scales = {name: math.sqrt(2 / weight.shape[1]) for name, weight in module.named_parameters()}

    def loss(parameters: dict[str, Tensor]) -> Tensor:
        return nn.functional.mse_loss(functional_call(module, parameters, (x,)), y)

    losses = vmap(loss)

    @torch.no_grad()
    def draw() -> int:
        for name, weight in stacked.items():
            weight.normal_(0, scales[name])
        losses(stacked).cpu()
        return ensemble

    return draw
