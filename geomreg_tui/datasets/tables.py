"""Tables with named columns: which of them are inputs, which is the target, and which are neither."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.datasets.base import FloatArray
from geomreg_tui.datasets.cells import fault
from geomreg_tui.errors import DataError, nearest_name, one_line

__all__ = ["Columns", "Table", "choose_columns", "counting_note"]

_NAMES_SHOWN = 12
_INDEX = re.compile(r"__index_level_\d+__")  # what pandas calls the column of an index without a name
_NAMELESS = re.compile(r"Unnamed: \d+(_level_\d+)?")  # what pandas calls a column without a name


@dataclass(frozen=True, eq=False)
class Table:
    """A table taken apart.

    Attributes:
        features: the input columns, (rows, columns), in the order of the file or as they were named.
        target: the target column, numbers or text, (rows,).
        notes: plain statements on what was taken and what was left out.
    """

    features: FloatArray
    target: NDArray[Any]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Columns:
    """Which columns of a table are used.

    Attributes:
        target: place of the target column.
        features: places of the input columns.
        notes: plain statements on them.
    """

    target: int
    features: tuple[int, ...]
    notes: tuple[str, ...]


def choose_columns(
    path: Path, names: Sequence[str], target: str | None, features: str | None, index: Collection[str] = ()
) -> Columns:
    """Return which columns are the target and the inputs.

    Without ``features`` the inputs are all columns but the target and an index. A column without a name is
    never an input: whoever wrote it did not mean it as one.

    Args:
        path: the file.
        names: names of all columns.
        target: name of the target.
        features: names of the inputs, separated by commas, quoted where they hold one.
        index: names of the columns that the file says are an index.

    Raises:
        DataError: if a name is missing, not there, there twice, or blank.
    """
    if target is None:
        shown = _listed(names)
        raise DataError(one_line(f"target: got nothing; allowed with {one_line(path)} is one of {shown}"))
    left_out = [name for name in names if name != target and (name in index or _INDEX.fullmatch(name))]
    if features is None:
        used = [name for name in names if name not in left_out]
        _check_names(path, names)
    else:
        used = [*_split(features), target]
        left_out = []
    at = _place(path, "target", target, names)
    places = [_place(path, "features", name, names) for name in used if name != target]
    if features is not None and (target in used[:-1] or len(set(places)) < len(places)):
        twice = target if target in used[:-1] else next(name for name in used if used.count(name) > 1)
        reason = "is the target" if twice == target else "is named twice"
        raise DataError(one_line(f"features: got {features!r}, where {twice!r} {reason}: leave it out"))
    if not places:
        raise fault(path, "has no column but the target", "add the inputs")
    notes = [f"target {target}; inputs {_listed([names[i] for i in places])}"]
    if left_out:
        notes.append(f"left out as an index of pandas: {_listed(left_out)}; features can name it as an input")
    return Columns(at, tuple(places), tuple(notes))


def counting_note(names: Sequence[str], features: FloatArray) -> tuple[str, ...]:
    """Return a note on the input columns that only count the examples, which an index or a row number does.

    Args:
        names: names of the inputs.
        features: the inputs, (rows, columns), in the order of the file.
    """
    rows = len(features)
    if rows < 3:
        return ()
    steps = np.arange(rows, dtype=np.float64)
    starts = np.isin(features[0], (0.0, 1.0)) & (features[-1] - features[0] == rows - 1)
    counting = [
        names[i]
        for i in np.flatnonzero(starts).tolist()
        if np.array_equal(features[:, i], steps + features[0, i])
    ]
    if not counting:
        return ()
    return (
        f"{_listed(counting)} only counts the examples: if that is no input, name the inputs with features",
    )


def _split(features: str) -> list[str]:
    try:
        names = next(csv.reader(io.StringIO(features, newline=""), skipinitialspace=True, strict=True), [])
    except csv.Error as error:
        reason = f" ({error})"
    else:
        named = [name.strip() for name in names if name.strip()]
        if named:
            return named
        reason = ""
    raise DataError(
        one_line(
            f"features: got {features!r}{reason}; allowed are names of columns, with commas between, "
            "in double quotes where a name has one"
        )
    )


def _check_names(path: Path, names: Sequence[str]) -> None:
    """Refuse columns of which nobody can say what they are."""
    for place, name in enumerate(names, 1):
        if not name.strip() or _NAMELESS.fullmatch(name):
            called = f" but {name!r}" if name.strip() else ""
            raise fault(
                path,
                f"column {place} has no name{called}",
                "name it, name the inputs with features, or with pandas use to_csv(path, index=False)",
            )


def _place(path: Path, key: str, name: str, names: Sequence[str]) -> int:
    if name not in names:
        near = nearest_name(name, names)
        hint = f". Did you mean {near!r}?" if near else ""
        raise DataError(
            one_line(f"{key}: got {name!r}; allowed with {one_line(path)} is one of {_listed(names)}{hint}")
        )
    if names.count(name) > 1:
        raise fault(path, f"has two columns {name!r}", "rename one")
    return names.index(name)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMES_SHOWN]) + (", ..." if len(names) > _NAMES_SHOWN else "")
