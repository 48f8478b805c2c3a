"""Multilayer perceptrons side by side: forward, backward and tangent passes as batched products."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from geomreg_tui.batched import multiply, per_network, subtract_product
from geomreg_tui.experiment import Experiment
from geomreg_tui.networks.base import NORM_EPSILON
from geomreg_tui.networks.slopes import apply_activation, slope_of
from geomreg_tui.shapes import LayerShape
from geomreg_tui.training.networks import Networks, Parameters, Pass

__all__ = ["Perceptrons"]


@dataclass(frozen=True)
class _HiddenLayer:
    """What a hidden layer keeps of a pass.

    Attributes:
        values: pre-activations or activations, whichever the slope needs, (networks, n_out, examples).
        skips: whether the layer's input was added to its output.
        normal: normalised pre-activations, where there is layer norm, of the same shape.
        scale: what they were divided by, as a factor, (networks, 1, examples).
    """

    values: Tensor
    skips: bool
    normal: Tensor | None = None
    scale: Tensor | None = None


@dataclass(frozen=True)
class _Kept:
    """What a pass keeps: inputs of each layer, (networks or 1, n_in, examples), and its hidden layers."""

    inputs: tuple[Tensor, ...]
    hidden: tuple[_HiddenLayer, ...]


class Perceptrons(Networks):
    """Networks with the layers of :class:`geomreg_tui.networks.MLP`, or the last of them alone.

    Parameters are, for each layer, weights (networks, n_out, n_in) and, where it has them, biases
    (networks, n_out).
    """

    def __init__(self, experiment: Experiment, shapes: Sequence[LayerShape]) -> None:
        """Build the last ``len(shapes)`` layers of the experiment's network."""
        self._shapes = tuple(shapes)
        self._name = experiment.activation
        self._slope = slope_of(self._name)
        self._residual = experiment.residual
        self._layer_norm = experiment.layer_norm
        self.layer_of = tuple(
            place for place, shape in enumerate(self._shapes) for _ in range(1 + shape.bias)
        )
        self.elements = sum(3 * shape.n_out for shape in self._shapes)

    def run(self, parameters: Parameters, inputs: Tensor) -> Pass:
        """Return the outputs, with what derivatives need."""
        layers = self._layers(parameters)
        hidden = inputs.flatten(2).mT
        entered, kept = [hidden], []
        for shape, (weights, biases) in zip(self._shapes[:-1], layers[:-1], strict=True):
            z = _affine(weights, biases, hidden)
            normal = scale = None
            if self._layer_norm:
                variance, mean = torch.var_mean(z, dim=1, keepdim=True, correction=0)
                scale = torch.rsqrt(variance + NORM_EPSILON)
                normal = (z - mean) * scale
                z = normal.clone()
            a = apply_activation(self._name, z)
            skips = self._residual and shape.n_in == shape.n_out
            kept.append(_HiddenLayer(z if self._slope.keeps_inputs else a, skips, normal, scale))
            hidden = a + hidden if skips else a
            entered.append(hidden)
        outputs = _affine(*layers[-1], hidden)
        return Pass(outputs, parameters, _Kept(tuple(entered), tuple(kept)))

    def gradients(self, done: Pass, upstream: Tensor) -> Parameters:
        """Return derivatives by the parameters of sum(outputs * upstream)."""
        found: list[Tensor] = []
        for _, biases, upward, inputs in self._backward(done, upstream):
            if biases is not None:
                found.append(upward.sum(dim=2))
            found.append(multiply(upward, inputs.mT))
        return tuple(reversed(found))

    def descend(self, done: Pass, upstream: Tensor, lr: Tensor) -> Parameters:
        """Return the parameters after a step; the gradients themselves are never written to memory."""
        found: list[Tensor] = []
        for weights, biases, upward, inputs in self._backward(done, upstream):
            scaled = upward * per_network(lr, 3)
            if biases is not None:
                found.append(biases.sub_(scaled.sum(dim=2)))
            found.append(subtract_product(weights, scaled, inputs.mT))
        return tuple(reversed(found))

    def _backward(
        self, done: Pass, upstream: Tensor
    ) -> Iterator[tuple[Tensor, Tensor | None, Tensor, Tensor]]:
        """Yield weights, biases, derivative by pre-activations, and inputs of each layer, the last first.

        When a layer is yielded nothing more depends on its weights.
        """
        kept: _Kept = done.kept
        layers = self._layers(done.parameters)
        behind: Tensor | None = None  # derivative by a layer's output that passes it by, where it skips
        for place in reversed(range(len(layers))):
            below: Tensor | None = None
            if place:
                layer = kept.hidden[place - 1]
                by_output = multiply(layers[place][0].mT, upstream)
                if behind is not None:
                    by_output += behind
                behind = by_output if layer.skips else None
                below = self._through(layer, by_output)
            yield *layers[place], upstream, kept.inputs[place]
            if below is not None:
                upstream = below

    def derivatives(self, done: Pass, directions: Parameters) -> Tensor:
        """Return the derivative of the outputs along directions of the parameters."""
        kept: _Kept = done.kept
        along: Tensor | None = None  # derivative of a layer's input
        pairs = zip(self._layers(done.parameters), self._layers(directions), strict=True)
        for place, ((weights, _), (turned, shifted)) in enumerate(pairs):
            z = _affine(turned, shifted, kept.inputs[place])
            if along is not None:
                z += multiply(weights, along)
            if place == len(kept.hidden):
                return z
            layer = kept.hidden[place]
            passed = layer.skips and along is not None
            below, along = along, self._through(layer, z, tangent=True)
            if passed and below is not None:
                along = along + below
        raise AssertionError("a network has a readout")

    def _layers(self, parameters: Parameters) -> list[tuple[Tensor, Tensor | None]]:
        """Return weights and biases of each layer."""
        rest = iter(parameters)
        return [(next(rest), next(rest) if shape.bias else None) for shape in self._shapes]

    def _through(self, layer: _HiddenLayer, values: Tensor, *, tangent: bool = False) -> Tensor:
        """Return ``values`` times the derivative of activation and layer norm.

        Backward, ``values`` are derivatives by activations and become those by pre-activations; a tangent
        goes the other way. The derivative of layer norm is a symmetric matrix for each example.
        """
        if layer.normal is None or layer.scale is None:
            return self._slope.times(values, layer.values)
        if tangent:
            return self._slope.times(_normalized(values, layer.normal, layer.scale), layer.values)
        return _normalized(self._slope.times(values, layer.values), layer.normal, layer.scale)


def _affine(weights: Tensor, biases: Tensor | None, columns: Tensor) -> Tensor:
    z = multiply(weights, columns)
    return z if biases is None else z.add_(biases.unsqueeze(2))


def _normalized(values: Tensor, normal: Tensor, scale: Tensor) -> Tensor:
    """Return ``values`` times the derivative of layer norm, over dimension 1."""
    along = (values * normal).mean(dim=1, keepdim=True)
    return (values - values.mean(dim=1, keepdim=True) - normal * along) * scale
