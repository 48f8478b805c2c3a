"""The dialog that asks for the range of losses on view."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from geomreg_tui.tui.widgets.fields import PlainInput
from geomreg_tui.tui.window import Window

__all__ = ["RangeScreen"]


class RangeScreen(ModalScreen[Window | None]):
    """Ends with the window that was typed, or None.

    Args:
        log: whether the axis is a log one.
        least: the least number that there is on it; None where there is no such.
        what: what is on the axis.
        shown: what is on view, as it would be typed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Close")]

    def __init__(self, log: bool, least: float | None, what: str, shown: str) -> None:
        super().__init__()
        self._log, self._least, self._what, self._shown = log, least, what, shown

    def compose(self) -> ComposeResult:
        """A field, and what is wrong with what is in it."""
        with Vertical(id="range", classes="dialog") as dialog:
            dialog.border_title = "Range on view"
            dialog.border_subtitle = "enter shows it, escape closes"
            yield Static(f"{self._what}, from and to, as in 0.1 2", markup=False)
            yield PlainInput(self._shown, id="range-field")
            yield Static("", markup=False, id="range-problem")

    def on_mount(self) -> None:
        """Begin in the field."""
        self.query_one("#range-field").focus()

    @on(Input.Changed)
    def _changed(self) -> None:
        self.query_one("#range-problem", Static).update("")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        try:
            window = Window.typed(event.value, self._log, self._least)
        except ValueError as error:
            self.query_one("#range-problem", Static).update(f"! {error}")
            return
        self.dismiss(window)
