"""Numbers as a person reads them."""

from __future__ import annotations

import math

from geomreg_tui import formatting
from geomreg_tui.statistics.intervals import Interval

__all__ = [
    "count_spelling",
    "count_text",
    "duration_text",
    "interval_text",
    "number_text",
]


def number_text(value: float, digits: int = 3) -> str:
    """Return a number with so many significant digits; ``?`` where it is undefined."""
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return formatting.number_text(value, digits, undefined="?")


def count_text(value: float) -> str:
    """Return a count in three digits: ``999``, ``1.2 k``, ``6.25 M``."""
    for size, suffix in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size * 0.9995:
            scaled = value / size
            return f"{scaled:.3g}{suffix}" if scaled < 999.5 else f"{scaled:.0f}{suffix}"
    return f"{value:.0f}"


def count_spelling(count: int) -> str:
    """Return the shortest spelling of a count that reads back the same: ``1e6``, ``123456``."""
    text = formatting.number_text(count, 3)
    return text if float(text) == count else str(count)


def duration_text(seconds: float) -> str:
    """Return ``0:03``, ``12:34`` or ``1:02:03``."""
    whole = max(0, math.ceil(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def interval_text(interval: Interval, most_decimals: int = 6, digits: int = 3) -> str:
    """Return a share or D as ``0.412 [0.411, 0.413]``, with the decimals that the interval deserves.

    Args:
        interval: the estimate and the ends.
        most_decimals: where the interval is narrower, it is shown wider than it is.
        digits: significant digits of each, at least.
    """
    return formatting.interval_text(interval, digits, bounded=True, decimals=most_decimals)
