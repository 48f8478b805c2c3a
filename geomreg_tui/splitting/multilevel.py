"""Adaptive multilevel splitting: the volume fraction of losses that plain sampling never meets.

A population of n networks is a fair sample of {L <= level}, from level infinity down:

1. Keep the share ``KEPT`` of lowest losses: the lowest loss that is not kept is the next level, and V falls
   by that share. Losses that differ by rounding only are ties. Ties are ordered by an auxiliary uniform
   number, so plateaus, atoms and lattices of losses are passed through.
2. Copy the kept ones until the population is full again.
3. Move all by a kernel that leaves the restricted law invariant (see
   :mod:`~geomreg_tui.splitting.kernels`), until they have forgotten where they were copied.

Losses are counted from the floor that no network can be without (:mod:`~geomreg_tui.splitting.reach`).

Sources: subset simulation (Au and Beck 2001), multilevel splitting (Cerou et al. 2012).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geomreg_tui.sampling.rng import level_generator
from geomreg_tui.splitting.excess import log_difference
from geomreg_tui.splitting.genealogy import Genealogy
from geomreg_tui.splitting.goal import Goal, Record
from geomreg_tui.splitting.kernels import (
    FIRST_SCALE,
    CrankNicolson,
    EllipticalSlice,
    Level,
    Moves,
    Particles,
    Reflective,
    forget,
)
from geomreg_tui.splitting.latent import Latent
from geomreg_tui.splitting.resolution import log_resolution
from geomreg_tui.splitting.spaces import Space

__all__ = ["KERNELS", "Population", "init", "sample", "step"]

KERNELS: dict[str, type[Moves]] = {
    "pcn": CrankNicolson,
    "slice": EllipticalSlice,
    "reflect": Reflective,
}
KEPT = 0.5
POINTS = 8  # of the curve, to a level
_MOST_SWEEPS = 20
_PLATEAU = 64  # levels spent on one loss before it is called a plateau
_SMALLEST_LOG = -680.0  # natural logarithm of losses that underflow soon
_SURE = 4.0  # standard errors
_Blur = Callable[[float], float]  # as Space.blur

_NUMBERS = (
    "index",
    "level",
    "log_volume",
    "scale",
    "sweeps",
    "acceptance",
    "evaluations",
    "plateau",
    "status",
)


@dataclass(frozen=True)
class Population:
    """A population on its way down, and all that its next level depends on.

    Attributes:
        index: which of several independent populations.
        level: how many levels it has gone down.
        bound: the level.
        log_volume: natural logarithm of V at the level.
        log_least: natural logarithm of the smallest loss above the floor that was met.
        particles: a fair sample of what is below the level.
        genealogy: who descends from whom.
        scale: step size of the kernel.
        sweeps: sweeps of the last level.
        acceptance: share accepted in the last sweep.
        evaluations: losses computed so far.
        plateau: levels spent on the present loss.
        status: why the population ended, or None.
    """

    index: int
    level: int
    bound: Level
    log_volume: float
    log_least: float
    particles: Particles
    genealogy: Genealogy
    scale: float
    sweeps: int
    acceptance: float
    evaluations: int
    plateau: int
    status: str | None

    def to_parts(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Return plain data and named tensors from which :meth:`from_parts` restores the population."""
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        numbers["bound"] = [str(number) for number in self.bound]
        numbers["log_least"] = str(self.log_least)
        numbers["settled"] = self.genealogy.settled
        return numbers, {**self.particles._asdict(), "lineage": self.genealogy.lineage}

    @classmethod
    def from_parts(cls, values: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Population:
        """Restore a population.

        Raises:
            LookupError, TypeError, ValueError: if entries are missing or of the wrong kind.
        """
        particles = Particles(*(tensors[name] for name in Particles._fields))
        if any(len(part) != len(particles.tie) for part in particles):
            raise ValueError("particles of different numbers")
        return cls(
            index=int(values["index"]),
            level=int(values["level"]),
            bound=Level(*(float(number) for number in values["bound"])),
            log_volume=float(values["log_volume"]),
            log_least=float(values["log_least"]),
            particles=particles,
            genealogy=Genealogy(tensors["lineage"], float(values["settled"])),
            scale=float(values["scale"]),
            sweeps=int(values["sweeps"]),
            acceptance=float(values["acceptance"]),
            evaluations=int(values["evaluations"]),
            plateau=int(values["plateau"]),
            status=None if values["status"] is None else str(values["status"]),
        )


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
        log_excess = space.log_excess(latent)
        tie = torch.rand(count, dtype=torch.float64, device=log_excess.device, generator=generator)
        particles = Particles(*latent, log_excess, tie)
    return Population(
        index=index,
        level=0,
        bound=Level(math.inf, math.inf, math.inf, 1.0),
        log_volume=0.0,
        log_least=math.inf,
        particles=particles,
        genealogy=Genealogy.begin(count, log_excess.device),
        scale=FIRST_SCALE,
        sweeps=0,
        acceptance=0.0,
        evaluations=count,
        plateau=0,
        status=None,
    )


def step(
    space: Space, population: Population, goal: Goal, seed: int, kernel: str
) -> tuple[Population, Record]:
    """Move one level down.

    The same arguments give the same bits.

    Returns:
        The population there, or where it was with a ``status`` if this was the end; and what the level
        showed.
    """
    count = len(population.particles.tie)
    kept = int(count * KEPT)
    log_excess, order, bound = _next_level(space, population, kept)
    least = min(population.log_least, float(log_excess[0]))
    least = bound.log_excess if bound.low <= least <= bound.high else least
    population = replace(population, log_least=least)
    end = _end(space, population, goal, float(log_excess[kept - 1]))
    record = _record(space, population, log_excess, to_the_lowest=end is not None)
    if end:
        return replace(population, status=end), record
    parents = order[:kept].repeat(-(-count // kept))[:count]
    generator = level_generator(seed, population.index, population.level + 1, space.sampler.device)
    with torch.inference_mode():
        particles = population.particles.take(parents)
        moves = KERNELS[kernel](space, particles, bound, population.scale, generator)
        sweeps = forget(_places(moves.particles), lambda: _swept(moves), _MOST_SWEEPS)
    below = replace(
        population,
        level=population.level + 1,
        bound=bound,
        log_volume=population.log_volume + math.log(kept / count),
        particles=moves.particles,
        genealogy=population.genealogy.descend(parents),
        scale=moves.scale,
        sweeps=sweeps,
        acceptance=moves.acceptance,
        evaluations=population.evaluations + moves.evaluations,
        plateau=population.plateau + 1 if bound[:3] == population.bound[:3] else 0,
    )
    return below, record


def sample(population: Population, log_excess: float) -> Latent | None:
    """Return a fair sample of the networks of at most a loss above the smallest that was met.

    None where fewer than half of the population are.
    """
    least = min(population.log_least, float(population.particles.log_excess.min()))
    low = population.particles.log_excess <= np.logaddexp(log_excess, least)
    return population.particles.take(low).latent if float(low.double().mean()) >= KEPT else None


def _next_level(space: Space, population: Population, kept: int) -> tuple[NDArray[np.float64], Tensor, Level]:
    """Return losses above the floor in order, the order of the particles, and the level that keeps some.

    Levels lie one inside the other: a loss within rounding of that of the last level is of that level still.
    """
    particles = population.particles
    middle = float(particles.log_excess.sort().values[kept])
    blur, above = space.blur(middle), population.bound
    if middle >= above.low:
        bound = above
    else:
        high = min(middle + blur, math.nextafter(above.low, -math.inf))
        bound = Level(middle, middle - blur, high, 0.0)
    tied = bound.ties(particles.log_excess)
    snapped = torch.where(tied, bound.log_excess, particles.log_excess)
    order = _order(snapped, particles.tie)
    bound = bound._replace(tie=float(particles.tie[order[kept]]))
    return snapped[order].cpu().numpy(), order, bound


def _order(log_excess: Tensor, tie: Tensor) -> Tensor:
    """Return indices of particles, lowest first."""
    by_tie = tie.argsort()
    return by_tie[log_excess[by_tie].argsort(stable=True)]


def _swept(moves: Moves) -> Tensor:
    """Move all particles once; return their places."""
    moves.sweep()
    return _places(moves.particles)


def _places(particles: Particles) -> Tensor:
    """Return the place of each particle, the lowest first, float64."""
    return _order(particles.log_excess, particles.tie).argsort().double()


def _end(space: Space, population: Population, goal: Goal, lower: float) -> str | None:
    """Return why the population ends here, or None.

    Args:
        space: where the population is.
        population: the population.
        goal: where it should end.
        lower: the loss that the kept share is below.
    """
    if lower == -math.inf:
        return "floor" if space.reach.floor else "zero loss"
    if lower <= goal.log_excess(_log(space.reach.floor)):
        return "loss reached"
    if population.log_volume <= goal.log_volume:
        return "volume reached"
    if population.level >= goal.levels:
        return "level limit"
    if space.discrete and population.log_volume < _fewest(space, population):
        return "floor"
    if population.plateau >= _PLATEAU:
        return "plateau"
    if population.level and population.acceptance == 0:
        return "plateau" if population.plateau else "no move accepted"
    if lower < _resolution(space, population, lower):
        return "resolution"
    return None


def _fewest(space: Space, population: Population) -> float:
    """Return the natural logarithm of a V that is too small for a single one of finitely many networks."""
    return -space.signs * math.log(2) - _SURE * math.sqrt(population.genealogy.variance) - math.log(2)


def _resolution(space: Space, population: Population, lower: float) -> float:
    """Return the natural logarithm of the loss above the floor below which rounding shows.

    Args:
        space: where the population is.
        population: the population.
        lower: natural logarithm of a loss that it has come to.
    """
    if space.discrete:
        return -math.inf
    generator = level_generator(0, population.index, population.level + 1, space.sampler.device)
    found = log_resolution(space, population.particles.latent, lower, generator)
    return _SMALLEST_LOG if found is None else found


def _record(
    space: Space, population: Population, log_excess: NDArray[np.float64], *, to_the_lowest: bool
) -> Record:
    """Return points of the curve between a level and the next, or the lowest particle, evenly in log V."""
    count = len(log_excess)
    steps = np.arange(POINTS) / POINTS * math.log(KEPT)
    ranks = np.unique(np.maximum((count * np.exp(steps)).astype(np.int64), 1))[::-1]
    if to_the_lowest:
        fewer = count * KEPT ** np.arange(1, math.log2(count) + 1, 1 / POINTS)
        ranks = np.unique(np.concatenate([ranks, np.maximum(fewer.astype(np.int64), 1)]))[::-1]
    blur = cache(space.blur)
    losses, ranks = _with_steps(blur, log_excess, ranks, 1 if to_the_lowest else int(count * KEPT))
    share, floor = ranks / count, _log(space.reach.floor)
    certain = space.reach.attained and space.reach.floor > 0
    counted = losses
    if not certain:
        counted = log_difference(losses, population.log_least)
        floor = float(np.logaddexp(floor, population.log_least))
    return Record(
        log_excess=counted,
        log_volume=population.log_volume + np.log(share),
        variance=population.genealogy.variance + (1 - share) / ranks,
        log_floor=floor,
        certain=certain,
        rounding=_rounding(blur, losses, counted),
    )


def _rounding(blur: _Blur, losses: NDArray[np.float64], counted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by how much rounding can move logarithms of losses that are counted from the smallest met."""
    moved = np.array([blur(loss) for loss in losses.tolist()])
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.nan_to_num(moved * np.exp(losses - counted)), np.float64)


def _with_steps(
    blur: _Blur, log_excess: NDArray[np.float64], ranks: NDArray[np.int64], least: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return losses and ranks of points of the curve, decreasing; of ties both ends of the step.

    Args:
        blur: of a loss.
        log_excess: losses of the population, increasing.
        ranks: ranks of the points that are wanted at least.
        least: the lowest rank that is shown; the next level shows better what is below.
    """
    points = set()
    for rank, loss in zip(ranks.tolist(), log_excess[ranks - 1].tolist(), strict=True):
        first, last = _ties(blur, log_excess, loss)
        if last - first > 1:
            loss = float(log_excess[last - 1])
            points |= {(loss, last), (loss, max(first, least))}
        points.add((loss, rank))
    if least > 1:
        # The next level is the lowest loss that is not kept. Where it lies within a step, the networks above
        # it are of that step too, and only this level has them.
        first, last = _ties(blur, log_excess, float(log_excess[least]))
        if last - first > 1:
            points.add((float(log_excess[last - 1]), last))
    ordered = sorted(points, reverse=True)
    return np.array([loss for loss, _ in ordered]), np.array([rank for _, rank in ordered])


def _ties(blur: _Blur, log_excess: NDArray[np.float64], loss: float) -> tuple[int, int]:
    """Return between which places losses, increasing, are a loss to within rounding."""
    width = blur(loss)
    first = int(np.searchsorted(log_excess, loss - width, side="left"))
    return first, int(np.searchsorted(log_excess, loss + width, side="right"))


def _log(number: float) -> float:
    """Return the natural logarithm of a number, -inf for 0."""
    return math.log(number) if number > 0 else -math.inf
