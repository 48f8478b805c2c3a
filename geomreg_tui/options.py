"""Options: what is said of them, and reading what a person wrote for them, with all that is wrong at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from geomreg_tui.errors import ExperimentError, Problem, nearest_name
from geomreg_tui.experiment import parse_count, read_number

__all__ = ["EXPORTED", "SAMPLES", "OptionReader", "OptionText"]


class OptionText(NamedTuple):
    """What is said of an option, by the command line and beside a field.

    Attributes:
        name: without dashes.
        meaning: what it is.
        metavar: what stands for its value.
        default: what holds without it; empty where nothing need be said.
        when: under which condition that is the default.
        unit: of its value; empty where it has none.
        names: those that it accepts; none where it is no choice among names.
    """

    name: str
    meaning: str
    metavar: str
    default: str = ""
    when: str = ""
    unit: str = ""
    names: tuple[str, ...] = ()

    @property
    def option(self) -> str:
        """As it is typed."""
        return f"--{self.name}"

    @property
    def help(self) -> str:
        """The meaning, with the default."""
        when = f" {self.when}" if self.when else ""
        return f"{self.meaning} [default{when}: {self.default}]" if self.default else self.meaning


SAMPLES = OptionText("samples", "networks to draw, such as 1e6 or 10M", "COUNT", unit="networks")
EXPORTED = OptionText(
    "FILE",
    "what to write: data (.json .csv .parquet .npz), a figure (.png .svg .pdf), a report (.html), or the "
    "command that gives the same run again (.sh)",
    "FILE",
)


@dataclass
class OptionReader:
    """Reads values, and gathers what is wrong with them; a value that is no good is read as its default.

    Attributes:
        problems: one for each value that is no good.
    """

    problems: list[Problem] = field(default_factory=list)

    def number(self, key: str, text: str | None, default: float, low: float, high: float, rule: str) -> float:
        """Return a number, or the default where there is no text.

        Args:
            key: name of the option, for messages.
            text: what the person wrote.
            default: the value without.
            low, high: the ends of what is allowed, both inclusive.
            rule: what is allowed, in words.
        """
        if text is None:
            return default
        try:
            value = read_number(text)
        except ValueError:
            value = math.nan
        if low <= value <= high:
            return value
        self.problems.append(Problem(key, repr(text), f"allowed is {rule}"))
        return default

    def whole(self, key: str, text: str | None, default: int, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``, as a count is written: ``1e4``, ``10k``."""
        if text is None:
            return default
        try:
            value = parse_count(text, key)
        except ExperimentError as error:
            self.problems.extend(error.problems)
            return default
        if low <= value <= high:
            return value
        allowed = f"allowed is a whole number from {low} to {high:,}"
        self.problems.append(Problem(key, repr(text), allowed))
        return default

    def name(self, key: str, text: str | None, default: str, names: Sequence[str]) -> str:
        """Return one of some names; a problem says which is nearest."""
        if text is None or text in names:
            return text or default
        allowed = f"allowed are {', '.join(names)}"
        self.problems.append(Problem(key, repr(text), allowed, nearest_name(text, list(names))))
        return default

    def check(self) -> None:
        """Refuse what was read, if anything is wrong with it.

        Raises:
            ExperimentError: with every problem.
        """
        if self.problems:
            raise ExperimentError(self.problems)
