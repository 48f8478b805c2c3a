"""The result of a run as plain data: what ``summary.json`` holds and ``--json`` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from geomreg_tui.runner import registry
from geomreg_tui.summary import Facts

__all__ = ["SCHEMA", "run_document"]

SCHEMA = 1


def run_document(
    facts: Facts,
    results: Mapping[str, Any],
    complete: bool,
    elapsed_s: float,
    environments: Sequence[Mapping[str, Any]],
    given_up: Sequence[int] = (),
) -> dict[str, Any]:
    """Return the result of a run; None stands for what is undefined or infinite.

    Args:
        facts: what the experiment comes to.
        results: what each stage has shown, by its name.
        complete: whether that is all that was asked for.
        elapsed_s: time spent sampling.
        environments: versions and device that the bits depend on; more than one if they are mixed.
        given_up: chunks that could not be drawn.
    """
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "experiment": facts.experiment.to_json(),
        "digest": facts.experiment.digest(),
    }
    for kind in registry.STAGES:
        if results.get(kind.name) is not None:
            kind.describe(document, facts, results)
    return {
        **document,
        "complete": complete,
        "environments": [dict(environment) for environment in environments],
        "mixed": len(environments) > 1,
        "given_up": list(given_up),
        "timing": {
            "elapsed_s": elapsed_s,
            "networks_per_s": document.get("samples", 0) / elapsed_s if elapsed_s > 0 else None,
        },
    }
