"""Parquet files, as pandas, polars, Arrow and others write them."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from geomreg_tui.datasets.base import FloatArray
from geomreg_tui.datasets.cells import Column, fault
from geomreg_tui.datasets.tables import Table, choose_columns, counting_note
from geomreg_tui.errors import DataError, one_line

__all__ = ["read_parquet", "sample_parquet"]

_ROWS = 2000  # examples that a look takes


def read_parquet(path: Path, target: str | None, features: str | None) -> Table:
    """Read what is used of a Parquet file: columns of numbers, decimals, booleans, text, and dictionaries.

    What pandas says is its index (https://pandas.pydata.org/docs/development/developer.html) is no input.

    Raises:
        DataError: if pyarrow is not installed, or naming the column at fault.
    """
    parquet = _parquet(path)
    with _reading(path):
        file = parquet.ParquetFile(path)
        schema = file.schema_arrow
    names = list(schema.names)
    columns = choose_columns(path, names, target, features, _index_names(schema.metadata))
    inputs, name = [names[i] for i in columns.features], names[columns.target]
    with _reading(path):
        table = file.read([*inputs, name])
    if not table.num_rows:
        raise fault(path, "has columns but no examples", "add some rows")
    x = np.stack([_column(path, one, table.column(one)).features() for one in inputs], axis=1)
    y = _column(path, name, table.column(name)).target()
    return Table(x, y, (*columns.notes, *counting_note(inputs, x)))


def sample_parquet(path: Path, most: int) -> tuple[list[str], list[str], list[list[str | None]], int]:
    """Read the first examples of a Parquet file as text.

    Args:
        path: the file.
        most: bytes, packed, of the first part of the file up to which it is read; a longer one is left alone.

    Returns:
        the names of the columns, what each holds, the cells of the first examples, None for a gap, and how
        many examples there are in all.

    Raises:
        DataError: if pyarrow is not installed, or the file cannot be read.
    """
    parquet = _parquet(path)
    with _reading(path):
        file = parquet.ParquetFile(path)
        schema, about = file.schema_arrow, file.metadata
        rows: list[list[str | None]] = []
        packed = sum(
            about.row_group(0).column(place).total_compressed_size
            for place in range(about.num_columns if about.num_row_groups else 0)
        )
        if about.num_rows and packed <= most:
            batch = next(file.iter_batches(batch_size=_ROWS, row_groups=[0]))
            columns = [
                [None if cell is None else str(cell) for cell in one.to_pylist()] for one in batch.columns
            ]
            rows = [list(row) for row in zip(*columns, strict=True)]
    return list(schema.names), [one_line(kind) for kind in schema.types], rows, int(about.num_rows)


def _parquet(path: Path) -> Any:
    """Return the module pyarrow.parquet."""
    try:
        from pyarrow import parquet
    except ImportError:
        raise DataError(
            f"data: {one_line(path)} needs pyarrow, not installed: try pip install 'geomreg-tui[parquet]'"
        ) from None
    return parquet


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:120]
        raise fault(path, f"is not a Parquet file that can be read ({reason})", "write it again") from None


def _index_names(metadata: Mapping[bytes, bytes] | None) -> frozenset[str]:
    """Return the columns that pandas wrote its index to; none where its metadata cannot be read."""
    try:
        stored = json.loads((metadata or {}).get(b"pandas", b"{}"))["index_columns"]
        # A RangeIndex is a dictionary here, and no column of the file.
        return frozenset(name for name in stored if isinstance(name, str))
    except (KeyError, TypeError, ValueError, RecursionError):
        return frozenset()


def _column(path: Path, name: str, column: Any) -> Column:
    """Judge a column, a pyarrow.ChunkedArray."""
    from pyarrow import types

    kind = column.type
    value = kind.value_type if types.is_dictionary(kind) else kind
    place = functools.partial("row {} (from 0)".format)
    if _is_text(value):
        try:
            cells = [cell.decode() if isinstance(cell, bytes) else cell for cell in column.to_pylist()]
        except UnicodeDecodeError:
            wrong = f"column {name!r}, holds {value} that is not UTF-8 text"
            raise fault(path, wrong, "drop or convert that column") from None
        return Column.of_text(path, name, cells, place, str(value))
    if types.is_null(value):
        values = np.full(len(column), np.nan)
    elif types.is_decimal(value):  # by way of Python, whose conversion rounds correctly
        cells = column.to_pylist()
        return Column.of_text(
            path, name, (None if cell is None else str(cell) for cell in cells), place, str(value)
        )
    elif types.is_integer(value) or types.is_floating(value) or types.is_boolean(value):
        values = _numbers(column, value is not kind)
    else:
        raise fault(path, f"column {name!r}, holds {value}, not numbers", "drop or convert that column")

    def text(row: int) -> str:
        return str(column[row]) if column[row].is_valid else "null"

    return Column.of_numbers(path, name, values, place, str(value), text)


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    names = (
        "string",
        "large_string",
        "string_view",
        "binary",
        "large_binary",
        "binary_view",
        "fixed_size_binary",
    )
    # Older versions of pyarrow have no views.
    return any(getattr(types, f"is_{name}", lambda _: False)(kind) for name in names)


def _numbers(column: Any, is_dictionary: bool) -> FloatArray:
    """Return a column of numbers as float64, NaN where there is none."""
    gaps = np.asarray(column.is_null())
    there = column.drop_null()
    values = np.full(len(column), np.nan)
    values[~gaps] = np.array(there.to_pylist()) if is_dictionary else there.to_numpy()
    return values
