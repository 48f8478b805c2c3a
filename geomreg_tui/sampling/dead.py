"""What is known before networks are drawn of which of them are dead.

What dead means is said with the counter, :class:`~geomreg_tui.summary.Summary`. Where the law leaves it
open, the pass is looked at between layers (:mod:`geomreg_tui.sampling.watched`).

An output of 0 may also come of a number format that ends: activations below 1e-38 are 0 in float32. So a
layer counts as off only where its inputs times the scale of its weights lie well inside the format. Where
they do not, a ReLU layer may or may not be off, and dead networks are not counted.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.experiment import Experiment
from geomreg_tui.inits import InitLaw
from geomreg_tui.shapes import LayerShape

if TYPE_CHECKING:
    from jaxtyping import Bool, Float64

__all__ = ["DeadRule", "DeadWatch", "dead_rule"]

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
        dtype: str,
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
        limits = np.finfo(dtype)
        self.least = max(float(limits.tiny) / float(limits.eps), _SMALLEST_ROOT)

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


def _bias_scale(law: InitLaw, shape: LayerShape) -> float:
    """Return the root mean square of a layer's biases; 0 where it has none."""
    return math.sqrt(law.bias_moment(shape)) if shape.bias else 0.0
