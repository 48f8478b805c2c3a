"""Direct sampling: every weight is drawn. Exact for every law and architecture, and the dearest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from geomreg_tui.inits import InitLaw, Stream
from geomreg_tui.networks import apply_matrix
from geomreg_tui.shapes import LayerShape

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["DirectLayers"]


class DirectLayers:
    """The layers of a batch of networks, drawn weight by weight as the forward pass asks for them."""

    def __init__(self, law: InitLaw, batch: int, stream: Stream) -> None:
        self.batch = batch
        self.law = law
        self.stream = stream
        self.shared = law.begin(batch, stream)

    def weights(
        self, shape: LayerShape
    ) -> tuple[
        Float[Tensor, "{self.batch} {shape.n_out} {shape.n_in}"],
        Float[Tensor, "{self.batch} {shape.n_out}"] | None,
    ]:
        """Draw weights (batch, n_out, n_in) and biases (batch, n_out) or None."""
        return self.law.weights(shape, self.batch, self.stream, self.shared)

    def linear(
        self, shape: LayerShape, activations: Float[Tensor, "#batch {shape.n_in} columns"]
    ) -> Float[Tensor, "{self.batch} {shape.n_out} columns"]:
        """Return pre-activations (batch, n_out, columns) of activations (batch or 1, n_in, columns)."""
        weights, biases = self.weights(shape)
        z = apply_matrix(weights, activations)
        return z if biases is None else z.add_(biases.unsqueeze(-1))
