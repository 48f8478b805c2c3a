"""Where a group of trajectories stands, as it goes between engine, worker and disk. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.training.result import TrainingResult

__all__ = ["GroupState"]

Arrays = Mapping[str, NDArray[Any]]
_DONE, _BLOCK, _RESULT = "done.", "block.", "result."


@dataclass(frozen=True)
class GroupState:
    """Where a group of trajectories stands: what has ended, and the block that is being trained.

    Attributes:
        values: plain data.
        arrays: arrays of int64 or float64, by name.
    """

    values: Mapping[str, Any]
    arrays: Arrays

    @classmethod
    def of(cls, done: TrainingResult, block: tuple[Mapping[str, Any], Arrays] | None) -> GroupState:
        """Return the state of a group.

        Args:
            done: the trajectories that have ended, without those of the block.
            block: the block as parts; None between two blocks.
        """
        values, arrays = done.to_parts()
        parts = {_DONE + name: array for name, array in arrays.items()}
        if block is not None:
            parts |= {_BLOCK + name: array for name, array in block[1].items()}
        return cls({"done": values, "block": None if block is None else dict(block[0])}, parts)

    @property
    def done(self) -> TrainingResult:
        """The trajectories of blocks that are finished.

        Raises:
            LookupError, TypeError, ValueError: if the state is not whole.
        """
        return TrainingResult.from_parts(self.values["done"], _named(self.arrays, _DONE))

    @property
    def block(self) -> tuple[Mapping[str, Any], Arrays] | None:
        """The block that is being trained, as parts; None between two blocks.

        Raises:
            LookupError: if the state is not whole.
        """
        values = self.values["block"]
        return None if values is None else (values, _named(self.arrays, _BLOCK))

    @property
    def result(self) -> TrainingResult:
        """What the trajectories that were begun have shown so far.

        Raises:
            LookupError, TypeError, ValueError: if the state is not whole.
        """
        done, block = self.done, self.block
        if block is None:
            return done
        shown = TrainingResult.from_parts(block[0]["result"], _named(block[1], _RESULT))
        return TrainingResult.merge([done, shown])


def check_range(result: TrainingResult, first: int, stop: int) -> TrainingResult:
    """Return a result whose trajectories are the first ones of a range.

    Raises:
        ValueError: if they are others.
    """
    count = len(result.trajectory)
    if count > stop - first or not np.array_equal(result.trajectory, np.arange(first, first + count)):
        raise ValueError("trajectories of another group")
    return result


def _named(arrays: Arrays, prefix: str) -> dict[str, NDArray[Any]]:
    """Return the arrays whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
