"""The chunks that a number of samples is divided into."""

from __future__ import annotations

from dataclasses import dataclass

from geomreg_tui.engine.task import Task
from geomreg_tui.experiment import Experiment

__all__ = ["Plan"]


@dataclass(frozen=True)
class Plan:
    """The chunks of a run.

    Attributes:
        experiment: the resolved experiment.
        samples: networks asked for.
        keep_losses: how many of the first losses are kept.
    """

    experiment: Experiment
    samples: int
    keep_losses: int = 0

    @property
    def chunk_size(self) -> int:
        """Networks in a whole chunk."""
        return int(self.experiment.chunk_size or 1)

    @property
    def whole_chunks(self) -> int:
        """Chunks of which every network is asked for."""
        return self.samples // self.chunk_size

    @property
    def tail(self) -> int:
        """Networks asked for of the chunk after the whole ones."""
        return self.samples % self.chunk_size

    def kept(self, chunk: int) -> int:
        """Return how many losses of a chunk are kept."""
        return max(0, min(self.chunk_size, self.keep_losses - chunk * self.chunk_size))

    @property
    def chunks(self) -> int:
        """All chunks, an incomplete last one too."""
        return self.whole_chunks + (self.tail > 0)

    def task(self, chunk: int) -> Task:
        """Return the work for a chunk."""
        count = None if chunk < self.whole_chunks else self.tail
        keep = min(self.kept(chunk), count) if count is not None else self.kept(chunk)
        return Task(self.experiment, chunk, count, keep)
