"""The volume fraction V(eps): the share of weight space, under the init law, with loss at most eps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.statistics.distribution import LossDistribution
from geomreg_tui.statistics.intervals import UNDEFINED, Interval, clopper_pearson, rule_of_three
from geomreg_tui.summary import Facts
from geomreg_tui.summary.histogram import bin_index

__all__ = ["VolumeCurve", "run_volume", "volume_curve"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_POINTS = 512
_SLOPE_STEPS = 8  # grid steps, four to either side, over which the local slope is taken
_SLOPE_LOSSES = 10  # with fewer losses on these steps its error is not that of a normal law


@dataclass(frozen=True)
class VolumeCurve:
    """V(eps) as far down as the sample supports, and its local slope.

    V is a share of all networks: one whose loss is not finite has no loss at most eps. All counts are
    nested, so points of the curve are strongly correlated; each interval is for its point alone.

    Attributes:
        loss: eps, increasing, shape (points,). The first is the upper edge of the lowest occupied base bin.
        count: networks with a loss below eps (exact zeros included), shape (points,).
        samples: networks drawn, the non-finite losses included.
        volume, low, high: count / samples with its 95 % Clopper–Pearson interval.
        std: standard error of log10 V, sqrt((1 - V) / count) / ln 10 (delta method on the binomial).
        exponent, exponent_std: lambda(eps) = d log V / d log eps over eight grid steps around eps (an
            octave where the grid has 8 to the octave), and its standard error. Of two nested counts the
            smaller one is binomial given the larger, so with q = count(e1) / count(e2) the error of log q
            is sqrt((1 - q) / count(e1)). NaN at the ends of the curve, where there is no such neighbour,
            and where fewer than ten losses lie between the two.
        zero: V(0): the share of losses that are exactly 0, with an interval whose upper end allows for the
            unresolved ones; undefined without samples.
        bound: 3 / samples, the 95 % upper bound for V below the first point when nothing is there.
        resolution: loss below which losses are unresolved, and the curve is not drawn; 0 for none.
        unresolved: share of the networks below that loss (to the next edge of a base bin) whose loss is not
            known to be 0, with its interval.
    """

    loss: FloatArray
    count: IntArray
    samples: int
    volume: FloatArray
    low: FloatArray
    high: FloatArray
    std: FloatArray
    exponent: FloatArray
    exponent_std: FloatArray
    zero: Interval
    bound: float
    resolution: float = 0.0
    unresolved: Interval = UNDEFINED

    @property
    def log10_loss(self) -> FloatArray:
        """log10 eps, shape (points,)."""
        return np.log10(self.loss)

    @property
    def log10_volume(self) -> FloatArray:
        """log10 V(eps), shape (points,)."""
        return np.log10(self.volume)

    def to_json(self) -> dict[str, Any]:
        """Return plain data; None stands for what is undefined."""
        return {
            "log10_loss": self.log10_loss.tolist(),
            "log10_volume": self.log10_volume.tolist(),
            "std": self.std.tolist(),
            "log10_low": np.log10(self.low).tolist(),
            "log10_high": np.log10(self.high).tolist(),
            "exponent": _plain(self.exponent),
            "exponent_std": _plain(self.exponent_std),
            "zero": self.zero.to_json(),
            "bound": self.bound,
            "resolution": self.resolution,
            "unresolved": self.unresolved.to_json(),
        }


def volume_curve(
    distribution: LossDistribution,
    points: int = _POINTS,
    *,
    resolution: float = 0.0,
    exact_zeros: int | None = None,
) -> VolumeCurve:
    """Return V(eps) at log-spaced edges of base bins.

    The grid has a power of two of points to the octave, as many as leave at most about ``points`` in all:
    8 where the losses span fifty octaves, every base bin where they are within one.

    Args:
        distribution: the losses; zeros and the atom count.
        points: largest number of grid points, roughly.
        resolution: loss below which losses are unresolved: the curve ends at the edge of a base bin above.
        exact_zeros: how many of the zeros are known to be exact; None for all.

    Example:
        >>> result = geomreg.load("latest")
        >>> curve = geomreg.volume_curve(result.distribution, points=64)
        >>> float(curve.volume[-1])  # V at the largest loss
        1.0
        >>> bool((curve.low <= curve.volume).all())
        True
    """
    histogram = distribution.histogram
    samples = histogram.total
    occupied = histogram.index
    if histogram.atom:
        occupied = np.union1d(occupied, [distribution.atom_name])
    exact = histogram.zero if exact_zeros is None else exact_zeros
    names = _grid(occupied, histogram.bits, points)
    hidden = histogram.zero - exact
    if resolution > 0:
        end = bin_index(np.array([resolution]), histogram.bits) + 1
        hidden = int(distribution.count_before(end)[0]) - exact
        if hidden:
            names = np.union1d(end, names[names >= end])
    count = distribution.count_before(names)
    loss = distribution.edge(names)
    volume = count / max(samples, 1)
    low, high = clopper_pearson(count, samples)
    std = np.sqrt((1 - volume) / count) / math.log(10)
    exponent, exponent_std = _slope(loss, count)
    if samples:
        low_zero, high_zero = clopper_pearson([exact, exact + hidden], samples)
        zero = Interval(exact / samples, float(low_zero[0]), float(high_zero[1]))
        ends = clopper_pearson(hidden, samples)
        unresolved = Interval(hidden / samples, float(ends[0]), float(ends[1]))
    else:
        zero = unresolved = UNDEFINED
    return VolumeCurve(
        loss,
        count,
        samples,
        volume,
        low,
        high,
        std,
        exponent,
        exponent_std,
        zero,
        rule_of_three(samples),
        resolution,
        unresolved,
    )


def run_volume(distribution: LossDistribution, facts: Facts) -> VolumeCurve:
    """Return V(eps) of a run, down to where its number format ends."""
    return volume_curve(
        distribution,
        resolution=facts.resolution or 0.0,
        exact_zeros=facts.exact_zeros(distribution.summary),
    )


def _grid(occupied: IntArray, bits: int, points: int) -> IntArray:
    """Return names of base bins: above the lowest occupied one, regularly, and above the highest one."""
    if not occupied.size:
        return occupied
    first, last = int(occupied[0]) + 1, int(occupied[-1]) + 1
    step = 1
    while step < 1 << bits and (last - first) > points * step:
        step *= 2
    inner = np.arange(first // step + 1, last // step + 1, dtype=np.int64) * step
    return np.unique(np.concatenate([[first], inner, [last]]))


def _slope(loss: FloatArray, count: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the local exponent of V(eps) and its standard error, each (points,)."""
    exponent, error = np.full(loss.size, np.nan), np.full(loss.size, np.nan)
    if loss.size > _SLOPE_STEPS:
        inner, outer = count[:-_SLOPE_STEPS], count[_SLOPE_STEPS:]
        enough = outer - inner >= _SLOPE_LOSSES
        octave = np.log(loss[_SLOPE_STEPS:] / loss[:-_SLOPE_STEPS])
        middle = slice(_SLOPE_STEPS // 2, loss.size - _SLOPE_STEPS // 2)
        slope, spread = np.log(outer / inner) / octave, np.sqrt((1 - inner / outer) / inner) / octave
        exponent[middle] = np.where(enough, slope, np.nan)
        error[middle] = np.where(enough, spread, np.nan)
    return exponent, error


def _plain(values: FloatArray) -> list[float | None]:
    """Return finite numbers, and None for the others."""
    return [float(value) if np.isfinite(value) else None for value in values]
