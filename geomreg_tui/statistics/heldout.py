"""Held-out performance of the networks whose training loss is at most eps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geomreg_tui.statistics.intervals import LEVEL
from geomreg_tui.summary.histogram import bin_edge
from geomreg_tui.summary.joint import OVERFLOW, JointHistogram, coarse_bin

__all__ = ["QUANTILES", "Band", "HeldOutCurve", "held_out_given_loss"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

QUANTILES = (0.05, 0.5, 0.95)
_POINTS = 64
_ZERO = int(coarse_bin([0.0])[0])
_BITS = int(coarse_bin([2.0])[0] - coarse_bin([1.0])[0]).bit_length() - 1  # bins to an octave are 2**bits


class Band(NamedTuple):
    """Estimates with the ends of their 95 % intervals, shape (points,) each; NaN where undefined."""

    estimate: FloatArray
    low: FloatArray
    high: FloatArray

    def to_json(self) -> list[list[float | None]]:
        """Return ``[estimate, low, high]`` for each point; None stands for what is undefined or infinite."""
        rows = np.stack(self, axis=-1).tolist()
        return [[value if math.isfinite(value) else None for value in row] for row in rows]


@dataclass(frozen=True)
class HeldOutCurve:
    """Held-out loss and accuracy given a training loss below eps, for a range of eps.

    The sets of networks are nested, so the points of a curve are strongly correlated; each interval is for
    its point alone. Held-out losses are known to within their coarse bin (an eighth of an octave): the
    intervals of losses hold that uncertainty too.

    Attributes:
        loss: eps, increasing, shape (points,).
        count: networks with a training loss below eps, shape (points,).
        infinite: those of them whose held-out loss is not finite, shape (points,).
        examples: held-out examples M.
        mean_loss: mean held-out loss; NaN where any is not finite. Interval by the central limit theorem:
            not to be trusted for a few networks with a heavy tail, where the quantiles are.
        loss_quantiles: by share, quantiles of the held-out loss with distribution-free intervals (those of
            order statistics); infinite where reached by losses that are not finite.
        accuracy: mean share of correct held-out predictions; None when there are no classes.
        accuracy_quantiles: by share, like the loss's; empty when there are no classes.
    """

    loss: FloatArray
    count: IntArray
    infinite: IntArray
    examples: int
    mean_loss: Band
    loss_quantiles: dict[float, Band]
    accuracy: Band | None
    accuracy_quantiles: dict[float, Band]

    def to_json(self) -> dict[str, Any]:
        """Return plain data; None stands for what is undefined or infinite."""
        return {
            "examples": self.examples,
            "train_loss": self.loss.tolist(),
            "count": self.count.tolist(),
            "infinite": self.infinite.tolist(),
            "mean_loss": self.mean_loss.to_json(),
            "loss_quantiles": {str(share): band.to_json() for share, band in self.loss_quantiles.items()},
            "accuracy": None if self.accuracy is None else self.accuracy.to_json(),
            "accuracy_quantiles": {
                str(share): band.to_json() for share, band in self.accuracy_quantiles.items()
            },
        }


def held_out_given_loss(joint: JointHistogram, points: int = _POINTS) -> HeldOutCurve:
    """Return held-out performance given a training loss below eps, for eps at edges of coarse bins.

    Args:
        joint: joint counts. Networks whose training loss is not finite enter no point.
        points: largest number of points, roughly; exact zeros have a point of their own, eps = 0.
    """
    train, held, correct = joint.cells.T
    usable = train != OVERFLOW
    train, held, correct, count = train[usable], held[usable], correct[usable], joint.count[usable]
    grid = _grid(np.unique(train), points)
    slot = np.searchsorted(grid, train)
    edge = np.where(grid == _ZERO, 0.0, bin_edge(np.maximum(grid, 0) + 1, _BITS))

    names, column = np.unique(held, return_inverse=True)
    table = _cumulative(slot, column, count, (grid.size, names.size))
    total = table.sum(axis=1)
    finite = names != OVERFLOW
    real = finite & (names != _ZERO)
    safe = np.where(real, names, 0)
    lower = np.where(real, bin_edge(safe, _BITS), np.where(finite, 0.0, np.inf))
    upper = np.where(real, bin_edge(safe + 1, _BITS), np.where(finite, 0.0, np.inf))
    infinite = table[:, ~finite].sum(axis=1)

    accuracy, accuracy_quantiles = None, {}
    if correct.size and correct.min() >= 0:
        levels, column = np.unique(correct, return_inverse=True)
        share = levels / joint.examples
        right = _cumulative(slot, column, count, (grid.size, levels.size))
        accuracy = _mean_accuracy(right, share)
        accuracy_quantiles = {level: _quantile(right, share, share, level) for level in QUANTILES}
    return HeldOutCurve(
        loss=edge,
        count=total,
        infinite=infinite,
        examples=joint.examples,
        mean_loss=_mean_loss(table[:, finite], lower[finite], upper[finite], infinite > 0),
        loss_quantiles={level: _quantile(table, lower, upper, level) for level in QUANTILES},
        accuracy=accuracy,
        accuracy_quantiles=accuracy_quantiles,
    )


def _grid(occupied: IntArray, points: int) -> IntArray:
    """Return names of training bins, the zeros' and the lowest and highest among them, the rest evenly."""
    if not occupied.size:
        return occupied
    positive = occupied[occupied != _ZERO]
    grid = occupied[occupied == _ZERO]
    if positive.size:
        first, last = int(positive[0]), int(positive[-1])
        step = max(1, math.ceil((last - first) / points))
        grid = np.concatenate([grid, np.arange(last, first, -step)[::-1], [first]])
    return np.unique(grid)


def _cumulative(slot: IntArray, column: IntArray, count: IntArray, shape: tuple[int, int]) -> IntArray:
    """Return counts in a table, summed from the first row down to each."""
    table = np.zeros(shape, np.int64)
    np.add.at(table, (slot, column.ravel()), count)
    return np.cumsum(table, axis=0)


def _mean_loss(table: IntArray, lower: FloatArray, upper: FloatArray, undefined: ArrayLike) -> Band:
    """Return mean held-out losses with Student's interval, widened by the width of bins."""
    size = table.sum(axis=1)
    divisor = np.maximum(size, 1)
    below, above = table @ lower / divisor, table @ upper / divisor
    middle = lower / 2 + upper / 2
    mean = table @ middle / divisor
    # By deviations and not by squares, which would cancel; in units of the largest loss, since the squares of
    # losses near 1e-300 or 1e300 are beyond the range of floats.
    unit = float(np.max(middle, initial=0.0)) or 1.0
    square = np.sum(table * ((middle - mean[:, None]) / unit) ** 2, axis=1)
    scatter = unit * np.sqrt(square / np.maximum(size - 1, 1) / divisor)
    reach = np.where(size > 1, _student(size) * scatter, np.inf)
    unknown = np.asarray(undefined) | (size == 0)
    values = (mean, np.maximum(below - reach, 0), above + reach)
    return Band(*(np.where(unknown, np.nan, value) for value in values))


def _mean_accuracy(table: IntArray, share: FloatArray) -> Band:
    """Return mean accuracies, with Student's interval after two more networks, one right and one wrong.

    As in Agresti and Coull (1998): without those the interval of a few equal accuracies would be a point.
    """
    size = table.sum(axis=1)
    mean = table @ share / np.maximum(size, 1)
    middle = (table @ share + 1) / (size + 2)
    square = np.sum(table * (share - middle[:, None]) ** 2, axis=1) + middle**2 + (1 - middle) ** 2
    reach = _student(size + 2) * np.sqrt(square / (size + 1) / (size + 2))
    return Band(mean, np.maximum(middle - reach, 0), np.minimum(middle + reach, 1))


def _student(size: IntArray) -> FloatArray:
    """Return Student's factor of a 95 % interval for the mean of each number of values, at least two."""
    from scipy.special import stdtrit

    return np.asarray(stdtrit(np.maximum(size - 1, 1), (1 + LEVEL) / 2))


def _quantile(table: IntArray, lower: FloatArray, upper: FloatArray, share: float) -> Band:
    """Return quantiles with the interval of order statistics (David and Nagaraja 2003, section 7.1).

    Args:
        table: counts of each value, shape (points, values).
        lower, upper: increasing ends between which each value lies, shape (values,).
        share: which quantile.
    """
    from scipy.stats import binom

    size = table.sum(axis=1)
    if not size.size:
        return Band(*(np.empty(0),) * 3)
    ends = np.cumsum(table, axis=1)
    tail = (1 - LEVEL) / 2
    # Ranks, from 1: as many values as a binomial of the share's probability puts below the quantile.
    first = binom.ppf(tail, size, share)
    last = binom.ppf(1 - tail, size, share) + 1
    middle = np.maximum(np.ceil(size * share * (1 - 1e-15)), 1)

    def at(rank: FloatArray, values: FloatArray) -> FloatArray:
        place = np.sum(ends < rank[:, None], axis=1)
        return np.asarray(np.where(rank < 1, 0.0, values[np.minimum(place, values.size - 1)]))

    high = np.where(last > size, math.inf, at(last, upper))
    return Band(at(middle, (lower + upper) / 2), at(first, lower), high)
