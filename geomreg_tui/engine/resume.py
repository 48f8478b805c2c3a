"""Checks before an engine goes on with a run: the same environment, and the same bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from geomreg_tui.engine.executors import Executor
from geomreg_tui.engine.fold import Fold
from geomreg_tui.engine.task import Task
from geomreg_tui.errors import RunDirectoryError, SamplingError, plain_text
from geomreg_tui.runs import Pack, RunDirectory

__all__ = ["check_environment", "check_stored_chunk"]

_WITHOUT_EFFECT = ("python", "from_chunk")  # the bits do not depend on these
_HINT = "pass --allow-mixed to go on all the same; every output will then say that the run is mixed"


def check_environment(run: RunDirectory, here: Mapping[str, Any], allow_mixed: bool) -> bool:
    """Compare this environment with the one that the run was drawn in last; return whether it differs.

    Raises:
        RunDirectoryError: if it differs and ``allow_mixed`` is not given.
    """
    changed = _changes(run.environments[-1], here)
    if changed and not allow_mixed:
        raise RunDirectoryError(
            f"{run.path}: was drawn in another environment, where the bits may differ "
            f"({'; '.join(changed)}); {_HINT}"
        )
    return bool(changed)


def check_stored_chunk(
    run: RunDirectory, fold: Fold, executor: Executor, here: Mapping[str, Any], allow_mixed: bool
) -> bool:
    """Draw the last stored chunk again and compare; return whether it differs.

    Raises:
        RunDirectoryError: if it differs and ``allow_mixed`` is not given.
        SamplingError: if it cannot be drawn.
    """
    if fold.last_stored is None:
        return False
    chunk, check = fold.last_stored
    executor.submit(Task(run.facts.experiment, chunk))
    while not (outcomes := executor.outcomes(1.0)):
        pass
    (outcome,) = outcomes
    if outcome.answer is None:
        raise SamplingError(f"chunk {chunk:,} was drawn before and cannot be drawn again: {outcome.error}")
    if Pack.of_chunk(outcome.answer.summary, run.empty().losses).check == check:
        return False
    if not allow_mixed:
        why = "; ".join(_changes(run.environments[-1], here)) or (
            "versions and device are the same, so the data, your own code or the hardware differ"
        )
        raise RunDirectoryError(
            f"{run.path}: chunk {chunk:,}, drawn again, is not what is stored ({why}); {_HINT}"
        )
    return True


def _changes(before: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    keys = [key for key in {**before, **here} if key not in _WITHOUT_EFFECT]
    return [
        plain_text(f"{key} was {str(before.get(key))[:60]} and is {str(here.get(key))[:60]}")
        for key in keys
        if before.get(key) != here.get(key)
    ]
