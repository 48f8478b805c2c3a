"""Layers of networks that are drawn for a forward and a backward pass.

A layer's law has independent Gaussian entries where it is *projected*. With A the activations that the layer
is applied to (scaled, and with the constant row whose weights are the biases), Q an orthonormal basis of a
space that holds their span, and R = Q^T A:

1. Forward, W A = G R with G = W Q, whose entries are independent standard normals.
2. Backward, for any D that depends on W through G alone,

       W^T D = Q G^T D + (I - Q Q^T) Xi S,    S^T S = D^T D,

   with Xi independent standard normals: on the complement of Q, W is independent of everything so far.

So a layer takes n_out rank + n_in min(m, n_out) random numbers in place of n_out n_in, and nothing is
approximated. Drawing W^T anew for the backward pass, the usual shortcut, is not exact: then A^T (W^T D),
which is (W A)^T D in truth, comes out as something else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomreg_tui.gradients.basis import column_root, orthonormal_basis
from geomreg_tui.inits import InitLaw, RotationInvariant, Stream
from geomreg_tui.networks import apply_matrix
from geomreg_tui.sampling.roots import augment
from geomreg_tui.shapes import LayerShape

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["DrawnLayer", "Layer", "ProjectedLayer"]


class Layer(ABC):
    """A layer of a batch of networks.

    Attributes:
        z: pre-activations, (batch, n_out, examples); whoever draws the layer may overwrite them.
    """

    z: Float[Tensor, "batch n_out examples"]

    @abstractmethod
    def back(self, upstream: Float[Tensor, "batch n_out columns"]) -> Float[Tensor, "batch n_in columns"]:
        """Return W^T D for D, (batch, n_out, m), that depends on the layer through ``z`` alone; call once."""


class DrawnLayer(Layer):
    """A layer all of whose weights are there. For every law."""

    def __init__(
        self,
        weights: Float[Tensor, "batch n_out n_in"],
        biases: Float[Tensor, "batch n_out"] | None,
        activations: Float[Tensor, "#batch n_in examples"],
    ) -> None:
        """Apply weights (batch, n_out, n_in) and biases (batch, n_out) to activations (batch or 1, ...)."""
        self.weights, self.biases = weights, biases
        self.z = apply_matrix(weights, activations)
        if biases is not None:
            self.z += biases.unsqueeze(2)

    @classmethod
    def draw(
        cls,
        law: InitLaw,
        shape: LayerShape,
        activations: Float[Tensor, "#batch n_in examples"],
        batch: int,
        stream: Stream,
        shared: Tensor | None,
    ) -> DrawnLayer:
        """Draw a layer and apply it to activations (batch or 1, n_in, examples)."""
        return cls(*law.weights(shape, batch, stream, shared), activations)

    def back(self, upstream: Float[Tensor, "batch n_out columns"]) -> Float[Tensor, "batch n_in columns"]:
        """Return W^T D."""
        return torch.bmm(self.weights.mT, upstream)


class ProjectedLayer(Layer):
    """A layer of which no more is drawn than the two passes see.

    Attributes:
        basis: Q, (batch or 1, rows, rank).
        block: G, (batch, n_out, rank).
    """

    def __init__(
        self,
        shape: LayerShape,
        scale: float,
        basis: Float[Tensor, "#batch rows rank"],
        root: Float[Tensor, "#batch rank examples"],
        block: Float[Tensor, "batch n_out rank"],
        stream: Stream,
    ) -> None:
        """Apply a layer of which G is there to activations.

        Args:
            shape: the layer.
            scale: standard deviation of its weights.
            basis, root: Q and R = Q^T A of its augmented activations.
            block: G = W Q, of weights in units of their standard deviations.
            stream: where to draw what the way back needs.
        """
        self.basis, self.block = basis, block
        self.z = apply_matrix(block, root)
        self._scale = scale
        self._shape = shape
        self._stream = stream

    @classmethod
    def draw(
        cls,
        law: RotationInvariant,
        shape: LayerShape,
        activations: Float[Tensor, "#batch n_in examples"],
        batch: int,
        stream: Stream,
    ) -> ProjectedLayer:
        """Draw a layer and apply it to activations (batch or 1, n_in, examples)."""
        scale, offset = law.row_scales(shape)
        basis, root = orthonormal_basis(augment(activations, scale, offset))
        block = law.block(shape, root.shape[1], batch, stream, None)
        return cls(shape, scale, basis, root, block, stream)

    def back(self, upstream: Float[Tensor, "batch n_out columns"]) -> Float[Tensor, "batch n_in columns"]:
        """Return W^T D."""
        root = column_root(upstream)
        fresh = self._stream.normal(len(upstream), self.basis.shape[1], root.shape[1])
        across = self.basis.mT @ fresh
        along = torch.bmm(self.block.mT, upstream) - torch.bmm(across, root)
        result = torch.baddbmm(torch.bmm(fresh, root), self.basis.expand(len(upstream), -1, -1), along)
        return result[:, : self._shape.n_in] * self._scale
