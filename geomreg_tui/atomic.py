"""Files that are whole or absent: atomic writes and capped reads of bytes and plain data.

Whatever is read may have been made by anyone, so sizes are checked before memory is taken, and a link is
never followed. Needs nothing but the standard library, so that small files can be read before anything
large is imported.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
from pathlib import Path
from typing import Any

from geomreg_tui.errors import RunDirectoryError

__all__ = ["JSON_CAP", "discard", "read_bytes", "read_json", "sync_folder", "write_bytes", "write_json"]

JSON_CAP = 2**20  # bytes


def write_bytes(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Replace ``path`` by ``data`` in one step: readers see the old file or the new one.

    Args:
        path: the file.
        data: what it is to hold.
        durable: whether the file must survive a power cut; a live snapshot need not.

    Raises:
        RunDirectoryError: if it cannot be written (disk full, folder read-only).
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
        if durable:
            sync_folder(path.parent)
    except OSError as error:
        discard(temporary)
        raise RunDirectoryError(f"{path}: cannot be written ({error.strerror or error})") from error


def discard(path: Path) -> None:
    """Delete a file that is of no more use; where it cannot be deleted, it stays and nothing is raised."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_bytes(path: Path, cap: int) -> bytes:
    """Return the content of a regular file of at most ``cap`` bytes.

    Raises:
        RunDirectoryError: if it is missing, a link, not a regular file, too large, or unreadable.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise RunDirectoryError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise RunDirectoryError(f"{path}: is not a regular file")
        if status.st_size > cap:
            raise RunDirectoryError(f"{path}: {status.st_size:,} bytes, more than the {cap:,} allowed")
        with open(handle, "rb", closefd=False) as file:
            return file.read(status.st_size)  # read(cap) would take all of that memory at once
    except OSError as error:
        raise RunDirectoryError(f"{path}: cannot be read ({error.strerror})") from error
    finally:
        os.close(handle)


def write_json(path: Path, value: Any, *, durable: bool = True) -> None:
    """Write plain data as strict, indented JSON."""
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=True) + "\n"
    write_bytes(path, text.encode(), durable=durable)


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises:
        RunDirectoryError: if it cannot be read or is not a JSON object.
    """
    try:
        value = json.loads(read_bytes(path, JSON_CAP))
    except (ValueError, RecursionError) as error:
        raise RunDirectoryError(f"{path}: is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise RunDirectoryError(f"{path}: is not a JSON object")
    return value
