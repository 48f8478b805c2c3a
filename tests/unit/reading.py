"""Reads the numbers of a report back, and says what they must be by the plain data of the result."""

from __future__ import annotations

import math
import re
from decimal import Decimal

NUMBER = r"-?\d+(?:\.\d+)?(?:e-?\d+)?"
COUNT = r"\d{1,3}(?:,\d{3})*|\d+"
INTERVAL = rf"(?P<estimate>{NUMBER}) \[(?P<low>{NUMBER}), (?P<high>{NUMBER}|unbounded)\]"


def step(text):
    """Return the worth of one step of the last digit that is shown."""
    mantissa, _, exponent = text.partition("e")
    return Decimal(10) ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


def same(text, value, digits=None):
    """Check that a text is a number, and that number to so many digits, or to those that it shows."""
    assert re.fullmatch(NUMBER, text), (text, value)
    assert value is not None, text
    shown, exact = Decimal(text), Decimal(repr(float(value)))
    assert (shown == 0) == (exact == 0), (text, value)
    allowed = step(text) / 2 if digits is None else abs(exact) * Decimal(10) ** (1 - digits) / 2
    # A float that is printed by its binary digits may round the other way at a tie.
    assert abs(shown - exact) <= allowed + abs(exact) * Decimal("1e-15"), (text, value)


def same_interval(text, values):
    """Check that a text is an estimate with its interval, which holds it and is never too narrow."""
    if values[0] is None:
        assert text == "undefined", text
        return None
    match = re.fullmatch(INTERVAL, text)
    assert match, text
    same(match["estimate"], values[0])
    low, estimate = Decimal(match["low"]), Decimal(match["estimate"])
    high = Decimal("Infinity") if match["high"] == "unbounded" else Decimal(match["high"])
    assert low <= estimate <= high, text
    assert low <= Decimal(repr(values[1])), (text, values)
    if values[2] is None:
        assert match["high"] == "unbounded"
    else:
        assert high >= Decimal(repr(values[2])), (text, values)
        width = Decimal(repr(values[2])) - Decimal(repr(values[1]))
        size = max(abs(Decimal(repr(value))) for value in values)
        # Not much wider either: by a tenth of the width, or in the fourth digit.
        assert high - low <= width * Decimal("1.2") + 2 * size * Decimal("1e-3"), (text, values)
    return float(estimate), float(low), float(high)


def same_log(text, value):
    """Check a logarithm or exponent, to three decimals or two digits; a hyphen stands for undefined."""
    if value is None or not math.isfinite(value):
        assert text == "-", (text, value)
        return
    same(text, value)
    assert step(text) <= Decimal("0.001") or abs(value) >= 1e9 or value == 0


def count(text):
    """Return a count with commas between thousands."""
    assert re.fullmatch(COUNT, text), text
    return int(text.replace(",", ""))
