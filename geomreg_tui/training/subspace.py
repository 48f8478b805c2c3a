"""Training in a random affine subspace: weights are theta_0 + R z, and z is trained, from 0.

R (P, D) has orthonormal columns, a uniformly distributed frame of its own for each trajectory. The derivative
by z is R^T g, so a step of gradient descent or of momentum is that of all weights, projected on the subspace.
Source: Li, Farkhoor, Liu & Yosinski 2018 (arXiv 1804.08838), whose columns are orthogonal on average only.

For outputs that are linear in the weights with J J^T = c I, J (N, P), the columns of J R span a uniformly
distributed subspace: the least loss that can be had, over that at the start, is Beta((N - D) / 2, D / 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from geomreg_tui.batched import multiply
from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.memory import available_memory
from geomreg_tui.sampling.rng import subspace_key
from geomreg_tui.training.networks import Networks, Parameters, Pass

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["Subspaces", "check_size", "draw_frames"]

_FRAMES = 3  # of one network that are there at once, in float64, while one is drawn


class Subspaces(Networks):
    """Networks in affine subspaces of weight space. Parameters are z alone, (networks, D).

    Attributes:
        frames: R of each network, (networks, P, D).
    """

    def __init__(self, networks: Networks, origin: Parameters, frames: Float[Tensor, "networks rows rank"]):
        """Build them.

        Args:
            networks: the same with all weights as parameters.
            origin: theta_0, parameters of these.
            frames: R of each network, (networks, P, D).
        """
        self._networks, self._origin, self.frames = networks, origin, frames
        self.layer_of = networks.layer_of
        self.elements = networks.elements

    def run(self, parameters: Parameters, inputs: Float[Tensor, "#networks examples *input_shape"]) -> Pass:
        """Return the outputs, with what derivatives need."""
        done = self._networks.run(self.weights(parameters), inputs)
        return Pass(done.outputs, parameters, done)

    def gradients(self, done: Pass, upstream: Float[Tensor, "networks outputs examples"]) -> Parameters:
        """Return the derivative by z of sum(outputs * upstream), R^T g."""
        parts = self._networks.gradients(done.kept, upstream)
        whole = torch.cat([part.flatten(1) for part in parts], dim=1)
        return (multiply(self.frames.mT, whole.unsqueeze(2)).squeeze(2),)

    def derivatives(self, done: Pass, directions: Parameters) -> Float[Tensor, "networks outputs examples"]:
        """Return derivatives of the outputs along directions of z."""
        return self._networks.derivatives(done.kept, self._turned(directions))

    def of(self, networks: Tensor) -> Subspaces:
        """Return some of the networks, given by their places, int64 (kept,)."""
        origin = tuple(tensor[networks] for tensor in self._origin)
        return Subspaces(self._networks, origin, self.frames[networks])

    def weights(self, parameters: Parameters) -> Parameters:
        """Return theta_0 + R z."""
        moves = self._turned(parameters)
        return tuple(origin + move for origin, move in zip(self._origin, moves, strict=True))

    def moves(self, parameters: Parameters, start: Parameters) -> Parameters:
        """Return R (z - z_0) as changes of all weights."""
        return self._turned(tuple(now - then for now, then in zip(parameters, start, strict=True)))

    def _turned(self, parameters: Parameters) -> Parameters:
        """Return R z as parameters of all weights."""
        flat = multiply(self.frames, parameters[0].unsqueeze(2)).squeeze(2)
        sizes = [tensor[0].numel() for tensor in self._origin]
        parts = zip(torch.split(flat, sizes, dim=1), self._origin, strict=True)
        return tuple(part.reshape(tensor.shape) for part, tensor in parts)


def draw_frames(
    seed: int, trajectories: Sequence[int], weights: int, dimensions: int
) -> Float[Tensor, "networks rows rank"]:
    """Return a frame for each trajectory, float64 (networks, P, D), which depends on (seed, index) alone."""
    frames = []
    for trajectory in trajectories:
        rng = np.random.default_rng(subspace_key(seed, trajectory))
        normals = torch.from_numpy(rng.standard_normal((weights, dimensions))).clone()
        frames.append(torch.linalg.qr(normals)[0])
    return torch.stack(frames)


def check_size(weights: int, dimensions: int) -> None:
    """Refuse a subspace that has more dimensions than there are, or whose frame does not fit into memory.

    Raises:
        ExperimentError: saying what would do.
    """
    if dimensions > weights:
        rule = f"allowed is up to {weights:,}, the weights and biases that are trained"
        raise ExperimentError([Problem("subspace", f"{dimensions:,} dimensions", rule)])
    needed, free = _FRAMES * 8 * weights * dimensions, available_memory()
    if needed > free:
        got = f"{dimensions:,} dimensions of {weights:,}, which need {needed / 2**30:,.1f} GiB"
        raise ExperimentError([Problem("subspace", got, f"{free / 2**30:,.1f} GiB are free: try fewer")])
