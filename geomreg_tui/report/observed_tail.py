"""Observables of networks of low loss in reports and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.columns import table_lines
from geomreg_tui.formatting import decimal_text, interval_text, number_text
from geomreg_tui.report.observed import LABELS
from geomreg_tui.report.wording import log_text, spread
from geomreg_tui.statistics.intervals import UNDEFINED, Interval

__all__ = ["AT_LOSS_HEADINGS", "at_loss_columns", "at_loss_lines", "at_loss_rows"]

AT_LOSS_HEADINGS = ("log10 V", "log10 L up to", "mean [95 %]", "5 %", "median [95 %]", "95 %")
_TERMINAL = 2  # depths that a terminal has room for
_ENDS = ("", "_low", "_high")


def at_loss_rows(found: Mapping[str, Any], wanted: int) -> list[tuple[str, ...]]:
    """Return rows of :data:`AT_LOSS_HEADINGS`: an observable at up to ``wanted`` depths of the tail.

    Args:
        found: what ``summary.json`` says of the observable.
        wanted: rows.
    """
    rows: Sequence[Mapping[str, Any]] = found.get("at_loss", [])
    return [
        (
            log_text(row["log10_volume"]),
            log_text(row["log10_loss"]),
            interval_text(_interval(row["mean"])),
            number_text(_interval(row["quantiles"]["0.05"]).estimate),
            interval_text(_interval(row["quantiles"]["0.5"])),
            number_text(_interval(row["quantiles"]["0.95"]).estimate),
        )
        for row in (rows[place] for place in sorted(spread(len(rows), wanted)))
    ]


def at_loss_lines(
    observables: Mapping[str, Mapping[str, Any]], indent: int, room: int | None = None
) -> list[str]:
    """Return medians of observables at the first and the last depth as lines of a text report.

    None where nothing was observed down a tail.

    Args:
        observables: what ``summary.json`` says of them.
        indent: cells before tables.
        room: cells that a table may take; None for no limit.
    """
    seen = {name: found["at_loss"] for name, found in observables.items() if found.get("at_loss")}
    if not seen:
        return []
    first = next(iter(seen.values()))
    places = sorted(spread(len(first), _TERMINAL))
    volumes = [f"log10 V = {decimal_text(first[place]['log10_volume'], 3)}" for place in places]
    rows = [
        (LABELS[name], *(interval_text(_interval(rows[place]["quantiles"]["0.5"])) for place in places))
        for name, rows in seen.items()
    ]
    table = table_lines(("observable", *volumes), rows, room, left=(0,))
    head = "Low loss      medians [95 %] among networks of loss up to L, down the tail"
    return [head, *((" " * indent + line).rstrip() for line in table)]


def at_loss_columns(observables: Mapping[str, Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
    """Return columns with a row for each observable at each depth; none where nothing was observed there.

    They are observable, log10_loss, log10_volume, networks, undefined, and mean and quantiles with the ends
    of their intervals, (rows,) each.
    """
    columns: dict[str, list[Any]] = {}
    for name, found in observables.items():
        for row in found.get("at_loss", []):
            cells = {
                "observable": name,
                **{key: row[key] for key in ("log10_loss", "log10_volume", "networks", "undefined")},
                **_ends("mean", row["mean"]),
            }
            for share, place in row["quantiles"].items():
                cells |= _ends(f"q{share}", place)
            for key, value in cells.items():
                columns.setdefault(key, []).append(value)
    kinds = {"observable": str, "networks": np.int64}
    return {key: np.array(values, dtype=kinds.get(key, np.float64)) for key, values in columns.items()}


def _ends(name: str, values: Sequence[float | None]) -> dict[str, float]:
    return {f"{name}{end}": value for end, value in zip(_ENDS, _interval(values), strict=True)}


def _interval(values: Sequence[float | None] | None) -> Interval:
    if values is None:
        return UNDEFINED
    return Interval(*(float("nan") if value is None else float(value) for value in values))
