"""The explorer in a real terminal (a pty): what it sends, and how it leaves."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from .terminal import (
    LEAVES_ALTERNATE_SCREEN,
    Terminal,
    check_leaves_at_once,
    cpu_seconds,
    in_terminal,
)

SCRIPT = """
import sys
from tests.tui.fakes import FakeSource
from geomreg_tui.experiment import Experiment
from geomreg_tui.tui import run_explorer
sys.exit(run_explorer(Experiment.parse({"data": "digits"}), 10_000_000, source=FakeSource()))
"""


@contextmanager
def explorer() -> Iterator[Terminal]:
    with in_terminal([sys.executable, "-c", SCRIPT]) as terminal:
        assert terminal.shows("preview done")
        yield terminal


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


def test_a_terminal_that_is_gone_ends_the_explorer_at_once() -> None:
    with explorer() as terminal:
        terminal.press(b" ")
        terminal.read(0.5)
        check_leaves_at_once(terminal)


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


def test_coming_back_from_the_shell_draws_all_of_the_screen_again() -> None:
    with explorer() as terminal:
        terminal.read(1.0)
        before = terminal.text()
        terminal.press(b"\x1a")
        terminal.read(5, until=LEAVES_ALTERNATE_SCREEN)
        terminal.read(0.5)
        terminal.clear()
        terminal.process.send_signal(signal.SIGCONT)
        assert terminal.shows("preview done")
        terminal.read(1.0)
        assert terminal.text() == before
