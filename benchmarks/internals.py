"""What benchmarks need of the package below its public names; no other benchmark imports it.

A run as people start one is several processes, which start, publish and commit. These take it apart: an
engine in this process, whose publishing and committing can be timed and left out, one population of the deep
tail, whose processor time can be read, and batches of gradients in each of the ways that there are.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from geomreg_tui import Experiment
from geomreg_tui.engine import Engine, Pace, StageContext, WorkerPool
from geomreg_tui.gradients.observer import Observer
from geomreg_tui.gradients.plan import METHODS, GradientPlan
from geomreg_tui.rundir import Lease, RunDirectory
from geomreg_tui.runner import registry
from geomreg_tui.runner.begin import describer
from geomreg_tui.runner.preparation import Preparation
from geomreg_tui.sampling.plan import NAME as SAMPLING
from geomreg_tui.sampling.plan import SamplingPlan
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.splitting.population import Population, tail_experiment
from geomreg_tui.splitting.result import PopulationResult
from geomreg_tui.training.ensemble import Ensemble
from geomreg_tui.training.plan import TrainingPlan
from geomreg_tui.training.trajectories import Block

__all__ = ["Pace", "TimedRun", "WorkerPool", "descend", "gradient_ways", "trained_block"]

_MANY = 10**12  # networks: more than are drawn in any time


class TimedRun(Engine):
    """A run in this process that is stopped after a time, with the processor time of its writing.

    Attributes:
        publishing, committing: processor seconds of this process in snapshots and commits, until it
            was stopped.
        snapshots, commits: how many there were until then.
        elapsed: seconds until it was stopped.
    """

    def __init__(
        self, path: Path, pool: WorkerPool, experiment: Experiment, seconds: float, pace: Pace
    ) -> None:
        """Make the run directory.

        Args:
            path: where.
            pool: where networks are drawn.
            experiment: what is sampled.
            seconds: when it is stopped.
            pace: how often snapshots are published and commits made.
        """
        prepared = pool.prepare(Preparation(experiment, "cpu", plans={SAMPLING: {}}))
        run, lease = RunDirectory.begin(
            path, prepared.facts, prepared.environment, [SamplingPlan(_MANY, 0)], layout=registry.layout()
        )
        context = StageContext(lambda: pool.workers)
        stages = [stage for kind in registry.STAGES if (stage := kind.open(run, context, {})) is not None]
        super().__init__(run, pool, stages, describer(run, stages), lease, pace)
        self._held: Lease = lease
        self._seconds, self._begun = seconds, 0.0
        self.publishing = self.committing = self.elapsed = 0.0
        self.snapshots = self.commits = 0

    def carry_out(self) -> float:
        """Sample until the time is over; return the seconds that it took, with the writing at the end."""
        self._begun = time.monotonic()
        try:
            self.run()
        finally:
            self._held.release()
        return time.monotonic() - self._begun

    def _over(self) -> bool:
        spent = time.monotonic() - self._begun
        if not self.elapsed and spent >= self._seconds:
            self.elapsed = spent
            self.request_stop(hurry=True)
        return super()._over()

    def _publish(self, *arguments: Any) -> None:
        before = time.thread_time()
        super()._publish(*arguments)
        if not self.elapsed:
            self.publishing += time.thread_time() - before
            self.snapshots += 1

    def _commit(self, **options: Any) -> None:
        before = time.thread_time()
        super()._commit(**options)
        if not self.elapsed:
            self.committing += time.thread_time() - before
            self.commits += 1


def descend(
    experiment: Experiment, log_loss: float, population: int, kernel: str, index: int
) -> tuple[PopulationResult, float]:
    """Take one population down to a loss, in this process.

    Args:
        experiment: the experiment.
        log_loss: natural logarithm of the loss to reach.
        population: particles.
        kernel: how they are moved; ``auto`` for the way that measures best.
        index: which of the populations.

    Returns:
        What it has shown, and processor seconds.
    """
    plan = TailPlan(loss=math.exp(log_loss), population=population, kernel=kernel)
    walked = Population(tail_experiment(experiment), plan, index)
    begun = time.process_time()
    while walked.advance():
        pass
    return walked.result, time.process_time() - begun


def trained_block(experiment: Experiment, lr: float) -> Block:
    """Return trajectories side by side, as many as are best, that gradient descent never ends."""
    ensemble = Ensemble(experiment, TrainingPlan(lr=lr, to_loss=0.0, steps=10**9))
    return Block(ensemble, range(ensemble.block))


def gradient_ways(experiment: Experiment) -> dict[str, tuple[str, int, Callable[[], object]]]:
    """Return the ways of drawing networks with the traces of their NTK: the method, a batch, and a function.

    The function draws a batch. ``auto`` has the method that is chosen.
    """
    ways: dict[str, tuple[str, int, Callable[[], object]]] = {}
    for method in METHODS:
        observer = Observer(experiment, GradientPlan(("ntk",), method=method))
        batch, generator = observer.arrangement.batch, torch.Generator().manual_seed(0)

        def draw(
            observer: Observer = observer, batch: int = batch, generator: torch.Generator = generator
        ) -> object:
            with torch.inference_mode():
                return observer.observe(batch, generator)

        ways[method] = observer.arrangement.method, batch, draw
    return ways
