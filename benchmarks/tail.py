"""The deep tail: what it costs to know V = 1e-50, beside other ways, and which of our kernels is best.

Seconds are processor time over the number of cores, since populations are independent and each takes one.
The cost to an error of 0.2 decades is that of a run times the variance of log10 V over 0.2**2, which is what
averaging independent runs takes; never less than one run.
"""

from __future__ import annotations

import math
import os
import statistics
import tempfile
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats

import geomreg_tui as geomreg
from benchmarks.internals import descend
from benchmarks.tail_peers import Curve, Problem, dynesty_run, linear, relu, subset_simulation

__all__ = ["table"]

DECADES = 50
WANTED = 0.2  # decades, standard error
EXAMPLES = 64
LINEAR_GOAL = math.log(stats.chi2.ppf(10.0**-DECADES, EXAMPLES) / EXAMPLES)
RELU_GOAL = -2.47 * math.log(10)  # where V is about 1e-50
RELU = {"data": "teacher", "inputs": 2, "examples": 16, "width": 64, "depth": 2}
PROTOTYPE = 1.6, 0.1  # seconds of our first one on the linear model, and its error in decades
CORES = len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Way:
    """A way down.

    Attributes:
        name: what the table calls it.
        case: ``linear`` or ``relu``.
        method: ``ours``, ``subset`` or ``dynesty``.
        population: particles or live points.
        runs: independent runs.
        seconds: limit of processor time of each.
    """

    name: str
    case: str
    method: str
    population: int
    runs: int
    seconds: float


WAYS = [
    Way("geomreg-tui", "linear", "ours", 100, 16, 60),
    Way("subset simulation", "linear", "subset", 10_000, 16, 20),
    Way("dynesty", "linear", "dynesty", 150, 2, 15),
    Way("geomreg-tui", "relu", "ours", 1_000, 8, 60),
    Way("subset simulation", "relu", "subset", 2_000, 2, 15),
    Way("dynesty", "relu", "dynesty", 150, 2, 15),
]
TITLES = {"linear": f"linear, {EXAMPLES} orthonormal inputs", "relu": "ReLU 2→64→64→1, 16 examples"}
EXACT = {"linear": -DECADES}
GOALS = {"linear": LINEAR_GOAL, "relu": RELU_GOAL}

# Each with the log10 loss to reach.
KERNEL_CASES: dict[str, tuple[dict[str, Any], float]] = {
    "linear, 16 examples, target 1": ({"linear": 16}, -0.9),
    "ReLU 2→16→16→1, 4 examples": (
        {"data": "teacher", "inputs": 2, "examples": 4, "width": 16, "depth": 2},
        -3,
    ),
    "ReLU 4→16→3, 8 examples, cross-entropy": (
        {"data": "iris", "examples": 8, "width": 16, "depth": 1, "loss": "cross_entropy"},
        -0.5,
    ),
}
KERNELS = ("pcn", "slice", "reflect", "tempered")
KERNEL_POPULATION, KERNEL_RUNS = 50, 8


def table(
    ways: Sequence[Way] = WAYS, kernel_cases: Sequence[str] = tuple(KERNEL_CASES), runs: int = KERNEL_RUNS
) -> str:
    """Return both tables in Markdown.

    Args:
        ways: which ways down.
        kernel_cases: which of :data:`KERNEL_CASES`.
        runs: of each kernel, two at least.
    """
    with ProcessPoolExecutor(CORES, get_context("spawn"), _quiet) as pool:
        return f"{_ways(pool, ways)}\n\n{_kernels(pool, kernel_cases, runs)}"


def _quiet() -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")


def _ways(pool: ProcessPoolExecutor, ways: Sequence[Way]) -> str:
    lines = [
        f"To log10 V = −{DECADES} on {CORES} cores (processor time over {CORES}); to an error of {WANTED} "
        f"decades: the cost of one run × variance / {WANTED}², and at least one run.",
        "",
        "| example | way | runs of | s a run | losses a run | log10 V, mean | error of a run (decades) "
        f"| s to ±{WANTED} | losses to ±{WANTED} |",
        "|---|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    own = ""
    for way in ways:
        curves = list(pool.map(_run, [(way, index) for index in range(way.runs)]))
        lines.append(_row(way, curves))
        if way.case == "linear" and way.method == "ours":
            own = _against_prototype(curves)
    return "\n".join([*lines, "", own])


def _row(way: Way, curves: list[Curve]) -> str:
    goal = GOALS[way.case]
    seconds = statistics.mean(curve.seconds for curve in curves) / CORES
    losses = statistics.mean(curve.evaluations for curve in curves)
    particles = "live points" if way.method == "dynesty" else "particles"
    size = f"{way.population:,} {particles}"
    head = f"| {TITLES[way.case]} | {way.name} | {size} | {seconds:,.3g} | {losses:,.0f} "
    found = [curve.at(goal) for curve in curves]
    if not all(math.isfinite(one) for one in found):
        volume = min(float(curve.log_volume[-1]) for curve in curves) / math.log(10)
        loss = min(float(curve.log_loss[-1]) for curve in curves) / math.log(10)
        return (
            f"{head}| not reached: by its own count at {volume:.1f} after the time given, at "
            f"log10 L = {loss:.2f} in place of {goal / math.log(10):.2f} | – | – | – |"
        )
    error = _error(way.case, found)
    factor = max(1.0, (error / WANTED) ** 2)
    cost = f"{seconds * factor:,.3g} | {losses * factor:,.0f}"
    own = statistics.mean(curve.own_error for curve in curves)
    shown = f"{error:.3g}" if math.isnan(own) else f"{error:.3g}; by its own account {own:.2g}"
    return f"{head}| {statistics.mean(found):.2f} | {shown} | {cost} |"


def _error(case: str, found: list[float]) -> float:
    """Return the root mean square error where V is known, else the standard deviation."""
    if case in EXACT:
        return math.sqrt(statistics.mean((one - EXACT[case]) ** 2 for one in found))
    return statistics.stdev(found)


def _against_prototype(curves: list[Curve]) -> str:
    seconds, wanted = PROTOTYPE
    error = _error("linear", [curve.at(LINEAR_GOAL) for curve in curves])
    cost = statistics.mean(curve.seconds for curve in curves) / CORES * max(1.0, (error / wanted) ** 2)
    return (
        f"The error on the linear model is the root mean square about the exact value. Our first prototype "
        f"took {seconds} s there for an error of {wanted} decades; now that takes {cost:.2g} s, "
        f"{seconds / cost:,.0f} times less."
    )


def _run(task: tuple[Way, int]) -> Curve:
    """Moves down once."""
    way, index = task
    goal = GOALS[way.case]
    if way.method == "ours":
        with tempfile.TemporaryDirectory() as folder:
            values = RELU if way.case == "relu" else _orthonormal(folder, EXAMPLES, 0.0)
            return _descend(values, goal, way.population, "auto", index)
    walk: Callable[[Problem, int, float, float, int], Curve]
    walk = subset_simulation if way.method == "subset" else dynesty_run
    return walk(_problem(way.case), way.population, goal, way.seconds, index)


def _descend(values: dict[str, Any], goal: float, population: int, kernel: str, index: int) -> Curve:
    """Walk a population of ours down to a log loss."""
    found, seconds = descend(geomreg.Experiment.parse(values), goal, population, kernel, index)
    # The end is the goal, to within the rounding of its logarithm.
    log_loss = np.where(found.log_loss < goal + 1e-9, np.minimum(found.log_loss, goal), found.log_loss)
    own = math.sqrt(found.variance[-1]) / math.log(10)
    return Curve(log_loss, found.log_volume, seconds, found.evaluations, own)


def _problem(case: str) -> Problem:
    if case == "linear":
        return linear(EXAMPLES)
    ready = geomreg.prepare(geomreg.Experiment.parse(RELU))
    return relu(ready.x, ready.targets[:, 0], 64)


def _orthonormal(folder: str, examples: int, target: float) -> dict[str, Any]:
    path = Path(folder) / "orthonormal.npz"
    np.savez(path, x=np.eye(examples), y=np.full(examples, target))
    return {"data": str(path), "examples": examples, "depth": 0, "init": "normal", "standardize": False}


def _kernels(pool: ProcessPoolExecutor, cases: Sequence[str], runs: int) -> str:
    lines = [
        "Kernels: processor seconds × variance of log10 V, per decade of V; populations of "
        f"{KERNEL_POPULATION}, {runs} runs. The one that `auto` takes is marked.",
        "",
        f"| example | log10 V | {' | '.join(KERNELS)} |",
        f"|---|---:|{'---:|' * len(KERNELS)}",
    ]
    for name in cases:
        values, goal = KERNEL_CASES[name]
        cells, volumes = [], []
        squared = values.get("loss", "mse") == "mse"
        for kernel in KERNELS:
            if kernel == "tempered" and not squared:
                cells.append("–")
                continue
            tasks = [(values, goal * math.log(10), kernel, index) for index in range(runs)]
            seconds, found = zip(*pool.map(_try_kernel, tasks), strict=True)
            volumes.append(statistics.mean(found))
            work = statistics.mean(seconds) * statistics.variance(found) / -volumes[-1]
            taken = kernel == ("tempered" if squared else "pcn")
            cells.append(f"**{work:.2g}**" if taken else f"{work:.2g}")
        lines.append(f"| {name} | {volumes[-1]:.1f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _try_kernel(task: tuple[dict[str, Any], float, str, int]) -> tuple[float, float]:
    """Return processor seconds and log10 V of one run."""
    values, goal, kernel, index = task
    with tempfile.TemporaryDirectory() as folder:
        if "linear" in values:
            values = _orthonormal(folder, values["linear"], 1.0)
        curve = _descend(values, goal, KERNEL_POPULATION, kernel, index)
    return curve.seconds, curve.at(goal)
