"""What trained networks have shown: how each ended, and its recorded path. No torch here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.statistics.intervals import Interval
from geomreg_tui.statistics.order import quantile_interval
from geomreg_tui.training.plan import OBSERVED

if TYPE_CHECKING:
    from jaxtyping import Bool, Float64, Int64

__all__ = ["FITTED", "GOING", "MEASURES", "STATUSES", "Band", "TrainingResult"]

FloatArray = NDArray[np.float64]

STATUSES = ("fitted", "limit", "diverged", "dead")
FITTED, LIMIT, DIVERGED, DEAD = range(4)
GOING = 4  # of trajectories that have not ended
MEASURES = (
    "loss",
    "held_out_loss",
    "held_out_accuracy",
    "distance",
    "relative_distance",
    "gradient_norm",
    "norm",
)
_NORM = "norm"  # which versions up to 0.1.0 did not record
_OBSERVED = tuple(name for names in OBSERVED.values() for name in names)
_SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
_MOST_ROWS = 10**8


@dataclass(frozen=True)
class Band:
    """Quantiles of a measure over trajectories, on a common grid of steps.

    Attributes:
        step: the grid, (steps,).
        shares: which quantiles.
        quantiles: of the measure at each step, (steps, quantiles).
        median: the median with its 95 % interval, (steps, 3): estimate, low, high.
        trajectories: how many there are at each step, (steps,).
    """

    step: Int64[NDArray[np.int64], " steps"]
    shares: tuple[float, ...]
    quantiles: Float64[FloatArray, "steps quantiles"]
    median: Float64[FloatArray, "steps 3"]
    trajectories: Int64[NDArray[np.int64], " steps"]


@dataclass(frozen=True)
class TrainingResult:
    """Trajectories, in the order of their indices, and the rows that were recorded of them.

    A row is recorded at step 0, on a grid of steps that is logarithmic, where the loss first comes to a power
    of ten or below, and at the end. The rows of trajectory i of the result are those from ``first_row[i]`` up
    to ``first_row[i + 1]``, in the order of their steps; the last is how it ended, or came to so far.

    Attributes:
        trajectory: index of each, increasing, (trajectories,).
        status: place of its status in ``STATUSES``, or ``GOING``, (trajectories,).
        lr: its step size, (trajectories,).
        first_row: (trajectories + 1,).
        step: (rows,).
        loss: training loss, (rows,).
        held_out_loss, held_out_accuracy: NaN where there are no held-out examples, or no classes, (rows,).
        distance: ||theta_t - theta_0||, (rows,).
        relative_distance: the same over ||theta_0||, all weights and biases counted, (rows,).
        gradient_norm: norm of the gradient of the training loss by what is trained, (rows,).
        norm: ||theta_t||, all weights and biases counted, trained or not, (rows,); NaN in rows from before it
            was recorded.
        layer_distance: distance within each layer, (rows, layers).
        sketch: of theta_t - theta_0, (rows, numbers); with no numbers where none was asked for.
        observed: what was observed of gradients, by name, (rows,) each: ``confusion_min`` and
            ``confusion_mean``, the smallest and the mean cosine of the gradients of two examples, and
            ``ntk_change``, ||Theta_t - Theta_0|| / ||Theta_0|| in the Frobenius norm, with Theta the
            empirical NTK; all by what is trained. NaN where a network has none.
    """

    trajectory: Int64[NDArray[np.int64], " trajectories"]
    status: Int64[NDArray[np.int64], " trajectories"]
    lr: Float64[FloatArray, " trajectories"]
    first_row: Int64[NDArray[np.int64], " offsets"]
    step: Int64[NDArray[np.int64], " rows"]
    loss: Float64[FloatArray, " rows"]
    held_out_loss: Float64[FloatArray, " rows"]
    held_out_accuracy: Float64[FloatArray, " rows"]
    distance: Float64[FloatArray, " rows"]
    relative_distance: Float64[FloatArray, " rows"]
    gradient_norm: Float64[FloatArray, " rows"]
    norm: Float64[FloatArray, " rows"]
    layer_distance: Float64[FloatArray, "rows layers"]
    sketch: Float64[FloatArray, "rows rank"]
    observed: Mapping[str, Float64[FloatArray, " rows"]]

    @classmethod
    def empty(cls, layers: int, observed: Sequence[str] = ()) -> TrainingResult:
        """Return a result of no trajectories.

        Args:
            layers: of a network.
            observed: measures of gradients that are recorded.
        """
        none, whole = np.empty(0), np.empty(0, np.int64)
        columns = np.empty((0, len(MEASURES) + layers))
        return cls.from_rows(
            whole, whole, none, whole, whole, columns, observed=dict.fromkeys(observed, none)
        )

    @classmethod
    def from_rows(
        cls,
        trajectory: Int64[NDArray[np.int64], " trajectories"],
        status: Int64[NDArray[np.int64], " trajectories"],
        lr: Float64[FloatArray, " trajectories"],
        of: Int64[NDArray[np.int64], " rows"],
        step: Int64[NDArray[np.int64], " rows"],
        columns: Float64[FloatArray, "rows columns"],
        sketch: Float64[FloatArray, "rows rank"] | None = None,
        observed: Mapping[str, FloatArray] | None = None,
    ) -> TrainingResult:
        """Return the result of trajectories from rows in any order.

        Args:
            trajectory, status, lr: of each trajectory, in the order of their indices.
            of: index of the trajectory that each row is of.
            step: of each row.
            columns: ``MEASURES`` in their order, then the distance within each layer.
            sketch: of each row; None for none.
            observed: measures of gradients of each row, by name; None for none.
        """
        order = np.lexsort((step, of))
        first = np.searchsorted(of[order], np.append(trajectory, np.iinfo(np.int64).max))
        rows = columns[order]
        return cls(
            trajectory=trajectory,
            status=status,
            lr=lr,
            first_row=first.astype(np.int64),
            step=step[order],
            layer_distance=rows[:, len(MEASURES) :].copy(),
            sketch=np.empty((len(rows), 0)) if sketch is None else sketch[order],
            observed={name: values[order] for name, values in (observed or {}).items()},
            **{name: rows[:, place].copy() for place, name in enumerate(MEASURES)},
        )

    @classmethod
    def merge(cls, parts: Sequence[TrainingResult]) -> TrainingResult:
        """Return all trajectories of results, whatever their order.

        A part with no trajectories adds nothing, and its sketches may have no numbers.

        Raises:
            ValueError: if there are no parts, or a trajectory is in two of them.
        """
        if not parts:
            raise ValueError("nothing to merge")
        parts = [part for part in parts if len(part.trajectory)] or list(parts[:1])
        trajectory = np.concatenate([part.trajectory for part in parts])
        if len(np.unique(trajectory)) < len(trajectory):
            raise ValueError("a trajectory is in two parts")
        order = np.argsort(trajectory)
        return cls.from_rows(
            trajectory[order],
            np.concatenate([part.status for part in parts])[order],
            np.concatenate([part.lr for part in parts])[order],
            np.concatenate([part.row_trajectory for part in parts]),
            np.concatenate([part.step for part in parts]),
            np.concatenate([part.columns for part in parts]),
            np.concatenate([part.sketch for part in parts]),
            {name: np.concatenate([part.observed[name] for part in parts]) for name in parts[0].observed},
        )

    @property
    def row_trajectory(self) -> Int64[NDArray[np.int64], " rows"]:
        """Index of the trajectory that each row is of, (rows,)."""
        return np.repeat(self.trajectory, np.diff(self.first_row))

    @property
    def columns(self) -> Float64[FloatArray, "rows columns"]:
        """``MEASURES`` in their order, then the distance within each layer."""
        return np.column_stack([*(getattr(self, name) for name in MEASURES), self.layer_distance])

    @property
    def measures(self) -> tuple[str, ...]:
        """All that there is one number of in a row: ``MEASURES``, and what was observed of gradients."""
        return (*MEASURES, *self.observed)

    def values(self, measure: str) -> Float64[FloatArray, " rows"]:
        """Return one of :attr:`measures`, or ``step``, in each row, (rows,)."""
        found = self.observed[measure] if measure in self.observed else getattr(self, measure)
        return np.asarray(found, np.float64)

    @property
    def counts(self) -> dict[str, int]:
        """How many trajectories ended in each way."""
        return {name: int((self.status == place).sum()) for place, name in enumerate(STATUSES)}

    @property
    def going(self) -> int:
        """How many trajectories have not ended."""
        return int((self.status == GOING).sum())

    @property
    def fitted(self) -> Bool[NDArray[np.bool_], " trajectories"]:
        """Which trajectories have fitted, (trajectories,)."""
        fitted: NDArray[np.bool_] = self.status == FITTED
        return fitted

    def final(self, measure: str) -> Float64[FloatArray, " trajectories"]:
        """Return a measure, or ``step``, in the last row of each trajectory; NaN where there is no row."""
        values = np.append(self.values(measure), np.nan)
        last = np.where(np.diff(self.first_row) > 0, self.first_row[1:] - 1, len(values) - 1)
        return np.asarray(values[last])

    def medians(self) -> dict[str, Interval]:
        """Return the median over the fitted of each measure, and of ``steps``, with its 95 % interval.

        Conditioning on the fitted selects, so how many have fitted belongs beside it (:attr:`counts`).
        """
        medians = {"steps": quantile_interval(self.final("step")[self.fitted])}
        return medians | {name: quantile_interval(self.final(name)[self.fitted]) for name in self.measures}

    def path(self, measure: str, grid: Sequence[int], shares: Sequence[float] = _SHARES) -> Band:
        """Return quantiles of a measure over the trajectories, on a grid of steps.

        Those that diverged or were dead at the start are left out; :attr:`counts` says how many. At each
        step the value is that of the last row at or before it. So a trajectory that has ended keeps its
        last value: a median of the loss levels off at the loss that networks are trained to. One that has
        not ended counts up to where it stands.

        Args:
            measure: one of :attr:`measures`.
            grid: increasing steps; those of ``TrainingPlan.recorded_steps`` are all recorded.
            shares: which quantiles, each between 0 and 1.
        """
        steps = np.asarray(grid, np.int64)
        values = self._on_grid(self.values(measure), steps)
        used = (self.status != DIVERGED) & (self.status != DEAD) & (np.diff(self.first_row) > 0)
        columns = [column[~np.isnan(column)] for column in values[used].T]
        middle = [quantile_interval(column) for column in columns]
        none = np.full(len(shares), np.nan)
        quantiles = [np.quantile(column, list(shares)) if len(column) else none for column in columns]
        return Band(
            step=steps,
            shares=tuple(shares),
            quantiles=np.array(quantiles).reshape(len(steps), len(shares)),
            median=np.array(middle).reshape(-1, 3),
            trajectories=np.array([len(column) for column in columns], np.int64),
        )

    def of(self, which: NDArray[np.bool_]) -> TrainingResult:
        """Return some of the trajectories, whole but for their sketches; ``which`` is (trajectories,)."""
        rows = np.repeat(which, np.diff(self.first_row))
        return self._with_rows(which, rows)

    def ends(self) -> TrainingResult:
        """Return all trajectories, each with its last row alone, and no sketch."""
        rows = np.zeros(len(self.step), bool)
        rows[self.first_row[1:][np.diff(self.first_row) > 0] - 1] = True
        return self._with_rows(np.ones(len(self.trajectory), bool), rows)

    def _with_rows(self, which: NDArray[np.bool_], rows: NDArray[np.bool_]) -> TrainingResult:
        return TrainingResult.from_rows(
            self.trajectory[which],
            self.status[which],
            self.lr[which],
            self.row_trajectory[rows],
            self.step[rows],
            self.columns[rows],
            observed={name: values[rows] for name, values in self.observed.items()},
        )

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return plain data and named arrays from which :meth:`from_parts` restores the result."""
        values: dict[str, Any] = {"layers": self.layer_distance.shape[1], _NORM: True}
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        if self.sketch.shape[1]:
            values["sketch"] = self.sketch.shape[1]
            arrays["sketch"] = self.sketch
        if self.observed:
            values["observed"] = list(self.observed)
            arrays |= self.observed
        return values, arrays

    @classmethod
    def from_parts(
        cls, values: Mapping[str, Any], arrays: Mapping[str, NDArray[np.generic]]
    ) -> TrainingResult:
        """Restore a result; one from before norms were recorded has none.

        Raises:
            LookupError, TypeError, ValueError: if entries are missing or contradict each other.
        """
        if _NORM not in values:
            arrays = {**arrays, _NORM: np.full(len(arrays["step"]), np.nan)}
        whole = ("trajectory", "status", "first_row", "step")
        found: dict[str, Any] = {
            name: np.asarray(arrays[name], np.int64 if name in whole else np.float64) for name in _ARRAYS
        }
        numbers = int(values.get("sketch", 0))
        none = np.empty((len(found["step"]), 0))
        found["sketch"] = np.asarray(arrays["sketch"], np.float64) if numbers else none
        count, rows = len(found["trajectory"]), len(found["step"])
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(("trajectory", "status", "lr"), (count,))
        shapes |= {"first_row": (count + 1,), "layer_distance": (rows, int(values["layers"]))}
        shapes["sketch"] = (rows, numbers)
        names = [str(name) for name in values.get("observed", ())]
        if len(set(names)) < len(names) or not set(names) <= set(_OBSERVED):
            raise ValueError(f"unknown measures of gradients: {names}"[:200])
        observed = {name: np.asarray(arrays[name], np.float64) for name in names}
        for name, array in (found | observed).items():
            shape = shapes.get(name, (rows,))
            if array.shape != shape or array.size > _MOST_ROWS:
                raise ValueError(f"{name}: shape {array.shape} is not {shape}")
        first, status = found["first_row"], found["status"]
        if first[0] != 0 or first[-1] != rows or (np.diff(first) < 0).any():
            raise ValueError("rows are not those of the trajectories")
        if (np.diff(found["trajectory"]) <= 0).any() or ((status < 0) | (status > GOING)).any():
            raise ValueError("an impossible trajectory or status")
        return cls(**found, observed=observed)

    def _on_grid(self, values: FloatArray, steps: NDArray[np.int64]) -> FloatArray:
        """Return values at the last row at or before each step, (trajectories, steps).

        They are NaN where there is no such row, and beyond the last row of a trajectory that has not ended.
        """
        begun = np.diff(self.first_row) > 0
        found = np.full((len(self.trajectory), len(steps)), np.nan)
        if not begun.any():
            return found
        span = int(max(self.step.max(), steps.max(initial=0))) + 1
        place = np.repeat(np.arange(len(self.trajectory)), np.diff(self.first_row))
        wanted = np.arange(len(self.trajectory))[:, None] * span + steps
        row = np.searchsorted(place * span + self.step, wanted, side="right") - 1
        seen = row >= self.first_row[:-1, None]
        last = np.append(self.step, 0)[np.maximum(self.first_row[1:] - 1, 0)]
        seen &= (self.status != GOING)[:, None] | (steps <= last[:, None])
        seen &= begun[:, None]
        found[seen] = values[row[seen]]
        return found


_ARRAYS = tuple(field.name for field in fields(TrainingResult) if field.name not in ("sketch", "observed"))
