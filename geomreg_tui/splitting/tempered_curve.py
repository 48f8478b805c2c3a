"""The curve V(eps) near a tempered population; :mod:`~geomreg_tui.splitting.tempering` has the formulas."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from geomreg_tui.splitting.goal import FLAT_FLOOR, Goal, Record
from geomreg_tui.splitting.latent import Latent
from geomreg_tui.splitting.spaces import ReducedSpace
from geomreg_tui.splitting.spectrum import Spectrum, spectrum_of, spread_over

if TYPE_CHECKING:
    from geomreg_tui.splitting.tempering import Tempered

__all__ = ["TemperedCurve"]

_DRAWS = 8  # of residuals, for each particle
_POINTS = 13  # of the curve, to a level, at first
_REFINEMENTS = 6
_FLAT = 1e-3  # of log V, above a plateau where the curve may end
_SCATTER = 0.1  # of weights that a step allows: nine tenths of the effective sample are kept
_BEND = 0.4  # of the curve between three points, in standard errors
_LOWEST = -12_000.0  # of log tau
_STEPS = 15  # of log tau in the range of sizes that particles are spread over
_STRIDE = 2.0  # of log tau, at most, there
_SHORTEST = 1e-6
_COARSE_SCATTER = 0.5
_BISECTIONS = 45
_TOP = 3.0  # log tau above the root of the mean loss, where the curve begins
_LEVELS = 1000
_SMALL = -340.0  # of the logarithm of a size whose square is hardly a number
_LARGEST = 700.0  # of a logarithm whose exponential is a number
_RESOLUTION = 2.0**-36  # of tau**2, relative to |y| and the root of the base: below it floors are rounding
_SAME_LOSS = 44 * math.log(2)  # of log loss: so close above a floor, losses are the floor to within rounding


class TemperedCurve:
    """The curve V(eps) from the level of a tempered population down.

    Attributes:
        spectrum: what decides the evidence of its particles.
        base: what |t - y|**2 is counted from in the evidence.
        floor: the lowest floor that was met.
        start: log tau where the curve begins.
        limit: log tau below which floors are told apart by rounding only.
    """

    def __init__(self, space: ReducedSpace, population: Tempered, generator: torch.Generator) -> None:
        self._population = population
        self._generator = generator
        self._reach = space.reach
        self._size = space.targets.numel()
        self._rank = space.rank(space.law.shapes[-1])
        self._certain = not space.hidden
        self._hidden = population.hidden
        self.spectrum = spectrum_of(space.readout_root(population.hidden), space.reach.targets)
        count, like = len(population.hidden), population.hidden
        shape = (_DRAWS, count, *self.spectrum.along.shape[1:])
        self._noise = torch.randn(shape, dtype=torch.float64, device=like.device, generator=generator)
        # Where R is the same for all networks, so is its floor, to the last bit.
        before = (math.inf, math.inf) if self._certain else (population.base, population.floor)
        self.base = min(before[0], float(self.spectrum.high_floor.min()))
        self.floor = min(before[1], float(self.spectrum.floor.min()))
        if not self.base:  # where targets are in reach of a network, what is remote does not matter
            self.spectrum = self.spectrum._replace(remote=torch.zeros_like(self.spectrum.remote))
        length = float(space.reach.targets.norm())
        tau2 = _RESOLUTION * math.sqrt(self.base) * length if self.base and not self._certain else 0.0
        self.limit = max(math.log(tau2) / 2 if tau2 else _LOWEST, self.spectrum.log_limit)
        self.start, self._log_evidence = population.log_tau, population.log_evidence
        self._before = torch.zeros(1, dtype=torch.float64, device=like.device)
        if math.isfinite(self.start):
            self._before = self.spectrum.log_evidence(self.start, self.base)
            if self.base != population.base:  # where tau**2 is below the smallest float, it is 0 and stays
                self._log_evidence -= (population.base - self.base) / (2 * math.exp(2 * self.start))
        else:
            self.start = _start(self.spectrum, self._size)
        self._spread = spread_over(self.spectrum.smallest, self.start)
        if self._spread and self.spectrum.is_rounding(space.log_root_size(population.hidden), self.start):
            self.limit = self.start
        self.limit = min(self.limit, self.start)

    @property
    def log_floor(self) -> float:
        """Natural logarithm of the loss that losses of this curve are counted from."""
        floor = self._reach.floor + self.floor / self._size
        return math.log(floor) if floor > 0 else -math.inf

    def weights(self, log_tau: float) -> Tensor:
        """Return log weights of the particles at another tau, (n,)."""
        change = self.spectrum.log_evidence(log_tau, self.base) - self._before
        return change.expand(len(self._hidden))

    def log_evidence(self, log_tau: float) -> float:
        """Return log E[Z(tau)]."""
        weights = self.weights(log_tau)
        return self._log_evidence + float(weights.logsumexp(dim=0)) - math.log(len(weights))

    def next_log_tau(self) -> float:
        """Return the lowest log tau that a step may go to.

        Where particles are spread over all sizes down to tau, few of them are at tau, and they decide. A step
        as long as these few allow would be longest where they are missing, which biases the evidence. So its
        length comes from the range of sizes, halved until weights scatter no more than coarsely.
        """
        if not self._spread:
            return _lowest(lambda log_tau: self._scatter(log_tau) <= _SCATTER, self.start, self.limit)
        stride = min(self._spread / _STEPS, _STRIDE)
        while self._scatter(self.start - stride) > _COARSE_SCATTER and stride > _SHORTEST:
            stride /= 2
        return max(self.start - stride, self.limit)

    def spread(self, log_tau: float, parents: Tensor) -> float:
        """Return the range that copies of ``parents`` are spread over, of sizes; 0 where they are not."""
        return spread_over(self.spectrum.smallest.expand(len(self._hidden))[parents], log_tau)

    def point(self, log_tau: float) -> tuple[float, float, float]:
        """Return log eps above the floor, log V(eps) and its variance, for eps that of the mean of u."""
        edge = self._edge(log_tau)
        log_weights, u = self._weighted(log_tau)
        inside = torch.where(u <= edge, log_weights + u / 2, -math.inf)
        each = inside.logsumexp(dim=0) - math.log(_DRAWS)
        count = len(each)
        volume = float(each.logsumexp(dim=0)) - math.log(count)
        spread = float((each - volume).exp().square().mean() - 1) / count
        return (
            self._log_excess_of(edge, log_tau),
            self._log_evidence + volume,
            self._population.genealogy.variance + spread,
        )

    def record(self, log_tau: float) -> Record:
        """Return points of the curve down to another tau, denser where it bends."""
        grid = self.start + (log_tau - self.start) * np.linspace(0, 1, _POINTS) ** 3
        known = {float(one): self.point(float(one)) for one in grid}
        for _ in range(_REFINEMENTS):
            taus = sorted(known, reverse=True)
            bent = [
                middle
                for upper, middle, lower in zip(taus, taus[1:], taus[2:], strict=False)
                if _bend(known[upper], known[middle], known[lower]) > _BEND
            ]
            if not bent:
                break
            for middle in bent:
                place = taus.index(middle)
                for other in (taus[place - 1], taus[place + 1]):
                    between = (middle + other) / 2
                    if between not in known:
                        known[between] = self.point(between)
        points = [known[one] for one in sorted(known, reverse=True)]
        if not self._population.level:
            points = [*self._plain(), *points]
        columns = np.array(points)
        return Record(
            log_excess=columns[:, 0].copy(),
            log_volume=columns[:, 1].copy(),
            variance=columns[:, 2].copy(),
            log_floor=self.log_floor,
            certain=self.floor == 0 or self._certain,
        )

    def end(self, goal: Goal, log_tau: float) -> tuple[float, str] | None:
        """Return the tau of the goal and which it is, if it is no lower than ``log_tau``."""
        log_excess, log_volume, _ = self.point(log_tau)
        if log_excess == -math.inf:
            return log_tau, "zero loss" if self.log_floor == -math.inf else "floor"
        wanted = goal.log_excess(self.log_floor)
        if log_excess <= wanted:
            found = _lowest(lambda one: self._log_excess(one) >= wanted, self.start, log_tau)
            return found, "loss reached"
        if log_volume <= goal.log_volume:
            found = _lowest(lambda one: self.point(one)[1] >= goal.log_volume, self.start, log_tau)
            return found, "volume reached"
        if self._population.level >= min(goal.levels, _LEVELS):
            return log_tau, "level limit"
        if self.base > self.floor and self._edge(log_tau) < self._same(log_tau):
            found = _lowest(lambda one: self._edge(one) >= self._same(one), self.start, log_tau)
            return found, "resolution"
        nearest = self.log_floor - _SAME_LOSS
        if goal.log_volume == -math.inf and log_excess <= nearest:
            return _lowest(lambda one: self._log_excess(one) >= nearest, self.start, log_tau), "floor"
        if log_tau <= _LOWEST:
            level = log_volume + _FLAT
            return _lowest(lambda one: self.point(one)[1] >= level, self.start, log_tau), "plateau"
        if log_tau <= self.limit:
            return log_tau, "floor" if log_excess < self.log_floor + math.log(FLAT_FLOOR) else "resolution"
        return None

    def resample(self, log_tau: float) -> Tensor:
        """Return parents, (n,): the number of copies is the weight, rounded up or down at random."""
        weights = self.weights(log_tau).softmax(dim=0)
        return _systematic(weights, self._generator)

    def sample(self, log_excess: float) -> Latent | None:
        """Return a fair sample of the networks of at most a loss above the floor, one for each particle."""
        log_tau = _lowest(lambda one: self._log_excess(one) >= log_excess, self.start, self.limit)
        log_weights, u = self._weighted(log_tau)
        inside = u <= self._edge(log_tau)
        if not inside.any():
            return None
        weights = torch.where(inside, log_weights + u / 2, -math.inf).flatten().softmax(dim=0)
        count = len(self._hidden)
        chosen = _systematic(weights, self._generator, count)
        draw, particle = chosen // count, chosen % count
        noise = self._noise[draw, particle]
        spectrum = self.spectrum
        if len(spectrum.log_values) > 1:
            spectrum = Spectrum(*(part[particle] for part in spectrum))
        shape = (count, noise.shape[1], self._rank)
        rest = torch.randn(shape, dtype=torch.float64, device=noise.device, generator=self._generator)
        readout = spectrum.readout(log_tau, noise, rest)
        normals = torch.cat([self._hidden[particle], readout.flatten(1)], dim=1)
        return Latent(normals, normals[:, :0])

    def _scatter(self, log_tau: float) -> float:
        """Return the variance of the weights, in units of their mean squared."""
        shares = self.weights(log_tau).softmax(dim=0)
        return float(shares.square().sum()) * len(shares) - 1

    def _log_excess(self, log_tau: float) -> float:
        """Return log eps above the floor, for eps that of the mean of u."""
        return self._log_excess_of(self._edge(log_tau), log_tau)

    def _log_excess_of(self, edge: float, log_tau: float) -> float:
        """Return log eps above the floor, for eps that of a value of u."""
        below = self.base - self.floor
        if not below:
            return math.log(edge / self._size) + 2 * log_tau if edge > 0 else -math.inf
        square = below + edge * math.exp(2 * log_tau)
        return math.log(square / self._size) if square > 0 else -math.inf

    def _same(self, log_tau: float) -> float:
        """Return the u below which losses near the base are told apart by rounding only."""
        log_u = math.log(self.base) - _SAME_LOSS - 2 * log_tau
        return math.exp(min(log_u, _LARGEST))

    def _edge(self, log_tau: float) -> float:
        """Return the mean of u = (|r|**2 - base) / tau**2, over the weights."""
        mean = self.spectrum.mean_excess(log_tau, self.base).expand(len(self._hidden))
        shares = self.weights(log_tau).softmax(dim=0)
        # A network whose outputs cannot reach the targets has a share of 0 and an infinite mean in the end.
        return float(torch.where(shares > 0, shares * mean, 0.0).sum())

    def _weighted(self, log_tau: float) -> tuple[Tensor, Tensor]:
        """Return log weights and u of all draws, (draws, n)."""
        u = self.spectrum.excess(log_tau, self.base, self._noise)
        return self.weights(log_tau).expand_as(u), u

    def _plain(self) -> list[tuple[float, float, float]]:
        """Return points at the top, from outputs drawn at random."""
        spectrum, unit = self.spectrum, _log_unit(self.spectrum)
        outputs = (spectrum.log_values.unsqueeze(1) / 2 - unit).exp() * self._noise[0]
        squares = (outputs - _in_units(spectrum.along, unit)).square().sum(dim=(1, 2))
        lowest = _in_units(torch.full_like(spectrum.floor, self.floor), 2 * unit)
        squares = squares + _in_units(spectrum.floor, 2 * unit) - lowest
        log_excess = ((squares / self._size).log() + 2 * unit).sort(descending=True).values.tolist()
        count = len(log_excess)
        ranks = range(0, count // 2, max(1, count // 32))
        return [(log_excess[k], math.log1p(-k / count), k / count / (count - k)) for k in ranks]


def _start(spectrum: Spectrum, size: int) -> float:
    """Return a log tau well above the residuals of nearly all networks."""
    unit = _log_unit(spectrum)
    outputs = spectrum.along.shape[1] * (spectrum.log_values - 2 * unit).exp().sum(dim=1)
    targets = _in_units(spectrum.along, unit).square().sum(dim=(1, 2))
    squares = targets + _in_units(spectrum.floor, 2 * unit) + outputs
    squares = squares[squares.isfinite()]
    mean = float(squares.mean()) / size if squares.numel() else 0.0
    return math.log(mean) / 2 + unit + _TOP if mean > 0 else 0.0


def _log_unit(spectrum: Spectrum) -> float:
    """Return the logarithm of a unit in which squares of outputs and targets are numbers: 0, if they are."""
    parts = (spectrum.log_values / 2, spectrum.along.abs().log(), spectrum.floor.log() / 2)
    largest = max(
        (float(part[part < math.inf].max()) for part in parts if (part < math.inf).any()), default=0.0
    )
    return largest if -math.inf < largest < _SMALL else 0.0


def _in_units(values: Tensor, log_unit: float) -> Tensor:
    """Return numbers in another unit, given by its logarithm, without over- or underflow on the way."""
    return values.sign() * (values.abs().log() - log_unit).exp() if log_unit else values


def _bend(upper: tuple[float, ...], middle: tuple[float, ...], lower: tuple[float, ...]) -> float:
    """Return how far a point of the curve is from the line through two others, in standard errors."""
    if not (math.isfinite(lower[0]) and upper[0] > middle[0] > lower[0]):
        return 0.0
    share = (upper[0] - middle[0]) / (upper[0] - lower[0])
    return abs(middle[1] - upper[1] - share * (lower[1] - upper[1])) / math.sqrt(max(middle[2], 1e-12))


def _systematic(weights: Tensor, generator: torch.Generator, count: int | None = None) -> Tensor:
    """Return ``count`` indices drawn with these probabilities by systematic resampling."""
    count = count or len(weights)
    place = torch.rand(1, dtype=torch.float64, device=weights.device, generator=generator)
    steps = torch.arange(count, dtype=torch.float64, device=weights.device)
    found = torch.searchsorted(weights.cumsum(dim=0), (steps + place) / count)
    return found.clamp_max(len(weights) - 1)


def _lowest(holds: Callable[[float], bool], high: float, low: float = _LOWEST) -> float:
    """Return the lowest number from ``low`` to ``high`` down to which a condition holds."""
    if holds(low):
        return low
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
