"""The overview of an ensemble: how its trajectories ended, quantiles of their paths, and a few of them whole.

It is what snapshots hold, and what every output is made of. No torch here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.statistics.intervals import Interval
from geomreg_tui.statistics.order import quantile_interval
from geomreg_tui.statistics.update_dimension import WINDOWS
from geomreg_tui.training.dimension import update_dimensions
from geomreg_tui.training.plan import TrainingPlan, plan_from_values, plan_values
from geomreg_tui.training.result import FITTED, LIMIT, MEASURES, Band, TrainingResult
from geomreg_tui.training.volume import VolumeOfLoss

__all__ = ["SHARES", "TrainingOverview"]

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
_SHOWN = 8  # trajectories that are kept whole
_PREFIX = "training."


@dataclass(frozen=True)
class TrainingOverview:
    """What an ensemble has shown.

    Attributes:
        plan: how networks are trained.
        ends: where each trajectory that was begun stands, or how it ended: its last row alone.
        shown: the first trajectories, whole.
        bands: quantiles over the trajectories by measure, on the recorded steps that any has come to.
        dimensions: of the updates of each trajectory, early, midway and late, (trajectories, 3); NaN where
            there is no sketch, or a part has no two moves.
        moves: moves in each such part, (trajectories,).
        failures: trajectories that cannot be trained, in words, each group once.
        failed: how many these are.
        volume: V of losses from another run of the same experiment; None where this run's own is used.
    """

    plan: TrainingPlan
    ends: TrainingResult
    shown: TrainingResult
    bands: Mapping[str, Band]
    dimensions: NDArray[np.float64]
    moves: NDArray[np.int64]
    failures: tuple[str, ...] = ()
    failed: int = 0
    volume: VolumeOfLoss | None = None

    @classmethod
    def of(
        cls,
        plan: TrainingPlan,
        result: TrainingResult,
        failures: tuple[str, ...] = (),
        failed: int = 0,
        volume: VolumeOfLoss | None = None,
    ) -> TrainingOverview:
        """Return the overview of trajectories."""
        furthest = int(result.step.max(initial=0))
        recorded = plan.recorded_steps()
        grid = [step for step in recorded if step <= furthest]
        dimensions, moves = update_dimensions(result, recorded, plan.sketch)
        bands = {measure: result.path(measure, grid, SHARES) for measure in result.measures}
        shown = result.of(result.trajectory < _SHOWN)
        return cls(plan, result.ends(), shown, bands, dimensions, moves, failures, failed, volume)

    @property
    def dimension(self) -> dict[str, Interval]:
        """Median dimension of the updates by part of the path, over those that have come to an end.

        Those that diverged or were dead at the start are left out. Empty where there are no sketches.
        """
        used = np.isin(self.ends.status, (FITTED, LIMIT)) & np.isfinite(self.dimensions).all(axis=1)
        if not used.any():
            return {}
        return {
            name: quantile_interval(column)
            for name, column in zip(WINDOWS, self.dimensions[used].T, strict=True)
        }

    @property
    def step(self) -> NDArray[np.int64]:
        """The recorded steps that any trajectory has come to, (steps,)."""
        return self.bands["loss"].step

    @property
    def counts(self) -> dict[str, int]:
        """How many trajectories have ended in each way."""
        return self.ends.counts

    @property
    def ended(self) -> int:
        """How many trajectories have ended."""
        return sum(self.counts.values())

    @property
    def waiting(self) -> int:
        """How many trajectories have not ended and can still be trained."""
        return self.plan.trajectories - self.ended - self.failed

    @property
    def over(self) -> bool:
        """Whether no trajectory is left to be trained."""
        return self.waiting == 0

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return plain data and named arrays from which :meth:`from_parts` restores the overview."""
        values: dict[str, Any] = {
            "plan": plan_values(self.plan),
            "failures": list(self.failures),
            "failed": self.failed,
            "volume": None if self.volume is None else self.volume.to_json(),
        }
        arrays: dict[str, NDArray[Any]] = {
            _PREFIX + "step": self.step,
            _PREFIX + "dimensions": self.dimensions,
            _PREFIX + "moves": self.moves,
        }
        for name in ("ends", "shown"):
            values[name], parts = getattr(self, name).to_parts()
            arrays |= {f"{_PREFIX}{name}.{key}": array for key, array in parts.items()}
        for measure, band in self.bands.items():
            arrays[f"{_PREFIX}{measure}.quantiles"] = band.quantiles
            arrays[f"{_PREFIX}{measure}.median"] = band.median
            arrays[f"{_PREFIX}{measure}.trajectories"] = band.trajectories
        return values, arrays

    @classmethod
    def from_parts(
        cls, values: Mapping[str, Any], arrays: Mapping[str, NDArray[np.generic]]
    ) -> TrainingOverview:
        """Restore an overview; one from before norms were recorded has none.

        Raises:
            LookupError, TypeError, ValueError: if entries are missing or contradict each other.
        """
        plan = plan_from_values(values["plan"])
        step = np.asarray(arrays[_PREFIX + "step"], np.int64)
        if "norm" not in values["ends"]:
            arrays = {**_no_band("norm", len(step)), **arrays}
        bands = {}
        for measure in (*MEASURES, *plan.observed):
            quantiles, median, count = (
                np.asarray(arrays[f"{_PREFIX}{measure}.{name}"])
                for name in ("quantiles", "median", "trajectories")
            )
            shapes = (quantiles.shape, median.shape, count.shape)
            if shapes != ((len(step), len(SHARES)), (len(step), 3), step.shape):
                raise ValueError(f"{measure}: not a band over {len(step)} steps")
            bands[measure] = Band(
                step,
                SHARES,
                quantiles.astype(np.float64),
                median.astype(np.float64),
                count.astype(np.int64),
            )
        results = {}
        for name in ("ends", "shown"):
            prefix = f"{_PREFIX}{name}."
            parts = {
                key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)
            }
            results[name] = TrainingResult.from_parts(values[name], parts)
            if tuple(results[name].observed) != plan.observed:
                raise ValueError("something else is observed of gradients")
        moves = np.asarray(arrays[_PREFIX + "moves"], np.int64)
        dimensions = np.asarray(arrays[_PREFIX + "dimensions"], np.float64)
        if (dimensions.shape, moves.shape) != ((len(moves), len(WINDOWS)), results["ends"].trajectory.shape):
            raise ValueError("dimensions of other trajectories")
        failures = tuple(str(reason) for reason in values["failures"])
        curve = values["volume"]
        volume = None if curve is None else VolumeOfLoss.from_json(curve)
        failed = int(values["failed"])
        return cls(
            plan, results["ends"], results["shown"], bands, dimensions, moves, failures, failed, volume
        )


def _no_band(measure: str, steps: int) -> dict[str, NDArray[np.generic]]:
    """Return the arrays of a measure that no trajectory has."""
    return {
        f"{_PREFIX}{measure}.quantiles": np.full((steps, len(SHARES)), np.nan),
        f"{_PREFIX}{measure}.median": np.full((steps, 3), np.nan),
        f"{_PREFIX}{measure}.trajectories": np.zeros(steps, np.int64),
    }
