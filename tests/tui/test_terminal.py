"""The explorer in a real terminal (a pty): what it sends, and how it leaves."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.patience import PATIENCE, contention

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
        terminal.settle()
        before = cpu_seconds(terminal.process.pid)
        assert terminal.read(2.0) == b""
        assert cpu_seconds(terminal.process.pid) - before < 0.1


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.full)])
def test_signals_restore_the_terminal_and_leave(number: signal.Signals) -> None:
    with explorer() as terminal:
        terminal.read(0.5)
        terminal.process.send_signal(number)
        terminal.read(PATIENCE, until=LEAVES_ALTERNATE_SCREEN)
        assert terminal.process.wait(PATIENCE) == 128 + number
        assert LEAVES_ALTERNATE_SCREEN in terminal.seen


@pytest.mark.alone
def test_a_terminal_that_is_gone_ends_the_explorer_at_once() -> None:
    with explorer() as terminal:
        terminal.press(b" ")
        terminal.read(0.5)
        check_leaves_at_once(terminal, 2 * contention())


def test_quitting_while_sampling_says_where_the_run_goes_on() -> None:
    with explorer() as terminal:
        terminal.read(0.5)
        terminal.press(b" ")
        terminal.read(PATIENCE, until=b"sampling")
        terminal.press(b"q")
        terminal.read(PATIENCE, until=b"go back")
        terminal.press(b"k")
        terminal.read(PATIENCE, until=b"/runs/fake-run\r\n")
        assert terminal.process.wait(PATIENCE) == 0
        assert (
            b"goes on in the background: /runs/fake-run" in terminal.seen.split(LEAVES_ALTERNATE_SCREEN)[-1]
        )


def test_coming_back_from_the_shell_draws_all_of_the_screen_again() -> None:
    with explorer() as terminal:
        terminal.settle()
        before = terminal.text()
        terminal.press(b"\x1a")
        terminal.read(PATIENCE, until=LEAVES_ALTERNATE_SCREEN)
        terminal.read(0.5)
        terminal.clear()
        terminal.process.send_signal(signal.SIGCONT)
        assert terminal.shows("preview done")
        terminal.settle()
        assert terminal.text() == before
