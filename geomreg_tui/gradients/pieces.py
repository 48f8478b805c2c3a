"""The pieces of work that observing networks is divided into. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from geomreg_tui.engine.work import Work
from geomreg_tui.errors import Problem
from geomreg_tui.experiment import Experiment
from geomreg_tui.gradients.plan import NAME, Arrangement, GradientPlan
from geomreg_tui.statistics.observable_laws import ObservableLaw

__all__ = ["ArrangeResult", "ArrangeWork", "ObserveWork"]


@dataclass(frozen=True)
class ArrangeWork(Work):
    """Finding out how networks are best observed, and whether they can be.

    Attributes:
        experiment: the resolved experiment.
        plan: what is observed.
    """

    function: ClassVar[str] = "geomreg_tui.gradients.work:arrange"
    stage: ClassVar[str] = NAME

    experiment: Experiment
    plan: GradientPlan


@dataclass(frozen=True)
class ArrangeResult:
    """How networks are observed.

    Attributes:
        arrangement: how; None where there was a problem.
        problems: why they cannot be.
        laws: what theory expects of the observables that it has a law for, by name.
    """

    arrangement: Arrangement | None = None
    problems: tuple[Problem, ...] = ()
    laws: Mapping[str, ObservableLaw] = field(default_factory=dict)


@dataclass(frozen=True)
class ObserveWork(Work):
    """A chunk of networks to observe, or its first ones.

    Attributes:
        experiment: the resolved experiment.
        plan: what is observed.
        arrangement: how.
        chunk: index of the chunk.
        count: networks of it; None for all.
    """

    function: ClassVar[str] = "geomreg_tui.gradients.work:observe_chunk"
    stage: ClassVar[str] = NAME

    experiment: Experiment
    plan: GradientPlan
    arrangement: Arrangement
    chunk: int
    count: int | None = None
