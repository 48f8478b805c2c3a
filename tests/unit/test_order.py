"""Quantiles with intervals of order statistics."""

import numpy as np
import pytest
from scipy import stats

from geomreg_tui.statistics.order import quantile_interval


@pytest.mark.parametrize("size", [6, 7, 20, 64, 501])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_coverage_is_at_least_the_level(size, share):
    interval = quantile_interval(np.arange(1, size + 1), share)
    # The number of values below the quantile is binomial; the interval misses if it is outside these ranks.
    below = 0.0 if np.isinf(interval.low) else stats.binom.cdf(interval.low - 1, size, share)
    above = 0.0 if np.isinf(interval.high) else stats.binom.sf(interval.high - 1, size, share)
    assert below <= 0.025
    assert above <= 0.025
    # No narrower pair of ranks does.
    if np.isfinite(interval.low):
        assert stats.binom.cdf(interval.low, size, share) > 0.025


def test_known_ranks_of_a_median():
    # Table of Conover (1999): of 20 values the 6th and the 15th hold the median with 95.9 %.
    assert quantile_interval(np.arange(1, 21)) == (10.5, 6, 15)


def test_small_samples_have_no_ends_and_empty_ones_nothing():
    assert quantile_interval([3.0]) == (3.0, -np.inf, np.inf)
    assert np.isnan(quantile_interval([]).estimate)
    assert quantile_interval([np.nan, 2.0, 1.0, np.nan]).estimate == 1.5


def test_infinite_values_have_their_rank():
    values = [1.0, 2.0, np.inf, np.inf, np.inf]
    assert quantile_interval(values).estimate == np.inf
