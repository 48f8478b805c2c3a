"""The deep tail: independent populations of multilevel splitting, joined into one curve with its error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.splitting.floors import EXACT, FOUND, Floor, atom_at_floor, counted_from, floor_of, log_mean
from geomreg_tui.splitting.result import HELD_OUT_SHARES, PopulationResult, joint_status
from geomreg_tui.statistics.intervals import SURE, WIDTH
from geomreg_tui.statistics.volume import VolumeCurve

__all__ = ["TailCurve", "TailHeldOut", "stitch", "tail_curve"]


FloatArray = NDArray[np.float64]

_POINTS = 512
_WINDOW = math.log(10) / 4  # to either side, over which the local slope is taken
_LN10 = math.log(10)
_SAME = 1e-6  # of log losses that differ by the rounding of a search only
_NEAR = math.log(100)  # times the least distance from a floor that was found: nearer, lambda is its error


@dataclass(frozen=True)
class TailHeldOut:
    """Held-out performance given a training loss of at most eps, in the deep tail.

    Attributes:
        log10_loss: log10 eps, decreasing, (rows,).
        mean_loss, mean_loss_std: mean held-out loss and its standard error, (rows,).
        loss_quantiles: by share, quantiles of the held-out loss.
        accuracy, accuracy_std: mean held-out accuracy and its standard error; None without classes.
        accuracy_quantiles: by share, quantiles of the accuracy; empty without classes.
        norm_quantiles, distance_quantiles: by share, quantiles of ||theta||, and of ||theta - theta_0|| from
            an independent draw of the init law; empty where they were not asked for or cannot be had.
    """

    log10_loss: FloatArray
    mean_loss: FloatArray
    mean_loss_std: FloatArray
    loss_quantiles: dict[float, FloatArray]
    accuracy: FloatArray | None
    accuracy_std: FloatArray | None
    accuracy_quantiles: dict[float, FloatArray]
    norm_quantiles: dict[float, FloatArray] = field(default_factory=dict)
    distance_quantiles: dict[float, FloatArray] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain data; None stands for what is undefined."""
        sizes = {"norm_quantiles": self.norm_quantiles, "distance_quantiles": self.distance_quantiles}
        return {
            "log10_loss": self.log10_loss.tolist(),
            "mean_loss": _plain(self.mean_loss),
            "mean_loss_std": _plain(self.mean_loss_std),
            "loss_quantiles": {str(share): _plain(q) for share, q in self.loss_quantiles.items()},
            "accuracy": None if self.accuracy is None else _plain(self.accuracy),
            "accuracy_std": None if self.accuracy_std is None else _plain(self.accuracy_std),
            "accuracy_quantiles": {str(share): _plain(q) for share, q in self.accuracy_quantiles.items()},
            **{
                name: {str(share): _plain(q) for share, q in quantiles.items()}
                for name, quantiles in sizes.items()
                if quantiles
            },
        }


@dataclass(frozen=True)
class TailCurve:
    """V(eps) down to the loss that all populations have reached.

    Attributes:
        log10_loss: log10 eps, decreasing, (points,).
        log10_volume: log10 of the mean over populations of V, (points,). Each V is right in the mean.
        std: standard error of log10 V, the larger of the next two, (points,).
        std_between: from the scatter of the populations; NaN for a single one.
        std_within: from each run's own genealogy.
        exponent, exponent_std: lambda(eps) = d log V / d log(eps - floor) over half a decade around it, mean
            over populations, and its standard error from their scatter; NaN where not all reach, or too
            near to a floor that is known no better.
        log10_excess: log10 of eps above the floor, NaN at the floor itself; as ``log10_loss`` where there is
            none.
        floor: the smallest loss, where it is above 0 and known; else None.
        log10_zero: log10 V(0), where zero loss has positive probability and was reached; else None.
        log10_bound: with 95 % confidence V below the last point is less than this (log10); None where it is
            0, or nothing is known.
        log10_least: log10 of the smallest V other than 0 that there can be; -inf for a continuous law.
        status: why the populations ended, or ``going``.
        held_out: held-out performance, or None.
    """

    log10_loss: FloatArray
    log10_volume: FloatArray
    std: FloatArray
    std_between: FloatArray
    std_within: FloatArray
    exponent: FloatArray
    exponent_std: FloatArray
    log10_excess: FloatArray
    floor: Floor | None
    log10_zero: float | None
    log10_bound: float | None
    log10_least: float
    status: str
    held_out: TailHeldOut | None

    def interval(self, log10_volume: float, std: float) -> tuple[float, float]:
        """Return the ends of the 95 % interval of a log10 V.

        Neither is above 0, nor below the smallest V other than 0.
        """
        low = max(log10_volume - WIDTH * std, self.log10_least)
        return low, min(log10_volume + WIDTH * std, 0.0)

    def at(self, log10_loss: float) -> tuple[float, float]:
        """Return log10 V and its standard error at a loss; NaN outside the curve, beyond rounding."""
        x, y, e = self.log10_loss[::-1], self.log10_volume[::-1], self.std[::-1]
        if not x.size:
            return math.nan, math.nan
        nearest = min(max(log10_loss, float(x[0])), float(x[-1]))
        log10_loss = nearest if abs(nearest - log10_loss) < _SAME / _LN10 else log10_loss
        volume = np.interp(log10_loss, x, y, left=np.nan, right=np.nan)
        return float(volume), float(np.interp(log10_loss, x, e, left=np.nan, right=np.nan))

    def to_json(self) -> dict[str, Any]:
        """Return plain data; None stands for what is undefined."""
        return {
            "log10_loss": self.log10_loss.tolist(),
            "log10_volume": self.log10_volume.tolist(),
            "std": _plain(self.std),
            "std_between": _plain(self.std_between),
            "std_within": _plain(self.std_within),
            "exponent": _plain(self.exponent),
            "exponent_std": _plain(self.exponent_std),
            "log10_excess": _plain(self.log10_excess),
            "floor": None if self.floor is None else self.floor.to_json(),
            "log10_zero": self.log10_zero,
            "log10_bound": self.log10_bound,
            "status": self.status,
            "held_out": None if self.held_out is None else self.held_out.to_json(),
        }


def tail_curve(populations: Sequence[PopulationResult]) -> TailCurve:
    """Join populations; the curve is empty while one of them has no point.

    Args:
        populations: at least one, none of them failed.
    """
    floor, log_floor = floor_of(populations)
    steps = [_steps(counted_from(population, log_floor), population) for population in populations]
    at_floor = floor is not None and floor.log10_volume is not None
    if any(not excess.size for excess, _, _ in steps) and not at_floor:
        return _no_curve(populations)
    from scipy.optimize import isotonic_regression

    grid = _grid(steps)
    each = np.array([_read(grid, *step[:2]) for step in steps])
    own = np.array([_read(grid, step[0], step[2]) for step in steps])
    exponent, exponent_std = _exponents(grid, steps)
    if floor is not None and floor.kind == FOUND and grid.size:
        near = grid < grid[-1] + _NEAR
        exponent, exponent_std = np.where(near, np.nan, exponent), np.where(near, np.nan, exponent_std)
    if at_floor:  # the last point is the floor itself
        grid = np.append(grid, -np.inf)
        atoms = [atom_at_floor(population) for population in populations]
        each = np.hstack([each, np.array([[atom.log_volume] for atom in atoms if atom])])
        own = np.hstack([own, np.array([[atom.variance] for atom in atoms if atom])])
        exponent, exponent_std = np.append(exponent, np.nan), np.append(exponent_std, np.nan)
    volume = log_mean(each)
    least = max(population.log_least_volume for population in populations)
    if grid.size:
        # Levels meet within their errors; V is at most 1 and cannot rise on the way down.
        level = np.asarray(isotonic_regression(volume, increasing=False).x)
        volume = np.clip(level, min(least, 0.0), 0.0)
    share = np.exp(each - volume)
    count = len(populations)
    within = np.sqrt((share**2 * own).mean(axis=0) / count)
    # Of log V and not of V, whose scatter cannot exceed its mean by much however populations disagree.
    between = each.std(axis=0, ddof=1) / math.sqrt(count) if count > 1 else np.full(grid.size, np.nan)
    std = np.fmax(within, between)
    return TailCurve(
        # Rounding of the sum may raise a loss by a bit where its excess falls.
        log10_loss=np.minimum.accumulate(np.logaddexp(grid, log_floor)) / _LN10,
        log10_volume=volume / _LN10,
        std=std / _LN10,
        std_between=between / _LN10,
        std_within=within / _LN10,
        exponent=exponent,
        exponent_std=exponent_std,
        log10_excess=np.where(np.isfinite(grid), grid, np.nan) / _LN10,
        floor=floor,
        log10_zero=_zero(populations),
        log10_bound=_bound(populations, volume, std, floor, least),
        log10_least=least / _LN10,
        status=joint_status(populations),
        held_out=_held_out(populations, [_steps(p.log_loss, p) for p in populations]),
    )


def _read(grid: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """Return y at the places of a grid, linear between points x."""
    return np.interp(grid, x, y) if grid.size else np.empty(0)


def _no_curve(populations: Sequence[PopulationResult]) -> TailCurve:
    """Return the curve of populations of which some have no point yet."""
    none = np.empty(0)
    return TailCurve(
        log10_loss=none,
        log10_volume=none,
        std=none,
        std_between=none,
        std_within=none,
        exponent=none,
        exponent_std=none,
        log10_excess=none,
        floor=None,
        log10_zero=_zero(populations),
        log10_bound=None,
        log10_least=-math.inf,
        status=joint_status(populations),
        held_out=None,
    )


def _bound(
    populations: Sequence[PopulationResult],
    volume: FloatArray,
    std: FloatArray,
    floor: Floor | None,
    least: float,
) -> float | None:
    """Return log10 of an upper bound, at 95 % confidence, on V below the last point."""
    if not volume.size or (floor is not None and floor.kind == EXACT):
        return None
    last = float(volume[-1])
    lowest = [
        population.log_volume[-1] for population in populations if atom_at_floor(population) is not None
    ]
    if len(lowest) == len(populations):  # V below an atom that all have come through
        last = min(last, float(log_mean(np.array(lowest))))
    bound = min(last + SURE * float(std[-1]), 0.0) if math.isfinite(std[-1]) else last
    return bound / _LN10 if bound > least else None


def stitch(sampled: VolumeCurve, tail: TailCurve) -> tuple[FloatArray, FloatArray, FloatArray, float | None]:
    """Return one curve from V = 1 down: sampled where that is the more certain, then the tail.

    Returns:
        log10 eps, increasing; log10 V; its standard error; and the largest difference in joint standard
        errors, every half decade of V while plain sampling sees a hundred networks; None without overlap.
    """
    x, y, error = sampled.log10_loss, sampled.log10_volume, sampled.std
    deep = np.array([tail.at(loss) for loss in x]).reshape(-1, 2)
    better = np.isnan(deep[:, 1]) | (error <= deep[:, 1])
    first = x[better].min() if better.any() else math.inf
    keep_sampled, keep_tail = x >= first, tail.log10_loss < first
    agreement = None
    seen = (sampled.count >= 100) & np.isfinite(deep[:, 1]) & (y < -0.3)
    if seen.any():
        decades = np.unique(np.round(y[seen] * 2), return_index=True)[1]
        gap = (y[seen] - deep[seen, 0]) / np.hypot(error[seen], deep[seen, 1])
        agreement = float(np.abs(gap[decades]).max())
    loss = np.concatenate([tail.log10_loss[keep_tail][::-1], x[keep_sampled]])
    loss, own = np.unique(loss, return_index=True)  # near a floor, many points are of one loss: the deepest
    volume = np.concatenate([tail.log10_volume[keep_tail][::-1], y[keep_sampled]])
    std = np.concatenate([tail.std[keep_tail][::-1], error[keep_sampled]])
    return loss, volume[own], std[own], agreement


def _steps(log_excess: FloatArray, population: PopulationResult) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return increasing finite logs of losses with log V and its variance; a jump of V is a steep step.

    Of the points of the lowest loss only the one of largest V is of the curve: whether V jumps there is not
    known.
    """
    finite = np.isfinite(log_excess)
    loss, volume, variance = log_excess[finite], population.log_volume[finite], population.variance[finite]
    order = np.lexsort((volume, loss))
    loss, volume, variance = loss[order], volume[order], variance[order]
    _, first, repeats = np.unique(loss, return_index=True, return_counts=True)
    last = first + repeats - 1
    tied = first[1:][repeats[1:] > 1]
    below = np.nextafter(loss[tied], -np.inf)
    x = np.concatenate([loss[last], below])
    order = np.argsort(x, kind="stable")
    pick = np.concatenate([last, tied])[order]
    return x[order], volume[pick], variance[pick]


def _grid(steps: Sequence[tuple[FloatArray, FloatArray, FloatArray]]) -> FloatArray:
    """Return decreasing log losses that all populations have points around."""
    if any(not step[0].size for step in steps):
        return np.empty(0)
    low = max(step[0][0] for step in steps)
    high = min(step[0][-1] for step in steps)
    pooled = np.unique(np.concatenate([step[0] for step in steps]))
    pooled = pooled[(pooled >= low) & (pooled <= high)][::-1]
    if pooled.size > _POINTS:
        pooled = pooled[np.unique(np.linspace(0, pooled.size - 1, _POINTS).astype(np.int64))]
    return np.asarray(pooled, np.float64)


def _exponents(
    grid: FloatArray, steps: Sequence[tuple[FloatArray, FloatArray, FloatArray]]
) -> tuple[FloatArray, FloatArray]:
    """Return slopes of log V against log loss over a window, and their standard errors, each (points,)."""
    if not grid.size:
        return np.empty(0), np.empty(0)
    lower, upper = grid - _WINDOW, grid + _WINDOW
    slopes = np.array(
        [
            (
                np.interp(upper, x, y, left=np.nan, right=np.nan)
                - np.interp(lower, x, y, left=np.nan, right=np.nan)
            )
            / (2 * _WINDOW)
            for x, y, _ in steps
        ]
    )
    if len(steps) == 1:
        return slopes[0], np.full(grid.size, np.nan)
    return slopes.mean(axis=0), slopes.std(axis=0, ddof=1) / math.sqrt(len(steps))


def _zero(populations: Sequence[PopulationResult]) -> float | None:
    """Return log10 V(0), if every population has come to losses of exactly zero."""
    zeros = [population.log_volume[population.log_loss == -math.inf] for population in populations]
    if any(not zero.size for zero in zeros):
        return None
    log_volume = float(log_mean(np.array([zero.max() for zero in zeros])))
    return max(log_volume, *(population.log_least_volume for population in populations)) / _LN10


def _held_out(
    populations: Sequence[PopulationResult], steps: Sequence[tuple[FloatArray, FloatArray, FloatArray]]
) -> TailHeldOut | None:
    """Return held-out performance at the levels of the population that has looked least often.

    The last is at the lowest loss that all have come to, also where the goal is a volume and each ends at a
    loss of its own: the others have looked above and below it. Each population counts by its volume there, as
    it would in a sample of {L <= eps}.
    """
    shortest = min(populations, key=lambda population: population.held_log_loss.size)
    at = shortest.held_log_loss
    at = at[np.isfinite(at)]
    low = max((d.held_log_loss.min(initial=math.inf) for d in populations), default=math.inf)
    at = at[at >= low - _SAME]  # all that reach a loss end there, but for rounding
    above = min((d.held_log_loss.max(initial=-math.inf) for d in populations), default=-math.inf)
    if math.isfinite(low) and low <= above and not (at <= low + _SAME).any():
        at = np.append(at, low)
    if not at.size:
        return None
    log_volume = np.array([np.interp(at, *step[:2]) for step in steps])
    weight = np.exp(log_volume - log_volume.max(axis=0))
    weight /= weight.sum(axis=0)

    def joined(name: str, column: int | None = None) -> tuple[FloatArray, FloatArray]:
        rows = []
        for population in populations:
            values = getattr(population, name)
            values = values if column is None else values[:, column]
            order = np.argsort(population.held_log_loss, kind="stable")
            rows.append(np.interp(at, population.held_log_loss[order], values[order]))
        each = np.array(rows)
        mean = (weight * each).sum(axis=0)
        error = np.sqrt((weight**2 * (each - mean) ** 2).sum(axis=0) * len(rows) / max(len(rows) - 1, 1))
        return mean, error if len(rows) > 1 else np.full(at.size, np.nan)

    def quantiles(name: str) -> dict[float, FloatArray]:
        if any(len(getattr(each, name)) < len(each.held_log_loss) for each in populations):
            return {}
        return {share: joined(name, k)[0] for k, share in enumerate(HELD_OUT_SHARES)}

    mean, error = joined("held_loss")
    accuracy, accuracy_error = joined("held_accuracy")
    classes = bool(np.isfinite(accuracy).all())
    return TailHeldOut(
        log10_loss=at / _LN10,
        mean_loss=mean,
        mean_loss_std=error,
        loss_quantiles=quantiles("held_loss_quantiles"),
        accuracy=accuracy if classes else None,
        accuracy_std=accuracy_error if classes else None,
        accuracy_quantiles=quantiles("held_accuracy_quantiles") if classes else {},
        norm_quantiles=_known(quantiles("held_norm_quantiles")),
        distance_quantiles=_known(quantiles("held_distance_quantiles")),
    )


def _known(quantiles: dict[float, FloatArray]) -> dict[float, FloatArray]:
    """Return quantiles, or none where not all of them are numbers."""
    return quantiles if quantiles and np.isfinite(list(quantiles.values())).all() else {}


def _plain(values: FloatArray) -> list[float | None]:
    """Return finite numbers, and None for the others."""
    return [float(value) if math.isfinite(value) else None for value in values]
