"""Optimisers as functions of plain state: ``start`` makes it, a step returns parameters and state anew.

Each follows its namesake in ``torch.optim``, which the tests compare it with at every step:

- gradient descent and SGD: ``theta <- theta - lr g``;
- momentum: ``v <- mu v + g``, ``theta <- theta - lr v``;
- Adam (Kingma and Ba 2015): running means of g and of g**2, corrected for their start at 0.

Step sizes are one a network. A tensor that is passed as parameters or state is overwritten where that saves
a pass over memory, and must not be used afterwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from geomreg_tui.batched import per_network
from geomreg_tui.training.networks import Networks, Parameters, Pass
from geomreg_tui.training.plan import TrainingPlan

__all__ = ["OptimizerState", "adam_step", "momentum_step", "start", "step"]

_DECAYS = (0.9, 0.999)  # of Adam's running means
_EPSILON = 1e-8


@dataclass(frozen=True)
class OptimizerState:
    """What an optimiser remembers.

    Attributes:
        steps: how many were made.
        moments: tensors like the parameters, one tuple for each kind: none for gradient descent, velocities
            for momentum, means of g and of g**2 for Adam.
    """

    steps: int
    moments: tuple[Parameters, ...]

    def of(self, networks: Tensor) -> OptimizerState:
        """Return the state of some networks, given by their places, int64 (kept,)."""
        moments = tuple(tuple(tensor[networks] for tensor in kind) for kind in self.moments)
        return replace(self, moments=moments)


def start(optimizer: str, parameters: Parameters) -> OptimizerState:
    """Return the state of an optimiser that has not begun."""
    kinds = {"gd": 0, "sgd": 0, "momentum": 1, "adam": 2}[optimizer]
    moments = tuple(tuple(torch.zeros_like(tensor) for tensor in parameters) for _ in range(kinds))
    return OptimizerState(0, moments)


def step(
    plan: TrainingPlan, networks: Networks, done: Pass, slopes: Tensor, state: OptimizerState, lr: Tensor
) -> tuple[Parameters, OptimizerState]:
    """Return parameters and state after a step; the parameters of the pass are lost.

    Args:
        plan: names the optimiser, and its momentum.
        networks: what is trained.
        done: a pass over the examples of the step.
        slopes: derivatives of the losses by the outputs of the pass, (networks, C, examples).
        state: of the optimiser.
        lr: step size of each network, (networks,).
    """
    if plan.optimizer in ("gd", "sgd"):
        return networks.descend(done, slopes, lr), replace(state, steps=state.steps + 1)
    gradients = networks.gradients(done, slopes)
    if plan.optimizer == "momentum":
        return momentum_step(done.parameters, gradients, state, lr, plan.momentum)
    return adam_step(done.parameters, gradients, state, lr)


def momentum_step(
    parameters: Parameters,
    gradients: Parameters,
    state: OptimizerState,
    lr: Tensor,
    momentum: float,
) -> tuple[Parameters, OptimizerState]:
    """Return parameters and state after a step of the heavy ball."""
    (velocities,) = state.moments
    for velocity, gradient in zip(velocities, gradients, strict=True):
        velocity.mul_(momentum).add_(gradient)
    _descend(parameters, velocities, lr)
    return parameters, replace(state, steps=state.steps + 1)


def adam_step(
    parameters: Parameters, gradients: Parameters, state: OptimizerState, lr: Tensor
) -> tuple[Parameters, OptimizerState]:
    """Return parameters and state after a step of Adam."""
    steps = state.steps + 1
    first, second = _DECAYS
    means, squares = state.moments
    root = math.sqrt(1 - second**steps)
    for tensor, gradient, mean, square in zip(parameters, gradients, means, squares, strict=True):
        mean.lerp_(gradient, 1 - first)
        square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        direction = mean / square.sqrt().div_(root).add_(_EPSILON)
        _descend((tensor,), (direction,), lr / (1 - first**steps))
    return parameters, replace(state, steps=steps)


def _descend(parameters: Parameters, directions: Parameters, lr: Tensor) -> None:
    for tensor, direction in zip(parameters, directions, strict=True):
        tensor.addcmul_(direction, per_network(lr, tensor.dim()), value=-1)
