"""Axes of plots in cells: their ends, ticks, and which cell a value is in. Knows nothing of the screen.

Where nobody asked for a range, an axis is even: from one tick to the next it is a whole number of cells, and
so is the far end chosen, a little beyond the data. Ends stay put while the data grow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from geomreg_tui.statistics.ticks import ticks, ticks_every

__all__ = ["COLUMNS_APART", "HeldScale", "Scale", "held_ceiling", "lines_apart", "rounded_ends"]

COLUMNS_APART = 9  # cells from one tick to the next along a line, at least
_LINES_APART, _TALLEST = 2, 8  # lines from one tick to the next, at least; and ticks on a tall axis, about
_STEPS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_SLACK = 1.4  # an axis that is at most this much too long is left alone
_MANTISSAS, _DECADES = (1, 2, 5), (1, 2, 3, 5)  # of steps between ticks
_TOO_LONG = 1.4  # times as long as what is on it an even axis is not
_FEWEST, _MISSED = 3, 0.4  # ticks that are wanted, and how much longer an axis may be for one more
_AT_END = 0.15  # how much longer an upright axis may be, so that no tick is beyond its last line
_ROOM = 3  # cells from tick to tick from which the last can be one nearer
_WIDEST = 3  # times as many cells apart as needed may ticks be
_DIGITS = (2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0)
_LABELLED = (1, 2, 5)  # digits that are labelled where decades are far apart
_NARROWEST = math.log10(2)  # decades between two of these
_ROUNDING = 1e-9  # of a step


def held_ceiling(value: float, held: float | None = None) -> float:
    """Return a round number not below ``value``: the one ``held`` before, while it is not far too large.

    Held ends keep the rows of a plot as they are from one frame to the next.
    """
    if not (math.isfinite(value) and value > 0):
        return held or 1.0
    if held is not None and value <= held <= value * _SLACK:
        return held
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (*_STEPS, 20.0) if step * power >= value * (1 - 1e-12))


def lines_apart(lines: int) -> int:
    """Return how many lines there are from one tick to the next, at least, on an axis of so many."""
    return max(_LINES_APART, lines // _TALLEST)


def rounded_ends(low: float, high: float, *, whole: bool) -> tuple[float, float]:
    """Return ends of a log axis, rounded outward to half decades or to about a tenth of what is between.

    Rounded ends stay where they are while the sample grows.
    """
    step = 0.5 if whole else 10.0 ** round(math.log10(max(high - low, 1e-6)) - 1)
    first, last = math.floor(low / step), math.ceil(high / step + 1e-9)
    return first * step, max(last, first + 1) * step


class Scale(NamedTuple):
    """One axis of a plot: its ends and its ticks.

    Attributes:
        low, high: ends, in the units of the axis: base-10 logarithms where it is a log axis.
        ticks: positions, with :attr:`labels`.
        log: whether it is a log axis.
    """

    low: float
    high: float
    ticks: tuple[float, ...]
    labels: tuple[str, ...]
    log: bool = False

    @classmethod
    def linear(
        cls, low: float, high: float, wanted: int, *, cells: int | None = None, longest: int | None = None
    ) -> Scale:
        """Return an axis with about ``wanted`` ticks at round numbers; see :func:`~.ticks.ticks`."""
        return cls(low, high, *ticks(low, high, wanted, cells=cells, longest=longest))

    @classmethod
    def decades(cls, low: float, high: float, wanted: int, *, cells: int | None = None) -> Scale:
        """Return an axis of base-10 logarithms whose labels are the values, as in ``1e-3`` at -3."""
        return cls(low, high, *ticks(low, high, wanted, log=True, cells=cells), log=True)

    @classmethod
    def even(
        cls, low: float, high: float, cells: int, apart: int, *, log: bool = False, down: bool = False
    ) -> Scale:
        """Return an axis that holds a range and whose ticks are a whole number of cells apart.

        It begins at a tick at or below ``low`` (with ``down`` its last cell has one at or above ``high``) and
        reaches as little beyond the other end as cells allow. Where that is far too much, as with a range of
        a fraction of a decade, the ends are those given.

        Args:
            low, high: ends of the range, ``low`` below ``high``; logarithms where ``log``.
            cells: length of the axis.
            apart: least cells from one tick to the next.
            log: whether it is one of base-10 logarithms: ticks are then whole decades apart.
            down: whether the upper end is the one that is a tick.
        """
        best: tuple[float, Scale] | None = None
        for step, each in _spacings(high - low, cells, apart, log):
            first = math.floor(low / step + _ROUNDING) * step
            last = first + step * cells / each
            if down:  # in the middle of the last cell, so that ticks are even there too
                last = math.ceil(high / step - _ROUNDING) * step + step / each / 2
                first = last - step * cells / each
            beyond = (last - first) / (high - low)
            worth = beyond * (1 + _MISSED * max(0, _FEWEST - cells // each - 1))
            worth *= 1 + _AT_END * (apart < COLUMNS_APART and not down and cells % each == 0)
            if first > low + _ROUNDING * step or last < high - _ROUNDING * step:
                continue
            if beyond <= _TOO_LONG and (best is None or worth < best[0] - _ROUNDING):
                best = worth, cls(first, last, *_even_ticks(first, last, step, each, log), log)
        if best is None:
            room = cells if apart >= COLUMNS_APART else None  # upwards no two labels are on one line
            return (cls.decades if log else cls.linear)(low, high, max(2, cells // apart), cells=room)
        return best[1]

    def share(self, value: float) -> float:
        """Return how far along the axis a value lies: 0 at the low end, 1 at the high end."""
        return (value - self.low) / (self.high - self.low)

    def cell(self, value: float, cells: int) -> int | None:
        """Return the cell of an axis of so many that a value lies in; None where it lies beyond the ends."""
        share = self.share(value)
        if not -_ROUNDING <= share <= 1 + _ROUNDING:
            return None
        return max(0, min(math.floor(share * cells + _ROUNDING), cells - 1))

    def middle(self, cell: int, cells: int) -> float:
        """Return the value in the middle of a cell."""
        return self.low + (cell + 0.5) / cells * (self.high - self.low)

    def minor(self, cells: int) -> tuple[float, ...]:
        """Return the places of the ticks without label on a log axis of so many cells; none on another.

        They are the digits of each decade, as many as have a cell of their own; or the decades between
        ticks that are several decades apart.
        """
        if not self.log:
            return ()
        decade = cells / (self.high - self.low)
        first, last = math.floor(self.low), math.ceil(self.high)
        if decade < 1:
            return ()
        places = [float(power) for power in range(first, last + 1)]
        for digits in (_DIGITS, (2.0, 5.0), (3.0,), ()):
            gaps = [b / a for a, b in zip((1.0, *digits), (*digits, 10.0), strict=True)]
            if min(map(math.log10, gaps)) * decade >= 1:
                places += [power + math.log10(digit) for power in range(first, last + 1) for digit in digits]
                break
        taken = {round(tick, 9) for tick in self.ticks}
        return tuple(
            place
            for place in sorted(places)
            if self.low <= place <= self.high and round(place, 9) not in taken
        )


class HeldScale:
    """An even axis that stays as it is from frame to frame while it is neither short nor far too long."""

    def __init__(self) -> None:
        self._last: tuple[tuple[int, int, bool, bool], Scale] | None = None

    def forget(self) -> None:
        """Choose the ends anew next time."""
        self._last = None

    def even(
        self, low: float, high: float, cells: int, apart: int, *, log: bool = False, down: bool = False
    ) -> Scale:
        """Return the axis; for the arguments see :meth:`Scale.even`."""
        key = cells, apart, log, down
        if self._last is not None and self._last[0] == key:
            scale = self._last[1]
            if scale.low <= low and high <= scale.high <= scale.low + _SLACK * _TOO_LONG * (high - low):
                return scale
        scale = Scale.even(low, high, cells, apart, log=log, down=down)
        self._last = key, scale
        return scale


def _spacings(span: float, cells: int, apart: int, log: bool) -> Iterator[tuple[float, int]]:
    """Yield steps between ticks, with the cells that one of them takes, for an axis not far too long."""
    for each in range(max(1, apart), max(1, apart) * _WIDEST + 1):
        power = math.floor(math.log10(span * each / cells))
        for exponent in (power, power + 1):
            if not log or exponent >= 0:
                steps = _DECADES if log else _MANTISSAS
                yield from ((float(f"{step}e{exponent}"), each) for step in steps)
    if log:  # decades further apart than that, where the range is a few of them
        yield from ((1.0, each) for each in range(apart * _WIDEST + 1, int(cells / span) + 1))


def _even_ticks(
    low: float, high: float, step: float, each: int, log: bool
) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Return the ticks of an even axis and their labels; where decades are far apart 2 and 5 have one too."""
    # A tick at the very end would be in the last cell, next to the one before.
    short = step / each / 4 if each < _ROOM else 0.0
    found = ticks_every(low, high - short, step, log=log)
    if log and step == 1:
        more = ticks_every(low, high, step, log=True, digits=_LABELLED)
        if max(map(len, more[1])) + 1 <= math.floor(each * _NARROWEST):
            return more
    return found
