"""What a cluster costs: beside processes of this machine, and with a thousand workers that are simulated.

The first table has real workers: a scheduler and two workers of Dask on loopback, and as many processes of
this machine, in turn. The second has the bytes of a piece of work and of its answer, which go through Dask's
scheduler. The third has the engine as it is, with workers that are none: each answers after a second with a
summary that was drawn once. So all that the engine does is done, and its processor time is measured.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

import geomreg_tui as geomreg
from benchmarks.internals import Pace, SimulatedPool, TimedRun, WorkerPool, cluster_pool, piece_sizes

__all__ = ["table"]

EXPERIMENTS: dict[str, dict[str, Any]] = {
    "one example, width 64": {"data": "digits", "examples": 1, "width": 64, "depth": 2},
    "16 examples, width 256": {"data": "digits", "examples": 16, "width": 256, "depth": 3},
    "16 examples and 100 held out": {"data": "digits", "held_out": 100, "width": 64, "depth": 2},
}
WORKERS = 2
SIMULATED = (100, 1000)
ROUNDS = 3
POPULATION = 1000
CHUNK_SECONDS = 1.0  # that a chunk takes a simulated worker
_DRAIN = 60.0  # seconds in which chunks under way come to their ends, so that all that is done is counted


def table(
    seconds: float = 10.0, names: Sequence[str] = tuple(EXPERIMENTS), simulated: Sequence[int] = SIMULATED
) -> str:
    """Return Markdown tables.

    Args:
        seconds: for each figure.
        names: which of :data:`EXPERIMENTS`.
        simulated: numbers of workers.
    """
    return "\n\n".join([_beside(seconds, names), _sizes(names), _many(seconds, names, simulated)])


def _beside(seconds: float, names: Sequence[str]) -> str:
    lines = [
        f"Networks a second by {WORKERS} workers; median of {ROUNDS} runs of {seconds:.0f} s, in turn.",
        "",
        "| experiment | this machine | Dask on loopback | ratio | scheduler, ms of processor a chunk |",
        "|---|---:|---:|---:|---:|",
    ]
    near = WorkerPool(WORKERS)
    with _cluster() as (file, scheduler):
        far = cluster_pool(str(file))
        try:
            for name in names:
                experiment = geomreg.Experiment.parse(EXPERIMENTS[name])
                for pool in (near, far):
                    _measure(pool, experiment, min(seconds, 2.0))  # workers load what they need
                rates: dict[str, list[float]] = {"near": [], "far": []}
                used, chunks = 0.0, 0
                for _ in range(ROUNDS):
                    rates["near"].append(_measure(near, experiment, seconds)[0])
                    before = sum(scheduler.cpu_times()[:2])
                    rate, drawn, _ = _measure(far, experiment, seconds)
                    used += sum(scheduler.cpu_times()[:2]) - before
                    chunks += drawn
                    rates["far"].append(rate)
                one, two = statistics.median(rates["near"]), statistics.median(rates["far"])
                cost = f"{1e3 * used / chunks:.2f}" if chunks else "–"
                lines.append(f"| {name} | {one:,.0f} | {two:,.0f} | {two / max(one, 1e-9):.3f} | {cost} |")
        finally:
            far.close()
            near.close()
    return "\n".join(lines)


def _sizes(names: Sequence[str]) -> str:
    lines = [
        f"Bytes of a piece of work and of its answer; populations of {POPULATION}.",
        "",
        "| experiment | piece | there | back |",
        "|---|---|---:|---:|",
    ]
    for name in names:
        experiment = geomreg.Experiment.parse(EXPERIMENTS[name])
        for kind, (there, back) in piece_sizes(experiment, POPULATION).items():
            lines.append(f"| {name} | {kind} | {there:,} | {back:,} |")
    return "\n".join(lines)


def _many(seconds: float, names: Sequence[str], simulated: Sequence[int]) -> str:
    lines = [
        f"Simulated workers, of which each draws a chunk in {CHUNK_SECONDS:g} s; runs of {seconds:.0f} s.",
        "",
        "| experiment | workers | chunks a second | of all they could | engine, ms of processor a chunk |",
        "|---|---:|---:|---:|---:|",
    ]
    for name in names:
        experiment = geomreg.Experiment.parse(EXPERIMENTS[name])
        for workers in simulated:
            pool = SimulatedPool(workers, CHUNK_SECONDS)
            try:
                _, chunks, took = _measure(pool, experiment, seconds)
            finally:
                pool.close()
            used = 1e3 * (time.process_time() - pool.began) / max(chunks, 1)
            rate = chunks / took
            share = rate * CHUNK_SECONDS / workers
            lines.append(f"| {name} | {workers:,} | {rate:,.0f} | {share:.0%} | {used:.1f} |")
    return "\n".join(lines)


def _measure(pool: Any, experiment: geomreg.Experiment, seconds: float) -> tuple[float, int, float]:
    """Sample for a while; return networks a second, chunks that were drawn, and seconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run"
        run = TimedRun(path, pool, experiment, seconds, Pace(hurry=_DRAIN))
        run.carry_out()
        loaded = geomreg.load(path)
        samples = loaded.summary.samples
        return samples / run.drained, samples // int(loaded.experiment.chunk_size or 1), run.drained


@contextmanager
def _cluster() -> Iterator[tuple[Path, psutil.Process]]:
    """Give the file and the process of the scheduler of a cluster on loopback."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scheduler.json"
        here = ["--host", "127.0.0.1", "--no-dashboard"]
        processes = [_start("dask_scheduler", *here, "--port", "0", "--scheduler-file", str(file))]
        try:
            while not _written(file):
                time.sleep(0.05)
            alone = ["--nthreads", "1", "--no-nanny", "--local-directory", folder]
            for _ in range(WORKERS):
                processes.append(_start("dask_worker", "--scheduler-file", str(file), *here, *alone))
            yield file, psutil.Process(processes[0].pid)
        finally:
            for process in reversed(processes):
                process.send_signal(signal.SIGKILL)
                process.wait()


def _start(tool: str, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"distributed.cli.{tool}", *options]
    quiet = subprocess.DEVNULL
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=quiet, stderr=quiet, env=environment)


def _written(file: Path) -> bool:
    try:
        return bool(json.loads(file.read_text()))
    except (OSError, ValueError):
        return False
