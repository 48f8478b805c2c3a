"""Latent coordinates: every init law as an exact map from independent standard normals and signs.

A law draws what it needs from a :class:`Stream`. A :class:`LatentStream` hands out, in the same order, images
of given latent coordinates under the inverse distribution functions of the numbers asked for. So with
latent coordinates of independent standard normals (and, for binary weights, fair signs) the law is drawn
exactly, whatever it is, and a chain that leaves their law invariant leaves the init law invariant.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from scipy import special
from torch import Tensor

from geomreg_tui.inits import Stream

__all__ = ["Latent", "LatentStream", "latent_sizes"]


class Latent(NamedTuple):
    """Latent coordinates of a batch of networks.

    Attributes:
        normals: (batch, D), float64.
        signs: -1 and 1, (batch, S), float64.
    """

    normals: Tensor
    signs: Tensor


class LatentStream(Stream):
    """Hands out images of latent coordinates, in the order in which they are asked for."""

    def __init__(self, latent: Latent) -> None:
        device = latent.normals.device
        super().__init__(torch.Generator(device), device, torch.float64)
        self._latent = latent
        self._taken = [0, 0]

    def normal(self, *size: int, std: float = 1.0) -> Tensor:
        """Return the next normals times ``std``."""
        return self._next(0, size) * std

    def uniform(self, *size: int, bound: float = 1.0) -> Tensor:
        """Return bound (2 Phi(z) - 1)."""
        image: Tensor = torch.special.erf(self._next(0, size) / math.sqrt(2)) * bound
        return image

    def unit(self, *size: int) -> Tensor:
        """Return Phi(z)."""
        image: Tensor = torch.special.ndtr(self._next(0, size))
        return image

    def signs(self, *size: int) -> Tensor:
        """Return the next signs."""
        return self._next(1, size).clone()

    def laplace(self, *size: int) -> Tensor:
        """Return -sign(z) log(2 Phi(-abs(z)))."""
        z = self._next(0, size)
        image: Tensor = -z.sign() * (torch.special.log_ndtr(-z.abs()) + math.log(2))
        return image

    def student_t(self, *size: int, dof: float) -> Tensor:
        """Return the quantiles of Student's law at Phi(z)."""
        z = self._next(0, size)
        tail = special.stdtrit(dof, special.ndtr(-z.abs().cpu().numpy()))
        return z.sign() * -torch.from_numpy(tail).to(z.device)

    def chi_square(self, freedom: Tensor) -> Tensor:
        """Return chi-square quantiles at Phi(z), each by the smaller of the two tails."""
        if not freedom.any():
            return torch.zeros_like(freedom, dtype=torch.float64)
        z = self._next(0, freedom.shape).cpu().numpy()
        shape = freedom.cpu().numpy() / 2
        tail = special.ndtr(-np.abs(z))
        inverse = np.where(z > 0, special.gammainccinv(shape, tail), special.gammaincinv(shape, tail))
        return torch.from_numpy(np.where(shape > 0, 2 * inverse, 0.0)).to(freedom.device)

    def _next(self, kind: int, size: tuple[int, ...]) -> Tensor:
        """Return the next coordinates of a kind: 0 for normals, 1 for signs."""
        count = math.prod(size[1:])
        start = self._taken[kind]
        self._taken[kind] += count
        return self._latent[kind][:, start : start + count].reshape(size)


class _Counter(LatentStream):
    """Hands out images of random coordinates and counts them."""

    def __init__(self) -> None:
        super().__init__(Latent(torch.empty(1, 0, dtype=torch.float64), torch.empty(1, 0)))

    def sizes(self) -> tuple[int, int]:
        normals, signs = self._taken
        return normals, signs

    def _next(self, kind: int, size: tuple[int, ...]) -> Tensor:
        self._taken[kind] += math.prod(size[1:])
        drawn = torch.randn(size, generator=self.generator, dtype=torch.float64)
        return drawn.sign() if kind else drawn


def latent_sizes(draw: Callable[[Stream], object]) -> tuple[int, int]:
    """Return how many normals and signs one network takes.

    Args:
        draw: draws a batch of one network from a stream.
    """
    counter = _Counter()
    draw(counter)
    return counter.sizes()
