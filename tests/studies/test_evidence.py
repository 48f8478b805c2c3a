"""Verdicts of findings: intervals that cover, and few that are wrong, against numpy's own random numbers.

Rates of error are counted over 2,000 families each and compared with 5 % at the rate of ``tests/rates.py``.
"""

import math

import numpy as np
import pytest
from scipy import stats

from geomreg_tui.statistics.evidence import (
    AGAINST,
    NOT_SUPPORTED,
    SUPPORTED,
    UNDECIDED,
    find,
    holm,
    mean_interval,
    verdicts_of,
)
from tests import seeds
from tests.rates import most

FAMILIES = 2000


def finding(values, expected="above", **more):
    return find("name", "claim", "measure", values, expected, **more)


def test_effects_and_p_values_are_those_of_scipy():
    rng = seeds.generator(1)
    for size in (2, 5, 40):
        values = rng.normal(0.3, 1.0, size)
        found = finding(values, margin=0.5)
        judged = stats.ttest_1samp(values, 0.0)
        low, high = judged.confidence_interval(0.95)
        assert found.effect == pytest.approx((values.mean(), low, high))
        assert found.p_different == pytest.approx(judged.pvalue)
        # Two one-sided tests (Schuirmann 1987): the larger of both p-values.
        tests = [
            stats.ttest_1samp(values, end, alternative=side).pvalue
            for end, side in ((-0.5, "greater"), (0.5, "less"))
        ]
        assert found.p_negligible == pytest.approx(max(tests))


@pytest.mark.parametrize("expected", ["above", "below", "different"])
def test_without_an_effect_few_families_have_a_verdict(expected):
    """Six findings of five replicates each, all of effect 0; a family errs if any is for or against."""
    rng = seeds.generator(2)
    wrong = 0
    for _ in range(FAMILIES):
        words = verdicts_of([finding(rng.normal(size=5), expected) for _ in range(6)])
        wrong += any(word != UNDECIDED for word in words)
    assert wrong <= most(FAMILIES, 0.05)


def test_an_effect_at_the_margin_is_seldom_called_negligible():
    rng = seeds.generator(3)
    wrong = 0
    for _ in range(FAMILIES):
        words = verdicts_of([finding(rng.normal(0.5, 0.3, 8), margin=0.5) for _ in range(3)])
        wrong += NOT_SUPPORTED in words
    assert wrong <= most(FAMILIES, 0.05)


def test_every_verdict_is_given_where_it_is_due():
    steady = np.array([-1, 1, -0.5, 0.5, 0.2, -0.2]) * 1e-3
    for expected, centre, margin, verdict in [
        ("above", 1.0, 0.1, SUPPORTED),
        ("above", -1.0, 0.1, AGAINST),
        ("above", 0.0, 0.1, NOT_SUPPORTED),
        ("above", 0.0, math.nan, UNDECIDED),
        ("below", -1.0, 0.1, SUPPORTED),
        ("below", 1.0, 0.1, AGAINST),
        ("different", 1.0, 0.1, SUPPORTED),
        ("different", 0.01, 0.1, NOT_SUPPORTED),
        ("equal", 0.01, 0.1, SUPPORTED),
        ("equal", 1.0, 0.1, AGAINST),
        ("equal", 0.1, 0.1, UNDECIDED),
    ]:
        found = finding(steady + centre, expected, margin=margin)
        assert verdicts_of([found]) == [verdict], (expected, centre)


def test_too_few_replicates_or_equal_ones_have_no_interval():
    assert verdicts_of([finding([]), finding([3.0]), finding([math.nan, 2.0])]) == [UNDECIDED] * 3
    assert finding([math.nan, 2.0, 3.0]).missing == 1
    # All equal: no scatter tells how sure that is, so it is the sign test's.
    equal = finding([1.0] * 8)
    assert (equal.effect.estimate, equal.p_different) == (1.0, 2 * 0.5**8)
    assert math.isnan(equal.effect.low)
    assert verdicts_of([equal]) == [SUPPORTED]
    assert verdicts_of([finding([1.0, 1.0])]) == [UNDECIDED]
    with pytest.raises(ValueError, match="margin"):
        finding([1.0, 2.0], "equal")


def test_holm_is_that_of_scipy_and_leaves_out_what_is_no_test():
    rng = seeds.generator(4)
    for _ in range(200):
        p_values = rng.random(7) ** 4
        order = np.sort(p_values)
        # By its definition (Holm 1979): reject while p_(k) <= 0.05 / (m - k + 1).
        limits = 0.05 / np.arange(7, 0, -1)
        count = int(np.argmin(np.append(order <= limits, False)))
        assert set(np.flatnonzero(holm(p_values))) == set(np.argsort(p_values)[:count])
        padded = np.insert(p_values, 3, math.nan)
        assert not holm(padded)[3]
        np.testing.assert_array_equal(np.delete(holm(padded), 3), holm(p_values))


def test_intervals_cover():
    """Of 2,000 intervals of skewed-free replicates at most 5 % miss."""
    rng = seeds.generator(5)
    draws = rng.normal(2.0, 3.0, (FAMILIES, 6))
    intervals = [mean_interval(row) for row in draws]
    assert sum(not low <= 2.0 <= high for _, low, high in intervals) <= most(FAMILIES, 0.05)
