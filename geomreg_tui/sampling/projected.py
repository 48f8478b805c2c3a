"""Projected sampling: exact, and far cheaper where columns are few.

For activations A (n_in, m) of a layer whose law is rotation invariant, the pre-activations have the
law of (W U) R, with R^T R = A^T A (augmented by the biases' constant row) and U any orthonormal basis.
So n_out * m random numbers replace n_out * n_in, at finite width and with nothing approximated. A layer
is projected where that is cheaper, and drawn in full where it is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from geomreg_tui.inits import RotationInvariant, Stream
from geomreg_tui.networks import apply_matrix
from geomreg_tui.sampling.cost import projects
from geomreg_tui.sampling.direct import DirectLayers
from geomreg_tui.sampling.roots import gram_root
from geomreg_tui.shapes import LayerShape

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["ProjectedLayers"]


class ProjectedLayers(DirectLayers):
    """The layers of a batch of networks, each drawn in the cheaper of the two ways."""

    law: RotationInvariant

    def __init__(
        self,
        law: RotationInvariant,
        batch: int,
        stream: Stream,
        first_root: Float[Tensor, "1 columns columns"] | None = None,
    ) -> None:
        """Begin a batch.

        Args:
            law: the init law.
            batch: networks.
            stream: random numbers.
            first_root: (1, columns, columns), root of the first layer, which all networks share, if it is
                known.
        """
        super().__init__(law, batch, stream)
        self._first_root = first_root

    def linear(
        self, shape: LayerShape, activations: Float[Tensor, "#batch {shape.n_in} columns"]
    ) -> Float[Tensor, "{self.batch} {shape.n_out} columns"]:
        """Return pre-activations (batch, n_out, columns) of activations (batch or 1, n_in, columns)."""
        columns = activations.shape[2]
        if not projects(shape, columns):
            return super().linear(shape, activations)
        if shape.index == 0 and self._first_root is not None:
            root = self._first_root
        else:
            root = gram_root(activations, *self.law.row_scales(shape))
        block = self.law.block(shape, columns, self.batch, self.stream, self.shared)
        z = block.mul_(root) if columns == 1 else apply_matrix(block, root)
        biases = self.law.loose_bias(shape, self.batch, self.stream)
        return z if biases is None else z.add_(biases.unsqueeze(-1))
