"""Observables over a sweep: their means at each point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.gradients.describe import describe
from geomreg_tui.gradients.plan import OBSERVED
from geomreg_tui.splitting.stage import add_at_loss
from geomreg_tui.statistics.intervals import UNDEFINED, WIDTH, Interval
from geomreg_tui.statistics.observable_laws import ObservableLaw
from geomreg_tui.sweeps.bands import interval_rows
from geomreg_tui.sweeps.result import SweepPoint

__all__ = ["ObservedComparison", "compare_observed", "point_observed"]


@dataclass(frozen=True)
class ObservedComparison:
    """What was observed of networks along a sweep.

    Attributes:
        means: the mean of each observable over networks, by its name, with the ends of its 95 % interval at
            each point, (points, 3). NaN where a point has none.
        laws: what theory expects of the mean, of the observables that it has a law for at some point: with
            the ends of a 95 % interval where that comes from draws, (points, 3). NaN where it has none.
        law_names: which laws these are, by observable.
        pairs: how many pairs of examples were compared at the points, each number once; empty where none
            were.
        low_loss: the median of each observable among the networks of the lowest loss that the deep tail of a
            point has come to, with its interval, (points, 3); empty where none was observed down a tail.
    """

    means: dict[str, NDArray[np.float64]]
    laws: dict[str, NDArray[np.float64]]
    law_names: dict[str, str]
    pairs: tuple[int, ...] = ()
    low_loss: dict[str, NDArray[np.float64]] = field(default_factory=dict)


def compare_observed(points: Sequence[SweepPoint]) -> ObservedComparison | None:
    """Compare the observables of a sweep; None where nothing was observed."""
    seen = [point.observed for point in points if point.observed is not None]
    if not seen:
        return None
    asked = {name for one in seen for name in one.planned.plan.observe}
    names = [name for key, listed in OBSERVED.items() if key in asked for name in listed]
    pairs = {one.planned.arrangement.pairs for one in seen} if "confusion" in asked else set()
    means = interval_rows(names, [_means(point) for point in points])
    laws = [{} if point.observed is None else point.observed.planned.laws for point in points]
    known = [name for name in names if any(name in found for found in laws)]
    expected = [{name: _expected(law) for name, law in found.items()} for found in laws]
    said = {
        name: " or ".join(sorted({found[name].name for found in laws if name in found})) for name in known
    }
    deep = [_low_loss(point) for point in points]
    low_loss = interval_rows([name for name in names if any(name in found for found in deep)], deep)
    return ObservedComparison(means, interval_rows(known, expected), said, tuple(sorted(pairs)), low_loss)


def point_observed(point: SweepPoint) -> dict[str, Any]:
    """Return the observables of a point as plain data; nothing where nothing was observed.

    As ``summary.json`` has them, without what each is given the loss.
    """
    if point.observed is None:
        return {}
    document = describe(point.observed)
    for found in document["observables"].values():
        found.pop("given_loss", None)
    if point.tail is not None:
        add_at_loss(document["observables"], point.tail)
    return document


def _means(point: SweepPoint) -> dict[str, Interval]:
    found = point_observed(point).get("observables", {})
    return {name: _interval(values["mean_interval"]) for name, values in found.items()}


def _low_loss(point: SweepPoint) -> dict[str, Interval]:
    found = {} if point.tail is None else point.tail.observed
    return {name: rows[-1].median for name, rows in found.items() if rows}


def _expected(law: ObservableLaw) -> Interval:
    reach = WIDTH * law.error
    return Interval(law.mean, law.mean - reach, law.mean + reach)


def _interval(values: Sequence[float | None] | None) -> Interval:
    if values is None:
        return UNDEFINED
    return Interval(*(float("nan") if value is None else float(value) for value in values))
