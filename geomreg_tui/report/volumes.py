"""V of losses that another run has measured, for the training of the same experiment."""

from __future__ import annotations

from typing import Any

from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.experiment import Experiment
from geomreg_tui.report.results import load_result
from geomreg_tui.rundir import differences, find_run

__all__ = ["volume_from"]

# What V of a loss does not depend on.
_OTHERS = ("seed", "held_out", "sampler", "dtype", "backend", "chunk_size", "batch_size", "bin_bits")


def volume_from(name: str, experiment: Experiment) -> dict[str, Any]:
    """Return V of losses as a run has measured it, as plain data that say which run it is.

    Args:
        name: of the run, or its path.
        experiment: that is to be trained, as the person gave it.

    Raises:
        ExperimentError: if the run is of another experiment, or has no networks.
        RunDirectoryError: if there is no such run, or it is damaged.
    """
    result = load_result(find_run(name))
    same = {key: getattr(experiment, key) for key in _OTHERS}
    asked = result.run.asked.replace(**same)
    if asked != experiment:
        changed = "; ".join(differences(asked, experiment))
        allowed = f"allowed is a run of the same experiment, and this one has another ({changed})"
        raise ExperimentError([Problem("volume-from", repr(name), allowed)])
    curve = result.volume_of_loss
    if not len(curve.log10_loss):
        raise ExperimentError([Problem("volume-from", repr(name), "allowed is a run with networks")])
    return {"run": str(result.path.absolute()), **curve.to_json()}
