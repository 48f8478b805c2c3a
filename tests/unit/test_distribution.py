"""Views derived from the base histogram, with numpy on the raw losses as the judge."""

import math

import numpy as np
import pytest
from scipy import stats

from geomreg_tui.statistics import LossDistribution, distance
from geomreg_tui.summary import LossHistogram, Moments, Summary
from geomreg_tui.summary.histogram import bin_index
from tests import seeds
from tests.rates import most

NULL = 1.0
SHARES = np.array([0, 1e-6, 1e-4, 0.01, 0.05, 0.25, 1 / 3, 0.5, 0.75, 0.95, 0.99, 0.9999, 1])


def distribution_of(losses, bits=12, rounding=1e-12):
    losses = np.asarray(losses, dtype=float)
    histogram = LossHistogram.from_losses(losses, bits, NULL, rounding)
    return LossDistribution(Summary(histogram, Moments.from_losses(losses, NULL)), NULL)


def with_specials(values, generator):
    """Put exact zeros and an atom at the null loss among the values."""
    values = np.array(values)
    values[: values.size // 10] = 0.0
    values[values.size // 10 : values.size // 4] = NULL
    return generator.permutation(values)


def samples(size=20_000):
    generator = seeds.generator(4)
    chi = generator.chisquare(1, size)
    return {
        "chi-square": chi,
        "atom and zeros": with_specials(chi, generator),
        "uniform": generator.random(size),
        "heavy tail": generator.standard_cauchy(size) ** 2,
        "log-normal over 100 decades": np.exp(generator.normal(0, 40, size)),
        "deep": np.maximum(generator.random(size), 1e-5) ** 60,  # no subnormal numbers
        "narrow": 3 + 1e-5 * generator.random(size),
        "lattice": generator.binomial(16, 0.4, size) / 16,
        "three": np.array([0.2, 0.5, 0.7]),
        "one": np.array([0.3]),
        "zeros": np.zeros(50),
        "atom": np.full(50, NULL),
    }


SAMPLES = samples()
every_sample = pytest.mark.parametrize("name", SAMPLES)


@every_sample
@pytest.mark.parametrize("bits", [6, 12, 20])
def test_quantiles_are_within_the_stated_relative_error(name, bits):
    losses = SAMPLES[name]
    part = distribution_of(losses, bits)
    exact = np.quantile(losses, SHARES, method="inverted_cdf")
    assert part.relative_error == 2.0 ** -(bits + 1)
    got = part.quantile(SHARES)
    assert np.all(np.abs(got - exact) <= part.relative_error * exact * (1 + 1e-12))
    assert np.all(np.diff(got) >= 0)


@every_sample
def test_quantiles_beside_the_atom(name):
    losses = SAMPLES[name]
    beside = losses[losses != NULL]
    got = distribution_of(losses).quantile(SHARES, atom=False)
    if not beside.size:
        assert np.all(np.isnan(got))
        return
    exact = np.quantile(beside, SHARES, method="inverted_cdf")
    assert np.all(np.abs(got - exact) <= 2.0**-13 * exact * (1 + 1e-12))


@every_sample
def test_cdf_lies_between_those_of_the_losses_half_a_bin_apart(name):
    losses = np.sort(SAMPLES[name])
    part = distribution_of(losses)
    at = np.concatenate(
        [np.geomspace(1e-30, 1e30, 500), losses[:: max(1, losses.size // 300)], [0, NULL, np.inf]]
    )
    got = part.cdf(at)
    bin_width = 2.0**-12
    below = np.searchsorted(losses, at * (1 - bin_width), side="left") / losses.size
    above = np.searchsorted(losses, at * (1 + bin_width), side="right") / losses.size
    assert np.all((below - 1e-12 <= got) & (got <= above + 1e-12))
    assert part.cdf(0.0) == np.count_nonzero(losses == 0) / losses.size
    assert part.cdf(np.inf) == 1
    assert part.cdf(-1.0) == 0
    assert math.isnan(part.cdf(math.nan))


@every_sample
@pytest.mark.parametrize("zeros", [True, False])
@pytest.mark.parametrize("atom", [True, False])
def test_bins_hold_exactly_the_losses_between_their_edges(name, zeros, atom):
    losses = SAMPLES[name]
    part = distribution_of(losses)
    kept = losses[(zeros | (losses != 0)) & (atom | (losses != NULL))]
    views = [
        part.linear_bins(128, 4.0, zeros=zeros, atom=atom),
        part.linear_bins(7, 0.9, zeros=zeros, atom=atom),
        part.log_bins(64, 1e-20, 1e6, zeros=zeros, atom=atom),
        part.rebin([0.0, 1e-8, 0.5, NULL, 2.5], zeros=zeros, atom=atom),
    ]
    for view in views:
        cells = np.searchsorted(view.edges, kept, side="right")
        # An exact zero lies in a first bin that starts at 0, and below any other.
        expected = np.bincount(cells, minlength=view.edges.size + 1)
        assert view.below == expected[0]
        assert view.count.tolist() == expected[1:-1].tolist()
        assert view.above == expected[-1]
        assert view.samples == losses.size
        assert np.all(view.density == view.count / losses.size / np.diff(view.edges))


def test_edges_move_by_at_most_half_a_base_bin():
    part = distribution_of(SAMPLES["chi-square"])
    wanted = np.linspace(0, 5, 100)
    moved = part.rebin(wanted).edges
    assert moved.size == wanted.size
    assert np.all(np.abs(moved - wanted) <= wanted * 2.0**-13)


@pytest.mark.parametrize(
    "edges", [[1.0], [2.0, 1.0], [-1.0, 1.0], [0.0, math.inf], [[0.0, 1.0]], [1.0, 1.0 + 1e-9]]
)
def test_impossible_edges_are_refused(edges):
    with pytest.raises(ValueError, match="edges"):
        distribution_of([0.5]).rebin(edges)


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_impossible_shares_are_refused(share):
    with pytest.raises(ValueError, match="between 0 and 1"):
        distribution_of([0.5]).quantile(share)


def test_without_finite_losses_everything_is_undefined():
    part = distribution_of([math.nan, math.inf])
    assert part.finite == 0
    assert math.isnan(part.quantile(0.5))
    assert math.isnan(part.cdf(1.0))
    assert np.all(np.isnan(part.linear_bins(4, 1.0).density))
    assert math.isnan(distance(part, part).statistic)


def test_density_of_an_empty_region_is_bounded_by_three_over_the_sample():
    view = distribution_of(SAMPLES["uniform"]).linear_bins(10, 2.0)
    assert view.empty_bound == 3 / 20_000
    low, high = view.bands()
    share = view.count / view.samples
    assert np.all((low <= share) & (share <= high))
    assert view.count[-1] == 0
    assert high[-1] > view.empty_bound  # all ten bins at once need more than one alone


@pytest.mark.parametrize("relative_width", [2**-14.0, 2**-12.5])
def test_narrow_distributions_are_told_and_the_resolution_that_shows_them(relative_width):
    losses = 3 * (1 + relative_width * seeds.generator(2).random(5000))
    part = distribution_of(losses)
    assert part.narrow
    # A distribution within one bin may be narrower yet: every answer is a step towards the right one.
    for _ in range(2):
        assert part.suggested_bits > part.histogram.bits
        part = distribution_of(losses, part.suggested_bits)
        if not part.narrow:
            break
    assert not part.narrow
    assert part.suggested_bits == part.histogram.bits


def test_the_finest_resolution_is_the_last_suggested():
    part = distribution_of(3 + 1e-9 * seeds.generator(2).random(500), 20)
    assert part.narrow
    assert part.suggested_bits == 20
    assert not distribution_of([3.0, 3.0]).narrow  # two losses tell nothing about a width


@pytest.mark.parametrize(
    ("first", "second"), [("chi-square", "uniform"), ("chi-square", "atom and zeros"), ("deep", "deep")]
)
def test_distance_is_that_of_scipy_but_for_ties_within_a_bin(first, second):
    a, b = SAMPLES[first][:9000], SAMPLES[second][9000:]
    got = distance(distribution_of(a, 20), distribution_of(b, 20))
    expected = stats.ks_2samp(a, b, method="asymp")
    assert got.statistic == pytest.approx(expected.statistic, abs=1e-3)
    assert got.statistic <= expected.statistic + 1e-15
    # scipy's asymptotic p-value has a finite-sample correction of its own.
    assert got.p_value == pytest.approx(expected.pvalue, abs=0.05)


def test_distance_of_one_law_is_rarely_significant():
    # 300 comparisons at 5 % (the test is conservative).
    generator = seeds.generator(6)
    parts = [distribution_of(generator.chisquare(2, 1000)) for _ in range(600)]
    p_values = [distance(a, b).p_value for a, b in zip(parts[::2], parts[1::2], strict=True)]
    assert np.count_nonzero(np.array(p_values) < 0.05) <= most(300, 0.05)
    assert np.median(p_values) < 0.7


def test_distance_between_resolutions():
    a, b = SAMPLES["chi-square"], SAMPLES["uniform"]
    fine = distance(distribution_of(a, 12), distribution_of(b, 12))
    mixed = distance(distribution_of(a, 8), distribution_of(b, 12))
    assert mixed.statistic == pytest.approx(fine.statistic, abs=0.01)
    assert bin_index(np.array([NULL]), 8)[0] << 4 == bin_index(np.array([NULL]), 12)[0]
