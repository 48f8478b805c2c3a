"""Data files: JSON, CSV, Parquet and NPZ."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.errors import ExperimentError, Problem, RunDirectoryError
from geomreg_tui.export.figures import FIGURES, write_figure
from geomreg_tui.export.results import Result, result_document
from geomreg_tui.runs.store import write_bytes, write_json

__all__ = ["export_result", "write_json_file"]

Columns = dict[str, NDArray[np.generic]]


def write_json_file(path: Path, document: Any) -> None:
    """Write plain data as JSON, making the folder if need be.

    Raises:
        RunDirectoryError: if it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunDirectoryError(f"{path.parent}: cannot be created ({error.strerror})") from error
    write_json(path, document)


def export_result(result: Result, path: Path, force: bool = False) -> None:
    """Write a result in the format that the name of the file asks for.

    ``.json`` holds what ``summary.json`` holds; ``.csv`` and ``.parquet`` one row for each occupied bin of
    the base histogram; ``.npz`` the same columns and the curve V(eps); the others are figures.

    Raises:
        ExperimentError: if the format is unknown, or the file exists and ``force`` is not given.
        RunDirectoryError: if it cannot be written.
    """
    kind = path.suffix.lower()
    allowed = (*_WRITERS, *FIGURES)
    if kind not in allowed:
        raise ExperimentError([Problem("FILE", repr(path.name), f"allowed ends are {', '.join(allowed)}")])
    if path.exists() and not force:
        raise ExperimentError([Problem("FILE", f"{path}, which exists", "--force replaces it")])
    if kind in FIGURES:
        write_figure(result, path)
    else:
        write_bytes(path, _WRITERS[kind](result))


def _columns(result: Result) -> Columns:
    """Return one row for each occupied base bin, zeros first, and the atom as a bin of no width."""
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
    if result.warnings:
        # A column, because a comment line would break most readers.
        columns["warning"] = np.full(count.size, "; ".join(result.warnings))
    return columns


def _json(result: Result) -> bytes:
    import json

    return (json.dumps(result_document(result), indent=2, allow_nan=False) + "\n").encode()


def _csv(result: Result) -> bytes:
    columns = _columns(result)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))
    return text.getvalue().encode()


def _npz(result: Result) -> bytes:
    curve = result.volume
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        allow_pickle=False,
        **_columns(result),
        log10_loss=curve.log10_loss,
        log10_volume=curve.log10_volume,
        log10_volume_std=curve.std,
    )
    return buffer.getvalue()


def _parquet(result: Result) -> bytes:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise ExperimentError(
            [Problem("FILE", "a .parquet file", "that needs pyarrow: pip install 'geomreg-tui[parquet]'")]
        ) from None
    table = pyarrow.table(_columns(result))
    table = table.replace_schema_metadata({"experiment": result.facts.experiment.canonical_json()})
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    return buffer.getvalue()


_WRITERS: dict[str, Callable[[Result], bytes]] = {
    ".json": _json,
    ".csv": _csv,
    ".parquet": _parquet,
    ".npz": _npz,
}
