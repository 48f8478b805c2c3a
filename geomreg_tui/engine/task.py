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
        device: ``cpu`` or ``cuda:i``.
        devices: how many devices of that kind there are.
        environment: versions and device that the bits depend on.
    """

    facts: Facts
    device: str
    devices: int
    environment: dict[str, str]


@dataclass(frozen=True)
class Task:
    """A chunk to draw.

    Attributes:
        experiment: the resolved experiment.
        chunk: its index.
        count: networks of it to draw; None for all.
        keep: how many of the first losses to return.
        device: where to compute.
    """

    experiment: Experiment
    chunk: int
    count: int | None = None
    keep: int = 0
    device: str = "cpu"
