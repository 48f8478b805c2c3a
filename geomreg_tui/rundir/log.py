"""The log of a run: what happened, one JSON object a line, written by the engine alone."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from geomreg_tui.errors import plain_text
from geomreg_tui.rundir.store import read_bytes

__all__ = ["append_event", "read_events"]

LOG_CAP = 2**24  # bytes


def append_event(path: Path, event: str, **details: Any) -> None:
    """Append an event; failing to is not an error of the run.

    A line that a killed engine left half-written is ended first, so that it spoils no other.
    """
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    line = plain_text(json.dumps({"time": stamp, "event": event, **details})).encode() + b"\n"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
        with open(handle, "rb+", buffering=0) as file:
            size = os.fstat(handle).st_size
            if size + len(line) > LOG_CAP:
                return
            broken = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            file.write(b"\n" + line if broken else line)
    except OSError:
        return


def read_events(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Return the events of a log, oldest first, and how many lines could not be read.

    Raises:
        RunDirectoryError: if there is a log and it cannot be read at all.
    """
    if not path.exists():
        return [], 0
    events, broken = [], 0
    for line in read_bytes(path, LOG_CAP).splitlines():
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        if isinstance(event, dict):
            events.append(event)
        else:
            broken += bool(line.strip())
    return events, broken
