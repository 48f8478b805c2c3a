"""A sweep as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geomreg_tui.sweeps.observed import point_observed
from geomreg_tui.sweeps.plan import Factor
from geomreg_tui.sweeps.result import FailedPoint, SweepPoint
from geomreg_tui.sweeps.trained import point_training
from geomreg_tui.sweeps.verdicts import GridVerdict, Verdict
from geomreg_tui.sweeps.volumes import compare_tails

__all__ = ["sweep_document"]


def sweep_document(
    factors: Sequence[Factor],
    points: Sequence[SweepPoint],
    judged: Sequence[Verdict],
    judged_grid: Sequence[GridVerdict],
    failed: Sequence[FailedPoint] = (),
) -> dict[str, Any]:
    """Return a sweep as plain data, which ``sweep.json`` holds and ``sweep --json`` prints.

    Args:
        factors: what was varied.
        points: what came out.
        judged: the direction of each ordered factor.
        judged_grid: the same over the whole grid of two factors.
        failed: points that could not be finished.
    """
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
                **point_observed(point),
                **point_training(point),
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
        "grid": [verdict.to_json() for verdict in judged_grid],
    }
    if compared is not None:
        document["tail"] = compared.to_json()
    return document
