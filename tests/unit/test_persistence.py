"""Peaks by persistence, against scipy's prominence; how often noise makes a mode."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal, stats

from geomreg_tui.statistics.persistence import peaks, significance, significant_peaks, steepest_fall
from tests import seeds
from tests.rates import ALPHA, most


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=60, unique=True))
def test_peaks_and_saddles_are_those_of_scipy(count):
    counts = np.array(count, dtype=float)
    padded = np.concatenate([[-1.0], counts, [-1.0]])  # so that the ends can be peaks
    places, _ = signal.find_peaks(padded)
    prominence, _, _ = signal.peak_prominences(padded, places)
    found = {peak.bin: peak for peak in peaks(counts, np.ones(counts.size))}
    assert sorted(found) == (places - 1).tolist()
    for place, height in zip(places - 1, prominence, strict=True):
        peak = found[place]
        if counts[place] == counts.max():
            assert peak.saddle == -1
        else:
            assert counts[place] - counts[peak.saddle] == height
            assert peak.persistence == pytest.approx(height / np.sqrt(counts[place] + counts[peak.saddle]))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_peaks_with_ties_are_runs_above_their_neighbours(count):
    found = peaks(count, np.ones(len(count)))
    runs = [count[0]] + [b for a, b in pairwise(count) if a != b]
    padded = [-1, *runs, -1]
    maxima = sum(a < b > c for a, b, c in zip(padded, padded[1:], padded[2:], strict=False))
    assert len(found) == maxima


def test_widths_turn_counts_into_densities():
    count = np.array([10, 20, 10, 30, 10])
    width = np.array([1.0, 4.0, 1.0, 1.0, 1.0])  # the second bin is the widest and the least dense
    assert [peak.bin for peak in peaks(count, width)] == [3, 0]


@pytest.mark.parametrize("mean", [3, 30, 3000])
def test_a_difference_exceeds_its_standard_deviations_as_rarely_as_stated(mean):
    # The stated bound for 2 and 3 standard deviations, from 10^6 pairs of equal mean.
    generator = seeds.generator(mean)
    first, second = generator.poisson(mean, (2, 10**6))
    sigmas = significance(first, second, 1.0, 1.0)
    for limit in (2.0, 3.0, 4.0):
        assert np.mean(sigmas >= limit) <= np.exp(-(limit**2) / 2)


def test_significance_is_standard_normal_for_large_counts_of_different_widths():
    generator = seeds.generator(1)
    wide, narrow = generator.poisson(30_000, 10**5), generator.poisson(10_000, 10**5)
    sigmas = significance(wide, narrow, 3.0, 1.0)
    assert stats.kstest(sigmas, "norm").pvalue > ALPHA


def test_too_few_counts_are_no_mode():
    assert significant_peaks([5, 10], [1, 1], 4.0) == []
    assert [peak.bin for peak in significant_peaks([5, 11], [1, 1], 4.0)] == [1]
    assert significant_peaks([0, 0], [1, 1], 4.0) == []


def test_noise_on_a_flat_density_rarely_makes_a_second_mode():
    # The stated rate is 3 %.
    generator = seeds.generator(7)
    false = 0
    for count in generator.multinomial(10**6, np.full(128, 1 / 128), size=500):
        false += len(significant_peaks(count, np.ones(128), 4.0)) != 1
    assert false <= most(500, 0.03)


def test_steepest_fall():
    assert steepest_fall([1, 4, 9, 16], np.ones(4)) == 0
    assert steepest_fall([16, 20, 9, 16], np.ones(4)) == pytest.approx(11 / np.sqrt(29))
    assert steepest_fall([20], [1]) == 0
