"""Observables of gradients and walks in reports and files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.columns import table_lines
from geomreg_tui.formatting import interval_text, number_text
from geomreg_tui.gradients.plan import LABELS
from geomreg_tui.gradients.store import Observed
from geomreg_tui.statistics.intervals import UNDEFINED, Interval

__all__ = [
    "HEADINGS",
    "LABELS",
    "LAW_HEADINGS",
    "WALK_HEADINGS",
    "law_rows",
    "law_text",
    "observable_columns",
    "observable_rows",
    "observed_lines",
    "observed_text",
    "walk_rows",
]

HEADINGS = ("observable", "mean [95 %]", "5 %", "median", "95 %", "rank correlation with L [95 %]")
_FEW = ("observable", "mean [95 %]", "median", "rank corr. with L")  # what a terminal has room for
LAW_HEADINGS = ("observable", "mean by theory (law)")
WALK_HEADINGS = ("of steps of a walk", "[95 %]")
_WALK = (
    ("of_log_loss", "correlation of ln L"),
    ("length", "correlation length of L, in steps"),
    ("improving", "share of steps that improve L"),
    ("neutral", "share that change L by 1 % at most"),
)
_SHARES = ("0.05", "0.5", "0.95")


def observed_text(seen: Observed) -> str:
    """Return how networks were observed, in a line."""
    plan, arrangement = seen.planned.plan, seen.planned.arrangement
    parts = [f"{seen.observations.samples:,} networks"]
    if seen.observations.samples < plan.networks:
        parts[0] += f" of {plan.networks:,}"
    if plan.observables:
        parts.append(f"{arrangement.method} gradients")
    if "confusion" in plan.observe:
        parts.append(f"{arrangement.pairs:,} pairs of examples")
    if plan.walks:
        parts.append(f"steps of a walk with ρ = {number_text(plan.walk_step)}")
    return ", ".join(parts)


def law_text(law: Mapping[str, Any]) -> str:
    """Return the mean that theory expects of an observable, and which law says so."""
    return f"{number_text(float(law['mean']))} ({law['name']})"


def law_rows(observables: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return rows of :data:`LAW_HEADINGS`: each observable that theory has a law for."""
    return [(LABELS[name], law_text(found["law"])) for name, found in observables.items() if "law" in found]


def observable_rows(observables: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Return a row of :data:`HEADINGS` for each observable, from what ``summary.json`` says of it."""
    rows = []
    for name, found in observables.items():
        quantiles = [_number(found["quantiles"][share]) for share in _SHARES]
        ranked = _interval(found.get("loss_rank_correlation"))
        mean = _interval(found["mean_interval"])
        rows.append((LABELS[name], interval_text(mean), *quantiles, interval_text(ranked)))
    return rows


def walk_rows(observables: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return rows of :data:`WALK_HEADINGS`; none where no walks were observed."""
    walk = observables.get("walk_correlation")
    return [] if walk is None else [(text, interval_text(_interval(walk[key]))) for key, text in _WALK]


def observed_lines(
    seen: Observed | None,
    observables: Mapping[str, Mapping[str, Any]],
    indent: int,
    room: int | None = None,
) -> list[str]:
    """Return observables as lines of a text report; none where nothing was observed.

    Args:
        seen: what was observed.
        observables: what ``summary.json`` says of it.
        indent: cells before tables.
        room: cells that a table may take; None for no limit.
    """
    if seen is None:
        return []
    lines = [f"Observed      {observed_text(seen)}"]
    undefined = max((found["counts"].get("undefined", 0) for found in observables.values()), default=0)
    if undefined:
        lines.append(f"Undefined     {undefined:,} networks have gradients of 0, and so no cosines")
    rows = [(row[0], row[1], row[3], row[5].partition(" [")[0]) for row in observable_rows(observables)]
    table = table_lines(_FEW, rows, room, left=(0,))
    if laws := law_rows(observables):
        table += ["", *table_lines(LAW_HEADINGS, laws, room, left=(0, 1))]
    if walk := walk_rows(observables):
        table += ["", *table_lines(WALK_HEADINGS, walk, room, left=(0,))]
    return lines + [(" " * indent + line).rstrip() for line in table]


def observable_columns(observables: Mapping[str, Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
    """Return the columns observable, mean, low, high, std, min, max and quantiles, (observables,) each."""
    columns: dict[str, list[Any]] = {}
    for name, found in observables.items():
        row = {
            "observable": name,
            "mean": found["mean"],
            "low": found["mean_interval"][1],
            "high": found["mean_interval"][2],
            **{key: found[key] for key in ("std", "min", "max")},
            **{f"q{share}": value for share, value in found["quantiles"].items()},
        }
        for key, value in row.items():
            columns.setdefault(key, []).append(value if key == "observable" else _float(value))
    return {
        key: np.array(values, dtype=str if key == "observable" else np.float64)
        for key, values in columns.items()
    }


def _interval(values: Any) -> Interval:
    return UNDEFINED if values is None else Interval(*(_float(value) for value in values))


def _float(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _number(value: float | None) -> str:
    return number_text(_float(value))
