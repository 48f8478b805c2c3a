"""How far rounding moves the outputs of networks that the fused kernel draws, without torch.

As in :mod:`geomreg_tui.sampling.rounding`, networks are evaluated twice, the second time with every number
that was drawn multiplied by 1 + h or 1 - h at random. Only sizes matter, so the networks have normal entries
of the variances of the law, whatever the law.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.fused.library import Kernel
from geomreg_tui.fused.plan import ACTIVATIONS
from geomreg_tui.inits import InitLaw

if TYPE_CHECKING:
    from jaxtyping import Float32, Float64

__all__ = ["radial_moved_size", "usual_moved_size"]

FloatArray = NDArray[np.float64]

_SEED = 0
_SHARE = math.sqrt(float(np.finfo(np.float32).eps))  # by which numbers are moved
_LANES = 16  # numbers that the kernel's activations take at once


def usual_moved_size(
    kernel: Kernel,
    activation: str,
    law: InitLaw,
    x: Float64[FloatArray, "training n_in"],
    count: int,
    *,
    projected: bool,
) -> float:
    """Return the median over networks drawn at random of the moved size of their outputs.

    Networks whose outputs are not finite are left out; 0 where none are.

    Args:
        kernel: the compiled kernel, which knows the activations.
        activation: its name.
        law: the init law.
        x: training inputs.
        count: how many networks.
        projected: whether roots of Gram matrices serve as inputs of layers where they are smaller.
    """
    generator = np.random.default_rng(_SEED)
    plain = moved = x.T[np.newaxis]
    with np.errstate(over="ignore", invalid="ignore"):
        for shape in law.shapes:
            if shape.index:
                plain, moved = (_activated(kernel, activation, z) for z in (plain, moved))
            weight = math.sqrt(law.weight_moment(shape))
            offset = math.sqrt(law.bias_moment(shape)) if shape.bias else 0.0
            plain, moved = (_augmented(h * weight, offset) for h in (plain, moved))
            if projected and plain.shape[2] < plain.shape[1]:
                plain, moved = (_root(h) for h in (plain, moved))
            drawn = generator.standard_normal((count, shape.n_out, plain.shape[1]))
            signs = np.where(generator.random(drawn.shape) < 0.5, _SHARE, -_SHARE)
            plain, moved = drawn @ plain, (drawn * (1 + signs)) @ moved
        return _median_size((moved - plain) / _SHARE)


def radial_moved_size(outputs: Float32[NDArray[np.float32], "networks outputs 1"], depth: int) -> float:
    """Return the median of the moved size of outputs that were drawn radially.

    A hidden layer multiplies them by the root of one chi-square number, which half its move goes through;
    the last one has a normal number for each output.

    Args:
        outputs: of networks drawn at random.
        depth: hidden layers.
    """
    return _median_size(outputs.astype(np.float64) * math.sqrt(1 + depth / 4))


def _median_size(changes: Float64[FloatArray, "networks outputs training"]) -> float:
    """Return the lower median over networks of the root mean square of what is finite; 0 where nothing is."""
    with np.errstate(over="ignore", invalid="ignore"):
        sizes = np.sqrt(np.square(changes).mean(axis=(1, 2)))
    sizes = np.sort(sizes[np.isfinite(sizes)])
    return float(sizes[(sizes.size - 1) // 2]) if sizes.size else 0.0


def _activated(
    kernel: Kernel, activation: str, z: Float64[FloatArray, "networks n_out training"]
) -> Float64[FloatArray, "networks n_out training"]:
    """Return the activations of pre-activations, as the kernel computes them."""
    values = np.zeros(-(-z.size // _LANES) * _LANES, np.float32)
    values[: z.size] = z.reshape(-1)
    kernel.activate(ACTIVATIONS.index(activation), values.size, values.ctypes.data)
    return values[: z.size].astype(np.float64).reshape(z.shape)


def _augmented(
    h: Float64[FloatArray, "networks n_in training"], offset: float
) -> Float64[FloatArray, "networks rows training"]:
    """Return inputs of a layer with one more row, whose weights are the biases; none without biases."""
    if not offset:
        return h
    return np.concatenate([h, np.full((len(h), 1, h.shape[2]), offset)], axis=1)


def _root(
    h: Float64[FloatArray, "networks rows training"],
) -> Float64[FloatArray, "networks training training"]:
    """Return the positive root of h^T h, whose entries move no more than those of h, to a small factor."""
    gram = h.swapaxes(1, 2) @ h
    if not np.isfinite(gram).all():
        return np.full_like(gram, np.nan)
    values, vectors = np.linalg.eigh(gram)
    root: FloatArray = (vectors * np.sqrt(values.clip(0))[:, np.newaxis]) @ vectors.swapaxes(1, 2)
    return root
