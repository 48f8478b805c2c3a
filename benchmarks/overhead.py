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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geomreg_tui as geomreg
from benchmarks.internals import Pace, TimedRun, WorkerPool

__all__ = ["table"]

EXPERIMENTS: dict[str, dict[str, Any]] = {
    "one example, width 64 (radial)": {"data": "digits", "examples": 1, "width": 64, "depth": 2},
    "16 examples, width 256 (projected)": {"data": "digits", "examples": 16, "width": 256, "depth": 3},
    "16 examples and 100 held out": {"data": "digits", "held_out": 100, "width": 64, "depth": 2},
}
PAIRS = 3
WARM_UP = 2.0  # seconds
NEVER = 1e9


def table(seconds: float = 60.0, names: Sequence[str] = tuple(EXPERIMENTS), pairs: int = PAIRS) -> str:
    """Return a Markdown table of what writing costs in runs of so many seconds.

    Args:
        seconds: of the run whose writing is timed; those whose rates are compared take a quarter each.
        names: which of :data:`EXPERIMENTS`.
        pairs: of rates, with and without writing.
    """
    cores = len(os.sched_getaffinity(0))
    lines = [
        f"Runs of {seconds:.0f} s with {cores} workers; ratio of rates: median of {pairs} pairs of "
        f"{seconds / 4:.0f} s.",
        "",
        "| experiment | a snapshot (ms) | a commit (ms) | share of processor time | rate with / without |",
        "|---|---:|---:|---:|---:|",
    ]
    pool = WorkerPool(cores)
    try:
        for name in names:
            experiment = geomreg.Experiment.parse(EXPERIMENTS[name])
            measure(pool, experiment, min(seconds, WARM_UP), Pace())  # the workers load what they need
            run, _ = measure(pool, experiment, seconds, Pace())
            share = (run.publishing + run.committing) / (run.elapsed * cores)
            ratios = []
            for _ in range(pairs):
                rates = [
                    measure(pool, experiment, seconds / 4, pace)[1]
                    for pace in (Pace(), Pace(publish=NEVER, commit=NEVER))
                ]
                if all(rates):  # in a very short run none may be drawn
                    ratios.append(rates[0] / rates[1])
            commit = f"{1e3 * run.committing / run.commits:.1f}" if run.commits else "–"
            ratio = f"{statistics.median(ratios):.3f}" if ratios else "–"
            lines.append(
                f"| {name} | {1e3 * run.publishing / run.snapshots:.1f} | {commit} | {share:.2%} | {ratio} |"
            )
    finally:
        pool.close()
    return "\n".join(lines)


def measure(
    pool: WorkerPool, experiment: geomreg.Experiment, seconds: float, pace: Pace
) -> tuple[TimedRun, float]:
    """Sample for a while; return the run, and networks per second."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run"
        run = TimedRun(path, pool, experiment, seconds, pace)
        took = run.carry_out()
        return run, geomreg.load(path).summary.samples / took
