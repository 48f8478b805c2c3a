"""What theory says of gradients and walks of drawn networks: exact laws, and laws of infinitely wide
networks.

Unless said otherwise a network is an MLP with one output, normal weights and no biases. With He's variances,
weights of a layer with n inputs have variance 2 gain**2 / n.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geomreg_tui.statistics.nngp import SLOPES, LayerVariance, activation_covariance

__all__ = [
    "ConfusionLaw",
    "expected_gradient_square",
    "expected_ntk",
    "fitness_distance_correlation",
    "infinite_confusion",
    "infinite_ntk",
    "linear_cosine",
    "walk_kernels",
    "walk_loss_correlation",
]

FloatArray = NDArray[np.float64]
_AT_ONCE = 2**14  # networks
_NUMBERS_AT_ONCE = 2**22


def expected_gradient_square(x: FloatArray, widths: Sequence[int], gain: float = 1.0) -> FloatArray:
    """Return E ||grad f(x)||**2 of each example, (examples,): exact at any width and depth, ReLU with He's
    variances.

    It is gain**(2 L) (||x||**2 / n_0) sum_{l=0..L} n_l, with n_0 inputs and hidden layers of n_1 to n_L
    units: the gradient by the weights of layer l + 1 is d a^T, of which E ||a||**2 = ||x||**2 n_l / n_0 and,
    given a, E ||d||**2 = 1.

    Args:
        x: inputs, (examples, features).
        widths: n_1 to n_L.
        gain: factor on the standard deviation of the weights.
    """
    size = x.shape[1]
    square: FloatArray = gain ** (2 * len(widths)) * (x**2).sum(axis=1) / size * (size + sum(widths))
    return square


def expected_ntk(x: FloatArray, width: int, gain: float = 1.0) -> FloatArray:
    """Return E Theta (examples, examples) of one hidden layer of any width: ReLU, He's variances; exact.

    With q = 2 ||x_i|| ||x_j|| / n_0 and the angle t between the inputs it is
    gain**2 [(n q / 2 pi) (sin t + (pi - t) cos t) + (pi - t) / pi x_i . x_j] (Cho & Saul 2009).
    """
    return infinite_ntk(x, "relu", [width], gain)


def infinite_ntk(x: FloatArray, activation: str, widths: Sequence[int], gain: float = 1.0) -> FloatArray:
    """Return Theta (examples, examples) of infinitely wide layers, with the widths as factors.

    Theta_ij = sum_{l=1..L+1} n_{l-1} A^{l-1}_ij prod_{m=l..L} s**2 n_m B^m_ij / n_m, where A^l = E[phi(u)
    phi(v)] and B^l = E[phi'(u) phi'(v)] at the covariance of the pre-activations of layer l, and s**2 = 2
    gain**2 n / n is He's variance times the inputs (Jacot et al. 2018; in this parameterisation the terms
    keep their widths). With one hidden layer it is E Theta at any width.

    Args:
        x: inputs, (examples, features).
        activation: one that is linear on either side of 0: ``relu``, ``leaky_relu``, ``abs`` or ``linear``.
        widths: units of the hidden layers.
        gain: factor on the standard deviation of the weights.
    """
    slope, variance = SLOPES[activation], 2 * gain**2
    moments = [x @ x.T / x.shape[1]]
    derivatives = []
    for _ in widths:
        covariance = variance * moments[-1]
        derivatives.append(variance * _derivative_moments(covariance, slope))
        moments.append(_moments(activation, covariance, covariance))
    total: FloatArray = np.zeros_like(moments[0])
    along = np.ones_like(moments[0])
    for layer in reversed(range(len(widths) + 1)):
        total += (x.shape[1], *widths)[layer] * moments[layer] * along
        if layer:
            along = along * derivatives[layer - 1]
    return total


def linear_cosine(rho: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return (share of negative cosines, mean cosine) of gradients of two examples, each of the shape of
    ``rho``.

    Of a linear model with target 0, whose inputs have the cosine ``rho``. The gradients are r_i x_i, so their
    cosine is sign(r_i r_j) rho, and residuals of correlation rho are of unlike signs with probability
    arccos(rho) / pi (Sheppard 1899). Where rho is negative, residuals of like signs confuse.
    """
    cosine = np.asarray(rho, np.float64)
    return np.arccos(np.abs(cosine)) / math.pi, 2 / math.pi * cosine * np.arcsin(cosine)


@dataclass(frozen=True)
class ConfusionLaw:
    """The law of gradient confusion at infinite width, from draws of the residuals.

    Attributes:
        minimum, mean, negative: of the cosines over all pairs, for each draw, (draws,).
    """

    minimum: FloatArray
    mean: FloatArray
    negative: FloatArray


def infinite_confusion(
    ntk: FloatArray, kernel: FloatArray, targets: FloatArray, draws: int, rng: np.random.Generator
) -> ConfusionLaw:
    """Return what gradient confusion is at infinite width, for squared error.

    Theta is a constant there, the same for each output and 0 between outputs, and residuals are N(-y, K). So
    the gradients of examples i and j have the cosine of Theta_ij r_i . r_j: nothing is random but the
    residuals.

    Args:
        ntk: Theta of one output, (examples, examples).
        kernel: K, the covariance of one output (NNGP), (examples, examples).
        targets: y, (examples, outputs).
        draws: networks.
        rng: random numbers.
    """
    examples, outputs = targets.shape
    values, vectors = np.linalg.eigh(kernel)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    first, second = np.triu_indices(examples, 1)
    size = np.sqrt(np.diag(ntk))
    scaled = (ntk / size[:, None] / size)[first, second]
    found = []
    at_once = max(1, min(_AT_ONCE, _NUMBERS_AT_ONCE // max(1, first.size * outputs)))
    for start in range(0, draws, at_once):
        count = min(at_once, draws - start)
        residuals = np.einsum("ij,bjc->bic", root, rng.normal(size=(count, examples, outputs))) - targets
        unit = residuals / np.linalg.norm(residuals, axis=2, keepdims=True)
        cosine = scaled * (unit[:, first] * unit[:, second]).sum(axis=2)
        found.append(np.stack([cosine.min(axis=1), cosine.mean(axis=1), (cosine < 0).mean(axis=1)]))
    return ConfusionLaw(*np.concatenate(found, axis=1))


def walk_kernels(
    x: FloatArray, activation: str, layers: Sequence[LayerVariance], rho: float
) -> tuple[FloatArray, FloatArray]:
    """Return covariances of one output at infinite width: with itself, and with that after a step of a walk.

    A step is theta' = rho theta + sqrt(1 - rho**2) xi. Each layer multiplies the covariance of the two
    networks by rho: C <- rho (s**2 E[phi(u) phi(v')] + b**2). With one example and ReLU, c_1 = rho and
    c_{l+1} = rho k(c_l) with k(c) = (sin t + (pi - t) c) / pi, t = arccos c.

    Args:
        x: inputs, (examples, features).
        activation: name of the activation between layers.
        layers: variances of the layers, first to last.
        rho: of the step.

    Returns:
        K and C, (examples, examples) each.
    """
    plain = x @ x.T / x.shape[1]
    kernel = plain * layers[0].weight + layers[0].bias
    cross = rho * kernel
    for layer in layers[1:]:
        own = _moments(activation, kernel, kernel)
        kernel, cross = (
            layer.weight * own + layer.bias,
            rho * (layer.weight * _moments(activation, kernel, cross) + layer.bias),
        )
    return kernel, cross


def walk_loss_correlation(kernel: FloatArray, cross: FloatArray, targets: FloatArray) -> float:
    """Return the correlation of the squared error before and after a step, of jointly normal outputs.

    It is (2 tr C**2 + 4 y^T C y) / (2 tr K**2 + 4 y^T K y), summed over independent outputs (Isserlis 1918);
    exact for a linear model, and at infinite width.

    Args:
        kernel, cross: K and C, as :func:`walk_kernels` returns them.
        targets: y, (examples, outputs).
    """

    def covariance(matrix: FloatArray) -> float:
        return float(
            2 * targets.shape[1] * (matrix**2).sum() + 4 * np.einsum("ic,ij,jc->", targets, matrix, targets)
        )

    return covariance(cross) / covariance(kernel)


def fitness_distance_correlation(examples: int) -> float:
    """Return corr(L, distance to the nearest perfect fit) of a linear model with K = c I and target 0.

    The loss is proportional to chi-square(N) and the distance to its root: E / sqrt(2 N (N - E**2)) with
    E = sqrt(2) Gamma((N + 1) / 2) / Gamma(N / 2), the mean of chi(N).
    """
    mean = math.sqrt(2) * math.exp(math.lgamma((examples + 1) / 2) - math.lgamma(examples / 2))
    return mean / math.sqrt(2 * examples * (examples - mean**2))


def _moments(activation: str, own: FloatArray, cross: FloatArray) -> FloatArray:
    """Return E[phi(u_i) phi(v_j)], (examples, examples); variances are diag(own), covariances cross."""
    size = len(own)
    rows, columns = (index.ravel() for index in np.indices((size, size)))
    variances = np.diag(own)
    found = activation_covariance(activation, variances[rows], variances[columns], cross.ravel())
    return found.reshape(size, size)


def _derivative_moments(covariance: FloatArray, slope: float) -> FloatArray:
    """Return E[phi'(u_i) phi'(u_j)] for phi' = 1 above 0 and ``slope`` below (Cho & Saul 2009, order 0)."""
    size = np.sqrt(np.diag(covariance))
    cosine = np.clip(covariance / np.where(size > 0, size, 1)[:, None] / np.where(size > 0, size, 1), -1, 1)
    np.fill_diagonal(cosine, 1.0)
    both: FloatArray = slope + (1 - slope) ** 2 * (math.pi - np.arccos(cosine)) / (2 * math.pi)
    return both
