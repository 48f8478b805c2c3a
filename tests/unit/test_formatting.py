"""How numbers are written: what is read back is the value, to the digits shown, whatever its size."""

import math
import re
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from geomreg_tui.formatting import (
    decimal_text,
    exact_text,
    interval_text,
    number_text,
    percent_text,
    probability_text,
    share_text,
    upper_text,
)

FINITE = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=True)
# As likely at 1e-300 as at 1e300.
SCALED = st.builds(lambda m, e: m * 10.0**e, st.floats(-10, 10), st.integers(-300, 300))
ANY = FINITE | SCALED
SHARES = (
    st.floats(0, 1)
    | st.builds(lambda m, e: m * 10.0**e, st.floats(0, 1), st.integers(-300, 0))
    | st.builds(lambda m, e: 1 - m * 10.0**e, st.floats(0, 1), st.integers(-17, 0))
)
NUMBER = re.compile(r"-?\d+(\.\d+)?(e-?[1-9]\d*)?")


def exactly(value):
    """Return the shortest decimal number that is read as a float."""
    return Decimal(repr(value))


def unit(text):
    """Return the worth of one step of the last digit that is shown."""
    mantissa, _, exponent = text.partition("e")
    return Decimal(10) ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


def read(text, value):
    """Return what a text says, which must be the value to within half a step of its last digit."""
    assert NUMBER.fullmatch(text), text
    assert not re.match(r"-0(\.0*)?$", text)
    assert float(text) == float(Decimal(text))
    assert abs(Decimal(text) - exactly(value)) <= unit(text) / 2
    assert (float(text) == 0) == (value == 0) or abs(value) < 1e-307
    return float(text)


@given(ANY, st.integers(1, 17))
@example(-0.0, 3)
@example(5e-324, 1)
@example(1.7976931348623157e308, 4)
def test_a_number_reads_back_to_its_digits(value, digits):
    text = number_text(value, digits)
    assert NUMBER.fullmatch(text)
    found = Decimal(text)
    assert (found == 0) == (value == 0)
    if value:
        assert abs(found / Decimal(value) - 1) <= Decimal("0.5") * Decimal(10) ** (1 - digits)
        assert math.copysign(1, found) == math.copysign(1, value)
    else:
        assert text == "0"


@given(ANY)
def test_an_exact_number_reads_back_the_same(value):
    assert float(exact_text(value)) == value
    assert not exact_text(value).startswith("-0e")
    assert exact_text(value) != "-0"


@given(ANY, st.integers(0, 6))
@example(-0.0001234, 3)
@example(1e300, 3)
def test_decimals_read_back_and_no_number_but_zero_is_written_as_zero(value, decimals):
    text = decimal_text(value, decimals)
    read(text, value)
    assert len(text) <= 26
    if 0.1 <= abs(value) < 1e8:
        assert len(text.partition(".")[2]) >= min(decimals, 1)


@given(SHARES, st.integers(2, 6))
def test_shares_are_0_or_1_only_where_they_are(value, digits):
    text = share_text(value, digits)
    found = read(text, value)
    assert (found == 0) == (value == 0)
    assert (found == 1) == (value == 1)
    if value:
        assert abs(found / value - 1) <= 10.0 ** (1 - digits)
    if value < 1:
        assert abs((1 - Decimal(text)) / (1 - exactly(value)) - 1) <= Decimal("0.05")


@given(SHARES)
def test_percent_is_0_or_100_only_where_it_is(share):
    text = percent_text(share)
    assert NUMBER.fullmatch(text)
    assert (float(text) == 0) == (share == 0)
    assert (Decimal(text) == 100) == (share == 1)
    assert abs(Decimal(text) / 100 - exactly(share)) <= unit(text) / 200


def ends(text):
    match = re.fullmatch(r"(\S+) \[(\S+), (\S+)\]", text)
    assert match, text
    assert all(NUMBER.fullmatch(part) for part in match.groups()), text
    return [Decimal(part) for part in match.groups()], list(match.groups())


def check_interval(values, text):
    (estimate, low, high), parts = ends(text)
    assert low <= estimate <= high, text
    assert low <= exactly(values[1])
    assert high >= exactly(values[2])
    assert abs(estimate - exactly(values[0])) <= unit(parts[0]) / 2
    for part, value in zip((low, estimate, high), (values[1], values[0], values[2]), strict=True):
        assert (part == 0) == (value == 0), text
    return low, estimate, high


@given(st.lists(ANY, min_size=3, max_size=3), st.integers(1, 6), st.none() | st.integers(0, 6))
def test_an_interval_holds_its_estimate_and_is_never_narrower_than_it_is(values, digits, decimals):
    low, estimate, high = sorted(values)
    text = interval_text((estimate, low, high), digits, decimals=decimals)
    check_interval((estimate, low, high), text)


@given(ANY, st.floats(1e-18, 1e3), st.floats(1e-18, 1e3), st.integers(1, 6))
def test_so_does_a_narrow_one_whose_width_shows(estimate, below, above, digits):
    low, high = estimate - abs(estimate) * below, estimate + abs(estimate) * above
    if not math.isfinite(high - low):
        return
    shown_low, _, shown_high = check_interval(
        (estimate, low, high), interval_text((estimate, low, high), digits)
    )
    if low < high:
        # Outward by less than a tenth of the width at either end, but for what 17 digits can show.
        width = exactly(high) - exactly(low)
        slack = width / 10 + max(abs(exactly(low)), abs(exactly(high))) * Decimal(10) ** -16
        assert exactly(low) - shown_low <= slack
        assert shown_high - exactly(high) <= slack


@given(st.lists(SHARES, min_size=3, max_size=3), st.booleans(), st.none() | st.integers(3, 6))
def test_shares_with_intervals_reach_0_and_1_only_where_they_do(values, signed, decimals):
    low, estimate, high = sorted(2 * v - 1 if signed else v for v in values)
    text = interval_text((estimate, low, high), bounded=True, decimals=decimals)
    shown = check_interval((estimate, low, high), text)
    for part, value in zip(shown, (low, estimate, high), strict=True):
        assert (abs(part) == 1) == (abs(value) == 1)


@given(st.floats(0, 1), st.sampled_from([1e-5, 1e-3, 1e-300]))
def test_a_p_value_is_a_number_or_a_bound(value, smallest):
    relation, number = probability_text(value, smallest).split(" ")
    if value < smallest:
        assert (relation, float(number)) == ("<", smallest)
    else:
        assert relation == "="
        assert float(number) == pytest.approx(value, rel=5e-3)


@given(ANY, st.integers(1, 6), st.none() | st.integers(0, 6))
def test_an_upper_bound_is_rounded_upwards(value, digits, decimals):
    text = upper_text(value, digits, decimals)
    assert NUMBER.fullmatch(text)
    assert 0 <= Decimal(text) - exactly(value) < unit(text)
    assert (float(text) == 0) == (value == 0)


def test_spellings():
    assert number_text(0.003504) == "0.003504"
    assert number_text(3.914e34) == "3.914e34"
    assert [exact_text(v) for v in (16.0, 0.1, 1e-7, 1e16, 100000.0, 7, "he_normal")] == [
        "16", "0.1", "1e-7", "1e16", "100000", "7", "he_normal"
    ]  # fmt: skip
    assert decimal_text(-0.0) == "0"
    assert decimal_text(-1.0) == "-1.000"
    assert share_text(0.99996) == "0.999960"
    assert interval_text((0.0, 0.0, 3e-5), bounded=True) == "0 [0, 3.000e-5]"
    assert interval_text((0.7188, 0.0, math.inf)) == "0.7188 [0, unbounded]"
    assert interval_text((0.5, math.nan, math.nan)) == "0.5000 [undefined, undefined]"
    assert interval_text((math.nan, 0.0, 1.0)) == "undefined"
    assert [number_text(v) for v in (math.nan, math.inf, -math.inf)] == ["undefined", "infinite", "-infinite"]
