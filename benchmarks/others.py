"""The explorer beside other programs for terminals, where they are installed, in the same pseudo-terminal.

Figures of a program are of its own start: first frame, keys that each change a text, and what it sends while
nobody touches it and while somebody types. The time of a key is the time until that text is on the screen.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from benchmarks.terminal import EXPLORER, GAP, percentile, traffic
from tests.tui.terminal import Terminal, in_terminal

__all__ = ["PROGRAMS", "Program", "table"]

STARTS = 5


def _typed() -> Iterator[tuple[bytes, str]]:
    """Yield a letter again and again, with the text that it makes."""
    for count in range(1, 1000):
        yield b"w", "w" * count


def _turned(keys: tuple[bytes, bytes], texts: tuple[str, str]) -> Callable[[], Iterator[tuple[bytes, str]]]:
    """Return what yields two keys in turn, with their texts."""

    def turn() -> Iterator[tuple[bytes, str]]:
        for _ in range(1000):
            yield from zip(keys, texts, strict=True)

    return turn


@dataclass(frozen=True)
class Program:
    """A program for terminals.

    Attributes:
        command: the program; its first word is looked for on the path.
        first: last to be drawn of its first frame.
        keys: yields keys, each with a text that it makes.
        ready: text that is there when it has loaded all that it loads by itself.
        before: keys that put the focus where ``keys`` are for.
    """

    command: tuple[str, ...]
    first: str
    keys: Callable[[], Iterator[tuple[bytes, str]]]
    ready: str = ""
    before: bytes = b""


_UP_DOWN = (b"\x1b[A", b"\x1b[B")
PROGRAMS = {
    "geomreg-tui": Program(
        EXPLORER,
        "Palette",
        _turned(_UP_DOWN, ("radius r   1.1", "radius r   1 ")),
        "preview done",
        2 * b"\x1b[Z",
    ),
    "posting": Program(("posting",), "Request", _typed),
    "harlequin": Program(("harlequin",), "Run Query", _typed),
    "btop": Program(("btop", "--utf-force"), "proc", _turned((b"+", b"-"), ("2100ms", "2000ms"))),
}


def measure(program: Program, seconds: float, count: int) -> list[float]:
    """Return milliseconds to the first frame (median) and of keys (95th percentile), and bytes a second.

    Args:
        program: what is measured.
        seconds: for which it is left alone, and then typed into.
        count: keys whose time is taken.
    """
    firsts = []
    for _ in range(STARTS):
        begun = time.monotonic()
        with in_terminal(program.command) as terminal:
            firsts.append(1e3 * (_came(terminal, program.first) - begun))
    with in_terminal(program.command) as terminal:
        _came(terminal, program.ready or program.first)
        terminal.read(5.0)
        idle = traffic(terminal, seconds)
        terminal.press(program.before)
        terminal.read(1.0)
        taken, typed, begun = [], len(terminal.seen), time.monotonic()
        for _, (key, text) in zip(range(count), program.keys(), strict=False):
            terminal.read(GAP)
            pressed = time.monotonic()
            terminal.press(key)
            taken.append(1e3 * (_came(terminal, text) - pressed))
        rate = (len(terminal.seen) - typed) / (time.monotonic() - begun)
    return [statistics.median(firsts), percentile(taken), idle.rate, rate]


def _came(terminal: Terminal, text: str) -> float:
    came = terminal.when(text, 60)
    if came is None:
        raise RuntimeError(f"{text!r} never came: {terminal.text()}")
    return came


def table(seconds: float = 1.0, names: Iterable[str] = PROGRAMS) -> str:
    """Return a Markdown table with a row for each program that is installed."""
    lines = [
        "120x40 cells; first frame: median of 5; keys: 95th percentile of 40, each at rest.",
        "",
        "| | first frame (ms) | key (ms) | bytes a second, left alone | bytes a second, typing |",
        "|---|---:|---:|---:|---:|",
    ]
    for name in names:
        program = PROGRAMS[name]
        if shutil.which(program.command[0]) is None:
            continue
        with tempfile.TemporaryDirectory() as home:
            before = {key: os.environ.get(key) for key in ("HOME", "GEOMREG_HOME")}
            os.environ.update(dict.fromkeys(before, home))
            try:
                found = measure(program, 10 * seconds, 40)
            finally:
                for key, value in before.items():
                    os.environ.pop(key) if value is None else os.environ.update({key: value})
        lines.append(f"| {name} | " + " | ".join(f"{value:,.0f}" for value in found) + " |")
    return "\n".join(lines)
