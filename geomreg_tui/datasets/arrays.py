"""Arrays in files: an NPZ archive, or a pair of NPY files. Nothing is ever unpickled."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from geomreg_tui.datasets.cells import Column
from geomreg_tui.errors import DataError, nearest_name, one_line, shortened

__all__ = ["Arrays", "placed_channels", "read_npy", "read_npz", "usable_arrays"]

_CHANNELS = (1, 3, 4)  # sizes of a last axis that is read as colours
_EXACT = 2.0**53  # whole numbers up to here are float64 numbers
_Array = NDArray[Any]


class Arrays(NamedTuple):
    """Inputs and targets as they are in a file, and how many examples at the end are a test set."""

    x: _Array
    y: _Array
    test_rows: int = 0


def read_npz(path: Path, target: str | None, features: str | None) -> Arrays:
    """Read x and y of an NPZ archive, or x_train, y_train, x_test and y_test, and nothing else in it.

    Args:
        path: the file.
        target: name of the array of targets; None for y or y_train.
        features: name of the array of inputs; None for x or x_train.

    Raises:
        DataError: if the archive is damaged, or an array is not there or is none of plain numbers or text.
    """
    kind, remedy = "NPZ archive of plain arrays", "numpy.savez(path, x=x, y=y)"
    with _opened(path, kind, remedy) as archive:
        if isinstance(archive, np.ndarray):
            raise DataError(
                f"data: {one_line(path)} is an NPY file: give it that suffix, and target its y file"
            )
        names = list(archive.files)

        def member(key: str, name: str) -> _Array:
            exact = _member_name(path, names, key, name)
            try:
                array = archive[exact]
            # A damaged member raises whatever numpy, zipfile, zlib or the header's parser trips over.
            except Exception as error:
                raise _unreadable(path, kind, remedy, error, f"in its array {exact!r}, ") from None
            if not isinstance(array, np.ndarray):
                raise DataError(
                    one_line(f"data: {exact!r} in {one_line(path)} is not an array: write it with {remedy}")
                )
            return array

        lower = {name.lower() for name in names}
        if features is not None:
            paired = "y_train" if features.lower() == "x_train" and "y" not in lower else "y"
            return Arrays(member("features", features), member("target", target or paired))
        if "x" in lower or "x_train" not in lower:
            return Arrays(member("features", "x"), member("target", target or "y"))
        x, y = member("features", "x_train"), member("target", target or "y_train")
        if "x_test" in lower and "y_test" in lower and target is None:
            x_test, y_test = member("features", "x_test"), member("target", "y_test")
            return Arrays(*_joined(path, (x, x_test), (y, y_test)), len(x_test))
        return Arrays(x, y)


def read_npy(path: Path) -> _Array:
    """Read the array of an NPY file.

    Raises:
        DataError: if the file is damaged, or the array holds Python objects.
    """
    with _opened(path, "NPY file of a plain array", "numpy.save(path, array)") as loaded:
        if not isinstance(loaded, np.ndarray):
            raise DataError(f"data: {one_line(path)} is an NPZ archive: give it that suffix")
        return loaded


@contextmanager
def _opened(path: Path, kind: str, remedy: str) -> Iterator[_Array | NpzFile]:
    with warnings.catch_warnings(), path.open("rb") as file:
        warnings.simplefilter("ignore")
        try:
            loaded = np.load(file, allow_pickle=False)
        # As for a damaged member.
        except Exception as error:
            raise _unreadable(path, kind, remedy, error) from None
        if isinstance(loaded, np.ndarray):
            yield loaded
        else:
            with loaded:
                yield loaded


def _unreadable(path: Path, kind: str, remedy: str, error: Exception, where: str = "") -> DataError:
    if "allow_pickle" in str(error) or "ickled" in str(error):
        reason = "it holds Python objects, which are never loaded"
    elif isinstance(error, MemoryError):
        reason = "it asks for more memory than there is"
    else:
        reason = shortened((str(error) or type(error).__name__).splitlines()[0], 120)
    return DataError(
        one_line(f"data: {one_line(path)} is not an {kind} ({where}{reason}): write it with {remedy}")
    )


def _member_name(path: Path, names: list[str], key: str, name: str) -> str:
    """Return the name of a member as it is spelled: exactly, or else but for upper and lower case."""
    alike = [name] if name in names else [other for other in names if other.lower() == name.lower()]
    if len(alike) == 1:
        return alike[0]
    there = f"has no array {name!r}, but {', '.join(names) or 'none at all'}"
    if alike:
        there = f"has arrays {' and '.join(alike)}, either of which may be {name!r}"
    near = None if alike else nearest_name(name, names)
    hint = f" Did you mean {key} {near!r}?" if near else ""
    raise DataError(
        one_line(
            f"data: {one_line(path)} {there}: name the arrays with features and target, or write them with "
            f"numpy.savez(path, x=x, y=y).{hint}"
        )
    )


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


def usable_arrays(path: Path, x: _Array, y: _Array) -> tuple[_Array, _Array]:
    """Return inputs and targets once they are found to be numbers (targets also text) and to go together.

    Returns:
        x, (n, ...) of 1 to 4 axes in any real number format, and y, (n,) or (n, outputs), float64 or text.

    Raises:
        DataError: if they are not.
    """
    x = _numbers(path, "x", x)
    if not 1 <= x.ndim <= 4:
        raise DataError(
            f"data: x in {one_line(path)} has shape {x.shape}; allowed are (n, features), "
            "(n, height, width), (n, height, width, channels) and (n, channels, height, width)"
        )
    is_text = y.dtype.kind in "US"
    if not is_text:
        y = _targets(path, _numbers(path, "y", y))
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim not in (1, 2) or (y.ndim == 2 and (is_text or not y.size)):
        raise DataError(f"data: y in {one_line(path)} has shape {y.shape}; allowed are (n,) and (n, outputs)")
    if len(x) != len(y):
        raise DataError(
            f"data: {one_line(path)} has {len(x):,} examples in x, {len(y):,} in y; write as many in both"
        )
    if not x.size:
        raise DataError(f"data: {one_line(path)} has no numbers in x, of shape {x.shape}; add some")
    return x, _labels(path, y) if is_text else y


def _labels(path: Path, y: _Array) -> _Array:
    """Return targets of text; text of numbers is numbers, as in a table."""
    try:
        texts = [text.decode() if isinstance(text, bytes) else text for text in y.tolist()]
    except UnicodeDecodeError:
        raise DataError(
            f"data: y in {one_line(path)} holds bytes that are not UTF-8 text; write UTF-8"
        ) from None
    return Column.of_text(path, "y", texts, "row {} (from 0)".format, one_line(y.dtype)).target()


def _targets(path: Path, y: _Array) -> _Array:
    """Return targets as float64.

    Raises:
        DataError: if whole numbers that differ would be one.
    """
    numbers = y.astype(np.float64)
    largest = np.abs(numbers).max(initial=0)
    if y.dtype.kind in "iu" and largest >= _EXACT and len(np.unique(numbers)) < len(np.unique(y)):
        raise DataError(
            f"data: y in {one_line(path)} holds whole numbers up to {largest:.3g}, some of which float64 "
            "cannot tell apart; number the classes from 0"
        )
    return numbers


def _numbers(path: Path, name: str, array: _Array) -> _Array:
    """Return an array of numbers in a format of at most 64 bits, all of them finite."""
    if array.dtype.kind not in "buif":
        raise DataError(
            f"data: {name} in {one_line(path)} holds {one_line(array.dtype)}, not numbers; write some"
        )
    if array.dtype.kind != "f":
        return array
    if array.dtype.itemsize > 8:
        with np.errstate(over="ignore", under="ignore"):
            shorter = array.astype(np.float64)
        if lost := int(np.count_nonzero((shorter == 0) & (array != 0))):
            raise DataError(
                f"data: {name} in {one_line(path)} has {lost:,} values that float64 cannot tell from 0; "
                "scale them"
            )
        array = shorter
    finite = np.isfinite(array)
    if not finite.all():
        place = tuple(int(i) for i in np.argwhere(~finite)[0])
        count = int(finite.size - np.count_nonzero(finite))
        raise DataError(
            f"data: {name} in {one_line(path)} has {count:,} values that are NaN or infinite, the first at "
            f"index {place}; remove those examples or fill the gaps"
        )
    return array


def placed_channels(path: Path, x: _Array, layout: str) -> tuple[_Array, str]:
    """Return inputs with channels, if they are images, as the first axis of an example; and a word on it.

    Args:
        path: the file.
        x: (n,), (n, features), (n, height, width) or images of four axes.
        layout: where those have their channels: channels_first, channels_last, or auto, which is last where
            the last axis has as many as colours have.

    Raises:
        DataError: if a layout is named for an array that has not four axes.
    """
    if x.ndim != 4 and layout != "auto":
        raise DataError(
            f"layout: got {layout}, but x in {one_line(path)} has shape {x.shape}; allowed with four axes "
            "only: leave layout out"
        )
    if x.ndim == 1:
        return x[:, np.newaxis], ""
    if x.ndim == 3:
        return x[:, np.newaxis], ", images of one channel"
    if x.ndim == 2:
        return x, ""
    last = x.shape[3] in _CHANNELS if layout == "auto" else layout == "channels_last"
    channels = x.shape[3] if last else x.shape[1]
    words = f", images with channels {'last' if last else 'first'} in the file ({channels} of them)"
    if layout == "auto" and (last == (x.shape[1] in _CHANNELS)):
        other = "channels_first" if last else "channels_last"
        words += f", which is a guess from the shape {x.shape}: if it is wrong, say layout {other}"
    return np.moveaxis(x, 3, 1) if last else x, words
