"""Progress in a terminal, by Rich, and none where there is no terminal. Rich is loaded with the first bar."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from geomreg_tui.errors import plain_text

if TYPE_CHECKING:
    from geomreg_tui.runner.progress import StageProgress

__all__ = ["NoBar", "TerminalBar", "is_terminal"]


class NoBar:
    """Shows nothing."""

    def __enter__(self) -> NoBar:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, stage: StageProgress) -> None:
        """Show nothing."""

    def say(self, text: str) -> None:
        """Show nothing."""


class TerminalBar:
    """A bar on stderr that goes when it is done, by Rich.

    Args:
        name: of what is done, until a stage is shown.
    """

    def __init__(self, name: str = "starting") -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True, highlight=False),
            transient=True,
            # Otherwise what is printed meanwhile would go to stderr, even where stdout is a file.
            redirect_stdout=is_terminal(sys.stdout),
        )
        self._task = self._progress.add_task(name, total=None, note="")

    def __enter__(self) -> TerminalBar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, stage: StageProgress) -> None:
        """Show a stage in place of the one before."""
        self._progress.update(
            self._task, description=stage.name, completed=stage.done, total=stage.total, note=stage.note
        )

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self._progress.console.print(plain_text(text), markup=False)


def is_terminal(stream: Any) -> bool:
    """Return whether a stream is a terminal; not where it is closed, or there is none."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False
