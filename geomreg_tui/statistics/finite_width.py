"""The exact law of the loss of a network of finite width, on one example and without biases.

With Gaussian weights and a positively homogeneous activation the output is N(0, q) given the last
hidden layer, and each hidden layer multiplies q by its weight variance and by an independent *gain*: the
sum of phi(z)**2 over its units, z standard normal. For ReLU that is chi-square(K) with K ~ Binomial(n, 1/2),
for the linear network and for |z| it is chi-square(n). So log q is a sum of independent numbers whose
densities are known; they are added by Fourier transforms. A ReLU layer of n units is dead with
probability 2**-n, and then the output is exactly 0.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["HALVED", "KEPT", "FiniteWidthLaw", "finite_width_law"]

FloatArray = NDArray[np.float64]

# Activations by what they do to half of the squared norm: lose the part of negative units, or keep it.
HALVED, KEPT = ("relu",), ("linear", "abs")
_NEGLIGIBLE = 1e-15  # probability beyond a layer's range
_COARSEST = 0.05  # step in log q of the sum, and twice that of the rule: the loss varies on a scale of 1
_STEPS_PER_DEVIATION = 5
_MOST_POINTS = 2**20
_MOST_WIDTHS = 64  # different ones; each takes some milliseconds
_MOST_TERMS = 256  # binomial terms taken of a wide layer, evenly; the sum over them is smooth by then


@dataclass(frozen=True)
class FiniteWidthLaw:
    """The law of ``(f - y)**2`` for a single output f.

    Attributes:
        log_variance: equally spaced values of log q, shape (nodes,).
        weight: their weights in a rule for expectations given that no layer is dead, with sum 1.
        dead: probability that the output is exactly 0.
        null_loss: ``y**2``, the loss of a dead network.
    """

    log_variance: FloatArray
    weight: FloatArray
    dead: float
    null_loss: float

    @property
    def mean(self) -> float:
        """Mean of the loss; infinite where it does not fit a float."""
        with np.errstate(over="ignore"):
            return (1 - self.dead) * float(self.weight @ np.exp(self.log_variance)) + self.null_loss

    def cdf(self, loss: ArrayLike) -> FloatArray:
        """Return P(L <= loss), with its jump by ``dead`` at the null loss.

        Given q, f is N(0, q), and L <= loss where f is within sqrt(loss) of the target.
        """
        from scipy.special import ndtr

        points = np.asarray(loss, np.float64)
        root = np.sqrt(np.maximum(points.ravel(), 0.0))[:, None]
        target, scale = math.sqrt(self.null_loss), np.exp(np.clip(self.log_variance, -700, 700) / 2)
        alive = (ndtr((root - target) / scale) - ndtr((-root - target) / scale)) @ self.weight
        share = (1 - self.dead) * alive + self.dead * (points.ravel() >= self.null_loss)
        return np.asarray(np.clip(share, 0, 1).reshape(points.shape))


def finite_width_law(
    first_variance: float,
    widths: Sequence[int],
    weight_variances: Sequence[float],
    activation: str,
    target: float,
) -> FiniteWidthLaw | None:
    """Return the law of the loss on one example, or None where finding it would take long.

    Args:
        first_variance: variance of the first layer's pre-activations, positive.
        widths: units in each hidden layer, at least one layer.
        weight_variances: variance of a weight in each layer after the first, shape (hidden layers,).
        activation: one of :data:`HALVED` or :data:`KEPT`.
        target: y.
    """
    halved = activation in HALVED
    layers = Counter(widths)
    if len(layers) > _MOST_WIDTHS:
        return None
    step = min(_COARSEST, *(_deviation(n, halved) / _STEPS_PER_DEVIATION for n in layers))
    ranges = {n: _range(n, halved) for n in layers}
    low = math.fsum(count * ranges[n][0] for n, count in layers.items())
    high = math.fsum(count * ranges[n][1] for n, count in layers.items())
    size = 2 ** math.ceil(math.log2((high - low) / step + 2 * len(widths) + 2))
    if size > _MOST_POINTS:
        return None
    transform = np.ones(size // 2 + 1, np.complex128)
    start = 0.0
    for n, count in layers.items():
        first, density = _log_gain(n, halved, ranges[n], step)
        transform *= np.fft.rfft(density, size) ** count
        start += count * first
    weight = np.maximum(np.fft.irfft(transform, size), 0.0)
    value = start + step * np.arange(size)
    # Fewer nodes do for what is integrated, as long as they resolve the sum's own law.
    seen = weight > _NEGLIGIBLE * weight.max()
    value, weight = value[seen], weight[seen]
    mean = weight @ value / weight.sum()
    deviation = math.sqrt(weight @ (value - mean) ** 2 / weight.sum())
    every = max(1, int(min(2 * _COARSEST, deviation / _STEPS_PER_DEVIATION) / step))
    value, weight = value[::every], weight[::every]
    alive = math.fsum(count * math.log1p(-(0.5**n)) for n, count in layers.items()) if halved else 0.0
    shift = math.log(first_variance) + math.fsum(math.log(variance) for variance in weight_variances)
    return FiniteWidthLaw(
        log_variance=value + shift,
        weight=weight / weight.sum(),
        dead=-math.expm1(alive),
        null_loss=target**2,
    )


def _terms(units: int, halved: bool) -> tuple[FloatArray, FloatArray]:
    """Return degrees of freedom of the chi-squares that a living layer's gain is a mixture of, and shares."""
    from scipy.special import gammaln

    if not halved:
        return np.array([float(units)]), np.ones(1)
    reach = 9 * math.sqrt(units) / 2
    first, last = max(1, math.floor(units / 2 - reach)), min(units, math.ceil(units / 2 + reach))
    active = np.arange(first, last + 1, max(1, (last - first) // _MOST_TERMS), dtype=np.float64)
    log_share = gammaln(units + 1) - gammaln(active + 1) - gammaln(units - active + 1)
    share = np.exp(log_share - log_share.max())
    return active, share / share.sum()


def _deviation(units: int, halved: bool) -> float:
    """Return about the standard deviation of the log of a gain (delta method)."""
    return math.sqrt((5 if halved else 2) / units)


def _range(units: int, halved: bool) -> tuple[float, float]:
    """Return ends in log S beyond which there is next to no probability."""
    from scipy.special import gammainccinv, gammaincinv

    freedom, share = _terms(units, halved)
    tail = np.minimum(_NEGLIGIBLE / share, 0.5)
    low = 2 * gammaincinv(freedom / 2, tail)
    high = 2 * gammainccinv(freedom / 2, tail)
    return math.log(max(float(low.min()), 1e-300)), math.log(float(high.max()))


def _log_gain(units: int, halved: bool, ends: tuple[float, float], step: float) -> tuple[float, FloatArray]:
    """Return the lowest of equally spaced values of log S and the probabilities that belong to them."""
    from scipy.special import gammaln

    value = np.arange(ends[0], ends[1] + step, step)
    density = np.zeros_like(value)
    for freedom, share in zip(*_terms(units, halved), strict=True):
        half = freedom / 2
        density += share * np.exp(half * value - np.exp(value) / 2 - half * math.log(2) - gammaln(half))
    return ends[0], density / density.sum()
