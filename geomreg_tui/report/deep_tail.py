"""The deep tail in reports and files."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.columns import table_lines
from geomreg_tui.formatting import decimal_text, interval_text, margin_text, number_text, upper_text
from geomreg_tui.report.wording import log_text, spread
from geomreg_tui.splitting.curve import TailHeldOut
from geomreg_tui.splitting.floors import EXACT
from geomreg_tui.splitting.joined import DeepTail
from geomreg_tui.splitting.result import FAILED
from geomreg_tui.statistics.intervals import WIDTH

__all__ = [
    "HELD_OUT_HEADINGS",
    "agreement_text",
    "curve_headings",
    "curve_rows",
    "exponent_text",
    "failure_text",
    "floor_text",
    "goal_text",
    "held_out_rows",
    "populations_text",
    "tail_arrays",
    "tail_columns",
    "tail_lines",
]

HELD_OUT_HEADINGS = ("log10 training loss up to", "mean held-out loss [95 %]", "accuracy [95 %]")
_ROWS = 8
_INDENT = 14


def goal_text(deep: DeepTail) -> str:
    """Return V at the goal, or where the curve ends, with its interval; and where the goal was not met."""
    goal, curve = deep.goal, deep.curve
    if goal is None or curve is None:
        return "no population has come anywhere" + ("" if deep.over else " yet")
    loss, volume, low, high = goal
    text = decimal_text(volume)
    if math.isfinite(high):
        text = interval_text((volume, low, high), 4)
    return f"log10 V = {text} at log10 L = {decimal_text(loss)}"


def floor_text(deep: DeepTail) -> str:
    """Return the smallest loss and V there; empty where it is 0 or not known."""
    floor = None if deep.curve is None else deep.curve.floor
    if floor is None:
        return ""
    what = "no network has less" if floor.kind == EXACT else "none with less was met"
    text = f"smallest loss {number_text(10**floor.log10_loss, 6)}, {what}"
    if floor.log10_volume is not None:
        return f"{text}; log10 V = {decimal_text(floor.log10_volume)} there"
    return f"{text}; λ is that of V against L above it"


def failure_text(deep: DeepTail) -> str:
    """Return which populations failed and why; empty where none did."""
    if not deep.failures:
        return ""
    count = sum(population.status == FAILED for population in deep.tail.populations)
    return f"{count} of {deep.tail.plan.repeats} populations, left out: {'; '.join(deep.failures)}"


def agreement_text(deep: DeepTail) -> str:
    """Return how well the tail and plain sampling agree where both see."""
    if deep.agreement is None:
        return "plain sampling and the tail see no loss in common"
    apart = decimal_text(deep.agreement, 2)
    return f"differs from plain sampling by up to {apart} joint standard errors where both see"


def exponent_text(deep: DeepTail) -> str:
    """Return the local exponent at the deepest loss where it is known."""
    known = deep.exponent
    if known is None:
        return "not known"
    slope, std = known
    return decimal_text(slope) + (f" ± {margin_text(WIDTH * std)}" if math.isfinite(std) else "")


def populations_text(deep: DeepTail) -> str:
    """Return how many populations of how many particles the curve is made of, and how."""
    plan, count = deep.tail.plan, sum(population.evaluations for population in deep.tail.populations)
    which = f"{deep.in_curve} of {plan.repeats}" if deep.in_curve < plan.repeats else f"{plan.repeats}"
    return (
        f"{which} populations of {plan.population:,}, kernel {deep.tail.kernel} in {deep.tail.space} space, "
        f"{count:,} losses computed"
    )


def tail_lines(deep: DeepTail | None, indent: int = _INDENT, room: int | None = None) -> list[str]:
    """Return the deep tail as lines of a text report; none where no tail was asked for.

    Args:
        deep: the tail.
        indent: cells before tables.
        room: cells that a table may take; None for no limit.
    """
    if deep is None:
        return []
    lines = [
        f"Deep tail     {goal_text(deep)}",
        f"Status        {deep.status_text}",
        f"Populations   {populations_text(deep)}",
    ]
    lines += [f"Failed        {text}" for text in [failure_text(deep)] if text]
    lines += [f"Floor         {text}" for text in [floor_text(deep)] if text]
    if deep.curve is None:
        return lines
    lines += [f"Exponent λ    {exponent_text(deep)}", f"Agreement     {agreement_text(deep)}"]
    if deep.curve.log10_zero is not None:
        lines.append(f"Exact zeros   log10 V(0) = {decimal_text(deep.curve.log10_zero)}")
    rows = [row[:-1] for row in curve_rows(deep)]
    margin = " " * indent
    table = table_lines(curve_headings(deep, short=True)[:-1], rows, room)
    lines += [(margin + line).rstrip() for line in table]
    if deep.curve.log10_bound is not None:
        bound = upper_text(deep.curve.log10_bound, 2, 3)
        lines.append(f"{margin}nothing known below; there log10 V < {bound} (95 %)")
    held_out = deep.curve.held_out
    if held_out is not None:
        lines += ["", "Held out      given a training loss up to L, down the tail"]
        names = ("log10 L", "mean loss [95 %]", "accuracy [95 %]")
        table = table_lines(names, held_out_rows(held_out), room, left=(1, 2))
        lines += [(margin + line).rstrip() for line in table]
    return lines


def curve_headings(deep: DeepTail, *, short: bool = False) -> tuple[str, ...]:
    """Return the headings of :func:`curve_rows`."""
    floored = deep.curve is not None and deep.curve.floor is not None
    above = ("log10(L - floor)",) if floored else ()
    error = "std" if short else "standard error"
    return ("log10 L", *above, "log10 V(L)", error, "local exponent λ", "standard error of λ")


def curve_rows(deep: DeepTail) -> list[tuple[str, ...]]:
    """Return some points of the curve as text: log10 L, V, its error, the exponent, its error.

    Where there is a floor, log10 of L above it comes after log10 L.
    """
    curve = deep.curve
    if curve is None:
        return []
    columns: list[NDArray[np.float64]] = [
        curve.log10_loss,
        *([curve.log10_excess] if curve.floor is not None else []),
        curve.log10_volume,
        curve.std,
        curve.exponent,
        curve.exponent_std,
    ]
    places = sorted(spread(curve.log10_loss.size, _ROWS))
    return [tuple(log_text(float(column[place])) for column in columns) for place in places]


def held_out_rows(held_out: TailHeldOut) -> list[tuple[str, str, str]]:
    """Return held-out performance at some depths as text: log10 L, loss and accuracy with intervals."""
    rows = []
    for place in sorted(spread(held_out.log10_loss.size, _ROWS)):
        accuracy = "no classes"
        if held_out.accuracy is not None and held_out.accuracy_std is not None:
            accuracy = _with_interval(held_out.accuracy[place], held_out.accuracy_std[place], bounded=True)
        mean = _with_interval(held_out.mean_loss[place], held_out.mean_loss_std[place])
        rows.append((log_text(float(held_out.log10_loss[place])), mean, accuracy))
    return rows


def tail_columns(deep: DeepTail, below: float) -> dict[str, NDArray[Any]]:
    """Return the part of the tail below all sampled losses as bins, losses increasing, shape (bins,).

    ``log10_volume`` is V at the upper end of each; ends that are below the smallest float are 0.

    Args:
        deep: the tail.
        below: the smallest loss that was sampled; infinite without any.
    """
    first = math.log10(below) if below > 0 else -math.inf
    own = (deep.log10_loss <= min(first, deep.meets)) & (deep.curve is not None)
    ends = deep.log10_loss[own]
    with np.errstate(under="ignore"):
        high = np.power(10.0, ends)
    low = np.concatenate([np.zeros(min(high.size, 1)), high[:-1]])
    return {
        "loss_low": low,
        "loss_high": high,
        "count": np.zeros(high.size, np.int64),
        "log10_loss_high": ends,
        "log10_volume": deep.log10_volume[own],
        "log10_volume_std": deep.std[own],
    }


def tail_arrays(deep: DeepTail) -> dict[str, NDArray[np.float64]]:
    """Return the curve of the tail as named arrays, losses decreasing; none where it has not begun."""
    curve = deep.curve
    if curve is None:
        return {}
    arrays = {
        "tail_log10_loss": curve.log10_loss,
        "tail_log10_excess": curve.log10_excess,
        "tail_log10_volume": curve.log10_volume,
        "tail_log10_volume_std": curve.std,
        "tail_exponent": curve.exponent,
        "tail_exponent_std": curve.exponent_std,
    }
    if (held_out := curve.held_out) is not None:
        arrays |= {
            "tail_held_out_log10_loss": held_out.log10_loss,
            "tail_held_out_loss": held_out.mean_loss,
            "tail_held_out_loss_std": held_out.mean_loss_std,
        }
        if held_out.accuracy is not None and held_out.accuracy_std is not None:
            arrays |= {
                "tail_held_out_accuracy": held_out.accuracy,
                "tail_held_out_accuracy_std": held_out.accuracy_std,
            }
    return arrays


def _with_interval(value: float, std: float, *, bounded: bool = False) -> str:
    """Return an estimate with its interval; of a share, which is from 0 to 1, no further than that."""
    if not (math.isfinite(value) and math.isfinite(std)):
        return number_text(value)
    low, high = value - WIDTH * std, value + WIDTH * std
    if bounded:
        low, high = max(low, 0.0), min(high, 1.0)
    return interval_text((value, low, high), bounded=bounded)
