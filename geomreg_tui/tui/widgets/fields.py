"""Controls that turn: number fields stepped by up and down, choices stepped by left and right.

All of them let keys that they have no use for through, so that the explorer's keys work wherever the
focus is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.widgets import Input, Select

from geomreg_tui.errors import ExperimentError, plain_text
from geomreg_tui.experiment import parse_count, read_number
from geomreg_tui.tui.keys import NUMBER_CHARACTERS
from geomreg_tui.tui.own_data import PathSuggester

__all__ = [
    "ChoiceField",
    "NumberField",
    "PathField",
    "PlainInput",
    "TextField",
    "problem_text",
    "step_count",
    "step_depth",
    "step_scale",
    "step_some",
]

Step = Callable[[str, int], str | None]


def step_count(text: str, direction: int) -> str | None:
    """Return the next power of two above or below a count (or 10, 100, ... for counts such as ``1e6``)."""
    try:
        value = parse_count(text)
    except ExperimentError:
        return None
    if value >= 10_000:
        power = math.log10(value)
        nearest = math.floor(power + 1e-9) + 1 if direction > 0 else math.ceil(power - 1e-9) - 1
        return f"1e{min(15, nearest)}"
    power = math.log2(value)
    nearest = math.floor(power + 1e-9) + 1 if direction > 0 else math.ceil(power - 1e-9) - 1
    return str(2 ** max(0, nearest))


def step_some(text: str, direction: int) -> str | None:
    """Return the next of 0, 1, 2, 4, 8, ... above or below."""
    if text.strip() == "0":
        return "1" if direction > 0 else "0"
    return "0" if text.strip() == "1" and direction < 0 else step_count(text, direction)


def step_depth(text: str, direction: int) -> str | None:
    """Return the next whole number above or below, not below 0."""
    return str(max(0, int(text) + direction)) if text.strip().isdigit() else None


def step_scale(text: str, direction: int) -> str | None:
    """Return a number a tenth more or less, not below 0."""
    try:
        value = read_number(text)
    except ValueError:
        return None
    return f"{max(0.0, round(value + direction / 10, 6)):g}" if math.isfinite(value) else None


def problem_text(error: ExperimentError, labels: Mapping[str, str]) -> str:
    """Return what is wrong with the fields of a dialog, each by the label that stands beside it.

    Args:
        error: the problems, by names of options.
        labels: of options; another keeps its name.
    """
    named = (replace(problem, key=labels.get(problem.key, problem.key)) for problem in error.problems)
    return "\n".join(map(str, named))


class PlainInput(Input):
    """A field without characters that could steer the terminal, typed, pasted or read from a file."""

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None) -> None:
        super().__init__(value, placeholder=placeholder, compact=True, id=id)
        self.cursor_blink = False  # a blinking cursor sends bytes for ever

    def validate_value(self, value: str) -> str:
        """Take steering characters out of whatever the field is to hold."""
        return plain_text(value)

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Hide no binding of the explorer: Textual would hide one by its usual key, not by the one in effect.

        What is typed goes to the field first all the same.
        """
        return False


class NumberField(PlainInput):
    """A number, typed, or stepped with up and down."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "step(1)", "More", show=False),
        Binding("down", "step(-1)", "Less", show=False),
    ]

    def __init__(self, value: str, step: Step | None = None, *, id: str | None = None) -> None:
        super().__init__(value, id=id)
        self._step = step

    def validate_value(self, value: str) -> str:
        """Read U+2212, the minus sign of print, as a minus."""
        return super().validate_value(value).replace("\N{MINUS SIGN}", "-")

    def on_key(self, event: events.Key) -> None:
        """Take what numbers are made of; other characters are left to the screen's bindings."""
        if event.character == "\N{MINUS SIGN}":  # pasted key by key: to drop it would make -8 an 8
            event.prevent_default()
            event.stop()
            self.insert_text_at_cursor("-")
            return
        if event.is_printable and event.character not in NUMBER_CHARACTERS:
            event.prevent_default()
            if event.key not in self.screen.active_bindings:
                self.notify(f"{event.character} is no part of a number", severity="warning", markup=False)

    def action_step(self, direction: int) -> None:
        """Step the value, where it is a number."""
        value = self._step(self.value, direction) if self._step else None
        if value is not None:
            self.value = value
            self.cursor_position = len(value)


class TextField(PlainInput):
    """A text such as a path; every printable key belongs to it, so escape leaves it."""

    def __init__(self, value: str, placeholder: str, *, id: str | None = None) -> None:
        super().__init__(value, placeholder=placeholder, id=id)


class PathField(TextField):
    """The path of a file: its end is suggested, and tab takes what is suggested."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "complete", "Complete", show=False)]

    def __init__(self, value: str, placeholder: str, *, id: str | None = None) -> None:
        super().__init__(value, placeholder, id=id)
        self.suggester = PathSuggester()

    def action_complete(self) -> None:
        """Take what is suggested; without a suggestion go on to the next control."""
        if self._suggestion and self.cursor_at_end:
            self.value = self._suggestion
            self.cursor_position = len(self.value)
        else:
            self.screen.focus_next()


class ChoiceField(Select[str], inherit_bindings=False):
    """One of several names: enter opens the list, left and right step through it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,down,up", "show_overlay", "Choose", show=False),
        Binding("right", "step(1)", "Next", show=False),
        Binding("left", "step(-1)", "Previous", show=False),
    ]

    def __init__(self, names: Sequence[str], value: str, *, id: str | None = None) -> None:
        self.names = tuple(names)
        super().__init__(
            [(name, name) for name in names], value=value, allow_blank=False, compact=True, id=id
        )

    def offer(self, names: Sequence[str], value: str) -> None:
        """Offer other names, and choose one of them."""
        if tuple(names) != self.names:
            self.names = tuple(names)
            self.set_options([(name, name) for name in names])
        self.value = value

    def action_step(self, direction: int) -> None:
        """Choose the next or previous name; after the last comes the first."""
        place = self.names.index(str(self.value))
        self.value = self.names[(place + direction) % len(self.names)]
