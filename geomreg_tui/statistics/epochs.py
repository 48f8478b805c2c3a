"""Held-out risk along gradient flow of a linear model whose features have several scales: exact.

Of examples x = s * z with z ~ N(0, I), y = x . beta + noise, the weights go from 0 along the flow of the mean
squared error. With X = U D V^T they are sum_i v_i (1 - exp(-2 d_i**2 t / n)) (u_i . y) / d_i, and the risk is
sum_j s_j**2 (beta_j - weights_j)**2 plus the variance of the noise. Features of a large scale are learnt, and
overfitted, long before those of a small one: a risk that falls, rises and falls again is two trade-offs one
after the other (Heckel & Yilmaz, "Early stopping in deep networks: double descent and how to eliminate it",
ICLR 2021).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["ScaledModel", "prominence"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ScaledModel:
    """A linear model of features of two scales.

    Attributes:
        examples: of training, n.
        features: how many are of scale 1, and how many of the other.
        scale: the other scale.
        signal: variance of y that the features of each scale make.
        noise: standard deviation of the noise of y.
    """

    examples: int = 100
    features: tuple[int, int] = (70, 5)
    scale: float = 0.1
    signal: float = 0.75
    noise: float = 0.5

    @property
    def scales(self) -> FloatArray:
        """Standard deviation of each feature, (features,)."""
        return np.repeat([1.0, self.scale], self.features)

    def drawn(self, seed: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return inputs (n, features), targets (n,) and the weights of the truth (features,)."""
        rng = np.random.default_rng(seed)
        counts, scales = np.repeat(self.features, self.features), self.scales
        truth = np.sqrt(self.signal / counts) / scales * rng.choice([-1.0, 1.0], scales.size)
        x = rng.standard_normal((self.examples, scales.size)) * scales
        return x, x @ truth + self.noise * rng.standard_normal(self.examples), truth

    def risk(self, seed: int, times: ArrayLike, *, one_rate: bool = False) -> FloatArray:
        """Return the risk of training on the examples of a seed, (times,).

        Args:
            seed: of the examples.
            times: of the flow, from 0 on, (times,).
            one_rate: whether the step of each weight is divided by the square of its feature's scale, so that
                all are learnt as fast. The model, its loss and so the volume of its weights are the same.
        """
        x, y, truth = self.drawn(seed)
        steps = self.scales**-2 if one_rate else np.ones_like(self.scales)
        left, values, right = np.linalg.svd(x * np.sqrt(steps), full_matrices=False)
        done = -np.expm1(-2 * np.outer(np.asarray(times, np.float64), values**2) / self.examples)
        weights = (done * (left.T @ y) / values) @ right * np.sqrt(steps)
        excess: FloatArray = (self.scales**2 * (weights - truth) ** 2).sum(axis=1)
        return excess + self.noise**2


def prominence(values: ArrayLike) -> float:
    """Return how far the highest rise between two descents stands out: 0 where there is no such rise.

    That is, the largest of values_b less the larger of the least value before b and the least after it.

    Args:
        values: in their order, (places,); NaN for none.
    """
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    if known.size < 3:
        return math.nan
    before = np.minimum.accumulate(known)
    after = np.minimum.accumulate(known[::-1])[::-1]
    return float((known - np.maximum(before, after)).max())
