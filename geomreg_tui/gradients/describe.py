"""What the networks that were observed say, as plain data."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from geomreg_tui.gradients.result import ObservedValues
from geomreg_tui.gradients.store import Observed
from geomreg_tui.gradients.walk_sums import NEUTRAL, WalkSums
from geomreg_tui.statistics.intervals import UNDEFINED, Interval, clopper_pearson
from geomreg_tui.statistics.observed import (
    given_loss,
    group_correlation,
    mean_interval,
    quantiles,
    rank_correlation,
)

__all__ = ["QUANTILES", "describe"]

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def describe(seen: Observed) -> dict[str, Any]:
    """Return what is added to a run's document; None stands for what is undefined or infinite.

    Each observable has its ``mean``, ``std``, ``min``, ``max`` and ``quantiles`` over networks, with 95 %
    intervals of mean and quantiles beside them. ``walk_correlation`` is no number of one network: its
    ``mean`` is the correlation of all pairs together, and the others are those of 32 groups of pairs.
    Where theory has a law for an observable, ``law`` is its name, and the mean that it expects with the
    standard error of that.
    """
    observations, plan, arrangement = seen.observations, seen.planned.plan, seen.planned.arrangement
    observed: dict[str, Any] = {
        "networks": observations.samples,
        "method": arrangement.method,
        "reason": arrangement.reason,
    }
    if "confusion_min" in observations.values:
        observed |= {"pairs": arrangement.pairs, "pairs_without_cosine": observations.missing}
    found = {name: _values(observations.values[name]) for name in plan.observables}
    if observations.walk is not None:
        observed["walk_step"] = plan.walk_step
        found["walk_correlation"] = _walk(observations.walk)
    for name, law in seen.planned.laws.items():
        if name in found:
            found[name]["law"] = {"name": law.name, "mean": law.mean, "error": law.error}
    return {"observed": observed, "observables": found}


def _values(values: ObservedValues) -> dict[str, Any]:
    histogram, moments = values.histogram, values.moments
    places = quantiles(histogram, moments, QUANTILES)
    return {
        "mean": _plain(moments.mean),
        "mean_interval": mean_interval(moments).to_json(),
        "std": _plain(moments.std),
        "min": _plain(moments.minimum),
        "max": _plain(moments.maximum),
        "quantiles": _by_share([place.estimate for place in places]),
        "quantile_intervals": {
            str(share): place.to_json() for share, place in zip(QUANTILES, places, strict=True)
        },
        "counts": {
            "finite": histogram.finite,
            "zero": histogram.zero,
            "undefined": histogram.undefined,
            "nonfinite": histogram.nonfinite,
        },
        "loss_rank_correlation": rank_correlation(values.joint).to_json(),
        "given_loss": [
            {
                "loss": [_plain(group.low), _plain(group.high)],
                "networks": group.networks,
                "quartiles": [_plain(group.lower), _plain(group.median), _plain(group.upper)],
            }
            for group in given_loss(values.joint)
        ],
    }


def _walk(walk: WalkSums) -> dict[str, Any]:
    correlation, each = group_correlation(*walk.group_sums())
    of_logarithm, _ = group_correlation(*walk.group_sums(logarithm=True))
    known = np.sort(each[np.isfinite(each)])
    places = np.quantile(known, QUANTILES) if known.size else [math.nan] * len(QUANTILES)
    finite = walk.pairs - walk.nonfinite
    return {
        "mean": _plain(correlation.estimate),
        "mean_interval": correlation.to_json(),
        "std": _plain(float(known.std(ddof=1))) if known.size > 1 else None,
        "min": _plain(float(known[0])) if known.size else None,
        "max": _plain(float(known[-1])) if known.size else None,
        "quantiles": _by_share([float(place) for place in places]),
        "counts": {
            "pairs": walk.pairs,
            "groups": int(known.size),
            "zero": walk.zero,
            "nonfinite": walk.nonfinite,
        },
        "of_log_loss": of_logarithm.to_json(),
        "length": _length(correlation),
        "length_of_log_loss": _length(of_logarithm),
        "improving": _share(walk.improving, finite).to_json(),
        "neutral": _share(walk.neutral, finite).to_json(),
        "neutral_within": NEUTRAL,
    }


def _length(correlation: Interval) -> list[float | None]:
    """Return the correlation length in steps, -1 / ln r (Weinberger 1990); None unless 0 < r < 1."""
    lengths = [-1 / math.log(r) if 0 < r < 1 else math.nan for r in correlation]
    return Interval(*lengths).to_json()


def _share(count: int, total: int) -> Interval:
    if not total:
        return UNDEFINED
    low, high = clopper_pearson(count, total)
    return Interval(count / total, float(low), float(high))


def _by_share(values: list[float]) -> dict[str, float | None]:
    return {str(share): _plain(value) for share, value in zip(QUANTILES, values, strict=True)}


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
