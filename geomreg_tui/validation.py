"""Problems with the keys of an experiment, in words, from what pydantic reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from geomreg_tui.errors import Problem, nearest_name, shortened

if TYPE_CHECKING:
    from pydantic import ValidationError

__all__ = ["validation_problems"]

# Names that other libraries use for what has another name here; offered as the nearest valid name.
_SYNONYMS = {
    "kaiming_normal": "he_normal",
    "kaiming_uniform": "he_uniform",
    "xavier_normal": "glorot_normal",
    "xavier_uniform": "glorot_uniform",
    "pytorch": "torch_default",
    "default": "torch_default",
    "identity": "linear",
    "swish": "silu",
    "leakyrelu": "leaky_relu",
    "crossentropy": "cross_entropy",
    "ce": "cross_entropy",
    "l1": "mae",
    "l2": "mse",
    "accuracy": "zero_one",
    "cnn": "conv",
    "fc": "mlp",
    "nchw": "channels_first",
    "nhwc": "channels_last",
}

# What pydantic's kinds of error mean, in words.
_RULES = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "int_parsing_size": "a smaller number",
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number of at least {ge:g}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number up to {le}",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "text",
    "string_too_short": "text that is not empty",
    "string_pattern_mismatch": "64 hexadecimal digits",
    "tuple_type": "a number, or numbers separated by commas",
    "too_short": "at least one number",
}


def validation_problems(error: ValidationError, names: Mapping[str, tuple[str, ...]]) -> Iterable[Problem]:
    """Return one problem for each key that is wrong; the branches of a union are joined.

    Args:
        error: as pydantic raised it.
        names: for each key, the names that it accepts, or () when it is not a choice among names.
    """
    problems: dict[str, Problem] = {}
    for item in error.errors(include_url=False):
        key = str(item["loc"][0]) if item["loc"] else ""
        if not key:
            key, _, message = str(item["ctx"]["error"]).partition(": got ")
            got, _, allowed = message.partition("; ")
            problems.setdefault(key, Problem(key, got, allowed))
        elif item["type"] == "extra_forbidden":
            problems[key] = Problem(
                key, "an unknown key", "allowed are the keys of an experiment", nearest_name(key, list(names))
            )
        else:
            problems.setdefault(key, _value_problem(key, item, names[key]))
    return problems.values()


def _value_problem(key: str, item: Any, names: tuple[str, ...]) -> Problem:
    """Return the problem with the value of one key."""
    given = item["input"]
    listed = isinstance(given, tuple) and all(isinstance(part, str) for part in given)
    got = shortened(repr(",".join(given) if listed else given))
    if names:
        given = str(item["input"])
        near = _SYNONYMS.get(given.lower())
        return Problem(
            key, got, "allowed are " + ", ".join(names), near if near in names else nearest_name(given, names)
        )
    message = str(item["msg"]).removeprefix("Value error, ")
    if not message.startswith("allowed"):
        message = "allowed is " + _RULES.get(item["type"], "another value").format(**item.get("ctx", {}))
    return Problem(key, got, message)
