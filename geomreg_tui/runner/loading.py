"""What is loaded into the process that workers are forked from: torch, where a run needs it.

Nothing here imports numpy for a new run: the engine is started first.
"""

from __future__ import annotations

from pathlib import Path

from geomreg_tui.errors import GeomregError
from geomreg_tui.experiment import Experiment
from geomreg_tui.fused.library import kernel
from geomreg_tui.fused.plan import against_fused
from geomreg_tui.runner.protocol import RunRequest
from geomreg_tui.sampling.device import may_have_gpu
from geomreg_tui.sampling.plan import NAME as SAMPLING

__all__ = ["preloaded"]

_ALWAYS = "geomreg_tui.runner.preload"
_TORCH = "geomreg_tui.runner.preload_torch"


def preloaded(request: RunRequest) -> tuple[str, ...]:
    """Return the modules to load before any worker is forked, none where all work is a cluster's.

    Importing them has effects. A worker that turns out to need torch all the same imports it for itself.
    """
    if request.cluster is not None:
        return ()
    return (_TORCH, _ALWAYS) if _needs_torch(request) else (_ALWAYS,)


def _needs_torch(request: RunRequest) -> bool:
    """Return whether the workers of a request will need torch, as far as can be told before."""
    if _has_other_stages(request) or kernel() is None:
        return True
    if request.device != "cpu" and may_have_gpu():
        return True
    try:
        experiment = _experiment(request)
    except GeomregError:
        return False  # it will be refused
    columns = experiment.examples + experiment.held_out
    against = against_fused(experiment, columns, experiment.outputs or 1, radial=True)
    return experiment.backend == "torch" or bool(against)


def _has_other_stages(request: RunRequest) -> bool:
    """Return whether a run does more than sample losses."""
    if request.experiment is not None:
        return bool(set(request.plans) - {SAMPLING})
    from geomreg_tui.runner.registry import STAGES

    run, others = Path(request.directory), [kind for kind in STAGES if kind.name != SAMPLING]
    return any((run / plan).exists() for kind in others for plan in kind.layout.begun)


def _experiment(request: RunRequest) -> Experiment:
    """Return the experiment of a request.

    Raises:
        GeomregError: if there is none.
    """
    if request.experiment is not None:
        return Experiment.parse(request.experiment)
    from geomreg_tui.rundir import RunDirectory

    return RunDirectory.open(Path(request.directory)).facts.experiment
