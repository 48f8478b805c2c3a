"""Arrays that were given from Python: packed into a file that is named by its own digest, and read from it.

The file is an NPZ archive without compression that holds ``x`` and ``y``. It may come from anyone. So it is
read only if its SHA-256 is the one in the experiment, no link is followed, nothing is unpickled, and every
size is checked before memory is taken.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from geomreg_tui.atomic import read_bytes
from geomreg_tui.datasets.arrays import placed_channels, usable_arrays
from geomreg_tui.datasets.base import Pool
from geomreg_tui.errors import DataError, RunDirectoryError
from geomreg_tui.experiment import Experiment

__all__ = [
    "ARRAYS",
    "ARRAYS_FILE",
    "arrays_in",
    "arrays_path",
    "given_pool",
    "pack_arrays",
    "read_packed",
    "unpack_arrays",
]

ARRAYS = "arrays"  # value of the key data
ARRAYS_FILE = re.compile(r"[0-9a-f]{64}\.npz")  # names of files
_CAP = 2**31  # bytes of a file
_HEADER_CAP = 10_000  # bytes of the header of an array
_KINDS = "buifUS"  # of numpy types: numbers and text
_folder: ContextVar[Path | None] = ContextVar("folder of given arrays", default=None)


def pack_arrays(x: NDArray[Any], y: NDArray[Any]) -> tuple[str, bytes]:
    """Return the SHA-256 and the content of the file that holds inputs and targets.

    Equal arrays of equal number formats have equal files, however they lie in memory.

    Args:
        x: inputs of numbers, (n, ...) of 1 to 4 axes.
        y: targets, numbers (n,) or (n, outputs), or text (n,).

    Raises:
        DataError: if they cannot be inputs and targets, or are larger than a file may be.
    """
    name = Path("the data given")
    usable_arrays(name, x, y)
    if x.nbytes + y.nbytes > _CAP // 2:
        raise DataError(
            f"data: got arrays of {x.nbytes + y.nbytes:,} bytes; allowed are {_CAP // 2:,}: "
            "write a file and give its path"
        )
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, x=_plain(x), y=_plain(y))
    content = buffer.getvalue()
    return hashlib.sha256(content).hexdigest(), content


def unpack_arrays(content: bytes) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the inputs and targets in the content of a file.

    Raises:
        DataError: if it is not what :func:`pack_arrays` makes.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sorted(archive.namelist()) != ["x.npy", "y.npy"]:
                raise ValueError("it does not hold x and y")
            return _member(archive, "x.npy", len(content)), _member(archive, "y.npy", len(content))
    # A damaged archive raises whatever zipfile or the header's parser trips over.
    except Exception as error:
        raise DataError(f"data: the file of the arrays is damaged ({str(error)[:120]})") from None


def arrays_path(folder: Path, digest: str) -> Path:
    """Return where a folder keeps the file with a SHA-256."""
    return folder / f"{digest}.npz"


def read_packed(folder: Path, digest: str) -> bytes:
    """Return the content of the file with a SHA-256.

    Raises:
        DataError: if it is missing, a link, too large, or not what its name says.
    """
    path = arrays_path(folder, digest)
    if folder.is_symlink():
        raise DataError(f"data: {folder} is a link, which is never followed")
    try:
        content = read_bytes(path, _CAP)
    except RunDirectoryError as error:
        raise DataError(f"data: the arrays of this run are not there: {error}") from None
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise DataError(
            f"data: {path} is damaged: its SHA-256 is {found[:12]}...; restore it from a copy of the run"
        )
    return content


@contextmanager
def arrays_in(folder: Path | None) -> Iterator[None]:
    """Let experiments find the arrays they were given in a folder."""
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def given_pool(experiment: Experiment) -> Pool:
    """Return the examples of an experiment whose data were given as arrays.

    Raises:
        DataError: if the file is missing or damaged, or there is no folder to look into.
    """
    folder, digest = _folder.get(), experiment.data_sha256
    if digest is None:
        raise DataError(
            f"data: got {ARRAYS!r}, which stands for arrays given from Python (data=(X, y)): "
            "give the path of a file"
        )
    if folder is None:
        raise DataError(
            f"data: the arrays with SHA-256 {digest[:12]}... lie in the folder data of the run they were "
            "given to: give the path of that file"
        )
    for key, value in (("target", experiment.target), ("features", experiment.features)):
        if value is not None:
            raise DataError(f"{key}: got {value!r}, but arrays have no names: leave {key} out")
    name = Path(ARRAYS)
    x, y = usable_arrays(name, *unpack_arrays(read_packed(folder, digest)))
    x, layout = placed_channels(name, x, experiment.layout)
    source = f"{ARRAYS}: {len(x):,} examples{layout}, SHA-256 {digest[:12]}..."
    return Pool(x, y, source, sha256=digest)


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array in C order and little-endian."""
    return np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))


def _member(archive: zipfile.ZipFile, name: str, size: int) -> NDArray[Any]:
    about = archive.getinfo(name)
    if about.compress_type != zipfile.ZIP_STORED or about.file_size > size:
        raise ValueError(f"{name} is compressed")
    content = archive.read(about)
    stream = io.BytesIO(content)
    if npy.read_magic(stream) != (1, 0):
        raise ValueError(f"{name} has another version")
    shape, column_major, dtype = npy.read_array_header_1_0(stream, max_header_size=_HEADER_CAP)
    start = stream.tell()
    if column_major or dtype.hasobject or dtype.kind not in _KINDS or not dtype.itemsize:
        raise ValueError(f"{name} holds {dtype}")
    if any(length < 0 for length in shape) or math.prod(shape) * dtype.itemsize != len(content) - start:
        raise ValueError(f"{name} does not hold what its header says")
    return np.frombuffer(content, dtype, offset=start).reshape(shape)
