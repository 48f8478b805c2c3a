"""The process of an engine, as its starter sees it."""

from __future__ import annotations

import subprocess

from geomreg_tui.safe_path import python_command, python_environment

__all__ = ["spawn_engine"]


def spawn_engine(
    *arguments: str, quiet: bool = False, inherit_stderr: bool = False
) -> subprocess.Popen[bytes]:
    """Start an engine in a session of its own, so that a dropped terminal does not end it."""
    output = subprocess.DEVNULL if quiet else subprocess.PIPE
    return subprocess.Popen(
        python_command("-m", "geomreg_tui.engine", *arguments),
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=None if inherit_stderr else output,
        start_new_session=True,
        env=python_environment(OMP_NUM_THREADS="1"),
    )
