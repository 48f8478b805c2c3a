"""The training of an ensemble inside a worker: a group of trajectories, from one state to the next.

A worker touches no file: what a group goes on from comes with the work, and goes back with the answer.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from geomreg_tui.engine.work import Interrupt
from geomreg_tui.errors import ExperimentError, GeomregError, GivenUpError, Problem
from geomreg_tui.experiment import Experiment
from geomreg_tui.training.ensemble import Ensemble
from geomreg_tui.training.group import Group
from geomreg_tui.training.pieces import GroupResult, GroupWork, TrialResult, TrialWork
from geomreg_tui.training.plan import TrainingPlan
from geomreg_tui.training.trajectories import Block

__all__ = ["train", "try_first_step"]


@dataclass
class _Loaded:
    """What is in this worker's memory.

    Attributes:
        ensemble: the last one that was made ready, with the experiment, plan and device that it is of.
        group: the group that was trained last, with the turn that it is at; None for none.
    """

    experiment: Experiment
    plan: TrainingPlan
    device: str
    ensemble: Ensemble
    group: Group | None = None
    turn: int = 0


_loaded: _Loaded | None = None


def try_first_step(work: TrialWork, device: str, interrupt: Interrupt | None = None) -> TrialResult:
    """Train one network for a step."""
    try:
        ensemble = Ensemble(work.experiment, work.plan, device)
        Block(ensemble, [0]).advance(1)
    except ExperimentError as error:
        return TrialResult(problems=error.problems)
    except GeomregError as error:
        return TrialResult(problems=(_problem(str(error)),))
    except (NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        return TrialResult(problems=(_problem(f"{type(error).__name__}: {error}"),))
    return TrialResult(ensemble.block, ensemble.layers)


def train(work: GroupWork, device: str, interrupt: Interrupt | None = None) -> GroupResult:
    """Train a group for some steps; the same bits whichever worker makes which of them.

    Raises:
        ExperimentError, DataError, CapacityError: if the experiment cannot be trained here.
        GivenUpError: if ``interrupt`` said so.
    """
    loaded, damage = _load(work, device)
    assert loaded.group is not None
    end = time.monotonic() + work.stretch
    loaded.group.advance(lambda: time.monotonic() >= end or (interrupt is not None and interrupt()))
    if interrupt is not None and interrupt():
        raise GivenUpError
    loaded.turn = work.turn + 1
    return GroupResult(loaded.group.state(), loaded.group.finished, damage)


def _load(work: GroupWork, device: str) -> tuple[_Loaded, str]:
    """Return the group in memory as its state has it, or begun, and what was wrong with the state."""
    global _loaded
    loaded, _loaded = _loaded, None
    key = (work.experiment, work.plan, device)
    if loaded is None or (loaded.experiment, loaded.plan, loaded.device) != key:
        loaded = _Loaded(*key, Ensemble(work.experiment, work.plan, device))
    group, damage = loaded.group, ""
    if group is None or (group.first, group.stop, loaded.turn) != (work.first, work.stop, work.turn):
        loaded.group = group = Group(loaded.ensemble, work.first, work.stop)
        if work.state is not None:
            try:
                loaded.group = Group.restored(loaded.ensemble, work.first, work.stop, work.state)
            except (IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
                damage = f"{type(error).__name__}: {error}"[:200]
    _loaded = loaded
    return loaded, damage


def _problem(error: str) -> Problem:
    first = error.strip().partition("\n")[0][:200]
    return Problem("training", "an experiment whose networks cannot be trained", first)
