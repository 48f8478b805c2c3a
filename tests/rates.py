"""Bounds of statistical tests, each from a rate of false alarm and the number of comparisons.

``ALPHA`` is the rate at which one test fails a correct program, all its comparisons together. With base
seeds fixed the suite passes or fails for good; over all base seeds one in 10,000 would fail a test. Base
seeds other than the default one are tried five together (``make test-seeds``): they share that rate.
"""

from __future__ import annotations

import math

from scipy import stats

from tests import seeds

ALPHA = 1e-4 / (5 if seeds.BASE else 1)


def sigmas(comparisons: int = 1, freedom: float = math.inf, alpha: float = ALPHA) -> float:
    """Return how many standard errors none of so many comparisons exceeds, but at the rate ``alpha``.

    ``freedom``: the degrees of freedom of the standard errors, where they are estimated (Student's law).
    """
    return float(stats.t.isf(alpha / comparisons / 2, freedom))


def deviations(freedom: float, comparisons: int = 1, alpha: float = ALPHA) -> tuple[float, float]:
    """Return bounds of the ratio of an estimated to the true standard deviation, of normal draws."""
    share = alpha / comparisons / 2
    low, high = stats.chi2.ppf(share, freedom), stats.chi2.isf(share, freedom)
    return math.sqrt(low / freedom), math.sqrt(high / freedom)


def fewest(trials: int, share: float, comparisons: int = 1, alpha: float = ALPHA) -> int:
    """Return the fewest successes of probability ``share`` or more, one-sided."""
    return int(stats.binom.ppf(alpha / comparisons, trials, share))


def most(trials: int, share: float, comparisons: int = 1, alpha: float = ALPHA) -> int:
    """Return the most successes of probability ``share`` or less, one-sided."""
    return int(stats.binom.isf(alpha / comparisons, trials, share))
