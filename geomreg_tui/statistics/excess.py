"""Excess mass of the zero and of the central mode: what stands above the antimode between them.

With s the density at the antimode between the zero and the central mode, the excess mass of a side is the
integral of (p - s)+ over it (Mueller and Sawitzki 1991); the atom at the null loss is added to the central
side. D_E = (E_zero - E_central) / (E_zero + E_central). A mode that melts away takes its excess mass to 0,
so that D_E tends to 1 or -1 without a leap, where the basin dominance D leaps.

The antimode and s are the lowest point of a parabola fitted to the density (:mod:`~.basins`). Integrals are
differences of cumulative counts, which are not smoothed: counting noise about the level adds nothing to them.
What noise in s adds is taken off by the bootstrap (Efron and Tibshirani 1993, chapter 10).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.statistics.basins import Basins
from geomreg_tui.statistics.binning import Axis
from geomreg_tui.statistics.distribution import LossDistribution
from geomreg_tui.statistics.dominance import Reading
from geomreg_tui.statistics.intervals import UNDEFINED, Interval, clopper_pearson, effective_share
from geomreg_tui.statistics.landmark import KAPPA
from geomreg_tui.statistics.parabola import Parabola, edges_of, fit_parabola

__all__ = ["excess_dominance", "tail_edges"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_TAIL_BINS = 64  # at most, of the losses above the last bin of the axis
_TAIL_RATIO = 1.1
_NEGLIGIBLE = 1e-6
_WINDOW = 0.6  # of the distance from the antimode to the nearer mode, in which its density is fitted
_MANY = 2e6  # losses from which on it is less, so that a bias of sixth order stays small beside noise
_POWER = -1 / 11


def tail_edges(distribution: LossDistribution, axis: Axis) -> FloatArray:
    """Return the edges of bins from the end of an axis up to the largest loss; that end alone for none."""
    histogram, end = distribution.histogram, axis.edges[-1:]
    if not axis.above or not histogram.index.size:
        return end
    last = distribution.edge(histogram.index[-1:] + 1)
    if not last[0] > end[0] > 0:
        return end
    growth = math.log(last[0]) - math.log(end[0])
    bins = min(_TAIL_BINS, math.ceil(growth / math.log(_TAIL_RATIO)))
    wanted = np.minimum(np.exp(np.linspace(math.log(end[0]), math.log(last[0]), bins + 1)), last[0])
    names = np.unique(distribution.nearest_names(wanted[1:-1]))
    edges = distribution.edge(names)
    return np.concatenate([end, edges[(edges > end[0]) & (edges < last[0])], last])


def excess_dominance(
    axis: Axis,
    basins: Basins,
    reading: Reading,
    beyond: FloatArray,
    count: FloatArray,
    drawn: FloatArray,
    null_loss: float,
    unseen: tuple[float, float],
) -> Interval:
    """Return D_E with its 95 % interval under one reading of the modes.

    The share of both excess masses that is the zero mode's is that of an effective number of binomial trials
    (:func:`~.intervals.effective_share`), whose variance is that over multinomial resamples with the modes
    held fixed. Where there is only one of the modes, D_E is 1 or -1, and its interval allows for another one
    that is too small to be seen. The atom alone is a central mode at the null loss.

    Args:
        axis: the counts.
        basins: the division of its counts among the modes.
        reading: which of them is the zero and which the central mode.
        beyond: widths of the bins above the axis, shape (more,), in units of the axis's relative widths.
        count: counts of all bins and of the atom, shape (bins + more + 1,).
        drawn: resamples of those, shape (replicates, bins + more + 1).
        null_loss: where the atom is.
        unseen: the largest counts, of a zero mode and of a hump, that would not be seen.
    """
    total = float(count.sum())
    if not total > 0 or (reading.zero is None and reading.central is None and not count[-1] > 0):
        return UNDEFINED
    tops, central = list(basins.modes), reading.central
    if reading.zero is not None and central is None:
        place = int(np.searchsorted(axis.edges, null_loss, side="right")) - 1
        place = min(place, axis.count.size - 1)
        tops = [top for top in tops if top < place]
        tops.append(place)
    if reading.zero is None:
        atom_and_hump = float(count[-1]) + (_rise(axis, tops, central, count) if central is not None else 0.0)
        held = Interval(0.0, 0.0, float(clopper_pearson(min(unseen[0], atom_and_hump), atom_and_hump)[1]))
        return _index(held)
    width = np.concatenate([axis.relative_width, beyond])
    if len(tops) > 1:
        level = _level(axis, basins, central, count, null_loss)
        zero, hump = _masses(level, tops, central, width, count[None])
        zeros, humps = _masses(level, tops, central, width, drawn)
    else:  # one bin, and nothing between the zero mode and the atom
        zero, zeros = count[None, :-1].sum(axis=1), drawn[:, :-1].sum(axis=1)
        hump, humps = np.zeros(1), np.zeros(len(drawn))
    rest, rests = float(hump[0] + count[-1]), humps + drawn[:, -1]
    both = float(zero[0]) + rest
    if not both > 0:
        return UNDEFINED
    usable = zeros + rests > 0
    shares = zeros[usable] / (zeros + rests)[usable]
    variance = float(np.var(shares, ddof=1)) if shares.size > 1 else 0.0
    share = float(zero[0]) / both
    if shares.size > 1:
        share = min(max(2 * share - float(shares.mean()), 0.0), 1.0)
    held, _ = effective_share(share, variance, both)
    if central is None:
        held = held._replace(low=held.low * both / (both + unseen[1]))
    return _index(held)


def _index(share: Interval) -> Interval:
    """Return 2 share - 1; an end within rounding of 0 or 1 is set to it."""
    low = 0.0 if share.low < _NEGLIGIBLE else share.low
    high = 1.0 if share.high > 1 - _NEGLIGIBLE else share.high
    return Interval(2 * share.estimate - 1, 2 * low - 1, 2 * high - 1)


def _level(axis: Axis, basins: Basins, central: int | None, count: FloatArray, null_loss: float) -> Parabola:
    """Return the parabola at the deepest antimode between the zero and the central mode.

    Where the atom is the central mode, the level is the density at the null loss. The place is held fixed:
    an error of it changes excess masses in second order only. So the density is fitted in a wider window than
    the place is sought in, which halves its variance.
    """
    ends = edges_of(axis.relative_width)
    if central is None:
        centre = float(np.interp(null_loss, axis.edges, ends))
        half = KAPPA / 2 * null_loss / axis.unit
        return fit_parabola(axis.relative_width, centre, half)
    lowest = [part.lowest(count) for part in basins.parabolas[:central]]
    number = int(np.argmin([float(height) for _, height in lowest]))
    centre = float(np.interp(float(lowest[number][0]), np.arange(ends.size), ends))
    modes = (ends[1:] + ends[:-1])[list(basins.modes[number : number + 2])] / 2
    share = _WINDOW * min(1.0, (float(count.sum()) / _MANY) ** _POWER)
    half = share * max(float(np.abs(modes - centre).min()), 0.0)
    return fit_parabola(axis.relative_width, centre, half)


def _masses(
    level: Parabola, tops: Sequence[int], central: int | None, width: FloatArray, count: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the excess mass of the zero mode, the first, and that beyond the antimode, each (rows,).

    Args:
        level: the parabola about the antimode.
        tops: bins of the modes, at least two.
        central: number of the central mode, at least 1; None where that is the atom alone.
        width: widths of all bins, shape (bins + more,).
        count: counts of all bins and of the atom, shape (rows, bins + more + 1).
    """
    antimode, height = level.lowest(count)
    rows = np.cumsum(count[:, :-1] - height[:, None] * width, axis=1)
    above = np.concatenate([np.zeros((len(count), 1)), rows], axis=1)  # counts above the level, up to edges
    lowest = _read(above, antimode)
    zero = np.maximum(lowest, 0.0)
    hump = np.zeros(len(count))
    if central is None:
        return zero, hump
    walls = [*(_wall(count[0], width, left, right) for left, right in pairwise(tops)), width.size]
    for number in range(central, len(tops)):
        top = tops[number]
        if number > central:  # the level may be crossed on the way up to a mode further out
            lowest = above[:, walls[number - 1] : top + 1].min(axis=1)
        hump += np.maximum(above[:, top : walls[number] + 1].max(axis=1) - lowest, 0.0)
    return zero, hump


def _wall(count: FloatArray, width: FloatArray, left: int, right: int) -> int:
    """Return the first edge of the bin of least density between two bins."""
    return left + int(np.argmin(count[left : right + 1] / width[left : right + 1]))


def _read(values: FloatArray, places: FloatArray) -> FloatArray:
    """Return rows of values at edges, shape (rows, bins + 1), at one place in bins each, linear between."""
    whole = np.minimum(places.astype(np.int64), values.shape[1] - 2)[:, None]
    left = np.take_along_axis(values, whole, axis=1)[:, 0]
    right = np.take_along_axis(values, whole + 1, axis=1)[:, 0]
    return np.asarray(left + (places - whole[:, 0]) * (right - left))


def _rise(axis: Axis, tops: Sequence[int], central: int, count: FloatArray) -> float:
    """Return the counts of the central mode above the density near 0."""
    near = max(1, tops[central] // 4)
    level = float(count[:near].sum() / axis.relative_width[:near].sum())
    above = np.cumsum(axis.count - level * axis.relative_width)
    return max(float(above.max()), 0.0)
