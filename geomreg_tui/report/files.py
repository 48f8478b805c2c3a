"""Results and sweeps as files: the end of the name says in which format."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.report.deep_tail import tail_arrays, tail_columns
from geomreg_tui.report.drawing import FIGURES, figure_bytes
from geomreg_tui.report.figures import draw_figure
from geomreg_tui.report.html import run_page
from geomreg_tui.report.observed import observable_columns
from geomreg_tui.report.observed_tail import at_loss_columns
from geomreg_tui.report.results import Result, result_document
from geomreg_tui.report.sweep_figures import draw_sweep
from geomreg_tui.report.sweep_html import sweep_page
from geomreg_tui.report.sweep_results import Sweep
from geomreg_tui.report.training import path_columns
from geomreg_tui.rundir.store import write_bytes
from geomreg_tui.statistics import Interval, LandmarkDominance, ModeAnalysis
from geomreg_tui.sweeps.document import sweep_document

__all__ = ["RUN_FORMATS", "SWEEP_FORMATS", "export_result", "export_sweep"]

Columns = dict[str, NDArray[np.generic]]


def export_result(result: Result, path: Path, force: bool = False, *, option: str = "--force") -> None:
    """Write a result in the format that the name of the file asks for.

    ``.json`` holds what ``summary.json`` holds; ``.csv`` and ``.parquet`` one row for each occupied bin of
    the base histogram (with a deep tail: V at the upper end of each, and the tail's curve as bins below in
    which nothing was sampled); ``.npz`` the plain columns and the curves; ``.html`` is a report,
    ``.sh`` the command that samples the run again, and the others are figures. Losses that are not finite
    have the last row, without ends, so that the counts add up to the networks drawn.

    Args:
        result: the run.
        path: the file.
        force: replace a file that is there.
        option: what a person writes for ``force``, for the message where it is missing.

    Raises:
        ExperimentError: if the format is unknown or needs a package that is not there, or the file exists
            and ``force`` is not given.
        RunDirectoryError: if it cannot be written.
    """
    kind = _kind(path, RUN_FORMATS, force, option)
    made = figure_bytes(draw_figure(result), kind[1:]) if kind in FIGURES else _WRITERS[kind](result)
    write_bytes(path, made)


def export_sweep(sweep: Sweep, path: Path, force: bool = False, *, option: str = "--force") -> None:
    """Write a sweep in the format that the name of the file asks for.

    ``.json`` holds what ``sweep.json`` holds; ``.csv`` one row for each point; ``.html`` is a report,
    ``.sh`` the command that runs the sweep again, and the others are figures.

    Args:
        sweep: the sweep.
        path, force, option: as :func:`export_result`.

    Raises:
        ExperimentError, RunDirectoryError: as :func:`export_result`.
    """
    kind = _kind(path, SWEEP_FORMATS, force, option)
    made = figure_bytes(draw_sweep(sweep), kind[1:]) if kind in FIGURES else _SWEEP_WRITERS[kind](sweep)
    write_bytes(path, made)


def _kind(path: Path, allowed: Sequence[str], force: bool, option: str) -> str:
    """Return the format of a file that is to be written."""
    kind = path.suffix.lower()
    if kind not in allowed:
        raise ExperimentError([Problem("FILE", repr(path.name), f"allowed ends are {', '.join(allowed)}")])
    if path.exists() and not force:
        raise ExperimentError([Problem("FILE", f"{path}, which exists", f"{option} replaces it")])
    return kind


def _columns(result: Result, *, tail: bool = True) -> Columns:
    """Return one row for each occupied base bin, zeros first, and the atom as a bin of no width.

    Losses that are not finite have the last row, whose ends, and V there, are NaN.

    Args:
        result: the run.
        tail: with the bins of its deep tail, if it has one.
    """
    histogram = result.summary.histogram
    null = result.facts.null_loss
    zero, atom = np.full(min(histogram.zero, 1), 0.0), np.full(min(histogram.atom, 1), null)
    place = int(np.searchsorted(histogram.lower, null))
    counts = (np.full(zero.size, histogram.zero), np.full(atom.size, histogram.atom))

    def joined(values: NDArray[Any], first: NDArray[Any], within: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate([first, values[:place], within, values[place:]])

    lower = joined(histogram.lower, zero, atom)
    upper = joined(histogram.upper, zero, atom)
    count = joined(histogram.count, *counts)
    columns = {"loss_low": lower, "loss_high": upper, "count": count}
    if tail and result.tail is not None:
        below = float(lower[zero.size]) if lower.size > zero.size else math.inf
        deep = tail_columns(result.tail, below)
        columns = _with_tail(columns, deep, int(zero.size), result.volume.samples)
    if histogram.nonfinite:
        last = {"count": np.array([histogram.nonfinite])}
        columns = {
            name: np.concatenate([values, last.get(name, np.array([math.nan]))])
            for name, values in columns.items()
        }
    count = columns["count"]
    if result.warnings:
        # A column, because a comment line would break most readers.
        columns["warning"] = np.full(count.size, "; ".join(result.warnings))
    return columns


def _with_tail(columns: Columns, deep: Columns, zeros: int, samples: int) -> Columns:
    """Return bins with V at the upper end of each, and those of the tail between zeros and the others."""
    reached = np.cumsum(columns["count"].astype(np.int64))
    share = np.asarray(reached / max(samples, 1), np.float64)
    with np.errstate(divide="ignore"):
        ends = np.log10(columns["loss_high"])
    bins = {
        **columns,
        "log10_loss_high": ends,
        "log10_volume": np.log10(share),
        "log10_volume_std": np.sqrt((1 - share) / reached) / np.log(10),
    }
    return {
        name: np.concatenate([values[:zeros], deep[name], values[zeros:]]) for name, values in bins.items()
    }


def _json(document: Any) -> bytes:
    return (json.dumps(document, indent=2, allow_nan=False) + "\n").encode()


def _csv(columns: Iterable[str], rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_known(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _known(value: Any) -> Any:
    """Return the value in a cell; nothing where it is undefined."""
    return "" if isinstance(value, float) and not math.isfinite(value) else value


def _dominance(landmark: LandmarkDominance, modes: ModeAnalysis) -> dict[str, Interval]:
    return {"landmark": landmark.landmark, "excess": modes.excess, "log10_ratio": landmark.log10_ratio}


def _result_csv(result: Result) -> bytes:
    columns = _columns(result)
    return _csv(columns, zip(*(column.tolist() for column in columns.values()), strict=True))


def _sweep_csv(sweep: Sweep) -> bytes:
    measures = ("zero_mass", "central_mass", "atom_mass", "dominance")  # basin dominance
    named = ("landmark", "excess", "log10_ratio")
    columns = [factor.key for factor in sweep.factors] + ["parameters", "samples", "nonfinite", "null_loss"]
    shares = ("at_null_share", "dead")
    names = (*measures, *named, *shares)
    columns += [f"{name}{end}" for name in names for end in ("", "_low", "_high")]
    columns += ["zero_side", "exact_zeros"]
    rows = [
        [
            *point.settings,
            point.facts.parameters,
            point.summary.samples,
            point.summary.histogram.nonfinite,
            point.facts.null_loss,
            *(value for measure in measures for value in getattr(point.modes, measure)),
            *(value for interval in _dominance(point.landmark, point.modes).values() for value in interval),
            *(value for share in shares for value in getattr(point.distribution, share)),
            point.landmark.zero_side,
            point.facts.exact_zeros(point.summary),
        ]
        for point in sweep.points
    ]
    for prefix, found in _sweep_measures(sweep).items():
        if not found:
            continue
        columns += [f"{prefix}_{name}{end}" for name in found for end in ("", "_low", "_high")]
        values = np.concatenate(list(found.values()), axis=1).tolist()
        rows = [[*row, *more] for row, more in zip(rows, values, strict=True)]
    if sweep.warnings:
        columns.append("warning")
        rows = [[*row, "; ".join(sweep.warnings)] for row in rows]
    return _csv(columns, rows)


def _sweep_measures(sweep: Sweep) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Return what each point has besides its losses, by the prefix of its columns: intervals, (points, 3)."""
    found = {}
    if sweep.observed is not None:
        found["observed"] = sweep.observed.means
        found["law"] = sweep.observed.laws
        found["low_loss"] = sweep.observed.low_loss
    if sweep.training is not None:
        found["trained"] = sweep.training.measures
    return found


def _script(command: str) -> bytes:
    return f"#!/usr/bin/env bash\n{command}\n".encode()


def _counts(result: Result) -> dict[str, int]:
    """Return the networks drawn, and those of them that no bin of some width holds."""
    histogram = result.summary.histogram
    return {
        "samples": result.summary.samples,
        "zero": histogram.zero,
        "atom": histogram.atom,
        "nonfinite": histogram.nonfinite,
    }


def _npz(result: Result) -> bytes:
    curve = result.volume
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        allow_pickle=False,
        **_columns(result, tail=False),
        log10_loss=curve.log10_loss,
        log10_volume=curve.log10_volume,
        log10_volume_std=curve.std,
        **{name: np.array(interval) for name, interval in _dominance(result.landmark, result.modes).items()},
        **{name: np.array(count) for name, count in _counts(result).items()},
        **(tail_arrays(result.tail) if result.tail is not None else {}),
        **_path_arrays(result),
        **_observable_arrays(result),
        **_at_loss_arrays(result),
    )
    return buffer.getvalue()


def _path_arrays(result: Result) -> dict[str, NDArray[Any]]:
    """Return quantiles over the trajectories of the run at each recorded step, where it has any."""
    if result.training is None:
        return {}
    columns = path_columns(result.training, result.volume_of_loss)
    return {f"path_{name}": values for name, values in columns.items()}


def _observable_arrays(result: Result) -> dict[str, NDArray[Any]]:
    """Return what was observed of networks besides their loss, where anything was."""
    columns = observable_columns(result.observables)
    return {name if name == "observable" else f"observable_{name}": part for name, part in columns.items()}


def _at_loss_arrays(result: Result) -> dict[str, NDArray[Any]]:
    """Return what was observed among networks of low loss, where anything was."""
    columns = at_loss_columns(result.observables)
    return {f"observed_at_loss_{name}": part for name, part in columns.items()}


def _parquet(result: Result) -> bytes:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise ExperimentError(
            [Problem("FILE", "a .parquet file", "that needs pyarrow: pip install 'geomreg-tui[parquet]'")]
        ) from None
    columns = {name: pyarrow.array(values, from_pandas=True) for name, values in _columns(result).items()}
    counts = {name: str(count) for name, count in _counts(result).items()}
    dominance = json.dumps(result.landmark.to_json(result.modes.excess))
    about = {"experiment": result.facts.experiment.canonical_json(), "dominance": dominance, **counts}
    table = pyarrow.table(columns).replace_schema_metadata(about)
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    return buffer.getvalue()


_WRITERS: dict[str, Callable[[Result], bytes]] = {
    ".json": lambda result: _json(result_document(result)),
    ".csv": _result_csv,
    ".parquet": _parquet,
    ".npz": _npz,
    ".html": lambda result: run_page(result).encode(),
    ".sh": lambda result: _script(result.command),
}
_SWEEP_WRITERS: dict[str, Callable[[Sweep], bytes]] = {
    ".json": lambda sweep: _json(
        sweep_document(sweep.factors, sweep.points, sweep.judged, sweep.judged_grid, sweep.failed)
    ),
    ".csv": _sweep_csv,
    ".html": lambda sweep: sweep_page(sweep).encode(),
    ".sh": lambda sweep: _script(sweep.command),
}
RUN_FORMATS = (*_WRITERS, *FIGURES)
SWEEP_FORMATS = (*_SWEEP_WRITERS, *FIGURES)
