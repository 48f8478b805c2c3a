"""What samplers give: losses of some networks. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.datasets import Dataset
from geomreg_tui.engine.work import Interrupt
from geomreg_tui.errors import GivenUpError
from geomreg_tui.losses import TargetNumbers
from geomreg_tui.summary import Facts

if TYPE_CHECKING:
    from jaxtyping import Bool, Float64, Int64

__all__ = ["ChunkSampler", "DrawnNumbers", "go_on"]

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

    @classmethod
    def joined(cls, parts: Sequence[DrawnNumbers]) -> DrawnNumbers:
        """Return the losses of several parts as one; what is unknown of a part is unknown of all."""
        held_out = [part.held_out for part in parts if part.held_out is not None]
        correct = [part.correct for part in parts if part.correct is not None]
        dead = [part.dead for part in parts if part.dead is not None]
        return cls(
            np.concatenate([part.train for part in parts]),
            np.concatenate(held_out) if held_out else None,
            np.concatenate(correct) if correct else None,
            np.concatenate(dead) if len(dead) == len(parts) else None,
        )


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

    def draw_chunk(
        self, chunk: int, size: int, wanted: int, interrupt: Interrupt | None = None
    ) -> DrawnNumbers:
        """Draw the first networks of a chunk.

        Args:
            chunk: index of the chunk.
            size: networks in a chunk.
            wanted: how many of its first networks are drawn.
            interrupt: asked now and then whether to give up.

        Raises:
            GivenUpError: if ``interrupt`` said so.
        """


def go_on(chunk: int, interrupt: Interrupt | None) -> None:
    """Go on with a chunk, unless it is to be given up.

    Raises:
        GivenUpError: if it is.
    """
    if interrupt is not None and interrupt():
        raise GivenUpError(f"chunk {chunk} was given up")
