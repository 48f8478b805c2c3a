"""Tempering: the deep tail of a squared error under a Gaussian readout, with the readout integrated out.

Given the layers below, outputs are t = g R with independent standard normals g, and

    Z(tau) = E exp(-|t - y|**2 / 2 tau**2) = prod_i (1 + l_i / tau**2)**(-1/2) exp(-y_i**2 / 2 (l_i + tau**2))

for each output, in the singular vectors of R with l_i the squared singular values. So a population of layers
below, a fair sample of their law times Z(tau), goes down in tau by annealed importance sampling with
resampling (Neal 2001; Del Moral, Doucet and Jasra 2006), at steps that keep nine tenths of the effective
sample.

Where outputs cannot reach the targets, |t - y|**2 has a floor: one that is the same for all networks (see
:mod:`~geomreg_tui.splitting.reach`), left out of everything here, and one that depends on the layers below.
The lowest of those that were met is the base b, and Z(tau) is that of |t - y|**2 - b.

From the population the volume follows exactly: residuals r = t - y given the layers below are normal under
exp(-|r|**2 / 2 tau**2), and with u = (|r|**2 - b) / tau**2

    V(eps) = E[Z(tau)] E[exp(u / 2) 1{u <= (C N eps - b) / tau**2}],

the second mean over the population and its residuals. The best eps for a tau has about half of the weight
below it. Losses are kept as their logarithms above the floor and so is tau: no depth is too deep. And there
is no edge for moves to run into, so the layers below move far at any level.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from geomreg_tui.sampling.rng import level_generator
from geomreg_tui.splitting.genealogy import Genealogy
from geomreg_tui.splitting.goal import Goal, Record
from geomreg_tui.splitting.hidden_moves import HiddenMoves
from geomreg_tui.splitting.kernels import FIRST_SCALE, forget, ranks
from geomreg_tui.splitting.latent import Latent
from geomreg_tui.splitting.spaces import ReducedSpace
from geomreg_tui.splitting.tempered_curve import TemperedCurve

__all__ = ["Tempered", "init", "sample", "step"]

_MOST_SWEEPS = 100
_COUNTS = ("index", "level", "sweeps", "evaluations")
_NUMBERS = (
    "log_tau",
    "log_evidence",
    "log_volume",
    "base",
    "floor",
    "scale",
    "acceptance",
)  # may be infinite


@dataclass(frozen=True)
class Tempered:
    """A population of layers below the readout on its way down.

    Attributes:
        index: which of several independent populations.
        level: how many levels it has gone down.
        log_tau: logarithm of tau; infinite before the first level.
        log_evidence: log E[Z(tau)].
        base: what |t - y|**2 is counted from in ``log_evidence``; infinite at first.
        floor: the lowest floor of |t - y|**2 that was met, above that of all networks; infinite at first.
        hidden: coordinates of the layers below, (n, hidden).
        genealogy: who descends from whom.
        log_volume: natural logarithm of V at the last point of the curve.
        scale: step size of the moves.
        sweeps, acceptance: of the last level.
        evaluations: networks evaluated so far.
        status: why the population ended, or None.
    """

    index: int
    level: int
    log_tau: float
    log_evidence: float
    hidden: Tensor
    genealogy: Genealogy
    base: float = math.inf
    floor: float = math.inf
    log_volume: float = 0.0
    scale: float = FIRST_SCALE
    sweeps: int = 0
    acceptance: float = 0.0
    evaluations: int = 0
    status: str | None = None

    def to_parts(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Return plain data and named tensors from which :meth:`from_parts` restores the population."""
        numbers: dict[str, Any] = {name: getattr(self, name) for name in _COUNTS}
        numbers |= {name: str(getattr(self, name)) for name in _NUMBERS}
        numbers |= {"settled": self.genealogy.settled, "status": self.status}
        return numbers, {"hidden": self.hidden, "lineage": self.genealogy.lineage}

    @classmethod
    def from_parts(cls, values: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Tempered:
        """Restore a population.

        Raises:
            LookupError, TypeError, ValueError: if entries are missing or of the wrong kind.
        """
        if len(tensors["hidden"]) != tensors["lineage"].shape[1]:
            raise ValueError("particles of different numbers")
        restored: dict[str, Any] = {name: int(values[name]) for name in _COUNTS}
        restored |= {name: float(values[name]) for name in _NUMBERS}
        restored["genealogy"] = Genealogy(tensors["lineage"], float(values["settled"]))
        restored["status"] = None if values["status"] is None else str(values["status"])
        return cls(hidden=tensors["hidden"], **restored)


def init(space: ReducedSpace, count: int, seed: int, index: int = 0) -> Tempered:
    """Draw a population at random.

    Args:
        space: where it lives.
        count: particles.
        seed: seed of the experiment.
        index: which of several independent populations.
    """
    device = space.sampler.device
    generator = level_generator(seed, index, 0, device)
    hidden = torch.randn(count, space.hidden, dtype=torch.float64, device=device, generator=generator)
    genealogy = Genealogy.begin(count, device)
    return Tempered(index, 0, math.inf, 0.0, hidden, genealogy, evaluations=count)


def step(space: ReducedSpace, population: Tempered, goal: Goal, seed: int) -> tuple[Tempered, Record]:
    """Move one level down. The same arguments give the same bits.

    Returns:
        The population there, or where it was with a ``status`` if this was the end; and what the level
        showed.
    """
    with torch.inference_mode():
        generator = level_generator(seed, population.index, population.level + 1, space.sampler.device)
        curve = TemperedCurve(space, population, generator)
        log_tau = curve.next_log_tau()
        end = curve.end(goal, log_tau)
        if end is not None:
            log_tau = end[0]
        record = curve.record(log_tau)
        lowest = replace(
            population, log_volume=float(record.log_volume[-1]), base=curve.base, floor=curve.floor
        )
        if end is not None:
            return replace(lowest, status=end[1]), record
        return _moved(space, lowest, curve, log_tau, generator), record


def sample(
    space: ReducedSpace, population: Tempered, log_excess: float, generator: torch.Generator
) -> Latent | None:
    """Return a fair sample of the networks of at most a loss that is not far below the population, (n, D).

    None where the population has no such networks among its draws.

    Args:
        space: where it lives.
        population: the population.
        log_excess: natural logarithm of the loss above the floor of the population's record.
        generator: random numbers.
    """
    return TemperedCurve(space, population, generator).sample(log_excess)


def _moved(
    space: ReducedSpace,
    population: Tempered,
    curve: TemperedCurve,
    log_tau: float,
    generator: torch.Generator,
) -> Tempered:
    """Return the population at another tau, moved until it has forgotten its parents."""
    parents = curve.resample(log_tau)
    evidence = curve.spectrum.log_evidence(log_tau, curve.base).expand(len(parents))[parents]
    moves = HiddenMoves(
        space,
        population.hidden[parents],
        evidence,
        log_tau,
        curve.base,
        population.scale,
        generator,
        curve.spread(log_tau, parents),
    )
    sweeps = forget(ranks(evidence), lambda: ranks(moves.sweep()), _MOST_SWEEPS) if space.hidden else 0
    return replace(
        population,
        level=population.level + 1,
        log_tau=log_tau,
        log_evidence=curve.log_evidence(log_tau),
        hidden=moves.hidden,
        genealogy=population.genealogy.descend(parents),
        scale=moves.scale,
        sweeps=sweeps,
        acceptance=moves.acceptance,
        evaluations=population.evaluations + sweeps * len(parents),
    )
