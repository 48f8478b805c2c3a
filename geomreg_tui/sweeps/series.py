"""The engine of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from geomreg_tui.experiment import Experiment
from geomreg_tui.gradients.plan import NAME, GradientPlan, plan_values
from geomreg_tui.runner.launch import RunSeries

__all__ = ["PointSeries"]


class PointSeries(RunSeries):
    """One engine process that carries out the points of a sweep, and observes networks of each.

    Args:
        workers, device, arrays: as :class:`RunSeries` takes them.
        observed: what to observe of each point; None for nothing.
    """

    def __init__(
        self,
        workers: int | None = None,
        device: str = "auto",
        arrays: Path | None = None,
        observed: GradientPlan | None = None,
    ) -> None:
        super().__init__(workers, device, arrays)
        self._observed = observed

    def _send(
        self,
        path: Path,
        plans: Mapping[str, Mapping[str, Any]],
        module: str | None,
        experiment: Experiment | None,
        *,
        check: bool = False,
    ) -> None:
        """Send a request with what is to be observed; a run that goes on takes how many networks alone."""
        if self._observed is not None:
            begins = experiment is not None
            asked = plan_values(self._observed) if begins else {"networks": self._observed.networks}
            plans = {**plans, NAME: asked}
        super()._send(path, plans, module, experiment, check=check)
