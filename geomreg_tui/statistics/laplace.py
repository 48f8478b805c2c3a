"""Inversion of Laplace transforms of probability laws, with relative accuracy however small the answer.

``f(x) = (1 / 2 pi i) integral exp(s x) F(s) ds`` is taken along one branch of a hyperbola through the
saddle point of the integrand on the real axis. There the integrand is largest and does not
oscillate, so nothing cancels, and the answer is the saddle value times a sum of order one: a probability
of 1e-300 comes out as accurately as one of 0.3. Along the hyperbola, which bends around the singularities
on the left, the integrand falls off at least exponentially, and the trapezoidal rule converges
geometrically. (Rice 1980, SIAM J. Sci. Stat. Comput. 1, 438; Weideman & Trefethen 2007, Math. Comp. 76.)
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["log_inverse"]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

_BEND = 0.5  # slope of the hyperbola's asymptotes; below 1, so that the transform of a normal law falls off
_REACH = 5.5  # cosh(5.5) = 122 saddle widths, where the slowest transform in use is below 1e-13
_BLOCK = 14  # nodes evaluated together: for most points two such blocks are enough
_NEGLIGIBLE = 1e-15
_ROUNDING = 50.0
_HALVINGS = 24
_LOG_RANGE = 690.0  # of distances from the saddle to the singularity: nearly all that floats hold


def log_inverse(
    x: FloatArray,
    log_transform: Callable[[ComplexArray], ComplexArray],
    slope: Callable[[FloatArray], FloatArray],
    *,
    edge: float,
    step: float = 0.1,
) -> FloatArray:
    """Return log f(x) for the function f >= 0 whose Laplace transform is given.

    Args:
        x: positive points, shape (points,).
        log_transform: log F(s), the branch that is continuous from the real axis, elementwise.
        slope: d log F / ds on the real axis right of ``edge``; increasing, to 0 from below.
        edge: the rightmost singularity of F, a real number.
        step: step of the trapezoidal rule; 0.1 gives about twelve digits where F has one scale,
            0.05 covers sums of laws whose scales differ by 1e4.

    Returns:
        log f(x), shape (points,).
    """
    gap = _saddle_gap(x, slope, edge)
    saddle = edge + gap
    # Width of the integrand on a vertical line, by way of the gap as the unit: its square can overflow.
    curvature = gap * (slope(edge + 1.001 * gap) - slope(edge + 0.999 * gap)) / 0.002
    width = gap / np.sqrt(curvature)
    height = x * saddle + log_transform(saddle.astype(np.complex128)).real
    total = np.zeros(x.shape)
    rest = np.arange(x.size)
    for first in range(0, round(_REACH / step), _BLOCK):
        t = step * np.arange(first, first + _BLOCK)
        shift = width[rest, None] * (1j * np.sinh(t) - _BEND * (np.cosh(t) - 1))
        speed = width[rest, None] * (1j * np.cosh(t) - _BEND * np.sinh(t)) * (step / math.pi)
        s = saddle[rest, None] + shift
        rise = x[rest, None] * s + log_transform(s) - height[rest, None]
        # Not above 0 in exact arithmetic. Where the height is beyond -1e8, rounding and the four digits of
        # the saddle can make it so; the height alone is then the answer to all its digits.
        rise.real = np.minimum(rise.real, _ROUNDING)
        terms = (np.exp(rise) * speed).imag
        terms[:, 0] *= 1.0 if first else 0.5
        total[rest] += terms.sum(axis=1)
        rest = rest[np.abs(np.exp(rise[:, -1]) * speed[:, -1]) > _NEGLIGIBLE * total[rest]]
    return height + np.log(np.maximum(total, np.finfo(np.float64).tiny))


def _saddle_gap(x: FloatArray, slope: Callable[[FloatArray], FloatArray], edge: float) -> FloatArray:
    """Return how far right of ``edge`` the derivative x + slope(s) is 0, to four digits, by bisection."""
    low = np.full(x.shape, math.log(np.finfo(np.float64).eps * abs(edge)) if edge else -_LOG_RANGE)
    high = np.full(x.shape, _LOG_RANGE)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        beyond = x + slope(edge + np.exp(middle)) > 0
        high = np.where(beyond, middle, high)
        low = np.where(beyond, low, middle)
    return np.asarray(np.exp((low + high) / 2))
