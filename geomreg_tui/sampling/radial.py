"""Radial sampling: a network on one example costs O(depth) random numbers, at any width.

For a positively homogeneous activation, no biases and one example, a layer of a rotation-invariant law
maps activations of norm r to r times a random factor that does not depend on their direction. With z
the n standard normals of the layer, a ReLU layer's factor squared is the sum of z**2 over the active units:
chi-square(K) with K ~ Binomial(n, 1/2). Laws that normalise divide by the sum of all z**2 and a
chi-square for the normals that are never drawn. So the norm is followed from layer to layer in float64,
and the outputs are the last block times the last norm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomreg_tui.activations import HOMOGENEOUS
from geomreg_tui.experiment import Experiment
from geomreg_tui.inits import RotationInvariant, Stream
from geomreg_tui.shapes import LayerShape

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Float64

__all__ = ["radial_outputs"]


def radial_outputs(
    experiment: Experiment,
    law: RotationInvariant,
    input_norm: float,
    batch: int,
    stream: Stream,
) -> tuple[Float[Tensor, "{batch} {law.shapes[-1].n_out} 1"], Bool[Tensor, " {batch}"]]:
    """Draw the outputs of ``batch`` networks on one example.

    Args:
        experiment: an mlp with a homogeneous activation, without biases, residuals or layer norm.
        law: its init law.
        input_norm: Euclidean norm of the example.
        batch: networks.
        stream: random numbers.

    Returns:
        Outputs (batch, outputs, 1), and which networks are dead, bool (batch,): those of which some hidden
        layer has no active unit, or is given nothing but zeros. This is known from the draws, so it holds
        where the outputs leave the number format as well.
    """
    shared = law.begin(batch, stream)
    dead = torch.full((batch,), input_norm == 0 and len(law.shapes) > 1, device=stream.device)
    square = torch.full((batch,), input_norm**2, dtype=torch.float64, device=stream.device)
    negative = HOMOGENEOUS[experiment.activation]
    for shape in law.shapes[:-1]:
        factor, off = _squared_factor(shape, law, negative, batch, stream)
        if off is not None:
            dead |= off
        if law.weight_moment(shape) == 0:
            dead.fill_(True)
        scale = law.row_scales(shape)[0] * law.layer_scale(shape, shared)
        square = square.mul_(factor).mul_(scale**2)
    last = law.shapes[-1]
    outputs = law.block(last, 1, batch, stream, shared)
    norm = square.sqrt_().mul_(law.row_scales(last)[0])
    return outputs.mul_(norm.to(stream.dtype).view(batch, 1, 1)), dead


def _squared_factor(
    shape: LayerShape, law: RotationInvariant, negative: float, batch: int, stream: Stream
) -> tuple[Float64[Tensor, " {batch}"], Bool[Tensor, " {batch}"] | None]:
    """Draw the squared growth of the norm through one layer and its activation.

    Returns:
        It, float64 (batch,); and where the layer is off, bool (batch,), or None where it cannot be.
    """
    off = None
    units = torch.full((batch,), float(shape.n_out), dtype=torch.float64, device=stream.device)
    undrawn = law.undrawn(shape)
    if negative == 1.0:
        kept = whole = stream.chi_square(units)
    else:
        half = torch.full_like(units, 0.5)
        active = torch.binomial(units, half, generator=stream.generator)
        kept = whole = stream.chi_square(active)
        off = None if negative else active == 0
        if negative or undrawn is not None:
            silent = stream.chi_square(units - active)
            whole = kept + silent
            kept = kept + negative * silent
    if undrawn is None:
        return kept, off
    if undrawn:
        whole = whole + stream.chi_square(torch.full_like(units, float(undrawn)))
    return kept / whole, off
