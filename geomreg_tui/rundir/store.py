"""Files that are whole or absent: atomic writes, capped reads, checksummed arrays.

Whatever is read may have been made by anyone, so nothing is unpickled, sizes are checked before memory is
taken, and a link is never followed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from geomreg_tui.atomic import discard, read_bytes, read_json, sync_folder, write_bytes, write_json
from geomreg_tui.errors import GeomregError, RunDirectoryError

__all__ = [
    "arrays_digest",
    "discard",
    "is_temporary",
    "parsing",
    "read_arrays",
    "read_bytes",
    "read_json",
    "sweep_temporaries",
    "sync_folder",
    "write_arrays",
    "write_bytes",
    "write_json",
]

HEADER_CAP = 2**18
ARRAYS_CAP = 2**28
_DTYPES = (np.dtype(np.int64), np.dtype(np.float64))
_DIGEST = "sha256"
_HEADER = "header"
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}\.tmp")
Arrays = Mapping[str, NDArray[np.generic]]


@contextlib.contextmanager
def parsing(path: Path) -> Iterator[None]:
    """Turn any error in reading the content of a file into one RunDirectoryError.

    Raises:
        RunDirectoryError: in place of any error of a kind that wrong content can cause.
    """
    try:
        yield
    except RunDirectoryError:
        raise
    except (
        ArithmeticError,
        AttributeError,
        GeomregError,
        LookupError,
        RecursionError,
        SafetensorError,
        TypeError,
        ValueError,
    ) as error:
        raise RunDirectoryError(f"{path}: is damaged ({type(error).__name__}: {str(error)[:200]})") from error


def write_arrays(path: Path, header: Mapping[str, Any], arrays: Arrays, *, durable: bool = True) -> None:
    """Write plain data and named arrays (int64 or float64) as safetensors, with a digest over all of it."""
    text = json.dumps(header, allow_nan=False, sort_keys=True)
    solid = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    metadata = {_HEADER: text, _DIGEST: arrays_digest(solid, text)}
    write_bytes(path, save_tensors(dict(solid), metadata), durable=durable)


def read_arrays(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[np.generic]]]:
    """Return the plain data and the arrays of a file that :func:`write_arrays` wrote.

    Raises:
        RunDirectoryError: if it cannot be read, is damaged, or its digest does not match.
    """
    data = read_bytes(path, ARRAYS_CAP)
    length = int.from_bytes(data[:8], "little")
    if length > HEADER_CAP:
        raise RunDirectoryError(f"{path}: is damaged (a header of {length:,} bytes)")
    with parsing(path):
        metadata = json.loads(data[8 : 8 + length])["__metadata__"]
        text, digest = metadata[_HEADER], metadata[_DIGEST]
        header = json.loads(text)
        arrays = load_tensors(data)
        if not isinstance(header, dict) or any(array.dtype not in _DTYPES for array in arrays.values()):
            raise ValueError("not the kind of content that runs have")
        if digest != arrays_digest(arrays, text):
            raise ValueError("the checksum does not match")
    return header, arrays


def arrays_digest(arrays: Arrays, text: str = "") -> str:
    """Return the SHA-256 of a text and of names, types, shapes and bytes of arrays, in hexadecimal."""
    state = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        state.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        state.update(np.ascontiguousarray(array).data)
    return state.hexdigest()


def is_temporary(name: str) -> bool:
    """Return whether a name is that of a half-written file."""
    return _TEMPORARY.fullmatch(name) is not None


def sweep_temporaries(folder: Path) -> None:
    """Delete half-written files of killed writers in a folder."""
    with contextlib.suppress(OSError):
        for entry in folder.iterdir():
            if is_temporary(entry.name):
                discard(entry)
