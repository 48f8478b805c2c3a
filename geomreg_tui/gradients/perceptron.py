"""Gradients of multilayer perceptrons side by side, as Gram matrices: forward and backward in one pass.

The gradient of sum_c u_c f_c(x_i) by the weights of a layer is d_i a_i^T, with a_i the activations that the
layer is applied to and d_i what u becomes on the way back. So the inner product of two such gradients is
(d_i . d_j)(a_i . a_j), summed over layers, and (d_i . d_j) more for a layer with biases: no gradient is ever
formed, and the sum of the layers' Hadamard products of Gram matrices is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomreg_tui.experiment import Experiment
from geomreg_tui.gradients.layers import Layer
from geomreg_tui.networks.base import NORM_EPSILON
from geomreg_tui.networks.slopes import apply_activation, slope_of
from geomreg_tui.shapes import LayerShape

if TYPE_CHECKING:
    from jaxtyping import Float, Float64

__all__ = ["DrawLayer", "PerceptronPass", "gram"]

_INNER = 2**24  # numbers of the inner products with columns of a frame that are held at once

DrawLayer = Callable[[LayerShape, Tensor], Layer]


@dataclass(frozen=True)
class _Hidden:
    """What a hidden layer keeps for the way back.

    Attributes:
        slope: derivative of the activation, (batch, n_out, 1, N).
        skips: whether the layer's input was added to its output.
        normal: normalised pre-activations, where there is layer norm, (batch, n_out, 1, N).
        scale: what they were divided by, as a factor, (batch, 1, 1, N).
    """

    slope: Tensor
    skips: bool
    normal: Tensor | None = None
    scale: Tensor | None = None


class PerceptronPass:
    """A forward pass of networks of :class:`geomreg_tui.networks.MLP`, from which one goes back once.

    Attributes:
        outputs: (batch, C, N).
    """

    outputs: Float[Tensor, "batch outputs training"]

    def __init__(
        self,
        experiment: Experiment,
        shapes: Sequence[LayerShape],
        x: Float[Tensor, " training *input_shape"],
        draw: DrawLayer,
    ) -> None:
        """Draw the layers, first to last, and run forward.

        Args:
            experiment: names activation, residual connections and layer norm.
            shapes: the layers.
            x: training inputs, (N, *input_shape).
            draw: draws a layer and applies it to activations (batch or 1, n_in, N).
        """
        self._shapes = tuple(shapes)
        self._inputs: list[Tensor] = []
        self._layers: list[Layer] = []
        self._hidden: list[_Hidden] = []
        slope_rule = slope_of(experiment.activation)
        hidden = x.flatten(1).T.unsqueeze(0)
        for shape in self._shapes[:-1]:
            z = self._apply(shape, hidden, draw)
            normal = scale = None
            if experiment.layer_norm:
                variance, mean = torch.var_mean(z, dim=1, keepdim=True, correction=0)
                scale = torch.rsqrt(variance + NORM_EPSILON)
                normal = (z - mean) * scale
                z = normal.clone()
            a = apply_activation(experiment.activation, z)
            slope = slope_rule.times(torch.ones_like(a), z if slope_rule.keeps_inputs else a)
            skips = experiment.residual and shape.n_in == shape.n_out
            self._hidden.append(
                _Hidden(
                    slope.unsqueeze(2),
                    skips,
                    None if normal is None else normal.unsqueeze(2),
                    None if scale is None else scale.unsqueeze(2),
                )
            )
            hidden = a + hidden if skips else a
        self.outputs = self._apply(self._shapes[-1], hidden, draw)

    def gram(self, top: Float[Tensor, "batch outputs columns"]) -> Float64[Tensor, "batch columns columns"]:
        """Return the Gram matrix of gradients by all parameters, float64 (batch, m, m).

        It can be asked for once: a layer that is projected draws what it needs for the way back.

        Args:
            top: weights of the outputs, (batch, C, m): column k is that of sum_c top_ck f_c(x_i), with i the
                remainder of k by N. So m is a multiple of N.
        """
        total: Tensor | None = None
        for place, upstream in self._backward(top):
            term = _layer_gram(upstream, self._inputs[place], bias=self._shapes[place].bias)
            total = term if total is None else total.add_(term)
        assert total is not None
        return total

    def projections(
        self, top: Float[Tensor, "batch outputs columns"], frame: Float[Tensor, "batch parameters rank"]
    ) -> Float[Tensor, "batch rank columns"]:
        """Return R^T g, the gradients within a subspace of weight space, (batch, D, m).

        The gradient d_i a_i^T of a layer has the products sum_o d_io (sum_h a_ih R_ohj) with the columns of
        R: the inner sum comes first, once for all outputs, so no gradient is formed here either. It can be
        asked for once, in place of :meth:`gram`.

        Args:
            top: as for :meth:`gram`.
            frame: R, (batch, P, D), whose rows are weights and biases of each layer, the first to the last.
        """
        sizes = [shape.parameters for shape in self._shapes]
        parts = torch.split(frame, sizes, dim=1)
        total: Tensor | None = None
        for place, upstream in self._backward(top):
            shape = self._shapes[place]
            term = _layer_projections(upstream, self._inputs[place], parts[place], shape)
            total = term if total is None else total.add_(term)
        assert total is not None
        return total

    def _backward(self, top: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Yield the place of each layer, the last first, and derivatives by its pre-activations."""
        examples = self.outputs.shape[2]
        upstream = top
        behind: Tensor | None = None  # derivative by a layer's output that passes it by, where it skips
        for place in reversed(range(len(self._shapes))):
            yield place, upstream
            if place:
                below = self._hidden[place - 1]
                by_output = self._layers[place].back(upstream)
                if behind is not None:
                    by_output = by_output + behind
                behind = by_output if below.skips else None
                upstream = _through(below, by_output, examples)

    def _apply(self, shape: LayerShape, activations: Tensor, draw: DrawLayer) -> Tensor:
        layer = draw(shape, activations)
        self._inputs.append(activations)
        self._layers.append(layer)
        return layer.z


def gram(columns: Float[Tensor, "batch rows columns"]) -> Float64[Tensor, "batch columns columns"]:
    """Return A^T A in float64, whatever the format of A: squares of float32 numbers may not fit into it."""
    exact = columns.to(torch.float64)
    return torch.bmm(exact.mT, exact)


def _layer_gram(upstream: Tensor, inputs: Tensor, *, bias: bool) -> Tensor:
    """Return the Gram matrix of the gradients by one layer, float64 (batch, m, m)."""
    examples = inputs.shape[2]
    forward, backward = gram(inputs), gram(upstream)
    if bias:
        forward += 1.0
    batch, count = backward.shape[:2]
    if count == examples:
        return backward.mul_(forward)
    blocks = backward.view(batch, count // examples, examples, count // examples, examples)
    return blocks.mul_(forward[:, None, :, None, :]).view(batch, count, count)


def _layer_projections(upstream: Tensor, inputs: Tensor, frame: Tensor, shape: LayerShape) -> Tensor:
    """Return the gradients by one layer times its rows of R, (batch, D, m)."""
    batch, rows, count = upstream.shape
    examples, rank = inputs.shape[2], frame.shape[2]
    weights = frame[:, : rows * shape.n_in].reshape(batch, rows, shape.n_in, rank)
    blocks = upstream.view(batch, rows, count // examples, examples)
    parts = []
    for some in torch.split(weights, max(1, _INNER // (rows * examples)), dim=3):
        inner = inputs.mT.unsqueeze(1) @ some  # (batch, n_out, N, columns of R)
        parts.append(torch.einsum("bokn,bond->bdkn", blocks, inner).flatten(2))
    found = torch.cat(parts, dim=1)
    if shape.bias:
        found += frame[:, rows * shape.n_in :].mT @ upstream
    return found


def _through(layer: _Hidden, by_output: Tensor, examples: int) -> Tensor:
    """Return derivatives by pre-activations from those by activations, (batch, n_out, m) both."""
    batch, rows, count = by_output.shape
    values = by_output.reshape(batch, rows, count // examples, examples) * layer.slope
    if layer.normal is not None and layer.scale is not None:
        along = (values * layer.normal).mean(dim=1, keepdim=True)
        values = (values - values.mean(dim=1, keepdim=True) - layer.normal * along) * layer.scale
    return values.view(batch, rows, count)
