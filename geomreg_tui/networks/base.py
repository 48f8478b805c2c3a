"""What a network is here: a recipe that turns a source of layers into outputs, for a whole batch at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
from torch import Tensor

from geomreg_tui.shapes import LayerShape

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["NORM_EPSILON", "LayerSource", "Network", "apply_matrix", "normalize_units"]

NORM_EPSILON = 1e-5  # torch.nn.LayerNorm's default


@runtime_checkable
class LayerSource(Protocol):
    """Draws the layers of a batch of networks, in whatever way is exact."""

    batch: int

    def linear(
        self, shape: LayerShape, activations: Float[Tensor, "#batch n_in columns"]
    ) -> Float[Tensor, "batch n_out columns"]:
        """Return pre-activations.

        Args:
            shape: the layer.
            activations: (batch, n_in, columns), or (1, n_in, columns) when shared by all networks.

        Returns:
            (batch, n_out, columns), owned by the caller.
        """

    def weights(
        self, shape: LayerShape
    ) -> tuple[Float[Tensor, "batch n_out n_in"], Float[Tensor, "batch n_out"] | None]:
        """Return weights (batch, n_out, n_in) and biases (batch, n_out) or None."""


class Network(ABC):
    """An architecture with its sizes fixed.

    Attributes:
        shapes: the layers, first to last.
        needs_weights: whether the architecture wants whole weight tensors rather than pre-activations.
        one_by_one: whether networks of a batch are evaluated one after the other.
    """

    shapes: Sequence[LayerShape]
    needs_weights: bool = False
    one_by_one: bool = False

    @abstractmethod
    def forward(
        self, x: Float[Tensor, " examples *input_shape"], layers: LayerSource
    ) -> Float[Tensor, "batch outputs examples"]:
        """Return outputs (batch, outputs, examples) for inputs x of shape (examples, *input_shape)."""

    def try_out(self, x: Float[Tensor, " examples *input_shape"], layers: LayerSource) -> str:
        """Choose how it is evaluated; return a note about that, empty for none.

        Args:
            x: inputs of the experiment, (examples, *input_shape).
            layers: source of a few networks.
        """
        return ""


def apply_matrix(
    weights: Float[Tensor, "batch n_out rank"], columns: Float[Tensor, "#batch rank columns"]
) -> Float[Tensor, "batch n_out columns"]:
    """Return weights (batch, n_out, rank) times columns (batch or 1, rank, columns)."""
    batch, rows, inner = weights.shape
    if columns.shape[0] == 1:
        return (weights.reshape(batch * rows, inner) @ columns[0]).view(batch, rows, columns.shape[2])
    return torch.bmm(weights, columns)


def normalize_units(
    z: Float[Tensor, "batch n_out *positions"], units: int | tuple[int, ...]
) -> Float[Tensor, "batch n_out *positions"]:
    """Return z with mean 0 and variance 1 over the dimensions ``units`` (layer norm without affine part)."""
    variance, mean = torch.var_mean(z, dim=units, keepdim=True, correction=0)
    return (z - mean).mul_(torch.rsqrt(variance + NORM_EPSILON))
