"""Views on the base histogram: quantiles, cumulative shares, rebinning, distance between two runs.

Everything is derived from exact integer counts. The edges of new bins are moved to edges of base bins, so
that counts stay whole and exact, and densities use the widths that result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geomreg_tui.statistics.intervals import (
    LEVEL,
    UNDEFINED,
    Interval,
    clopper_pearson,
    rule_of_three,
    simultaneous_bands,
)
from geomreg_tui.summary import LossHistogram, Summary
from geomreg_tui.summary.histogram import bin_edge, bin_index

__all__ = ["Binned", "Distance", "LossDistribution", "distance"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_NARROW_BINS = 32  # base bins that the central 99 % must span for a histogram of it to have a shape
_RESOLUTION_SAMPLES = 100  # with fewer losses the span of the central 99 % says little
_MAXIMUM_BITS = 20


@dataclass(frozen=True)
class Binned:
    """Counts over bins, exact.

    Attributes:
        edges: increasing edges, each one of a base bin, shape (bins + 1,).
        count: losses in each bin, lower edge inclusive and upper exclusive, shape (bins,).
        below, above: finite losses outside the edges (the atom and zeros only where they are counted).
        samples: losses that shares and densities refer to: all finite ones.
    """

    edges: FloatArray
    count: IntArray
    below: int
    above: int
    samples: int

    @property
    def width(self) -> FloatArray:
        """Width of each bin."""
        return np.diff(self.edges)

    @property
    def density(self) -> FloatArray:
        """Share of the finite losses per unit of loss, in each bin; NaN when there are no losses."""
        return self.per_sample(self.count) / self.width

    @property
    def empty_bound(self) -> float:
        """95 % upper bound, 3 / samples, for the probability of a region without any loss."""
        return rule_of_three(self.samples)

    def per_sample(self, counts: ArrayLike) -> FloatArray:
        """Return counts as shares of the finite losses; NaN when there are no losses."""
        values = np.asarray(counts, np.float64)
        return values / self.samples if self.samples else np.full_like(values, np.nan)

    def bands(self, level: float = LEVEL) -> tuple[FloatArray, FloatArray]:
        """Return bands for all bin probabilities at once (Bonferroni-adjusted Clopper–Pearson)."""
        return simultaneous_bands(self.count, self.samples, level)


@dataclass(frozen=True)
class LossDistribution:
    """The distribution of the finite losses of a summary.

    A loss is known to within its base bin: a value that is read off differs from the loss by at most
    :attr:`relative_error` of it. Zeros are exactly 0, losses of the atom exactly the null loss.

    Attributes:
        summary: what was sampled.
        null_loss: position of the atom.

    Example:
        >>> result = geomreg.load("latest")
        >>> losses = geomreg.LossDistribution(result.summary, result.facts.null_loss)
        >>> median = losses.quantile(0.5)
        >>> round(float(losses.cdf(median)), 2)
        0.5
        >>> bins = losses.linear_bins(20, high=result.facts.null_loss)
        >>> bins.density.shape
        (20,)
    """

    summary: Summary
    null_loss: float

    @property
    def histogram(self) -> LossHistogram:
        """The base histogram."""
        return self.summary.histogram

    @property
    def relative_error(self) -> float:
        """Largest relative distance between a loss and the value read off for it."""
        return self.histogram.relative_error

    @cached_property
    def finite(self) -> int:
        """Finite losses: zeros, the atom and the binned ones."""
        return self.histogram.total - self.histogram.nonfinite

    @property
    def at_null(self) -> int:
        """Losses equal to the null loss to within rounding: the atom, or the zeros where that is 0."""
        return self.histogram.atom if self.null_loss else self.histogram.zero

    @property
    def at_null_share(self) -> Interval:
        """Their share of the finite losses, with its exact binomial interval; undefined without any."""
        return _share(self.at_null, self.finite)

    @property
    def dead(self) -> Interval:
        """Share of all networks that are dead, with its exact binomial interval; undefined if not counted."""
        return _share(self.summary.dead, self.histogram.total)

    @cached_property
    def cumulative(self) -> IntArray:
        """Binned losses before each base bin, and all of them, shape (bins + 1,)."""
        return np.concatenate([[0], np.cumsum(self.histogram.count)]).astype(np.int64)

    def edge(self, names: IntArray) -> FloatArray:
        """Return the lower edges of the base bins named; the largest float for the end of the last one."""
        return np.minimum(bin_edge(names, self.histogram.bits), np.finfo(np.float64).max)

    @cached_property
    def atom_name(self) -> int:
        """Name of the base bin that holds the null loss; -1 when that is not a positive number."""
        if not (math.isfinite(self.null_loss) and self.null_loss > 0):
            return -1
        return int(bin_index(np.array([self.null_loss]), self.histogram.bits)[0])

    def count_before(self, names: IntArray, *, zeros: bool = True, atom: bool = True) -> IntArray:
        """Return how many finite losses lie below the base bins named, exactly.

        Args:
            names: names of base bins, any shape; 0 is the lowest, which zeros are in.
            zeros, atom: whether those losses count.
        """
        histogram = self.histogram
        below = self.cumulative[np.searchsorted(histogram.index, names)]
        if zeros:
            below = below + histogram.zero * (names > 0)
        if atom:
            below = below + histogram.atom * (names > self.atom_name)
        return np.asarray(below, np.int64)

    def quantile(self, share: ArrayLike, *, atom: bool = True) -> FloatArray:
        """Return the smallest loss that at least this share of the finite losses does not exceed.

        The middle of the base bin that holds it is returned (or the smallest or largest loss, if that is
        nearer), so the relative error is at most :attr:`relative_error`; 0 is returned for zeros and the null
        loss for the atom wherever the counts leave no doubt that the quantile is one.

        Args:
            share: probabilities between 0 and 1, any shape.
            atom: whether the atom counts.

        Returns:
            Losses, in the shape of ``share``; NaN when there are no finite losses.
        """
        wanted = np.asarray(share, np.float64)
        if np.any((wanted < 0) | (wanted > 1)):
            raise ValueError("quantiles are asked for by shares between 0 and 1")
        histogram = self.histogram
        atom_count = histogram.atom if atom else 0
        total = self.finite - histogram.atom + atom_count
        if not total:
            return np.full_like(wanted, np.nan)
        # The rank of the inverse of the empirical distribution function, less what float rounding of
        # share * total may have added.
        rank = np.clip(np.ceil(wanted * total * (1 - 1e-15)).astype(np.int64) - 1, 0, total - 1)
        names, counts = histogram.index, histogram.count
        place = int(np.searchsorted(names, self.atom_name))
        beside = 0
        if atom_count:
            if place < names.size and names[place] == self.atom_name:
                beside = int(counts[place])
                counts = counts.copy()
                counts[place] += atom_count
            else:
                names, counts = np.insert(names, place, self.atom_name), np.insert(counts, place, atom_count)
        ends = np.concatenate([[histogram.zero], histogram.zero + np.cumsum(counts)])
        slot = np.searchsorted(ends, rank, side="right") - 1
        if not names.size:
            return np.zeros_like(wanted)
        safe = np.clip(slot, 0, names.size - 1)
        middle = self._middle(names[safe])
        if atom_count:
            within = rank - ends[safe]
            certain = (safe == place) & (within >= beside) & (within < atom_count)
            middle = np.where(certain, self.null_loss, middle)
        # The middle of the first or last bin may lie outside what was seen.
        moments = self.summary.moments
        middle = np.clip(middle, moments.minimum, moments.maximum) if moments.count else middle
        return np.where(slot < 0, 0.0, middle)

    def cdf(self, loss: ArrayLike) -> FloatArray:
        """Return the share of the finite losses up to each ``loss``.

        Exact at edges of base bins (where it is the share below the edge) and for zeros and the atom;
        linear within a base bin. NaN when there are no finite losses.
        """
        points = np.asarray(loss, np.float64)
        if not self.finite:
            return np.full_like(points, np.nan)
        histogram = self.histogram
        usable = np.isfinite(points) & (points > 0)
        names = bin_index(np.where(usable, points, 1.0), histogram.bits).reshape(points.shape)
        below = self.count_before(names, zeros=False, atom=False)
        inside = self.count_before(names + 1, zeros=False, atom=False) - below
        lower, upper = self.edge(names), self.edge(names + 1)
        reached = below + inside * (np.where(usable, points, 1.0) - lower) / (upper - lower)
        reached = np.where(usable, reached, np.where(points > 0, self.cumulative[-1], 0.0))
        reached = reached + histogram.zero * (points >= 0) + histogram.atom * (points >= self.null_loss)
        return np.where(np.isnan(points), np.nan, reached / self.finite)

    def rebin(self, edges: ArrayLike, *, zeros: bool = True, atom: bool = True) -> Binned:
        """Count losses over wider bins.

        Each edge moves to the nearest edge of a base bin, by at most half a base bin; edges that meet
        become one. Zeros belong to a first bin that starts at 0.

        Args:
            edges: increasing, finite, non-negative edges, at least two.
            zeros, atom: whether those losses count.

        Raises:
            ValueError: if the edges are not of that kind, or all meet.
        """
        wanted = np.asarray(edges, np.float64)
        if (
            wanted.ndim != 1
            or wanted.size < 2
            or not np.all(np.isfinite(wanted))
            or wanted[0] < 0
            or np.any(np.diff(wanted) <= 0)
        ):
            raise ValueError("edges must be at least two, increasing, finite and not negative")
        return self.rebin_names(self.nearest_names(wanted), zeros=zeros, atom=atom)

    def rebin_names(self, names: IntArray, *, zeros: bool = True, atom: bool = True) -> Binned:
        """Count losses over bins whose edges are the lower edges of the base bins named."""
        names = np.unique(names)
        if names.size < 2:
            raise ValueError("the edges lie within one base bin; sample with a larger bin_bits")
        before = self.count_before(names, zeros=zeros, atom=atom)
        histogram = self.histogram
        total = int(self.cumulative[-1]) + histogram.zero * zeros + histogram.atom * atom
        return Binned(
            self.edge(names),
            np.diff(before),
            int(before[0]),
            total - int(before[-1]),
            self.finite,
        )

    def nearest_names(self, values: FloatArray) -> IntArray:
        """Return the names of the base bins whose lower edges lie nearest to ``values``."""
        names = bin_index(values, self.histogram.bits)
        lower, upper = self.edge(names), self.edge(names + 1)
        return names + (upper - values < values - lower)

    def linear_bins(self, bins: int, high: float, *, zeros: bool = True, atom: bool = True) -> Binned:
        """Count losses over ``bins`` bins on [0, high], of equal width but for the snapping of edges."""
        return self.rebin(np.linspace(0, high, bins + 1), zeros=zeros, atom=atom)

    def log_bins(
        self, bins: int, low: float, high: float, *, zeros: bool = False, atom: bool = True
    ) -> Binned:
        """Count losses over ``bins`` bins on [low, high], of equal width in log but for the snapping."""
        with np.errstate(over="ignore"):  # the largest float's logarithm rounds up
            edges = np.minimum(np.geomspace(low, high, bins + 1), high)
        return self.rebin(edges, zeros=zeros, atom=atom)

    @cached_property
    def central_span(self) -> int:
        """Base bins from the 0.5 % to the 99.5 % quantile of the positive losses beside the atom."""
        binned = int(self.cumulative[-1])
        if not binned:
            return 0
        ranks = np.clip(np.array([0.005, 0.995]) * binned, 0, binned - 1).astype(np.int64)
        low, high = self.histogram.index[np.searchsorted(self.cumulative, ranks, side="right") - 1]
        return int(high - low) + 1

    @property
    def narrow(self) -> bool:
        """Whether the distribution is too narrow for the base bins to show its shape."""
        return int(self.cumulative[-1]) >= _RESOLUTION_SAMPLES and self.central_span < _NARROW_BINS

    @property
    def suggested_bits(self) -> int:
        """The ``bin_bits`` that would resolve a narrow distribution (at most 20), else the one in use."""
        bits = self.histogram.bits
        if not self.narrow:
            return bits
        # A span of some bins may be that of a distribution narrower than one of them.
        more = math.ceil(math.log2(2 * _NARROW_BINS / self.central_span))
        return max(bits, min(_MAXIMUM_BITS, bits + more))

    def _middle(self, names: IntArray) -> FloatArray:
        """Return the middles of base bins."""
        # Half a bin further in the bit pattern is the middle, and cannot overflow.
        return bin_edge(2 * names + 1, self.histogram.bits + 1)


def _share(count: int | None, samples: int) -> Interval:
    """Return a share with its exact binomial interval; undefined without networks or a count."""
    if count is None or not samples:
        return UNDEFINED
    low, high = clopper_pearson(count, samples)
    return Interval(count / samples, float(low), float(high))


class Distance(NamedTuple):
    """Kolmogorov–Smirnov distance of two samples and the p-value of their being from one distribution."""

    statistic: float
    p_value: float


def distance(first: LossDistribution, second: LossDistribution) -> Distance:
    """Return the two-sample Kolmogorov–Smirnov distance of the finite losses, and its p-value.

    The largest difference of the two distribution functions is taken over the edges of base bins (of the
    coarser resolution), where both are exact; between edges it may be larger by what one bin holds. The
    p-value is the asymptotic one (Smirnov 1948), conservative where losses are tied. NaN for no losses.
    """
    from scipy.special import kolmogorov

    if not first.finite or not second.finite:
        return Distance(math.nan, math.nan)
    bits = min(first.histogram.bits, second.histogram.bits)
    names = np.unique(np.concatenate([_coarse_names(first, bits), _coarse_names(second, bits)]))
    shares = []
    for part in (first, second):
        fine = (names + 1) << (part.histogram.bits - bits)
        shares.append(part.count_before(fine) / part.finite)
    at_zero = abs(first.histogram.zero / first.finite - second.histogram.zero / second.finite)
    largest = max(at_zero, float(np.max(np.abs(shares[0] - shares[1]), initial=0.0)))
    size = first.finite * second.finite / (first.finite + second.finite)
    return Distance(largest, float(kolmogorov(math.sqrt(size) * largest)))


def _coarse_names(part: LossDistribution, bits: int) -> IntArray:
    """Return the names of occupied bins, the atom's included, at a coarser resolution."""
    names = part.histogram.index
    if part.histogram.atom:
        names = np.append(names, part.atom_name)
    return names >> (part.histogram.bits - bits)
