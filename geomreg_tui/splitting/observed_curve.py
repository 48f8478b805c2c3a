"""Observables of networks of at most a loss, from the members that populations held there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.splitting.curve import TailCurve
from geomreg_tui.splitting.members import ObservedMembers
from geomreg_tui.splitting.result import PopulationResult
from geomreg_tui.statistics.clusters import cluster_mean, cluster_quantiles
from geomreg_tui.statistics.intervals import Interval

__all__ = ["SHARES", "ObservedAtLoss", "observed_curve"]

FloatArray = NDArray[np.float64]

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
_LN10 = math.log(10)
_SAME = 1e-6  # of log losses that differ by the rounding of a search only
# Not negative; they may follow a power of the loss.
_SIZES = ("ntk_trace", "gradient_norm", "sharpness")


@dataclass(frozen=True)
class ObservedAtLoss:
    """An observable of the networks of at most a loss.

    Attributes:
        log10_loss: log10 of the loss.
        log10_volume: log10 V there.
        networks: members that were observed, of all populations.
        undefined: share of them that have no value, such as dead networks, of which no cosine is known.
        mean: over networks that have one, with its interval.
        quantiles: at :data:`SHARES`, with their intervals.
    """

    log10_loss: float
    log10_volume: float
    networks: int
    undefined: float
    mean: Interval
    quantiles: tuple[Interval, ...]

    @property
    def median(self) -> Interval:
        """The median."""
        return self.quantiles[SHARES.index(0.5)]

    def to_json(self) -> dict[str, Any]:
        """Return plain data; None stands for what is undefined or below the smallest number."""
        return {
            "loss": 10**self.log10_loss or None,
            "log10_loss": self.log10_loss,
            "log10_volume": self.log10_volume if math.isfinite(self.log10_volume) else None,
            "networks": self.networks,
            "undefined": self.undefined,
            "mean": self.mean.to_json(),
            "quantiles": {
                str(share): place.to_json() for share, place in zip(SHARES, self.quantiles, strict=True)
            },
        }


def observed_curve(
    populations: Sequence[PopulationResult], curve: TailCurve | None
) -> dict[str, tuple[ObservedAtLoss, ...]]:
    """Return each observable at the losses where populations were looked at, decreasing; by its name.

    Those are the losses of the population that was looked at least often, where all were looked at above and
    below. Each population counts by its volume, as it would in a sample of {L <= eps}; intervals take
    populations as clusters.

    Args:
        populations: those of the curve, at least one.
        curve: their curve; None where there is none yet.
    """
    if curve is None or not curve.log10_loss.size:
        return {}
    shortest = min((population.observed for population in populations), key=lambda seen: seen.log_loss.size)
    if not shortest.log_loss.size:
        return {}
    lowest = max(float(population.observed.log_loss[-1]) for population in populations)
    highest = min(float(population.observed.log_loss[0]) for population in populations)
    between = shortest.log_loss[(shortest.log_loss < highest - _SAME) & (shortest.log_loss > lowest + _SAME)]
    ends = [highest] if highest > lowest + _SAME else []
    if highest < lowest - _SAME:
        return {}
    at = np.concatenate([ends, between, [lowest]])
    volumes = np.array([_log_volume(population, at) for population in populations])
    shares = np.exp(volumes - volumes.max(axis=0))
    found: dict[str, tuple[ObservedAtLoss, ...]] = {}
    for row, name in enumerate(shortest.names):
        rows = []
        for place, log_loss in enumerate(at.tolist()):
            values, weights, total = [], [], 0.0
            for population, share in zip(populations, shares[:, place], strict=True):
                each, defined = _between(population.observed, row, log_loss, name in _SIZES)
                values.append(each)
                weights.append(np.full(each.size, share * defined / max(each.size, 1)))
                total += share
            known = sum(float(part.sum()) for part in weights) / total
            rows.append(
                ObservedAtLoss(
                    log_loss / _LN10,
                    curve.at(log_loss / _LN10)[0],
                    sum(population.observed.values.shape[2] for population in populations),
                    max(0.0, 1 - known) if known < 1 - _SAME else 0.0,
                    cluster_mean(values, weights),
                    tuple(cluster_quantiles(values, weights, SHARES)),
                )
            )
        found[name] = tuple(rows)
    return found


def _log_volume(population: PopulationResult, log_loss: FloatArray) -> FloatArray:
    """Return log V of a population at losses."""
    order = np.lexsort((population.log_volume, population.log_loss))
    return np.asarray(
        np.interp(log_loss, population.log_loss[order], population.log_volume[order]), np.float64
    )


def _between(seen: ObservedMembers, row: int, log_loss: float, sizes: bool) -> tuple[FloatArray, float]:
    """Return values of an observable at a loss, and the share of members that have one.

    Between two looks each quantile goes from one to the other in proportion to the logarithm of the loss:
    so does, of what is a size, its logarithm. That is exact for what follows a power of the loss.
    """
    rising = seen.log_loss[::-1]
    place = float(np.interp(log_loss, rising, np.arange(rising.size, dtype=np.float64)[::-1]))
    above = math.floor(place)
    part = place - above
    first = _defined(seen.values[above, row])
    members = seen.values.shape[2]
    if part < _SAME:
        return first, first.size / members
    second = _defined(seen.values[above + 1, row])
    count = min(first.size, second.size)
    defined = ((1 - part) * first.size + part * second.size) / members
    if not count:
        return (first if first.size else second), defined
    levels = (np.arange(count) + 0.5) / count
    ends = [np.quantile(each, levels, method="hazen") for each in (first, second)]
    if sizes and min(first.min(), second.min()) > 0:
        return np.exp((1 - part) * np.log(ends[0]) + part * np.log(ends[1])), defined
    return (1 - part) * ends[0] + part * ends[1], defined


def _defined(values: FloatArray) -> FloatArray:
    """Return the values that there are, in order."""
    return np.sort(values[np.isfinite(values)])
