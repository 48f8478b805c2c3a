"""The text of a comparison: of two to six runs, as ``compare-runs`` has it, or of arms, as ``compare``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
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

__all__ = ["ComparedScreen", "arms_compared", "runs_compared"]

_FRAME = 6  # cells of border, padding and scroll bar


class ComparedScreen(ModalScreen[None]):
    """Shows tables of measures with differences; any of its keys closes it.

    Args:
        title: what is compared.
        note: what stands at the foot.
        read: returns the text at a width; called in a thread.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,c,enter", "dismiss", "Close")]

    @dataclass
    class Compared(Message):
        """The text was made, or could not be."""

        text: str | None
        problem: str

    def __init__(self, title: str, note: str, read: Callable[[int], str]) -> None:
        super().__init__()
        self._title, self._note, self._read = title, note, read

    def compose(self) -> ComposeResult:
        """The tables."""
        with VerticalScroll(id="compared", classes="dialog") as dialog:
            dialog.border_title = self._title
            dialog.border_subtitle = f"{self._note}; escape closes"
            yield Static("… reading", id="compared-text", markup=False)

    def on_mount(self) -> None:
        """Have the text made."""
        self.query_one("#compared").focus()
        width = max(20, self.app.size.width - _FRAME)
        in_thread(
            "compare",
            lambda: self._read(width),
            lambda text, problem: self.post_message(self.Compared(text, problem)),
        )

    @on(Compared)
    def _show(self, event: Compared) -> None:
        self.query_one("#compared-text", Static).update(event.text or plain_text(f"! {event.problem}"))


def runs_compared(paths: Sequence[Path]) -> ComparedScreen:
    """Return the screen of two to six runs; the first is the one that others are compared with."""
    note = "geomreg-tui compare-runs also writes figures"
    return ComparedScreen(f"{len(paths)} runs compared", note, partial(_runs_text, list(paths)))


def arms_compared(path: Path) -> ComparedScreen:
    """Return the screen of a comparison of sampling with training, that is on disk."""
    note = "geomreg-tui compare makes them"
    return ComparedScreen("Sampling against training", note, partial(_arms_text, path))


def _runs_text(paths: Sequence[Path], width: int) -> str:
    from geomreg_tui.report import compare_results, compared_text, load_result

    return compared_text(compare_results([load_result(path) for path in paths]), width)


def _arms_text(path: Path, width: int) -> str:
    from geomreg_tui.report.comparison import comparison_text
    from geomreg_tui.studies.compare import read_comparison

    return comparison_text(read_comparison(path), width)
