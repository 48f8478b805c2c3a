"""Deep tails over a sweep: volumes at equal loss, beside those of hyperspheres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.statistics import Direction
from geomreg_tui.statistics.hypersphere import log_volume
from geomreg_tui.statistics.intervals import WIDTH, Interval
from geomreg_tui.statistics.trends import volume_direction
from geomreg_tui.sweeps.plan import Factor
from geomreg_tui.sweeps.result import SweepPoint
from geomreg_tui.sweeps.verdicts import lines_of

__all__ = ["TailComparison", "TailVerdict", "compare_tails"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class TailVerdict:
    """Whether volume at equal loss contracts with a factor, the other factor held at a value.

    Attributes:
        factor: the factor.
        held: (key, value) of the other factor, or None.
        volume: direction of log10 V at that loss.
        sphere: direction of the volume of the ball of P dimensions.
    """

    factor: Factor
    held: tuple[str, Any] | None
    volume: Direction
    sphere: Direction

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "factor": self.factor.key,
            "held": dict([self.held]) if self.held else {},
            "volume": self.volume.to_json(),
            "sphere": self.sphere.to_json(),
        }


@dataclass(frozen=True)
class TailComparison:
    """The tails of a sweep at the smallest loss that all of them have come to.

    Attributes:
        log10_loss: log10 of that loss.
        log10_volume, std: log10 V there and its standard error, shape (points,); NaN where a point has none.
        log10_sphere: log10 of the volume V_n(r) of the ball of n = P dimensions with the typical radius r of
            the weights, shape (points,).
        verdicts: the direction with each ordered factor.
    """

    log10_loss: float
    log10_volume: FloatArray
    std: FloatArray
    log10_sphere: FloatArray
    verdicts: tuple[TailVerdict, ...]

    @property
    def volumes(self) -> tuple[Interval, ...]:
        """log10 V of each point with its 95 % interval; NaN where a point has none."""
        estimates, errors = self.log10_volume.tolist(), (WIDTH * self.std).tolist()
        return tuple(Interval(v, v - e, min(v + e, 0.0)) for v, e in zip(estimates, errors, strict=True))

    def to_json(self) -> dict[str, Any]:
        """Return plain data; None stands for what is undefined."""
        return {
            "log10_loss": _plain(self.log10_loss),
            "log10_volume": [_plain(value) for value in self.log10_volume],
            "std": [_plain(value) for value in self.std],
            "log10_sphere": [_plain(value) for value in self.log10_sphere],
            "directions": [verdict.to_json() for verdict in self.verdicts],
        }


def compare_tails(factors: Sequence[Factor], points: Sequence[SweepPoint]) -> TailComparison | None:
    """Compare the tails of a sweep; None where its points have none.

    Args:
        factors: one or two.
        points: what came out.
    """
    tails = [point.tail for point in points]
    ends = [tail.log10_loss[0] for tail in tails if tail is not None and tail.log10_loss.size]
    if not ends:
        return None
    at = float(max(ends))
    volume, std = np.full(len(points), np.nan), np.full(len(points), np.nan)
    for place, tail in enumerate(tails):
        if tail is not None and tail.log10_loss.size:
            volume[place] = np.interp(at, tail.log10_loss, tail.log10_volume, left=np.nan)
            std[place] = np.interp(at, tail.log10_loss, tail.std, left=np.nan)
    sphere = np.array([_sphere(point) for point in points])
    judged = [
        TailVerdict(
            line.factor,
            line.held,
            volume_direction(line.x, volume[line.points], std[line.points]),
            volume_direction(line.x, sphere[line.points], np.zeros(len(line.points))),
        )
        for line in lines_of(factors, points)
    ]
    return TailComparison(at, volume, std, sphere, tuple(judged))


def _sphere(point: SweepPoint) -> float:
    facts = point.facts
    if not (facts.init_radius > 0 and math.isfinite(facts.init_radius)):
        return math.nan
    return float(log_volume(float(facts.parameters), facts.init_radius)) / math.log(10)


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
