"""Numbers copied with the minus sign of typesetting (U+2212), wherever a number is typed."""

import math

import pytest

from geomreg_tui.errors import ExperimentError
from geomreg_tui.experiment import Experiment, parse_count, read_number
from geomreg_tui.splitting.plan import parse_plan, parse_seconds
from geomreg_tui.statistics.intervals import Interval
from geomreg_tui.sweeps.plan import parse_factor
from geomreg_tui.tui.axes import Scale
from geomreg_tui.tui.numbers import interval_text, number_text

MINUS = "\N{MINUS SIGN}"
VALUES = [-300.25, -8.0, -1e-9, -0.0, -1e-300, 0.0, 1e-5, 0.1, 12345.678, 1e20, 1e300]


@pytest.mark.parametrize("value", VALUES)
def test_numbers_are_read_with_either_minus(value):
    text = f"{value!r}"
    assert read_number(text.replace("-", MINUS)) == read_number(text) == value


def test_goals_of_a_tail_take_either_minus():
    assert parse_plan(to_log10_volume=f"{MINUS}8") == parse_plan(to_log10_volume="-8")
    assert parse_plan(to_loss=f"1e{MINUS}6") == parse_plan(to_loss="1e-6")
    problems = []
    assert parse_seconds(f"1e{MINUS}2", problems) == 0.01
    assert not problems
    with pytest.raises(ExperimentError, match="population"):
        parse_plan(population=f"{MINUS}5")  # and not 5


@pytest.mark.parametrize(
    "key", [k for k, f in Experiment.model_fields.items() if "float'" in str(f.annotation)]
)
def test_values_of_experiments_take_either_minus(key):
    assert getattr(Experiment.parse({key: f"1e{MINUS}2"}), key) == 0.01


@pytest.mark.parametrize("key", [k for k, f in Experiment.model_fields.items() if "int" in str(f.annotation)])
def test_a_negative_whole_number_is_refused_and_not_read_without_its_sign(key):
    with pytest.raises(ExperimentError, match=key):
        Experiment.parse({key: f"{MINUS}3"})


def test_paths_keep_their_characters():
    assert Experiment.parse({"data": f"a{MINUS}b.csv"}).data == f"a{MINUS}b.csv"


def test_counts_and_factors_take_either_minus():
    assert parse_count(f"1000000e{MINUS}3") == 1000
    with pytest.raises(ExperimentError):
        parse_count(f"{MINUS}1000")
    assert parse_factor(f"gain=1e{MINUS}1,0.5").values == (0.1, 0.5)
    assert parse_factor("width=4,8").values == (4, 8)
    with pytest.raises(ExperimentError):
        parse_factor(f"width={MINUS}8:{MINUS}9")


@pytest.mark.parametrize("value", [*VALUES, -1e-12, -0.0004])
def test_what_the_explorer_prints_can_be_copied(value):
    assert math.isclose(float(number_text(value, 3)), value, rel_tol=5e-3, abs_tol=0)
    assert number_text(-0.0) == "0"
    estimate, rest = interval_text(Interval(value, value - 0.01, value + 0.01)).split(" [")
    low, high = rest.rstrip("]").split(", ")
    for text, wanted in zip((estimate, low, high), (value, value - 0.01, value + 0.01), strict=True):
        assert float(text) == pytest.approx(wanted, abs=6e-4)
        assert not (float(text) == 0 and text.startswith("-"))
    for scale in (Scale.linear(-8.0, 3.0, 4), Scale.decades(-8.0, 0.0, 4)):
        assert all(math.isfinite(float(label)) for label in scale.labels)
