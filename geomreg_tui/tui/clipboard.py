"""Copying text to the clipboard of whoever sits at the terminal."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading

from textual.app import App

__all__ = ["copy"]

_PATIENCE = 5  # seconds for tmux to take the text


def copy(app: App[object], text: str) -> None:
    """Copy text by OSC 52, which most terminals understand, and in tmux by tmux too.

    tmux keeps OSC 52 of programs to itself unless it was configured not to, but passes on what it is asked to
    load. That nothing took the text cannot be known.

    Args:
        app: whose terminal it is.
        text: what to copy.
    """
    app.copy_to_clipboard(text)
    if os.environ.get("TMUX"):
        threading.Thread(target=_load, args=(text,), name="tmux", daemon=True).start()


def _load(text: str) -> None:
    """Put text into the buffer of tmux, and by it into the clipboard."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(
            ["tmux", "load-buffer", "-w", "-"],
            input=text.encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE,
            check=False,
        )
