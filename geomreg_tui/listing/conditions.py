"""Conditions on the runs of a list: ``width>64 init:he* state=done -tag:draft deep``.

Terms stand one after the other with spaces between them, and all of them must hold::

    WORD            the word is somewhere in name, tags, note, kind, date or experiment
    KEY:PATTERN     KEY is like the pattern, in which * stands for anything and ? for any character
    KEY=VALUE       KEY is the value;  KEY!=VALUE: it is not
    KEY>NUMBER      KEY is a larger number; and <, >=, <= likewise
    -TERM           the term does not hold

Patterns and values may be several with commas between them, of which one is enough. A key with several
values, such as the tags, or the factor of a sweep, is like one of them. Dates are as far as they are given:
``when>=2026-11``. Capitals do not matter. What has spaces stands in quotation marks: ``note:"with bias"``.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Protocol

from geomreg_tui.errors import ExperimentError, Problem, nearest_name, shortened
from geomreg_tui.experiment import Experiment, read_number
from geomreg_tui.formatting import exact_text

__all__ = ["Condition", "Filtered", "parse_condition"]

_TERM = re.compile(r"(?P<not>-?)(?P<key>[a-z][a-z0-9_-]*)(?P<sign>!=|<=|>=|[:=<>])(?P<value>.*)", re.I | re.S)
# Spaces in quotation marks are part of a term.
_PIECE = re.compile(r"""(?:"[^"]*"|'[^']*'|[^\s"'])+|["']""")
_QUOTED = re.compile(r""""([^"]*)"|'([^']*)'""")
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_FACTORS = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_SIZES = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_OTHER_NAMES = {"n": "examples", "tags": "tag", "networks": "samples", "d_0": "d0", "log10_v": "v"}
_WHEN = re.compile(r"\d{4}(-\d\d(-\d\d([ T]\d\d(:\d\d)?)?)?)?")


class Filtered(Protocol):
    """What conditions are about."""

    @property
    def text(self) -> str:
        """What words look at, in lower case."""

    def values(self, key: str) -> tuple[Any, ...]:
        """Return the values of a key."""


@dataclass(frozen=True)
class _Term:
    """One term.

    Attributes:
        key: what it asks for; empty for a word.
        sign: how it compares; empty for a word.
        value: with what, in lower case.
        number: the same as a number, where it is compared by size.
        negated: whether it must not hold.
    """

    key: str
    sign: str
    value: str
    number: float = math.nan
    negated: bool = False

    def holds(self, row: Filtered) -> bool:
        if not self.key:
            return (self.value in row.text) is not self.negated
        values = row.values(self.key)
        if self.key == "when":
            found = any(self._is_in(value) for value in values)
        elif self.sign in _ORDERS:
            found = any(self._is_beyond(value) for value in values)
        else:
            allowed = self.value.split(",")
            found = any(_equal(value, text, self.sign == ":") for value in values for text in allowed)
            found = found is not (self.sign == "!=")
        return found is not self.negated

    def _is_in(self, when: str) -> bool:
        """Return whether a date is as asked for, as far as that is given: 2026-11 is all of November."""
        begun = _digits(when)[: len(self.value)]
        if self.sign in _ORDERS:
            return _ORDERS[self.sign](begun, self.value)
        return (begun == self.value) is not (self.sign == "!=")

    def _is_beyond(self, value: Any) -> bool:
        order = _ORDERS[self.sign]
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return order(value, self.number)


@dataclass(frozen=True)
class Condition:
    """A condition on a run or a sweep; that without terms holds for all of them.

    Attributes:
        terms: all of which must hold.
    """

    terms: tuple[_Term, ...] = ()

    def holds(self, row: Filtered) -> bool:
        """Return whether it holds."""
        return all(term.holds(row) for term in self.terms)

    @property
    def words(self) -> bool:
        """Whether it has nothing but words that must be there."""
        return not any(term.key or term.negated for term in self.terms)

    def asks_for(self, keys: Iterable[str]) -> bool:
        """Return whether any of some keys is looked at."""
        return any(term.key in keys for term in self.terms)


def parse_condition(text: str, keys: Iterable[str]) -> Condition:
    """Return the condition in a text.

    Args:
        text: the terms; empty for a condition that always holds.
        keys: that may be asked for, besides those of an experiment.

    Raises:
        ExperimentError: with one problem for each term that is none.
    """
    allowed = (*keys, *Experiment.model_fields)
    terms: list[_Term] = []
    problems: list[Problem] = []
    for piece in _PIECE.findall(text):
        try:
            terms.append(_parse(piece, allowed))
        except ExperimentError as error:
            problems += error.problems
    if problems:
        raise ExperimentError(problems)
    return Condition(tuple(terms))


def _parse(piece: str, allowed: Sequence[str]) -> _Term:
    """Return one term.

    Raises:
        ExperimentError: if it is none.
    """
    match = _TERM.fullmatch(piece)
    if match is None:
        negated = piece.startswith("-") and len(piece) > 1
        return _Term("", "", _unquoted(piece[negated:]).casefold(), negated=negated)
    key = match["key"].lower().replace("-", "_")
    key = _OTHER_NAMES.get(key, key)
    sign, value, negated = match["sign"], _unquoted(match["value"]).casefold(), bool(match["not"])
    got = repr(shortened(piece))
    if key not in allowed:
        rule = "allowed is a key of an experiment, or of the list, before " + " ".join((":", "=", *_ORDERS))
        raise ExperimentError([Problem("where", got, rule, nearest_name(key, allowed))])
    if not value:
        raise ExperimentError([Problem("where", got, f"allowed is a value after {sign}")])
    if key == "when":
        if not _WHEN.fullmatch(value.upper()):
            rule = "allowed is a date such as 2026-11, 2026-11-29 or '2026-11-29 13:30'"
            raise ExperimentError([Problem("where", got, rule)])
        return _Term(key, sign, _digits(value), negated=negated)
    if sign not in _ORDERS:
        return _Term(key, sign, value, negated=negated)
    number = _number(value, _SIZES if key == "size" else _FACTORS)
    if number is None:
        rule = f"allowed after {sign} is a number, such as 64, 1e-3 or 10M"
        raise ExperimentError([Problem("where", got, rule)])
    return _Term(key, sign, value, number, negated)


def _equal(value: Any, text: str, pattern: bool) -> bool:
    """Return whether a value is a text, or like it; numbers are equal however they are written."""
    if isinstance(value, bool):
        return text in (("true", "yes", "on", "1") if value else ("false", "no", "off", "0"))
    if isinstance(value, int | float):
        number = _number(text, _FACTORS)
        if number is not None:
            return value == number
    written = exact_text(value).casefold()
    return fnmatchcase(written, text) if pattern else written == text


def _number(text: str, factors: dict[str, int]) -> float | None:
    """Return the number in a text, which may end in a letter for a factor; None where there is none."""
    body = text.removesuffix("b") if factors is _SIZES else text
    factor = factors.get(body[-1:], 1)
    try:
        number = read_number(body[:-1] if factor > 1 else body) * factor
    except ValueError:
        return None
    return None if math.isnan(number) else number


def _unquoted(text: str) -> str:
    """Return a text without the quotation marks around its parts."""
    return _QUOTED.sub(lambda match: match[1] if match[1] is not None else match[2], text)


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))
