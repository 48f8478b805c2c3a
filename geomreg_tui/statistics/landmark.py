"""Landmark dominance: how many losses are near 0 and how many near the null loss, without bins or modes.

With u = L / L_0 and two windows of equal width kappa, Z = P(u <= kappa) and C = P(|u - 1| <= kappa / 2), the
atom at L_0 included. Then D_0 = (Z - C) / (Z + C), and on a log scale Lambda = log10(Z / C), which goes on
where sampling sees nothing near 0: there Z is V(kappa L_0) of the deep tail. Both are continuous in the law.

The windows end inside bins of the base histogram. The part of such a bin that is inside is interpolated, and
every interval allows for the error of that; where the bin stands out from its neighbours, for all of it being
on either side. Losses on a lattice are exact values: a bin
that holds the end of a window holds losses that are equal to it, which belong to the window.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.statistics.binning import linear_axis
from geomreg_tui.statistics.distribution import LossDistribution
from geomreg_tui.statistics.intervals import LEVEL, SURE, UNDEFINED, WIDTH, Interval, clopper_pearson
from geomreg_tui.summary.histogram import bin_index

__all__ = [
    "BOUND",
    "KAPPA",
    "SAMPLED",
    "TAIL",
    "DeepCurve",
    "DeepVolumes",
    "LandmarkDominance",
    "landmark_dominance",
]

FloatArray = NDArray[np.float64]

KAPPA = 0.25  # width of the windows, in units of the null loss
SAMPLED, TAIL, BOUND = "sampled", "tail", "bound"
_LN10 = math.log(10)
_ENOUGH = 100  # losses near 0 from which on they are not below sampling
_FEWEST = 16  # losses in a bin from which on their spread in it is judged
_STANDS_OUT = 4.0  # standard deviations


class DeepCurve(Protocol):
    """V(eps) from the deep tail, below the losses that sampling sees."""

    @property
    def log10_loss(self) -> FloatArray:
        """log10 of losses, decreasing, (points,)."""

    @property
    def log10_volume(self) -> FloatArray:
        """log10 V at each, (points,)."""

    @property
    def std(self) -> FloatArray:
        """Standard error of each, (points,)."""

    def at(self, log10_loss: float) -> tuple[float, float]:
        """Return log10 V at a loss and its standard error; NaN where they are not known."""


class DeepVolumes(Protocol):
    """The deep tail of a run."""

    @property
    def curve(self) -> DeepCurve | None:
        """The curve; None before there is one."""


class Window(NamedTuple):
    """Losses in a window: the estimate, and the fewest and most that it can be."""

    estimate: float
    least: float
    most: float


@dataclass(frozen=True)
class LandmarkDominance:
    """D_0 and Lambda of a sample of losses, with their 95 % intervals.

    Attributes:
        zero, central: losses in the windows at 0 and at the null loss.
        samples: all networks.
        tail: log10 V(kappa L_0) of the deep tail and its standard error, where it is the more certain; None
            where the zero side is sampled or bounded.
        deepest: log10 of an upper bound for V(kappa L_0) from a tail that ends above; infinite without.
    """

    zero: Window
    central: Window
    samples: int
    tail: tuple[float, float] | None = None
    deepest: float = math.inf

    @property
    def zero_side(self) -> str:
        """Where Z of Lambda comes from: ``sampled``, ``tail``, or ``bound`` where it is only bounded."""
        if self.tail is not None:
            return TAIL
        return SAMPLED if self.zero.estimate > 0 else BOUND

    @cached_property
    def landmark(self) -> Interval:
        """D_0, from the sample alone; undefined where no loss is in either window.

        Given how many losses are in the windows, those near 0 are binomial: the interval is that of
        Clopper and Pearson.
        """
        return Interval(*(2 * share - 1 for share in self._share(LEVEL)))

    @cached_property
    def log10_ratio(self) -> Interval:
        """Lambda. Where one window is empty it has no estimate, and one end is a 95 % bound.

        Undefined where both windows are empty, and where the tail is met by an empty central window.
        """
        if self.tail is not None:
            return self._ratio_from_tail(*self.tail)
        if self.zero.estimate > 0 and self.central.estimate > 0:
            return Interval(*(_log_odds(share) for share in self._share(LEVEL)))
        _, low, high = self._share(2 * LEVEL - 1)  # one-sided
        if self.central.estimate > 0:
            bound = min(self.deepest - math.log10(self._central_share()[1]), _log_odds(high))
            return Interval(math.nan, -math.inf, bound)
        if self.zero.estimate > 0:
            return Interval(math.nan, _log_odds(low), math.inf)
        return UNDEFINED

    def _share(self, level: float) -> Interval:
        """Return the share of the losses in both windows that is near 0, with its interval."""
        zero, central = self.zero, self.central
        if not zero.estimate + central.estimate > 0:
            return UNDEFINED
        ends = clopper_pearson(
            [zero.least, zero.most], [zero.least + central.most, zero.most + central.least], level
        )
        low, high = float(ends[0][0]), float(ends[1][1])
        return Interval(zero.estimate / (zero.estimate + central.estimate), low, high)

    def _central_share(self) -> Interval:
        """Return C as a share of all networks, as V is."""
        low, high = clopper_pearson([self.central.least, self.central.most], self.samples)
        return Interval(self.central.estimate / self.samples, float(low[0]), float(high[1]))

    def _ratio_from_tail(self, log10_volume: float, std: float) -> Interval:
        """Return Lambda with its interval, from log10 V near 0 and its standard error."""
        if not self.central.estimate > 0:
            return UNDEFINED
        share = self._central_share()
        logs = [math.log10(value) if value > 0 else -math.inf for value in share]
        estimate = log10_volume - logs[0]
        # The errors of volume and share are independent: their squares add up, on either side.
        below = math.hypot(WIDTH * std, logs[2] - logs[0])
        above = math.hypot(WIDTH * std, logs[0] - logs[1])
        return Interval(estimate, estimate - below, estimate + above)

    def draw(self, generator: np.random.Generator, size: int) -> FloatArray:
        """Draw values of D_0 from its distribution given the sample, shape (size,); NaN where undefined.

        The share of the losses near 0 is a Jeffreys posterior; a bin that the end of a window is in is cut
        anywhere.
        """
        return 2 * self._draw_share(generator, size) - 1

    def draw_log10_ratio(self, generator: np.random.Generator, size: int) -> FloatArray:
        """Draw values of Lambda, shape (size,); NaN where there is no estimate of it."""
        if not math.isfinite(self.log10_ratio.estimate):
            return np.full(size, np.nan)
        if self.tail is None:
            share = self._draw_share(generator, size)
            with np.errstate(divide="ignore"):
                return np.log10(share) - np.log1p(-share) / _LN10
        central = generator.uniform(self.central.least, self.central.most, size)
        share = generator.beta(central + 0.5, self.samples - central + 0.5)
        return self.tail[0] + self.tail[1] * generator.standard_normal(size) - np.log10(share)

    def _draw_share(self, generator: np.random.Generator, size: int) -> FloatArray:
        """Draw the share of the losses in both windows that is near 0, shape (size,)."""
        if not self.zero.estimate + self.central.estimate > 0:
            return np.full(size, np.nan)
        zero = generator.uniform(self.zero.least, self.zero.most, size)
        central = generator.uniform(self.central.least, self.central.most, size)
        return generator.beta(zero + 0.5, central + 0.5)

    def to_json(self, excess: Interval) -> dict[str, Any]:
        """Return the dominance of the modes as plain data; None stands for what is undefined or unbounded.

        Args:
            excess: excess-mass dominance of the same losses.
        """
        return {
            "landmark": self.landmark.to_json(),
            "excess": excess.to_json(),
            "log10_ratio": self.log10_ratio.to_json(),
            "zero_side": self.zero_side,
            "kappa": KAPPA,
        }


def landmark_dominance(distribution: LossDistribution, tail: DeepVolumes | None = None) -> LandmarkDominance:
    """Count the losses near 0 and near the null loss.

    Args:
        distribution: the losses. Where the null loss is 0 or not finite there are no windows.
        tail: the deep tail of the same law. V(kappa L_0) is taken from it where fewer than 100 losses are
            seen so near to 0, and it reaches that far with a smaller error than theirs.
    """
    null, samples = distribution.null_loss, distribution.histogram.total
    if not (math.isfinite(null) and KAPPA * null > 0):
        return LandmarkDominance(Window(0, 0, 0), Window(0, 0, 0), samples)
    axis = linear_axis(distribution)
    exact = axis is not None and axis.lattice
    start, stop = null * (1 - KAPPA / 2), min(null * (1 + KAPPA / 2), sys.float_info.max)
    near = _below(distribution, KAPPA * null, exact, inclusive=True)
    until = _below(distribution, stop, exact, inclusive=True)
    before = _below(distribution, start, exact, inclusive=False)
    zero = Window(*(count + distribution.histogram.zero for count in near))
    atom = distribution.histogram.atom
    least = max(until.least - before.most, 0.0)  # one bin may hold both ends
    central = Window(
        atom + max(until.estimate - before.estimate, 0.0), atom + least, atom + until.most - before.least
    )
    found = LandmarkDominance(zero, central, samples)
    if tail is None or tail.curve is None or not tail.curve.log10_loss.size or not samples:
        return found
    end = math.log10(KAPPA * null)
    volume, std = tail.curve.at(end)
    if math.isfinite(volume) and math.isfinite(std):
        sampled = math.inf if zero.estimate < 1 else 1 / (math.sqrt(zero.estimate) * _LN10)
        return (
            found
            if sampled <= std or zero.estimate >= _ENOUGH
            else LandmarkDominance(zero, central, samples, (volume, std))
        )
    if tail.curve.log10_loss[-1] > end and math.isfinite(tail.curve.std[-1]):
        # V falls on the way down: it is at most what it is where the tail has ended.
        bound = float(tail.curve.log10_volume[-1] + SURE * tail.curve.std[-1])
        return LandmarkDominance(zero, central, samples, None, bound)
    return found


def _below(distribution: LossDistribution, end: float, exact: bool, *, inclusive: bool) -> Window:
    """Return the losses above 0 and beside the atom up to a loss.

    Args:
        distribution: the losses.
        end: the loss, positive and finite.
        exact: whether losses in the bin that ``end`` is in are equal to it.
        inclusive: whether those count.
    """
    name = int(bin_index(np.array([end]), distribution.histogram.bits)[0])
    names = np.maximum(np.arange(name - 1, name + 3), 0)
    below = distribution.count_before(names, zeros=False, atom=False).astype(np.float64)
    edges = distribution.edge(names)
    least, most = float(below[1]), float(below[2])
    if exact:
        count = most if inclusive else least
        return Window(count, count, count)
    inside = float((end - edges[1]) / (edges[2] - edges[1]))
    estimate = least + (most - least) * inside
    slack = _slack(np.diff(below), np.diff(edges), inside) if name else math.inf
    return Window(estimate, max(least, estimate - slack), min(most, estimate + slack))


def _slack(count: FloatArray, width: FloatArray, inside: float) -> float:
    """Return by how much the losses in a part of a bin can differ from that part of its losses.

    Where the bin fits between its neighbours that is 4 standard deviations of how many of its losses are
    inside, if they are spread evenly, and what the slope of the density adds. Where it stands out, or holds
    few losses, they may be anywhere in it.

    Args:
        count: losses in the bin before, the bin and the bin after, (3,).
        width: their widths, (3,).
        inside: the part.
    """
    if count[1] < _FEWEST:
        return math.inf
    density, variance = count / width, count / width**2
    aside = (density[0] + density[2]) / 2
    if abs(density[1] - aside) > _STANDS_OUT * math.sqrt(variance[1] + (variance[0] + variance[2]) / 4):
        return math.inf
    slope = abs(density[2] - density[0]) / (width[1] + (width[0] + width[2]) / 2)
    spread = math.sqrt(count[1] * inside * (1 - inside))
    return float(_STANDS_OUT * spread + slope * width[1] ** 2 / 8)


def _log_odds(share: float) -> float:
    """Return log10 of share / (1 - share)."""
    if not 0 < share < 1:
        return math.nan if math.isnan(share) else math.copysign(math.inf, share - 0.5)
    return math.log10(share) - math.log1p(-share) / _LN10
