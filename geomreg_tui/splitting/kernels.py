"""Moves that leave the law of latent coordinates, restricted to low loss, invariant.

A level is a loss and, for points of that loss to within rounding, the height of an auxiliary uniform number:
ties, atoms and lattices of losses are passed through as any other level is.

- :class:`CrankNicolson`: preconditioned Crank-Nicolson (Cotter et al. 2013), z' = sqrt(1 - b**2) z + b xi,
  reversible for standard normals; a sign is turned with the probability that the sign of such a normal
  would be. Accepted if the loss is low.
- :class:`EllipticalSlice`: elliptical slice sampling (Murray, Adams and MacKay 2010) from a bracket of
  adapted width, shrunk without stepping out (Neal 2003).
- :class:`Reflective`: the Gaussian flow z cos t + v sin t in steps, reflected at the gradient of the loss
  wherever a step leaves the level (Galilean Monte Carlo; Skilling 2012). Needs derivatives.

Noise has float32 resolution: a kernel is reversible to within 1e-7 of its step.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from geomreg_tui.splitting.latent import Latent
from geomreg_tui.splitting.spaces import Space

__all__ = [
    "FIRST_SCALE",
    "CrankNicolson",
    "EllipticalSlice",
    "Level",
    "Moves",
    "Particles",
    "Reflective",
    "adapted",
    "forget",
    "noise",
    "ranks",
    "shrunk",
]

FIRST_SCALE = 0.5

_ACCEPTANCE = 0.3  # that scales are adapted to
_GAIN = 2.0
_LARGEST = 0.999
_SHRINKS = 100
_REFLECTIONS = 8
_FORGOTTEN = 0.1  # correlation with where particles were copied, below which they are moved enough
_LEAST_SWEEPS = 3


class Level(NamedTuple):
    """Which points are low enough.

    Attributes:
        log_excess: natural logarithm of the loss above the floor.
        low, high: ends of what is that loss to within rounding.
        tie: points between them are low enough with an auxiliary number below this.
    """

    log_excess: float
    low: float
    high: float
    tie: float

    def holds(self, log_excess: Tensor, tie: Tensor) -> Tensor:
        """Return which points are low enough, bool."""
        return (log_excess < self.low) | (self.ties(log_excess) & (tie < self.tie))

    def ties(self, log_excess: Tensor) -> Tensor:
        """Return which points have the loss of the level, bool."""
        return (log_excess >= self.low) & (log_excess <= self.high)


class Particles(NamedTuple):
    """Points of a space with what is known of them.

    Attributes:
        normals, signs: coordinates, (n, D) and (n, S).
        log_excess: natural logarithm of the training loss above the floor of all networks, (n,).
        tie: auxiliary uniform number, (n,).
    """

    normals: Tensor
    signs: Tensor
    log_excess: Tensor
    tie: Tensor

    @property
    def latent(self) -> Latent:
        """The coordinates."""
        return Latent(self.normals, self.signs)

    def take(self, index: Tensor) -> Particles:
        """Return some of the points."""
        return Particles(*(part[index] for part in self))

    def replaced(self, where: Tensor, other: Particles) -> Particles:
        """Return these points, those of ``other`` where ``where`` says so."""
        rows = where.nonzero()[:, 0]
        return Particles(
            *(mine.index_copy(0, rows, its[rows]) for mine, its in zip(self, other, strict=True))
        )


class Moves(ABC):
    """Moves of particles within a level, by a Markov kernel that keeps their law.

    Attributes:
        particles: where they are.
        scale: step size, below 1.
        acceptance: share accepted in the last sweep.
        evaluations: networks evaluated so far.
    """

    def __init__(
        self,
        space: Space,
        particles: Particles,
        level: Level,
        scale: float,
        generator: torch.Generator,
    ) -> None:
        """Begin at particles that are low enough.

        Args:
            space: where they are.
            particles: the particles.
            level: what is low enough.
            scale: step size to begin with.
            generator: random numbers.
        """
        self.space = space
        self.particles = particles
        self.level = level
        self.scale = scale
        self.acceptance = 0.0
        self.evaluations = 0
        self._generator = generator

    @abstractmethod
    def sweep(self) -> None:
        """Move every particle once and adapt the scale."""

    def _noise(self, like: Tensor) -> Tensor:
        return noise(like, self._generator)

    def _uniform(self, count: int) -> Tensor:
        return torch.rand(
            count, dtype=torch.float64, device=self.particles.tie.device, generator=self._generator
        )

    def _at(self, latent: Latent) -> Particles:
        """Return particles at points, with their losses and new ties."""
        self.evaluations += len(latent.normals)
        log_excess = self.space.log_excess(latent)
        return Particles(*latent, log_excess, self._uniform(len(log_excess)))

    def _settle(self, proposed: Particles, accepted: Tensor) -> None:
        """Put the proposals that were accepted in place of particles."""
        self.particles = self.particles.replaced(accepted, proposed)
        self._adapt(float(accepted.double().mean()))

    def _adapt(self, share: float) -> None:
        """Adapt the size of moves to the share of them that was accepted."""
        self.acceptance = share
        self.scale = adapted(self.scale, share)


class CrankNicolson(Moves):
    """Preconditioned Crank-Nicolson moves of all coordinates."""

    def sweep(self) -> None:
        """Propose a move of every particle."""
        step = self.scale
        now = self.particles
        normals = shrunk(now.normals, step) + step * self._noise(now.normals)
        signs = now.signs
        if signs.shape[1]:
            turned = math.asin(step) / math.pi
            flips = torch.rand(signs.shape, device=signs.device, generator=self._generator) < turned
            signs = torch.where(flips, -signs, signs)
        proposed = self._at(Latent(normals, signs))
        self._settle(proposed, self.level.holds(proposed.log_excess, proposed.tie))


class EllipticalSlice(Moves):
    """Elliptical slice moves of all normals."""

    def sweep(self) -> None:
        """Move every particle along an ellipse of its own."""
        start = self.particles
        other = self._noise(start.normals)
        high = self._uniform(len(other)) * 2 * math.pi * self.scale
        low = high - 2 * math.pi * self.scale
        left = torch.arange(len(other), device=other.device)
        first = 0.0
        for turn in range(_SHRINKS):
            angle = low[left] + (high[left] - low[left]) * self._uniform(len(left))
            normals = start.normals[left] * angle.cos()[:, None] + other[left] * angle.sin()[:, None]
            proposed = self._at(Latent(normals, start.signs[left]))
            held = self.level.holds(proposed.log_excess, proposed.tie)
            rows = left[held]
            self.particles = Particles(
                *(
                    mine.index_copy(0, rows, its[held])
                    for mine, its in zip(self.particles, proposed, strict=True)
                )
            )
            if turn == 0:
                first = float(held.double().mean())
            low[left] = torch.where(angle < 0, angle, low[left])
            high[left] = torch.where(angle < 0, high[left], angle)
            left = left[~held]
            if not left.numel():
                break
        self._adapt(first)


class Reflective(Moves):
    """Steps along the Gaussian flow, reflected where they leave the level."""

    def sweep(self) -> None:
        """Move every particle along a trajectory; it stays where the trajectory ends outside."""
        start = self.particles
        angle = self.scale * math.pi / 2 / _REFLECTIONS  # a whole turn would come back
        normals, speed = start.normals, self._noise(start.normals)
        for step in range(_REFLECTIONS):
            normals, speed = (
                normals * math.cos(angle) + speed * math.sin(angle),
                speed * math.cos(angle) - normals * math.sin(angle),
            )
            proposed = self._at(Latent(normals, start.signs))
            held = self.level.holds(proposed.log_excess, proposed.tie)
            outside = (~held).nonzero()[:, 0]
            if outside.numel() and step < _REFLECTIONS - 1:
                speed = self._reflected(normals, start.signs, speed, outside)
        self._settle(proposed, held)

    def _reflected(self, normals: Tensor, signs: Tensor, speed: Tensor, rows: Tensor) -> Tensor:
        """Return velocities, (n, D), of which some rows are reflected at the gradient of the loss."""
        self.evaluations += 2 * len(rows)
        with torch.inference_mode(False), torch.enable_grad():
            point = normals[rows].clone().requires_grad_()
            log_excess = self.space.log_excess(Latent(point, signs[rows].clone()))
            (gradient,) = torch.autograd.grad(log_excess.sum(), point)
        size = gradient.square().sum(dim=1, keepdim=True)
        ahead = (speed[rows] * gradient).sum(dim=1, keepdim=True)
        turned = speed[rows] - 2 * gradient * torch.where(size > 0, ahead / size, 0.0)
        return speed.index_copy(0, rows, torch.where(turned.isfinite(), turned, speed[rows]))


def shrunk(normals: Tensor, step: float) -> Tensor:
    """Return sqrt(1 - step**2) times normals."""
    return normals * math.sqrt(1 - step * step)


def noise(like: Tensor, generator: torch.Generator) -> Tensor:
    """Return standard normals of float32 resolution, in float64."""
    return torch.empty_like(like, dtype=torch.float32).normal_(generator=generator).to(torch.float64)


def adapted(scale: float, share: float) -> float:
    """Return a step size changed towards the wanted acceptance, from the share accepted."""
    return min(scale * math.exp(_GAIN * (share - _ACCEPTANCE)), _LARGEST)


def forget(start: Tensor, sweep: Callable[[], Tensor], most: int) -> int:
    """Sweep until the ranks of particles do not tell where they were copied.

    Args:
        start: ranks where they were copied, (n,).
        sweep: moves them; returns their ranks now, (n,).
        most: sweeps after which to stop anyway.

    Returns:
        How many sweeps there were.
    """
    for count in range(1, most + 1):
        now = sweep()
        if count >= _LEAST_SWEEPS and float(torch.corrcoef(torch.stack([start, now]))[0, 1]) < _FORGOTTEN:
            return count
    return most


def ranks(values: Tensor) -> Tensor:
    """Return the rank of each value, from 0, float64; of equal ones the first comes first."""
    return values.argsort(stable=True).argsort().double()
