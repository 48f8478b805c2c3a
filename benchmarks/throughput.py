"""Networks per second by the fused kernel and by torch, each by its best sampler, beside two loops of a user.

Each way runs in as many processes as there are cores, one thread each, and the summed rate is taken: the
best of two rounds, the ways of a row one after the other in each. Rates are of this machine; the
ratios carry over.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

import geomreg_tui as geomreg
from benchmarks.peers import Case, module_loop, vmap_ensemble

__all__ = ["table"]

ROUNDS = 2
CASES = [
    Case(inputs, width, depth, examples)
    for inputs, depth, width, examples in itertools.product((2, 784), (1, 3), (64, 256, 1024), (1, 16, 64))
]


def ours(case: Case, backend: str, device: str = "cpu") -> tuple[Callable[[], int], str]:
    """Return a function that draws a chunk, histogram included, and the sampler that was chosen."""
    x, y = case.data()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.npz"
        np.savez(path, x=x.numpy(), y=y.numpy()[:, 0])
        values = {
            "data": str(path),
            "examples": case.examples,
            "standardize": False,
            "width": case.width,
            "depth": case.depth,
            "backend": backend,
        }
        experiment = geomreg.prepare(geomreg.Experiment.parse(values), device).facts.experiment
        geomreg.run_chunk(experiment, 0, 1, device=device)  # the data are read here for good
    chunks = itertools.count()
    part = max(int(experiment.batch_size or 1), int(experiment.chunk_size or 1) // 4)

    def draw() -> int:
        return geomreg.run_chunk(experiment, next(chunks), part, device=device).summary.samples

    return draw, str(experiment.sampler)


def rate(draw: Callable[[], int], seconds: float) -> float:
    """Return networks per second over at least ``seconds``, after one call to warm up."""
    draw()
    drawn, begun = 0, time.perf_counter()
    while (spent := time.perf_counter() - begun) < seconds:
        drawn += draw()
    return drawn / spent


def _work(case: Case, way: str, seconds: float, barrier: object, answers: object) -> None:
    torch.set_num_threads(1)
    sampler = ""
    if way in ("torch", "fused", "auto"):
        draw, sampler = ours(case, way)
    else:
        draw = {"loop": module_loop, "vmap": vmap_ensemble}[way](case)
    draw()
    barrier.wait()  # type: ignore[attr-defined]
    answers.put((rate(draw, seconds), sampler))  # type: ignore[attr-defined]


def measure(case: Case, way: str, seconds: float) -> tuple[float, str]:
    """Return the summed rate of one process for each core, and the sampler chosen."""
    context = multiprocessing.get_context("fork")
    cores = len(os.sched_getaffinity(0))
    barrier, answers = context.Barrier(cores), context.Queue()
    processes = [
        context.Process(target=_work, args=(case, way, seconds, barrier, answers)) for _ in range(cores)
    ]
    for process in processes:
        process.start()
    found = [answers.get() for _ in processes]
    for process in processes:
        process.join()
    return sum(value for value, _ in found), found[0][1]


def table(seconds: float, cases: Sequence[Case] = CASES, rounds: int = ROUNDS) -> str:
    """Return the comparison as a Markdown table.

    Args:
        seconds: time for each figure.
        cases: which networks.
        rounds: of which the best counts.

    Raises:
        ExperimentError: if this installation was built without the fused kernel.
    """
    geomreg.prepare(geomreg.Experiment.parse({"data": "digits", "width": 8, "backend": "fused"}))
    lines = [
        "| inputs | hidden layers | width | N | sampler | module loop /s | vmap /s | torch /s | fused /s "
        "| × loop | × vmap | × torch |",
        "|---:|---:|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for case in cases:
        best, sampler = {"loop": 0.0, "vmap": 0.0, "torch": 0.0, "fused": 0.0}, ""
        for way in rounds * list(best):
            found, chosen = measure(case, way, seconds)
            best[way], sampler = max(best[way], found), chosen or sampler
        lines.append(
            f"| {case.inputs} | {case.depth} | {case.width} | {case.examples} | {sampler} | "
            + " | ".join(f"{value:,.0f}" for value in best.values())
            + " | "
            + " | ".join(f"{best['fused'] / best[way]:,.1f}" for way in ("loop", "vmap", "torch"))
            + " |"
        )
    return "\n".join(lines)
