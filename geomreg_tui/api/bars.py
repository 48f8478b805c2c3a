"""Progress while a run goes on: by Rich in a terminal, by the display protocol in a notebook, else none.

In a notebook Rich needs ipywidgets and leaves blank outputs behind. An element ``progress`` that is replaced
by the notebook's own display protocol needs nothing and works in all of them.
"""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Protocol

from geomreg_tui.errors import plain_text
from geomreg_tui.rendering import render
from geomreg_tui.runner.progress import StageProgress
from geomreg_tui.terminal_bar import NoBar, TerminalBar, is_terminal

__all__ = ["Bar", "NotebookBar", "new_bar"]


class Bar(Protocol):
    """What shows progress; in use it may be shown stages."""

    def __enter__(self) -> Bar:
        """Begin to show."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Show nothing more."""

    def show(self, stage: StageProgress) -> None:
        """Show a stage in place of the one before."""

    def say(self, text: str) -> None:
        """Show a line that stays."""


class NotebookBar:
    """An output of a notebook's cell that is replaced as the run goes on.

    Args:
        display: IPython's function of that name.
    """

    def __init__(self, display: Any) -> None:
        self._display = display
        self._handle: Any = None
        self._said: list[str] = []
        self._stage: StageProgress | None = None

    def __enter__(self) -> NotebookBar:
        self._handle = self._display(self._bundle(), raw=True, display_id=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._update(over=True)

    def show(self, stage: StageProgress) -> None:
        """Show a stage in place of the one before."""
        self._stage = stage
        self._update()

    def say(self, text: str) -> None:
        """Add a line below the bar."""
        self._said.append(plain_text(text))
        self._update()

    def _update(self, over: bool = False) -> None:
        if self._handle is not None:
            self._handle.update(self._bundle(over), raw=True)

    def _bundle(self, over: bool = False) -> dict[str, str]:
        """Return what is shown, as HTML and as text."""
        stage = self._stage or StageProgress("starting", 0, None)
        count = f"{stage.done:,}" + (f" / {stage.total:,}" if stage.total is not None else "")
        lines = [f"{stage.name} {count} {stage.note}".rstrip(), *self._said]
        shown = render("bar.html.j2", stage=stage, over=over, lines=lines)
        return {"text/html": shown, "text/plain": "\n".join(lines)}


def new_bar(progress: bool) -> Bar:
    """Return the bar that suits where this runs; one that shows nothing where ``progress`` is False."""
    if not progress:
        return NoBar()
    display = notebook_display()
    if display is not None:
        return NotebookBar(display)
    return TerminalBar() if is_terminal(sys.stderr) else NoBar()


def notebook_display() -> Any:
    """Return IPython's ``display`` where this runs in a notebook's kernel, else None."""
    ipython = sys.modules.get("IPython")  # in a notebook it is imported already
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    from importlib import import_module

    return import_module("IPython.display").display
