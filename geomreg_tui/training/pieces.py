"""The pieces of work that the training of an ensemble is divided into. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from geomreg_tui.engine.work import Work
from geomreg_tui.errors import Problem
from geomreg_tui.experiment import Experiment
from geomreg_tui.training.plan import NAME, TrainingPlan
from geomreg_tui.training.state import GroupState

__all__ = ["GroupResult", "GroupWork", "TrialResult", "TrialWork"]


@dataclass(frozen=True)
class TrialWork(Work):
    """A first step of one network, to see whether the ensemble can be trained at all.

    Attributes:
        experiment: the resolved experiment.
        plan: how networks are to be trained.
    """

    function: ClassVar[str] = "geomreg_tui.training.work:try_first_step"
    stage: ClassVar[str] = NAME

    experiment: Experiment
    plan: TrainingPlan


@dataclass(frozen=True)
class TrialResult:
    """The result of a trial.

    Attributes:
        block: networks that are best trained side by side.
        layers: of a network.
        problems: why the ensemble cannot be trained.
    """

    block: int = 1
    layers: int = 0
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class GroupWork(Work):
    """Some steps of a group of trajectories.

    Attributes:
        experiment: the resolved experiment.
        plan: how networks are trained.
        first, stop: range of the trajectories.
        state: where the group stands; None where it has not begun.
        turn: how many pieces of work it has had from this engine.
        stretch: seconds until the group is handed back, or until its next step after that.
    """

    function: ClassVar[str] = "geomreg_tui.training.work:train"
    stage: ClassVar[str] = NAME

    experiment: Experiment
    plan: TrainingPlan
    first: int
    stop: int
    state: GroupState | None
    turn: int
    stretch: float = 1.0


@dataclass(frozen=True)
class GroupResult:
    """The result of some steps.

    Attributes:
        state: where the group stands.
        finished: whether all its trajectories have ended.
        damage: what was wrong with the state that it was to go on from; it was begun anew then.
    """

    state: GroupState
    finished: bool
    damage: str = ""
