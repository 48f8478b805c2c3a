"""Runs of multilevel splitting for the tests, and exact volumes by mpmath to judge them by."""

import math
from dataclasses import dataclass

import mpmath
import numpy as np
import torch

from geomreg_tui.experiment import Experiment
from geomreg_tui.sampling.sampler import Sampler
from geomreg_tui.splitting import multilevel as splitting
from geomreg_tui.splitting import tempering
from geomreg_tui.splitting.goal import Goal
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.splitting.population import Population, tail_experiment
from geomreg_tui.splitting.result import PopulationResult
from geomreg_tui.splitting.spaces import ReducedSpace, build_space
from tests import seeds

LN10 = math.log(10)


@dataclass(frozen=True)
class Walked:
    """A population at its end, with its curve from the top down."""

    population: object
    log_loss: np.ndarray
    log_volume: np.ndarray
    variance: np.ndarray
    result: PopulationResult

    def at(self, log_loss, *, above_floor=False):
        """Return log V and its standard error at losses, or losses above the floor, by interpolation."""
        logs = self.result.log_excess if above_floor else self.log_loss
        order = np.argsort(logs, kind="stable")
        x = logs[order]
        volume = np.interp(log_loss, x, self.log_volume[order], left=np.nan)
        return volume, np.sqrt(np.interp(log_loss, x, self.variance[order]))


def space_of(values, *, weights=False):
    """Return the space of an experiment; ``weights``: that of its weights."""
    experiment = tail_experiment(Experiment.parse({**values, **({"sampler": "direct"} if weights else {})}))
    return build_space(Sampler(experiment))


def walk(space, goal, *, population=500, seed=0, index=0, kernel=None):
    """Walk a population down to a goal."""
    seed = seeds.seed(seed)
    torch.set_num_threads(1)
    tempered = kernel == "tempered" or (kernel is None and isinstance(space, ReducedSpace) and space.squared)
    way = tempering if tempered else splitting
    more = () if tempered else (kernel or "pcn",)
    state, descent = way.init(space, population, seed, index), PopulationResult.empty()
    while state.status is None:
        state, record = way.step(space, state, goal, seed, *more)
        descent = descent.extended(**vars(record))
    return Walked(state, descent.log_loss, descent.log_volume, descent.variance, descent)


def descend(values, index=0, **plan):
    """Walk a population down as the engine does; return its descent."""
    values = {"seed": seeds.seed(0), **values}
    descender = Population(tail_experiment(Experiment.parse(values)), TailPlan(**plan), index)
    while descender.advance():
        pass
    return descender.result


def orthonormal(folder, examples, target, inputs=None):
    """Write orthonormal examples with equal targets; return the experiment of a linear model on them."""
    path = folder / f"orthonormal-{examples}-{target}-{inputs}.npz"
    np.savez(path, x=np.eye(inputs or examples)[:examples], y=np.full(examples, float(target)))
    return {
        "data": str(path),
        "examples": examples,
        "depth": 0,
        "init": "normal",
        "standardize": False,
        "loss": "mse",
    }


def log_chi_square(examples, target, log_loss):
    """Return log P(L <= eps) with N L ~ non-central chi-square(N, N y**2), the series in mpmath."""
    with mpmath.workdps(40):
        half = examples * mpmath.e ** mpmath.mpf(log_loss) / 2
        mean = mpmath.mpf(examples) * mpmath.mpf(target) ** 2 / 2
        total, weight, j = mpmath.mpf(0), mpmath.e**-mean, 0
        while True:
            term = weight * mpmath.gammainc(mpmath.mpf(examples) / 2 + j, 0, half, regularized=True)
            total += term
            j += 1
            weight *= mean / j
            if j > mean and term < total * mpmath.mpf(10) ** -30:
                return float(mpmath.log(total))


def loss_of_volume(log_volume_of, log_volume, high=5.0):
    """Return the log loss at which an increasing function takes a value, by bisection."""
    low = -1400.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if log_volume_of(middle) < log_volume else (low, middle)
    return (low + high) / 2


__all__ = [
    "LN10",
    "Goal",
    "descend",
    "log_chi_square",
    "loss_of_volume",
    "orthonormal",
    "space_of",
    "walk",
]
