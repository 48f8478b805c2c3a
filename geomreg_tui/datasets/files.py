"""The user's files: found, checked, and read as arrays (NPZ, NPY pair) or as a table (CSV, Parquet)."""

from __future__ import annotations

import hashlib
import os
import stat
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.datasets.base import Pool, one_line
from geomreg_tui.datasets.tables import read_csv, read_parquet
from geomreg_tui.errors import DataError, nearest_name
from geomreg_tui.experiment import Experiment

__all__ = ["SUFFIXES", "file_pool"]

SUFFIXES = (".npz", ".npy", ".csv", ".tsv", ".parquet")
_CHANNELS = (1, 3, 4)  # sizes of a last axis that is read as colours
_Array = NDArray[Any]


def file_pool(experiment: Experiment) -> Pool:
    """Read the file that ``experiment.data`` names.

    Raises:
        DataError: if it is missing, damaged, not numbers, does not have the target asked for, or is not
            the file of ``experiment.data_sha256``.
    """
    path = Path(os.path.expanduser(experiment.data))
    suffix = path.suffix.lower()
    paths = [path]
    if suffix == ".npy":
        if experiment.target is None:
            raise DataError(f"target: got nothing with {one_line(path)}; name the NPY file of the targets")
        paths.append(Path(os.path.expanduser(experiment.target)))
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
    test_rows = 0
    if suffix == ".npz":
        x, y, test_rows = _read_npz(path, experiment.target)
    elif suffix == ".npy":
        x, y = (_read_npy(one) for one in paths)
    else:
        reader = read_parquet if suffix == ".parquet" else read_csv
        table = reader(path, experiment.target)
        x, y = table.features, table.target
    x, y, layout = _checked(path, x, y)
    source = f"{path.name}: {len(x):,} examples{layout}, SHA-256 {digest[:12]}..."
    return Pool(x, y, source, test_rows=test_rows, sha256=digest)


def _check_file(path: Path) -> None:
    try:
        status = path.stat()
        with path.open("rb"):
            pass
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


def _read_npz(path: Path, target: str | None) -> tuple[_Array, _Array, int]:
    """Return x, y and how many examples at the end are a test set."""
    loaded = _load(path, "NPZ archive of plain arrays", "numpy.savez(path, x=x, y=y)")
    if isinstance(loaded, np.ndarray):
        raise DataError(f"data: {one_line(path)} is an NPY file: give it that suffix, and target its y file")
    arrays = loaded
    lower = {name.lower(): array for name, array in arrays.items()}
    if "x" not in lower and "x_train" in lower:
        x, y = lower["x_train"], _named(path, lower, arrays, target or "y_train")
        if "x_test" in lower and "y_test" in lower and target is None:
            return *_joined(path, (x, lower["x_test"]), (y, lower["y_test"])), len(lower["x_test"])
        return x, y, 0
    return _named(path, lower, arrays, "x"), _named(path, lower, arrays, target or "y"), 0


def _named(path: Path, lower: Mapping[str, _Array], arrays: Mapping[str, _Array], name: str) -> _Array:
    array = arrays.get(name, lower.get(name.lower()))
    if array is None:
        near = nearest_name(name, arrays)
        hint = f" Did you mean target {near!r}?" if near else ""
        raise DataError(
            one_line(
                f"data: {one_line(path)} has no array {name!r}, but {', '.join(arrays) or 'none at all'}: "
                f"write it with numpy.savez(path, x=x, y=y).{hint}"
            )
        )
    return array


def _joined(path: Path, xs: tuple[_Array, _Array], ys: tuple[_Array, _Array]) -> tuple[_Array, _Array]:
    (x, x_test), (y, y_test) = xs, ys
    if x.ndim == 0 or x.shape[1:] != x_test.shape[1:] or x.dtype.kind != x_test.dtype.kind:
        raise _mismatch(path, "x_train and x_test", x, x_test)
    if y.ndim == 0 or y.shape[1:] != y_test.shape[1:] or y.dtype.kind != y_test.dtype.kind:
        raise _mismatch(path, "y_train and y_test", y, y_test)
    if len(x) != len(y) or len(x_test) != len(y_test):
        raise _mismatch(path, "x_train and y_train, or x_test and y_test,", x, y)
    return np.concatenate([x, x_test]), np.concatenate([y, y_test])


def _mismatch(path: Path, names: str, first: _Array, second: _Array) -> DataError:
    return DataError(
        f"data: in {one_line(path)}, {names} do not go together: shapes {first.shape} and {second.shape}, "
        f"of {one_line(first.dtype)} and {one_line(second.dtype)}; write as many examples in x as in y"
    )


def _read_npy(path: Path) -> _Array:
    loaded = _load(path, "NPY file of a plain array", "numpy.save(path, array)")
    if not isinstance(loaded, np.ndarray):
        raise DataError(f"data: {one_line(path)} is an NPZ archive: give it that suffix")
    return loaded


def _load(path: Path, kind: str, remedy: str) -> _Array | dict[str, _Array]:
    """Return the array of an NPY file or those of an NPZ archive, without ever unpickling anything."""
    with warnings.catch_warnings(), path.open("rb") as file:
        warnings.simplefilter("ignore")
        try:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return loaded
            with loaded:
                members = {name: loaded[name] for name in loaded.files}
        # Damaged files raise whatever numpy, zipfile, zlib or the header's parser trips over.
        except Exception as error:
            raise _unreadable(path, kind, remedy, error) from None
    return {name: member for name, member in members.items() if isinstance(member, np.ndarray)}


def _unreadable(path: Path, kind: str, remedy: str, error: Exception) -> DataError:
    if "allow_pickle" in str(error) or "ickled" in str(error):
        reason = "it holds Python objects, which are never loaded"
    elif isinstance(error, MemoryError):
        reason = "it asks for more memory than there is"
    else:
        text = (str(error) or type(error).__name__).splitlines()[0]
        reason = text if len(text) <= 120 else text[:117] + "..."
    return DataError(one_line(f"data: {one_line(path)} is not an {kind} ({reason}): write it with {remedy}"))


def _checked(path: Path, x: _Array, y: _Array) -> tuple[_Array, _Array, str]:
    """Return inputs in their final layout, targets, and a word on the layout."""
    x, y = _numbers(path, "x", x), y if y.dtype.kind in "US" else _numbers(path, "y", y)
    if not 1 <= x.ndim <= 4:
        shape = f"has shape {x.shape}"
        raise DataError(
            f"data: x in {one_line(path)} {shape}; allowed are (n, features), (n, height, width), "
            "(n, height, width, channels) and (n, channels, height, width)"
        )
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim not in (1, 2) or (y.ndim == 2 and (y.dtype.kind in "US" or not y.size)):
        raise DataError(f"data: y in {one_line(path)} has shape {y.shape}; allowed are (n,) and (n, outputs)")
    if len(x) != len(y):
        raise DataError(
            f"data: {one_line(path)} has {len(x):,} examples in x, {len(y):,} in y; write as many in both"
        )
    if not x.size:
        raise DataError(f"data: {one_line(path)} has no numbers in x, of shape {x.shape}; add some")
    if y.dtype.kind == "S":
        y = np.char.decode(y, "utf-8", "replace")
    if x.ndim == 1:
        return x[:, np.newaxis], y, ""
    if x.ndim == 3:
        return x[:, np.newaxis], y, ", images of one channel"
    if x.ndim == 4 and x.shape[3] in _CHANNELS:
        return np.moveaxis(x, 3, 1), y, ", images with channels last in the file"
    return x, y, ", images with channels first in the file" if x.ndim == 4 else ""


def _numbers(path: Path, name: str, array: _Array) -> _Array:
    if array.dtype.kind not in "buif":
        raise DataError(
            f"data: {name} in {one_line(path)} holds {one_line(array.dtype)}, not numbers; write some"
        )
    if array.dtype.kind != "f":
        return array
    if array.dtype.itemsize > 8:
        with np.errstate(over="ignore"):
            array = array.astype(np.float64)
    finite = np.isfinite(array)
    if not finite.all():
        place = tuple(int(i) for i in np.argwhere(~finite)[0])
        count = int(finite.size - np.count_nonzero(finite))
        raise DataError(
            f"data: {name} in {one_line(path)} has {count:,} values that are NaN or infinite, the first at "
            f"index {place}; remove those examples or fill the gaps"
        )
    return array
