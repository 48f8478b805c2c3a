"""What studies share: sweeps over a factor and replicates, and numbers of each replicate."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geomreg_tui.experiment import Experiment
from geomreg_tui.gradients.plan import GradientPlan
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.sweeps.observed import point_observed
from geomreg_tui.sweeps.plan import REPLICATE, Factor, SweepPlan
from geomreg_tui.sweeps.result import SweepPoint
from geomreg_tui.training.plan import TrainingPlan

__all__ = [
    "dominance",
    "log10_volume",
    "low_loss_mean",
    "observed_mean",
    "over",
    "slopes",
    "table_of",
    "trained_median",
]

FloatArray = NDArray[np.float64]

_SAME = 1e-6  # of log10 losses


def over(
    key: str,
    values: Sequence[Any],
    replicates: int,
    samples: float,
    keys: Mapping[str, Any],
    *,
    tail: TailPlan | None = None,
    training: TrainingPlan | None = None,
    observed: GradientPlan | None = None,
) -> SweepPlan:
    """Return the sweep over a factor and replicates, each of which has examples and weights of its own.

    Args:
        key, values: the factor.
        replicates: how many.
        samples: networks of each point.
        keys: the other keys of the experiment.
        tail, training, observed: as :class:`SweepPlan` has them.
    """
    factors = (Factor(key, tuple(values)), Factor(REPLICATE, tuple(range(replicates))))
    experiment = Experiment.parse({**keys, key: values[0]})
    return SweepPlan(experiment, factors, int(samples), tail, training, observed)


def table_of(
    points: Sequence[SweepPoint], measure: Callable[[SweepPoint], float], values: Sequence[Any] = ()
) -> tuple[list[Any], FloatArray]:
    """Return the values of a sweep's first factor, and a measure of each replicate, (replicates, values).

    NaN where a point is not there.

    Args:
        points: of the sweep.
        measure: of a point.
        values: of the factor, to have a column each whether a point has come to them or not.
    """
    known = list(dict.fromkeys([*values, *(point.settings[0] for point in points)]))
    if not any(isinstance(value, str) for value in known):
        known.sort()
    replicates = list(dict.fromkeys(point.settings[-1] for point in points))
    table = np.full((len(replicates), len(known)), np.nan)
    for point in points:
        table[replicates.index(point.settings[-1]), known.index(point.settings[0])] = measure(point)
    return known, table


def slopes(x: ArrayLike, table: FloatArray) -> FloatArray:
    """Return the least-squares slope of each row over x, (replicates,); NaN for a row with fewer than two
    values.

    Args:
        x: places, (values,).
        table: (replicates, values); NaN for none.
    """
    places = np.asarray(x, np.float64)
    found = np.full(len(table), np.nan)
    for row, values in enumerate(table):
        known = np.isfinite(values)
        if np.unique(places[known]).size > 1:
            found[row] = np.polyfit(places[known], values[known], 1)[0]
    return found


def dominance(point: SweepPoint) -> float:
    """Return D_0 of a point."""
    return point.landmark.landmark.estimate


def log10_volume(loss: float) -> Callable[[SweepPoint], float]:
    """Return what gives log10 V of a point at a loss; NaN where it is not known."""
    return lambda point: float(point.volume_of_loss.at([loss])[0, 0])


def observed_mean(name: str) -> Callable[[SweepPoint], float]:
    """Return what gives the mean of an observable over the networks of a point; NaN where it has none."""

    def measure(point: SweepPoint) -> float:
        mean = point_observed(point).get("observables", {}).get(name, {}).get("mean")
        return math.nan if mean is None else float(mean)

    return measure


def low_loss_mean(name: str, loss: float) -> Callable[[SweepPoint], float]:
    """Return what gives the mean of an observable over networks of at most a loss, found down the tail.

    NaN where the tail of a point has not come to the loss, or did not look at networks there.
    """

    def measure(point: SweepPoint) -> float:
        rows = () if point.tail is None else point.tail.observed.get(name, ())
        there = [row for row in rows if abs(row.log10_loss - math.log10(loss)) < _SAME]
        return there[-1].mean.estimate if there else math.nan

    return measure


def trained_median(name: str) -> Callable[[SweepPoint], float]:
    """Return what gives the median of a measure over the networks of a point that fitted; NaN for none."""

    def measure(point: SweepPoint) -> float:
        if point.training is None:
            return math.nan
        return point.training.ends.medians()[name].estimate

    return measure
