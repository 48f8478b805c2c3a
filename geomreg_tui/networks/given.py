"""Layers whose parameters are given."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from geomreg_tui.networks.base import apply_matrix
from geomreg_tui.shapes import LayerShape

__all__ = ["GivenLayers"]


class GivenLayers:
    """The layers of networks, whose weights and biases are given. They can be differentiated by them."""

    def __init__(
        self, shapes: Sequence[LayerShape], parameters: Sequence[tuple[Tensor, Tensor | None]], batch: int
    ) -> None:
        """Take weights (batch, n_out, n_in) and biases (batch, n_out) or None, of each layer."""
        self.batch = batch
        self._layers = dict(zip(shapes, parameters, strict=True))

    def weights(self, shape: LayerShape) -> tuple[Tensor, Tensor | None]:
        """Return weights (batch, n_out, n_in) and biases (batch, n_out) or None."""
        return self._layers[shape]

    def linear(self, shape: LayerShape, activations: Tensor) -> Tensor:
        """Return pre-activations (batch, n_out, columns)."""
        weights, biases = self._layers[shape]
        z = apply_matrix(weights, activations)
        return z if biases is None else z + biases.unsqueeze(2)
