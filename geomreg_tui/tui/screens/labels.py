"""The dialog for name, tags and note of a run or a sweep."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from geomreg_tui.errors import GeomregError, one_line, plain_text
from geomreg_tui.rundir import RunEntry, parse_labels, write_labels
from geomreg_tui.tui.widgets.fields import PlainInput

__all__ = ["LabelsScreen"]

_FIELDS = (("name", "Name"), ("tags", "Tags (a, b)"), ("note", "Note"))


class LabelsScreen(ModalScreen[bool | None]):
    """Ends with True where something was written, and else with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "keep", "Keep", priority=True),
        Binding("escape", "dismiss(None)", "Close"),
    ]

    def __init__(self, entry: RunEntry) -> None:
        super().__init__()
        self._entry = entry

    def compose(self) -> ComposeResult:
        """Lay out the fields with what is there, and what is wrong with them."""
        labels = self._entry.labels()
        values = {"name": labels.name, "tags": ", ".join(labels.tags), "note": labels.note}
        with VerticalScroll(id="labels", classes="dialog", can_focus=False) as dialog:
            dialog.border_title = "What it is called"
            yield Static(one_line(self._entry.path), markup=False)
            for name, label in _FIELDS:
                with Horizontal(classes="tail-row"):
                    yield Static(label, markup=False)
                    yield PlainInput(values[name], id=f"labels-{name}")
            yield Static(id="labels-problem", markup=False)
            with Horizontal(id="labels-buttons"):
                yield Button("enter Keep", compact=True, id="labels-keep")
                yield Button("escape Close", compact=True, id="labels-close")

    def on_mount(self) -> None:
        """Begin with the name."""
        self.query_one("#labels-name").focus()

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.query_one("#labels-problem", Static).update("")

    @on(Button.Pressed, "#labels-keep")
    def action_keep(self) -> None:
        """Write what is in the fields, or say what is wrong with it."""
        if isinstance(self.focused, Button) and self.focused.id == "labels-close":
            self.dismiss(None)
            return
        name, tags, note = (self.query_one(f"#labels-{key}", Input).value for key, _ in _FIELDS)
        try:
            write_labels(self._entry.path, parse_labels(name, [tags], note))
        except GeomregError as error:
            self.query_one("#labels-problem", Static).update(plain_text(str(error)))
            return
        self.dismiss(True)

    @on(Button.Pressed, "#labels-close")
    def _close(self) -> None:
        self.dismiss(None)
