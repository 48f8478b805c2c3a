"""The exact law of the loss of a network of finite width, on one example and without biases.

With Gaussian weights and an activation that is linear on either side of 0, the outputs are N(0, q)
given the last hidden layer. Each hidden layer multiplies q by its weight variance and by an independent
*gain* ``S = sum over units of phi(z)**2``, z standard normal. So log q is a sum of independent numbers,
one for each hidden layer, whose laws are found by inverting Laplace transforms and added by Fourier
transforms. A ReLU layer of n units is dead with probability 2**-n, and then the output is exactly 0.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geomreg_tui.analysis.laplace import log_inverse

__all__ = ["FiniteWidthLaw", "Nodes", "finite_width_law", "log_gain", "sum_of_log_gains"]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

_NEGLIGIBLE = 37.0  # exp(-37) = 1e-16
_BANDWIDTH_FLOOR = 1e-14  # of a characteristic function
_FREQUENCIES = 256  # evaluated together
_MOST_FREQUENCIES = 2**14
_REACH = 40.0  # standard deviations of a radius, beyond which its distribution function is 0 or 1
_NORMAL_FROM = (
    1e7  # non-centrality from which a radius is normal to within freedom / 1e7; scipy may never end
)


@dataclass(frozen=True)
class Nodes:
    """A law on the real line, as a rule: E[g] is the sum of ``weight * g(value)``, for smooth g.

    Attributes:
        value: equally spaced, increasing, shape (nodes,).
        weight: non-negative up to rounding, with sum 1, shape (nodes,).
    """

    value: FloatArray
    weight: FloatArray

    @property
    def mean(self) -> float:
        """Mean of the law."""
        return float(self.weight @ self.value)

    @property
    def step(self) -> float:
        """Distance between nodes."""
        return float(self.value[1] - self.value[0])


@dataclass(frozen=True)
class FiniteWidthLaw:
    """The law of the mean of ``(f - y)**2`` over outputs.

    Attributes:
        log_variance: log q, and its weights, given that no layer is dead.
        dead: probability that the output is exactly 0.
        null_loss: mean of ``y**2`` over outputs, the loss of a dead network.
        outputs: number of outputs, independent given q.
    """

    log_variance: Nodes
    dead: float
    null_loss: float
    outputs: int

    def cdf(self, loss: ArrayLike) -> FloatArray:
        """Return P(L <= loss), with its jump by ``dead`` at the null loss.

        Given q, ``outputs * L / q`` is non-central chi-square with ``outputs`` degrees of freedom.
        """
        points = np.asarray(loss, np.float64)
        variance = np.exp(np.clip(self.log_variance.value, -600, 600))
        squared = self.outputs * np.maximum(points.ravel(), 0.0)[:, None] / variance
        share = _chi_square_cdf(squared, self.outputs, self.outputs * self.null_loss / variance)
        alive = (1 - self.dead) * (share @ self.log_variance.weight)
        return np.clip(alive + self.dead * (points.ravel() >= self.null_loss), 0, 1).reshape(points.shape)


def finite_width_law(
    first_variance: float,
    widths: Sequence[int],
    weight_variances: Sequence[float],
    negative_slope: float,
    targets: FloatArray,
) -> FiniteWidthLaw:
    """Return the law of the loss on one example.

    Args:
        first_variance: variance of the first layer's pre-activations, positive.
        widths: units in each hidden layer, at least one layer.
        weight_variances: variance of a weight in each layer after the first, shape (hidden layers,).
        negative_slope: phi(z) = z for z > 0, and this times z for z < 0.
        targets: y, shape (outputs,).
    """
    # Given q the loss varies with log q on a scale of 1, or of its own relative width if that is smaller.
    gains = sum_of_log_gains(widths, negative_slope**2, step=min(0.3, 1 / math.sqrt(len(targets))))
    shift = math.log(first_variance) + math.fsum(math.log(variance) for variance in weight_variances)
    alive = math.fsum(math.log1p(-(0.5**width)) for width in widths) if negative_slope == 0 else 0.0
    return FiniteWidthLaw(
        log_variance=Nodes(gains.value + shift, gains.weight),
        dead=-math.expm1(alive),
        null_loss=float(np.mean(np.square(targets))),
        outputs=len(targets),
    )


def log_gain(units: int, negative: float, step: float = 0.3) -> Nodes:
    """Return the law of log S for a layer that is not dead, S the sum over units of phi(z)**2.

    phi(z)**2 is z**2 for z > 0 and ``negative`` z**2 for z < 0. The Laplace transform of S is
    ``((1 + 2 s)**-0.5 / 2 + (1 + 2 negative s)**-0.5 / 2)**units``, less 2**-units when ``negative`` is 0.

    Args:
        units: number of units.
        negative: factor on the squares of negative numbers, 0 to 1.
        step: largest distance of nodes.
    """

    def log_transform(s: ComplexArray) -> ComplexArray:
        if negative == 0:
            active = units * _log1p(np.power(1 + 2 * s, -0.5 + 0j))
            return active + np.log(-np.expm1(-active)) - units * math.log(2)
        halves = np.expm1(-_log1p(2 * s) / 2) + np.expm1(-_log1p(2 * negative * s) / 2)
        return units * _log1p(halves / 2)

    def slope(s: FloatArray) -> FloatArray:
        first, second = 1 / np.sqrt(1 + 2 * s), 1 / np.sqrt(1 + 2 * negative * s)
        rate: FloatArray = -units * (first**3 + negative * second**3) / (first + second)
        return rate / -np.expm1(-units * np.log1p(first)) if negative == 0 else rate

    def log_density(y: FloatArray) -> FloatArray:
        # The scales of two parts of S can differ by 1e4, as for leaky ReLU: hence the finer step.
        return y + log_inverse(np.exp(y), log_transform, slope, edge=-0.5, step=0.05)

    mean = math.log(units * (1 + negative) / 2)
    spread = math.sqrt((1.5 * (1 + negative**2) - (1 + negative) ** 2 / 4) / units) * 2 / (1 + negative)
    # The density of log S falls no slower than exp(y / 2) to the left, and is below 1e-16 at 1000 means of S.
    below, above = np.geomspace(0.5 * spread, 120, 64), np.geomspace(0.5 * spread, 7, 64)
    scan = np.concatenate([mean - below[::-1], [mean], mean + above])
    heights = log_density(scan)
    seen = np.flatnonzero(heights > heights.max() - _NEGLIGIBLE)
    low, high = scan[max(seen[0] - 1, 0)], scan[min(seen[-1] + 1, scan.size - 1)]
    # Steps that resolve the narrowest law of this spread, and the exponential decay, exp(-pi t / 2), of
    # the characteristic function of a single unit.
    nodes = math.ceil((high - low) / min(spread / 6, 0.12, step)) + 1
    value = np.linspace(low, high, nodes)
    weight = np.exp(log_density(value))
    return Nodes(value, weight / weight.sum())


def sum_of_log_gains(widths: Sequence[int], negative: float, step: float = 0.3) -> Nodes:
    """Return the law of the sum of independent log gains, one for each hidden layer, none of them dead.

    Args:
        widths: units in each hidden layer.
        negative: as for :func:`log_gain`.
        step: largest distance of nodes.
    """
    layers = Counter(widths)
    laws = {units: log_gain(units, negative, step) for units in layers}
    if len(widths) == 1:
        return laws[widths[0]]
    centered = [(law.value - law.mean, law.weight, layers[units]) for units, law in laws.items()]
    low, high = _support(centered)
    span = high - low
    spectrum = _characteristic_function(centered, 2 * math.pi / span)
    size = max(2 * spectrum.size, math.ceil(span / step))
    phase = np.exp(2j * math.pi * np.arange(spectrum.size) * (low / span))
    weight = np.maximum(np.fft.irfft(np.conj(spectrum) * phase, size), 0.0)
    weight /= weight.sum()
    mean = math.fsum(law.mean * layers[units] for units, law in laws.items())
    return Nodes(mean + low + span / size * np.arange(size), np.asarray(weight, np.float64))


def _chi_square_cdf(x: FloatArray, freedom: int, noncentrality: FloatArray) -> FloatArray:
    """Return the non-central chi-square distribution function, shape of the arguments broadcast."""
    from scipy.special import chndtr, ndtr

    center = np.broadcast_to(noncentrality, x.shape)
    # The radius sqrt(x) is within a few of this, with a standard deviation of at most 1.
    distance = np.sqrt(x) - np.sqrt(center + freedom)
    share = (distance > 0).astype(np.float64)
    normal = (np.abs(distance) < _REACH) & (center > _NORMAL_FROM)
    mean = np.sqrt(center[normal])
    share[normal] = ndtr(np.sqrt(x[normal]) - mean - (freedom - 1) / (2 * mean))
    other = (np.abs(distance) < _REACH) & ~normal
    share[other] = chndtr(x[other], freedom, center[other])
    return share


def _log1p(z: ComplexArray) -> ComplexArray:
    """Return log(1 + z). The real part that ``numpy.log1p`` gives is wrong for small z."""
    modulus = np.log1p(z.real * (2 + z.real) + z.imag * z.imag) / 2
    return np.asarray(modulus + 1j * np.arctan2(z.imag, 1 + z.real))


Centered = list[tuple[FloatArray, FloatArray, int]]


def _support(laws: Centered) -> tuple[float, float]:
    """Return bounds that the sum exceeds with probability below 1e-15 each (Chernoff)."""
    from scipy.special import logsumexp

    spread = math.sqrt(math.fsum(count * float(weight @ value**2) for value, weight, count in laws))
    tilts = np.geomspace(0.01, 30, 40)[:, None] / spread
    bounds = []
    for sign in (-1, 1):
        moments = sum(
            count * logsumexp(sign * tilts * value, b=weight, axis=1) for value, weight, count in laws
        )
        bounds.append(sign * float(np.min((moments + _NEGLIGIBLE) / tilts[:, 0])))
    return bounds[0], bounds[1]


def _characteristic_function(laws: Centered, spacing: float) -> ComplexArray:
    """Return E exp(i t Y) for t = 0, spacing, ... up to where it is negligible."""
    blocks: list[ComplexArray] = []
    while len(blocks) * _FREQUENCIES < _MOST_FREQUENCIES:
        t = spacing * (len(blocks) * _FREQUENCIES + np.arange(_FREQUENCIES))
        block = np.ones(_FREQUENCIES, np.complex128)
        for value, weight, count in laws:
            block *= (np.exp(1j * t[:, None] * value) @ weight) ** count
        blocks.append(block)
        if np.abs(block[-1]) < _BANDWIDTH_FLOOR:
            break
    return np.concatenate(blocks)
