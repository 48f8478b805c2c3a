"""Start the explorer given on the command line in a real terminal, wait for a histogram, and quit it.

``python start_in_terminal.py geomreg-tui [ARGUMENT ...]`` exits 0 when the first preview was drawn, the key
``q`` ended the program with exit code 0, and the terminal was given back.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time

import pyte

COLUMNS, LINES = 140, 45
PATIENCE = 120.0  # seconds


def watch(command: list[str]) -> tuple[list[str], int, bytes]:
    """Return the lines on the screen after the first preview, the exit code, and all that was sent."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    size = {"COLUMNS": str(COLUMNS), "LINES": str(LINES)}  # these would overrule the terminal's own
    environment = {**os.environ, **size, "TERM": "xterm-256color"}
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    sent, shown, asked, end = b"", [], False, time.monotonic() + PATIENCE
    try:
        while time.monotonic() < end:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    data = os.read(ours, 65536)
                except OSError:
                    break
                sent += data
                stream.feed(data)
            text = "\n".join(screen.display)
            if not asked and "preview done" in text and "dominance D0" in text:
                shown, asked = list(screen.display), True
                os.write(ours, b"q")
        if not asked:
            raise AssertionError("no preview was drawn in time:\n" + "\n".join(screen.display))
        if process.poll() is None and time.monotonic() >= end:
            raise AssertionError("it did not quit:\n" + "\n".join(screen.display))
        return shown, process.wait(PATIENCE), sent
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def main() -> int:
    """Check the explorer and say what it showed."""
    shown, code, sent = watch(sys.argv[1:])
    text = "\n".join(line.rstrip() for line in shown)
    print(text)
    wanted = ("Loss distribution", "Hypersphere volume", "Mode dominance", "Volume fraction", "dominance D0")
    missing = [name for name in wanted if name not in text]
    restored = sent.rstrip().rfind(b"\x1b[?1049l") > sent.rfind(b"\x1b[?1049h")
    print(f"exit code {code}, terminal restored: {restored}, not shown: {missing}")
    return int(bool(missing) or code != 0 or not restored)


if __name__ == "__main__":
    sys.exit(main())
