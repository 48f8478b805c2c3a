"""The deep tail as it is shown: one curve of a run's populations, and how it meets what was sampled."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.splitting.curve import TailCurve, stitch, tail_curve
from geomreg_tui.splitting.observed_curve import ObservedAtLoss, observed_curve
from geomreg_tui.splitting.plan import plan_values
from geomreg_tui.splitting.result import FAILED, PopulationResult, Tail, joint_status
from geomreg_tui.statistics.intervals import WIDTH
from geomreg_tui.statistics.volume import VolumeCurve

__all__ = ["DeepTail", "deep_tail"]

FloatArray = NDArray[np.float64]

STATUSES = {
    "going": "still going down",
    "loss reached": "reached the loss asked for",
    "volume reached": "reached the volume asked for",
    "zero loss": "reached losses of exactly zero",
    "time limit": "ended by the time limit; --resume with more --max-seconds goes on",
    "level limit": "ended by the limit on levels",
    "floor": "came down to the smallest loss",
    "failed": "failed: its numbers are impossible, or it could not go on",
    "plateau": "ended on a plateau: a loss that many networks share and few go below",
    "no move accepted": "ended because no move was accepted any more; V below is bounded, not known",
    "resolution": "ended at the resolution of the numbers",
}


@dataclass(frozen=True)
class DeepTail:
    """The deep tail of a run as it stands.

    Attributes:
        tail: its populations.
        curve: V(eps) of those that are in it; None before the first has come anywhere.
        in_curve: how many are in the curve: those that have ended, or all while there are not two such.
        log10_loss, log10_volume, std: one curve from V = 1 down, sampled and then the tail, losses
            increasing, shape (points,).
        meets: log10 of the loss below which it is the tail's.
        agreement: largest difference of the two where both see, in joint standard errors; None without.
        populations: those in the curve.
    """

    tail: Tail
    curve: TailCurve | None
    in_curve: int
    log10_loss: FloatArray
    log10_volume: FloatArray
    std: FloatArray
    meets: float
    agreement: float | None
    populations: tuple[PopulationResult, ...] = ()

    @property
    def low(self) -> FloatArray:
        """Lower ends of the 95 % intervals of log10 V, (points,)."""
        least = -math.inf if self.curve is None else self.curve.log10_least
        return np.maximum(self.log10_volume - WIDTH * self.std, min(least, 0.0))

    @property
    def high(self) -> FloatArray:
        """Upper ends of the 95 % intervals of log10 V, at most 0, (points,)."""
        return np.minimum(self.log10_volume + WIDTH * self.std, 0.0)

    @property
    def observed(self) -> dict[str, tuple[ObservedAtLoss, ...]]:
        """Observables of the networks of at most a loss, losses decreasing, by name; none where none are."""
        return observed_curve(self.populations, self.curve)

    @property
    def failures(self) -> tuple[str, ...]:
        """What was wrong with populations that failed, each once."""
        failed = [population.reason for population in self.tail.populations if population.status == FAILED]
        return tuple(dict.fromkeys(failed))

    @property
    def over(self) -> bool:
        """Whether every population has ended."""
        return all(population.status is not None for population in self.tail.populations)

    @property
    def status(self) -> str:
        """Why the populations ended, or how many are still to come."""
        return joint_status(self.tail.populations)

    @property
    def status_text(self) -> str:
        """The status in words."""
        return STATUSES.get(self.status, self.status)

    @property
    def goal(self) -> tuple[float, float, float, float] | None:
        """log10 loss, log10 V and the ends of its 95 % interval at the goal, or where the curve ends.

        The ends are NaN where no error is known.
        """
        curve = self.curve
        if curve is None or not curve.log10_loss.size:
            return None
        loss = self.tail.plan.loss
        place, volume, std = (float(each[-1]) for each in (curve.log10_loss, curve.log10_volume, curve.std))
        if loss and curve.log10_loss[-1] <= math.log10(loss) <= curve.log10_loss[0]:
            place = math.log10(loss)
            volume, std = curve.at(place)
        return place, volume, *curve.interval(volume, std)

    @property
    def exponent(self) -> tuple[float, float] | None:
        """lambda and its standard error at the deepest loss where both are known."""
        if self.curve is None:
            return None
        known = np.flatnonzero(np.isfinite(self.curve.exponent))
        if not known.size:
            return None
        return float(self.curve.exponent[known[-1]]), float(self.curve.exponent_std[known[-1]])

    def to_json(self) -> dict[str, Any]:
        """Return plain data; None stands for what is undefined."""
        curve = self.curve or tail_curve([PopulationResult.empty()])
        plan = plan_values(self.tail.plan)
        return {
            **curve.to_json(),
            "status": self.status,
            "failures": list(self.failures),
            "statuses": [population.status or "going" for population in self.tail.populations],
            "levels": max(population.levels for population in self.tail.populations),
            "evaluations": sum(population.evaluations for population in self.tail.populations),
            "goal": {"loss": plan["loss"] or None, "log10_volume": plan["log10_volume"]},
            "kernel": self.tail.kernel,
            "space": self.tail.space,
            "population": self.tail.plan.population,
            "repeats": self.tail.plan.repeats,
            "populations": self.in_curve,
            "agreement": self.agreement,
        }


def deep_tail(tail: Tail, sampled: VolumeCurve) -> DeepTail:
    """Join the populations of a run, and join that with what was sampled.

    Args:
        tail: the populations.
        sampled: V(eps) by plain sampling, of the same law.
    """
    sound = [population for population in tail.populations if population.status != FAILED]
    begun = [population for population in sound if np.isfinite(population.log_loss).any()]
    over = [population for population in begun if population.status is not None]
    chosen = over if len(over) >= 2 else begun
    if not chosen:
        place = float(sampled.log10_loss[0]) if sampled.loss.size else math.inf
        parts = (sampled.log10_loss, sampled.log10_volume, sampled.std)
        return DeepTail(tail, None, 0, *parts, place, None)
    with np.errstate(all="ignore"):
        curve = tail_curve(chosen)
        if not sampled.loss.size:
            whole = (curve.log10_loss[::-1], curve.log10_volume[::-1], curve.std[::-1])
            return DeepTail(tail, curve, len(chosen), *whole, math.inf, None, tuple(chosen))
        *joined, agreement = stitch(sampled, curve)
    loss, volume, std = (np.asarray(values, np.float64) for values in joined)
    own = np.isin(loss, curve.log10_loss) & ~np.isin(loss, sampled.log10_loss)
    meets = float(loss[own].max()) if own.any() else -math.inf
    if agreement is not None and not math.isfinite(agreement):
        agreement = None
    return DeepTail(tail, curve, len(chosen), loss, volume, std, meets, agreement, tuple(chosen))
