"""The result of a run as plain data: what ``summary.json`` holds and ``--json`` prints."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from geomreg_tui.analysis import (
    LossDistribution,
    analyse_modes,
    deep_tail,
    held_out_given_loss,
    landmark_dominance,
    lebesgue_curve,
    run_volume,
)
from geomreg_tui.summary import Facts, Summary, Tail

__all__ = ["QUANTILES", "SCHEMA", "summary_document"]

SCHEMA = 1
QUANTILES = (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)


def summary_document(
    facts: Facts,
    summary: Summary,
    complete: bool,
    elapsed_s: float,
    environments: Sequence[Mapping[str, Any]],
    given_up: Sequence[int] = (),
    tail: Tail | None = None,
) -> dict[str, Any]:
    """Return the result of a run; None stands for what is undefined or infinite.

    Args:
        facts: what the experiment comes to.
        summary: the networks drawn.
        complete: whether those are all that were asked for.
        elapsed_s: time spent sampling.
        environments: versions and device that the bits depend on; more than one if they are mixed.
        given_up: chunks that could not be drawn.
        tail: the populations of the deep tail, if one was asked for.
    """
    distribution = LossDistribution(summary, facts.null_loss)
    histogram, moments = summary.histogram, summary.moments
    quantiles = distribution.quantile(QUANTILES)
    curve = run_volume(distribution, facts)
    lebesgue = lebesgue_curve(curve, facts.support, facts.parameters)
    deep = None if tail is None else deep_tail(tail, curve)
    modes = analyse_modes(distribution)
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "experiment": facts.experiment.to_json(),
        "digest": facts.experiment.digest(),
        "samples": summary.samples,
        "complete": complete,
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
        "dominance": landmark_dominance(distribution, deep).to_json(modes.excess),
        "modes": modes.to_json(),
        "volume": {**curve.to_json(), "lebesgue": lebesgue.to_json() if lebesgue else None},
        "histogram_digest": histogram.digest(),
        "environments": [dict(environment) for environment in environments],
        "mixed": len(environments) > 1,
        "given_up": list(given_up),
        "timing": {
            "elapsed_s": elapsed_s,
            "networks_per_s": summary.samples / elapsed_s if elapsed_s > 0 else None,
        },
    }
    if summary.joint is not None:
        document["held_out"] = held_out_given_loss(summary.joint).to_json()
    if deep is not None:
        document["tail"] = deep.to_json()
    return document


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
