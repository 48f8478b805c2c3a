"""What samplers give: losses of some networks. No torch here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.datasets import Dataset
from geomreg_tui.losses import TargetNumbers
from geomreg_tui.summary import Facts

if TYPE_CHECKING:
    from jaxtyping import Bool, Float64, Int64

__all__ = ["ChunkSampler", "DrawnNumbers"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DrawnNumbers:
    """Losses of some networks.

    Attributes:
        train: mean loss over the training examples, (networks,).
        held_out: mean loss over the held-out examples, (networks,), or None when there are none.
        correct: right held-out predictions, (networks,), or None where there are no classes.
        dead: which networks are dead, (networks,), or None where that cannot be told.
    """

    train: Float64[FloatArray, " networks"]
    held_out: Float64[FloatArray, " networks"] | None
    correct: Int64[NDArray[np.int64], " networks"] | None
    dead: Bool[NDArray[np.bool_], " networks"] | None


@runtime_checkable
class ChunkSampler(Protocol):
    """An experiment made ready, of which chunks are drawn.

    Attributes:
        facts: what the experiment comes to; ``facts.experiment`` is the resolved one.
        dataset: the examples.
        targets: what outputs are compared with.
    """

    facts: Facts
    dataset: Dataset
    targets: TargetNumbers

    def pieces(self, chunk: int, size: int, wanted: int) -> Iterator[Callable[[], DrawnNumbers]]:
        """Give functions that draw the networks of a chunk, some each, to be called in turn.

        Args:
            chunk: index of the chunk.
            size: networks in a chunk.
            wanted: how many of its first networks are wanted; there may be more.
        """
