"""What crosses the border between the engine and its workers. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass

from geomreg_tui.experiment import Experiment
from geomreg_tui.summary import Facts

__all__ = ["Prepared", "Task"]


@dataclass(frozen=True)
class Prepared:
    """An experiment made ready.

    Attributes:
        facts: what it comes to, overlays included.
        devices: where to draw, ``cpu`` or ``cuda:i`` each; the first has prepared it.
        environment: versions and device that the bits depend on.
    """

    facts: Facts
    devices: tuple[str, ...]
    environment: dict[str, str]

    @property
    def place(self) -> str:
        """What it is drawn on, for people: ``cpu``, or the name of the GPU."""
        return "cpu" if self.devices[0] == "cpu" else self.environment["device_kind"]


@dataclass(frozen=True)
class Task:
    """A chunk to draw.

    Attributes:
        experiment: the resolved experiment.
        chunk: its index.
        count: networks of it to draw; None for all.
        keep: how many of the first losses to return.
    """

    experiment: Experiment
    chunk: int
    count: int | None = None
    keep: int = 0
