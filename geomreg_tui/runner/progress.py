"""How far a run has come, in words and counts of the stage that it is at."""

from __future__ import annotations

import math
from typing import NamedTuple

from geomreg_tui.runner.snapshot import Snapshot
from geomreg_tui.splitting.result import Tail
from geomreg_tui.training.overview import TrainingOverview

__all__ = ["StageProgress", "stage_progress"]


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
