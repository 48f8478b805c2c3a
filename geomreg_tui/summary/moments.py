"""Extremes, mean and variance, with sums that do not depend on the order of addition."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["ExactSum", "Moments"]

_SMALLEST_RANGE = 1e-145  # of losses whose squared deviations keep their digits


@dataclass(frozen=True)
class ExactSum:
    """A sum of floats held without rounding, as non-overlapping parts (Shewchuk 1997).

    Adding is exact, hence associative and commutative; only :attr:`value` rounds, once. A sum that leaves
    the range of floats is NaN from there on.
    """

    parts: tuple[float, ...] = ()

    @classmethod
    def of(cls, terms: Iterable[float]) -> ExactSum:
        """Return the exact sum of ``terms``."""
        parts: list[float] = []
        for term in terms:
            kept = 0
            rest = float(term)
            if not math.isfinite(rest):
                return cls((math.nan,))
            for part in parts:
                if abs(rest) < abs(part):
                    rest, part = part, rest
                high = rest + part
                if not math.isfinite(high):
                    return cls((math.nan,))
                low = part - (high - rest)
                if low:
                    parts[kept] = low
                    kept += 1
                rest = high
            parts[kept:] = [rest]
        return cls(tuple(parts))

    def __add__(self, other: ExactSum) -> ExactSum:
        return ExactSum.of(self.parts + other.parts)

    def canonical(self) -> ExactSum:
        """Return the same sum in the one form that does not depend on how it was added up.

        Its last part is the sum correctly rounded, the one before it what is then left, and so on.
        """
        parts: list[float] = []
        rest = self
        while rest.parts:
            value = rest.value
            if math.isnan(value):
                return ExactSum((math.nan,))
            if value == 0:
                break
            parts.append(value)
            rest = ExactSum.of((*rest.parts, -value))
        return ExactSum(tuple(reversed(parts)))

    @property
    def value(self) -> float:
        """The sum, correctly rounded."""
        return math.fsum(self.parts)


@dataclass(frozen=True)
class Moments:
    """Count, extremes and power sums of the finite losses, about a fixed origin.

    Attributes:
        origin: the point that deviations are taken from (the null loss: deviations stay small).
        count: finite losses.
        minimum, maximum: extremes; inf and -inf when there are no losses.
        deviation, square: exact sums of (loss - origin) and of its square.
    """

    origin: float
    count: int = 0
    minimum: float = math.inf
    maximum: float = -math.inf
    deviation: ExactSum = ExactSum()
    square: ExactSum = ExactSum()

    @classmethod
    def from_losses(cls, losses: ArrayLike, origin: float, *, blas: bool = False) -> Moments:
        """Aggregate losses of any shape; those that are not finite are left out.

        Args:
            losses: any shape.
            origin: what deviations are from.
            blas: whether BLAS adds the squares, as it did in version 0.1.0. Their order, and so the last
                bits, then depend on the processor; otherwise on nothing.
        """
        values = np.asarray(losses, dtype=np.float64).ravel()
        values = values[np.isfinite(values)]
        if not values.size:
            return cls(origin)
        deviation = values - origin
        with np.errstate(over="ignore"):
            total = float(deviation.sum())
            square = float(np.dot(deviation, deviation) if blas else np.square(deviation).sum())
        return cls(
            origin,
            values.size,
            float(values.min()),
            float(values.max()),
            ExactSum.of([total]),
            ExactSum.of([square]),
        )

    def __add__(self, other: Moments) -> Moments:
        if self.origin != other.origin:
            raise ValueError(f"moments about {self.origin} and {other.origin} cannot be added")
        return Moments(
            self.origin,
            self.count + other.count,
            min(self.minimum, other.minimum),
            max(self.maximum, other.maximum),
            self.deviation + other.deviation,
            self.square + other.square,
        )

    def to_arrays(self, prefix: str) -> dict[str, NDArray[np.generic]]:
        """Return named arrays, from which :meth:`from_arrays` restores every bit."""
        return {
            f"{prefix}.count": np.array([self.count], np.int64),
            f"{prefix}.range": np.array([self.origin, self.minimum, self.maximum]),
            f"{prefix}.deviation": np.array(self.deviation.parts, np.float64),
            f"{prefix}.square": np.array(self.square.parts, np.float64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]], prefix: str) -> Moments:
        """Restore moments.

        Raises:
            ValueError: if arrays are missing, or of the wrong type or shape.
        """
        kinds = {"count": np.int64, "range": np.float64, "deviation": np.float64, "square": np.float64}
        found = []
        for part, kind in kinds.items():
            array = arrays.get(f"{prefix}.{part}")
            if array is None or array.ndim != 1 or array.dtype != kind:
                raise ValueError(f"{prefix}.{part}: missing, or of the wrong type or shape")
            found.append(array.tolist())
        (count,), (origin, minimum, maximum), deviation, square = found
        return cls(origin, count, minimum, maximum, ExactSum(tuple(deviation)), ExactSum(tuple(square)))

    def canonical(self) -> Moments:
        """Return the same moments with sums in the form that does not depend on how they were added up."""
        return replace(self, deviation=self.deviation.canonical(), square=self.square.canonical())

    @property
    def mean(self) -> float:
        """Mean of the finite losses; NaN when there are none."""
        return self.origin + self.deviation.value / self.count if self.count else math.nan

    @property
    def std(self) -> float:
        """Standard deviation (divisor n - 1) of the finite losses; NaN for fewer than two.

        NaN too where their squares are beyond the range of floats, as those of losses near 1e-300 are.
        """
        if self.count < 2 or 0 < self.maximum - self.minimum < _SMALLEST_RANGE:
            return math.nan
        deviation = self.deviation.value
        excess = self.square.value - deviation * (deviation / self.count)
        return math.sqrt(max(excess, 0.0) / (self.count - 1))
