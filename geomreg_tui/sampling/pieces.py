"""The piece of work that plain sampling is divided into: a chunk. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from geomreg_tui.engine.work import Work
from geomreg_tui.experiment import Experiment
from geomreg_tui.sampling.plan import NAME

__all__ = ["ChunkWork"]


@dataclass(frozen=True)
class ChunkWork(Work):
    """A chunk to draw, or its first networks.

    Attributes:
        experiment: the resolved experiment.
        chunk: its index.
        count: networks of it to draw; None for all.
        keep: how many of the first losses to return.
    """

    function: ClassVar[str] = "geomreg_tui.sampling.work:draw_chunk"
    stage: ClassVar[str] = NAME

    experiment: Experiment
    chunk: int
    count: int | None = None
    keep: int = 0
