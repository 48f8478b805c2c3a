"""Volumes and surfaces of balls in n dimensions, n up to 10**12 and beyond.

``V_n(r) = pi**(n/2) r**n / Gamma(n/2 + 1)`` is the volume of the ball of radius r, and its derivative in
r, ``S_(n-1)(r) = 2 pi**(n/2) r**(n-1) / Gamma(n/2)``, the surface of it. Everything is a natural
logarithm. n may be any real number from 0 on, so that curves can be drawn and peaks found.

Where a logarithm crosses zero, terms as large as 10**13 cancel, and doubles would leave nothing of it. Values
that lose too much are computed again with 60 digits, so that they are right to 1e-12 of *themselves*.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.experiment import parse_count

__all__ = [
    "Peak",
    "log_surface",
    "log_volume",
    "parse_dims",
    "radius_of_volume",
    "shell_share",
    "surface_peak",
    "volume_peak",
]

FloatArray = NDArray[np.float64]

# Each of the few terms of a logarithm is good to about 8 units in the last place; beyond this
# cancellation the sum would not be good to 1e-12.
_CANCELLATION = 8 * np.finfo(np.float64).eps / 1e-12
_DIGITS = 60
_NOTHING = Decimal("1e-36")  # smaller sums are rounding: the logarithm is 0
_PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")
# Bernoulli numbers B_2, B_4, ...: from 40 on, this many leave Stirling's series an error below 1e-38.
_BERNOULLI = (
    (1, 6),
    (-1, 30),
    (1, 42),
    (-1, 30),
    (5, 66),
    (-691, 2730),
    (7, 6),
    (-3617, 510),
    (43867, 798),
    (-174611, 330),
    (854513, 138),
    (-236364091, 2730),
    (8553103, 6),
)
_STIRLING_FROM = 40

_EULER_GAMMA = 0.5772156649015329
_MAXIMUM_DIMENSION = 10**12
_MAXIMUM_ROWS = 10_000
_POINTS_PER_DECADE = 20
_DIMS_HINT = (
    f"allowed are whole numbers from 1 to 1e12 and ranges, {_MAXIMUM_ROWS:,} rows at most: "
    "1,2,10 or 1:100 or 1:1000:10 (steps) or 1:1e12:log or 1:1e12:200log (points)"
)


@dataclass(frozen=True)
class Peak:
    """Where a volume or surface is largest over real dimensions n >= 0.

    Attributes:
        n: the dimension.
        log_value: natural log of the volume or surface there.
        interior: False when there is no peak inside: the volume only falls from n = 0 on.
    """

    n: float
    log_value: float
    interior: bool = True


def log_volume(n: ArrayLike, radius: float) -> FloatArray:
    """Return log V_n(radius), right to 1e-12 relative.

    Args:
        n: dimensions, real and not negative, any shape.
        radius: radius of the ball, positive.

    Raises:
        ExperimentError: if the radius is not a positive number.
    """
    from scipy.special import gammaln

    log_radius = math.log(_checked(radius))
    dims = np.asarray(n, np.float64)
    half = dims / 2
    powers = half * (math.log(math.pi) + 2 * log_radius)
    gammas = gammaln(half + 1)
    terms = half * (math.log(math.pi) + 2 * abs(log_radius)) + np.abs(gammas) + 1
    return _refined(powers - gammas, terms, dims, lambda value: _exact_log_volume(value, Decimal(radius)))


def log_surface(n: ArrayLike, radius: float) -> FloatArray:
    """Return log S_(n-1)(radius), the surface of the n-ball, right to 1e-12 relative; -inf for n = 0.

    Args:
        n: dimensions of the ball, real and not negative, any shape.
        radius: radius of the ball, positive.

    Raises:
        ExperimentError: if the radius is not a positive number.
    """
    from scipy.special import gammaln

    log_radius = math.log(_checked(radius))
    dims = np.asarray(n, np.float64)
    half = dims / 2
    powers = math.log(2) + half * math.log(math.pi) + (dims - 1) * log_radius
    gammas = gammaln(half)
    terms = half * math.log(math.pi) + np.abs(dims - 1) * abs(log_radius) + np.abs(gammas) + 1
    return _refined(powers - gammas, terms, dims, lambda value: _exact_log_surface(value, Decimal(radius)))


def volume_peak(radius: float) -> Peak:
    """Return the dimension of largest volume: psi(n/2 + 1) = log(pi radius**2).

    For radius below sqrt(exp(-gamma) / pi) = 0.4227 the volume falls from V_0 = 1 on, and the peak
    is the boundary, n = 0. For radii too large for n to be a float, both values are infinite.

    Raises:
        ExperimentError: if the radius is not a positive number.
    """
    level = math.log(math.pi) + 2 * math.log(_checked(radius))
    if level <= -_EULER_GAMMA:
        return Peak(0.0, 0.0, interior=False)
    n = 2 * (_inverse_digamma(level) - 1)
    return Peak(n, float(log_volume(n, radius)) if math.isfinite(n) else math.inf)


def surface_peak(radius: float) -> Peak:
    """Return the dimension n of the ball of largest surface: psi(n/2) = log(pi radius**2).

    Raises:
        ExperimentError: if the radius is not a positive number.
    """
    n = 2 * _inverse_digamma(math.log(math.pi) + 2 * math.log(_checked(radius)))
    return Peak(n, float(log_surface(n, radius)) if math.isfinite(n) else math.inf)


def shell_share(n: ArrayLike, thickness: ArrayLike) -> FloatArray:
    """Return the share of a ball's volume within relative distance ``thickness`` of its surface.

    Args:
        n: dimensions, not negative.
        thickness: distance to the surface over the radius, from 0 to 1; broadcast against ``n``.
    """
    dims, distance = np.broadcast_arrays(np.asarray(n, np.float64), np.asarray(thickness, np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(dims == 0, 0.0, -np.expm1(dims * np.log1p(-distance)))


def radius_of_volume(n: ArrayLike, log_volume: ArrayLike) -> FloatArray:
    """Return the radius of the n-ball whose volume has the natural log ``log_volume``, n > 0."""
    from scipy.special import gammaln

    dims = np.asarray(n, np.float64)
    exponent = (np.asarray(log_volume, np.float64) + gammaln(dims / 2 + 1)) / dims
    return np.asarray(np.exp(exponent) / math.sqrt(math.pi))


def parse_dims(text: str) -> NDArray[np.int64]:
    """Parse dimensions into an increasing array of whole numbers.

    Comma-separated items: a number; ``a:b`` (both ends included); ``a:b:step``; ``a:b:log``, evenly
    spaced in the logarithm with 20 points to the decade; or ``a:b:200log`` with 200 points.

    Raises:
        ExperimentError: if an item cannot be read, is out of range, or there are too many rows.
    """
    items = [item.strip() for item in text.split(",")]
    if not all(items):
        raise _dims_error(repr(text))
    dims = np.unique(np.concatenate([_dims_item(item) for item in items]))
    if dims.size > _MAXIMUM_ROWS:
        raise _dims_error(f"{dims.size:,} rows")
    return dims


def _dims_item(item: str) -> NDArray[np.int64]:
    """Return the dimensions that an item of a list stands for: ``7``, ``1:9``, ``1:9:2``, ``1:900:log``."""
    parts = [part.strip() for part in item.split(":")]
    if len(parts) > 3 or not all(parts):
        raise _dims_error(repr(item))
    ends = [parse_count(part, "dims") for part in parts[:2]]
    first, last = ends[0], ends[-1]
    if last > _MAXIMUM_DIMENSION or last < first:
        raise _dims_error(repr(item))
    spacing = parts[2] if len(parts) == 3 else "1"
    if spacing.endswith("log"):
        count = spacing.removesuffix("log")
        default = 1 + math.ceil(_POINTS_PER_DECADE * math.log10(last / first))
        points = parse_count(count, "dims") if count else default
        if points > _MAXIMUM_ROWS:
            raise _dims_error(f"{points:,} points")
        return np.rint(np.geomspace(first, last, points)).astype(np.int64)
    step = parse_count(spacing, "dims")
    rows = (last - first) // step + 1
    if rows > _MAXIMUM_ROWS:
        raise _dims_error(f"{item!r}, {rows:,} rows")
    return first + step * np.arange(rows, dtype=np.int64)


def _dims_error(got: str) -> ExperimentError:
    """Return the error that says which dimensions are allowed."""
    return ExperimentError([Problem("dims", got, _DIMS_HINT)])


def _checked(radius: float) -> float:
    """Return a radius.

    Raises:
        ExperimentError: if it is not a positive number.
    """
    if not (math.isfinite(radius) and radius > 0):
        raise ExperimentError([Problem("radius", repr(radius), "allowed is a positive number, such as 1.0")])
    return radius


def _inverse_digamma(level: float) -> float:
    """Return x > 0 with psi(x) = level, by Newton's method from Minka's start (2000, appendix C)."""
    from scipy.special import polygamma, psi

    try:
        x = math.exp(level) + 0.5 if level >= -2.22 else -1 / (level + _EULER_GAMMA)
    except OverflowError:
        return math.inf
    for _ in range(6):
        x -= float((psi(x) - level) / polygamma(1, x))
    return x


def _refined(
    values: FloatArray, terms: FloatArray, dims: FloatArray, exact: Callable[[Decimal], Decimal]
) -> FloatArray:
    """Return ``values``, of which those that are small beside the terms they sum are computed exactly."""
    refined = np.array(values)
    for place in np.argwhere(np.abs(values) < _CANCELLATION * terms):
        index = tuple(place)
        with decimal.localcontext(prec=_DIGITS):
            value = exact(Decimal(float(dims[index])))
        refined[index] = float(value) if abs(value) > _NOTHING else 0.0
    return refined


def _exact_log_volume(n: Decimal, radius: Decimal) -> Decimal:
    """Return log V_n(radius) in decimal arithmetic."""
    return n / 2 * (_PI * radius * radius).ln() - _exact_log_gamma(n / 2 + 1)


def _exact_log_surface(n: Decimal, radius: Decimal) -> Decimal:
    """Return log S_(n-1)(radius) in decimal arithmetic."""
    return _exact_log_volume(n, radius) + (n / radius).ln()


def _exact_log_gamma(x: Decimal) -> Decimal:
    """Return log Gamma(x) by Stirling's series, after moving x up to where the series is accurate."""
    product = Decimal(1)
    while x < _STIRLING_FROM:
        product *= x
        x += 1
    series = Decimal(0)
    for k, (numerator, denominator) in reversed(list(enumerate(_BERNOULLI, start=1))):
        series = series / (x * x) + Decimal(numerator) / (denominator * 2 * k * (2 * k - 1))
    return (x - Decimal("0.5")) * x.ln() - x + (2 * _PI).ln() / 2 + series / x - product.ln()
