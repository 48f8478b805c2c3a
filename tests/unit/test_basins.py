"""Antimodes and basin masses against the lowest point of known densities."""

import numpy as np
import pytest
from scipy import optimize, stats

from geomreg_tui.statistics.basins import Basins, resample
from tests import seeds
from tests.rates import deviations, sigmas

BINS = 128
EDGES = np.linspace(0, 1.6, BINS + 1)
WIDTH = np.ones(BINS)
LAWS = {
    "steep": ((0.3, stats.expon(scale=0.15)), (0.7, stats.norm(1, 0.18))),
    "shallow": ((0.4, stats.expon(scale=0.3)), (0.6, stats.norm(1, 0.18))),
    "unequal widths": ((0.5, stats.norm(0.4, 0.05)), (0.5, stats.norm(1, 0.2))),
}


def exact(parts):
    """Return bin shares, the place in bins of the lowest density between the modes, and the mass below."""
    cdf = sum(share * law.cdf(EDGES) for share, law in parts)

    def density(loss):
        return sum(share * law.pdf(loss) for share, law in parts)

    lowest = optimize.minimize_scalar(density, bounds=(0.42, 0.95), method="bounded").x
    mass = sum(share * (law.cdf(lowest) - law.cdf(0)) for share, law in parts)
    return np.diff(cdf), lowest / EDGES[1], float(mass)


@pytest.mark.parametrize("name", LAWS)
def test_antimode_is_the_lowest_density_once_the_counts_tell(name):
    share, place, mass = exact(LAWS[name])
    modes = [int(np.argmax(share[:40])), 50 + int(np.argmax(share[50:]))]
    count = 1e9 * share
    basins = Basins(count, WIDTH, modes)
    # A fixed kernel of a sixth of the distance of the modes errs by up to ten bins here.
    assert basins.antimodes(count)[0] == pytest.approx(place, abs=0.7)
    assert basins.masses(count[None], np.zeros(1))[0, 0] / 1e9 == pytest.approx(mass, abs=0.004)


def test_kernels_narrow_as_counts_grow():
    share, _, _ = exact(LAWS["steep"])
    modes = [0, int(np.argmax(share[50:])) + 50]
    bandwidths = [Basins(np.round(size * share), WIDTH, modes).bandwidths[0] for size in (100, 10**4, 10**9)]
    assert bandwidths[0] == pytest.approx((modes[1] - modes[0]) / 6)
    assert bandwidths[0] >= bandwidths[1] >= bandwidths[2]
    assert bandwidths[2] < 4


def test_masses_add_up_and_the_last_holds_what_lies_above():
    generator = seeds.generator(1)
    count = generator.poisson(30, (5, BINS)).astype(float)
    basins = Basins(count[0], WIDTH, [3, 40, 42, 100])
    above = np.arange(5.0)
    masses = basins.masses(count, above)
    assert masses.shape == (5, 4)
    assert masses.sum(axis=1) == pytest.approx(count.sum(axis=1) + above)
    assert np.all(np.diff(basins.antimodes(count), axis=1) > 0)
    assert np.all((basins.antimodes(count)[:, 1] > 40.9) & (basins.antimodes(count)[:, 1] < 42.1))


def test_one_mode_has_everything():
    basins = Basins(np.ones(8), np.ones(8), [5])
    assert basins.masses(np.ones((1, 8)), np.array([2.0])).tolist() == [[10.0]]


def test_resamples_are_multinomial():
    cells = np.array([0, 10, 200, 790])
    drawn = resample(cells, 20_000, seed=seeds.seed(3))
    assert np.all(drawn.sum(axis=1) == 1000)
    assert np.all(drawn[:, 0] == 0)
    # Standard errors of means and variances over 20,000 resamples.
    variance = cells * (1 - cells / 1000)
    assert np.all(np.abs(drawn.mean(axis=0) - cells) <= sigmas(6) * np.sqrt(variance / 20_000))
    ratio = np.sqrt(drawn.var(axis=0, ddof=1)[1:] / variance[1:])
    low, high = deviations(19_999, comparisons=6)
    assert np.all((low < ratio) & (ratio < high))
