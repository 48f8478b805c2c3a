"""Contraction: a step down that shrinks residuals, for squared error and a Gaussian readout.

With the layers below the readout given, outputs t = g R have the density N(t; 0, R^T R), and every particle
(layers below, residuals r) of {L <= level} has an image (layers below, s r) in {L <= s**2 level}. So

    V(s**2 level) / V(level) = E[w],    w = s**(C N) N(y + s r; 0, R^T R) / N(y + r; 0, R^T R),

over the population, and the images with weights w are a sample of the lower set: an importance sampling
step with a deterministic map (as in annealed flow transport; Arbel, Matthews and Doucet 2021), after which
the population is resampled. The weights scatter little where the density is flat over the ball of residuals,
so the deeper the level the longer the step that keeps half of the effective sample.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from geomreg_tui.sampling.kernels import Particles
from geomreg_tui.sampling.readout import log_determinant, solve
from geomreg_tui.sampling.spaces import ReducedSpace

__all__ = ["Contraction", "contraction", "shrink"]

_LONGEST = 600.0  # of a step, in log s
_BISECTIONS = 60


class Contraction(NamedTuple):
    """A population's weights as a function of how far residuals shrink.

    Attributes:
        fixed, mixed, shrinking: |g(s)|**2 = fixed + 2 s mixed + s**2 shrinking, (n,).
        size: C N.
    """

    fixed: Tensor
    mixed: Tensor
    shrinking: Tensor
    size: int

    def log_weights(self, log_s: float) -> Tensor:
        """Return log w, (n,).

        Args:
            log_s: logarithm of the factor on residuals, at most 0.
        """
        less = -math.expm1(log_s)
        change = less * (2 * self.mixed + (2 - less) * self.shrinking)
        return change / 2 + self.size * log_s

    def log_mean(self, log_s: float) -> float:
        """Return log E[w], by which log V changes."""
        weights = self.log_weights(log_s)
        return float(weights.logsumexp(dim=0)) - math.log(len(weights))

    def scatter(self, log_s: float) -> float:
        """Return the variance of the weights, in units of their mean squared."""
        weights = (self.log_weights(log_s) - self.log_mean(log_s)).exp()
        return float(weights.square().mean() - 1)

    def longest(self, scatter: float) -> float:
        """Return the lowest log s at which the weights scatter no more than this."""
        return _lowest(lambda log_s: self.scatter(log_s) <= scatter)

    def to_volume(self, change: float) -> float:
        """Return the lowest log s at which log V has changed by no more than ``change`` < 0."""
        return _lowest(lambda log_s: self.log_mean(log_s) >= change)


def contraction(space: ReducedSpace, particles: Particles) -> Contraction | None:
    """Return the weights of a population; None if a root is singular, where residuals cannot be shrunk.

    Networks with singular roots that are a share of {L <= level} too small for the population to hold any
    are left out from here on.
    """
    root = space.readout_root(particles.normals[:, : space.hidden])
    if not log_determinant(root).isfinite().all():
        return None
    fixed = solve(space.targets.unsqueeze(0).expand_as(particles.residuals), root)
    moving = solve(particles.residuals, root)
    return Contraction(
        fixed.square().sum(dim=(1, 2)),
        (fixed * moving).sum(dim=(1, 2)),
        moving.square().sum(dim=(1, 2)),
        particles.residuals[0].numel(),
    )


def shrink(space: ReducedSpace, particles: Particles, log_s: float) -> Particles:
    """Return the images of particles under r -> s r."""
    root = space.readout_root(particles.normals[:, : space.hidden])
    residuals = particles.residuals * math.exp(log_s)
    readout = solve(residuals + space.targets, root)
    normals = torch.cat([particles.normals[:, : space.hidden], readout.flatten(1)], dim=1)
    return Particles(normals, particles.signs, residuals, space.log_loss(residuals), particles.tie)


def _lowest(holds: Callable[[float], bool]) -> float:
    """Return the lowest number from -600 to 0 down to which a condition holds."""
    low, high = -_LONGEST, 0.0
    if holds(low):
        return low
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
