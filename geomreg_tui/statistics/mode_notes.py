"""What has to be said of a mode analysis beside its numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geomreg_tui.statistics.binning import Axis
from geomreg_tui.statistics.distribution import LossDistribution
from geomreg_tui.statistics.dominance import NearZero
from geomreg_tui.statistics.persistence import Peak, significance

__all__ = ["mode_notes"]

_HALVINGS = 40  # so often the first bin is halved in search of a density that falls towards 0


def mode_notes(
    distribution: LossDistribution,
    axis: Axis,
    peaks: Sequence[Peak],
    near: NearZero,
    ambiguous: bool,
    undecided: bool,
    threshold: float,
) -> tuple[str, ...]:
    """Return plain statements about a mode analysis.

    Args:
        distribution: the losses.
        axis: the bins.
        peaks: the modes.
        near: the losses near 0.
        ambiguous: whether counting noise leaves open if the lowest mode is at 0.
        undecided: whether the list of modes depends on the number of losses.
        threshold: standard deviations that make a mode significant.
    """
    histogram, samples = distribution.histogram, distribution.finite
    notes = []
    if not samples:
        notes.append("There are no finite losses.")
    elif axis.atom == samples:
        notes.append("All losses are the null loss.")
    elif not peaks:
        notes.append(f"{samples - axis.atom:,} losses beside the atom are too few to tell a mode from noise.")
    if histogram.nonfinite:
        notes.append(
            f"{histogram.nonfinite:,} losses are NaN or infinite; masses are shares of the finite ones."
        )
    if axis.lattice:
        notes.append("The losses take evenly spaced values only: each bin stands for one or more of them.")
    elif distribution.narrow:
        notes.append(
            f"The central 99 % span {distribution.central_span} base bins, too few to show a shape: "
            f"sample with bin_bits = {distribution.suggested_bits}."
        )
    if ambiguous:
        notes.append(
            "Counting noise leaves open whether the lowest mode is at 0; the intervals hold both cases."
        )
    if undecided:
        notes.append("More networks may add a mode or take one away; the intervals hold both cases.")
    if peaks and (near.empty or near.rise >= threshold):
        if peaks[0].bin == 0:
            notes.append(
                "No mode is at 0: within the first bin the density falls towards 0; see the log axis."
            )
    elif peaks and peaks[0].bin == 0 and not axis.lattice and axis.edges[1] > 0:
        ends = distribution.nearest_names(axis.edges[1] * 2.0 ** -np.arange(_HALVINGS))
        within = distribution.count_before(ends, atom=False).astype(np.float64)
        if np.any(significance(-np.diff(within), within[1:], 1, 1) >= threshold):
            notes.append(
                "Within the first bin the density falls towards 0: with narrower bins, the lowest mode would "
                "not be at 0; see the log axis."
            )
    positive = axis.count.copy()
    positive[0] -= histogram.zero
    if peaks and not axis.lattice and axis.count.size > 1 and 2 * int(positive.max()) > samples:
        notes.append(
            f"More than half of the losses lie in bin {int(np.argmax(positive)) + 1} of {positive.size}: "
            "modes closer than a bin, and one at 0 from one just above, cannot be told apart; "
            "see the log axis."
        )
    return tuple(notes)
