"""The knobs: every control of the experiment, with what is wrong marked in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Grid, Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Input, Select, Static

from geomreg_tui.datasets import BUILT_IN, SYNTHETIC
from geomreg_tui.datasets.look import refusal
from geomreg_tui.errors import ExperimentError, Problem, plain_text
from geomreg_tui.experiment import Experiment, choices, parse_count
from geomreg_tui.formatting import exact_text
from geomreg_tui.tui.numbers import count_spelling
from geomreg_tui.tui.widgets.fields import (
    ChoiceField,
    NumberField,
    PathField,
    Step,
    TextField,
    step_count,
    step_depth,
    step_scale,
    step_some,
)

__all__ = ["FILE", "Knobs"]

FILE = "a file"
_SETS = (*BUILT_IN, *SYNTHETIC)
# Knobs that take text, with what they say while they are empty.
_TEXTS = {"path": "enter browses", "target": "column of the targets"}

Values = Mapping[str, Any]


def _always(values: Values) -> bool:
    return True


@dataclass(frozen=True)
class _Knob:
    """One control.

    Attributes:
        key: the experiment key that it sets (``path`` and ``samples`` apart).
        label: what it is called on the screen.
        step: how up and down change it; None where it is not a number.
        shown: whether it has a meaning, given the values of the others.
    """

    key: str
    label: str
    step: Step | None = None
    shown: Callable[[Values], bool] = _always


_GROUPS: tuple[tuple[str, tuple[_Knob, ...]], ...] = (
    (
        "Architecture",
        (
            _Knob("arch", "kind"),
            _Knob("width", "width", step_count, lambda v: v["arch"] == "mlp"),
            _Knob("channels", "channels", step_count, lambda v: v["arch"] == "conv"),
            _Knob("depth", "depth", step_depth, lambda v: v["arch"] != "custom"),
            _Knob("activation", "activation", None, lambda v: v["arch"] != "custom"),
            _Knob("bias", "bias", None, lambda v: v["arch"] != "custom"),
        ),
    ),
    (
        "Init",
        (
            _Knob("init", "law"),
            _Knob("gain", "gain", step_scale),
            _Knob("dof", "freedom", step_scale, lambda v: v["init"] == "student_t"),
            _Knob("sparsity", "sparsity", step_scale, lambda v: v["init"] == "sparse"),
        ),
    ),
    (
        "Data and loss",
        (
            _Knob("data", "data"),
            _Knob("path", "path", None, lambda v: v["data"] == FILE),
            _Knob("target", "target", None, lambda v: v["data"] == FILE),
            _Knob("inputs", "inputs", step_count, lambda v: v["data"] in SYNTHETIC),
            _Knob("examples", "examples", step_count),
            _Knob("held_out", "held out", step_some),
            _Knob("label_noise", "noise", step_scale),
            _Knob("loss", "loss"),
        ),
    ),
    ("Full run", (_Knob("seed", "seed", step_depth), _Knob("samples", "samples", step_count))),
)
_FIRST_COLUMN = 2  # groups of the first of two columns
_BROAD = 68  # cells from which two columns have room for the longest name of a law
_KNOBS = {knob.key: knob for _, group in _GROUPS for knob in group}


class Knobs(VerticalScroll, can_focus=False):
    """The column of controls. Posts :class:`Changed` when all are valid, else :class:`Invalid`."""

    @dataclass
    class Changed(Message):
        """The knobs show another valid experiment, or another number of samples."""

        experiment: Experiment
        samples: int

    class Browse(Message):
        """The browser of data files is asked for."""

    @dataclass
    class Invalid(Message):
        """Some knob shows an impossible value."""

        problems: tuple[Problem, ...]

    def __init__(self, experiment: Experiment, samples: int, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._base = experiment
        self._samples = samples
        self._last: tuple[Experiment, int] | None = (experiment, samples)
        self._controls = {key: self._control(knob) for key, knob in _KNOBS.items()}
        self._first: Values = {}

    def compose(self) -> ComposeResult:
        """Lay the controls out, a heading above each group, in two columns beside or below each other."""
        for groups in (_GROUPS[:_FIRST_COLUMN], _GROUPS[_FIRST_COLUMN:]):
            with Vertical(classes="knob-column"):
                for heading, group in groups:
                    yield Static(heading, classes="knob-heading", markup=False)
                    for knob in group:
                        with Grid(classes="knob", id=f"knob-{knob.key}"):
                            yield Static(knob.label, classes="knob-label", markup=False)
                            yield self._controls[knob.key]

    def on_resize(self) -> None:
        """Put the columns beside each other where there is room for both."""
        self.set_class(self.size.width >= _BROAD, "-broad")

    def on_mount(self) -> None:
        """Hide what has no meaning for the first experiment."""
        self._first = self.values()
        self._mark(())

    @property
    def shown(self) -> tuple[Experiment, int] | None:
        """The experiment and the number of samples that they show; None while some value is impossible."""
        return self._last

    def show(self, experiment: Experiment, samples: int) -> None:
        """Show another experiment, as if the knobs had been made for it: nothing is posted."""
        self._base, self._samples, self._last = experiment, samples, (experiment, samples)
        with self.prevent(Input.Changed, Select.Changed):
            for key, control in self._controls.items():
                value = self._value(key)
                if isinstance(control, ChoiceField):
                    control.offer(self._names(key), value)
                else:
                    control.value = value
        self._first = self.values()
        self._mark(())

    def values(self) -> dict[str, Any]:
        """Return what every control shows, shown or not, as text."""
        return {key: control.value for key, control in self._controls.items()}

    @on(Input.Submitted, "#field-path")
    def _browse(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Browse())

    @property
    def path(self) -> str:
        """The path in the field of the data file; empty without one."""
        return self._path(self.values())

    def with_file(self, path: str, target: str | None) -> Experiment:
        """Return the experiment that all other knobs show, with the data of a file.

        Raises:
            ExperimentError: if another knob shows an impossible value.
        """
        return Experiment.parse(self._settings({**self.values(), **_file_values(path, target)}))

    def choose_file(self, path: str, target: str | None) -> None:
        """Turn the knobs of the data to a file and its target."""
        with self.prevent(Input.Changed, Select.Changed):
            for key, value in _file_values(path, target).items():
                self._controls[key].value = value
        self._check()

    @on(Input.Changed)
    @on(Select.Changed)
    def _turned(self, event: Message) -> None:
        event.stop()
        self._check()

    def _check(self) -> None:
        """Check all controls, mark those that are wrong, and post the outcome."""
        values = self.values()
        problems: list[Problem] = []
        experiment, samples = self._last if self._last else (self._base, self._samples)
        try:
            samples = parse_count(str(values["samples"]))
        except ExperimentError as error:
            problems += error.problems
        try:
            untouched = {**values, "samples": ""} == {**self._first, "samples": ""}
            experiment = self._base if untouched else Experiment.parse(self._settings(values))
        except ExperimentError as error:
            problems += error.problems
        path = self._path(values)
        # The path that the explorer was opened with is judged by whoever reads it, perhaps from elsewhere.
        if values["data"] == FILE and path != self._base.data:
            reason = refusal(path)
            if reason:
                told = f"it {reason}" if path.strip() else "allowed is the path of a data file: enter browses"
                problems = [problem for problem in problems if problem.key not in ("data", "target")]
                problems.append(Problem("path", repr(values["path"]), told))
        # What was typed, not what became of it on the way to the experiment.
        problems = [replace(p, got=repr(values[p.key])) if p.key in values else p for p in problems]
        self._mark(problems)
        if problems:
            self._last = None
            self.post_message(self.Invalid(tuple(problems)))
        elif (experiment, samples) != self._last:
            self._last = (experiment, samples)
            self.post_message(self.Changed(experiment, samples))

    def _path(self, values: Values) -> str:
        """Return the path that is meant: while nobody has changed the field, the one it was made from."""
        shown = str(values["path"])
        return self._base.data if shown and shown == self._first.get("path") else shown

    def _settings(self, values: Values) -> dict[str, Any]:
        """Return the keys of an experiment: those of the knobs over those that were given at the start."""
        settings = self._base.model_dump(exclude_unset=True)
        for key, knob in _KNOBS.items():
            if key in ("path", "samples"):
                continue
            if knob.shown(values):
                settings[key] = values[key]
            elif key in ("width", "inputs", "target"):
                settings.pop(key, None)
        if "," in str(settings.get("width", "")):
            settings.pop("depth", None)
        for key in ("inputs", "target"):
            if not str(settings.get(key, "")).strip():
                settings.pop(key, None)
        if settings["data"] == FILE:
            settings["data"] = self._path(values)
        if settings["data"] != self._base.data:
            for key in ("data_sha256", "features", "layout"):  # they say how that file is read
                settings.pop(key, None)
        if settings["arch"] != "custom":
            settings.pop("module", None)
        return settings

    def _mark(self, problems: Sequence[Problem]) -> None:
        """Mark the controls with impossible values, and hide those without meaning."""
        reasons = {problem.key: problem for problem in problems}
        if "data" in reasons and self.values()["data"] == FILE:
            reasons.setdefault("path", reasons["data"])
        values = self.values()
        for key, knob in _KNOBS.items():
            row = self.query_one(f"#knob-{key}")
            problem = reasons.get(key)
            row.display = knob.shown(values)
            hint = f" Did you mean {problem.nearest}?" if problem is not None and problem.nearest else ""
            self._tell(key, f"got {problem.got}; {problem.allowed}.{hint}" if problem is not None else "")

    def blame(self, message: str) -> None:
        """Say at a knob what an engine has against its value: ``target: got nothing; allowed ...``.

        Args:
            message: begins with the key at fault; another, or one of no knob that is shown, is not said here.
        """
        key, _, reason = message.partition(": ")
        if key == "data" and self.values()["data"] == FILE:
            key = "path"
        if key in _KNOBS and _KNOBS[key].shown(self.values()):
            self._tell(key, reason)

    def _tell(self, key: str, reason: str) -> None:
        """Say at a knob what is wrong with its value; nothing where the reason is empty."""
        row = self.query_one(f"#knob-{key}")
        row.set_class(bool(reason), "-problem")
        if reason:
            text = Text(plain_text(f"! {reason}"))
            told = row.query(".knob-problem").results(Static)
            if (line := next(iter(told), None)) is not None:
                line.update(text)
            else:  # made only now: most knobs never need one, and a start has none
                row.mount(Static(text, classes="knob-problem", markup=False))

    def _control(self, knob: _Knob) -> ChoiceField | TextField | NumberField:
        """Return the field of a control."""
        name, value = f"field-{knob.key}", self._value(knob.key)
        if knob.key in _TEXTS:
            kind = PathField if knob.key == "path" else TextField
            return kind(value, _TEXTS[knob.key], id=name)
        if names := self._names(knob.key):
            return ChoiceField(names, value, id=name)
        return NumberField(value, knob.step, id=name)

    def _names(self, key: str) -> Sequence[str]:
        """Return what a control lets choose from; nothing where it is a number or a path."""
        if key == "data":
            return (*_SETS, FILE)
        if key == "arch":
            return [kind for kind in choices("arch") if kind != "custom" or self._base.arch == "custom"]
        if key == "bias":
            return ("off", "on")
        return () if key in (*_TEXTS, "samples") else choices(key)

    def _value(self, key: str) -> str:
        """Return what a control shows for the experiment that was given."""
        base = self._base
        if key == "samples":
            return count_spelling(self._samples)
        if key == "path":
            return "" if base.data in _SETS else base.data
        if key == "data":
            return base.data if base.data in _SETS else FILE
        if key == "bias":
            return "on" if base.bias else "off"
        value = getattr(base, key)
        if key in _TEXTS:
            return value or ""
        return str(value) if choices(key) else _number(value)


def _file_values(path: str, target: str | None) -> dict[str, str]:
    """Return what the knobs of the data show for a file."""
    return {"data": FILE, "path": path, "target": target or ""}


def _number(value: object) -> str:
    """Return a number, or several, as they are typed."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return exact_text(value)
