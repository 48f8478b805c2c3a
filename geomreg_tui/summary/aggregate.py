"""The summary: all that is kept of the networks of a chunk, or of many chunks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.summary.histogram import LossHistogram
from geomreg_tui.summary.joint import JointHistogram
from geomreg_tui.summary.moments import Moments

__all__ = ["ChunkResult", "Summary"]

_DEAD = "dead"  # array that run directories of version 0.1.0 do not have
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class Summary:
    """A mergeable aggregate of networks: merging is exact, in any order and grouping.

    Attributes:
        histogram: counts of training losses.
        moments: extremes and power sums of the finite training losses.
        joint: joint counts with held-out performance, or None when nothing is held out.
        dead: dead networks; None where they were not counted. A network is *dead* when some hidden layer
            passes nothing on: every unit's output, residual connection and pooling included, is 0 on every
            training example, in exact arithmetic. Its predictions on them are then one constant, 0
            without biases. A ReLU unit's output is 0 where its pre-activation is not positive; that of other
            activations only where it is 0 (inputs or weights of 0; for sigmoid never), so that such
            networks cannot die of negative pre-activations. Held-out examples do not count. What a
            number format rounds to 0 is no output of 0. A loss equal to the null loss is another matter
            (``histogram.atom``), and so is a loss of 0 (``histogram.zero``).

    Example:
        >>> experiment = geomreg.Experiment.parse({"data": "digits", "examples": 4, "width": 16, "depth": 1})
        >>> experiment = geomreg.prepare(experiment).facts.experiment
        >>> first, second = (geomreg.run_chunk(experiment, chunk, 500).summary for chunk in (0, 1))
        >>> geomreg.Summary.merge([first, second]).samples
        1000
    """

    histogram: LossHistogram
    moments: Moments
    joint: JointHistogram | None = None
    dead: int | None = None

    @property
    def samples(self) -> int:
        """Networks that this summarises."""
        return self.histogram.total

    @classmethod
    def empty(cls, bits: int, origin: float, held_out: int = 0) -> Summary:
        """Return the summary of no networks."""
        joint = JointHistogram.empty(held_out) if held_out else None
        return cls(LossHistogram.empty(bits), Moments(origin), joint, 0)

    @classmethod
    def merge(cls, summaries: Iterable[Summary]) -> Summary:
        """Return the summary of all networks of ``summaries`` together.

        Dead networks are counted if they are in all of them.

        Raises:
            ValueError: if there are none, or they are not of one experiment.
        """
        parts = list(summaries)
        joints = [part.joint for part in parts if part.joint is not None]
        if joints and len(joints) != len(parts):
            raise ValueError("summaries with and without held-out examples cannot be merged")
        return cls(
            LossHistogram.merge(part.histogram for part in parts),
            reduce(add, (part.moments for part in parts)),
            JointHistogram.merge(joints) if joints else None,
            _total(part.dead for part in parts),
        )

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the summary as named arrays, from which :meth:`from_arrays` restores every bit."""
        histogram, moments = self.histogram, self.moments
        arrays: dict[str, NDArray[np.generic]] = {
            "histogram.index": histogram.index,
            "histogram.count": histogram.count,
            "histogram.counters": np.array(
                [histogram.bits, histogram.zero, histogram.atom, histogram.nonfinite], np.int64
            ),
            **moments.to_arrays("moments"),
        }
        if self.dead is not None:
            arrays[_DEAD] = np.array([self.dead], np.int64)
        if self.joint is not None:
            arrays["joint.cells"] = self.joint.cells
            arrays["joint.count"] = self.joint.count
            arrays["joint.examples"] = np.array([self.joint.examples], np.int64)
        return arrays

    def identity_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what a chunk is recognised by when it is drawn again, as named arrays.

        The count of dead networks is left out, so that chunks drawn by version 0.1.0 are recognised.
        """
        return replace(self, dead=None).to_arrays()

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Summary:
        """Restore a summary.

        Raises:
            ValueError: if arrays are missing, of the wrong shape or type, or contradict each other.
        """
        bits, zero, atom, nonfinite = (int(n) for n in _array(arrays, "histogram.counters", np.int64, 4))
        index, count = (
            _array(arrays, "histogram.index", np.int64),
            _array(arrays, "histogram.count", np.int64),
        )
        if index.size != count.size or not 4 <= bits <= 20 or min(zero, atom, nonfinite) < 0:
            raise ValueError("histogram: counters or sizes are impossible")
        if index.size and (index[0] < 0 or np.any(np.diff(index) <= 0) or count.min() <= 0):
            raise ValueError("histogram: bins must increase and counts be positive")
        if index.size and index[-1] >= 0x7FF << bits:
            raise ValueError("histogram: a bin lies beyond the finite floats")
        histogram = LossHistogram(bits, index, count, zero, atom, nonfinite)
        moments = Moments.from_arrays(arrays, "moments")
        if moments.count != histogram.total - nonfinite:
            raise ValueError("moments: count differs from the histogram's")
        joint = None
        if "joint.cells" in arrays:
            cells, networks = arrays["joint.cells"], _array(arrays, "joint.count", np.int64)
            (examples,) = (int(n) for n in _array(arrays, "joint.examples", np.int64, 1))
            joint = JointHistogram(cells.astype(np.int64, casting="safe"), networks, examples)
            if not joint.valid:
                raise ValueError("joint: shapes or counts are impossible")
            if int(networks.sum()) != histogram.total:
                raise ValueError("joint: count differs from the histogram's")
        dead = None
        if _DEAD in arrays:
            (dead,) = (int(n) for n in _array(arrays, _DEAD, np.int64, 1))
            if not 0 <= dead <= histogram.total:
                raise ValueError("dead: more than there are networks, or fewer than none")
        return cls(histogram, moments, joint, dead)


@dataclass(frozen=True)
class ChunkResult:
    """The result of a chunk.

    Attributes:
        summary: aggregate of its networks.
        losses: the first losses, float64, in the order drawn; None when none were asked for.
    """

    summary: Summary
    losses: NDArray[np.float64] | None = None


def _total(counts: Iterable[int | None]) -> int | None:
    """Return the sum of counts, or None where one of them is not known."""
    total = 0
    for count in counts:
        if count is None:
            return None
        total += count
    return total


def _array(
    arrays: Mapping[str, NDArray[np.generic]], name: str, dtype: type[Scalar], size: int | None = None
) -> NDArray[Scalar]:
    array = arrays.get(name)
    if array is None or array.dtype != dtype or array.ndim != 1 or (size is not None and array.size != size):
        raise ValueError(f"{name}: missing, or of the wrong type or shape")
    return array.astype(dtype, copy=False)
