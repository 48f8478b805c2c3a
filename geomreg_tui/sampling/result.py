"""The results of plain sampling as plain data."""

from __future__ import annotations

import math
from typing import Any

from geomreg_tui.statistics import (
    LossDistribution,
    analyse_modes,
    held_out_given_loss,
    landmark_dominance,
    lebesgue_curve,
    run_volume,
)
from geomreg_tui.summary import Facts, Summary

__all__ = ["QUANTILES", "describe"]

QUANTILES = (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)


def describe(facts: Facts, summary: Summary) -> dict[str, Any]:
    """Return the results of plain sampling; None stands for what is undefined or infinite.

    Args:
        facts: what the experiment comes to.
        summary: the networks.
    """
    distribution = LossDistribution(summary, facts.null_loss)
    histogram, moments = summary.histogram, summary.moments
    quantiles = distribution.quantile(QUANTILES)
    curve = run_volume(distribution, facts)
    lebesgue = lebesgue_curve(curve, facts.support, facts.parameters)
    modes = analyse_modes(distribution)
    document: dict[str, Any] = {
        "samples": summary.samples,
        "sampler": facts.experiment.sampler,
        "sampler_reason": facts.sampler_reason,
        "data_notes": list(facts.data_notes),
        "parameters": facts.parameters,
        "init_radius": _plain(facts.init_radius),
        "landmarks": {
            "null_loss": _plain(facts.null_loss),
            "constant_loss": _plain(facts.constant_loss),
        },
        "counts": {
            "zero": histogram.zero,
            "atom": histogram.atom,
            "nonfinite": histogram.nonfinite,
            "at_null_loss": distribution.at_null,
            "dead": summary.dead,
            "exact_zero": facts.exact_zeros(summary),
        },
        "at_null_loss": distribution.at_null_share.to_json(),
        "dead": None if summary.dead is None else distribution.dead.to_json(),
        "resolution": facts.resolution,
        "loss": {
            "min": _plain(moments.minimum),
            "max": _plain(moments.maximum),
            "mean": _plain(moments.mean),
            "std": _plain(moments.std),
            "quantiles": {
                str(share): _plain(float(value)) for share, value in zip(QUANTILES, quantiles, strict=True)
            },
        },
        "dominance": landmark_dominance(distribution).to_json(modes.excess),
        "modes": modes.to_json(),
        "volume": {**curve.to_json(), "lebesgue": lebesgue.to_json() if lebesgue else None},
        "histogram_digest": histogram.digest(),
    }
    if summary.joint is not None:
        document["held_out"] = held_out_given_loss(summary.joint).to_json()
    return document


def _plain(value: float) -> float | None:
    """Return a finite number, or None."""
    return float(value) if math.isfinite(value) else None
