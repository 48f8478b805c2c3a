"""The process of an engine: how it is started, and how it speaks to its starter. Never imports torch."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

from geomreg_tui.safe_path import python_command, python_environment

__all__ = ["RUNNER", "answer", "detach", "log_line", "spawn"]

RUNNER = "geomreg_tui.runner"


def spawn(
    module: str, *arguments: str, quiet: bool = False, inherit_stderr: bool = False
) -> subprocess.Popen[bytes]:
    """Start a module in a session of its own, so that a dropped terminal does not end it.

    Args:
        module: the module, as ``python -m`` takes it.
        arguments: its arguments.
        quiet: whether nobody reads what it says.
        inherit_stderr: whether its messages go where those of this process go.
    """
    output = subprocess.DEVNULL if quiet else subprocess.PIPE
    return subprocess.Popen(
        python_command("-m", module, *arguments),
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=None if inherit_stderr else output,
        start_new_session=True,
        env=python_environment(OMP_NUM_THREADS="1"),
    )


def answer(line: str) -> None:
    """Write a line to the process that started this one, if it is still there."""
    with contextlib.suppress(OSError):
        os.write(1, line.encode())


def log_line(line: str) -> None:
    """Write a line to the engine's log, if the disk has room for it."""
    with contextlib.suppress(OSError):
        os.write(2, f"{line}\n".encode())


def detach(log: Path) -> None:
    """Close stdin, send stderr (of native code) to a log, and keep stdout for one last line."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 2)
    os.close(nothing)
    with contextlib.suppress(OSError):
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o644)
        os.dup2(handle, 2)
        os.close(handle)
