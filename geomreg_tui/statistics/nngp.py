"""The covariance of a network's outputs over examples when its hidden layers are infinitely wide (NNGP).

With Gaussian weights a layer's pre-activations are a Gaussian process given the layer below, and in the
limit of wide layers they are one outright, independent across units and outputs. The covariance follows
the recursion ``K <- weight_variance E[phi(u) phi(v)] + bias_variance`` with (u, v) ~ N(0, K)
(Neal 1996; Lee et al. 2018, arXiv 1711.00165; Matthews et al. 2018, arXiv 1804.11271).

The expectations are closed forms: arc-cosine for piecewise-linear activations (Cho & Saul 2009), arcsine
for erf (Williams 1998), and its relative for ``z erf(z)``, which gives GELU. The logistic law is a scale
mixture of normals (Andrews & Mallows 1974), so tanh, sigmoid and SiLU are sums of the same, whatever K.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["SLOPES", "LayerVariance", "activation_covariance", "kernel_cost", "nngp_kernel"]

FloatArray = NDArray[np.float64]

# phi(z) = z for z > 0 and slope z for z < 0. leaky_relu has the slope of torch.nn.LeakyReLU.
SLOPES = {"relu": 0.0, "leaky_relu": 0.01, "linear": 1.0, "abs": -1.0}
_MIXTURES = ("tanh", "sigmoid", "silu")
_PAIRS_AT_ONCE = 2**11
# In log-scale of the mixing law, whose density is below 1e-16 outside; the trapezoidal rule is good to 2e-10.
_MIXING_RANGE = (math.log(0.18), math.log(4.4))
_MIXING_STEP = 0.18


@dataclass(frozen=True)
class LayerVariance:
    """Second moments of one layer.

    Attributes:
        weight: variance of a weight times the layer's number of inputs.
        bias: variance of a bias, 0 for a layer without.
    """

    weight: float
    bias: float


def nngp_kernel(x: FloatArray, activation: str, layers: Sequence[LayerVariance]) -> FloatArray:
    """Return the covariance of one output over examples, (examples, examples).

    Args:
        x: inputs, shape (examples, features).
        activation: name of the activation between layers.
        layers: variances of the layers, first to last; at least one.

    Returns:
        The covariance: infinite or NaN entries where it does not fit a float.
    """
    rows, columns = np.triu_indices(len(x))
    with np.errstate(over="ignore", invalid="ignore"):
        covariance = (x @ x.T)[rows, columns] / x.shape[1] * layers[0].weight + layers[0].bias
        diagonal = rows == columns
        for layer in layers[1:]:
            variances = covariance[diagonal]
            moments = activation_covariance(activation, variances[rows], variances[columns], covariance)
            covariance = layer.weight * moments + layer.bias
    kernel = np.empty((len(x), len(x)))
    kernel[rows, columns] = kernel[columns, rows] = covariance
    return kernel


def kernel_cost(activation: str, examples: int, hidden_layers: int) -> int:
    """Return how many closed forms :func:`nngp_kernel` evaluates."""
    terms = _mixture()[0].size ** 2 if activation in _MIXTURES else 1
    return terms * hidden_layers * examples * (examples + 1) // 2


def activation_covariance(name: str, a: FloatArray, d: FloatArray, c: FloatArray) -> FloatArray:
    """Return E[phi(u) phi(v)] for u, v jointly normal with means 0, variances a and d, covariance c.

    Args:
        name: the activation phi.
        a, d, c: entries of 2 by 2 covariance matrices, each of shape (pairs,).
    """
    match name:
        case "relu" | "leaky_relu" | "linear" | "abs":
            # phi = slope z + (1 - slope) relu(z), and E[u relu(v)] = c / 2.
            slope = SLOPES[name]
            return slope * c + ((1 - slope) ** 2 * _arc_cosine(a, d, c) if slope != 1 else 0.0)
        case "sin":
            return (np.exp(c - (a + d) / 2) - np.exp(-c - (a + d) / 2)) / 2
        case "erf":
            return _arc_sine(np.ones(1), np.ones(1), a, d, c, times_identity=False)
        case "gelu":
            # z Phi(z) = z / 2 + z erf(z / sqrt(2)) / 2; products of odd and even functions vanish.
            return c / 4 + _arc_sine(np.full(1, math.sqrt(0.5)), np.ones(1), a, d, c, times_identity=True) / 4
        case "tanh":
            scales, weights = _mixture()
            return _arc_sine(2 * scales, weights, a, d, c, times_identity=False)
        case "sigmoid":
            return 1 / 4 + _arc_sine(*_mixture(), a, d, c, times_identity=False) / 4
        case "silu":
            return c / 4 + _arc_sine(*_mixture(), a, d, c, times_identity=True) / 4
        case _:
            raise ValueError(f"no kernel for activation {name!r}")


def _arc_cosine(a: FloatArray, d: FloatArray, c: FloatArray) -> FloatArray:
    """Return E[relu(u) relu(v)] (Cho & Saul 2009, order 1)."""
    scale = np.sqrt(a) * np.sqrt(d)
    cosine = np.clip(np.divide(c, scale, out=np.zeros_like(c), where=scale > 0), -1, 1)
    sine = np.sqrt((1 - cosine) * (1 + cosine))
    return np.asarray(scale * (sine + (math.pi - np.arccos(cosine)) * cosine) / (2 * math.pi))


def _arc_sine(
    scales: FloatArray,
    weights: FloatArray,
    a: FloatArray,
    d: FloatArray,
    c: FloatArray,
    *,
    times_identity: bool,
) -> FloatArray:
    """Return E[g(u) g(v)] for g(z) = sum_j weights_j erf(scales_j z), or for z g(z) with ``times_identity``.

    The first is ``2 / pi sum_s,t arcsin(2 s t c / sqrt(p q))``, where p = 1 + 2 s**2 a, q = 1 + 2 t**2 d.
    With D = p q - 4 s**2 t**2 c**2, Stein's lemma gives ``E[u v erf(s u) erf(t v)] =
    c E[erf(s u) erf(t v)] + 4 s t (a d - c**2 + c**2 / p + c**2 / q) / (pi sqrt(D))`` for the second.
    """
    s, t = scales[:, None, None], scales[None, :, None]
    both = weights[:, None] * weights[None, :]
    result = np.empty_like(c)
    for start in range(0, c.size, _PAIRS_AT_ONCE):
        block = slice(start, start + _PAIRS_AT_ONCE)
        one, two, mixed = a[block], d[block], c[block]
        p, q = 1 + 2 * s * s * one, 1 + 2 * t * t * two
        determinant = np.maximum(one * two - mixed * mixed, 0)
        cosine = np.sqrt(p + q - 1 + 4 * s * s * t * t * determinant)  # sqrt(D), without its cancellation
        values = 2 / math.pi * np.arctan2(2 * s * t * mixed, cosine)
        if times_identity:
            inner = determinant + mixed * mixed * (1 / p + 1 / q)
            values = mixed * values + 4 * s * t * inner / (math.pi * cosine)
        result[block] = np.einsum("st,stp->p", both, values)
    return result


@lru_cache(maxsize=1)
def _mixture() -> tuple[FloatArray, FloatArray]:
    """Return (scales, weights) with tanh(z / 2) = sum weights erf(scales z), to 2e-10 for all z.

    A standard logistic number is 2 k times a standard normal one, where k follows Kolmogorov's law,
    ``P(k < t) = sqrt(2 pi) / t sum_m exp(-(2 m - 1)**2 pi**2 / (8 t**2))``.
    """
    k = np.exp(np.arange(_MIXING_RANGE[0], _MIXING_RANGE[1], _MIXING_STEP))
    odd = 2 * np.arange(1, 17)[:, None] - 1
    exponent = odd**2 * math.pi**2 / (8 * k * k)
    density = math.sqrt(2 * math.pi) / k**2 * ((2 * exponent - 1) * np.exp(-exponent)).sum(axis=0)
    weights = density * k
    return 1 / (math.sqrt(8) * k), weights / weights.sum()
