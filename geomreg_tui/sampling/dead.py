"""Which networks of a batch are dead, by the law or seen on the way through their layers.

What dead means is said with the counter, :class:`~geomreg_tui.summary.Summary`. Where the law leaves it
open, the pass is looked at between layers, one reduction each: a layer whose largest output is 0 is off.

An output of 0 may also come of a number format that ends: activations below 1e-38 are 0 in float32. So a
layer counts as off only where its inputs times the scale of its weights lie well inside the format. Where
they do not, a ReLU layer may or may not be off, and dead networks are not counted.
"""

from __future__ import annotations

import math
from enum import Enum

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from numpy.typing import NDArray
from torch import Tensor

from geomreg_tui.experiment import Experiment
from geomreg_tui.inits import InitLaw
from geomreg_tui.networks import LayerSource
from geomreg_tui.shapes import LayerShape

__all__ = ["DeadRule", "DeadWatch", "WatchedLayers", "dead_rule"]

_SMALLEST_ROOT = 1e-150  # squares of smaller float64 numbers are 0
# Activations that are 0 only at 0 but underflow to 0 far below it, so that an output of 0 says nothing.
_UNDERFLOWING = ("gelu", "silu")
_WITH_TIES = ("binary", "sparse")  # laws by which pre-activations can be 0


class DeadRule(Enum):
    """How it is known which networks are dead."""

    NONE = "no network can be"
    ALL = "all are"
    WATCHED = "the pass shows it"
    UNKNOWN = "the pass does not show it"


def dead_rule(experiment: Experiment, law: InitLaw, largest_input: float) -> DeadRule:
    """Return how it is known which networks of an experiment are dead.

    A ReLU layer can be off by chance. One of another activation that is 0 at 0 is off where all its
    pre-activations are 0: for continuous laws, where its inputs or weights are.

    Args:
        experiment: the experiment.
        law: its init law.
        largest_input: largest absolute value of the training inputs.
    """
    if experiment.arch == "custom":
        return DeadRule.UNKNOWN
    if not experiment.depth or experiment.activation == "sigmoid":
        return DeadRule.NONE
    tied = experiment.residual or experiment.layer_norm or experiment.init in _WITH_TIES
    if experiment.activation == "relu" or (tied and experiment.activation not in _UNDERFLOWING):
        return DeadRule.WATCHED
    if tied:
        return DeadRule.UNKNOWN
    hidden = law.shapes[:-1]
    off = any(law.weight_moment(shape) == 0 and not _bias_scale(law, shape) for shape in hidden)
    return DeadRule.ALL if off or not (largest_input or _bias_scale(law, hidden[0])) else DeadRule.NONE


class DeadWatch:
    """Facts known before the pass, which decide whether a layer whose outputs are 0 is off."""

    def __init__(
        self,
        experiment: Experiment,
        law: InitLaw,
        dtype: torch.dtype,
        columns: tuple[int, int],
        largest_input: float,
    ) -> None:
        """Prepare for an experiment.

        Args:
            experiment: the experiment.
            law: its init law.
            dtype: number format of the activations.
            columns: training examples, and all examples.
            largest_input: largest absolute value of the training inputs.
        """
        hidden = law.shapes[:-1]
        self.shapes = law.shapes
        self.columns = columns
        self.relu = experiment.activation == "relu"
        self.signed = not self.relu or experiment.residual
        self._largest_input = largest_input
        self._scale = np.array([[math.sqrt(law.weight_moment(shape))] for shape in hidden])
        self._offset = np.array([[_bias_scale(law, shape)] for shape in hidden])
        limits = torch.finfo(dtype)
        self.least = max(limits.tiny / limits.eps, _SMALLEST_ROOT)

    def certain(
        self, largest: Float64[NDArray[np.float64], "layers networks"]
    ) -> Bool[NDArray[np.bool_], " networks"]:
        """Return which networks have a layer that is off in exact arithmetic too, (networks,).

        Args:
            largest: largest output of each hidden layer, (layers, networks).
        """
        inputs = np.concatenate([np.full((1, largest.shape[1]), self._largest_input), largest[:-1]])
        inside = (self._offset >= self.least) | ((self._scale == 0) & (self._offset == 0))
        with np.errstate(invalid="ignore"):  # 0 times the infinite scale of a law without variance
            inside = inside | (inputs * self._scale >= self.least)
        inside[0] |= self._largest_input == 0 and self._offset[0, 0] == 0
        return np.asarray(((largest == 0) & inside).any(axis=0))


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


def _bias_scale(law: InitLaw, shape: LayerShape) -> float:
    """Return the root mean square of a layer's biases; 0 where it has none."""
    return math.sqrt(law.bias_moment(shape)) if shape.bias else 0.0
