"""What is trained: networks of one architecture side by side, their outputs and derivatives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from geomreg_tui.batched import per_network

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["Networks", "Parameters", "Pass"]

# Weights, and biases where a layer has them, layer by layer: each tensor (networks, *size).
Parameters = tuple[Tensor, ...]


@dataclass(frozen=True)
class Pass:
    """A pass of networks over examples, with what derivatives need of it.

    Attributes:
        outputs: (networks, C, examples).
        parameters: of the networks.
        kept: what the architecture keeps, for itself alone.
    """

    outputs: Float[Tensor, "networks outputs examples"]
    parameters: Parameters
    kept: Any


class Networks(ABC):
    """An architecture whose networks are trained side by side.

    What a method returns for a network has the same bits whatever other networks are beside it.

    Attributes:
        layer_of: for each tensor of parameters, the layer that it belongs to.
        elements: numbers that a step of one network on one example holds at once, beside its parameters.
    """

    layer_of: tuple[int, ...]
    elements: int

    @abstractmethod
    def run(self, parameters: Parameters, inputs: Float[Tensor, "#networks examples *input_shape"]) -> Pass:
        """Return the outputs, with what derivatives need.

        Args:
            parameters: of the networks; left as they are, and not to be changed while the pass is in use.
            inputs: (networks, examples, *input_shape), or (1, ...) when shared by all.
        """

    @abstractmethod
    def gradients(self, done: Pass, upstream: Float[Tensor, "networks outputs examples"]) -> Parameters:
        """Return derivatives by the parameters of sum(outputs * upstream), as parameters.

        Args:
            done: a pass.
            upstream: (networks, C, examples).
        """

    def descend(
        self, done: Pass, upstream: Float[Tensor, "networks outputs examples"], lr: Float[Tensor, " networks"]
    ) -> Parameters:
        """Return the parameters of a pass minus ``lr`` times the gradients; those of the pass are lost.

        Args:
            done: a pass, which is over after this.
            upstream: as for :meth:`gradients`.
            lr: step size of each network.
        """
        gradients = self.gradients(done, upstream)
        for tensor, gradient in zip(done.parameters, gradients, strict=True):
            tensor.addcmul_(gradient, per_network(lr, tensor.dim()), value=-1)
        return done.parameters

    def of(self, networks: Tensor) -> Networks:
        """Return what runs some of the networks, given by their places, int64 (kept,)."""
        return self

    def weights(self, parameters: Parameters) -> Parameters:
        """Return all weights that parameters stand for."""
        return parameters

    def moves(self, parameters: Parameters, start: Parameters) -> Parameters:
        """Return by how much all weights differ from those at the start, as parameters of all of them."""
        return tuple(now - then for now, then in zip(parameters, start, strict=True))

    @abstractmethod
    def derivatives(self, done: Pass, directions: Parameters) -> Float[Tensor, "networks outputs examples"]:
        """Return derivatives of the outputs, (networks, C, examples), along directions of the parameters."""
