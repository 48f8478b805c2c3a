"""Which networks of a batch are dead, seen on the way through their layers.

The pass is looked at between layers, one reduction each: a layer whose largest output is 0 is off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomreg_tui.networks import LayerSource
from geomreg_tui.sampling.dead import DeadWatch
from geomreg_tui.shapes import LayerShape

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

__all__ = ["WatchedLayers"]


class WatchedLayers:
    """The layers of a batch of networks, looked at as the forward pass asks for them.

    Attributes:
        batch: networks.
    """

    def __init__(self, layers: LayerSource, watch: DeadWatch) -> None:
        """Begin a batch whose layers are drawn by ``layers``."""
        self.batch = layers.batch
        self._layers = layers
        self._watch = watch
        self._largest: list[Tensor] = []

    def weights(
        self, shape: LayerShape
    ) -> tuple[
        Float[Tensor, "{self.batch} {shape.n_out} {shape.n_in}"],
        Float[Tensor, "{self.batch} {shape.n_out}"] | None,
    ]:
        """Draw weights (batch, n_out, n_in) and biases (batch, n_out) or None."""
        return self._layers.weights(shape)

    def linear(
        self, shape: LayerShape, activations: Float[Tensor, "#batch {shape.n_in} columns"]
    ) -> Float[Tensor, "{self.batch} {shape.n_out} columns"]:
        """Return pre-activations (batch, n_out, columns), and note the largest output of the layer below."""
        if shape.index:
            watch = self._watch
            training, examples = watch.columns
            seen = activations[..., : activations.shape[2] // examples * training]
            if shape is not watch.shapes[-1]:
                # The rows of a convolution are patches; those of their middles are the whole image.
                area = shape.n_in // watch.shapes[shape.index - 1].n_out
                seen = seen[:, area // 2 :: area]
            self._largest.append((seen.abs() if watch.signed else seen).amax(dim=(1, 2)))
        return self._layers.linear(shape, activations)

    def dead(self) -> Bool[Tensor, " {self.batch}"] | None:
        """Return which networks are dead, bool (batch,); None where the number format hides it."""
        largest = torch.stack(self._largest)
        dead = largest.amin(dim=0) == 0
        off = dead.nonzero()[:, 0]
        if off.numel():
            certain = self._watch.certain(largest[:, off].to("cpu", torch.float64).numpy())
            if not certain.all():
                if self._watch.relu:
                    return None
                dead[off] = torch.from_numpy(certain).to(dead.device)
        return dead
