"""Facts about activations that need no torch."""

from __future__ import annotations

__all__ = ["HOMOGENEOUS", "LEAKY_SLOPE"]

LEAKY_SLOPE = 0.01  # torch.nn.LeakyReLU's default

# Activation of a negative pre-activation, as a multiple of it, squared; positive ones pass unchanged.
HOMOGENEOUS = {"relu": 0.0, "leaky_relu": LEAKY_SLOPE**2, "linear": 1.0, "abs": 1.0}
