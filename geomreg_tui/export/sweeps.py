"""The result of a sweep as text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from geomreg_tui.analysis import Direction
from geomreg_tui.analysis.intervals import Interval
from geomreg_tui.analysis.trends import NO_DIRECTION
from geomreg_tui.engine.sweep import Factor, FailedPoint, SweepPoint, Verdict, point_name
from geomreg_tui.engine.sweep_tail import TailComparison, TailVerdict, compare_tails
from geomreg_tui.export.wording import setting_text

__all__ = [
    "TAIL_HEADINGS",
    "failure_line",
    "sweep_text",
    "tail_rows",
    "tail_verdict_lines",
    "verdict_line",
    "without_networks",
]

TAIL_HEADINGS = ("P", "log10 V", "std", "λ", "log10 V_P(r)", "status")


def sweep_text(
    factors: Sequence[Factor],
    points: Sequence[SweepPoint],
    judged: Sequence[Verdict],
    failed: Sequence[FailedPoint] = (),
) -> RenderableType:
    """Return a sweep as a table that ends with the points that failed and the direction verdicts."""
    table = Table(box=None, header_style="bold")
    for factor in factors:
        table.add_column(factor.key, justify="right" if factor.ordered else "left", no_wrap=True)
    for name in ("P", "zero mode", "central", "atom", "D", "95 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    for point in points:
        modes = point.modes
        table.add_row(
            *map(setting_text, point.settings),
            f"{point.facts.parameters:,}",
            _number(modes.zero_mass.estimate),
            _number(modes.central_mass.estimate),
            _number(modes.atom_mass.estimate),
            _number(modes.dominance.estimate),
            _ends(modes.dominance),
        )
    for gone in without_networks(failed):
        table.add_row(*map(setting_text, gone.settings), "failed", *["-"] * 5)
    lines = [Text(verdict_line(verdict), no_wrap=True, overflow="ignore") for verdict in judged]
    if not judged:
        lines = [Text("No direction: that needs a factor with two or more numbers for values.")]
    lines[:0] = [Text(f"!!! {failure_line(factors, point)}") for point in failed]
    mixed = [point_name(factors, point.settings) for point in points if point.mixed]
    if mixed:
        lines.insert(0, Text(f"!!! mixed: parts of {', '.join(mixed)} were drawn in different environments"))
    return Group(table, Text(""), *lines, *_tail_part(factors, points))


def failure_line(factors: Sequence[Factor], point: FailedPoint) -> str:
    """Return which point failed and why, in a line."""
    kept = f" ({point.samples:,} networks of it are kept)" if point.samples else ""
    return f"{point_name(factors, point.settings)} failed{kept}: {' '.join(point.reason.split())}"


def without_networks(failed: Sequence[FailedPoint]) -> list[FailedPoint]:
    """Return the failed points of which nothing is there."""
    return [point for point in failed if not point.samples]


def _tail_part(factors: Sequence[Factor], points: Sequence[SweepPoint]) -> list[RenderableType]:
    """Return volumes at equal loss as a table, and whether they contract; nothing without deep tails."""
    compared = compare_tails(factors, points)
    if compared is None:
        return []
    table = Table(box=None, header_style="bold")
    for factor in factors:
        table.add_column(factor.key, justify="right" if factor.ordered else "left", no_wrap=True)
    for name in TAIL_HEADINGS:
        table.add_column(name, justify="left" if name == "status" else "right", no_wrap=True)
    for row in tail_rows(points, compared):
        table.add_row(*row)
    heading = (
        f"Deep tail: V at the smallest loss that all have come to, log10 L = {compared.log10_loss:.3f}, "
        "beside the ball of P dimensions with the typical radius of the weights"
    )
    lines = [
        Text(line, no_wrap=True, overflow="ignore")
        for verdict in compared.verdicts
        for line in tail_verdict_lines(verdict)
    ]
    return [Text(""), Text(heading), Text(""), table, Text(""), *lines]


def tail_rows(points: Sequence[SweepPoint], compared: TailComparison) -> list[list[str]]:
    """Return the settings of each point and what :data:`TAIL_HEADINGS` name, as text."""
    rows = []
    for point, volume, std, sphere in zip(
        points, compared.log10_volume, compared.std, compared.log10_sphere, strict=True
    ):
        known = point.tail.exponent if point.tail else None
        rows.append(
            [
                *map(setting_text, point.settings),
                f"{point.facts.parameters:,}",
                _places(volume, 2),
                _places(std, 2),
                _places(known[0], 3) if known else "-",
                _places(sphere, 1),
                point.tail.status if point.tail else "-",
            ]
        )
    return rows


def tail_verdict_lines(verdict: TailVerdict) -> tuple[str, str]:
    """Return in words whether volume at equal loss contracts with a factor, and whether balls do."""
    held = f" at {verdict.held[0]} = {verdict.held[1]}" if verdict.held else ""
    found = verdict.volume
    numbers = "it is undefined or constant"
    if math.isfinite(found.tau):
        numbers = (
            f"Kendall τ-b = {found.tau:.2f} [{found.low:.2f}, {found.high:.2f}], p = {found.p_value:.2g}"
        )
    return (
        f"More {verdict.factor.key}{held}: V at equal loss is {_word(found)} ({numbers})",
        f"More {verdict.factor.key}{held}: the ball of P dimensions is {_word(verdict.sphere)}",
    )


def _word(direction: Direction) -> str:
    return "without direction" if direction.verdict == NO_DIRECTION else direction.verdict


def _places(value: float, places: int) -> str:
    return f"{value:z.{places}f}" if math.isfinite(value) else "-"


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
