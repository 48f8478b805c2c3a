"""Dip test, contraction and slope on shapes with known answers."""

import math

import numpy as np
import pytest
from diptest import diptest

from geomreg_tui.statistics import LossDistribution
from geomreg_tui.statistics.shape import contracts, dip_test, log_density_slope
from geomreg_tui.summary import LossHistogram, Moments, Summary
from tests import seeds
from tests.rates import fewest, most

NULL = 1.0


def distribution_of(losses, bits=12):
    losses = np.asarray(losses, dtype=float)
    histogram = LossHistogram.from_losses(losses, bits, NULL, 1e-12)
    return LossDistribution(Summary(histogram, Moments.from_losses(losses, NULL)), NULL)


def test_dip_is_that_of_the_raw_losses():
    generator = seeds.generator(1)
    for losses in (
        generator.chisquare(4, 5000),
        np.r_[generator.normal(3, 0.4, 900), generator.normal(6, 0.4, 900)],
    ):
        got = dip_test(distribution_of(losses, 16))
        statistic, p_value = diptest(losses)
        assert got.samples == losses.size
        assert got.statistic == pytest.approx(statistic, abs=1e-4)
        assert got.p_value == pytest.approx(p_value, abs=0.02)


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_dip_does_not_depend_on_the_scale(scale):
    losses = seeds.generator(1).chisquare(4, 3000)
    got = dip_test(distribution_of(losses * scale, 16))
    assert got.statistic == pytest.approx(diptest(losses)[0], abs=1e-4)


def test_dip_of_a_subsample_tells_one_mode_from_two():
    generator = seeds.generator(2)
    one = dip_test(distribution_of(generator.chisquare(5, 200_000)), 5000)
    two = dip_test(
        distribution_of(np.r_[generator.normal(3, 0.5, 10**5), generator.normal(6, 0.5, 10**5)]), 5000
    )
    assert one.samples == two.samples == 5000
    assert one.p_value > 0.5
    assert two.p_value < 1e-3


def test_dip_rejects_the_uniform_law_at_its_level():
    # Worst case of a unimodal law: 400 tests at 5 %.
    generator = seeds.generator(3)
    rejected = sum(dip_test(distribution_of(1 + generator.random(500))).p_value < 0.05 for _ in range(400))
    assert fewest(400, 0.05, comparisons=2) <= rejected <= most(400, 0.05, comparisons=2)


def test_atom_and_nonfinite_losses_take_no_part_and_zeros_do():
    generator = seeds.generator(4)
    losses = generator.normal(5, 0.5, 2000)
    alone = dip_test(distribution_of(losses))
    assert dip_test(distribution_of(np.r_[losses, np.full(5000, NULL), np.nan])) == alone
    assert dip_test(distribution_of(np.r_[losses, np.zeros(1000)])).p_value < 1e-3


@pytest.mark.parametrize("losses", [[], [0.5], [0.5, 0.6, 0.7], [0.0] * 50, [NULL] * 50, [np.nan] * 9])
def test_dip_is_undefined_for_too_little(losses):
    got = dip_test(distribution_of(losses))
    assert math.isnan(got.p_value)
    assert got.samples == 0


def test_dip_can_be_left_out():
    assert dip_test(distribution_of(np.arange(1, 100) / 7), 0).samples == 0


def poisson(shape, total, generator):
    weight = np.asarray(shape, float)
    return generator.multinomial(total, weight / weight.sum())


SHAPES = {
    "rising": (np.arange(1, 65), True),
    "rising steeply": (np.exp(np.arange(64) / 6), True),
    "flat": (np.ones(64), True),
    "flat, then rising": (np.r_[np.ones(32), np.arange(1, 33)], True),
    "empty, then rising": (np.r_[np.zeros(32), np.arange(1, 33)], True),
    "falling": (np.arange(64, 0, -1), False),
    "falling a little": (np.linspace(1.03, 0.97, 64), False),
    "valley": (np.abs(np.arange(64) - 20) + 3, False),
    "bump on the way": (np.arange(1, 65) + 40 * np.exp(-((np.arange(64) - 20) ** 2) / 8), False),
}


@pytest.mark.parametrize("name", SHAPES)
def test_contraction_of_known_shapes(name):
    shape, expected = SHAPES[name]
    generator = seeds.generator(5)
    # A false fall in a flat shape comes in fewer than 10 % of samples.
    answers = [contracts(poisson(shape, 200_000, generator), np.ones(64), 4.0) for _ in range(40)]
    assert sum(answers) >= fewest(40, 0.9) if expected else not any(answers)


def test_contraction_of_hardly_anything():
    assert contracts([3], [1.0], 4.0)
    assert contracts([0, 0, 5], np.ones(3), 4.0)
    assert contracts([5, 4, 6], np.ones(3), 4.0)


@pytest.mark.parametrize(
    ("slope", "unit"),
    [
        pytest.param(slope, unit, marks=[] if number % 3 == place else [pytest.mark.full])
        for number, slope in enumerate([-8.0, 0.0, 0.7, 6.0, 40.0])
        for place, unit in enumerate([1.0, 1e-200, 1e200])
    ],
)
def test_slope_of_an_exponential_density(slope, unit):
    # 300 samples: at 95 % some of the intervals miss the slope, and not too many.
    edges = np.linspace(0, 1, 41)
    generator = seeds.generator(6)
    mass = np.diff(np.exp(slope * (edges - 1))) / slope if slope else np.diff(edges)
    held = 0
    for _ in range(300):
        low, high = log_density_slope(poisson(mass, 3000, generator), edges * unit)[1:]
        held += low <= slope / unit <= high
    assert fewest(300, 0.95, comparisons=2) <= held <= 299


def test_slope_of_exact_counts():
    edges = np.r_[0, np.sort(seeds.generator(1).random(400)), 1]
    estimate = log_density_slope(1e12 * np.diff(np.exp(3 * edges)), edges).estimate
    assert estimate == pytest.approx(3, rel=1e-3)  # losses are taken to lie in the middle of their bin


@pytest.mark.parametrize("count", [[0, 0, 0], [0, 5, 0], [7]])
def test_slope_of_one_bin_is_undefined(count):
    assert log_density_slope(count, np.arange(len(count) + 1.0)).to_json() == [None, None, None]
