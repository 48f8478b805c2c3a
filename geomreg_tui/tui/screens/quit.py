"""The question asked when leaving while a run or a sweep is sampled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from geomreg_tui.errors import plain_text
from geomreg_tui.tui.source import Run, SweepRun

__all__ = ["QuitScreen", "ask_quit"]


class QuitScreen(ModalScreen[None]):
    """Asks what becomes of what is being sampled, and does it; ends when the answer is to go back.

    Leaving does not close it first: that would draw the explorer again, in the way of the last bytes.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "answer('keep')", "Keep sampling"),
        Binding("s", "answer('stop')", "Stop"),
        Binding("escape,b,q", "answer('back')", "Back"),
    ]

    def __init__(self, going: Sequence[Run | SweepRun]) -> None:
        super().__init__()
        self._going = going

    def compose(self) -> ComposeResult:
        """Say what is at stake, and list the answers."""
        with Vertical(id="quit", classes="dialog") as dialog:
            dialog.border_title = "Still sampling"
            one = len(self._going) == 1
            where = " and in ".join(str(run.directory) for run in self._going)
            yield Static(plain_text(f"{'It is' if one else 'They are'} kept in {where}"), markup=False)
            yield OptionList(
                Option("k  keep sampling in the background, and leave", id="keep"),
                Option("s  stop, keep what is done, and leave", id="stop"),
                Option("b  go back", id="back"),
                markup=False,
            )

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.action_answer(str(event.option_id))

    def action_answer(self, answer: str) -> None:
        """Do what was answered."""
        if answer == "back":
            self.dismiss()
            return
        if answer == "stop":
            for run in self._going:
                run.stop()
        self.app.exit()


def ask_quit(app: App[Any], going: Sequence[Run | SweepRun]) -> None:
    """Leave, after asking what becomes of the runs and sweeps that are being sampled."""
    if not going:
        app.exit()
    elif not isinstance(app.screen, QuitScreen):
        app.push_screen(QuitScreen(going))
