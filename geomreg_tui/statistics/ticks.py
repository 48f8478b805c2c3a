"""Ticks of an axis: round values in the units that the axis names, spelled so that they read back exactly."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import pairwise

__all__ = ["ticks", "ticks_every"]

_Ticks = tuple[tuple[float, ...], tuple[str, ...]]

_STEPS = (1, 2, 5)
_SLACK = 1e-9  # of the axis: a tick so little beyond its end is on it
_FINER = 12  # steps that are tried below the one that was asked for
_PLAIN = (-4, 5)  # powers of ten between which numbers are spelled without an exponent
_MANY = 100  # ticks are never so many
_SPARSER = 400  # times as many decades apart may ticks be


def ticks(
    low: float,
    high: float,
    most: int,
    *,
    log: bool = False,
    cells: int | None = None,
    longest: int | None = None,
) -> _Ticks:
    """Return the places of the ticks of an axis and their labels: at most about ``most``, at least two.

    Every label is a number that ``float`` reads, of the quantity on the axis itself: on an axis of base-10
    logarithms too, where a tick labelled ``0.5`` is at log10 0.5. Only where no two labels fit, as on an axis
    of few cells whose values agree in many digits, is there one.

    Args:
        low, high: ends of the axis, ``low`` below ``high``; their base-10 logarithms where ``log``.
        most: number of ticks wanted.
        log: whether the axis is one of base-10 logarithms.
        cells: length of an axis along which labels are written, in characters; they must not meet.
        longest: characters that a label may have.
    """
    best: _Ticks | None = None
    alone: _Ticks | None = None
    for values in _candidates(low, high, max(2, most), log):
        labels = tuple(_labels(values, log))
        places = tuple(_log10(value) if log else float(value) for value in values)
        if len(set(labels)) < len(labels) or any(a >= b for a, b in pairwise(places)):
            continue
        if longest is not None and max(map(len, labels)) > longest:
            continue
        if cells is None or _apart(places, labels, low, high, cells):
            return places, labels
        best = best or _two_that_fit(places, labels, low, high, cells)
        alone = alone or _one_that_fits(places, labels, cells)
    return best or alone or ((), ())


def ticks_every(
    low: float, high: float, step: float, *, log: bool = False, digits: Sequence[int] = (1,)
) -> _Ticks:
    """Return the places of all multiples of a step on an axis, and their labels.

    Args:
        low, high: ends of the axis, ``low`` below ``high``; their base-10 logarithms where ``log``.
        step: from one tick to the next, above 0; whole decades where ``log``.
        log: whether the axis is one of base-10 logarithms.
        digits: on a log axis, which multiples of each power of ten have a tick.
    """
    exact = Decimal(repr(step))
    slack = exact * Decimal(_SLACK)
    first = int(((Decimal(low) - slack) / exact).to_integral_value(ROUND_CEILING))
    last = int(((Decimal(high) + slack) / exact).to_integral_value(ROUND_FLOOR))
    values = [exact * k for k in range(first, last + 1)]
    if log:
        powers = [int(value) for value in values]
        if tuple(digits) != (1,):
            powers = list(range(math.floor(low + _SLACK), math.floor(high + _SLACK) + 1))
        values = [Decimal(digit).scaleb(power) for power in powers for digit in digits]
        values = [value for value in values if low - _SLACK <= _log10(value) <= high + _SLACK]
    places = tuple(_log10(value) if log else float(value) for value in values)
    return places, tuple(_labels(values, log)) if values else ()


def _candidates(low: float, high: float, most: int, log: bool) -> Iterator[list[Decimal]]:
    """Yield lists of values, two or more each, that can be ticks, the most suitable first."""
    if log:
        first, last = math.ceil(low - _SLACK), math.floor(high + _SLACK)
        every = max(1, math.ceil((high - low) / most))
        for step in range(every, every * _SPARSER):
            powers = [k for k in range(first, last + 1) if k % step == 0]
            if len(powers) < 2:
                powers = list(range(first, last + 1, step))
            if len(powers) < 2:
                break
            yield [Decimal(1).scaleb(k) for k in powers]
        if high - low < 4:
            within = range(math.floor(low), math.floor(high) + 1)
            for digits in ((1, 2, 5), (1, 3), (1, 2), (1, 5), (2, 5)):
                values = [Decimal(d).scaleb(k) for k in within for d in digits]
                values = [v for v in values if low - _SLACK <= _log10(v) <= high + _SLACK]
                if 3 <= len(values) <= most + 1:
                    yield values
            yield from _multiples(_power(low), _power(high), most)
        return
    yield from _multiples(Decimal(low), Decimal(high), most)


def _multiples(low: Decimal, high: Decimal, most: int) -> Iterator[list[Decimal]]:
    """Yield the multiples of round steps between two ends: about ``most`` at first, then fewer, then more."""
    rough = (high - low) / most
    power = rough.adjusted()
    steps = [Decimal(s).scaleb(k) for k in range(power - 4, power + 3) for s in _STEPS]
    start = next(place for place, step in enumerate(steps) if step >= rough * Decimal(1 - _SLACK))
    order = [*range(start, len(steps)), *range(start - 1, max(-1, start - 1 - _FINER), -1)]
    slack = (high - low) * Decimal(_SLACK)
    for place in order:
        step = steps[place]
        first = int(((low - slack) / step).to_integral_value(ROUND_CEILING))
        last = int(((high + slack) / step).to_integral_value(ROUND_FLOOR))
        if 0 < last - first <= _MANY:
            yield [step * k for k in range(first, last + 1)]


def _power(exponent: float) -> Decimal:
    """Return 10 to an exponent, however large."""
    whole = math.floor(exponent)
    return Decimal(10.0 ** (exponent - whole)).scaleb(whole)


def _log10(value: Decimal) -> float:
    """Return the logarithm of a positive value, to the last digit for powers of ten."""
    power = value.adjusted()
    return power + math.log10(float(value.scaleb(-power)))


def _labels(values: list[Decimal], log: bool) -> Iterator[str]:
    """Yield the values in one spelling for all; on a log axis powers of ten as such."""
    known = [value.normalize() for value in values if value]
    if log and all(value.as_tuple().digits == (1,) for value in known):
        yield from (f"1e{value.adjusted()}" for value in known)
        return
    largest = max(value.adjusted() for value in known)
    last = min(int(value.as_tuple().exponent) for value in known)
    plain = _PLAIN[0] <= last and largest < _PLAIN[1]
    for value in values:
        if not value:
            yield "0" if not plain or last >= 0 else f"{0:.{-last}f}"
        elif plain:
            yield f"{value:.{max(0, -last)}f}"
        else:
            normal = value.normalize()
            power = normal.adjusted()
            yield f"{format(normal.scaleb(-power), 'f')}e{power}"


def _apart(places: tuple[float, ...], labels: tuple[str, ...], low: float, high: float, cells: int) -> bool:
    """Return whether no two labels, each in the middle over its place, meet within an axis of ``cells``."""
    end = -math.inf
    for place, label in zip(places, labels, strict=True):
        start = _start(place, label, low, high, cells)
        if start < end + 1:
            return False
        end = start + len(label)
    return True


def _start(place: float, label: str, low: float, high: float, cells: int) -> float:
    """Return the cell in which a label begins, in the middle over its place."""
    middle = math.floor((place - low) / (high - low) * cells)
    return min(max(0, middle - len(label) // 2), cells - len(label))


def _two_that_fit(
    places: tuple[float, ...], labels: tuple[str, ...], low: float, high: float, cells: int
) -> _Ticks | None:
    """Return the two ticks furthest apart whose labels do not meet, None where there are none."""
    count = len(places)
    for wide in range(count - 1, 0, -1):
        for first in range(count - wide):
            pair = (places[first], places[first + wide]), (labels[first], labels[first + wide])
            if _apart(*pair, low, high, cells):
                return pair
    return None


def _one_that_fits(places: tuple[float, ...], labels: tuple[str, ...], cells: int) -> _Ticks | None:
    """Return the tick of the shortest label; None where even that is too long."""
    length, place, label = min(
        (len(label), place, label) for place, label in zip(places, labels, strict=True)
    )
    return ((place,), (label,)) if length <= cells else None
