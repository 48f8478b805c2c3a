"""What a worker of a cluster does: one piece of work at a time, from what came with it.

It reads no folder of the engine's. Files of the person's own are sent once to each worker that needs them,
and kept under their digests in a temporary folder for as long as the worker's process lives.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from geomreg_tui.datasets import ARRAYS, arrays_in, files_in
from geomreg_tui.engine.work import Work, perform
from geomreg_tui.errors import GeomregError, SamplingError

__all__ = ["Greeting", "Missing", "SentFile", "greet", "keep_files", "serve"]

# Most of torch's settings are of the whole process, and so are what workers keep between pieces of work.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class SentFile:
    """A file that a worker must have.

    Attributes:
        named: how the experiment names it.
        name: name of the file that it is kept in.
        sha256: of its content.
    """

    named: str
    name: str
    sha256: str


@dataclass(frozen=True)
class Greeting:
    """What a worker says of itself.

    Attributes:
        device: where it works, ``cpu`` or ``cuda:i``.
        environment: versions and device that the bits depend on.
    """

    device: str
    environment: dict[str, str]


@dataclass(frozen=True)
class Missing:
    """The answer of a worker that does not have files that it needs.

    Attributes:
        files: which.
    """

    files: tuple[SentFile, ...]


def greet(device: str) -> Greeting | Exception:
    """Say what this worker is.

    Args:
        device: which devices are meant (:func:`geomreg_tui.sampling.device.resolve_devices`).
    """
    try:
        with _ONE_AT_A_TIME:
            devices = import_module("geomreg_tui.sampling.device")
            mine = devices.resolve_devices(device)[0]
            return Greeting(mine, devices.environment(mine))
    except GeomregError as error:
        return error
    except (ImportError, OSError) as error:  # a library that is broken is an OSError
        return SamplingError(f"no networks can be drawn there: {error}")


def serve(work: Work, device: str, files: Sequence[SentFile]) -> Any:
    """Do a piece of work; return its answer, the error that it ended in, or which files are missing."""
    missing = tuple(file for file in files if not _path(file).is_file())
    if missing:
        return Missing(missing)
    given = [_path(file).parent for file in files if file.named == ARRAYS]
    try:
        with ExitStack() as context:
            context.enter_context(_ONE_AT_A_TIME)
            context.enter_context(arrays_in(given[0] if given else None))
            context.enter_context(files_in({file.named: _path(file) for file in files}))
            return perform(work, device, _dropped())
    except GeomregError as error:
        return error
    except Exception as error:
        return SamplingError(f"{type(error).__name__}: {error}")


def keep_files(contents: Mapping[SentFile, bytes]) -> None:
    """Keep files for the work that is to come.

    Raises:
        SamplingError: if one is not what was sent.
        OSError: if there is no room.
    """
    for file, content in contents.items():
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise SamplingError(f"{file.name} came damaged")
        path = _path(file)
        path.parent.mkdir(exist_ok=True)
        beside = path.with_name(f".{path.name}.tmp")
        beside.write_bytes(content)
        os.replace(beside, path)


def _path(file: SentFile) -> Path:
    """Return where a file is kept; its name is made safe by the folder, which its digest names."""
    return Path(_folder().name) / file.sha256 / Path(file.name).name


@cache
def _folder() -> TemporaryDirectory[str]:
    """Return the folder of files, which goes when the process ends."""
    return TemporaryDirectory(prefix="geomreg-worker-")


def _dropped() -> Callable[[], bool]:
    """Return what tells whether nobody waits for this work: it was taken back, or the engine is gone."""
    from distributed import get_worker

    try:
        worker = get_worker()
        key = worker.get_current_task()
    except ValueError:  # called outside a worker
        return lambda: False

    def dropped() -> bool:
        task = worker.state.tasks.get(key)
        return task is None or task.state == "cancelled"

    return dropped
