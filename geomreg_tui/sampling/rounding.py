"""How far rounding moves the outputs of networks: measured by moving all that they are computed from.

An output is a sum of terms, and has the rounding of its terms. Where they cancel, so that it comes near a
small target, its own size says nothing of that. So networks are evaluated twice, the second time with every
number that was drawn multiplied by 1 + h or 1 - h at random. Outputs move by h times a *moved size*, to first
order the root of the sum of squares of (w df/dw). In a format whose numbers are eps apart, relative to their
size, outputs are known to within about eps times the moved size (the condition number of Higham 2002,
chapter 1, with random errors in place of the largest ones).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geomreg_tui.inits import Stream

if TYPE_CHECKING:
    from jaxtyping import Float, Float64, Num

__all__ = ["moved", "moved_sizes", "usual_moved_size"]

_SEEDS = (0, 1)  # of the networks, and of which numbers are moved up


class _MovedStream(Stream):
    """Hands out the numbers of a stream, each moved up or down by a share of itself."""

    def __init__(self, stream: Stream, share: float, generator: torch.Generator) -> None:
        super().__init__(stream.generator, stream.device, stream.dtype)
        self._share = share
        self._directions = generator

    def normal(self, *size: int, std: float = 1.0) -> Tensor:
        return self._moved(super().normal(*size, std=std))

    def uniform(self, *size: int, bound: float = 1.0) -> Tensor:
        return self._moved(super().uniform(*size, bound=bound))

    def signs(self, *size: int) -> Tensor:
        return self._moved(super().signs(*size))

    def chi_square(self, freedom: Num[Tensor, "*size"]) -> Float64[Tensor, "*size"]:
        return self._moved(super().chi_square(freedom))

    def laplace(self, *size: int) -> Tensor:
        return super().laplace(*size)  # its signs are moved

    def student_t(self, *size: int, dof: float) -> Tensor:
        return super().student_t(*size, dof=dof)  # its normals are moved

    def _moved(self, drawn: Float[Tensor, "*size"]) -> Float[Tensor, "*size"]:
        """Return numbers of the stream, moved."""
        return moved(drawn, self._share, self._directions)


def moved(
    numbers: Float[Tensor, "*size"], share: float, generator: torch.Generator
) -> Float[Tensor, "*size"]:
    """Return numbers times 1 + share or 1 - share at random."""
    up = torch.empty_like(numbers).bernoulli_(0.5, generator=generator)
    return numbers * (1 + share * (2 * up - 1))


def moved_sizes(
    outputs: Float[Tensor, "batch outputs training"],
    after: Float[Tensor, "batch outputs training"],
    share: float,
) -> Float64[Tensor, " batch"]:
    """Return the root mean square of the moved sizes of each network's outputs, (batch,).

    Args:
        outputs: (batch, C, N).
        after: the same with all numbers moved.
        share: by which share of themselves.
    """
    change = (after - outputs).to(torch.float64) / share
    return change.square().mean(dim=(1, 2)).sqrt()


def usual_moved_size(
    draw: Callable[[int, Stream], Float[Tensor, "batch outputs training"]],
    count: int,
    device: torch.device,
    dtype: torch.dtype,
) -> float:
    """Return the median over networks drawn at random of the moved size of their outputs.

    Networks whose outputs are not finite are left out; 0 where none are.

    Args:
        draw: returns outputs (batch, C, N) of ``batch`` networks drawn from a stream.
        count: how many networks.
        device, dtype: of the stream.
    """
    share = math.sqrt(torch.finfo(dtype).eps)
    networks, directions = (torch.Generator(device).manual_seed(seed) for seed in _SEEDS)
    with torch.inference_mode():
        outputs = draw(count, Stream(networks, device, dtype))
        stream = Stream(networks.manual_seed(_SEEDS[0]), device, dtype)
        after = draw(count, _MovedStream(stream, share, directions))
        sizes = moved_sizes(outputs, after, share)
    sizes = sizes[sizes.isfinite()]
    return float(sizes.median()) if sizes.numel() else 0.0
