"""Convolutional networks and modules of a person's own, differentiated by torch.

Networks go through one after the other. So the bits of one cannot depend on the others, whatever the module
does; it is slower than :mod:`geomreg_tui.training.perceptron`, which is for most architectures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from geomreg_tui.networks import CustomNetwork, LayerSource, Network
from geomreg_tui.shapes import LayerShape
from geomreg_tui.training.networks import Networks, Parameters, Pass

__all__ = ["DifferentiatedNetworks", "readout_inputs"]


class _GivenLayers:
    """The layers of one network, whose parameters are given."""

    def __init__(self, shapes: Sequence[LayerShape], parameters: Parameters) -> None:
        self.batch = 1
        rest = iter(parameters)
        self._layers = {shape: (next(rest), next(rest) if shape.bias else None) for shape in shapes}

    def weights(self, shape: LayerShape) -> tuple[Tensor, Tensor | None]:
        """Return weights (1, n_out, n_in) and biases (1, n_out) or None."""
        return self._layers[shape]

    def linear(self, shape: LayerShape, activations: Tensor) -> Tensor:
        """Return pre-activations (1, n_out, columns)."""
        weights, biases = self._layers[shape]
        z = torch.bmm(weights, activations)
        return z if biases is None else z + biases.unsqueeze(2)


class _SeenLayers(_GivenLayers):
    """The layers of one network, which keep what the last of them is applied to.

    Attributes:
        seen: (1, n_in, examples).
    """

    seen: Tensor

    def linear(self, shape: LayerShape, activations: Tensor) -> Tensor:
        """Return pre-activations (1, n_out, columns)."""
        self.seen = activations
        return super().linear(shape, activations)


def readout_inputs(network: Network, parameters: Parameters, x: Tensor) -> Tensor:
    """Return what the readout of each network is applied to, (networks, examples, n_in).

    Args:
        network: an architecture that asks for pre-activations.
        parameters: of the networks, all layers.
        x: (examples, *input_shape).
    """
    found = []
    for place in range(len(parameters[0])):
        # Copies, since how products are summed depends on where in memory their matrices begin.
        one = tuple(tensor[place : place + 1].clone() for tensor in parameters)
        layers = _SeenLayers(network.shapes, one)
        network.forward(x, layers)
        found.append(layers.seen.mT)
    return torch.cat(found).contiguous()


class DifferentiatedNetworks(Networks):
    """Networks of any architecture. Parameters are as those of perceptrons, whatever the module's shapes."""

    def __init__(self, network: Network) -> None:
        """Build it from an architecture of which all layers are trained."""
        self._network = network
        self._shapes = tuple(network.shapes)
        custom = isinstance(network, CustomNetwork)
        self._forward: Callable[[Tensor, LayerSource], Tensor] = (
            network.differentiable if isinstance(network, CustomNetwork) else network.forward
        )
        self.layer_of = tuple(
            place for place, shape in enumerate(self._shapes) for _ in range(1 + shape.bias)
        )
        held = sum(shape.columns * (shape.n_out + shape.n_in) for shape in self._shapes)
        self.elements = 3 * (sum(shape.parameters for shape in self._shapes) if custom else held)

    def run(self, parameters: Parameters, inputs: Tensor) -> Pass:
        """Return the outputs, with the graphs that derivatives need."""
        count = len(parameters[0])
        graphs = []
        # Callers may be in inference mode, whose tensors cannot be differentiated.
        with torch.inference_mode(False), torch.enable_grad():
            for network in range(count):
                x = inputs[network if len(inputs) > 1 else 0].clone()
                leaves = tuple(
                    tensor[network : network + 1].clone().requires_grad_() for tensor in parameters
                )
                graphs.append((self._forward(x, _GivenLayers(self._shapes, leaves)), leaves))
        outputs = torch.cat([outputs.detach() for outputs, _ in graphs])
        return Pass(outputs, parameters, graphs)

    def gradients(self, done: Pass, upstream: Tensor) -> Parameters:
        """Return derivatives by the parameters of sum(outputs * upstream)."""
        found = []
        for network, (outputs, leaves) in enumerate(done.kept):
            along = upstream[network : network + 1].clone()
            found.append(_backward(outputs, leaves, along))
        return tuple(torch.cat(parts).detach() for parts in zip(*found, strict=True))

    def derivatives(self, done: Pass, directions: Parameters) -> Tensor:
        """Return the derivative of the outputs along directions of the parameters.

        Derivatives backward are linear in what they begin with; differentiated by that, they go forward.
        """
        found = []
        with torch.inference_mode(False), torch.enable_grad():
            for network, (outputs, leaves) in enumerate(done.kept):
                start = torch.zeros_like(outputs, requires_grad=True)
                back = _backward(outputs, leaves, start, graph=True)
                turned = [tensor[network : network + 1].clone() for tensor in directions]
                total = sum((part * turn).sum() for part, turn in zip(back, turned, strict=True))
                if isinstance(total, Tensor) and total.requires_grad:
                    (along,) = torch.autograd.grad(total, start, retain_graph=True)
                    found.append(along)
                else:
                    found.append(torch.zeros_like(outputs).detach())
        return torch.cat(found)


def _backward(
    outputs: Tensor, leaves: Parameters, upstream: Tensor, *, graph: bool = False
) -> tuple[Tensor, ...]:
    """Return derivatives by the parameters of one network; 0 by those that outputs do not depend on."""
    parts = torch.autograd.grad(
        outputs, leaves, upstream, retain_graph=True, create_graph=graph, allow_unused=True
    )
    return tuple(
        torch.zeros_like(leaf) if part is None else part for part, leaf in zip(parts, leaves, strict=True)
    )
