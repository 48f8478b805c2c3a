"""Results as plain columns, and as data frames of pandas where that is installed."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.errors import ExperimentError, Problem, nearest_name
from geomreg_tui.report import Result, export_result
from geomreg_tui.report.observed import observable_columns
from geomreg_tui.report.observed_tail import at_loss_columns
from geomreg_tui.report.training import dimension_columns, path_columns, trajectory_columns
from geomreg_tui.statistics import Mode
from geomreg_tui.statistics.heldout import Band

__all__ = ["RUN_TABLES", "Columns", "data_frame", "exported_columns", "run_table"]

Columns = dict[str, NDArray[Any]]


def run_table(result: Result, name: str) -> Columns:
    """Return a table of a run, (rows,) each column; see :data:`RUN_TABLES`.

    Raises:
        ExperimentError: if there is no table of that name, or the run has nothing for it.
    """
    if name not in RUN_TABLES:
        rule = f"allowed are {', '.join(RUN_TABLES)}"
        raise ExperimentError([Problem("table", repr(name), rule, nearest_name(str(name), RUN_TABLES))])
    return RUN_TABLES[name](result)


def exported_columns(write: Callable[[Path], None]) -> Columns:
    """Return the columns of a CSV file; which they are is decided where it is written, and nowhere else.

    Args:
        write: writes the file to a path that ends in ``.csv``.
    """
    with TemporaryDirectory(prefix="geomreg-") as folder:
        path = Path(folder) / "table.csv"
        write(path)
        head, *rows = csv.reader(io.StringIO(path.read_text(encoding="utf-8")))
    cells = list(zip(*rows, strict=True)) if rows else [()] * len(head)
    return {name: _column(column) for name, column in zip(head, cells, strict=True)}


def data_frame(columns: Mapping[str, Any]) -> Any:
    """Return columns as a ``pandas.DataFrame``.

    Raises:
        ExperimentError: if pandas is not installed.
    """
    try:
        from pandas import DataFrame
    except ImportError:
        raise ExperimentError(
            [Problem("to_frame", "a data frame", "that needs pandas: pip install 'geomreg-tui[notebook]'")]
        ) from None
    return DataFrame(dict(columns))


def _column(cells: Sequence[str]) -> NDArray[Any]:
    """Return cells as whole numbers, numbers (an empty cell is NaN), truth values, or text."""
    for read in (int, _number, _truth):
        try:
            return np.array([read(cell) for cell in cells])
        except (ValueError, OverflowError):
            continue
    return np.array(cells, dtype=str)


def _number(cell: str) -> float:
    return float(cell) if cell else np.nan


def _truth(cell: str) -> bool:
    if cell not in ("True", "False"):
        raise ValueError(cell)
    return cell == "True"


def _bins(result: Result) -> Columns:
    return exported_columns(lambda path: export_result(result, path))


def _volume(result: Result) -> Columns:
    curve = result.volume
    return {
        "loss": curve.loss,
        "count": curve.count,
        "volume": curve.volume,
        "low": curve.low,
        "high": curve.high,
        "log10_loss": curve.log10_loss,
        "log10_volume": curve.log10_volume,
        "log10_volume_std": curve.std,
        "exponent": curve.exponent,
        "exponent_std": curve.exponent_std,
    }


def _modes(result: Result) -> Columns:
    modes = result.modes.modes
    return {name: np.array([getattr(mode, name) for mode in modes]) for name in Mode._fields}


def _held_out(result: Result) -> Columns:
    curve = result.held_out
    if curve is None:
        raise _nothing("held_out", "a run without held-out examples", "allowed with held_out=M, M above 0")
    columns: Columns = {"loss": curve.loss, "count": curve.count, **_band("mean_loss", curve.mean_loss)}
    return columns if curve.accuracy is None else {**columns, **_band("accuracy", curve.accuracy)}


def _tail(result: Result) -> Columns:
    deep = result.tail
    if deep is None:
        raise _nothing("tail", "a run without a deep tail", "geomreg.tail(...) makes one with it")
    return {
        "log10_loss": deep.log10_loss,
        "log10_volume": deep.log10_volume,
        "log10_volume_std": deep.std,
        "low": deep.low,
        "high": deep.high,
        "sampled": deep.log10_loss > deep.meets,
    }


def _observables(result: Result) -> Columns:
    if not result.observables:
        raise _nothing("observables", "a run that observed nothing", "geomreg.sample(observe=...) makes one")
    return observable_columns(result.observables)


def _observables_at_loss(result: Result) -> Columns:
    columns = at_loss_columns(result.observables)
    if not columns:
        rule = "geomreg.tail(observe=...) makes one"
        raise _nothing("observables_at_loss", "a run that observed nothing down a tail", rule)
    return columns


def _path(result: Result) -> Columns:
    if result.training is None:
        raise _nothing("path", "a run without training", "geomreg.train(...) makes one with it")
    return path_columns(result.training, result.volume_of_loss)


def _trajectories(result: Result) -> Columns:
    if result.trajectories is None:
        raise _nothing("trajectories", "a run without training", "geomreg.train(...) makes one with it")
    columns = trajectory_columns(result.trajectories, result.volume_of_loss)
    plan = None if result.training is None else result.training.plan
    return columns if plan is None else columns | dimension_columns(result.trajectories, plan)


def _band(name: str, band: Band) -> Columns:
    return {name: band.estimate, f"{name}_low": band.low, f"{name}_high": band.high}


def _nothing(name: str, got: str, rule: str) -> ExperimentError:
    return ExperimentError([Problem(name, got, rule)])


RUN_TABLES: dict[str, Callable[[Result], Columns]] = {
    "bins": _bins,
    "volume": _volume,
    "modes": _modes,
    "held_out": _held_out,
    "tail": _tail,
    "observables": _observables,
    "observables_at_loss": _observables_at_loss,
    "path": _path,
    "trajectories": _trajectories,
}
