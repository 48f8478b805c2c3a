"""Architectures, evaluated for a batch of networks at once; one per file."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from geomreg_tui.experiment import Experiment
from geomreg_tui.networks.base import LayerSource, Network, apply_matrix
from geomreg_tui.networks.conv import ConvNet
from geomreg_tui.networks.custom import CustomNetwork
from geomreg_tui.networks.mlp import MLP
from geomreg_tui.shapes import layer_shapes

__all__ = ["MLP", "ConvNet", "CustomNetwork", "LayerSource", "Network", "apply_matrix", "build_network"]


def build_network(
    experiment: Experiment, input_shape: Sequence[int], outputs: int, dtype: torch.dtype
) -> Network:
    """Return the network of an experiment.

    Args:
        experiment: names the architecture.
        input_shape: shape of one example.
        outputs: outputs that the loss needs.
        dtype: number format, which a custom module is cast to.

    Raises:
        ExperimentError: if the architecture does not fit the data.
    """
    if experiment.arch == "custom":
        return CustomNetwork(str(experiment.module), experiment.bias, input_shape, outputs, dtype)
    shapes = layer_shapes(experiment, input_shape, outputs)
    return ConvNet(experiment, shapes) if experiment.arch == "conv" else MLP(experiment, shapes)
