"""Init laws, each with its parameters and its source.

The gain multiplies the weights of any law; biases have the law's own bias distribution and their own scale.
"""

from __future__ import annotations

from collections.abc import Sequence

from geomreg_tui.experiment import Experiment
from geomreg_tui.inits.base import InitLaw, Stream
from geomreg_tui.inits.independent import (
    Binary,
    Laplace,
    Sparse,
    StudentT,
    TorchDefault,
    TruncatedNormal,
    Uniform,
)
from geomreg_tui.inits.rotation import Gaussian, Orthogonal, RotationInvariant, Sphere
from geomreg_tui.shapes import LayerShape

__all__ = ["InitLaw", "RotationInvariant", "Stream", "build_law"]


def build_law(experiment: Experiment, shapes: Sequence[LayerShape]) -> InitLaw:
    """Return the init law of an experiment for a network with these layers."""
    common = (shapes, experiment.gain, experiment.bias_scale)
    family, _, form = experiment.init.rpartition("_")
    match experiment.init:
        case "torch_default":
            return TorchDefault(*common)
        case "orthogonal":
            return Orthogonal(*common)
        case "sparse":
            return Sparse(*common, experiment.sparsity)
        case "laplace":
            return Laplace(*common)
        case "student_t":
            return StudentT(*common, experiment.dof)
        case "binary":
            return Binary(*common)
        case "sphere" | "ball":
            return Sphere(*common, ball=experiment.init == "ball")
    match form:
        case "truncated":
            return TruncatedNormal(*common, family)
        case "uniform":
            return Uniform(*common, family or None)
        case _:
            return Gaussian(*common, family or None)
