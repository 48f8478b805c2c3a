"""What populations have shown on their way down, and the contract that each keeps. No torch here."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.errors import one_line
from geomreg_tui.splitting.excess import recounted
from geomreg_tui.splitting.members import ObservedMembers
from geomreg_tui.splitting.plan import TailPlan, plan_from_values, plan_values

__all__ = [
    "FAILED",
    "HELD_OUT_SHARES",
    "MOVES",
    "BrokenPopulationError",
    "PopulationResult",
    "Tail",
    "checked",
    "joint_status",
    "thinned",
]

FloatArray = NDArray[np.float64]

HELD_OUT_SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
FAILED = "failed"  # status of a population whose numbers broke the contract
# The edition of each kernel's moves, 1 where none is named. It rises when populations come to other levels by
# them: those of one edition are not gone on with by another, nor joined with what another finds.
MOVES = {"tempered": 2}
_MOST_POINTS = 10**6
_MOST_LOG = 1e9  # of a logarithm
_MOST_COUNT = 10**18
_RISE = (0.5, 10.0)  # of log V on the way down, and in standard errors, that noise can explain
_ROUNDING = 1e-9  # of a log loss
_MOST_ROUNDING = 1e-6  # of log losses that are ties: V does not change within it
_POINTS, _LEAST_POINTS, _ALL_POINTS = 512, 64, 8192
_STATUS_LENGTH = 200
_MEMBERS = 32  # that are shown while a population goes down


def _no_rows() -> FloatArray:
    return np.empty((0, len(HELD_OUT_SHARES)))


class BrokenPopulationError(ValueError):
    """Numbers that no population can have; the message says which."""


@dataclass(frozen=True)
class PopulationResult:
    """What one population has shown on its way down.

    Attributes:
        log_loss: natural logarithms of losses, not increasing, shape (points,).
        log_volume: natural logarithm of V at each, not increasing and at most 0, shape (points,).
        variance: variance of each log V, from within the run, shape (points,).
        log_excess: natural logarithm of how far each loss is above the floor, shape (points,). Near a floor
            it tells losses apart that are the same number.
        held_log_loss: natural logarithms of the losses below which held-out examples were looked at, (rows,).
        held_loss: mean held-out loss of the population there, (rows,).
        held_loss_quantiles: its quantiles at ``HELD_OUT_SHARES``, (rows, 5).
        held_accuracy: mean held-out accuracy, (rows,); NaN where there are no classes.
        held_accuracy_quantiles: its quantiles, (rows, 5).
        levels: how many levels it has gone down.
        evaluations: losses computed.
        status: why it ended; None while it goes on.
        log_floor: natural logarithm of the smallest loss that was met or that networks met could have; -inf
            for a loss of 0.
        certain: whether no network has a loss below the floor.
        log_least_volume: natural logarithm of the smallest V other than 0 that there can be; -inf for a
            continuous law.
        reason: what was wrong, where the status is ``FAILED``.
        observed: observables of members at some losses.
        held_norm_quantiles: quantiles of ||theta||, all weights and biases counted, of the networks of which
            held-out examples were looked at, (rows, 5); (0, 5) where that was not asked for, NaN where it
            cannot be had.
        held_distance_quantiles: the same of ||theta - theta_0||, from a theta_0 drawn for each network from
            the init law, apart from it.
    """

    log_loss: FloatArray
    log_volume: FloatArray
    variance: FloatArray
    log_excess: FloatArray
    held_log_loss: FloatArray
    held_loss: FloatArray
    held_loss_quantiles: FloatArray
    held_accuracy: FloatArray
    held_accuracy_quantiles: FloatArray
    levels: int = 0
    evaluations: int = 0
    status: str | None = None
    log_floor: float = math.inf
    certain: bool = False
    log_least_volume: float = -math.inf
    reason: str = ""
    observed: ObservedMembers = field(default_factory=ObservedMembers.empty)
    held_norm_quantiles: FloatArray = field(default_factory=_no_rows)
    held_distance_quantiles: FloatArray = field(default_factory=_no_rows)

    @classmethod
    def empty(cls) -> PopulationResult:
        """Return a population that has not begun."""
        none, rows = np.empty(0), _no_rows()
        return cls(none, none, none, none, none, none, rows, none, rows)

    def extended(
        self,
        log_excess: FloatArray,
        log_volume: FloatArray,
        variance: FloatArray,
        log_floor: float,
        certain: bool,
        rounding: FloatArray | float = 0.0,
    ) -> PopulationResult:
        """Return the population with further points of its curve.

        All losses are counted from the lower of both floors; from the newer, where they differ by rounding.
        Losses that differ by rounding are ties, of one loss; of them the point of largest V comes first.
        V is at most 1 and does not rise on the way down: what noise says against that is levelled out, by
        isotonic regression.

        Args:
            log_excess: natural logarithms of losses above ``log_floor``, shape (points,).
            log_volume, variance: of V at each, shape (points,).
            log_floor: natural logarithm of the smallest loss that was met.
            certain: whether no network has a lower one.
            rounding: by how much rounding can move each of ``log_excess``, shape (points,).

        Raises:
            BrokenPopulationError: if V or its error is no number, or V rises by more than noise can explain.
        """
        floor = log_floor if log_floor < self.log_floor + _ROUNDING else self.log_floor
        excess = np.concatenate(
            [recounted(self.log_excess, self.log_floor, floor), recounted(log_excess, log_floor, floor)]
        )
        volume = np.concatenate([self.log_volume, log_volume])
        errors = np.concatenate([self.variance, variance])
        widths = np.concatenate([np.zeros(len(self.log_excess)), np.broadcast_to(rounding, len(log_excess))])
        excess = _tied(excess, np.minimum(widths, _MOST_ROUNDING))
        order = np.lexsort((-volume, -excess))
        excess, volume, errors = excess[order], volume[order], errors[order]
        _check_numbers(volume, errors)
        if volume.size:
            from scipy.optimize import isotonic_regression

            level = np.minimum(isotonic_regression(volume, increasing=False).x, 0.0)
            risen = np.abs(volume - level) > _RISE[0] + _RISE[1] * np.sqrt(errors)
            if risen.any():
                raise BrokenPopulationError(_rise_text(volume, level, int(np.argmax(risen))))
            volume = level
        return replace(
            self,
            log_loss=np.logaddexp(excess, floor),
            log_volume=volume,
            variance=errors,
            log_excess=excess,
            log_floor=floor,
            certain=certain,
        )

    def check(self) -> None:
        """Check that the numbers can be those of a population.

        V is a number above 0 and at most 1 that never rises on the way down; its variance is a number and not
        negative; no loss is below the smallest that was met, beyond rounding.

        Raises:
            BrokenPopulationError: naming the first rule that is broken.
        """
        _check_numbers(self.log_volume, self.variance)
        rising = np.diff(self.log_volume) > _RISE[0] + _RISE[1] * np.sqrt(self.variance[1:])
        if (self.log_volume > _RISE[0] + _RISE[1] * np.sqrt(self.variance)).any() or rising.any():
            place = int(np.argmax(rising)) + 1 if rising.any() else int(np.argmax(self.log_volume))
            level = np.minimum.accumulate(np.minimum(self.log_volume, 0.0))
            raise BrokenPopulationError(_rise_text(self.log_volume, level, place))
        for name, logs in (("loss", self.log_loss), ("held-out loss", self.held_log_loss)):
            if np.isnan(logs).any() or (np.isfinite(logs) & (np.abs(logs) >= _MOST_LOG)).any():
                raise BrokenPopulationError(f"a {name} is not a number")
        if (self.log_loss[1:] > self.log_loss[:-1] + _ROUNDING).any():
            raise BrokenPopulationError("losses rise on the way down")
        if math.isnan(self.log_floor) or np.isnan(self.log_excess).any():
            raise BrokenPopulationError("the smallest loss is not a number")
        if math.isfinite(self.log_floor) and (self.log_loss < self.log_floor - _ROUNDING).any():
            raise BrokenPopulationError("a loss is below the smallest that was met")
        if not (0 <= self.levels <= _MOST_COUNT and 0 <= self.evaluations <= _MOST_COUNT):
            raise BrokenPopulationError("a count of levels or losses is impossible")

    def to_parts(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return plain data and named arrays from which :meth:`from_parts` restores the population."""
        values = {
            "levels": self.levels,
            "evaluations": self.evaluations,
            "status": self.status,
            "log_floor": str(self.log_floor),
            "certain": self.certain,
            "log_least_volume": str(self.log_least_volume),
            "reason": self.reason,
        }
        seen, parts = self.observed.to_parts()
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        for name in _NORMS:
            if not arrays[name].size:
                del arrays[name]
        return {**values, **seen}, {**arrays, **parts}

    @classmethod
    def from_parts(
        cls, values: Mapping[str, Any], arrays: Mapping[str, NDArray[np.generic]]
    ) -> PopulationResult:
        """Restore a population; one of version 0.1.0 has no floor, and most have no norms of weights.

        Raises:
            LookupError, TypeError, ValueError: if entries are missing or of the wrong kind.
        """
        if "log_excess" not in arrays and "log_floor" not in values:
            arrays = {**arrays, "log_excess": arrays["log_loss"]}
            values = {
                **values,
                "log_floor": -math.inf,
                "certain": False,
                "reason": "",
                "log_least_volume": -math.inf,
            }
        given = {**dict.fromkeys(_NORMS, _no_rows()), **arrays}
        restored = {name: np.asarray(given[name], np.float64) for name in _ARRAYS}
        points, rows = restored["log_loss"].shape, restored["held_log_loss"].shape
        for name, array in restored.items():
            shape = rows if name.startswith("held") else points
            expected = (*shape, len(HELD_OUT_SHARES)) if name.endswith("quantiles") else shape
            if name in _NORMS and not array.size:
                expected = _no_rows().shape
            if array.shape != expected or array.size > _MOST_POINTS:
                raise ValueError(f"{name}: shape {array.shape} is not {expected}")
        status = values["status"]
        return cls(
            **restored,
            levels=int(values["levels"]),
            evaluations=int(values["evaluations"]),
            status=None if status is None else str(status),
            log_floor=float(values["log_floor"]),
            certain=bool(values["certain"]),
            log_least_volume=float(values["log_least_volume"]),
            reason=str(values["reason"]),
            observed=ObservedMembers.from_parts(values, arrays),
        )


def _tied(log_excess: FloatArray, rounding: FloatArray) -> FloatArray:
    """Return losses in which those that differ only by rounding are set to the smallest of them.

    Args:
        log_excess: natural logarithms of losses, in any order, shape (points,).
        rounding: by how much each may be moved, shape (points,).
    """
    order = np.argsort(log_excess, kind="stable")
    loss, width = log_excess[order], rounding[order]
    begins = np.ones(len(loss), np.bool_)
    with np.errstate(invalid="ignore"):  # -inf less -inf: both are the same
        begins[1:] = loss[1:] > loss[:-1] + np.maximum(width[1:], width[:-1])
    tied = np.empty_like(log_excess)
    tied[order] = loss[np.flatnonzero(begins)[np.cumsum(begins) - 1]] if loss.size else loss
    return tied


def joint_status(populations: Sequence[PopulationResult]) -> str:
    """Return why populations ended: in one word where all agree, else each reason with its count."""
    statuses = Counter(population.status or "going" for population in populations)
    if len(statuses) == 1:
        return next(iter(statuses))
    return ", ".join(f"{status} ({count} of {len(populations)})" for status, count in statuses.most_common())


def _check_numbers(log_volume: FloatArray, variance: FloatArray) -> None:
    """Check that log V and its variance are numbers."""
    if not (np.isfinite(log_volume) & (np.abs(log_volume) < _MOST_LOG)).all():
        raise BrokenPopulationError("a log V is not a number")
    if not (np.isfinite(variance) & (variance >= 0)).all():
        raise BrokenPopulationError("the error of a log V is not a number")


def _rise_text(volume: FloatArray, level: FloatArray, place: int) -> str:
    """Return in words that V rises at a point."""
    before, after = float(level[place]) / math.log(10), float(volume[place]) / math.log(10)
    return (
        f"V rises on the way down or above 1: log10 V is {after:.2f} where {before:.2f} is the most it can be"
    )


_NORMS = ("held_norm_quantiles", "held_distance_quantiles")
_ARRAYS = tuple(name for name, kind in PopulationResult.__annotations__.items() if kind == "FloatArray")


@dataclass(frozen=True)
class Tail:
    """The populations of a run.

    Attributes:
        plan: how deep to go, as the person asked.
        kernel: name of the kernel in use.
        space: name of the space it moves in.
        populations: what each has shown; an empty one for those that have not begun.
    """

    plan: TailPlan
    kernel: str
    space: str
    populations: tuple[PopulationResult, ...]

    @classmethod
    def planned(cls, values: Mapping[str, Any]) -> Tail:
        """Return a tail of which nothing has begun, from what :meth:`head` returned.

        Raises:
            LookupError, TypeError, ValueError: if entries are missing or impossible.
        """
        plan = plan_from_values(values["plan"])
        return cls(
            plan, _name(values["kernel"]), _name(values["space"]), (PopulationResult.empty(),) * plan.repeats
        )

    def head(self) -> dict[str, Any]:
        """Return as plain data how deep to go, and with what."""
        return {"plan": plan_values(self.plan), "kernel": self.kernel, "space": self.space}

    @property
    def in_use(self) -> TailPlan:
        """The plan with the kernel in use."""
        return replace(self.plan, kernel=self.kernel)

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]]:
        """Return plain data and named arrays from which :meth:`from_parts` restores it, thinned."""
        rows: list[dict[str, Any]] = []
        arrays: dict[str, NDArray[np.float64]] = {}
        points = max(_LEAST_POINTS, min(_POINTS, _ALL_POINTS // max(len(self.populations), 1)))
        for index, population in enumerate(self.populations):
            values, parts = thinned(population, points).to_parts()
            rows.append(values)
            arrays |= {f"tail.{index}.{name}": array for name, array in parts.items()}
        return {**self.head(), "descents": rows}, arrays

    @classmethod
    def from_parts(cls, values: Mapping[str, Any], arrays: Mapping[str, NDArray[np.generic]]) -> Tail:
        """Restore it.

        Raises:
            LookupError, TypeError, ValueError: if entries are missing or impossible.
        """
        planned = cls.planned(values)
        if len(values["descents"]) != planned.plan.repeats:
            raise ValueError("not as many results as populations")
        populations = []
        for index, row in enumerate(values["descents"]):
            head = f"tail.{index}."
            own = {name.removeprefix(head): a for name, a in arrays.items() if name.startswith(head)}
            populations.append(checked(PopulationResult.from_parts(row, own)))
        return replace(planned, populations=tuple(populations))


def checked(population: PopulationResult) -> PopulationResult:
    """Return a population that came from outside, with its status and reason as plain text.

    Raises:
        ValueError: if it breaks the contract of populations.
    """
    population.check()
    status = None if population.status is None else _name(population.status)
    return replace(population, status=status, reason=_name(population.reason))


def thinned(population: PopulationResult, points: int = _POINTS) -> PopulationResult:
    """Return a population with at most ``points`` points of its curve, the first and the last among them.

    Of members that are observed it has fewer too.
    """
    size = population.log_loss.size
    population = replace(population, observed=population.observed.thinned(_MEMBERS))
    if size <= points:
        return population
    kept = np.unique(np.linspace(0, size - 1, points).round().astype(np.int64))
    curve = ("log_loss", "log_volume", "variance", "log_excess")
    return replace(population, **{name: getattr(population, name)[kept] for name in curve})


def _name(value: object) -> str:
    return one_line(value)[:_STATUS_LENGTH]
