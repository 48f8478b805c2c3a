"""What the run directory and the live snapshots cost: their share of the time of a run.

Two figures for each experiment, both from the engine as it is, with a worker for each core. The *share* is
the processor time that the engine's process spends in publishing and committing, of all the processor
time that the machine has during the run. The *rate* compares networks per second with and without any
writing, in turn, so that a drift of the machine's speed falls on both.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geomreg_tui.engine.executors import WorkerPool
from geomreg_tui.engine.loop import Engine, Pace
from geomreg_tui.experiment import Experiment
from geomreg_tui.runs import RunDirectory
from geomreg_tui.sampling.fold import Fold
from geomreg_tui.sampling.plan import SamplingPlan
from geomreg_tui.sampling.store import committed

__all__ = ["table"]

EXPERIMENTS: dict[str, dict[str, Any]] = {
    "one example, width 64 (radial)": {"data": "digits", "examples": 1, "width": 64, "depth": 2},
    "16 examples, width 256 (projected)": {"data": "digits", "examples": 16, "width": 256, "depth": 3},
    "16 examples and 100 held out": {"data": "digits", "held_out": 100, "width": 64, "depth": 2},
}
PAIRS = 3
NEVER = 1e9


@dataclass
class _Spent:
    """Processor seconds in some calls, and how many there were."""

    seconds: float = 0.0
    calls: int = 0

    def timed(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return the call with its time counted."""

        def run(*arguments: Any, **options: Any) -> Any:
            begun = time.thread_time()
            try:
                return call(*arguments, **options)
            finally:
                self.seconds += time.thread_time() - begun
                self.calls += 1

        return run


def table(seconds: float = 60.0) -> str:
    """Return a Markdown table of what writing costs in runs of so many seconds."""
    cores = len(os.sched_getaffinity(0))
    lines = [
        f"Runs of {seconds:.0f} s with {cores} workers; ratio of rates: median of {PAIRS} pairs of "
        f"{seconds / 4:.0f} s.",
        "",
        "| experiment | a snapshot (ms) | a commit (ms) | share of processor time | rate with / without |",
        "|---|---:|---:|---:|---:|",
    ]
    pool = WorkerPool(cores)
    try:
        for name, values in EXPERIMENTS.items():
            experiment = Experiment.parse(values)
            measure(pool, experiment, 2.0, Pace())  # the workers load what they need
            _, publish, commit, elapsed = measure(pool, experiment, seconds, Pace())
            share = (publish.seconds + commit.seconds) / (elapsed * cores)
            ratios = []
            for _ in range(PAIRS):
                rates = [
                    measure(pool, experiment, seconds / 4, pace)[0]
                    for pace in (Pace(), Pace(publish=NEVER, commit=NEVER))
                ]
                ratios.append(rates[0] / rates[1])
            lines.append(
                f"| {name} | {1e3 * publish.seconds / publish.calls:.1f} | "
                f"{1e3 * commit.seconds / commit.calls:.1f} | {share:.2%} | {statistics.median(ratios):.3f} |"
            )
    finally:
        pool.close()
    return "\n".join(lines)


def measure(
    pool: WorkerPool, experiment: Experiment, seconds: float, pace: Pace
) -> tuple[float, _Spent, _Spent, float]:
    """Sample for a while; return networks per second, the cost of publishing and committing, the time."""
    publish, commit = _Spent(), _Spent()
    with tempfile.TemporaryDirectory() as folder:
        prepared = pool.prepare(experiment, "cpu", None)
        run = RunDirectory.create(Path(folder) / "run", prepared.facts, prepared.environment, 10**12, 0)
        engine = Engine(run, pool, Fold(run, SamplingPlan(prepared.facts.experiment, 10**12)), pace=pace)
        engine._publish = publish.timed(engine._publish)  # type: ignore[method-assign]
        engine._commit = commit.timed(engine._commit)  # type: ignore[method-assign]
        begun = time.monotonic()
        over = engine._over
        stopped: list[tuple[float, float, float]] = []

        def stop() -> bool:
            now = time.monotonic() - begun
            if not stopped and now >= seconds:
                stopped.append((now, publish.seconds, commit.seconds))
                engine.request_stop(hurry=True)
            return over()

        engine._over = stop  # type: ignore[method-assign]
        engine.run()
        samples = committed(run).summary.samples
    elapsed, publish.seconds, commit.seconds = stopped[0]
    return samples / (time.monotonic() - begun), publish, commit, elapsed
