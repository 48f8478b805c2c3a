"""Sizes of layers, known without building anything: all that planning and display need. No torch here.

The axes of tensors have one name each, in signatures (``Float[Tensor, "batch outputs examples"]``) and in
docstrings. A letter in brackets is short for it in docstrings:

=====================  =====================================================================================
``batch``              networks that are evaluated at once
``networks``           some of them
``trajectories``       networks that are trained, of which some are side by side (``networks``)
``examples`` (E)       all examples: the training examples, then those held out
``training`` (N)       training examples
``held`` (M)           held-out examples
``*input_shape``       one example: (features,) or (channels, height, width)
``outputs`` (C)        outputs of a network
``classes``            classes of the labels
``layers``             layers of a network
``parameters`` (P)     weights and biases of a network
``n_out``, ``n_in``    rows and columns of a layer's weight matrix; not fans, which differ for convolutions
``columns`` (m)        what a layer is applied to: examples times positions in the image
``rank``               dimensions of the space that columns lie in; rows of a root of their Gram matrix
``offsets``            first rows of several tables that lie one after the other, and the end
``steps``              steps of training
``pairs``              pairs of examples
``quantiles``          shares of a distribution
``rows``               rows of any other matrix
``*positions``         examples, and for images their height and width
``channels``           of images, with their ``height`` and ``width``
``height_after``       of images after pooling, with ``width_after``
``*size``              any
=====================  =====================================================================================

``#batch`` may be 1, for what all networks share. ``{batch}`` is the value of the argument ``batch``. A string
that Python could read as an expression begins with a space, so that ruff leaves it alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.experiment import Experiment

__all__ = ["LayerShape", "conv_sizes", "fan_std", "layer_shapes", "parameter_count"]


@dataclass(frozen=True)
class LayerShape:
    """One linear map of a network, as a matrix applied to columns.

    Attributes:
        index: position in the network, from 0.
        n_out: rows of the weight matrix: units, or output channels.
        n_in: columns of the weight matrix: inputs, or input channels times kernel area.
        fan_in, fan_out: as ``torch.nn.init`` computes them.
        bias: whether the layer has a bias vector.
        columns: columns it is applied to for one example: 1, or the number of image positions.
    """

    index: int
    n_out: int
    n_in: int
    fan_in: int
    fan_out: int
    bias: bool
    columns: int = 1

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.n_out * (self.n_in + self.bias)


def layer_shapes(experiment: Experiment, input_shape: Sequence[int], outputs: int) -> tuple[LayerShape, ...]:
    """Return the layers of an ``mlp`` or ``conv`` experiment, first to last.

    Args:
        experiment: the experiment; for ``custom`` the module itself tells.
        input_shape: (features,) or (channels, height, width) of one example.
        outputs: size of the output.

    Raises:
        ExperimentError: if a convolutional network is asked for on data that are not images.
    """
    if experiment.arch == "conv":
        return _conv_shapes(experiment, input_shape, outputs)
    sizes = (math.prod(input_shape), *experiment.widths, outputs)
    return tuple(
        LayerShape(index, n_out, n_in, fan_in=n_in, fan_out=n_out, bias=experiment.bias)
        for index, (n_in, n_out) in enumerate(pairwise(sizes))
    )


def fan_std(family: str, shape: LayerShape) -> float:
    """Return the standard deviation, before the gain, that a fan-scaled family gives a layer's weights.

    Args:
        family: ``he`` (He et al. 2015, sqrt(2 / fan_in); ``torch.nn.init.kaiming_normal_``),
            ``glorot`` (Glorot & Bengio 2010, sqrt(2 / (fan_in + fan_out)); ``xavier_normal_``), or
            ``lecun`` (LeCun et al. 1998, sqrt(1 / fan_in); kaiming with nonlinearity ``linear``).
        shape: the layer.
    """
    variance = {
        "he": 2 / shape.fan_in,
        "glorot": 2 / (shape.fan_in + shape.fan_out),
        "lecun": 1 / shape.fan_in,
    }
    return math.sqrt(variance[family])


def parameter_count(shapes: Sequence[LayerShape]) -> int:
    """Return P, the number of weights and biases of one network."""
    return sum(shape.parameters for shape in shapes)


def conv_sizes(experiment: Experiment, height: int, width: int) -> list[tuple[int, int]]:
    """Return (height, width) before each convolution and, last, before the readout."""
    sizes = [(height, width)]
    for _ in range(experiment.depth):
        if pools(experiment, height, width):
            height, width = height // 2, width // 2
        sizes.append((height, width))
    return sizes


def pools(experiment: Experiment, height: int, width: int) -> bool:
    """Return whether a convolution on an image of this size is followed by pooling."""
    return experiment.pooling != "none" and min(height, width) >= 2


def _conv_shapes(experiment: Experiment, input_shape: Sequence[int], outputs: int) -> tuple[LayerShape, ...]:
    if len(input_shape) != 3:
        got = f"conv on inputs of shape {tuple(input_shape)}"
        allowed = "conv needs images (channels, height, width): try data digits, or arch mlp"
        raise ExperimentError([Problem("arch", got, allowed)])
    channels, height, width = input_shape
    area = experiment.kernel**2
    sizes = conv_sizes(experiment, height, width)
    shapes = []
    for index in range(experiment.depth):
        rows, columns = sizes[index]
        shapes.append(
            LayerShape(
                index,
                n_out=experiment.channels,
                n_in=channels * area,
                fan_in=channels * area,
                fan_out=experiment.channels * area,
                bias=experiment.bias,
                columns=rows * columns,
            )
        )
        channels = experiment.channels
    features = channels * math.prod(sizes[-1])
    shapes.append(LayerShape(experiment.depth, outputs, features, features, outputs, experiment.bias))
    return tuple(shapes)
