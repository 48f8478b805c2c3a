"""Two ends of a step of a walk that leaves the init law as it is: theta' = rho theta + sqrt(1 - rho**2) xi.

For normal weights and biases that is the preconditioned Crank-Nicolson walk, or an Ornstein-Uhlenbeck
process at time -ln rho. Its autocorrelation at lag k is that of one step with rho**k, so no walk is ever
gone: pairs of networks are drawn, each exactly, and lie side by side as columns of one pass over the
examples, once for theta and once for theta'.

With A and A' the activations of a layer in the two networks, Q an orthonormal basis whose span holds both,
and R = Q^T A, R' = Q^T A', the layer's pre-activations are G R and (rho G + sqrt(1 - rho**2) H) R', where G
= W Q and H = Xi Q are independent standard normals. That is exact, and projected where it is cheaper than
drawing W and Xi.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomreg_tui.gradients.basis import orthonormal_basis
from geomreg_tui.inits import RotationInvariant, Stream
from geomreg_tui.networks import CustomNetwork, Network, apply_matrix
from geomreg_tui.networks.given import GivenLayers
from geomreg_tui.sampling.roots import augment
from geomreg_tui.shapes import LayerShape

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["PairedLayers", "paired_outputs"]


class PairedLayers:
    """Layers of pairs of networks, applied to columns of which the first half is for the first network."""

    def __init__(
        self, law: RotationInvariant, batch: int, stream: Stream, rho: float, projected: Sequence[bool]
    ) -> None:
        """Begin a batch of pairs.

        Args:
            law: an init law with independent normal entries.
            batch: pairs.
            stream: random numbers.
            rho: correlation of each weight with the same one of the other network.
            projected: which layers are projected.
        """
        self.batch = batch
        self._law = law
        self._stream = stream
        self._rho, self._rest = rho, math.sqrt((1 - rho) * (1 + rho))
        self._projected = projected

    def weights(self, shape: LayerShape) -> tuple[Tensor, Tensor | None]:
        """Refuse: a pair of networks has two weights. Modules that want them are given them one by one."""
        raise NotImplementedError

    def linear(
        self, shape: LayerShape, activations: Float[Tensor, "#batch n_in columns"]
    ) -> Float[Tensor, "batch n_out columns"]:
        """Return pre-activations (batch, n_out, 2 m) of activations (batch or 1, n_in, 2 m)."""
        half = activations.shape[2] // 2
        first, second = activations[:, :, :half], activations[:, :, half:]
        if self._projected[shape.index]:
            rows = augment(activations, *self._law.row_scales(shape))
            # The two networks have the same inputs: one basis of these is enough.
            basis, root = orthonormal_basis(rows[:, :, :half] if shape.index == 0 else rows)
            ends = (root, root) if shape.index == 0 else (root[:, :, :half], root[:, :, half:])
            block, fresh = (
                self._law.block(shape, basis.shape[2], self.batch, self._stream, None) for _ in range(2)
            )
            turned = block * self._rho + fresh * self._rest
            return torch.cat([apply_matrix(block, ends[0]), apply_matrix(turned, ends[1])], dim=2)
        found = []
        for (weights, biases), columns in zip(self.both(shape), (first, second), strict=True):
            z = apply_matrix(weights, columns.contiguous())
            found.append(z if biases is None else z.add_(biases.unsqueeze(2)))
        return torch.cat(found, dim=2)

    def both(self, shape: LayerShape) -> tuple[tuple[Tensor, Tensor | None], tuple[Tensor, Tensor | None]]:
        """Draw the weights and biases of the two networks."""
        weights, biases = self._law.weights(shape, self.batch, self._stream, None)
        fresh, shifts = self._law.weights(shape, self.batch, self._stream, None)
        turned = weights * self._rho + fresh * self._rest
        if biases is None or shifts is None:
            return (weights, None), (turned, None)
        return (weights, biases), (turned, biases * self._rho + shifts * self._rest)


def paired_outputs(
    network: Network, x: Float[Tensor, " training *input_shape"], layers: PairedLayers
) -> tuple[Float[Tensor, "batch outputs training"], Float[Tensor, "batch outputs training"]]:
    """Return the outputs of the two networks of each pair on x, (N, *input_shape)."""
    if isinstance(network, CustomNetwork):
        pairs = [layers.both(shape) for shape in network.shapes]
        first, second = (
            network.forward(x, GivenLayers(network.shapes, [pair[end] for pair in pairs], layers.batch))
            for end in range(2)
        )
        return first, second
    outputs = network.forward(torch.cat([x, x]), layers)
    return outputs[:, :, : len(x)], outputs[:, :, len(x) :]
