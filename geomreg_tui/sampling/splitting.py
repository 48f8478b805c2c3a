"""Adaptive multilevel splitting: the volume fraction of losses that plain sampling never meets.

A population of n networks is a fair sample of {L <= level}, from level infinity down:

1. Keep the share ``KEPT`` of lowest losses: the lowest loss that is not kept is the next level, and V falls
   by that share. Points of equal loss are ordered by an auxiliary uniform number, so ties and atoms are
   passed through. Where residuals can be shrunk instead, a step goes further and scatters less (see
   :mod:`~geomreg_tui.sampling.contraction`).
2. Copy the kept ones until the population is full again.
3. Move all by a kernel that leaves the restricted law invariant (see
   :mod:`~geomreg_tui.sampling.kernels`), until they have forgotten where they were copied.

Sources: subset simulation (Au and Beck 2001), multilevel splitting (Cerou et al. 2012).

The variance within a run follows the genealogy (Chan and Lai 2013; Lee and Whiteley 2018) with the fixed
lag of Olsson and Douc (2019): if copies stay alike, the numbers of descendants that particles have ``LAG``
levels on scatter more than those of independent particles, and the variance of log V is the sum over levels
of what each adds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geomreg_tui.sampling.contraction import Contraction, contraction, shrink
from geomreg_tui.sampling.kernels import (
    CrankNicolson,
    EllipticalSlice,
    Level,
    Particles,
    Reflective,
    Walk,
)
from geomreg_tui.sampling.readout import Readout
from geomreg_tui.sampling.rng import level_generator
from geomreg_tui.sampling.spaces import ReducedSpace, Space

__all__ = ["KERNELS", "Goal", "Population", "Record", "choose_kernel", "init", "step"]

KERNELS: dict[str, type[Walk]] = {
    "pcn": CrankNicolson,
    "slice": EllipticalSlice,
    "reflect": Reflective,
    "readout": Readout,
}
KEPT = 0.5
LAG = 32
POINTS = 8  # of the curve, to a level
_FORGOTTEN = 0.1  # correlation with where particles were copied, below which they are moved enough
_LEAST_SWEEPS, _MOST_SWEEPS = 3, 20
_PLATEAU = 64  # levels spent on one loss before it is called a plateau
_FLOOR = 1e3 * 2.0**-52  # of a residual, relative to targets, where it is not carried along
_SMALLEST_LOG = -680.0  # natural logarithm of losses that underflow soon
_SMALLEST_RESIDUAL = -1390.0  # natural logarithm of mean squares whose residuals underflow soon
_CONTRACTION_POINTS = 64


@dataclass(frozen=True)
class Goal:
    """Where a descent ends.

    Attributes:
        log_loss: natural logarithm of the loss to reach.
        log_volume: natural logarithm of the volume fraction to reach.
        levels: most levels.
    """

    log_loss: float = -math.inf
    log_volume: float = -math.inf
    levels: int = 10_000


@dataclass(frozen=True)
class Record:
    """What a level showed: points of the curve from it down to the next.

    Attributes:
        log_loss: natural logarithms of losses, decreasing, (points,).
        log_volume: natural logarithm of V at each, (points,).
        variance: variance of each log V, from within the run, (points,).
    """

    log_loss: NDArray[np.float64]
    log_volume: NDArray[np.float64]
    variance: NDArray[np.float64]


@dataclass(frozen=True)
class Population:
    """A population on its way down, and all that its next level depends on.

    Attributes:
        index: which of several independent populations.
        level: levels walked so far.
        bound: the level.
        log_volume: natural logarithm of V at the level.
        particles: a fair sample of what is below the level.
        lineage: row l holds each particle's ancestor l levels ago, (up to LAG + 1, n).
        settled: variance of log V from levels beyond the lag.
        variance: variance of log V at the level.
        scale: step sizes of the kernel.
        sweeps: sweeps of the last level.
        acceptance: by kind of move, share accepted in the last sweep.
        evaluations: losses computed so far.
        plateau: levels spent on the present loss.
        status: why the descent ended, or None.
    """

    index: int
    level: int
    bound: Level
    log_volume: float
    particles: Particles
    lineage: Tensor
    settled: float
    variance: float
    scale: dict[str, float]
    sweeps: int
    acceptance: dict[str, float]
    evaluations: int
    plateau: int
    status: str | None


def choose_kernel(space: Space) -> str:
    """Return the name of the kernel that measures best in a space (see ``benchmarks/tail.py``)."""
    if isinstance(space, ReducedSpace) and (space.squared or space.invertible):
        return "readout"
    return "pcn"


def init(space: Space, count: int, seed: int, index: int = 0) -> Population:
    """Draw a population at random.

    Args:
        space: where it lives.
        count: particles.
        seed: seed of the experiment.
        index: which of several independent populations.
    """
    generator = level_generator(seed, index, 0, space.sampler.device)
    with torch.inference_mode():
        latent = space.draw(count, generator)
        residuals = space.residuals(latent)
        tie = torch.rand(count, dtype=torch.float64, device=residuals.device, generator=generator)
        particles = Particles(*latent, residuals, space.log_loss(residuals), tie)
    lineage = torch.arange(count, device=residuals.device).unsqueeze(0)
    return Population(
        index=index,
        level=0,
        bound=Level(math.inf, 1.0),
        log_volume=0.0,
        particles=particles,
        lineage=lineage,
        settled=0.0,
        variance=0.0,
        scale={},
        sweeps=0,
        acceptance={},
        evaluations=count,
        plateau=0,
        status=None,
    )


def step(
    space: Space, population: Population, goal: Goal, seed: int, kernel: str
) -> tuple[Population, Record]:
    """Walk one level down.

    The same arguments give the same bits.

    Returns:
        The population there, or where it was with a ``status`` if this was the end; and what the level
        showed.
    """
    with torch.inference_mode():
        if kernel == "readout" and isinstance(space, ReducedSpace):
            shrinking = _shrinking(space, population)
            if shrinking is not None:
                return _contract(space, population, goal, seed, shrinking)
        return _split(space, population, goal, seed, kernel)


def _split(
    space: Space, population: Population, goal: Goal, seed: int, kernel: str
) -> tuple[Population, Record]:
    """Keep the lowest losses."""
    count = len(population.particles.tie)
    order = _order(population.particles)
    log_loss = population.particles.log_loss[order].cpu().numpy()
    kept = int(count * KEPT)
    end = _end(space, population, goal, log_loss[kept - 1], kernel)
    record = _record(population, log_loss, count if end else kept)
    if end:
        return replace(population, status=end), record
    first_out = order[kept]
    bound = Level(float(population.particles.log_loss[first_out]), float(population.particles.tie[first_out]))
    parents = order[:kept].repeat(-(-count // kept))[:count]
    generator = level_generator(seed, population.index, population.level + 1, space.sampler.device)
    particles = population.particles.take(parents)
    change = math.log(kept / count)
    return _moved(space, population, particles, parents, bound, change, generator, kernel), record


def _contract(
    space: ReducedSpace, population: Population, goal: Goal, seed: int, shrinking: Contraction
) -> tuple[Population, Record]:
    """Shrink all residuals."""
    count = len(population.particles.tie)
    furthest = max(
        (goal.log_loss - population.bound.log_loss) / 2,
        shrinking.to_volume(goal.log_volume - population.log_volume),
        (_SMALLEST_RESIDUAL - population.bound.log_loss) / 2,
    )
    log_s = shrinking.longest(1 / KEPT - 1)
    end = None
    if log_s <= furthest:
        log_s = min(furthest, 0.0)
        end = _reached(goal, population.bound.log_loss + 2 * log_s)
    elif population.level >= goal.levels:
        end = "level limit"
    record = _contraction_record(population, shrinking, log_s)
    if end:
        return replace(population, status=end), record
    generator = level_generator(seed, population.index, population.level + 1, space.sampler.device)
    weights = shrinking.log_weights(log_s).softmax(dim=0)
    # Systematic resampling: the number of copies is the weight, rounded up or down at random.
    steps = torch.arange(count, dtype=torch.float64, device=weights.device)
    place = torch.rand(1, dtype=torch.float64, device=weights.device, generator=generator)
    parents = torch.searchsorted(weights.cumsum(dim=0), (steps + place) / count).clamp_max(count - 1)
    particles = shrink(space, population.particles.take(parents), log_s)
    bound = Level(population.bound.log_loss + 2 * log_s, 1.0)
    change = shrinking.log_mean(log_s)
    return _moved(space, population, particles, parents, bound, change, generator, "readout"), record


def _moved(
    space: Space,
    population: Population,
    particles: Particles,
    parents: Tensor,
    bound: Level,
    change: float,
    generator: torch.Generator,
    kernel: str,
) -> Population:
    """Return the population at a new level, its particles moved until they have forgotten their parents."""
    count = len(parents)
    walk = KERNELS[kernel](space, particles, bound, population.scale, generator)
    sweeps = _forget(walk)
    own = torch.arange(count, device=parents.device).unsqueeze(0)
    lineage = torch.cat([own, population.lineage[:, parents]])
    settled = population.settled
    if len(lineage) > LAG + 1:
        settled += (_scatter(lineage[-1]) - _scatter(lineage[-2])) / count
        lineage = lineage[:-1]
    same = bound.log_loss == population.bound.log_loss
    return replace(
        population,
        level=population.level + 1,
        bound=bound,
        log_volume=population.log_volume + change,
        particles=walk.particles,
        lineage=lineage,
        settled=settled,
        variance=settled + _scatter(lineage[-1]) / count,
        scale=walk.scale,
        sweeps=sweeps,
        acceptance=walk.acceptance,
        evaluations=population.evaluations + walk.evaluations,
        plateau=population.plateau + 1 if same else 0,
    )


def _shrinking(space: ReducedSpace, population: Population) -> Contraction | None:
    """Return the weights of a contraction where one is exact and goes further than splitting would."""
    if not space.squared or not math.isfinite(population.bound.log_loss):
        return None
    if space.hidden and not space.targets.any():
        return None  # with all targets 0 the lowest losses are those of networks that have nearly died
    found = contraction(space, population.particles)
    if found is None or found.log_mean(found.longest(1 / KEPT - 1)) > math.log(KEPT):
        return None
    return found


def _order(particles: Particles) -> Tensor:
    """Return indices of the particles, lowest first."""
    by_tie = particles.tie.argsort()
    return by_tie[particles.log_loss[by_tie].argsort(stable=True)]


def _forget(walk: Walk) -> int:
    """Sweep until the ranks of losses do not tell where particles were copied; return how many sweeps."""
    start = _marks(walk)
    for sweep in range(1, _MOST_SWEEPS + 1):
        walk.sweep()
        if sweep >= _LEAST_SWEEPS and max(_correlations(start, _marks(walk))) < _FORGOTTEN:
            return sweep
    return _MOST_SWEEPS


def _marks(walk: Walk) -> list[Tensor]:
    """Return by what a particle is recognised: the rank of its loss, and of what the kernel adds."""
    orders = [_order(walk.particles), *(mark.argsort(stable=True) for mark in walk.marks())]
    return [order.argsort().double() for order in orders]


def _correlations(before: list[Tensor], after: list[Tensor]) -> list[float]:
    return [
        float(torch.corrcoef(torch.stack([one, other]))[0, 1])
        for one, other in zip(before, after, strict=True)
    ]


def _scatter(ancestors: Tensor) -> float:
    """Return the variance of the number of descendants, in units of its mean squared."""
    children = torch.bincount(ancestors, minlength=len(ancestors)).double()
    return float(children.square().mean() - 1)


def _reached(goal: Goal, log_loss: float) -> str:
    """Return why a contraction to a loss is the last."""
    if log_loss <= goal.log_loss:
        return "loss reached"
    return "resolution" if log_loss <= _SMALLEST_RESIDUAL else "volume reached"


def _end(space: Space, population: Population, goal: Goal, lower: float, kernel: str) -> str | None:
    """Return why the descent ends here, or None.

    Args:
        space: where the population is.
        population: the population.
        goal: where it should end.
        lower: the loss that the kept share is below.
        kernel: name of the kernel.
    """
    if lower <= goal.log_loss:
        return "loss reached"
    if lower == -math.inf:
        return "zero loss"
    if population.log_volume <= goal.log_volume:
        return "volume reached"
    if population.level >= goal.levels:
        return "level limit"
    if population.plateau >= _PLATEAU:
        return "plateau"
    if population.level and max(population.acceptance.values()) == 0:
        return "no move accepted"
    if lower < _floor(space, kernel):
        return "resolution"
    return None


def _floor(space: Space, kernel: str) -> float:
    """Return the natural logarithm of the loss below which rounding shows."""
    null = space.sampler.facts.null_loss
    if kernel == "readout" and space.squared:
        return _SMALLEST_RESIDUAL
    if space.sampler.facts.experiment.loss in ("mse", "huber"):
        return 2 * math.log(_FLOOR) + math.log(null) if null else -math.inf
    if space.sampler.facts.experiment.loss == "mae":
        return math.log(_FLOOR) + math.log(null) if null else -math.inf
    return _SMALLEST_LOG


def _record(population: Population, log_loss: NDArray[np.float64], lowest: int) -> Record:
    """Return points of the curve between a level and the next, evenly in log V."""
    count = len(log_loss)
    steps = np.arange(POINTS) / POINTS * math.log(KEPT)
    ranks = np.unique(np.maximum((count * np.exp(steps)).astype(np.int64), 1))[::-1]
    if lowest == count:
        fewer = count * KEPT ** np.arange(1, math.log2(count) + 1, 1 / POINTS)
        ranks = np.unique(np.concatenate([ranks, np.maximum(fewer.astype(np.int64), 1)]))[::-1]
    share = ranks / count
    return Record(
        log_loss[ranks - 1],
        population.log_volume + np.log(share),
        population.variance + (1 - share) / ranks,
    )


def _contraction_record(population: Population, shrinking: Contraction, log_s: float) -> Record:
    """Return points of the curve between a level and the next, denser at the top, where it bends."""
    steps = log_s * np.linspace(0, 1, _CONTRACTION_POINTS) ** 2
    count = len(population.particles.tie)
    return Record(
        population.bound.log_loss + 2 * steps,
        population.log_volume + np.array([shrinking.log_mean(step) for step in steps]),
        population.variance + np.array([shrinking.scatter(step) for step in steps]) / count,
    )
