"""Making an experiment ready: the work that is done before anything is drawn, in a worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from geomreg_tui.engine.work import Work
from geomreg_tui.experiment import Experiment

__all__ = ["Preparation"]


@dataclass(frozen=True)
class Preparation(Work):
    """An experiment to be made ready. Its answer is :class:`geomreg_tui.engine.Prepared`.

    Attributes:
        experiment: the experiment.
        device: which devices are meant (:func:`geomreg_tui.sampling.device.resolve_devices`).
        module: the module factory that the person named; code that only a file names is never imported.
        plans: what is asked of the stages that it is to go through, by their names: a stage may need the
            experiment in a form of its own.
        overlays: whether to compute what theory says of it.
    """

    function: ClassVar[str] = "geomreg_tui.runner.preparing:prepare"

    experiment: Experiment
    device: str = "auto"
    module: str | None = None
    plans: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    overlays: bool = True
