"""The log of a run or a sweep: what happened, and when."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from geomreg_tui.errors import one_line
from geomreg_tui.listing.history import LogLine, read_history
from geomreg_tui.rundir import RunEntry
from geomreg_tui.tui.threads import in_thread

__all__ = ["LogScreen"]

_MOST = 1000  # of the newest lines
_EVERY = 2.0  # seconds between looks


class LogScreen(ModalScreen[None]):
    """Shows what happened, the newest at the end, and goes on while it is open; any of its keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,l,enter", "dismiss", "Close")]

    def __init__(self, entry: RunEntry) -> None:
        super().__init__()
        self._entry = entry
        self._lines: list[LogLine] | None = None

    def compose(self) -> ComposeResult:
        """The lines."""
        with VerticalScroll(id="log", classes="dialog") as dialog:
            dialog.border_title = Text(f"Log of {one_line(self._entry.name)}").markup
            dialog.border_subtitle = "escape closes"
            yield Static("… reading the log", id="log-lines", markup=False)

    def on_mount(self) -> None:
        """Let the arrow keys scroll at once, and have the log read."""
        self.query_one("#log").focus()
        self._look()
        self.set_interval(_EVERY, self._look)

    def _look(self) -> None:
        entry = self._entry
        app = self.app
        in_thread("log", lambda: read_history(entry), lambda *found: app.call_later(self._show, *found))

    def _show(self, lines: list[LogLine] | None, problem: str) -> None:
        if not self.is_attached:
            return
        if lines is None:
            self.query_one("#log-lines", Static).update(one_line(f"! {problem}"))
        elif lines != self._lines:
            self._lines = lines
            self.query_one("#log-lines", Static).update(_text(lines))
            self.query_one("#log", VerticalScroll).scroll_end(animate=False)


def _text(lines: list[LogLine]) -> Text:
    """Return the newest lines, times dim, and what went wrong marked by more than its colour."""
    text = Text("" if lines else "Nothing is in the log.")
    for line in lines[-_MOST:]:
        text.append(f"{line.time:19}  ", "dim")
        text.append(f"! {line.text}\n" if line.wrong else f"{line.text}\n", "bold" if line.wrong else "")
    return text
