"""Gradients of convolutional networks and of a person's own modules, as Gram matrices, through torch.

The layers of a convolutional network are linear maps of columns, as many for an example as there are
positions. Torch's automatic differentiation gives the derivatives by their pre-activations, of all networks
at once; the rest is as for perceptrons. A module of one's own is differentiated by its parameters, one
network after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomreg_tui.errors import ModuleError
from geomreg_tui.gradients.perceptron import gram
from geomreg_tui.networks import CustomNetwork, Network, apply_matrix
from geomreg_tui.networks.given import GivenLayers
from geomreg_tui.shapes import LayerShape

if TYPE_CHECKING:
    from jaxtyping import Float, Float64

__all__ = ["ConvolutionPass", "CustomPass", "Parameters"]

Parameters = Sequence[tuple[Tensor, Tensor | None]]


class _RecordedLayers(GivenLayers):
    """Layers that keep what they are applied to, and what comes out.

    Attributes:
        inputs: (batch or 1, n_in, columns) of each layer.
        outputs: (batch, n_out, columns) of each layer, with the graph that leads to the network's outputs.
    """

    def __init__(self, shapes: Sequence[LayerShape], parameters: Parameters, batch: int) -> None:
        super().__init__(shapes, parameters, batch)
        self.inputs: list[Tensor] = []
        self.outputs: list[Tensor] = []

    def linear(self, shape: LayerShape, activations: Tensor) -> Tensor:
        """Return pre-activations (batch, n_out, columns), for the caller to overwrite."""
        weights, biases = self.weights(shape)
        z = apply_matrix(weights, activations)
        if biases is not None:
            z = z + biases.unsqueeze(2)
        if not z.requires_grad:
            z.requires_grad_()
        self.inputs.append(activations.detach())
        self.outputs.append(z)
        return z.clone()


class ConvolutionPass:
    """A forward pass of networks that ask for pre-activations, from which one goes back.

    Attributes:
        outputs: (batch, C, N).
    """

    outputs: Float[Tensor, "batch outputs training"]

    def __init__(self, network: Network, x: Tensor, parameters: Parameters, batch: int) -> None:
        """Run forward.

        Args:
            network: the architecture.
            x: training inputs, (N, *input_shape).
            parameters: weights (batch, n_out, n_in) and biases (batch, n_out) or None, of each layer.
            batch: networks.
        """
        self._shapes = tuple(network.shapes)
        self._examples = len(x)
        with torch.inference_mode(False), torch.enable_grad():
            copies = [(w.clone(), None if b is None else b.clone()) for w, b in parameters]
            self._layers = _RecordedLayers(self._shapes, copies, batch)
            self._graph = network.forward(x.clone(), self._layers)
        self.outputs = self._graph.detach()

    def gram(self, top: Float[Tensor, "batch outputs columns"]) -> Float64[Tensor, "batch columns columns"]:
        """Return the Gram matrix of gradients by all parameters, as :meth:`PerceptronPass.gram`."""
        batch, _, count = top.shape
        total = torch.zeros(batch, count, count, dtype=torch.float64, device=top.device)
        for gradients in self._gradients(top):
            total += gram(gradients.mT)
        return total

    def projections(
        self, top: Float[Tensor, "batch outputs columns"], frame: Float[Tensor, "batch parameters rank"]
    ) -> Float[Tensor, "batch rank columns"]:
        """Return the gradients within a subspace, as :meth:`PerceptronPass.projections`."""
        total = frame.new_zeros(len(top), frame.shape[2], top.shape[2])
        first = 0
        for gradients in self._gradients(top):
            last = first + gradients.shape[2]
            total += frame[:, first:last].mT @ gradients.mT
            first = last
        return total

    def _gradients(self, top: Tensor) -> Iterator[Float[Tensor, "batch columns size"]]:
        """Yield the gradients by weights, and by biases where there are any, of each layer."""
        batch, _, count = top.shape
        examples = self._examples
        found: list[list[Tensor]] = [[] for _ in self._shapes]
        for part in torch.split(top, examples, dim=2):
            derivatives = torch.autograd.grad(
                self._graph, self._layers.outputs, part.clone(), retain_graph=True
            )
            for kept, derivative in zip(found, derivatives, strict=True):
                kept.append(derivative)
        for shape, inputs, parts in zip(self._shapes, self._layers.inputs, found, strict=True):
            positions = shape.columns
            # (batch or 1, N, n_in, positions) and (batch, m / N, N, n_out, positions)
            columns = inputs.reshape(len(inputs), shape.n_in, examples, positions).transpose(1, 2)
            stacked = torch.stack(parts, dim=1)
            upstream = stacked.view(*stacked.shape[:3], examples, positions).transpose(2, 3)
            gradients = upstream @ columns.mT.unsqueeze(1)
            yield gradients.reshape(batch, count, -1)
            if shape.bias:
                yield upstream.sum(dim=4).reshape(batch, count, -1)


class CustomPass:
    """A forward pass of a person's own module, network by network, from which one goes back.

    Attributes:
        outputs: (batch, C, N).
    """

    outputs: Float[Tensor, "batch outputs training"]

    def __init__(self, network: CustomNetwork, x: Tensor, parameters: Parameters, batch: int) -> None:
        """Run forward; arguments are those of :class:`ConvolutionPass`.

        Raises:
            ModuleError: if the module fails, or its outputs do not depend differentiably on its weights.
        """
        self._graphs: list[tuple[Tensor, list[Tensor]]] = []
        with torch.inference_mode(False), torch.enable_grad():
            for place in range(batch):
                one = [
                    (_leaf(weights[place]), None if biases is None else _leaf(biases[place]))
                    for weights, biases in parameters
                ]
                leaves = [tensor for pair in one for tensor in pair if tensor is not None]
                outputs = network.differentiable(x.clone(), GivenLayers(network.shapes, one, 1))
                if not outputs.requires_grad:
                    raise ModuleError("its outputs are computed in ways that torch does not differentiate")
                self._graphs.append((outputs, leaves))
        self.outputs = torch.cat([outputs.detach() for outputs, _ in self._graphs])

    def gram(self, top: Float[Tensor, "batch outputs columns"]) -> Float64[Tensor, "batch columns columns"]:
        """Return the Gram matrix of gradients by all parameters, as :meth:`PerceptronPass.gram`."""
        return torch.cat([gram(columns) for columns in self._gradients(top)])

    def projections(
        self, top: Float[Tensor, "batch outputs columns"], frame: Float[Tensor, "batch parameters rank"]
    ) -> Float[Tensor, "batch rank columns"]:
        """Return the gradients within a subspace, as :meth:`PerceptronPass.projections`."""
        pairs = zip(torch.split(frame, 1), self._gradients(top), strict=True)
        return torch.cat([one.mT @ columns for one, columns in pairs])

    def _gradients(self, top: Tensor) -> Iterator[Float[Tensor, "1 parameters columns"]]:
        """Yield the gradients of each network."""
        examples = self.outputs.shape[2]
        for (outputs, leaves), weights in zip(self._graphs, top, strict=True):
            rows = []
            for column in range(weights.shape[1]):
                upstream = torch.zeros_like(outputs)
                upstream[0, :, column % examples] = weights[:, column]
                rows.append(_flat_gradient(outputs, leaves, upstream))
            yield torch.stack(rows, dim=1).unsqueeze(0)


def _leaf(tensor: Tensor) -> Tensor:
    return tensor.clone().unsqueeze(0).requires_grad_()


def _flat_gradient(outputs: Tensor, leaves: Sequence[Tensor], upstream: Tensor) -> Tensor:
    """Return derivatives of sum(outputs * upstream) by all parameters, (P,); 0 by those not depended on."""
    parts = torch.autograd.grad(outputs, leaves, upstream, retain_graph=True, allow_unused=True)
    pairs = zip(parts, leaves, strict=True)
    return torch.cat([(torch.zeros_like(leaf) if part is None else part).flatten() for part, leaf in pairs])
