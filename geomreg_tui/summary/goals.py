"""The goals of a deep tail as a person writes them. Torch-free, so that they are judged quickly."""

from __future__ import annotations

import math

from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.experiment import parse_count, read_number
from geomreg_tui.summary.descent import TailPlan
from geomreg_tui.summary.tail import DEEPEST, KERNEL_NAMES, MOST_REPEATS, POPULATIONS

__all__ = ["DEPTH", "POPULATION", "REPEATS", "parse_plan", "parse_seconds"]

DEPTH = "-50"
POPULATION, REPEATS = "1000", "8"


def parse_plan(
    to_loss: str | None = None,
    to_log10_volume: str | None = None,
    population: str | None = None,
    repeats: str | None = None,
    move: str | None = None,
    max_seconds: str | None = None,
) -> TailPlan:
    """Return how deep to go; every argument as the person wrote it, None for the default.

    Raises:
        ExperimentError: with one problem for each argument that is no good.
    """
    problems: list[Problem] = []

    def number(name: str, text: str | None, default: float, low: float, high: float, rule: str) -> float:
        if text is None:
            return default
        try:
            value = read_number(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            problems.append(Problem(name, repr(text), f"allowed is {rule}"))
        return value

    def whole(name: str, text: str | None, default: str, low: int, high: int) -> int:
        try:
            value = parse_count(text or default, name)
        except ExperimentError as error:
            problems.extend(error.problems)
            return low
        if not low <= value <= high:
            problems.append(Problem(name, repr(text), f"allowed is a whole number from {low} to {high:,}"))
        return value

    if to_loss is None and to_log10_volume is None:
        to_log10_volume = DEPTH
    plan = TailPlan(
        loss=number("to-loss", to_loss, 0.0, 5e-324, 1e300, "a loss above 0, such as 1e-6"),
        log10_volume=number(
            "to-log10-volume", to_log10_volume, -math.inf, DEEPEST, -1e-9, "a negative number, such as -50"
        ),
        population=whole("population", population, POPULATION, *POPULATIONS),
        repeats=whole("repeats", repeats, REPEATS, 1, MOST_REPEATS),
        seconds=parse_seconds(max_seconds, problems),
        kernel=move or "auto",
    )
    if plan.kernel not in KERNEL_NAMES:
        problems.append(Problem("move", repr(plan.kernel), f"allowed is one of {', '.join(KERNEL_NAMES)}"))
    if problems:
        raise ExperimentError(problems)
    return plan


def parse_seconds(text: str | None, problems: list[Problem]) -> float:
    """Return a time limit, infinite for None; what is wrong with it joins the problems."""
    if text is None:
        return math.inf
    try:
        seconds = read_number(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        problems.append(Problem("max-seconds", repr(text), "allowed is a number of seconds above 0"))
    return seconds
