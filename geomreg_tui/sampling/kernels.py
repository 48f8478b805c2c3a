"""Moves that leave the law of latent coordinates, restricted to low loss, invariant.

A level is a loss and, for points of exactly that loss, the height of an auxiliary uniform number: ties and
atoms are passed through as any other level is.

- :class:`CrankNicolson`: preconditioned Crank-Nicolson (Cotter et al. 2013), z' = sqrt(1 - b**2) z + b xi,
  reversible for standard normals; a sign is turned with the probability that the sign of such a normal
  would be. Accepted if the loss is low.
- :class:`EllipticalSlice`: elliptical slice sampling (Murray, Adams and MacKay 2010) from a bracket of
  adapted width, shrunk without stepping out (Neal 2003).
- :class:`Reflective`: the Gaussian flow z cos t + v sin t in steps, reflected at the gradient of the loss
  wherever a step leaves the level (Galilean Monte Carlo; Skilling 2012). Needs derivatives.

:mod:`~geomreg_tui.sampling.readout` has one more, for Gaussian readouts.

Noise has float32 resolution: a kernel is reversible to within 1e-7 of its step.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor

from geomreg_tui.sampling.latent import Latent
from geomreg_tui.sampling.spaces import Space

__all__ = ["CrankNicolson", "EllipticalSlice", "Level", "Particles", "Reflective", "Walk", "shrunk"]

_GOAL = 0.3  # acceptance that scales are adapted to
_GAIN = 2.0
_LARGEST = 0.999
_SHRINKS = 100
_REFLECTIONS = 8


class Level(NamedTuple):
    """Which points are low enough.

    Attributes:
        log_loss: natural logarithm of the loss.
        tie: points of exactly this loss are low enough with an auxiliary number below this.
    """

    log_loss: float
    tie: float

    def holds(self, log_loss: Tensor, tie: Tensor) -> Tensor:
        """Return which points are low enough, bool."""
        return (log_loss < self.log_loss) | ((log_loss == self.log_loss) & (tie < self.tie))


class Particles(NamedTuple):
    """Points of a space with what is known of them.

    Attributes:
        normals, signs: coordinates, (n, D) and (n, S).
        residuals: outputs on the training examples, minus targets for squared error, (n, C, N).
        log_loss: natural logarithm of the training loss, (n,).
        tie: auxiliary uniform number, (n,).
    """

    normals: Tensor
    signs: Tensor
    residuals: Tensor
    log_loss: Tensor
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


class Walk(ABC):
    """A walk of particles within a level.

    Attributes:
        scales: names of the step sizes that are adapted.
        particles: where they are.
        scale: step sizes, each below 1.
        acceptance: by scale, share accepted in the last sweep.
        evaluations: networks evaluated so far.
    """

    scales: tuple[str, ...] = ("step",)

    def __init__(
        self,
        space: Space,
        particles: Particles,
        level: Level,
        scale: dict[str, float],
        generator: torch.Generator,
    ) -> None:
        """Begin at particles that are low enough.

        Args:
            space: where they are.
            particles: the particles.
            level: what is low enough.
            scale: step sizes to begin with.
            generator: random numbers.
        """
        self.space = space
        self.particles = particles
        self.level = level
        self.scale = {name: scale.get(name, 0.5) for name in self.scales}
        self.acceptance = dict.fromkeys(self.scales, 0.0)
        self.evaluations = 0
        self._generator = generator

    @abstractmethod
    def sweep(self) -> None:
        """Move every particle once and adapt the scales."""

    def marks(self) -> list[Tensor]:
        """Return, besides the loss, what tells particles apart that should be forgotten, (n,) each."""
        return []

    def _noise(self, like: Tensor) -> Tensor:
        """Return standard normals of float32 resolution."""
        drawn = torch.empty_like(like, dtype=torch.float32).normal_(generator=self._generator)
        return drawn.to(torch.float64)

    def _uniform(self, count: int) -> Tensor:
        return torch.rand(
            count, dtype=torch.float64, device=self.particles.tie.device, generator=self._generator
        )

    def _at(self, latent: Latent) -> Particles:
        self.evaluations += len(latent.normals)
        residuals = self.space.residuals(latent)
        log_loss = self.space.log_loss(residuals)
        return Particles(*latent, residuals, log_loss, self._uniform(len(log_loss)))

    def _settle(self, name: str, proposed: Particles, accepted: Tensor) -> None:
        self.particles = self.particles.replaced(accepted, proposed)
        self._adapt(name, float(accepted.double().mean()))

    def _adapt(self, name: str, share: float) -> None:
        self.acceptance[name] = share
        self.scale[name] = min(self.scale[name] * math.exp(_GAIN * (share - _GOAL)), _LARGEST)


class CrankNicolson(Walk):
    """Preconditioned Crank-Nicolson moves of all coordinates."""

    def sweep(self) -> None:
        """Propose a move of every particle."""
        step = self.scale["step"]
        now = self.particles
        normals = shrunk(now.normals, step) + step * self._noise(now.normals)
        signs = now.signs
        if signs.shape[1]:
            turned = math.asin(step) / math.pi
            flips = torch.rand(signs.shape, device=signs.device, generator=self._generator) < turned
            signs = torch.where(flips, -signs, signs)
        proposed = self._at(Latent(normals, signs))
        self._settle("step", proposed, self.level.holds(proposed.log_loss, proposed.tie))


class EllipticalSlice(Walk):
    """Elliptical slice moves of all normals."""

    def sweep(self) -> None:
        """Move every particle along an ellipse of its own."""
        start = self.particles
        other = self._noise(start.normals)
        high = self._uniform(len(other)) * 2 * math.pi * self.scale["step"]
        low = high - 2 * math.pi * self.scale["step"]
        left = torch.arange(len(other), device=other.device)
        first = 0.0
        for turn in range(_SHRINKS):
            angle = low[left] + (high[left] - low[left]) * self._uniform(len(left))
            normals = start.normals[left] * angle.cos()[:, None] + other[left] * angle.sin()[:, None]
            proposed = self._at(Latent(normals, start.signs[left]))
            held = self.level.holds(proposed.log_loss, proposed.tie)
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
        self._adapt("step", first)


class Reflective(Walk):
    """Steps along the Gaussian flow, reflected where they leave the level."""

    def sweep(self) -> None:
        """Move every particle along a trajectory; it stays where the trajectory ends outside."""
        start = self.particles
        angle = math.asin(self.scale["step"])
        normals, speed = start.normals, self._noise(start.normals)
        for step in range(_REFLECTIONS):
            normals, speed = (
                normals * math.cos(angle) + speed * math.sin(angle),
                speed * math.cos(angle) - normals * math.sin(angle),
            )
            proposed = self._at(Latent(normals, start.signs))
            held = self.level.holds(proposed.log_loss, proposed.tie)
            outside = (~held).nonzero()[:, 0]
            if outside.numel() and step < _REFLECTIONS - 1:
                speed = self._reflected(normals, start.signs, speed, outside)
        self._settle("step", proposed, held)

    def _reflected(self, normals: Tensor, signs: Tensor, speed: Tensor, rows: Tensor) -> Tensor:
        self.evaluations += 2 * len(rows)
        with torch.inference_mode(False), torch.enable_grad():
            point = normals[rows].clone().requires_grad_()
            log_loss = self.space.log_loss(self.space.residuals(Latent(point, signs[rows].clone())))
            (gradient,) = torch.autograd.grad(log_loss.sum(), point)
        size = gradient.square().sum(dim=1, keepdim=True)
        ahead = (speed[rows] * gradient).sum(dim=1, keepdim=True)
        turned = speed[rows] - 2 * gradient * torch.where(size > 0, ahead / size, 0.0)
        return speed.index_copy(0, rows, torch.where(turned.isfinite(), turned, speed[rows]))


def shrunk(normals: Tensor, step: float) -> Tensor:
    """Return sqrt(1 - step**2) times normals."""
    return normals * math.sqrt(1 - step * step)
