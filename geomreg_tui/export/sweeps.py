"""The result of a sweep as text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from geomreg_tui.analysis import Direction
from geomreg_tui.analysis.trends import NO_DIRECTION
from geomreg_tui.columns import table_lines, wrapped_lines
from geomreg_tui.engine.sweep import Factor, SweepPoint, Verdict, point_name
from geomreg_tui.engine.sweep_tail import TailComparison, TailVerdict, compare_tails
from geomreg_tui.errors import plain_text
from geomreg_tui.export.wording import log_text, mass_text
from geomreg_tui.formatting import decimal_text, exact_text, interval_text, probability_text, share_text

__all__ = ["TAIL_HEADINGS", "sweep_text", "tail_rows", "tail_verdict_lines", "verdict_line"]

TAIL_HEADINGS = ("P", "log10 V", "std", "λ", "log10 V_P(r)", "status")
_SMALLEST_P = 1e-300


def sweep_text(
    factors: Sequence[Factor],
    points: Sequence[SweepPoint],
    judged: Sequence[Verdict],
    width: int | None = None,
) -> str:
    """Return a sweep as a table that ends with the direction verdicts.

    Args:
        factors: what was varied.
        points: what came out.
        judged: the direction of each ordered factor.
        width: cells that a line may take; None for no limit.
    """
    names = [factor.key for factor in factors]
    headings = [*names, "P", "zero mode", "central", "atom", "D [95 %]"]
    rows = []
    for point in points:
        modes = point.modes
        masses = (modes.zero_mass, modes.central_mass, modes.atom_mass)
        rows.append(
            [
                *map(exact_text, point.settings),
                f"{point.facts.parameters:,}",
                *(share_text(mass.estimate, undefined="-") for mass in masses),
                mass_text(modes.dominance) if math.isfinite(modes.dominance.estimate) else "-",
            ]
        )
    lines = table_lines(headings, rows, width, left=_words(factors))
    lines.append("")
    mixed = [point_name(factors, point.settings) for point in points if point.mixed]
    said = [verdict_line(verdict) for verdict in judged]
    if mixed:
        said.insert(0, f"!!! mixed: parts of {', '.join(mixed)} were drawn in different environments")
    if not judged:
        said.append("No direction: that needs a factor with two or more numbers for values.")
    lines += [part for line in said for part in wrapped_lines(line, width, 2)]
    return plain_text("\n".join([*lines, *_tail_part(factors, points, width)]))


def _words(factors: Sequence[Factor]) -> list[int]:
    """Return the places of the factors whose values are words, which are set to the left."""
    return [place for place, factor in enumerate(factors) if not factor.ordered]


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
    left = [*_words(factors), len(headings) - 1]
    table = table_lines(headings, tail_rows(points, compared), width, left=left, wrap_last=True)
    said = [line for verdict in compared.verdicts for line in tail_verdict_lines(verdict)]
    verdicts = [part for line in said for part in wrapped_lines(line, width, 2)]
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
    numbers = _tau_text(verdict.volume) or "it is undefined or constant"
    return (
        f"{what}: V at equal loss is {_word(verdict.volume)} ({numbers})",
        f"{what}: the ball of P dimensions is {_word(verdict.sphere)}",
    )


def verdict_line(verdict: Verdict) -> str:
    """Return a direction in words, with its numbers."""
    found = verdict.direction
    numbers = _tau_text(found) or "D is undefined or constant"
    return f"More {verdict.factor.key}{_held(verdict.held)}: {found.verdict} ({numbers})"


def _held(held: tuple[str, object] | None) -> str:
    return f" at {held[0]} = {exact_text(held[1])}" if held else ""


def _tau_text(found: Direction) -> str:
    """Return rank correlation, interval and p-value; nothing where they are undefined."""
    if not math.isfinite(found.tau):
        return ""
    tau = interval_text((found.tau, found.low, found.high), 2, bounded=True)
    return f"Kendall τ-b = {tau}, p {probability_text(found.p_value, _SMALLEST_P, 2)}"


def _word(direction: Direction) -> str:
    return "without direction" if direction.verdict == NO_DIRECTION else direction.verdict
