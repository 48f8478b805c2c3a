"""The controls of a sweep: factor, values, samples of each point, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Select, Static

from geomreg_tui.errors import ExperimentError, Problem, one_line
from geomreg_tui.experiment import Experiment
from geomreg_tui.sweeps.plan import SweepPlan
from geomreg_tui.tui.numbers import count_text
from geomreg_tui.tui.sweep_setup import FACTORS, SweepSetup, plan_of, usual_values
from geomreg_tui.tui.widgets.fields import ChoiceField, NumberField, PlainInput, step_count

__all__ = ["SweepForm"]


class ValuesField(PlainInput):
    """Values of a factor; every printable key belongs to it, so escape or enter leaves it."""

    def __init__(self, value: str, *, id: str | None = None) -> None:
        super().__init__(value, placeholder="16, 64, 256  or  1:8  or  16:1024:x2", id=id)


class SweepForm(Vertical):
    """One line of controls over one line on what they come to, or what is wrong."""

    @dataclass
    class Changed(Message):
        """The controls show something else."""

    @dataclass
    class Left(Message):
        """Enter was pressed in a field."""

    def __init__(self, experiment: Experiment, setup: SweepSetup, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.border_title = "Sweep"
        self._experiment = experiment
        self._factor = ChoiceField(FACTORS, setup.key, id="sweep-factor")
        self._values = ValuesField(setup.values, id="sweep-values")
        self._samples = NumberField(setup.samples, step_count, id="sweep-samples")
        self._shown = setup.key
        self.plan: SweepPlan | None = None
        self.problems: tuple[Problem, ...] = ()

    def compose(self) -> ComposeResult:
        """Lay the controls out."""
        with Horizontal(id="sweep-controls"):
            for label, control in (
                ("factor", self._factor),
                ("values", self._values),
                ("samples", self._samples),
            ):
                yield Static(label, id=f"sweep-{label}-label", markup=False)
                yield control
        yield Static(id="sweep-outcome", markup=False)

    def on_mount(self) -> None:
        """Judge what is shown at first."""
        self._judge()

    @property
    def setup(self) -> SweepSetup:
        """What the controls show."""
        return SweepSetup(str(self._factor.value), self._values.value, self._samples.value)

    def show(self, experiment: Experiment, setup: SweepSetup) -> None:
        """Show another setup; nothing is posted."""
        self._experiment = experiment
        self._shown = setup.key
        with self.prevent(Input.Changed, Select.Changed):
            self._factor.value = setup.key
            self._values.value = setup.values
            self._samples.value = setup.samples
        self._judge()

    def on_key(self, event: events.Key) -> None:
        """Leave a field with enter."""
        if event.key == "enter" and self.screen.focused in (self._values, self._samples):
            event.stop()
            self.post_message(self.Left())

    @on(Select.Changed)
    @on(Input.Changed)
    def _turned(self, event: Message) -> None:
        event.stop()
        key = str(self._factor.value)
        if key != self._shown:
            self._shown = key
            with self.prevent(Input.Changed):
                self._values.value = usual_values(self._experiment, key)
        self._judge()
        self.post_message(self.Changed())

    def _judge(self) -> None:
        try:
            self.plan, self.problems = plan_of(self._experiment, self.setup), ()
        except ExperimentError as error:
            self.plan, self.problems = None, error.problems
        self._mark()

    def _mark(self) -> None:
        wrong = {problem.key for problem in self.problems}
        for name in ("values", "samples"):
            self.query_one(f"#sweep-{name}-label").set_class(name in wrong, "-problem")
        outcome = self.query_one("#sweep-outcome", Static)
        outcome.set_class(bool(wrong), "-problem")
        outcome.update(Text(_problem_text(self.problems) if wrong else _count_text(self.plan)))


def _problem_text(problems: Sequence[Problem]) -> str:
    """Return the first problem in one line."""
    problem = problems[0]
    instead = f"did you mean {problem.nearest}?" if problem.nearest else f"{problem.allowed}."
    return one_line(f"! {problem.key}: got {problem.got}; {instead}")


def _count_text(plan: SweepPlan | None) -> str:
    """Return in words how many points and networks a plan asks for."""
    if plan is None:
        return ""
    count = len(plan.factors[0].values)
    each = count_text(plan.samples)
    if count == 1:
        return f"1 point of {each} networks; a direction needs two"
    return f"{count} points of {each} networks: {count_text(count * plan.samples)} in all"
