"""The result of a sweep as text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from geomreg_tui.analysis.intervals import Interval
from geomreg_tui.engine.sweep import Factor, SweepPoint, Verdict

__all__ = ["sweep_text", "verdict_line"]


def sweep_text(
    factors: Sequence[Factor], points: Sequence[SweepPoint], judged: Sequence[Verdict]
) -> RenderableType:
    """Return a sweep as a table that ends with the direction verdicts."""
    table = Table(box=None, header_style="bold")
    for factor in factors:
        table.add_column(factor.key, justify="right" if factor.ordered else "left", no_wrap=True)
    for name in ("P", "zero mode", "central", "atom", "D", "95 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    for point in points:
        modes = point.modes
        table.add_row(
            *(f"{value:g}" if isinstance(value, float) else str(value) for value in point.settings),
            f"{point.facts.parameters:,}",
            _number(modes.zero_mass.estimate),
            _number(modes.central_mass.estimate),
            _number(modes.atom_mass.estimate),
            _number(modes.dominance.estimate),
            _ends(modes.dominance),
        )
    lines = [Text(verdict_line(verdict), no_wrap=True, overflow="ignore") for verdict in judged]
    if not judged:
        lines = [Text("No direction: that needs a factor with two or more numbers for values.")]
    return Group(table, Text(""), *lines)


def verdict_line(verdict: Verdict) -> str:
    """Return a direction in words, with its numbers."""
    held = f" at {verdict.held[0]} = {verdict.held[1]}" if verdict.held else ""
    found = verdict.direction
    if not math.isfinite(found.tau):
        return f"More {verdict.factor.key}{held}: {found.verdict} (D is undefined or constant)"
    return (
        f"More {verdict.factor.key}{held}: {found.verdict} "
        f"(Kendall τ-b = {found.tau:.2f} [{found.low:.2f}, {found.high:.2f}], p = {found.p_value:.2g})"
    )


def _number(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "-"


def _ends(interval: Interval) -> str:
    if not math.isfinite(interval.low):
        return "-"
    return f"[{interval.low:.4f}, {interval.high:.4f}]"
