"""The control channel: how viewers tell an engine what they want.

A command is one small JSON file, ``control/TIME-TOKEN.json``, holding ``{"action": ACTION, "samples": N}``.
The engine looks several times a second, obeys in the order of the names, and deletes what it has read.
Commands of several viewers do not overwrite each other, and a viewer that dies leaves nothing half-done.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.rundir.store import parsing, read_json, write_json

__all__ = ["Action", "Command", "Control"]

_NAME = re.compile(r"\d{20}-[0-9a-f]{8}\.json")
_MOST = 10**15  # networks


class Action(StrEnum):
    """A kind of command to an engine."""

    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    EXTEND = "extend"


@dataclass(frozen=True)
class Command:
    """A command of a viewer; ``samples`` is the new total of networks for ``extend``."""

    action: Action
    samples: int = 0


class Control:
    """The control channel of a run directory.

    Args:
        path: the folder of commands; made when the first one is sent.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: set[str] = set()

    def send(self, command: Command) -> None:
        """Leave a command for the engine.

        Raises:
            RunDirectoryError: if the folder cannot be written.
        """
        if self._path.is_symlink():
            raise RunDirectoryError(f"{self._path}: is a link, which is never followed")
        with contextlib.suppress(OSError):
            self._path.mkdir(exist_ok=True)
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}.json"
        values = {"action": command.action.value, "samples": command.samples}
        write_json(self._path / name, values, durable=False)

    def poll(self) -> list[Command]:
        """Return the commands that came since the last call, oldest first; unreadable ones are dropped."""
        found = []
        for path in self._waiting():
            with contextlib.suppress(RunDirectoryError):
                found.append(_read(path))
            self._drop(path)
        return found

    def clear(self) -> None:
        """Forget commands to an engine that is gone."""
        for path in self._waiting():
            self._drop(path)

    def _waiting(self) -> list[Path]:
        """Return the files of commands that are not read yet, oldest first."""
        if self._path.is_symlink():
            return []
        try:
            names = [entry.name for entry in self._path.iterdir()]
        except OSError:
            return []
        return [
            self._path / name for name in sorted(names) if _NAME.fullmatch(name) and name not in self._read
        ]

    def _drop(self, path: Path) -> None:
        """Delete the file of a command, or remember that it is read."""
        # Where the file cannot be deleted it must not be obeyed again and again.
        self._read.add(path.name)
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
            self._read.discard(path.name)


def _read(path: Path) -> Command:
    """Return the command in a file.

    Raises:
        RunDirectoryError: if it is none.
    """
    values = read_json(path)
    with parsing(path):
        samples = int(values.get("samples", 0))
        if not 0 <= samples <= _MOST:
            raise ValueError(f"{samples} networks")
        return Command(Action(values["action"]), samples)
