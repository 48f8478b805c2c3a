"""The user's files: found, checked, and read as arrays (NPZ, NPY pair) or as a table (CSV, Parquet)."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from geomreg_tui.datasets.arrays import Arrays, placed_channels, read_npy, read_npz, usable_arrays
from geomreg_tui.datasets.base import Pool
from geomreg_tui.datasets.delimited import read_csv
from geomreg_tui.datasets.parquet import read_parquet
from geomreg_tui.errors import DataError, one_line
from geomreg_tui.experiment import Experiment

__all__ = ["SUFFIXES", "file_pool", "files_in", "files_of"]

SUFFIXES = (".npz", ".npy", ".csv", ".tsv", ".parquet")
_copies: ContextVar[Mapping[str, Path] | None] = ContextVar("copies of files", default=None)


@contextmanager
def files_in(copies: Mapping[str, Path]) -> Iterator[None]:
    """Have files read from copies of them, by the paths that experiments name."""
    token = _copies.set(copies)
    try:
        yield
    finally:
        _copies.reset(token)


def files_of(experiment: Experiment) -> dict[str, Path]:
    """Return the files that hold the data of an experiment, by the paths that it names."""
    if not any(sign in experiment.data for sign in "./\\"):
        return {}
    named = [experiment.data]
    if experiment.data.lower().endswith(".npy") and experiment.target is not None:
        named.append(experiment.target)
    return {name: _located(name) for name in named}


def _located(name: str) -> Path:
    """Return where the file that an experiment names is read."""
    copies = _copies.get() or {}
    return copies.get(name) or Path(os.path.expanduser(name))


def file_pool(experiment: Experiment) -> Pool:
    """Read the file that ``experiment.data`` names.

    Raises:
        DataError: if it is missing, damaged, not numbers, does not have the target asked for, or is not
            the file of ``experiment.data_sha256``.
    """
    path = _located(experiment.data)
    suffix = path.suffix.lower()
    paths = [path]
    if suffix == ".npy":
        if experiment.target is None:
            raise DataError(f"target: got nothing with {one_line(path)}; name the NPY file of the targets")
        paths.append(_located(experiment.target))
    for one in paths:
        _check_file(one)
    if suffix not in SUFFIXES:
        raise DataError(
            f"data: got {one_line(path)}, a file of type {one_line(suffix) or 'unknown'}; "
            f"allowed are {', '.join(SUFFIXES)}"
        )
    digest = _digest(paths)
    if experiment.data_sha256 not in (None, digest):
        raise DataError(
            f"data: {one_line(path)} has changed: its SHA-256 was {str(experiment.data_sha256)[:12]}... "
            f"and is {digest[:12]}...: restore the file, or leave data_sha256 out to use it as it is"
        )
    if suffix in (".csv", ".tsv", ".parquet"):
        return _table_pool(path, experiment, digest)
    if suffix == ".npz":
        arrays = read_npz(path, experiment.target, experiment.features)
    elif experiment.features is not None:
        raise DataError(
            f"features: got {one_line(experiment.features)!r}, but an NPY file is a single array: "
            "leave features out"
        )
    else:
        arrays = Arrays(read_npy(paths[0]), read_npy(paths[1]))
    x, y = usable_arrays(path, arrays.x, arrays.y)
    x, layout = placed_channels(path, x, experiment.layout)
    return Pool(x, y, _source(path, len(x), layout, digest), test_rows=arrays.test_rows, sha256=digest)


def _table_pool(path: Path, experiment: Experiment, digest: str) -> Pool:
    if experiment.layout != "auto":
        raise DataError(
            f"layout: got {experiment.layout}, but {one_line(path)} is a table and no array of images: "
            "leave layout out"
        )
    read = read_parquet if path.suffix.lower() == ".parquet" else read_csv
    table = read(path, experiment.target, experiment.features)
    source = _source(path, len(table.target), "", digest)
    return Pool(table.features, table.target, source, notes=table.notes, sha256=digest)


def _source(path: Path, count: int, layout: str, digest: str) -> str:
    return f"{path.name}: {count:,} examples{layout}, SHA-256 {digest[:12]}..."


def _check_file(path: Path) -> None:
    try:
        status = path.stat()
        if stat.S_ISREG(status.st_mode):  # to open a pipe would wait for whoever writes to it
            path.open("rb").close()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DataError(f"data: cannot read {one_line(path)}: {reason}; try the full path") from None
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"data: {one_line(path)} is not a regular file; name a file ({', '.join(SUFFIXES)})")
    if status.st_size == 0:
        raise DataError(f"data: {one_line(path)} is empty; write the data to it again")


def _digest(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    return digest.hexdigest()
