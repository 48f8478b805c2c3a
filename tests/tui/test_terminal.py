"""The explorer in a real terminal (a pty): what it sends, and how it leaves."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

SCRIPT = """
import sys
from tests.tui.fakes import FakeSource
from geomreg_tui.experiment import Experiment
from geomreg_tui.tui import run_explorer
sys.exit(run_explorer(Experiment.parse({"data": "digits"}), 10_000_000, source=FakeSource()))
"""
LEAVES_ALTERNATE_SCREEN = b"\x1b[?1049l"


class Terminal:
    def __init__(self, descriptor: int, process: subprocess.Popen[bytes]) -> None:
        self.descriptor, self.process, self.seen = descriptor, process, b""

    def read(self, seconds: float, until: bytes | None = None) -> bytes:
        """Return what is sent within so many seconds, or up to a text."""
        got, end = b"", time.monotonic() + seconds
        while time.monotonic() < end and not (until and until in got):
            ready, _, _ = select.select([self.descriptor], [], [], 0.02)
            if ready:
                try:
                    got += os.read(self.descriptor, 65536)
                except OSError:
                    break
        self.seen += got
        return got

    def press(self, keys: bytes) -> None:
        os.write(self.descriptor, keys)


@contextmanager
def explorer() -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    os.set_blocking(ours, True)
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        cwd=Path(__file__).parents[2],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
    )
    os.close(theirs)
    terminal = Terminal(ours, process)
    try:
        assert b"preview done" in terminal.read(30, until=b"preview done")
        yield terminal
    finally:
        process.kill()
        process.wait()
        with suppress(OSError):
            os.close(ours)


def test_nothing_is_sent_and_nothing_computed_when_nothing_changes() -> None:
    with explorer() as terminal:
        terminal.read(1.5)
        before = cpu_seconds(terminal.process.pid)
        assert terminal.read(2.0) == b""
        assert cpu_seconds(terminal.process.pid) - before < 0.1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_restore_the_terminal_and_leave(number: signal.Signals) -> None:
    with explorer() as terminal:
        terminal.read(0.5)
        terminal.process.send_signal(number)
        terminal.read(10, until=LEAVES_ALTERNATE_SCREEN)
        assert terminal.process.wait(10) == 128 + number
        assert LEAVES_ALTERNATE_SCREEN in terminal.seen


def test_a_terminal_that_is_gone_ends_the_explorer() -> None:
    with explorer() as terminal:
        terminal.read(0.5)
        os.close(terminal.descriptor)
        terminal.process.send_signal(signal.SIGHUP)
        assert terminal.process.wait(10) == 128 + signal.SIGHUP


def test_quitting_while_sampling_says_where_the_run_goes_on() -> None:
    with explorer() as terminal:
        terminal.read(0.5)
        terminal.press(b" ")
        terminal.read(10, until=b"sampling")
        terminal.press(b"q")
        terminal.read(10, until=b"go back")
        terminal.press(b"k")
        terminal.read(10, until=b"/runs/fake-run\r\n")
        assert terminal.process.wait(10) == 0
        assert (
            b"goes on in the background: /runs/fake-run" in terminal.seen.split(LEAVES_ALTERNATE_SCREEN)[-1]
        )


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
