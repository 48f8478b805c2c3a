"""How far a run has come, in words and counts of the stage that it is at, and what work that is."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from geomreg_tui.runner.snapshot import Snapshot
from geomreg_tui.splitting.result import PopulationResult, Tail
from geomreg_tui.training.overview import TrainingOverview
from geomreg_tui.training.result import GOING

__all__ = ["StageProgress", "Work", "stage_progress", "stage_work"]


class StageProgress(NamedTuple):
    """How far something has come.

    Attributes:
        name: what is being done.
        done, total: of what there is to do; the total is None where it is not known.
        note: what else there is to say.
    """

    name: str
    done: int
    total: int | None
    note: str = ""


class Work(NamedTuple):
    """The work of a stage, in a unit that takes about the same time from first to last.

    Attributes:
        done: what is behind it.
        left: what is to come, as far as can be told now.
    """

    done: float
    left: float

    @property
    def share(self) -> float:
        """The share that is done, from 0 to 1."""
        return self.done / (self.done + self.left) if self.done + self.left > 0 else 0.0


def stage_progress(snapshot: Snapshot) -> StageProgress:
    """Return how far the stage is that a run is at: its networks, its populations, its trajectories.

    Networks that are observed are those whose gradients and walks are.
    """
    tail, training, observed = snapshot.tail, snapshot.training, snapshot.observed
    drawn = snapshot.samples >= snapshot.target
    if drawn and observed is not None:
        done, wanted = observed.observations.samples, observed.planned.plan.networks
        if done < wanted or (tail is None and training is None):
            return StageProgress("gradients", done, wanted, "networks observed")
    if drawn and tail is not None and (training is None or _going(tail)):
        return _populations(tail)
    if drawn and training is not None:
        return _trajectories(training)
    rate = f"{snapshot.rate:,.0f} networks/s" if snapshot.rate else ""
    return StageProgress("sampling", snapshot.samples, snapshot.target, rate)


def stage_work(snapshot: Snapshot) -> Work | None:
    """Return the work of the stage that :func:`stage_progress` tells of; None where none can be told.

    A deep tail's is the way down to its goal, in nats of V, or of the loss where that alone is the goal; a
    training's is steps of gradients, of which trajectories to come take as many as those that have ended.
    """
    stage = stage_progress(snapshot)
    tail, training = snapshot.tail, snapshot.training
    if stage.name == "deep tail" and tail is not None:
        return _way_down(tail)
    if stage.name == "training" and training is not None:
        return _steps(training)
    return None if stage.total is None else Work(stage.done, stage.total - stage.done)


def _way_down(tail: Tail) -> Work | None:
    """Return how far populations have come down to the goal; None where it or its distance is not known."""
    plan = tail.plan
    if math.isfinite(plan.log10_volume):
        deep, whole = [_depth(population.log_volume) for population in tail.populations], -plan.log10_volume
        whole *= math.log(10)
    elif plan.loss > 0:
        begun = [population for population in tail.populations if population.log_loss.size]
        if not begun:
            return None
        start = max(float(population.log_loss[0]) for population in begun)
        deep, whole = (
            [_fall(population, start) for population in tail.populations],
            start - math.log(plan.loss),
        )
    else:
        return None
    over = [population.status is not None for population in tail.populations]
    done = [whole if ended else min(part, whole) for ended, part in zip(over, deep, strict=True)]
    return Work(sum(done), whole * len(done) - sum(done)) if whole > 0 else None


def _depth(log_volume: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    return max(0.0, -float(log_volume[-1])) if log_volume.size else 0.0


def _fall(population: PopulationResult, start: float) -> float:
    return max(0.0, start - float(population.log_loss[-1])) if population.log_loss.size else 0.0


def _steps(training: TrainingOverview) -> Work | None:
    """Return the steps of all trajectories; None while none has ended and they end by their loss."""
    plan, ends = training.plan, training.ends
    steps = np.nan_to_num(ends.final("step"))
    over = ends.status != GOING
    if over.any():
        usual = float(steps[over].mean())
    elif plan.to_loss > 0:
        return None
    else:
        usual = float(plan.steps)
    to_come = max(0, plan.trajectories - training.failed - len(steps))
    left = float(np.maximum(usual - steps[~over], 0).sum()) + to_come * usual
    return Work(float(steps.sum()), left)


def _going(tail: Tail) -> bool:
    return any(population.status is None for population in tail.populations)


def _populations(tail: Tail) -> StageProgress:
    over = sum(population.status is not None for population in tail.populations)
    depth = min((d.log_volume[-1] for d in tail.populations if d.log_volume.size), default=0.0)
    note = f"populations, deepest V = 1e{math.floor(depth / math.log(10))}"
    return StageProgress("deep tail", over, tail.plan.repeats, note)


def _trajectories(training: TrainingOverview) -> StageProgress:
    step = int(training.step[-1]) if training.step.size else 0
    note = f"trajectories, {training.counts['fitted']:,} fitted, furthest step {step:,}"
    return StageProgress("training", training.ended, training.plan.trajectories, note)
