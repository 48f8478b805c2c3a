"""Convex stretches of S(L) = ln V'(L): laws whose S is known, scipy's hull, and noise that makes none.

Rates of error are counted over 300 families and compared with 5 % at the rate of ``tests/rates.py``.
"""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.spatial import ConvexHull

from geomreg_tui.statistics.convexity import deepest_chord, entropy_of_bins, held_out_depths
from geomreg_tui.statistics.evidence import SUPPORTED, find, verdicts_of
from tests import seeds
from tests.rates import most

EDGES = np.logspace(-2, 0.5, 11)
MIDDLES = (EDGES[1:] + EDGES[:-1]) / 2


def depth(x, values, places):
    """Return how far values lie below the chord over three places, by numpy's interpolation."""
    a, b, c = places
    return np.interp(x[b], [x[a], x[c]], [values[a], values[c]]) - values[b]


def test_the_entropy_of_bins_is_the_log_of_the_density():
    """V = eps**3: S = ln 3 + 2 ln eps, far below the smallest number too; a bin has its mean density."""
    fine = np.logspace(-400 / 3, 0, 4001)
    middles, entropy = entropy_of_bins(fine, 3 * np.log10(fine))
    np.testing.assert_allclose(entropy, np.log(3) + 2 * np.log(middles), atol=3e-3)
    middles, entropy = entropy_of_bins([1.0, 2.0, 3.0, 4.0], [math.nan, -1.0, -1.0, 0.0])
    assert middles.tolist() == [1.5, 2.5, 3.5]
    assert np.isnan(entropy).tolist() == [True, True, False]
    assert entropy[2] == pytest.approx(math.log(0.9))


def test_the_deepest_chord_is_that_of_the_hull():
    """The upper hull of the points is the least concave function above them: its largest gap is the depth."""
    rng, seen = seeds.generator(81), 0
    for _ in range(50):
        x = np.sort(rng.uniform(0, 1, 9))
        values = 20 * x + np.cumsum(rng.normal(size=9))
        places = deepest_chord(x, values)
        hull = ConvexHull(np.column_stack([np.append(x, x.mean()), np.append(values, values.min() - 1e3)]))
        upper = sorted(place for place in hull.vertices if place < 9)
        gap = np.interp(x, x[upper], values[upper]) - values
        if (np.diff(values[upper]) > 0).all() and gap.max() > 0:
            assert depth(x, values, places) == pytest.approx(gap.max())
            seen += 1
    assert seen > 10


def test_laws_without_and_with_a_transition_are_told_apart():
    """Power laws with lambda above 1 are concave. Two humps of the density, the lower rarer, are not."""
    for exponent in (1.5, 2.0, 10.0):
        middles, entropy = entropy_of_bins(EDGES, exponent * np.log10(EDGES / EDGES[-1]))
        assert depth(middles, entropy, deepest_chord(middles, entropy)) < 0
    low, high = stats.norm(0.3, 0.05), stats.norm(2.0, 0.3)
    volume = 1e-3 * low.cdf(EDGES) + (1 - 1e-3) * high.cdf(EDGES)
    middles, entropy = entropy_of_bins(EDGES, np.log10(volume))
    assert depth(middles, entropy, deepest_chord(middles, entropy)) > 1
    # Of a density that falls everywhere no chord rises: beta would be below 0.
    assert deepest_chord(middles, -middles) is None
    assert deepest_chord(middles[:2], middles[:2]) is None


def test_noise_seldom_makes_a_transition_and_a_dip_is_found():
    rng = seeds.generator(82)
    concave = np.log(MIDDLES)
    wrong = 0
    for _ in range(300):
        table = concave + rng.normal(0, 0.3, (6, len(MIDDLES)))
        depths = held_out_depths(MIDDLES, table)
        wrong += verdicts_of([find("n", "c", "m", depths, "above", margin=0.5)]) == [SUPPORTED]
    assert wrong <= most(300, 0.05)
    dipped = concave - 2.0 * ((MIDDLES > 0.1) & (MIDDLES < 0.3))
    depths = held_out_depths(MIDDLES, dipped + rng.normal(0, 0.1, (6, len(MIDDLES))))
    assert verdicts_of([find("n", "c", "m", depths, "above", margin=0.5)]) == [SUPPORTED]
    assert np.isnan(held_out_depths(MIDDLES, table[:2])).all()
