"""The multilayer perceptron."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from geomreg_tui.experiment import Experiment
from geomreg_tui.networks.activations import activation
from geomreg_tui.networks.base import LayerSource, Network, normalize_units
from geomreg_tui.shapes import LayerShape

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["MLP"]


class MLP(Network):
    """Hidden layers ``h <- phi(norm(W h + b))``, then a linear readout.

    A residual network adds ``h`` to each hidden layer's output where the sizes agree.
    """

    def __init__(self, experiment: Experiment, shapes: tuple[LayerShape, ...]) -> None:
        self.shapes = shapes
        self._activation = activation(experiment.activation)
        self._residual = experiment.residual
        self._layer_norm = experiment.layer_norm

    def forward(
        self, x: Float[Tensor, " examples *input_shape"], layers: LayerSource
    ) -> Float[Tensor, "batch outputs examples"]:
        """Return outputs (batch, outputs, examples) for x of shape (examples, *input_shape)."""
        hidden = x.flatten(1).T.unsqueeze(0)
        for shape in self.shapes[:-1]:
            z = layers.linear(shape, hidden)
            if self._layer_norm:
                z = normalize_units(z, 1)
            z = self._activation(z)
            hidden = z.add_(hidden) if self._residual and shape.n_in == shape.n_out else z
        return layers.linear(self.shapes[-1], hidden)
