"""A first look at a data file: what its columns are, from its first megabyte, before anything is drawn."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from geomreg_tui.datasets.cells import Kind, cell_of
from geomreg_tui.datasets.delimited import sample_csv
from geomreg_tui.datasets.files import SUFFIXES
from geomreg_tui.datasets.parquet import sample_parquet
from geomreg_tui.errors import DataError, one_line, plain_text, shortened

__all__ = ["LARGEST", "ColumnLook", "FileLook", "look_at", "refusal"]

LARGEST = 2**30  # bytes of a file that is looked at
_READ = 2**20  # bytes of it that are read
_FEW = 100  # different values that classes have at most
_VALUES, _VALUE = 4, 24  # values that are shown of a column, and characters of one
_MOST_ARRAYS = 200
_TARGETS = ("target", "label", "class", "y")  # names that a target has, the surest first
_KINDS = {
    stat.S_IFDIR: "is a folder, not a file",
    stat.S_IFCHR: "is a device, not a file",
    stat.S_IFBLK: "is a device, not a file",
    stat.S_IFIFO: "is a pipe, not a file",
    stat.S_IFSOCK: "is a socket, not a file",
}
_NAMES = {Kind.NUMBER: "number", Kind.TRUTH: "true/false", Kind.TEXT: "text", Kind.TINY: "number"}


@dataclass(frozen=True)
class ColumnLook:
    """A column of a table, or an array, as far as it was looked at.

    Attributes:
        name: what it is called.
        kind: what it holds, in a word or two.
        distinct: different values; None where they were not counted.
        missing: gaps; None where they were not counted.
        values: some of the values.
        target: what ``--target`` is for this one; None where the file needs none for it.
    """

    name: str
    kind: str
    distinct: int | None = None
    missing: int | None = None
    values: tuple[str, ...] = ()
    target: str | None = None


@dataclass(frozen=True)
class FileLook:
    """A data file, as far as it was looked at.

    Attributes:
        path: the file.
        size: its bytes.
        columns: its columns or arrays; of an NPY file, the NPY files beside it that may be its targets.
        rows: examples that were looked at; None where they were not.
        total: examples in all; None where that is not known without reading all of it.
        guess: place of the column that is the target, as it seems; None where there is none.
    """

    path: Path
    size: int
    columns: tuple[ColumnLook, ...]
    rows: int | None
    total: int | None
    guess: int | None


def refusal(path: str) -> str:
    """Return why a path cannot be that of data, as in "is a pipe"; empty where it can. Nothing is opened."""
    if plain_text(path) != path or "\n" in path:
        return "has a name that cannot be shown: rename it"
    try:
        status = os.stat(os.path.expanduser(path))
    except FileNotFoundError:
        return "is not there"
    except (OSError, ValueError) as error:
        return f"cannot be read: {getattr(error, 'strerror', None) or error}"
    if (kind := _KINDS.get(stat.S_IFMT(status.st_mode))) is not None:
        return kind
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in SUFFIXES:
        return f"is of type {one_line(suffix) or 'unknown'}; allowed are {', '.join(SUFFIXES)}"
    if not status.st_size:
        return "is empty"
    if status.st_size > LARGEST:
        size = status.st_size / 2**30
        return f"has {size:.1f} GB, and up to {LARGEST // 2**30} is taken here: use geomreg-tui run --data"
    return "" if os.access(os.path.expanduser(path), os.R_OK) else "may not be read by you"


def look_at(path: Path) -> FileLook:
    """Look at a data file. At most about a megabyte of it is read, and nothing of it is run.

    Raises:
        DataError: if it cannot be the data, or its beginning cannot be read; in words.
    """
    if reason := refusal(str(path)):
        raise DataError(f"{one_line(path.name)} {reason}")
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return _look_at_npz(path)
    if suffix == ".npy":
        return _look_at_npy(path)
    if suffix == ".parquet":
        return _of_cells(path, *sample_parquet(path, _READ))
    names, cells, whole = sample_csv(path, _READ)
    return _of_cells(path, names, [""] * len(names), cells, len(cells) if whole else None)


def _of_cells(
    path: Path,
    names: Sequence[str],
    kinds: Sequence[str],
    cells: Sequence[Sequence[str | None]],
    total: int | None,
) -> FileLook:
    """Return a table, from the names of its columns, what they are said to hold, and its first cells."""
    columns = tuple(
        _column(name, kind, [row[place] for row in cells])
        for place, (name, kind) in enumerate(zip(names, kinds, strict=True))
    )
    return FileLook(path, path.stat().st_size, columns, len(cells), total, _guess(columns, len(cells)))


def _column(name: str, kind: str, cells: Sequence[str | None]) -> ColumnLook:
    """Return what a column of a table holds.

    Args:
        name: of the column.
        kind: what the file says that it holds; empty where it says nothing.
        cells: its first cells, as text; None for a gap.
    """
    found = [cell_of(cell or "") for cell in cells]
    texts = [(cell or "").strip() for cell, (of, _) in zip(cells, found, strict=True) if of is not Kind.GAP]
    kinds = {_NAMES[of] for of, _ in found if of is not Kind.GAP}
    if kinds == {"number"} and all(value == round(value) for of, value in found if _is_finite(of, value)):
        kinds = {"whole number"}
    word = " and ".join(sorted(kinds)) or kind or "empty"
    distinct = dict.fromkeys(texts)
    values = tuple(
        shortened(one_line(text), _VALUE) for text, _ in zip(distinct, range(_VALUES), strict=False)
    )
    missing = len(cells) - len(texts)
    return ColumnLook(name, word, len(distinct), missing, values, name)


def _is_finite(of: Kind, value: float) -> bool:
    return of is Kind.NUMBER and abs(value) < float("inf")


def _guess(columns: Sequence[ColumnLook], rows: int) -> int | None:
    """Return the place of the target, as it seems: one that is called so, else the last that may be classes.

    Where none has few different values, it is the last.
    """
    for word in _TARGETS:
        for place, column in enumerate(columns):
            if column.name.strip().casefold() == word:
                return place
    if not columns:
        return None
    few = [
        place
        for place, column in enumerate(columns)
        if column.distinct is not None and 2 <= column.distinct <= min(_FEW, max(2, rows // 2))
    ]
    texts = [place for place in few if columns[place].kind == "text"]
    last = len(columns) - 1
    return last if last in few or not few else (texts or few)[-1]


# Arrays


def _look_at_npz(path: Path) -> FileLook:
    """Return the arrays of an NPZ archive, by their headers alone."""
    columns, sizes = [], {}
    try:
        with zipfile.ZipFile(path) as archive:
            members = [name for name in archive.namelist() if name.endswith(".npy")][:_MOST_ARRAYS]
            for member in members:
                with archive.open(member) as file:
                    shape, kind = _header(file.read)
                name = member.removesuffix(".npy")
                sizes[name] = shape[0] if shape else 1
                columns.append((name, f"{kind} {_shape_text(shape)}"))
    except Exception as error:  # a damaged archive raises whatever zipfile, zlib or the header's parser do
        raise DataError(f"{one_line(path.name)} is not an NPZ archive of plain arrays: {error}") from None
    lower = [name.lower() for name, _ in columns]
    usual = next((name for name in ("y", "y_train") if name in lower), None)
    looks = tuple(
        ColumnLook(name, kind, target=None if name.lower() == usual else name) for name, kind in columns
    )
    guess = lower.index(usual) if usual is not None else _guess(looks, 0)
    total = None if guess is None else sizes[columns[guess][0]]
    return FileLook(path, path.stat().st_size, looks, None, total, guess)


def _look_at_npy(path: Path) -> FileLook:
    """Return the NPY files beside one that have as many examples, which may be its targets."""
    try:
        with path.open("rb") as file:
            shape, _ = _header(file.read)
    except (OSError, ValueError) as error:
        raise DataError(f"{one_line(path.name)} is not an NPY file of a plain array: {error}") from None
    total = shape[0] if shape else 1
    looks = []
    for other in _beside(path):
        try:
            with other.open("rb") as file:
                size, kind = _header(file.read)
        except (OSError, ValueError):
            continue
        if size and size[0] == total:
            looks.append(ColumnLook(other.name, f"{kind} {_shape_text(size)}", target=str(other)))
    flat = [place for place, look in enumerate(looks) if "x" not in look.kind.rpartition(" ")[2]]
    named = [place for place, look in enumerate(looks) if any(w in look.name.lower() for w in _TARGETS)]
    guess = next(iter([*(p for p in named if p in flat), *named, *flat, *range(len(looks))]), None)
    return FileLook(path, path.stat().st_size, tuple(looks), None, total, guess)


def _beside(path: Path) -> Iterable[Path]:
    """Return the other NPY files of a folder, not hidden, by name."""
    names = []
    with os.scandir(path.parent) as entries:
        for entry in entries:
            if entry.name.lower().endswith(".npy") and not entry.name.startswith(".") and entry.is_file():
                names.append(entry.name)
    return [path.parent / name for name in sorted(names) if name != path.name][:_MOST_ARRAYS]


class _Reader:
    """A file for numpy's parser of headers, of which no more than a little can be read."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read, self._left = read, 2**16

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes."""
        if not 0 <= size <= self._left:
            raise ValueError("its header is too long")
        self._left -= size
        return self._read(size)


def _header(read: Callable[[int], bytes]) -> tuple[tuple[int, ...], str]:
    """Return the shape and the number format of an NPY file.

    Raises:
        ValueError: if it is none, or holds Python objects.
    """
    file = _Reader(read)
    version = np.lib.format.read_magic(file)
    parse = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = parse(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are never loaded")
    return shape, "text" if dtype.kind in "US" else str(dtype)


def _shape_text(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) if shape else "single"
