"""A program in a real terminal: a pty that it controls, with an emulated screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pyte

from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]
LEAVES_ALTERNATE_SCREEN = b"\x1b[?1049l"
ASKS_FOR_FRAMES, YES = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
FRAME = re.compile(rb"\x1b\[\?2026h.*?\x1b\[\?2026l", re.DOTALL)
# What pyte takes for text: the keyboard protocol of kitty, and questions about modes.
_NOT_TEXT = re.compile(rb"\x1b\[[<>=]\d*u|\x1b\[\?u|\x1b\[\?\d+\$p")
_BURST = 0.05  # seconds of a line's rate that come at once


class Terminal:
    """What a program in a pty sends, and what is on its screen.

    Args:
        descriptor, process, columns, lines: as in :func:`in_terminal`.
        rate: most bytes a second that the line carries; None for as many as come.

    Attributes:
        process: the program.
        seen: all that it has sent.
        arrived: when the last of that came, on the monotonic clock.
    """

    def __init__(
        self,
        descriptor: int,
        process: subprocess.Popen[bytes],
        columns: int,
        lines: int,
        rate: float | None = None,
    ) -> None:
        self.descriptor, self.process, self.seen = descriptor, process, b""
        self.arrived = time.monotonic()
        self._rate, self._allowed, self._counted = rate, 0.0, self.arrived
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._text: str | None = None  # it takes long to make, and is looked at while nothing comes

    def read(self, seconds: float, until: bytes | None = None) -> bytes:
        """Return what is sent within so many seconds, or up to a text."""
        got, end = b"", time.monotonic() + seconds
        while time.monotonic() < end and not (until and until in got):
            got += self._read_once()
        return got

    def settle(self) -> None:
        """Wait until nothing has been sent for two seconds."""
        end = time.monotonic() + PATIENCE
        while self.read(2.0):
            assert time.monotonic() < end, "it never stops sending"

    def shows(self, text: str, seconds: float = PATIENCE) -> bool:
        """Wait until a text is on the screen; return whether it came."""
        return self.when(text, seconds) is not None

    def when(self, text: str, seconds: float = PATIENCE) -> float | None:
        """Wait until a text is on the screen; return when it came, on the monotonic clock."""
        end = time.monotonic() + seconds
        while text not in self.text():
            if time.monotonic() > end:
                return None
            self._read_once()
        return self.arrived

    def text(self) -> str:
        """Return the text on the screen."""
        if self._text is None:
            self._text = "\n".join(self._screen.display)
        return self._text

    def colours(self, char: str) -> set[tuple[str, str]]:
        """Return the colours, of it and behind it, in which a character is on the screen."""
        rows = self._screen.buffer.values()
        return {(cell.fg, cell.bg) for row in rows for cell in row.values() if cell.data == char}

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self.descriptor, keys)

    def clear(self) -> None:
        """Lose all that is on the screen, as when another program draws there."""
        self._screen.erase_in_display(2)
        self._text = None

    def close(self) -> None:
        """Close the terminal under the program, as a dropped connection does."""
        with suppress(OSError):
            os.close(self.descriptor)

    def _read_once(self) -> bytes:
        size = 65536
        if self._rate is not None:
            now = time.monotonic()
            self._allowed = min(self._rate * _BURST, self._allowed + self._rate * (now - self._counted))
            self._counted = now
            if self._allowed < 64:
                time.sleep(0.002)
                return b""
            size = int(self._allowed)
        if not select.select([self.descriptor], [], [], 0.02)[0]:
            return b""
        try:
            data = os.read(self.descriptor, size)
        except OSError:
            time.sleep(0.02)
            return b""
        self.arrived = time.monotonic()
        self._allowed -= len(data)
        self.seen += data
        if ASKS_FOR_FRAMES in data:
            self.press(YES)
        self._stream.feed(_NOT_TEXT.sub(b"", data))
        self._text = None
        return data


@contextmanager
def in_terminal(
    command: Sequence[str],
    columns: int = 120,
    lines: int = 40,
    rate: float | None = None,
    folder: Path = ROOT,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Terminal]:
    """Run a program in a terminal of its own, which it controls, and end it.

    Args:
        command: the program.
        columns, lines: size of the terminal.
        rate: most bytes a second that the line to it carries.
        folder: its working directory.
        variables: of its environment, besides those of this process.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    # COLUMNS and LINES, which pytest's workers set, would overrule the terminal's own size.
    environment = {
        **os.environ,
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
        "COLUMNS": str(columns),
        "LINES": str(lines),
        **(variables or {}),
    }
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    terminal = Terminal(ours, process, columns, lines, rate)
    try:
        yield terminal
    finally:
        process.kill()
        process.wait()
        terminal.close()


def check_leaves_at_once(terminal: Terminal, within: float = PATIENCE) -> None:
    """Close the terminal under a program; check that it is gone within a time, and did not spin meanwhile."""
    pid = terminal.process.pid
    before, begun, used = cpu_seconds(pid), time.monotonic(), 0.0
    terminal.close()
    while terminal.process.poll() is None and time.monotonic() - begun < within:
        with suppress(OSError):
            used = cpu_seconds(pid) - before
        time.sleep(0.02)
    assert used < 1
    assert terminal.process.returncode == 128 + signal.SIGHUP


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
