"""Tables with named columns: CSV and Parquet."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.datasets.base import FloatArray, one_line
from geomreg_tui.errors import DataError, nearest_name

__all__ = ["Table", "read_csv", "read_parquet"]

_NAMES_SHOWN = 12


@dataclass(frozen=True, eq=False)
class Table:
    """A table taken apart.

    Attributes:
        features: all columns but the target, in their order, (rows, columns).
        target: the target column, numbers or text, (rows,).
    """

    features: FloatArray
    target: NDArray[Any]


def read_csv(path: Path, target: str | None) -> Table:
    """Read a CSV file: UTF-8, a header line, fields parted by commas, semicolons or tabs.

    All columns but the target must be numbers. A target column without a single number is text.

    Raises:
        DataError: naming the line and column at fault.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            delimiter = max(",;\t", key=first.count)
            file.seek(0)
            return _read_lines(path, file, delimiter, target)
    except UnicodeDecodeError as error:
        raise _fault(path, f"has a byte that is not UTF-8 ({error.reason})", "save it as UTF-8") from None
    except csv.Error as error:
        raise _fault(path, f"is not a CSV file ({error})", "save it as plain comma-separated text") from None


def _read_lines(path: Path, file: TextIO, delimiter: str, target: str | None) -> Table:
    lines = csv.reader(file, delimiter=delimiter)
    header = [name.strip() for name in next(lines, [])]
    if header and all(_is_number(name) for name in header):
        raise _fault(path, "has numbers in its first line", "make the first line name the columns")
    index = _target_index(path, header, target)
    names = header[:index] + header[index + 1 :]
    numbers, places, labels = array("d"), array("q"), []
    for cells in lines:
        line = lines.line_num
        if not cells:
            continue
        if len(cells) != len(header):
            raise _fault(
                path,
                f"line {line}, has {len(cells)} fields where the header has {len(header)}",
                "make all lines alike",
            )
        labels.append(cells.pop(index).strip())
        places.append(line)
        try:
            numbers.extend(map(float, cells))
        except ValueError:
            at = next(i for i, cell in enumerate(cells) if not _is_number(cell))
            raise _not_a_number(path, line, names[at], cells[at]) from None
    if not labels:
        raise _fault(path, "has a header but no examples", "add some lines")
    features = np.frombuffer(numbers, np.float64).reshape(len(labels), len(names))
    column = _target_column(path, header[index], labels, places)
    for i, name in enumerate(names):
        _check_finite(path, name, features[:, i], "line", places)
    return Table(features, column)


def _target_column(path: Path, name: str, labels: list[str], places: Sequence[int]) -> NDArray[Any]:
    numeric = [_is_number(label) for label in labels]
    if not any(numeric):
        if "" in labels:
            raise _not_a_number(path, places[labels.index("")], name, "")
        return np.array(labels)
    if not all(numeric):
        at = numeric.index(False)
        raise _not_a_number(path, places[at], name, labels[at])
    column = np.array([float(label) for label in labels])
    _check_finite(path, name, column, "line", places)
    return column


def read_parquet(path: Path, target: str | None) -> Table:
    """Read a Parquet file; columns of integers, floats, decimals and booleans, the target also of text.

    Raises:
        DataError: if pyarrow is not installed, or naming the column at fault.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise DataError(
            f"data: {one_line(path)} needs pyarrow, not installed: try pip install 'geomreg-tui[parquet]'"
        ) from None
    try:
        table = parquet.ParquetFile(path).read()
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:120]
        raise _fault(path, f"is not a Parquet file ({reason})", "write it again") from None
    names = list(table.column_names)
    index = _target_index(path, names, target)
    rows = table.num_rows
    if not rows:
        raise _fault(path, "has columns but no examples", "add some rows")
    columns: list[NDArray[Any]] = []
    for name, column in zip(names, table.columns, strict=True):
        if column.null_count:
            raise _fault(
                path, f"column {name!r}, has {column.null_count:,} missing values", "fill or drop those rows"
            )
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if pa.types.is_decimal(kind):
            column = column.cast(pa.float64())
        elif (pa.types.is_string(kind) or pa.types.is_large_string(kind)) and name == names[index]:
            columns.append(np.array(column.to_pylist()))
            continue
        elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
            raise _fault(path, f"column {name!r}, holds {kind}, not numbers", "drop or convert that column")
        values = np.array(column.to_pylist()) if column.type != kind else column.to_numpy()
        columns.append(values.astype(np.float64))
        _check_finite(path, name, columns[-1], "row", range(rows))
    column = columns.pop(index)
    return Table(np.stack(columns, axis=1), column)


def _target_index(path: Path, names: Sequence[str], target: str | None) -> int:
    """Return which column is the target, once the names are found usable."""
    shown = ", ".join(names[:_NAMES_SHOWN]) + (", ..." if len(names) > _NAMES_SHOWN else "")
    if "" in names:
        at = list(names).index("") + 1
        raise _fault(
            path, f"column {at} has no name", "name it, or with pandas use to_csv(path, index=False)"
        )
    if len(set(names)) < len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise _fault(path, f"has two columns {twice!r}", "rename one")
    if target is None:
        raise DataError(one_line(f"target: got nothing; allowed with {one_line(path)} is one of {shown}"))
    if target not in names:
        near = nearest_name(target, names)
        hint = f". Did you mean {near!r}?" if near else ""
        raise DataError(
            one_line(f"target: got {target!r}; allowed with {one_line(path)} is one of {shown}{hint}")
        )
    if len(names) < 2:
        raise _fault(path, "has no column but the target", "add the inputs")
    return list(names).index(target)


def _check_finite(path: Path, name: str, column: FloatArray, unit: str, places: Sequence[int]) -> None:
    bad = np.flatnonzero(~np.isfinite(column))
    if bad.size:
        raise _fault(
            path,
            f"column {name!r}, has {bad.size:,} values that are NaN or infinite, the first in {unit} "
            f"{places[int(bad[0])]}",
            "remove those examples or fill the gaps",
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _not_a_number(path: Path, line: int, column: str, text: str) -> DataError:
    text = text if len(text) <= 40 else text[:37] + "..."
    got = f"{text!r}, which is not a number" if text.strip() else "nothing"
    return _fault(path, f"line {line}, column {column!r}: got {got}", "mend or remove that line")


def _fault(path: Path, wrong: str, remedy: str) -> DataError:
    comma = "," if wrong.startswith(("line", "column")) else ""
    return DataError(one_line(f"data: {one_line(path)}{comma} {wrong}: {remedy}"))
