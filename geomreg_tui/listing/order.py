"""The order of the list: by any key, values that are missing last."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from geomreg_tui.errors import ExperimentError, Problem, nearest_name
from geomreg_tui.experiment import Experiment
from geomreg_tui.formatting import exact_text
from geomreg_tui.listing.row import KEYS, Row

__all__ = ["NEWEST", "parse_order", "sort_rows"]

NEWEST = "when"


def parse_order(text: str) -> str:
    """Return the key that a text names.

    Raises:
        ExperimentError: if it is none of the list's, nor of an experiment.
    """
    key = text.strip().lower().replace("-", "_")
    allowed = (*KEYS, *Experiment.model_fields)
    if key not in allowed:
        rule = f"allowed are {', '.join(KEYS)}, and the keys of an experiment"
        raise ExperimentError([Problem("sort", repr(text), rule, nearest_name(key, allowed))])
    return key


def sort_rows(rows: Iterable[Row], key: str, *, reverse: bool = False) -> list[Row]:
    """Return rows by a key: dates newest first, all else smallest first; equal ones stay as they are.

    Args:
        rows: in any order.
        key: as :func:`parse_order` returns it. Of several values the smallest counts.
        reverse: the other way around; rows without a value are the last all the same.
    """
    keyed = [(_rank(row.values(key)), row) for row in rows]
    backwards = reverse is not (key == NEWEST)
    known = sorted((pair for pair in keyed if pair[0]), key=lambda pair: pair[0], reverse=backwards)
    return [row for _, row in known] + [row for rank, row in keyed if not rank]


def _rank(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return by what a row is compared: numbers before texts; nothing where there is no value."""
    return min(
        (
            (0, value) if isinstance(value, int | float) else (1, exact_text(value).casefold())
            for value in values
        ),
        default=(),
    )
