"""The pieces of work that a deep tail is divided into. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from geomreg_tui.engine.work import Work
from geomreg_tui.errors import Problem
from geomreg_tui.experiment import Experiment
from geomreg_tui.splitting.checkpoints import Checkpoint
from geomreg_tui.splitting.plan import NAME, TailPlan
from geomreg_tui.splitting.result import PopulationResult

__all__ = ["LevelsResult", "LevelsWork", "TrialResult", "TrialWork"]


@dataclass(frozen=True)
class TrialWork(Work):
    """A first level of a small population, to see whether the tail can be computed at all.

    Attributes:
        experiment: the resolved experiment.
        plan: how deep to go.
    """

    function: ClassVar[str] = "geomreg_tui.splitting.work:try_first_level"
    stage: ClassVar[str] = NAME

    experiment: Experiment
    plan: TailPlan


@dataclass(frozen=True)
class TrialResult:
    """The result of a trial.

    Attributes:
        kernel, space: names of what is used; empty where there was a problem.
        problems: why the tail cannot be computed.
    """

    kernel: str = ""
    space: str = ""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class LevelsWork(Work):
    """Some levels of one population, from its checkpoint to its next.

    Attributes:
        experiment: the resolved experiment.
        plan: how deep to go, with the kernel in use.
        index: which population.
        checkpoint: where the population stands; None where it has not begun.
        levels: how many levels down that is.
        allowed: seconds that it may take in all.
        stretch: seconds until it is handed back, or longer: a level is never cut in two.
    """

    function: ClassVar[str] = "geomreg_tui.splitting.work:go_down"
    stage: ClassVar[str] = NAME

    experiment: Experiment
    plan: TailPlan
    index: int
    checkpoint: Checkpoint | None
    levels: int
    allowed: float
    stretch: float = 1.0


@dataclass(frozen=True)
class LevelsResult:
    """The result of some levels.

    Attributes:
        result: what the population has shown, thinned.
        checkpoint: where it stands, with all that it has shown.
        damage: what is wrong with the checkpoint that it was to go on from, so that it was begun anew; empty
            where nothing is.
    """

    result: PopulationResult
    checkpoint: Checkpoint
    damage: str = ""
