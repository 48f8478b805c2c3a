"""Which modes are in doubt: those that more networks could add or take away."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.statistics.binning import MAXIMUM_BINS, Axis, linear_axis
from geomreg_tui.statistics.distribution import LossDistribution
from geomreg_tui.statistics.persistence import Peak
from geomreg_tui.statistics.unimodal import Hump, largest_hump

__all__ = ["THRESHOLD", "ModeList", "plausible_modes", "unseen_excess"]

FloatArray = NDArray[np.float64]

THRESHOLD = 4.0
_EXCESS = 1.6  # times the square root of the losses: excess mass of a hump in 1 of 500 samples, by noise
_DOUBT = 2.0  # a mode is in doubt from this part of what it needs to this multiple of it
_SLIGHT = 0.01  # of the losses: excess mass of a mode that may own a basin but is in doubt at any sample size


class ModeList(NamedTuple):
    """A list of modes that may be the true one.

    Attributes:
        bins: their bins, increasing.
        likely: whether noise leaves this open. Otherwise a mode is left out for being slight, which moves
            basins but not excess masses.
    """

    bins: list[int]
    likely: bool = True


def unseen_excess(samples: float) -> float:
    """Return the largest excess mass, in counts, of a hump that may be missing from every list.

    A hump is on one from half of that on, which noise can add or take away.
    """
    return _EXCESS * math.sqrt(samples)


def plausible_modes(
    distribution: LossDistribution, axis: Axis, peaks: Sequence[Peak], masses: FloatArray
) -> list[ModeList]:
    """Return the bins of the modes, then the same with and without modes that are in doubt.

    A mode is in doubt where its persistence and its excess mass are below :data:`_DOUBT` times what noise
    makes, and at any number of losses where its excess mass is below :data:`_SLIGHT` and small beside its
    basin. A hump that is no mode is in doubt from a :data:`_DOUBT`-th of what noise makes in excess mass. (A
    single bin's persistence of half the threshold is seen in most samples of any law.)

    Args:
        distribution: the losses.
        axis: their counts.
        peaks: the modes, by position.
        masses: counts of the basin of each, shape (modes,).
    """
    modes = [peak.bin for peak in peaks]
    if not modes:
        return [ModeList(modes)]
    count, width = axis.count.astype(np.float64), axis.relative_width
    total = float(count.sum())
    noise = unseen_excess(total)
    lists = [ModeList(modes)]
    hump = _unseen_hump(distribution, axis, modes)
    if hump is not None and hump.excess >= noise / _DOUBT:
        lists.append(ModeList(sorted([*modes, hump.bin])))
    doubtful, unlikely = [], []
    for peak, mass in zip(peaks, masses.tolist(), strict=True):
        if peak.saddle < 0:
            continue
        left = largest_hump(count, width, [mode for mode in modes if mode != peak.bin])
        excess = 0.0 if left is None else left.excess
        if peak.persistence < _DOUBT * THRESHOLD and excess < _DOUBT * noise:
            doubtful.append(peak.bin)
        elif excess < min(_SLIGHT * total, mass / 4):
            unlikely.append(peak.bin)
    for bin in [*doubtful, *unlikely]:
        lists.append(ModeList([mode for mode in modes if mode != bin], bin in doubtful))
    for left_out in (doubtful, [*doubtful, *unlikely] if unlikely else []):
        if len(left_out) > 1:
            kept = [mode for mode in modes if mode not in left_out]
            lists.append(ModeList(kept, left_out is doubtful))
    return lists


def _unseen_hump(distribution: LossDistribution, axis: Axis, modes: list[int]) -> Hump | None:
    """Return the largest hump that is no mode; sought in the finest bins, as no single bin has to show it."""
    fine = axis if axis.lattice else linear_axis(distribution, MAXIMUM_BINS) or axis
    middles = fine.edges[:-1] + np.diff(fine.edges) / 2
    tops = (axis.edges[:-1] + np.diff(axis.edges) / 2)[modes]
    places = [int(np.argmin(np.abs(middles - top))) for top in tops.tolist()]
    found = largest_hump(fine.count.astype(np.float64), fine.relative_width, places)
    if found is None:
        return None
    bin = int(np.searchsorted(axis.edges, middles[found.bin], side="right")) - 1
    return Hump(bin, found.excess) if all(abs(bin - mode) > 1 for mode in modes) else None
