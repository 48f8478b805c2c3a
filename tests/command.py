"""The command line in this process: for what is not about processes, signals, streams or the start."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple
from unittest.mock import patch

import pytest

from geomreg_tui.cli.app import run
from geomreg_tui.cli.exits import exit_from


class Answer(NamedTuple):
    """The exit code of a command, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def call(*arguments: object, check: int | None = None) -> Answer:
    """Run the command line here; its exit code is ``check`` where that is given."""
    out, err = io.StringIO(), io.StringIO()
    words = ["geomreg-tui", *map(str, arguments)]
    with (
        patch.object(sys, "argv", words),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        exit_from(run)
    answer = Answer(int(ended.value.code or 0), out.getvalue(), err.getvalue())
    assert check is None or answer.returncode == check, answer
    return answer
