"""The result of a sweep as text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from geomreg_tui.columns import table_lines, wrapped_lines
from geomreg_tui.errors import plain_text
from geomreg_tui.formatting import (
    decimal_text,
    exact_text,
    interval_text,
    probability_text,
    share_text,
)
from geomreg_tui.report.sweep_measures import factor_words, known_text, observed_part, training_part
from geomreg_tui.report.wording import log_text, mass_text, ratio_text
from geomreg_tui.statistics import Direction
from geomreg_tui.statistics.landmark import SAMPLED
from geomreg_tui.statistics.trends import LANDMARK, LOG10_RATIO, NO_DIRECTION
from geomreg_tui.sweeps.plan import Factor, point_name
from geomreg_tui.sweeps.result import FailedPoint, SweepPoint
from geomreg_tui.sweeps.verdicts import GridVerdict, Verdict
from geomreg_tui.sweeps.volumes import TailComparison, TailVerdict, compare_tails

__all__ = [
    "MEASURES",
    "TAIL_HEADINGS",
    "direction_lines",
    "direction_numbers",
    "failure_line",
    "sweep_text",
    "tail_rows",
    "tail_verdict_lines",
    "verdict_line",
    "without_networks",
]

TAIL_HEADINGS = ("P", "log10 V", "std", "λ", "log10 V_P(r)", "status")
MEASURES = {LANDMARK: "D_0", LOG10_RATIO: "log10 ratio"}
_SMALLEST_P = 1e-300


def sweep_text(
    factors: Sequence[Factor],
    points: Sequence[SweepPoint],
    judged: Sequence[Verdict],
    judged_grid: Sequence[GridVerdict],
    width: int | None = None,
    failed: Sequence[FailedPoint] = (),
) -> str:
    """Return a sweep as a table that ends with the points that failed and the direction verdicts.

    Args:
        factors: what was varied.
        points: what came out.
        judged: the direction of each ordered factor.
        judged_grid: the same over the whole grid of two factors.
        width: cells that a line may take; None for no limit.
        failed: points that could not be finished.
    """
    names = [factor.key for factor in factors]
    deep = any(point.landmark.zero_side != SAMPLED for point in points)
    headings = [*names, "P", "D_0 [95 %]", *(["log10 ratio"] if deep else [])]
    headings += ["D_E", "zero mode", "central", "at L_0", "dead"]
    rows = []
    for point in points:
        modes = point.modes
        shares = point.distribution.at_null_share, point.distribution.dead
        masses = (modes.zero_mass, modes.central_mass, *shares)
        rows.append(
            [
                *map(exact_text, point.settings),
                f"{point.facts.parameters:,}",
                known_text(mass_text(point.landmark.landmark)),
                *([known_text(ratio_text(point.landmark))] if deep else []),
                *(share_text(mass.estimate, undefined="-") for mass in (modes.excess, *masses)),
            ]
        )
    for gone in without_networks(failed):
        rows.append([*map(exact_text, gone.settings), "failed", *["-"] * (len(headings) - len(names) - 1)])
    lines = table_lines(headings, rows, width, left=factor_words(factors))
    lines.append("")
    mixed = [point_name(factors, point.settings) for point in points if point.mixed]
    said = []
    if mixed:
        said.append(f"!!! mixed: parts of {', '.join(mixed)} were drawn in different environments")
    said[:0] = [f"!!! {failure_line(factors, point)}" for point in failed]
    if not judged:
        said.append("No direction: that needs a factor with two or more numbers for values.")
    lines += [part for line in said for part in wrapped_lines(line, width, 2)]
    lines += [part for line in direction_lines(judged, judged_grid) for part in _verdict_lines(line, width)]
    lines += _tail_part(factors, points, width)
    lines += observed_part(factors, points, width)
    lines += training_part(factors, points, width)
    return plain_text("\n".join(lines))


def direction_lines(judged: Sequence[Verdict], judged_grid: Sequence[GridVerdict]) -> list[str]:
    """Return in words the direction of each factor, and of each over the whole grid where there are two."""
    lines = [verdict_line(verdict) for verdict in judged]
    return lines + [line for verdict in judged_grid for line in _grid_lines(verdict)]


def _grid_lines(verdict: GridVerdict) -> tuple[str, str]:
    """Return in words where a factor pushes the balance over a grid, and whether that differs along it."""
    found, across = verdict.direction, verdict.across.key
    what = MEASURES[found.measure]
    said = "no difference of its effect is resolved"
    if found.interacts:
        sizes = {value: effect.estimate for value, effect in zip(verdict.values, found.effects, strict=True)}
        ordered = sorted(sizes, key=lambda value: sizes[value])
        least, most = ordered[0], ordered[-1]
        said = (
            f"its effect differs: {decimal_text(sizes[least])} at {across} = {exact_text(least)}, "
            f"{decimal_text(sizes[most])} at {across} = {exact_text(most)}"
        )
    if math.isfinite(found.p_value):
        said += f" (p {probability_text(found.p_value, _SMALLEST_P, 2)})"
    mean = interval_text(found.mean_effect)
    return (
        f"More {verdict.factor.key} on the whole grid: {found.verdict} (mean {what} end to end {mean})",
        f"More {verdict.factor.key} at every {across}: {said}",
    )


def failure_line(factors: Sequence[Factor], point: FailedPoint) -> str:
    """Return which point failed and why, in a line."""
    kept = f" ({point.samples:,} networks of it are kept)" if point.samples else ""
    return f"{point_name(factors, point.settings)} failed{kept}: {' '.join(point.reason.split())}"


def without_networks(failed: Sequence[FailedPoint]) -> list[FailedPoint]:
    """Return the failed points of which nothing is there."""
    return [point for point in failed if not point.samples]


def _tail_part(factors: Sequence[Factor], points: Sequence[SweepPoint], width: int | None) -> list[str]:
    """Return volumes at equal loss as a table, and whether they contract; nothing without deep tails."""
    compared = compare_tails(factors, points)
    if compared is None:
        return []
    heading = (
        "Deep tail: V at the smallest loss that all have come to, "
        f"log10 L = {log_text(compared.log10_loss)}, "
        "beside the ball of P dimensions with the typical radius of the weights"
    )
    headings = [*(factor.key for factor in factors), *TAIL_HEADINGS]
    left = [*factor_words(factors), len(headings) - 1]
    table = table_lines(headings, tail_rows(points, compared), width, left=left, wrap_last=True)
    said = [line for verdict in compared.verdicts for line in tail_verdict_lines(verdict)]
    verdicts = [part for line in said for part in _verdict_lines(line, width)]
    return ["", *wrapped_lines(heading, width), "", *table, "", *verdicts]


def tail_rows(points: Sequence[SweepPoint], compared: TailComparison) -> list[list[str]]:
    """Return the settings of each point and what :data:`TAIL_HEADINGS` name, as text."""
    rows = []
    for point, volume, std, sphere in zip(
        points, compared.log10_volume, compared.std, compared.log10_sphere, strict=True
    ):
        known = point.tail.exponent if point.tail else None
        rows.append(
            [
                *map(exact_text, point.settings),
                f"{point.facts.parameters:,}",
                decimal_text(float(volume), 2, undefined="-"),
                decimal_text(float(std), 2, undefined="-"),
                log_text(known[0]) if known else "-",
                decimal_text(float(sphere), 1, undefined="-"),
                point.tail.status if point.tail else "-",
            ]
        )
    return rows


def tail_verdict_lines(verdict: TailVerdict) -> tuple[str, str]:
    """Return in words whether volume at equal loss contracts with a factor, and whether balls do."""
    what = f"More {verdict.factor.key}{_held(verdict.held)}"
    numbers = direction_numbers(verdict.volume, "log10 V") or "it is undefined or constant"
    return (
        f"{what}: V at equal loss is {_word(verdict.volume)} ({numbers})",
        f"{what}: the ball of P dimensions is {_word(verdict.sphere)}",
    )


def verdict_line(verdict: Verdict) -> str:
    """Return a direction in words, with its numbers."""
    found = verdict.direction
    what = MEASURES[found.measure]
    numbers = direction_numbers(found, what) or f"{what} is undefined or constant"
    return f"More {verdict.factor.key}{_held(verdict.held)}: {found.verdict} ({numbers})"


def _verdict_lines(line: str, width: int | None) -> list[str]:
    """Return a verdict as lines, its numbers on one of their own where both do not fit."""
    verdict, opened, numbers = line.partition(" (")
    if not opened or len(wrapped_lines(line, width)) == 1:
        return wrapped_lines(line, width, 2)
    return [*wrapped_lines(verdict, width, 2), *wrapped_lines(f"  ({numbers}", width, 2)]


def _held(held: tuple[str, object] | None) -> str:
    return f" at {held[0]} = {exact_text(held[1])}" if held else ""


def direction_numbers(found: Direction, what: str) -> str:
    """Return the change from end to end, tau-b and, from five values on, p; nothing where tau is undefined.

    Args:
        found: the direction.
        what: the name of the measure.
    """
    if not math.isfinite(found.tau):
        return ""
    text = f"{what} end to end {interval_text(found.effect)}"
    text += f", Kendall τ-b = {interval_text((found.tau, found.low, found.high), 2, bounded=True)}"
    if math.isfinite(found.p_value):
        text += f", p {probability_text(found.p_value, _SMALLEST_P, 2)}"
    return text


def _word(direction: Direction) -> str:
    return "without direction" if direction.verdict == NO_DIRECTION else direction.verdict
