"""Trained ensembles in reports and files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.columns import table_lines
from geomreg_tui.formatting import exact_text, interval_text, number_text
from geomreg_tui.report.wording import log_text, spread
from geomreg_tui.statistics.update_dimension import WINDOWS
from geomreg_tui.training.dimension import update_dimensions
from geomreg_tui.training.document import final_medians
from geomreg_tui.training.overview import TrainingOverview
from geomreg_tui.training.plan import TrainingPlan
from geomreg_tui.training.result import MEASURES, STATUSES, TrainingResult
from geomreg_tui.training.volume import VolumeOfLoss

__all__ = [
    "FINAL_HEADINGS",
    "counts_text",
    "dimension_columns",
    "dimension_text",
    "final_rows",
    "median_text",
    "path_columns",
    "path_rows",
    "plan_text",
    "training_lines",
    "trajectory_columns",
]

FINAL_HEADINGS = ("median over the fitted", "[95 %]")

_INDENT = 14
_ROWS = 8
_FINAL = (
    ("steps", "steps"),
    ("loss", "training loss"),
    ("log10_volume", "log10 V(loss)"),
    ("distance", "distance from the start"),
    ("relative_distance", "the same over the start's norm"),
    ("held_out_loss", "held-out loss"),
    ("held_out_accuracy", "held-out accuracy"),
    ("confusion_min", "smallest cosine"),
    ("confusion_mean", "mean cosine"),
    ("ntk_change", "change of the NTK"),
)
_COUNTS = {
    "fitted": "fitted",
    "limit": "not fitted at the last step",
    "diverged": "diverged",
    "dead": "dead at the start",
}


def plan_text(plan: TrainingPlan) -> str:
    """Return how networks are trained, in a line."""
    step = f"step size {exact_text(plan.lr)}" if plan.lr is not None else _auto_text(plan)
    batch = f", {plan.batch:,} examples a step" if plan.batch is not None else ""
    what = "" if plan.train == "all" else ", readout only"
    what += f", in random subspaces of {plan.subspace:,} dimensions" if plan.subspace else ""
    goal = f" or loss {exact_text(plan.to_loss)}" if plan.to_loss else ""
    momentum = f" {exact_text(plan.momentum)}" if plan.optimizer == "momentum" else ""
    return f"{plan.optimizer}{momentum}, {step}{batch}{what}, to {plan.steps:,} steps{goal}"


def counts_text(overview: TrainingOverview) -> str:
    """Return how the trajectories ended, in a line."""
    counts = overview.counts
    parts = [f"{counts[name]:,} {_COUNTS[name]}" for name in STATUSES if counts[name] or name == "fitted"]
    parts += [f"{overview.failed:,} could not be trained"] if overview.failed else []
    parts += [f"{overview.waiting:,} still to come"] if overview.waiting else []
    return f"{overview.plan.trajectories:,} trajectories: {', '.join(parts)}"


def training_lines(
    overview: TrainingOverview | None, volume: VolumeOfLoss, indent: int = _INDENT, room: int | None = None
) -> list[str]:
    """Return a trained ensemble as lines of a text report; none where nothing was trained.

    Args:
        overview: of the ensemble.
        volume: V of losses, of the same experiment.
        indent: cells before tables.
        room: cells that a table may take; None for no limit.
    """
    if overview is None:
        return []
    lines = [f"Training      {plan_text(overview.plan)}", f"Ended         {counts_text(overview)}"]
    lines += [f"Failed        {reason}" for reason in overview.failures]
    finals = final_rows(overview, volume)
    if finals:
        table = table_lines(FINAL_HEADINGS, finals, room, left=(0, 1))
        lines += [(" " * indent + line).rstrip() for line in table]
    dimension = dimension_text(overview)
    lines += [f"Updates       {dimension}"] if dimension else []
    headings, rows = path_rows(overview, volume, _ROWS)
    lines.append("Path          medians over the trajectories that neither diverged nor were dead")
    lines += [(" " * indent + line).rstrip() for line in table_lines(headings, rows, room)]
    return lines


def final_rows(overview: TrainingOverview, volume: VolumeOfLoss) -> list[list[str]]:
    """Return the medians over the fitted as rows under :data:`FINAL_HEADINGS`; none where none has fitted."""
    medians = final_medians(overview, volume)
    return [
        [name, median_text(key, medians[key])]
        for key, name in _FINAL
        if key in medians and np.isfinite(medians[key].estimate)
    ]


def dimension_text(overview: TrainingOverview) -> str:
    """Return the dimension of the updates along the path, in a line; empty where there are no sketches."""
    parts = [f"{median_text('', interval)} {name}" for name, interval in overview.dimension.items()]
    if not parts:
        return ""
    moves = overview.moves[np.isfinite(overview.dimensions).all(axis=1)]
    return f"median dimension {', '.join(parts)}; of random directions at most {np.median(moves):g}"


def path_rows(
    overview: TrainingOverview, volume: VolumeOfLoss, most: int
) -> tuple[list[str], list[list[str]]]:
    """Return the headings of a table of medians along the paths, and up to ``most`` rows, step by step."""
    loss, distance, held_out = (
        overview.bands[name].median[:, 0] for name in ("loss", "distance", "held_out_loss")
    )
    log10_volume = volume.at(loss)[:, 0]
    places = list(reversed(spread(len(overview.step), most)))
    rows = [
        [
            f"{overview.step[place]:,}",
            number_text(float(loss[place])),
            log_text(float(log10_volume[place])),
            number_text(float(distance[place])),
            number_text(float(held_out[place])),
        ]
        for place in places
    ]
    headings = ["step", "loss", "log10 V", "distance", "held-out loss"]
    if np.isnan(held_out).all():
        headings, rows = headings[:-1], [row[:-1] for row in rows]
    for name in overview.plan.observed:
        headings.append(dict(_FINAL)[name])
        column = overview.bands[name].median[places, 0]
        rows = [[*row, number_text(float(value))] for row, value in zip(rows, column, strict=True)]
    return headings, rows


def path_columns(overview: TrainingOverview, volume: VolumeOfLoss) -> dict[str, NDArray[Any]]:
    """Return quantiles of the paths, a row for each recorded step, (steps,) each column.

    Of each measure the median with the ends of its 95 % interval, and the 5, 25, 75 and 95 % quantiles.
    """
    first = overview.bands[MEASURES[0]]
    columns: dict[str, NDArray[Any]] = {"step": overview.step, "trajectories": first.trajectories}
    for name, band in overview.bands.items():
        columns |= dict(zip((name, f"{name}_low", f"{name}_high"), band.median.T, strict=True))
        for share, values in zip(band.shares, band.quantiles.T, strict=True):
            if share != 0.5:
                columns[f"{name}_q{100 * share:02.0f}"] = values
    at = volume.at(overview.bands["loss"].median[:, 0])
    names = ("log10_volume", "log10_volume_low", "log10_volume_high")
    return columns | dict(zip(names, at.T, strict=True))


def trajectory_columns(result: TrainingResult, volume: VolumeOfLoss) -> dict[str, NDArray[Any]]:
    """Return the rows of trajectories, (rows,) each column."""
    names = np.array([*STATUSES, "going"])
    each = np.diff(result.first_row)
    columns: dict[str, NDArray[Any]] = {
        "trajectory": result.row_trajectory,
        "status": np.repeat(names[result.status], each),
        "lr": np.repeat(result.lr, each),
        "step": result.step,
        **{name: result.values(name) for name in result.measures},
        "log10_volume": volume.at(result.loss)[:, 0],
    }
    layers = {f"distance_{layer + 1}": column for layer, column in enumerate(result.layer_distance.T)}
    return columns | layers


def dimension_columns(result: TrainingResult, plan: TrainingPlan) -> dict[str, NDArray[Any]]:
    """Return the dimension of the updates of each row's trajectory, (rows,); nothing without sketches.

    Early, midway and late, and of how many moves each is.
    """
    if not plan.sketch:
        return {}
    dimensions, moves = update_dimensions(result, plan.recorded_steps(), plan.sketch)
    each = np.diff(result.first_row)
    columns = {
        f"update_dimension_{name}": np.repeat(column, each)
        for name, column in zip(WINDOWS, dimensions.T, strict=True)
    }
    return {**columns, "update_moves": np.repeat(moves, each)}


def _auto_text(plan: TrainingPlan) -> str:
    if plan.optimizer == "adam":
        return "step size 0.001"
    return f"step size {exact_text(plan.lr_share)} of the largest stable one of each network"


def median_text(name: str, interval: Sequence[float]) -> str:
    """Return a median, or a share, with the ends of its interval where it has some.

    Args:
        name: of the measure; ``steps`` are whole numbers.
        interval: estimate, low and high end.
    """
    estimate, low, high = map(float, interval)
    if not np.isfinite(estimate):
        return "-"
    known = np.isfinite(low) and np.isfinite(high)
    if name == "steps":
        return f"{estimate:,g}" + (f" [{low:,.0f}, {high:,.0f}]" if known else "")
    bounded = name in ("fitted", "held_out_accuracy")
    return interval_text((estimate, low, high), 3, bounded=bounded) if known else number_text(estimate)
