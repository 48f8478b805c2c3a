"""The bins in which modes are looked for."""

import numpy as np
import pytest

from geomreg_tui.statistics import LossDistribution
from geomreg_tui.statistics.binning import MAXIMUM_BINS, TOP_SHARE, bins_for, linear_axis, log_axis
from geomreg_tui.summary import LossHistogram, Moments, Summary
from tests import seeds

NULL = 1.0


def distribution_of(losses, bits=12):
    losses = np.asarray(losses, dtype=float)
    histogram = LossHistogram.from_losses(losses, bits, NULL, 1e-12)
    return LossDistribution(Summary(histogram, Moments.from_losses(losses, NULL)), NULL)


def test_number_of_bins_follows_the_sample():
    counts = [bins_for(n) for n in (0, 1, 10, 100, 10**3, 10**4, 10**5, 10**9)]
    assert counts == sorted(counts)
    assert counts[0] == 8
    assert counts[-1] == MAXIMUM_BINS == 128
    for n in (100, 1000, 10_000):
        assert 2**-0.5 <= bins_for(n) / (2 * n ** (1 / 3)) <= 2**0.5


@pytest.mark.parametrize("bins", [None, 10, 128])
def test_linear_axis_counts_everything_once(bins):
    generator = seeds.generator(1)
    losses = np.concatenate([generator.chisquare(3, 20_000), np.zeros(700), np.full(900, NULL), [np.nan]])
    axis = linear_axis(distribution_of(losses), bins)
    beside = np.sort(losses[(losses != NULL) & ~np.isnan(losses)])
    assert axis.atom == 900
    assert axis.count.sum() + axis.above == beside.size
    assert axis.count.tolist() == np.histogram(beside, axis.edges)[0].tolist()
    assert axis.edges[0] == 0
    exact = np.quantile(beside, TOP_SHARE, method="inverted_cdf")
    assert exact <= axis.edges[-1] <= exact * (1 + 2.0**-11)
    wanted = bins or bins_for(beside.size)
    equal, narrow = axis.edges[-1] / wanted, min(NULL / 32 * 128 / wanted, axis.edges[-1] / wanted)
    assert np.all(axis.width == np.diff(axis.edges))
    assert axis.width == pytest.approx(np.clip(axis.width, narrow, equal), rel=0.02)  # edges are base bins'
    assert axis.width[axis.edges[:-1] < min(2 * NULL, axis.edges[-1] / 2)] == pytest.approx(narrow, rel=0.02)
    assert wanted <= axis.count.size < 2 * wanted


@pytest.mark.parametrize("extent", [0.01, 1.0, 3.9, 4.1, 30.0, 1e4, 1e12, 1e300])
def test_bins_by_the_null_loss_stay_narrow_however_far_the_tail_goes(extent):
    losses = np.concatenate([np.linspace(0, min(4, extent), 200_000), np.full(2000, extent)])
    axis = linear_axis(distribution_of(losses))
    assert axis.edges[-1] == pytest.approx(extent, rel=0.01)
    assert np.all(axis.width[axis.edges[:-1] < 2 * NULL] <= NULL / 32 * 1.01)
    assert np.all(axis.width <= axis.edges[-1] / MAXIMUM_BINS * 1.05)  # nowhere wider than equal ones
    assert axis.count.size <= 4 * MAXIMUM_BINS
    if extent < 4:
        assert axis.count.size == MAXIMUM_BINS


def test_linear_axis_of_hardly_any_positive_losses_reaches_them():
    axis = linear_axis(distribution_of(np.r_[np.zeros(100_000), 0.3, 0.4]))
    assert axis.count[0] == 100_000
    assert axis.edges[-1] >= 0.4


@pytest.mark.parametrize("losses", [[], [0.0, 0.0], [NULL, 0.0], [np.nan, np.inf]])
def test_no_linear_axis_without_losses_between(losses):
    assert linear_axis(distribution_of(losses)) is None
    assert log_axis(distribution_of(losses)) is None


def test_log_axis_holds_the_central_losses_in_bins_of_equal_ratio():
    generator = seeds.generator(2)
    losses = np.exp(generator.normal(-3, 4, 50_000))
    axis = log_axis(distribution_of(np.r_[losses, np.zeros(50), np.full(60, NULL)]))
    inside = (losses >= axis.edges[0]) & (losses < axis.edges[-1])
    assert axis.count.sum() == inside.sum()
    assert axis.below == 50 + (losses < axis.edges[0]).sum()
    assert axis.above == (losses >= axis.edges[-1]).sum()
    assert axis.atom == 60
    assert 0.989 < inside.mean() < 0.992
    assert np.ptp(np.diff(np.log(axis.edges))) < 2.0**-11
    assert axis.width == pytest.approx(np.diff(np.log10(axis.edges)))


@pytest.mark.parametrize("examples", [2, 3, 7, 16, 100, 300])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_zero_one_losses_are_a_lattice(examples, share):
    wrong = seeds.generator(examples).binomial(examples, share, 100_000)
    axis = linear_axis(distribution_of(wrong / examples), 128)
    assert axis.lattice
    group = -(-(wrong.max() + 1) // 128)
    assert axis.count.tolist() == np.bincount(wrong // group).tolist()
    assert axis.count.sum() == 100_000


def test_gaps_in_a_lattice_are_empty_bins():
    axis = linear_axis(distribution_of(np.repeat([0.0, 0.25, 1.0], 200)))
    assert axis.lattice
    assert axis.count.tolist() == [200, 200, 0, 0, 200]


@pytest.mark.parametrize("seed", range(5))
def test_continuous_losses_are_no_lattice(seed):
    generator = seeds.generator(seed)
    for losses in (
        generator.random(1000),
        3 + 1e-3 * generator.random(100_000),  # neighbouring base bins are evenly spaced too
        np.repeat(generator.random(30), 100),
        generator.chisquare(1, 10**5),
    ):
        assert not linear_axis(distribution_of(losses)).lattice


def test_few_losses_are_no_lattice():
    assert not linear_axis(distribution_of([0.1, 0.2, 0.3])).lattice
