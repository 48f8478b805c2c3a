"""How numbers are written, in every report, table, page and pane.

The contract, for every finite float:

- ``float`` reads what is written (after commas between thousands are taken out of a count), and gives the
  value to the digits shown. Minus is the ASCII hyphen.
- ``0``, ``1`` and ``-1`` are written for exactly these values: nothing else is rounded to 0, and a share is
  not rounded to 1.
- An interval holds its estimate, and its ends are rounded outwards.

The last holds because estimate and ends are rounded to one set of numbers: multiples of a power of ten, finer
for smaller values (and for shares near 1), so that rounding keeps their order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

__all__ = [
    "UNBOUNDED",
    "UNDEFINED",
    "decimal_text",
    "exact_text",
    "interval_text",
    "margin_text",
    "number_text",
    "percent_text",
    "probability_text",
    "share_text",
    "size_text",
    "upper_text",
]

UNDEFINED = "undefined"
UNBOUNDED = "unbounded"
_MOST_DIGITS = 17  # tell any two floats apart
_DIGITS = 4  # of an estimate
_NO_LIMIT = 400  # a decimal exponent above that of any float
_COMPLEMENT_DIGITS = 2  # of 1 minus a share
_EXACT = Context(prec=2000)
# Decimal exponents of numbers that are written without an exponent.
_SMALLEST, _LARGEST = -4, 8


def number_text(value: float, digits: int = 4, undefined: str = UNDEFINED) -> str:
    """Return a number to so many significant digits: ``0.0035``, ``39.15``, ``1.2e-7``, ``3.9e34``.

    Args:
        value: any float.
        digits: significant digits; zeros at the end are left out.
        undefined: what stands for NaN.
    """
    if not math.isfinite(value):
        return _not_finite(value, undefined)
    return _short(f"{value + 0.0:.{digits}g}")  # the sum makes -0 a 0


def exact_text(value: object) -> str:
    """Return a value in its shortest spelling that reads back the same: ``16``, ``0.1``, ``1e-7``."""
    if not isinstance(value, float):
        return str(value)
    if not math.isfinite(value):
        return _not_finite(value, UNDEFINED)
    return _short(repr(value + 0.0).removesuffix(".0"))


def decimal_text(value: float, decimals: int = 3, undefined: str = UNDEFINED) -> str:
    """Return a number to so many decimals, and to two significant digits where those show fewer.

    Args:
        value: any float.
        decimals: digits after the point.
        undefined: what stands for NaN.
    """
    if not math.isfinite(value):
        return _not_finite(value, undefined)
    number = _decimal(value)
    return _written(_rounded(number, ROUND_HALF_EVEN, -decimals, 2, bounded=False))


def share_text(value: float, digits: int = 4, undefined: str = UNDEFINED) -> str:
    """Return a share, or another number from -1 to 1; ``0.99996`` and not ``1``, ``1.2e-7`` and not ``0``.

    Args:
        value: the share.
        digits: significant digits; near 1 there are two of 1 minus the share.
        undefined: what stands for NaN.
    """
    if not math.isfinite(value):
        return _not_finite(value, undefined)
    return _written(_rounded(_decimal(value), ROUND_HALF_EVEN, -digits, digits, bounded=True))


def percent_text(share: float, decimals: int = 1) -> str:
    """Return a share in percent, without the sign: ``12.3``, ``0.00012``, ``99.9985``; 0 and 100 exactly."""
    if not math.isfinite(share):
        return _not_finite(share, UNDEFINED)
    return _written(_rounded(_decimal(share), ROUND_HALF_EVEN, -decimals - 2, 1, bounded=True).scaleb(2))


def probability_text(value: float, smallest: float, digits: int = 3) -> str:
    """Return a p-value with its relation: ``= 0.0123``, or ``< 1e-5`` below what can be resolved.

    Args:
        value: the p-value; not NaN.
        smallest: the smallest p-value that is told apart from 0.
        digits: significant digits.
    """
    if value < smallest:
        return f"< {exact_text(smallest)}"
    return f"= {share_text(value, digits)}"


def margin_text(value: float, decimals: int = 3) -> str:
    """Return the error that stands behind a number of so many decimals, rounded upwards to as many."""
    if not math.isfinite(value):
        return _not_finite(value, UNDEFINED)
    number = _decimal(value)
    exponent = max(-decimals, number.adjusted() - _MOST_DIGITS + 1)
    return _written(number.quantize(Decimal((0, (1,), exponent)), ROUND_CEILING, context=_EXACT))


def upper_text(value: float, digits: int = 2, decimals: int | None = None) -> str:
    """Return an upper bound, which is rounded upwards.

    Args:
        value: the bound.
        digits: significant digits that it keeps at least.
        decimals: digits after the point that it keeps too; None for no more than ``digits``.
    """
    if not math.isfinite(value):
        return _not_finite(value, UNDEFINED)
    coarsest = _NO_LIMIT if decimals is None else -decimals
    return _written(_rounded(_decimal(value), ROUND_CEILING, coarsest, digits, bounded=False))


def interval_text(
    interval: Sequence[float], digits: int = _DIGITS, *, bounded: bool = False, decimals: int | None = None
) -> str:
    """Return an estimate with the ends of its interval: ``0.2397 [0.2312, 0.2485]``.

    Args:
        interval: estimate, low and high end. Ends that do not hold the estimate are moved to it.
        digits: significant digits of each; there are more where the interval is narrow, and at least four
            where it is a single number.
        bounded: whether it is of a share or another number from -1 to 1, which is then not rounded to 1.
        decimals: the most digits after the point that a narrow interval asks for; None for no limit.
    """
    estimate, low, high = (float(value) for value in interval)
    if not math.isfinite(estimate):
        return _not_finite(estimate, UNDEFINED)
    low, high = min(low, estimate), max(high, estimate)  # NaN stays: it is neither smaller nor larger
    coarsest = _NO_LIMIT
    if math.isfinite(high - low) and high > low:
        coarsest = (_decimal(high) - _decimal(low)).adjusted() - 1
        coarsest = coarsest if decimals is None else max(coarsest, -decimals)
    elif low == high and decimals is None:
        digits = max(digits, _DIGITS)
    parts = []
    for value, rounding in ((estimate, ROUND_HALF_EVEN), (low, ROUND_FLOOR), (high, ROUND_CEILING)):
        if math.isfinite(value):
            rounded = _rounded(_decimal(value), rounding, coarsest, digits, bounded=bounded)
            parts.append(_written(rounded))
        else:
            parts.append(UNDEFINED if math.isnan(value) else UNBOUNDED)
    return "{} [{}, {}]".format(*parts)


def _decimal(value: float) -> Decimal:
    """Return the shortest decimal number that reads back as a float: 0.1, and not its 55 binary digits."""
    return Decimal(repr(value))


def _rounded(value: Decimal, rounding: str, coarsest: int, digits: int, *, bounded: bool) -> Decimal:
    """Return a value rounded to the set of numbers that the other arguments fix.

    Args:
        value: any number.
        rounding: of :mod:`decimal`.
        coarsest: largest exponent of the power of ten to whose multiples it is rounded.
        digits: significant digits that it keeps at least.
        bounded: whether 1 minus its size keeps digits too.
    """
    if not value:
        return Decimal(0)
    exponent = min(coarsest, value.adjusted() - digits + 1)
    rest = 1 - abs(value)
    if bounded and not rest:
        return Decimal(int(value))
    if bounded:
        exponent = min(exponent, rest.adjusted() - min(digits, _COMPLEMENT_DIGITS) + 1)
    exponent = max(exponent, value.adjusted() - _MOST_DIGITS + 1)
    if value.adjusted() <= _LARGEST:
        exponent = min(exponent, 0)  # written without an exponent, all digits before the point are shown
    return value.quantize(Decimal((0, (1,), exponent)), rounding, context=_EXACT)


def _written(value: Decimal) -> str:
    if not value:
        return "0"
    if _SMALLEST <= value.adjusted() <= _LARGEST:
        return f"{value:f}"
    exponent = value.as_tuple().exponent
    digits = value.adjusted() - int(exponent)
    return _short(f"{value:.{max(digits, 0)}e}")


def _short(text: str) -> str:
    """Return a number without the plus and the zeros that begin its exponent."""
    mantissa, mark, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if mark else mantissa


def _not_finite(value: float, undefined: str) -> str:
    if math.isnan(value):
        return undefined
    return "infinite" if value > 0 else "-infinite"


def size_text(size: int) -> str:
    """Return a number of bytes: ``0 kB``, ``1.2 MB``, ``345 GB``."""
    scaled, unit = size / 2**10, "kB"
    for larger in ("MB", "GB", "TB"):
        if scaled < 1023.5:
            break
        scaled, unit = scaled / 2**10, larger
    return f"{scaled:.1f} {unit}" if unit != "kB" and scaled < 99.95 else f"{scaled:.0f} {unit}"
