"""What the tail examples share: populations walked down on every core, a limit, and how a figure is kept."""

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui import Experiment
from geomreg_tui.report.drawing import figure_bytes
from geomreg_tui.sampling.sampler import Sampler
from geomreg_tui.splitting.curve import TailCurve, tail_curve
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.splitting.population import Population, tail_experiment
from geomreg_tui.splitting.result import PopulationResult
from geomreg_tui.statistics.nngp import LayerVariance, nngp_kernel
from geomreg_tui.statistics.quadratic_form import squared_error_law
from geomreg_tui.statistics.theory import weight_variance

FloatArray = NDArray[np.float64]

REPEATS = 4
POINTS = 128  # of a curve that is drawn


def tails(experiments: Sequence[Experiment], full: int, **goal: float) -> list[TailCurve]:
    """Return a curve for each experiment, from populations of ``full`` or of POPULATION for a quick look.

    Args:
        experiments: the experiments.
        full: particles of a population.
        goal: ``loss`` or ``log10_volume`` to go down to.
    """
    plan = TailPlan(population=int(float(os.environ.get("POPULATION", full))), repeats=REPEATS, **goal)
    tasks = [(experiment, plan, index) for experiment in experiments for index in range(REPEATS)]
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), get_context("fork")) as pool:
        descents = list(pool.map(_descend, tasks))
    return [tail_curve(descents[start : start + REPEATS]) for start in range(0, len(descents), REPEATS)]


def _descend(task: tuple[Experiment, TailPlan, int]) -> PopulationResult:
    experiment, plan, index = task
    descender = Population(tail_experiment(experiment), plan, index)
    while descender.advance():
        pass
    return descender.result


def infinite_width(experiment: Experiment, log10_loss: FloatArray) -> FloatArray:
    """Return log10 V of infinitely wide layers (NNGP), for squared error and layers without biases.

    Args:
        experiment: an experiment with a Gaussian init law scaled by fan.
        log10_loss: log10 of losses, (points,).
    """
    sampler = Sampler(tail_experiment(experiment))
    layers = [
        LayerVariance(weight_variance(experiment, shape) * shape.n_in, 0.0) for shape in sampler.law.shapes
    ]
    kernel = nngp_kernel(sampler.x.numpy(), experiment.activation, layers)
    law = squared_error_law(kernel, sampler.objective.targets)
    return np.asarray(law.log_cdf(10.0**log10_loss)) / np.log(10)


def draw(axes: Any, curve: TailCurve, label: str, colour: Any) -> None:
    """Draw V against loss with a band of two standard errors."""
    some = slice(None, None, -max(1, curve.log10_loss.size // POINTS))  # the deepest point is one of them
    loss, volume, std = curve.log10_loss[some], curve.log10_volume[some], curve.std[some]
    axes.fill_between(loss, volume - 2 * std, volume + 2 * std, color=colour, alpha=0.2, lw=0)
    axes.plot(loss, volume, color=colour, label=label)
    axes.set_xlabel(r"$\log_{10}\,\varepsilon$  ($\varepsilon$ in units of the loss)")
    axes.set_ylabel(r"$\log_{10} V(\varepsilon)$  (share with $L \leq \varepsilon$)")


def keep(figure: Any, name: str) -> None:
    """Write a figure into FIGURES, by default the current folder."""
    path = Path(os.environ.get("FIGURES", ".")) / f"{name}.svg"
    path.write_bytes(figure_bytes(figure, "svg"))
    print(f"Figure: {path}")
