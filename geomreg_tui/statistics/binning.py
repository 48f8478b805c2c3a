"""The bins in which modes are looked for: how many, how far up, and what is in them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.statistics.distribution import LossDistribution
from geomreg_tui.summary.histogram import bin_edge, bin_index

__all__ = ["MAXIMUM_BINS", "TOP_SHARE", "Axis", "bins_for", "linear_axis", "log_axis"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MAXIMUM_BINS = 128
TOP_SHARE = 0.995
_MINIMUM_BINS = 8
_PER_NULL = 32  # bins to the null loss
_FINE_NULLS = 2.0  # times the null loss: so far up the bins stay that narrow
_GROWTH = 1.1  # of each further bin over the last, until they are as wide as equal ones
_MOST_RATIO = 1e60  # of the widest bin to the narrowest, as far as densities tell them apart
_LATTICE_VALUES = 512  # more distinct losses than this are treated as continuous
_FINEST = 2.0**-16  # times the largest gap: spacings below are beyond the base bins
_LATTICE_REPEATS = 16  # so many losses to each distinct value, or there is no telling that it is a lattice


@dataclass(frozen=True)
class Axis:
    """Counts of the losses in which modes are looked for.

    Attributes:
        name: "linear" or "log".
        edges: increasing bin edges, shape (bins + 1,).
        width: bin widths that densities refer to: in loss on the linear axis, in decades on the log axis.
        count: losses in each bin, shape (bins,).
        below, above: losses outside the edges, in which no mode is looked for.
        atom: losses of the atom, in none of the bins.
        lattice: whether the losses take few, evenly spaced values, each bin standing for one or more.
    """

    name: str
    edges: FloatArray
    width: FloatArray
    count: IntArray
    below: int
    above: int
    atom: int
    lattice: bool = False

    @property
    def unit(self) -> float:
        """The width of the widest bin, or 1e60 times that of the narrowest where the widest exceeds that."""
        widest = float(self.width.max())
        return min(widest, float(self.width.min()) * _MOST_RATIO) or widest

    @property
    def relative_width(self) -> FloatArray:
        """Bin widths in :attr:`unit`, at most 1: densities per such a unit, and their squares, are floats."""
        return np.asarray(np.minimum(self.width / self.unit, 1.0), np.float64)


def bins_for(samples: int) -> int:
    """Return how many bins suit a number of losses: 128, fewer for a small sample.

    The power of two nearest (in ratio) to Rice's 2 n^(1/3), from 8 up to 128, which is reached at 93,000.
    """
    wanted = round(math.log2(2 * samples ** (1 / 3))) if samples > 0 else 0
    return int(2 ** np.clip(wanted, math.log2(_MINIMUM_BINS), math.log2(MAXIMUM_BINS)))


def linear_axis(distribution: LossDistribution, bins: int | None = None) -> Axis | None:
    """Return bins on [0, L_hi], or None when no loss lies between 0 and infinity beside the atom.

    L_hi is the base-bin edge above the 99.5 % quantile of the losses beside the atom (of the positive ones
    where nearly all are 0). There are ``bins`` equal bins where those are no wider than a 32nd of the null
    loss, which is a quarter of the losses that 128 bins can span. However far up a heavy tail puts L_hi, the
    bins stay that narrow up to twice the null loss; from there each is wider than the last by a tenth (by
    more where that would take over 128 bins), until they are as wide as equal ones. (With fewer than 128
    bins, for a small sample, a 32nd becomes as much more.) Exact zeros belong to the first bin. Losses that
    take few, evenly spaced values (the 0-1 loss) would show each value as a mode: there a bin stands for a
    whole number of values, and the atom, which cannot be told apart from other networks of the same loss,
    stays in its bin.

    Args:
        distribution: the losses.
        bins: number of bins; None for :func:`bins_for` the number of losses.
    """
    histogram = distribution.histogram
    beside = distribution.finite - histogram.atom
    if not histogram.index.size:
        return None
    wanted = bins or bins_for(beside)
    lattice = _lattice_axis(distribution, wanted)
    if lattice is not None:
        return lattice
    high = float(distribution.quantile(TOP_SHARE, atom=False))
    if high == 0:
        high = float(_positive_quantiles(distribution, [TOP_SHARE])[0])
    top = bin_index(np.array([high]), histogram.bits) + 1
    edges = _linear_edges(wanted, float(distribution.edge(top)[0]), distribution.null_loss)
    binned = distribution.rebin(edges, atom=False)
    return Axis("linear", binned.edges, binned.width, binned.count, 0, binned.above, histogram.atom)


def log_axis(distribution: LossDistribution, bins: int | None = None) -> Axis | None:
    """Return bins of equal width in log loss over the central 99 % of the positive losses beside the atom.

    None when those lie within fewer than two base bins.
    """
    histogram = distribution.histogram
    if distribution.central_span < 2:
        return None
    wanted = bins or bins_for(distribution.finite - histogram.atom)
    names = bin_index(_positive_quantiles(distribution, [1 - TOP_SHARE, TOP_SHARE]), histogram.bits)
    # 0 has no logarithm: subnormal losses of the lowest base bin are left below.
    low, high = distribution.edge(np.maximum(names + np.array([0, 1]), 1))
    binned = distribution.log_bins(wanted, float(low), float(high), atom=False)
    width = np.diff(np.log10(binned.edges))
    below = binned.below + histogram.zero
    return Axis("log", binned.edges, width, binned.count, below, binned.above, histogram.atom)


def _linear_edges(bins: int, high: float, null_loss: float) -> FloatArray:
    """Return the edges of the linear axis: equal bins, or narrower ones by the null loss."""
    equal = high / bins
    narrow = null_loss * MAXIMUM_BINS / (_PER_NULL * bins)
    fine = math.ceil(_FINE_NULLS * _PER_NULL * bins / MAXIMUM_BINS)
    if not 0 < narrow < equal or fine * narrow > high / 2 or not math.isfinite(narrow):
        return np.linspace(0, high, bins + 1)
    growth = math.log(equal) - math.log(narrow)
    growing = min(math.floor(growth / math.log(_GROWTH)), MAXIMUM_BINS)
    steps = np.arange(growing + 1) * max(math.log(_GROWTH), growth / (growing + 1))
    widths = np.minimum(np.exp(math.log(narrow) + np.minimum(steps, growth)), equal)
    near = np.cumsum(np.concatenate([[0.0], np.full(fine, narrow), widths]))
    near = near[near < high - equal]
    left = math.ceil((high - near[-1]) / equal * (1 - 1e-9))
    return np.concatenate([near, np.linspace(near[-1], high, left + 1)[1:]])


def _positive_quantiles(distribution: LossDistribution, shares: list[float]) -> FloatArray:
    """Return quantiles of the positive losses beside the atom, as lower edges of base bins."""
    histogram, cumulative = distribution.histogram, distribution.cumulative
    ranks = np.ceil(np.array(shares) * cumulative[-1]).astype(np.int64) - 1
    slot = np.searchsorted(cumulative, np.clip(ranks, 0, cumulative[-1] - 1), side="right") - 1
    return bin_edge(histogram.index[slot], histogram.bits)


def _lattice_axis(distribution: LossDistribution, bins: int) -> Axis | None:
    """Return an axis with a bin for each loss, where losses take few values; else None."""
    histogram = distribution.histogram
    if histogram.index.size > _LATTICE_VALUES:
        return None
    value, count = bin_edge(2 * histogram.index + 1, histogram.bits + 1), histogram.count  # the middles
    if histogram.zero:
        value, count = np.insert(value, 0, 0.0), np.insert(count, 0, histogram.zero)
    if histogram.atom:
        place = int(np.searchsorted(value, distribution.null_loss))
        value = np.insert(value, place, distribution.null_loss)
        count = np.insert(count, place, histogram.atom)
    if not 3 <= value.size <= min(_LATTICE_VALUES, count.sum() / _LATTICE_REPEATS):
        return None
    gaps = np.diff(value)
    if gaps.min() < _FINEST * gaps.max():
        return None
    steps = gaps / gaps.min()
    # A value is known to within half a base bin, so a gap to within one; the spacing, as the mean of all
    # gaps of one step, the better the more there are.
    single = steps < 1.5
    spacing = float(gaps[single].mean())
    steps = gaps / spacing
    slack = value[-1] * 2.0**-histogram.bits * (1 + steps / np.count_nonzero(single)) / spacing
    if np.any(np.abs(steps - np.round(steps)) > slack) or slack.max() > 0.25:
        return None
    spacing = float((value[-1] - value[0]) / np.round(steps).sum())
    first = value[0] / spacing
    if abs(first - round(first)) > 0.25:
        return None
    multiple = round(first) + np.concatenate([[0], np.cumsum(np.round(steps))]).astype(np.int64)
    group = math.ceil((int(multiple[-1]) + 1) / bins)
    tally = np.zeros(int(multiple[-1]) // group + 1, np.int64)
    np.add.at(tally, multiple // group, count)
    edges = (np.arange(tally.size + 1, dtype=np.float64) * group - 0.5) * spacing
    edges[0] = 0.0
    width = np.full(tally.size, group * spacing, np.float64)
    return Axis("linear", edges, width, tally, 0, 0, 0, lattice=True)
