"""The dialog that asks how networks are to be trained."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Select, Static

from geomreg_tui.errors import ExperimentError
from geomreg_tui.experiment import Experiment
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.splitting.plan import parse_plan as parse_tail
from geomreg_tui.training.plan import OPTIMIZERS, TrainingPlan, check_plan, parse_plan
from geomreg_tui.tui.screens.helping import HELP_BINDINGS, ask_help
from geomreg_tui.tui.widgets.fields import ChoiceField, NumberField, problem_text, step_count

__all__ = ["TrainScreen", "Training"]

_DEFAULT = TrainingPlan()
_FIELDS = (
    ("lr", "step size", ""),
    ("to_loss", "loss down to", f"{_DEFAULT.to_loss:g}"),
    ("steps", "most steps", f"{_DEFAULT.steps}"),
    ("trajectories", "trajectories", f"{_DEFAULT.trajectories}"),
)
_TAILS = ("no", "to that loss")


class Training(NamedTuple):
    """How networks are to be trained, and how deep the tail goes; None for no tail."""

    plan: TrainingPlan
    tail: TailPlan | None


class TrainScreen(ModalScreen[Training | None]):
    """Ends with how networks are to be trained, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "begin", "Begin", priority=True),
        Binding("escape", "dismiss(None)", "Close"),
        *HELP_BINDINGS,
    ]

    def __init__(self, experiment: Experiment) -> None:
        """Ask about an experiment."""
        super().__init__()
        self._experiment = experiment

    def compose(self) -> ComposeResult:
        """Lay out the options and what is wrong with them."""
        with VerticalScroll(id="train", classes="dialog", can_focus=False) as dialog:
            dialog.border_title = "Training"
            yield Static(
                "Many networks of these settings, each from a draw of its own, until their training loss is "
                "as small as you say. Without a step size each network has its own. The deep tail tells how "
                "rare such losses are.",
                markup=False,
            )
            with Horizontal(classes="tail-row"):
                yield Static("optimizer", markup=False)
                yield ChoiceField(OPTIMIZERS, OPTIMIZERS[0], id="train-optimizer")
            for name, label, value in _FIELDS:
                with Horizontal(classes="tail-row"):
                    yield Static(label, markup=False)
                    step = step_count if name in ("steps", "trajectories") else None
                    yield NumberField(value, step, id=f"train-{name}")
            with Horizontal(classes="tail-row"):
                yield Static("deep tail", markup=False)
                yield ChoiceField(_TAILS, _TAILS[0], id="train-tail")
            yield Static(id="train-problem", markup=False)
            with Horizontal(id="train-buttons"):
                yield Button("enter Begin", compact=True, id="train-begin")
                yield Button("escape Close", compact=True, id="train-close")

    def on_mount(self) -> None:
        """Begin with the loss."""
        self.query_one("#train-to_loss").focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave enter to a list of names that is open."""
        return not (action == "begin" and any(field.expanded for field in self.query(ChoiceField)))

    @on(Input.Changed)
    @on(Select.Changed)
    def _changed(self) -> None:
        self.query_one("#train-problem", Static).update("")

    @on(Button.Pressed, "#train-begin")
    def action_begin(self) -> None:
        """Leave with what is in the fields, or say what is wrong with it."""
        if isinstance(self.focused, Button) and self.focused.id == "train-close":
            self.dismiss(None)
            return
        given = {name: self.query_one(f"#train-{name}", Input).value.strip() or None for name, *_ in _FIELDS}
        optimizer = str(self.query_one("#train-optimizer", ChoiceField).value)
        try:
            plan = parse_plan(optimizer, **given)
            check_plan(plan, self._experiment)
            deep = self.query_one("#train-tail", ChoiceField).value != _TAILS[0]
            tail = parse_tail(str(plan.tail_loss) if plan.tail_loss else None) if deep else None
        except ExperimentError as error:
            labels = {name.replace("_", "-"): label for name, label, _ in _FIELDS}
            self.query_one("#train-problem", Static).update(problem_text(error, labels))
            return
        self.dismiss(Training(plan, tail))

    def action_help(self) -> None:
        """Tell what the field with the focus is."""
        ask_help(self)

    @on(Button.Pressed, "#train-close")
    def _close(self) -> None:
        self.dismiss(None)
