"""What the explorer costs in a real terminal, beside a bare Textual program with a header and a footer.

Both run in a pseudo-terminal of 120x40 cells, whose screen is emulated (pyte), so that the time of a key is
the time until what it changes is on the screen. Figures that are compared come from the same minutes, taken
in turn. Where the machine "samples", a worker on each core draws networks.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tests.tui.terminal import FRAME, LEAVES_ALTERNATE_SCREEN, Terminal, cpu_seconds, in_terminal

__all__ = [
    "BARE",
    "EXPLORER",
    "Help",
    "Traffic",
    "explorer",
    "first_paint",
    "help_on",
    "keys",
    "knob",
    "leaving",
    "percentile",
    "sample",
    "sampling_elsewhere",
    "table",
    "traffic",
]

BARE = (sys.executable, "-m", "benchmarks.bare")
EXPLORER = (sys.executable, "-m", "geomreg_tui", "--fresh")
FIRST = {BARE: "q Quit", EXPLORER: "Palette"}  # last to be drawn of the first frame
EXPERIMENT = ("--data", "digits", "--examples", "16")
SLOW = 20_000.0  # bytes a second
ALL_HELP, CLOSES = "all help, escape closes", "escape closes"  # at the foot of help screens
GAP = 0.137  # seconds between keys, no multiple of a frame
AXES = ("density per decade, log axis", "density per unit loss, linear axis")
PAIRS = 7


@dataclass(frozen=True)
class Traffic:
    """What a program sent in some seconds, and what it cost.

    Attributes:
        rate: bytes a second.
        frames: bytes of each frame.
        cpu: share of one core.
    """

    rate: float
    frames: tuple[int, ...]
    cpu: float


@dataclass(frozen=True)
class Help:
    """What a help screen takes.

    Attributes:
        taken: milliseconds from the key to the last line of it, each time.
        closing: bytes that closing it sends, each time.
    """

    taken: tuple[float, ...]
    closing: tuple[int, ...]


def percentile(values: Sequence[float], share: float = 0.95) -> float:
    """Return the least value that this share of the values does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def first_paint(command: tuple[str, ...]) -> float:
    """Return the seconds from the start of a program to its first frame."""
    begun = time.monotonic()
    with in_terminal(command) as terminal:
        came = terminal.when(FIRST[command])
        if came is None:
            raise RuntimeError(f"no first frame of {command}: {terminal.text()}")
        return came - begun


def first_paints(pairs: int) -> tuple[list[float], list[float]]:
    """Return seconds to the first frame of the bare program and of the explorer, taken in turn."""
    taken = [(first_paint(BARE), first_paint(EXPLORER)) for _ in range(pairs)]
    return [bare for bare, _ in taken], [own for _, own in taken]


@contextmanager
def explorer(rate: float | None = None) -> Iterator[Terminal]:
    """Open the explorer, with its first preview drawn; stop its run in the end."""
    command = (sys.executable, "-m", "geomreg_tui", "explore", *EXPERIMENT, "--fresh", "--samples", "1e12")
    with in_terminal(command, rate=rate) as terminal:
        try:
            if not (terminal.shows("preview done", 300) and terminal.shows("basin D")):
                raise RuntimeError(f"no preview: {terminal.text()}")
            terminal.read(1.5)
            yield terminal
        finally:
            leaving(terminal)


def sample(terminal: Terminal) -> float:
    """Have the explorer sample on all cores; return the seconds from the key to the first networks."""
    pressed = time.monotonic()
    terminal.press(b" ")
    came = terminal.when("run sampling", 300)
    if came is None:
        raise RuntimeError(f"no run: {terminal.text()}")
    terminal.read(2.0)
    return came - pressed


@contextmanager
def sampling_elsewhere() -> Iterator[None]:
    """Sample on all cores, in a run that no terminal shows."""
    command = (sys.executable, "-m", "geomreg_tui")
    with tempfile.TemporaryDirectory() as folder:
        run = f"{folder}/run"
        options = ("run", *EXPERIMENT, "--samples", "1e12", "--detach", "--quiet", "--out", run)
        subprocess.run((*command, *options), check=True, capture_output=True)
        try:
            yield
        finally:
            subprocess.run((*command, "runs", "stop", run), check=True, capture_output=True)


def keys(terminal: Terminal, key: bytes, texts: Sequence[str], count: int) -> list[float]:
    """Press a key again and again; return the milliseconds until each of some texts in turn was there."""
    taken = []
    for number in range(count):
        terminal.read(GAP)
        pressed = time.monotonic()
        terminal.press(key)
        came = terminal.when(texts[number % len(texts)], 10)
        taken.append(1e3 * (came - pressed) if came is not None else float("inf"))
    return taken


def turns(terminal: Terminal, count: int) -> list[float]:
    """Turn the radius knob of the sphere, which has the focus, up and down; as :func:`keys`."""
    return [
        time_taken
        for _ in range(count // 2)
        for key, text in ((b"\x1b[A", "radius r   1.1"), (b"\x1b[B", "radius r   1 "))
        for time_taken in keys(terminal, key, [text], 1)
    ]


def focus_radius(terminal: Terminal) -> None:
    """Put the focus on the radius knob, the last but one of all."""
    terminal.press(2 * b"\x1b[Z")
    terminal.read(0.5)


def knob(terminal: Terminal, count: int) -> list[float]:
    """Turn the width knob, which has the focus; return the milliseconds to the histogram of each width.

    The header names the experiment that is drawn, in the same frame as its histogram.
    """
    taken = []
    for number in range(count):
        terminal.read(1.0)
        up = number % 4 < 2
        width = (512, 1024, 512, 256)[number % 4]
        pressed = time.monotonic()
        terminal.press(b"\x1b[A" if up else b"\x1b[B")
        came = terminal.when(f"→{width}×3→", 20)
        taken.append(1e3 * (came - pressed) if came is not None else float("inf"))
    return taken


def focus_width(terminal: Terminal) -> None:
    """Put the focus on the width knob, the second of all."""
    terminal.press(b"\t")
    terminal.read(0.5)


def help_on(terminal: Terminal, last: str, count: int) -> Help:
    """Open the help of what has the focus, and close it again, some times.

    Args:
        terminal: with the explorer in it.
        last: a text in the last line of the help.
        count: how often.
    """
    taken, closing = [], []
    for _ in range(count):
        terminal.read(1.0)
        taken += keys(terminal, b"?", [last], 1)
        terminal.read(0.5)
        terminal.press(b"\x1b")
        closing.append(sum(len(frame[0]) for frame in FRAME.finditer(terminal.read(1.0))))
    return Help(tuple(taken), tuple(closing))


def traffic(terminal: Terminal, seconds: float) -> Traffic:
    """Return what is sent in some seconds."""
    used, begun = cpu_seconds(terminal.process.pid), time.monotonic()
    sent = terminal.read(seconds)
    elapsed = time.monotonic() - begun
    cpu = (cpu_seconds(terminal.process.pid) - used) / elapsed
    return Traffic(len(sent) / elapsed, tuple(len(frame[0]) for frame in FRAME.finditer(sent)), cpu)


def leaving(terminal: Terminal) -> float:
    """Quit, and have the run stopped if there is one; return the seconds that it took."""
    if terminal.process.poll() is not None:
        return 0.0
    begun = time.monotonic()
    terminal.press(b"\x11")
    asked = False
    while terminal.process.poll() is None and time.monotonic() - begun < 10:
        terminal.read(0.01)
        if not asked and "go back" in terminal.text():
            asked = True
            terminal.press(b"s")
    with suppress(OSError):
        terminal.read(0.05, until=LEAVES_ALTERNATE_SCREEN)
    return time.monotonic() - begun


def table(seconds: float = 1.0) -> str:
    """Return a Markdown table of each figure, the limit that it is held to, and the bare program's."""
    count = max(8, 8 * round(5 * seconds))  # the width knob is back where it was after every fourth turn
    with tempfile.TemporaryDirectory() as home:
        before = os.environ.get("GEOMREG_HOME")
        os.environ["GEOMREG_HOME"] = home
        try:
            rows = _measure(count, 10 * seconds)
        finally:
            if before is None:
                del os.environ["GEOMREG_HOME"]
            else:
                os.environ["GEOMREG_HOME"] = before
    cores = len(os.sched_getaffinity(0))
    return "\n".join(
        [
            f"120x40 cells, {cores} cores; keys: 95th percentile of {count}; first frame: median of {PAIRS}.",
            "",
            "| | explorer | limit | bare Textual |",
            "|---|---:|---:|---:|",
            *rows,
        ]
    )


def _measure(count: int, seconds: float) -> list[str]:
    bare_first, own_first = (statistics.median(taken) for taken in first_paints(PAIRS))
    rows = [f"| first frame (ms) | {1e3 * own_first:.0f} | 1.5 x bare | {1e3 * bare_first:.0f} |"]
    with sampling_elsewhere(), in_terminal(BARE) as terminal:
        terminal.shows(FIRST[BARE])
        bare_key = percentile(keys(terminal, b"l", ("odd", "even"), count))
    with explorer() as terminal:
        terminal.read(3.0)
        idle = traffic(terminal, seconds)
        on_field = help_on(terminal, ALL_HELP, count // 4)
        terminal.press(b"\x1b")
        terminal.read(0.5)
        terminal.press(b"M")
        terminal.read(3.0)
        watched = traffic(terminal, seconds)
        whole = help_on(terminal, CLOSES, count // 4)
        terminal.press(b"M\t")  # on the first knob again
        terminal.read(0.5)
        focus_width(terminal)
        quiet_knob = percentile(knob(terminal, count // 2))
        terminal.read(3.0)
        started = sample(terminal)
        busy = traffic(terminal, seconds)
        own_key = percentile(keys(terminal, b"l", AXES, count))
        busy_knob = percentile(knob(terminal, count // 2))
    with explorer() as terminal:
        focus_radius(terminal)
        sample(terminal)
        own_turn = percentile(turns(terminal, count))
    with explorer(SLOW) as terminal:
        focus_radius(terminal)
        sample(terminal)
        slow_turn = percentile(turns(terminal, count))
        slow_key = percentile(keys(terminal, b"l", AXES, count))
        quitting = leaving(terminal)
    return [
        *rows,
        f"| key that draws two plots anew, while sampling (ms) | {own_key:.0f} | 50 | {bare_key:.0f} |",
        f"| key in a field, while sampling (ms) | {own_turn:.0f} | 50 | {bare_key:.0f} |",
        f"| bytes a frame, while sampling | {statistics.median(busy.frames):,.0f} | 5,000 | |",
        f"| bytes a second, while sampling | {busy.rate:,.0f} | 20,000 | |",
        f"| processor time, while sampling | {busy.cpu:.1%} | | |",
        f"| bytes a second, when nothing changes | {idle.rate:,.0f} | 0 | |",
        f"| processor time, when nothing changes | {idle.cpu:.1%} | 1% | |",
        f"| bytes a second, when nothing changes but the machine is watched | {watched.rate:,.0f} | | |",
        f"| processor time, when the machine is watched | {watched.cpu:.1%} | 1% | |",
        f"| help on a field (ms) | {percentile(on_field.taken):.0f} | 100 | |",
        f"| all help (ms) | {percentile(whole.taken):.0f} | 100 | |",
        f"| bytes, closing all help | {max(whole.closing):,} | 5,000 | |",
        f"| knob to new histogram (ms) | {quiet_knob:.0f} | 400 | |",
        f"| knob to new histogram, while sampling (ms) | {busy_knob:.0f} | | |",
        f"| start key to the first networks of a full run (ms) | {1e3 * started:.0f} | 1,000 | |",
        f"| line of 20 kB/s: key in a field, while sampling (ms) | {slow_turn:.0f} | 150 | |",
        f"| line of 20 kB/s: key that draws two plots anew (ms) | {slow_key:.0f} | | |",
        f"| line of 20 kB/s: leaving while sampling (s) | {quitting:.2f} | 1 | |",
    ]
