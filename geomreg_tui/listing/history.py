"""What happened to a run or a sweep, from its log, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from geomreg_tui.errors import one_line, shortened
from geomreg_tui.rundir import RunEntry
from geomreg_tui.rundir.log import read_events

__all__ = ["LogLine", "read_history"]

_LONGEST = 500  # characters of a line
_TIME = len("2026-01-01T00:00:00")


class LogLine(NamedTuple):
    """Something that happened.

    Attributes:
        time: when, as ``2026-01-01 00:00:00``, in the time of the machine that wrote it.
        text: what, in words.
        wrong: whether something went wrong.
    """

    time: str
    text: str
    wrong: bool


def read_history(entry: RunEntry) -> list[LogLine]:
    """Return what happened to a run or a sweep, oldest first; lines that cannot be read are left out.

    Raises:
        RunDirectoryError: if there is a log and it cannot be read at all.
    """
    events, broken = read_events(entry.path / "log.jsonl")
    lines = [_line(event) for event in events]
    if broken:
        lines.append(LogLine("", f"{broken:,} line{'s' * (broken != 1)} of the log cannot be read", True))
    return lines


def _line(event: Mapping[str, Any]) -> LogLine:
    """Return an event in words."""
    time = one_line(event.get("time", ""))[:_TIME].replace("T", " ")
    name = one_line(event.get("event", ""))
    details = {str(key): value for key, value in event.items() if key not in ("time", "event")}
    text = _TEXTS.get(name, _other)(name, details)
    wrong = bool(details.get("reason")) or (name == "end" and details.get("state") == "failed")
    return LogLine(time, shortened(one_line(text), _LONGEST), wrong)


def _start(_: str, details: Mapping[str, Any]) -> str:
    chunk, points = details.get("chunk"), details.get("points")
    begun = f"went on from chunk {_number(chunk)}" if chunk else "started"
    of = f", {_number(points)} points" if points is not None else ""
    cluster = f", on {details['cluster']}" if details.get("cluster") else ""
    return f"{begun}, for {_number(details.get('samples'))} networks{' each' if of else ''}{of}{cluster}"


def _end(_: str, details: Mapping[str, Any]) -> str:
    message = f": {details['message']}" if details.get("message") else ""
    samples = f", {_number(details['samples'])} networks" if "samples" in details else ""
    return f"{details.get('state', 'over')}{samples}{message}"


def _command(_: str, details: Mapping[str, Any]) -> str:
    more = f" to {_number(details['samples'])} networks" if details.get("samples") else ""
    return f"was told to {details.get('action', '?')}{more}"


def _point(_: str, details: Mapping[str, Any]) -> str:
    return f"point {details.get('point', '?')} is done, {_number(details.get('samples'))} networks"


def _copied(_: str, details: Mapping[str, Any]) -> str:
    return f"copied from {details.get('source', '?')}, to go on from there"


def _other(name: str, details: Mapping[str, Any]) -> str:
    told = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in details.items())
    return f"{name}: {told}" if told else name


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


_TEXTS: Mapping[str, Callable[[str, Mapping[str, Any]], str]] = {
    "start": _start,
    "end": _end,
    "command": _command,
    "point": _point,
    "copied": _copied,
}
