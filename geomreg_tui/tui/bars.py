"""The bars of a loss distribution: shares, densities or cumulative shares over bins, with their bands."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.statistics import LossDistribution
from geomreg_tui.statistics.intervals import LEVEL, UNDEFINED, Interval, simultaneous_bands
from geomreg_tui.summary import Overlay
from geomreg_tui.tui.axes import HeldScale, Scale, lines_apart
from geomreg_tui.tui.widgets.measure import Measure

__all__ = ["Bins", "bar_shares", "heights_axis", "squeezed"]

FloatArray = NDArray[np.float64]

_BEYOND = 0.3  # decades below the lowest bar and above the highest on log heights


def heights_axis(held: HeldScale, heights: FloatArray, lines: int, measure: Measure, log: bool) -> Scale:
    """Return the axis of bars on so many lines.

    Args:
        held: what it was in the last frame.
        heights: of all bars, any shape.
        lines: cells of the axis.
        measure: what the bars are.
        log: whether heights are on a log axis; the lowest bar is then seen whole.
    """
    some = heights[heights > 0]
    low, peak = (float(some.min()), float(some.max())) if some.size else (1.0, 1.0)
    apart = lines_apart(lines)
    if log:
        return held.even(math.log10(low) - _BEYOND, math.log10(peak) + _BEYOND, lines, apart, log=True)
    if measure is Measure.CUMULATIVE:
        return Scale.linear(0.0, 1.0, max(2, lines // apart))
    return held.even(0.0, peak, lines, apart)


def bar_shares(distribution: LossDistribution, edges: FloatArray) -> FloatArray:
    """Return the share of the finite losses between edges, the atom left out, shape (edges - 1,).

    Where the first edge is 0, exact zeros belong to the first bin.
    """
    atom = distribution.histogram.atom / max(distribution.finite, 1)
    below = distribution.cdf(edges) - atom * (edges >= distribution.null_loss)
    below[edges <= 0] = 0.0
    return np.diff(below)


def squeezed(distribution: LossDistribution, near: float) -> bool:
    """Return whether half of the losses that a log axis can show are below a small one; the atom left out."""
    edges = np.array([0.0, near, np.inf])
    zeros = distribution.histogram.zero / max(distribution.finite, 1)
    inside, beyond = bar_shares(distribution, edges).tolist()
    return bool(inside - zeros >= beyond > 0)


@dataclass(frozen=True)
class Bins:
    """Bins along a loss axis, and what is drawn over them.

    Attributes:
        edges: increasing losses, shape (bins + 1,).
        widths: of the bins in units of the axis (of the loss, or decades), shape (bins,).
        measure: what is drawn.
    """

    edges: FloatArray
    widths: FloatArray
    measure: Measure

    @classmethod
    def of(cls, x: Scale, columns: int, measure: Measure, each: int = 1) -> Bins:
        """Return bins of ``each`` columns of an axis of so many; the last may be narrower."""
        places = np.linspace(x.low, x.high, columns + 1)
        places = places[np.unique(np.append(np.arange(0, columns + 1, each), columns))]
        return cls(10.0**places if x.log else places, np.diff(places), measure)

    def heights(self, distribution: LossDistribution) -> FloatArray:
        """Return the height of each bar, shape (bins,)."""
        if self.measure is Measure.CUMULATIVE:
            return distribution.cdf(self.edges[1:])
        return bar_shares(distribution, self.edges) * self._per(distribution)

    def law(self, overlay: Overlay, distribution: LossDistribution) -> FloatArray:
        """Return the heights that a law of theory gives, shape (bins,)."""
        if self.measure is Measure.CUMULATIVE:
            return np.interp(self.edges[1:], overlay.loss, overlay.cdf, left=0.0)
        return overlay.shares(self.edges, distribution.null_loss) * self._per(distribution)

    def bands(self, distribution: LossDistribution, heights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return between what each bar may be, at 95 % for all together, shape (bins,) each.

        For cumulative shares by the inequality of Dvoretzky, Kiefer and Wolfowitz, with Massart's constant.
        """
        finite = distribution.finite
        if self.measure is Measure.CUMULATIVE:
            reach = math.sqrt(math.log(2 / (1 - LEVEL)) / (2 * max(finite, 1)))
            return np.maximum(0.0, heights - reach), np.minimum(1.0, heights + reach)
        per = self._per(distribution)
        low, high = simultaneous_bands(np.clip(np.round(heights / per * finite), 0, finite), finite)
        return low * per, high * per

    def at(self, loss: float, distribution: LossDistribution) -> Interval:
        """Return the height of the bar that a loss is in, between the ends of its band; undefined beyond."""
        place = int(np.searchsorted(self.edges, loss, side="right")) - 1
        place = min(place, len(self.widths) - 1) if loss <= self.edges[-1] else -1
        if place < 0 or not distribution.finite:
            return UNDEFINED
        heights = self.heights(distribution)
        low, high = self.bands(distribution, heights)
        return Interval(float(heights[place]), float(low[place]), float(high[place]))

    def _per(self, distribution: LossDistribution) -> FloatArray:
        """Return the factors that turn shares of the losses into heights of bars, shape (bins,)."""
        if self.measure is Measure.DENSITY:
            return 1.0 / self.widths  # per unit of loss, or per decade
        return np.full(self.widths.shape, float(distribution.finite))
