"""What benchmarks need of the package below its public names; no other benchmark imports it.

A run as people start one is several processes, which start, publish and commit. These take it apart: an
engine in this process, whose publishing and committing can be timed and left out, one population of the deep
tail, whose processor time can be read, and batches of gradients in each of the ways that there are. Workers
of a cluster are real, or many that are none, and answer after a time with what was drawn once.
"""

from __future__ import annotations

import heapq
import math
import pickle
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from geomreg_tui import Experiment
from geomreg_tui.engine import Engine, Executor, Pace, StageContext, WorkerPool
from geomreg_tui.engine.cluster import DaskExecutor
from geomreg_tui.engine.cluster_deal import Member
from geomreg_tui.engine.cluster_link import Answered, Link, Members
from geomreg_tui.engine.work import Work, perform
from geomreg_tui.gradients.observer import Observer
from geomreg_tui.gradients.plan import METHODS, GradientPlan
from geomreg_tui.place import Cluster
from geomreg_tui.rundir import Lease, RunDirectory, RunState
from geomreg_tui.runner import registry
from geomreg_tui.runner.begin import describer
from geomreg_tui.runner.preparation import Preparation
from geomreg_tui.runner.resume import changes
from geomreg_tui.sampling.pieces import ChunkWork
from geomreg_tui.sampling.plan import NAME as SAMPLING
from geomreg_tui.sampling.plan import SamplingPlan
from geomreg_tui.splitting.pieces import LevelsWork
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.splitting.population import Population, tail_experiment
from geomreg_tui.splitting.result import PopulationResult
from geomreg_tui.training.ensemble import Ensemble
from geomreg_tui.training.plan import TrainingPlan
from geomreg_tui.training.subspace import Subspaces
from geomreg_tui.training.trajectories import Block

__all__ = [
    "Pace",
    "SimulatedPool",
    "TimedRun",
    "WorkerPool",
    "cluster_pool",
    "descend",
    "gradient_ways",
    "piece_sizes",
    "subspace_kernels",
    "trained_block",
]

_MANY = 10**12  # networks: more than are drawn in any time


class TimedRun(Engine):
    """A run in this process that is stopped after a time, with the processor time of its writing.

    Attributes:
        publishing, committing: processor seconds of this process in snapshots and commits, until it
            was stopped.
        snapshots, commits: how many there were until then.
        elapsed: seconds until it was stopped.
        drained: seconds until all that was under way then had come to its end.
    """

    def __init__(
        self, path: Path, pool: Executor, experiment: Experiment, seconds: float, pace: Pace
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
        self.publishing = self.committing = self.elapsed = self.drained = 0.0
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

    def _close(self, failure: str) -> RunState:
        self.drained = time.monotonic() - self._begun
        return super()._close(failure)

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


def subspace_kernels(
    experiment: Experiment, dimensions: int, networks: int
) -> tuple[Callable[[], object], tuple[Tensor, ...], Tensor]:
    """Return what computes the NTK of networks within random subspaces, and these networks.

    The function computes two of each network, as observing how the NTK changes does. Then come the weights of
    each layer, (networks, n_out, n_in), and the frames, (networks, P, D).
    """
    ensemble = Ensemble(experiment, TrainingPlan(subspace=dimensions, observe=("ntk",)))
    observer, start = ensemble.observer, ensemble.start(range(networks))
    assert observer is not None
    assert isinstance(start.networks, Subspaces)
    weights = start.networks.weights(start.parameters)

    def observe() -> object:
        with torch.inference_mode():
            return observer.observe(
                start.networks,
                start.parameters,
                start.parameters,
                start.training.inputs,
                start.training.targets,
            )

    return observe, weights, start.networks.frames


def cluster_pool(scheduler: str) -> DaskExecutor:
    """Return the workers of a cluster of Dask, by the address or the file of its scheduler."""
    return DaskExecutor(Cluster(scheduler=scheduler), changes)


def piece_sizes(experiment: Experiment, population: int) -> dict[str, tuple[int, int]]:
    """Return the bytes of a piece of work and of its answer as they go through a scheduler, by kind.

    Args:
        experiment: what is drawn.
        population: particles of the population whose checkpoint goes both ways.
    """
    whole = perform(Preparation(experiment, "cpu", plans={SAMPLING: {}}), "").facts.experiment
    chunk = ChunkWork(whole, 0)
    deep = perform(Preparation(tail_experiment(experiment), "cpu", plans={SAMPLING: {}}), "").facts.experiment
    plan = TailPlan(log10_volume=-50, population=population, repeats=1)
    first = perform(LevelsWork(deep, plan, 0, None, 0, math.inf, 0.0), "cpu")
    levels = LevelsWork(deep, plan, 0, first.checkpoint, first.result.levels, math.inf, 0.0)
    return {
        name: (len(pickle.dumps(work)), len(pickle.dumps(perform(work, "cpu"))))
        for name, work in {"chunk": chunk, "levels of a population": levels}.items()
    }


class SimulatedPool(DaskExecutor):
    """The executor of a cluster as it is, but for its workers, which are none: each answers after a time.

    The answer is that of the first chunk, unpickled anew each time as one that comes from a network is.

    Args:
        workers: how many.
        seconds: that a chunk takes.

    Attributes:
        began: processor time of this process when the experiment was ready.
    """

    def __init__(self, workers: int, seconds: float) -> None:
        super().__init__(Cluster(scheduler="tcp://127.0.0.1:1"), changes)
        self._wanted, self._seconds = workers, seconds
        self.began = 0.0

    def prepare(self, work: Work) -> Any:
        """Make the experiment ready here, and draw its first chunk, whose answer is given for all."""
        prepared = perform(work, "")
        answer = pickle.dumps(perform(ChunkWork(prepared.facts.experiment, 0), "cpu"))
        self._deal.link = _SimulatedLink(self._events, self._seconds, answer)
        names = [f"tcp://10.0.{number // 256}.{number % 256}:1" for number in range(self._wanted)]
        self._deal.members = {name: Member(name, "cpu", prepared.environment) for name in names}
        self._events.put(Members(frozenset(names)))
        self.began = time.process_time()
        return prepared


class _SimulatedLink(Link):
    """A link to workers that are none."""

    def __init__(self, events: Any, seconds: float, answer: bytes) -> None:
        super().__init__(Cluster(scheduler="tcp://127.0.0.1:1"), "cpu", events)
        self._answer, self._takes = answer, seconds
        self._free: dict[str, float] = {}
        self._due: list[tuple[float, str]] = []
        self._ready = threading.Condition()
        self._closed = False
        self._clock = threading.Thread(target=self._tell, daemon=True)
        self._clock.start()

    def carry(self, key: str, work: Work, address: str, device: str, files: Any) -> None:
        """Answer when the worker has done what it had before, and then this."""
        pickle.dumps(work)
        ready = max(self._free.get(address, 0.0), time.monotonic()) + self._takes
        self._free[address] = ready
        with self._ready:
            heapq.heappush(self._due, (ready, key))
            self._ready.notify()

    def drop(self, keys: Any) -> None:
        """Do nothing: an answer to what was taken back is not heard."""

    def close(self) -> None:
        """End the thread."""
        with self._ready:
            self._closed = True
            self._ready.notify()
        self._clock.join()

    def _tell(self) -> None:
        with self._ready:
            while not self._closed:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is None or wait > 0:
                    self._ready.wait(wait)
                    continue
                _, key = heapq.heappop(self._due)
                self._events.put(Answered(key, pickle.loads(self._answer)))
