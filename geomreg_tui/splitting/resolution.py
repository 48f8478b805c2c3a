"""The loss at which the rounding of outputs begins to show, measured on networks of low loss."""

from __future__ import annotations

import math

import torch

from geomreg_tui.splitting.latent import Latent
from geomreg_tui.splitting.spaces import Space

__all__ = ["log_resolution"]

_LOG_SHARE = math.log(1e3 * 2.0**-52)  # of sizes, that a residual has to be to have three digits
_LOG_NEAR = math.log(1e7)  # of such residuals over those at rounding, from where networks are looked at
_POWERS = {"mse": 2, "huber": 2, "mae": 1}  # of the residuals in the loss


def log_resolution(space: Space, latent: Latent, log_loss: float, generator: torch.Generator) -> float | None:
    """Return the natural logarithm of the loss below which rounding shows; None for losses that keep digits.

    The rounding of f - y is that of a target and that of the terms of an output, and networks of low loss
    may have other terms than those drawn at random. So it is measured on points, once they are near: -inf
    before that.

    Args:
        space: where the points are.
        latent: points.
        log_loss: natural logarithm of the loss that they have come to.
        generator: random numbers.
    """
    facts = space.sampler.facts
    power = _POWERS.get(facts.experiment.loss)
    if power is None:
        return None
    usual = math.log(facts.resolution) if facts.resolution else -math.inf
    if log_loss > usual + power * _LOG_NEAR:
        return -math.inf
    with torch.inference_mode():
        size = space.rounding_size(latent, generator)
    half = math.log(2) if facts.experiment.loss == "huber" else 0.0
    return power * (_LOG_SHARE + (math.log(size) if size > 0 else -math.inf)) - half
