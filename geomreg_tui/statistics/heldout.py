"""Held-out performance of networks by their training loss: of at most eps, or within bins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geomreg_tui.statistics.intervals import LEVEL
from geomreg_tui.summary.histogram import bin_edge
from geomreg_tui.summary.joint import OVERFLOW, JointHistogram, coarse_bin

__all__ = ["QUANTILES", "Band", "HeldOutBins", "HeldOutCurve", "held_out_given_loss", "held_out_in_bins"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

QUANTILES = (0.05, 0.5, 0.95)
_POINTS = 64
_BINS = 32
_FEWEST = 20  # networks of a bin, as far as neighbours can be joined: fewer say nothing of a quantile
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


@dataclass(frozen=True)
class HeldOutBins:
    """Held-out loss and accuracy of the networks whose training loss lies within each of some bins.

    Bins are disjoint, so their intervals are independent. All but ``low`` and ``high`` are as in
    :class:`HeldOutCurve`, with the networks of a bin in place of those below eps.

    Attributes:
        low, high: ends of each bin, increasing, shape (bins,). Exact zeros have the first bin, from 0 to 0.
        count, infinite, examples, mean_loss, loss_quantiles, accuracy, accuracy_quantiles: as there.
    """

    low: FloatArray
    high: FloatArray
    count: IntArray
    infinite: IntArray
    examples: int
    mean_loss: Band
    loss_quantiles: dict[float, Band]
    accuracy: Band | None
    accuracy_quantiles: dict[float, Band]

    def at(self, loss: float) -> int | None:
        """Return the place of the bin that a training loss lies in; None between bins and beyond them."""
        if loss == 0:
            return 0 if self.high.size and self.high[0] == 0 else None
        found = np.flatnonzero((self.low <= loss) & (loss < self.high))
        return int(found[0]) if found.size else None


def held_out_given_loss(joint: JointHistogram, points: int = _POINTS) -> HeldOutCurve:
    """Return held-out performance given a training loss below eps, for eps at edges of coarse bins.

    Args:
        joint: joint counts. Networks whose training loss is not finite enter no point.
        points: largest number of points, roughly; exact zeros have a point of their own, eps = 0.
    """
    cells = _Cells.of(joint)
    grid = _grid(np.unique(cells.train), points)
    edge = np.where(grid == _ZERO, 0.0, bin_edge(np.maximum(grid, 0) + 1, _BITS))
    rows = np.searchsorted(grid, cells.train)
    return HeldOutCurve(edge, *cells.performance(rows, grid.size, cumulative=True))


def held_out_in_bins(joint: JointHistogram, bins: int = _BINS) -> HeldOutBins:
    """Return held-out performance of the networks within bins of training loss.

    Bins are equally wide in the logarithm of the loss; where one has too few networks for a quantile, it is
    joined to the next above. Bins without networks are left out.

    Args:
        joint: joint counts. Networks whose training loss is not finite enter no bin.
        bins: largest number of bins, roughly; exact zeros have a bin of their own.
    """
    cells = _Cells.of(joint)
    grid = _grid(np.unique(cells.train), bins)
    counts = np.bincount(np.searchsorted(grid, cells.train), cells.count, grid.size).astype(np.int64)
    last = _joined(grid, counts)
    rows = np.searchsorted(last, cells.train)
    first = np.full(last.size, np.iinfo(np.int64).max)
    np.minimum.at(first, rows, cells.train)
    zero = last == _ZERO
    low = np.where(zero, 0.0, bin_edge(np.maximum(first, 0), _BITS))
    high = np.where(zero, 0.0, bin_edge(np.maximum(last, 0) + 1, _BITS))
    return HeldOutBins(low, high, *cells.performance(rows, last.size, cumulative=False))


def _joined(grid: IntArray, counts: IntArray) -> IntArray:
    """Return the last coarse bins of those bins of a grid that have enough networks, neighbours joined."""
    last: list[int] = []
    size = 0
    for name, count in zip(grid.tolist(), counts.tolist(), strict=True):
        size += count
        if size and (size >= _FEWEST or name == _ZERO):
            last.append(name)
            size = 0
    if size and (not last or last == [_ZERO]):
        last.append(int(grid[-1]))
    elif size:
        last[-1] = int(grid[-1])
    return np.array(last, np.int64)


@dataclass(frozen=True)
class _Cells:
    """Joint counts with a finite training loss: coarse bins, correct predictions and networks, (cells,)."""

    train: IntArray
    held: IntArray
    correct: IntArray
    count: IntArray
    examples: int

    @classmethod
    def of(cls, joint: JointHistogram) -> _Cells:
        usable = joint.cells[:, 0] != OVERFLOW
        train, held, correct = joint.cells[usable].T
        return cls(train, held, correct, joint.count[usable], joint.examples)

    def performance(
        self, rows: IntArray, size: int, *, cumulative: bool
    ) -> tuple[IntArray, IntArray, int, Band, dict[float, Band], Band | None, dict[float, Band]]:
        """Return what :class:`HeldOutCurve` holds of each row, from ``count`` on.

        Args:
            rows: which row each cell belongs to, (cells,).
            size: rows there are.
            cumulative: whether a row holds the cells of those before it too.
        """
        names, column = np.unique(self.held, return_inverse=True)
        table = _table(rows, column, self.count, (size, names.size), cumulative)
        finite = names != OVERFLOW
        real = finite & (names != _ZERO)
        safe = np.where(real, names, 0)
        lower = np.where(real, bin_edge(safe, _BITS), np.where(finite, 0.0, np.inf))
        upper = np.where(real, bin_edge(safe + 1, _BITS), np.where(finite, 0.0, np.inf))
        infinite = table[:, ~finite].sum(axis=1)
        accuracy, accuracy_quantiles = None, {}
        if self.correct.size and self.correct.min() >= 0:
            levels, column = np.unique(self.correct, return_inverse=True)
            share = levels / self.examples
            right = _table(rows, column, self.count, (size, levels.size), cumulative)
            accuracy = _mean_accuracy(right, share)
            accuracy_quantiles = {level: _quantile(right, share, share, level) for level in QUANTILES}
        return (
            table.sum(axis=1),
            infinite,
            self.examples,
            _mean_loss(table[:, finite], lower[finite], upper[finite], infinite > 0),
            {level: _quantile(table, lower, upper, level) for level in QUANTILES},
            accuracy,
            accuracy_quantiles,
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


def _table(
    rows: IntArray, column: IntArray, count: IntArray, shape: tuple[int, int], cumulative: bool
) -> IntArray:
    """Return counts in a table, summed from the first row down to each where they are cumulative."""
    table = np.zeros(shape, np.int64)
    np.add.at(table, (rows, column.ravel()), count)
    return np.cumsum(table, axis=0) if cumulative else table


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
