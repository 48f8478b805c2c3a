"""The dialog that asks how deep a tail is to go."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.splitting.plan import DEPTH, POPULATION, TailPlan, parse_plan
from geomreg_tui.tui.screens.helping import HELP_BINDINGS, ask_help
from geomreg_tui.tui.widgets.fields import NumberField, problem_text, step_count

__all__ = ["TailScreen"]

_FIELDS = (
    ("volume", "to-log10-volume", "log10 V down to", DEPTH),
    ("loss", "to-loss", "loss down to", ""),
    ("population", "population", "population", POPULATION),
)  # each by its id, its option, its label and what is in it at first


class TailScreen(ModalScreen[TailPlan | None]):
    """Ends with how deep to go, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "begin", "Begin", priority=True),
        Binding("escape", "dismiss(None)", "Close"),
        *HELP_BINDINGS,
    ]

    def compose(self) -> ComposeResult:
        """Lay out the two goals, the population and what is wrong with them."""
        with VerticalScroll(id="tail", classes="dialog", can_focus=False) as dialog:
            dialog.border_title = "Deep tail"
            yield Static(
                "The volume V of low loss, far below what sampling sees. Networks of these settings go down "
                "until either goal is reached. Leave one empty to go by the other alone.",
                markup=False,
            )
            for name, _, label, value in _FIELDS:
                with Horizontal(classes="tail-row"):
                    yield Static(label, markup=False)
                    step = step_count if name == "population" else None
                    yield NumberField(value, step, id=f"tail-{name}")
            yield Static(id="tail-problem", markup=False)
            with Horizontal(id="tail-buttons"):
                yield Button("enter Begin", compact=True, id="tail-begin")
                yield Button("escape Close", compact=True, id="tail-close")

    def on_mount(self) -> None:
        """Begin with the goal that is filled in."""
        self.query_one("#tail-volume").focus()

    @on(Input.Changed)
    def _changed(self) -> None:
        self.query_one("#tail-problem", Static).update("")

    @on(Button.Pressed, "#tail-begin")
    def action_begin(self) -> None:
        """Leave with what is in the fields, or say what is wrong with it."""
        if isinstance(self.focused, Button) and self.focused.id == "tail-close":
            self.dismiss(None)
            return
        volume, loss, population = (
            self.query_one(f"#tail-{name}", Input).value.strip() or None for name, *_ in _FIELDS
        )
        labels = {option: label for _, option, label, _ in _FIELDS}
        try:
            if volume is None and loss is None:
                goals = f"{labels['to-log10-volume']} or {labels['to-loss']}"
                raise ExperimentError([Problem(goals, "nothing", "at least one of the two is needed")])
            plan = parse_plan(loss, volume, population)
        except ExperimentError as error:
            self.query_one("#tail-problem", Static).update(problem_text(error, labels))
            return
        self.dismiss(plan)

    def action_help(self) -> None:
        """Tell what the field with the focus is."""
        ask_help(self)

    @on(Button.Pressed, "#tail-close")
    def _close(self) -> None:
        self.dismiss(None)
