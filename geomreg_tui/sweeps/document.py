"""A sweep as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geomreg_tui.sweeps.plan import Factor
from geomreg_tui.sweeps.result import FailedPoint, SweepPoint
from geomreg_tui.sweeps.verdicts import Verdict, grid_verdicts
from geomreg_tui.sweeps.volumes import compare_tails

__all__ = ["sweep_document"]


def sweep_document(
    factors: Sequence[Factor],
    points: Sequence[SweepPoint],
    judged: Sequence[Verdict],
    failed: Sequence[FailedPoint] = (),
) -> dict[str, Any]:
    """Return a sweep as plain data: what ``sweep.json`` holds and ``sweep --json`` prints."""
    compared = compare_tails(factors, points)
    document: dict[str, Any] = {
        "schema": 1,
        "factors": {factor.key: list(factor.values) for factor in factors},
        "points": [
            {
                "settings": dict(zip([f.key for f in factors], point.settings, strict=True)),
                "digest": point.facts.experiment.digest(),
                "samples": point.summary.samples,
                "sampler": point.facts.experiment.sampler,
                "parameters": point.facts.parameters,
                "landmarks": {
                    "null_loss": point.facts.null_loss,
                    "constant_loss": point.facts.constant_loss,
                },
                "dead": point.summary.dead,
                "at_null_loss": point.distribution.at_null,
                "exact_zero": point.facts.exact_zeros(point.summary),
                "dominance": point.landmark.to_json(point.modes.excess),
                "modes": point.modes.to_json(),
                "histogram_digest": point.summary.histogram.digest(),
                "mixed": point.mixed,
            }
            for point in points
        ],
        "failed": [
            {
                "settings": dict(zip([f.key for f in factors], point.settings, strict=True)),
                "reason": point.reason,
                "samples": point.samples,
            }
            for point in failed
        ],
        "directions": [verdict.to_json() for verdict in judged],
        "grid": [verdict.to_json() for verdict in grid_verdicts(factors, points)],
    }
    if compared is not None:
        document["tail"] = compared.to_json()
    return document
