"""The work that an engine gives to its workers, and their answers. Never imports torch."""

from __future__ import annotations

from dataclasses import dataclass

from geomreg_tui.errors import Problem
from geomreg_tui.experiment import Experiment
from geomreg_tui.summary import Descent, Facts, TailPlan

__all__ = ["TIME_LIMIT", "Leg", "Prepared", "Task", "Trial", "Tried", "Walked", "Work"]


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


TIME_LIMIT = "time limit"  # the status of a population that could go on, had it more time


class Work:
    """Something that a worker does: a task, a leg or a trial."""


@dataclass(frozen=True)
class Task(Work):
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


@dataclass(frozen=True)
class Trial(Work):
    """A first step of a deep tail, to see whether it can be walked.

    Attributes:
        experiment: the resolved experiment.
        plan: how deep to go.
    """

    experiment: Experiment
    plan: TailPlan


@dataclass(frozen=True)
class Tried:
    """What became of a trial.

    Attributes:
        kernel, space: names of what is used; empty where there was a problem.
        problems: why the tail cannot be walked.
    """

    kernel: str = ""
    space: str = ""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Leg(Work):
    """A stretch of the descent of one population, from its checkpoint to its next.

    Attributes:
        experiment: the resolved experiment.
        plan: how deep to go, with the kernel in use.
        index: which population.
        directory: the run directory.
        levels: where the population stands.
        allowed: seconds that it may take in all.
        stretch: seconds until the next checkpoint, or longer: a level is never cut in two.
        token: of the engine's lease, without which nothing is written; empty for none.
    """

    experiment: Experiment
    plan: TailPlan
    index: int
    directory: str
    levels: int
    allowed: float
    stretch: float = 1.0
    token: str = ""


@dataclass(frozen=True)
class Walked:
    """Where a leg has led.

    Attributes:
        descent: what the population has shown, thinned.
        seconds: time spent on it in all.
        unwritten: why its checkpoint could not be written; empty where it was.
        aside: what is wrong with a checkpoint that was set aside, because of which the population was begun
            anew; empty where there was none.
    """

    descent: Descent
    seconds: float
    unwritten: str = ""
    aside: str = ""
