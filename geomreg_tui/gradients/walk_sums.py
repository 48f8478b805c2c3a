"""Sums over pairs of networks that a step of a walk connects, from which correlations of the loss follow.

The pairs of each chunk are dealt to groups, so that an interval can be had from leaving out one group at a
time: losses of deep networks have heavy tails, and formulas for the error of a correlation assume that they
have none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geomreg_tui.summary import ExactSum

__all__ = ["GROUPS", "NEUTRAL", "WalkSums"]

FloatArray = NDArray[np.float64]
GROUPS = 32
NEUTRAL = 0.01  # a step that changes the loss by no more than this share of it is neutral
_TERMS = 5  # sums of a, b, a**2, b**2 and a b


@dataclass(frozen=True)
class WalkSums:
    """What is kept of pairs of losses (L, L') that a step connects. Merging is exact, in any order.

    Attributes:
        origin: what losses are taken relative to, about which sums are kept; 1 where the null loss is 0.
        pairs: pairs that were drawn.
        improving: pairs of which L' is below L.
        neutral: pairs whose losses differ by at most :data:`NEUTRAL` of L.
        nonfinite: pairs with a loss that is not finite; they are in no sum.
        zero: pairs with a loss of 0, which are not in the sums of logarithms.
        counts: pairs in the sums of each group, of losses and of logarithms, (2, GROUPS).
        sums: of a = L / origin - 1 and b of L', and of their logarithms; (2, GROUPS, 5) in rows.
    """

    origin: float
    pairs: int = 0
    improving: int = 0
    neutral: int = 0
    nonfinite: int = 0
    zero: int = 0
    counts: tuple[int, ...] = (0,) * (2 * GROUPS)
    sums: tuple[ExactSum, ...] = (ExactSum(),) * (2 * GROUPS * _TERMS)

    @classmethod
    def from_losses(cls, before: ArrayLike, after: ArrayLike, null_loss: float) -> WalkSums:
        """Aggregate the pairs of one chunk, in the order drawn.

        Args:
            before, after: losses L and L', (pairs,) each.
            null_loss: of the experiment.
        """
        origin = null_loss if 0 < null_loss < math.inf else 1.0
        first, second = (np.asarray(losses, np.float64) for losses in (before, after))
        group = np.arange(first.size) % GROUPS
        finite = np.isfinite(first) & np.isfinite(second)
        there = finite & (first > 0) & (second > 0)
        counts, sums = [], []
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            kinds: list[tuple[NDArray[np.bool_], Callable[[FloatArray], FloatArray]]] = [
                (finite, lambda losses: losses / origin - 1),
                (there, lambda losses: np.log(losses / origin)),
            ]
            for kept, transform in kinds:
                a, b = transform(first[kept]), transform(second[kept])
                members = [group[kept] == k for k in range(GROUPS)]
                counts += [int(member.sum()) for member in members]
                terms = (a, b, a * a, b * b, a * b)
                sums += [ExactSum.of([float(term[member].sum())]) for member in members for term in terms]
        return cls(
            origin,
            first.size,
            int((second[finite] < first[finite]).sum()),
            int((np.abs(second[finite] - first[finite]) <= NEUTRAL * first[finite]).sum()),
            int((~finite).sum()),
            int((finite & ~there).sum()),
            tuple(counts),
            tuple(sums),
        )

    @classmethod
    def merge(cls, parts: Iterable[WalkSums]) -> WalkSums:
        """Return the sums over all pairs of ``parts`` together.

        Raises:
            ValueError: if there are none, or they are about different origins.
        """
        return reduce(add, parts)

    def __add__(self, other: WalkSums) -> WalkSums:
        if self.origin != other.origin:
            raise ValueError(f"walks about {self.origin} and {other.origin} cannot be merged")
        return WalkSums(
            self.origin,
            self.pairs + other.pairs,
            self.improving + other.improving,
            self.neutral + other.neutral,
            self.nonfinite + other.nonfinite,
            self.zero + other.zero,
            tuple(map(add, self.counts, other.counts)),
            tuple(map(add, self.sums, other.sums)),
        )

    def group_sums(self, *, logarithm: bool = False) -> tuple[NDArray[np.int64], FloatArray]:
        """Return the pairs (GROUPS,) and the sums of a, b, a**2, b**2 and a b (GROUPS, 5) of each group."""
        half = int(logarithm)
        counts = np.array(self.counts, np.int64).reshape(2, GROUPS)[half]
        values = np.array([total.value for total in self.sums]).reshape(2, GROUPS, _TERMS)[half]
        return counts, values

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return named arrays, from which :meth:`from_arrays` restores every bit."""
        counters = [self.pairs, self.improving, self.neutral, self.nonfinite, self.zero]
        sums = [total.canonical() for total in self.sums]
        return {
            "walk.origin": np.array([self.origin]),
            "walk.counters": np.array(counters, np.int64),
            "walk.counts": np.array(self.counts, np.int64),
            "walk.parts": np.array([part for total in sums for part in total.parts], np.float64),
            "walk.lengths": np.array([len(total.parts) for total in sums], np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> WalkSums:
        """Restore sums.

        Raises:
            LookupError, TypeError, ValueError: if arrays are missing, or contradict each other.
        """
        (origin,) = (float(value) for value in arrays["walk.origin"].astype(np.float64, casting="safe"))
        counters = [int(n) for n in arrays["walk.counters"].astype(np.int64, casting="safe")]
        pairs, improving, neutral, nonfinite, zero = counters
        counts = tuple(int(n) for n in arrays["walk.counts"].astype(np.int64, casting="safe"))
        lengths = arrays["walk.lengths"].astype(np.int64, casting="safe")
        parts = arrays["walk.parts"].astype(np.float64, casting="safe")
        if len(counts) != 2 * GROUPS or lengths.shape != (2 * GROUPS * _TERMS,):
            raise ValueError("walk: arrays of the wrong size")
        if min(*counters, *counts) < 0 or max(counters) > pairs or lengths.min() < 0:
            raise ValueError("walk: impossible counters")
        if lengths.sum() != parts.size or sum(counts[:GROUPS]) != pairs - nonfinite:
            raise ValueError("walk: counts contradict each other")
        ends = np.cumsum(lengths)
        sums = tuple(
            ExactSum(tuple(parts[end - length : end].tolist()))
            for end, length in zip(ends, lengths, strict=True)
        )
        return cls(origin, pairs, improving, neutral, nonfinite, zero, counts, sums)
