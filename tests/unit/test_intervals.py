"""Intervals for probabilities, against scipy and against the binomial law itself."""

import numpy as np
import pytest
from scipy import stats

from geomreg_tui.statistics.intervals import (
    Interval,
    clopper_pearson,
    effective_share,
    rule_of_three,
    simultaneous_bands,
    wilson,
)
from tests import seeds
from tests.rates import fewest

CASES = [(0, 1), (1, 1), (0, 30), (30, 30), (1, 30), (7, 30), (500, 1000), (3, 10**9), (999_999_998, 10**9)]


@pytest.mark.parametrize(("successes", "trials"), CASES)
@pytest.mark.parametrize("level", [0.9, 0.95, 0.999])
@pytest.mark.parametrize(("method", "name"), [(clopper_pearson, "exact"), (wilson, "wilson")])
def test_ends_are_those_of_scipy(successes, trials, level, method, name):
    expected = stats.binomtest(successes, trials).proportion_ci(level, method=name)
    low, high = method(successes, trials, level)
    # scipy finds the exact ends by root finding to about 1e-12.
    assert float(low) == pytest.approx(expected.low, rel=1e-9, abs=1e-11)
    assert float(high) == pytest.approx(expected.high, rel=1e-9, abs=1e-11)


@pytest.mark.parametrize("share", [1e-4, 0.003, 0.1, 0.5, 0.93])
@pytest.mark.parametrize("trials", [5, 40, 300])
def test_exact_interval_covers_at_least_its_level(share, trials):
    successes = np.arange(trials + 1)
    low, high = clopper_pearson(successes, trials)
    covered = stats.binom.pmf(successes, trials, share)[(low <= share) & (share <= high)].sum()
    assert covered >= 0.95 - 1e-12


def test_without_trials_nothing_is_known():
    for method in (clopper_pearson, wilson):
        low, high = method([0, 0], [0, 0])
        assert low.tolist() == [0, 0]
        assert high.tolist() == [1, 1]


@pytest.mark.parametrize("method", [clopper_pearson, wilson])
@pytest.mark.parametrize("successes", [-1, 11])
def test_impossible_counts_are_refused(method, successes):
    with pytest.raises(ValueError, match="between 0 and trials"):
        method(successes, 10)


def test_bound_for_what_was_never_seen():
    for trials in (10, 1000, 10**9):
        exact = 1 - 0.05 ** (1 / trials)  # one-sided: the share at which nothing is seen once in 20 times
        assert exact < rule_of_three(trials) < 1.17 * exact
    assert rule_of_three(0) == rule_of_three(2) == 1


def test_bands_hold_all_cells_at_once():
    # 400 samples at 95 %; the bands are wider.
    probability = np.r_[np.full(20, 0.01), np.full(20, 0.04 - 1e-4), 0.002]
    generator = seeds.generator(1)
    held = 0
    for count in generator.multinomial(2000, probability, size=400):
        low, high = simultaneous_bands(count, 2000)
        held += bool(np.all((low <= probability) & (probability <= high)))
    assert held >= fewest(400, 0.95)


def test_bands_are_wider_than_one_interval_and_not_by_much():
    low, high = simultaneous_bands([50] * 100, 5000)
    alone_low, alone_high = clopper_pearson(50, 5000)
    assert np.all(low < alone_low)
    assert np.all(high > alone_high)
    # 1 - 0.05 / 100 of a normal law reaches 3.48 / 1.96 as far as 95 %.
    assert float(high[0] - low[0]) == pytest.approx(float(alone_high - alone_low) * 3.48 / 1.96, rel=0.05)


def test_effective_share_with_the_binomial_variance_is_the_exact_interval():
    interval, trials = effective_share(0.3, 0.3 * 0.7 / 500, 500)
    assert trials == pytest.approx(500)
    expected = stats.binomtest(150, 500).proportion_ci()
    assert interval == pytest.approx((0.3, expected.low, expected.high), rel=1e-8)


def test_effective_share_widens_with_the_variance_and_never_claims_more_than_was_drawn():
    noisy, trials = effective_share(0.3, 4 * 0.3 * 0.7 / 500, 500)
    assert trials == pytest.approx(125)
    assert noisy.high - noisy.low == pytest.approx(2 * 2 * 1.96 * np.sqrt(0.21 / 500), rel=0.05)
    assert effective_share(0.3, 1e-9, 500)[1] == 500
    certain, trials = effective_share(1.0, 0.0, 500)
    assert trials == 500
    assert certain.low == pytest.approx(0.025 ** (1 / 500))


def test_undefined_is_none_in_json():
    interval, trials = effective_share(float("nan"), 0.0, 0)
    assert interval.to_json() == [None, None, None]
    assert trials == 0
    assert Interval(0.5, 0.25, np.inf).to_json() == [0.5, 0.25, None]
