"""The question asked when leaving while a run or a sweep is sampled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
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


class QuitScreen(ModalScreen[str]):
    """Ends with ``keep``, ``stop`` or ``back``."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "answer('keep')", "Keep sampling"),
        Binding("s", "answer('stop')", "Stop"),
        Binding("escape,b,q", "answer('back')", "Back"),
    ]

    def __init__(self, *directories: Path) -> None:
        super().__init__()
        self._directories = directories

    def compose(self) -> ComposeResult:
        """Say what is at stake, and list the answers."""
        with Vertical(id="quit", classes="dialog") as dialog:
            dialog.border_title = "Still sampling"
            one = len(self._directories) == 1
            where = " and in ".join(map(str, self._directories))
            yield Static(plain_text(f"{'It is' if one else 'They are'} kept in {where}"), markup=False)
            yield OptionList(
                Option("k  keep sampling in the background, and leave", id="keep"),
                Option("s  stop, keep what is done, and leave", id="stop"),
                Option("b  go back", id="back"),
                markup=False,
            )

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)

    def action_answer(self, answer: str) -> None:
        """Leave the dialog with an answer."""
        self.dismiss(answer)


def ask_quit(app: App[Any], going: Sequence[Run | SweepRun]) -> None:
    """Leave, after asking what becomes of the runs and sweeps that are being sampled."""
    if not going:
        app.exit()
        return

    def decide(answer: str | None) -> None:
        if answer == "stop":
            for run in going:
                run.stop()
        if answer in ("stop", "keep"):
            app.exit()

    if not isinstance(app.screen, QuitScreen):
        app.push_screen(QuitScreen(*(run.directory for run in going)), decide)
