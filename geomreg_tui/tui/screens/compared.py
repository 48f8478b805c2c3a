"""Two to six runs side by side, as the command ``compare-runs`` prints them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from geomreg_tui.errors import plain_text
from geomreg_tui.tui.threads import in_thread

__all__ = ["ComparedScreen"]

_FRAME = 6  # cells of border, padding and scroll bar


class ComparedScreen(ModalScreen[None]):
    """Shows tables of measures with differences from the first run; any of its keys closes it.

    Args:
        paths: run directories, two to six.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,c,enter", "dismiss", "Close")]

    @dataclass
    class Compared(Message):
        """The runs were compared, or could not be."""

        text: str | None
        problem: str

    def __init__(self, paths: Sequence[Path]) -> None:
        super().__init__()
        self._paths = list(paths)

    def compose(self) -> ComposeResult:
        """The tables."""
        with VerticalScroll(id="compared", classes="dialog") as dialog:
            dialog.border_title = f"{len(self._paths)} runs compared"
            dialog.border_subtitle = "geomreg-tui compare-runs also writes figures; escape closes"
            yield Static("… reading the runs", id="compared-text", markup=False)

    def on_mount(self) -> None:
        """Have the runs read."""
        self.query_one("#compared").focus()
        width = max(20, self.app.size.width - _FRAME)
        in_thread(
            "compare",
            lambda: _compare(self._paths, width),
            lambda text, problem: self.post_message(self.Compared(text, problem)),
        )

    @on(Compared)
    def _show(self, event: Compared) -> None:
        self.query_one("#compared-text", Static).update(event.text or plain_text(f"! {event.problem}"))


def _compare(paths: Sequence[Path], width: int) -> str:
    from geomreg_tui.report import compare_results, compared_text, load_result

    return compared_text(compare_results([load_result(path) for path in paths]), width)
