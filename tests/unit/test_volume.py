"""V(eps) against the raw losses and against laws whose tail is known."""

import json
import math

import numpy as np
import pytest
from scipy import stats

from geomreg_tui.statistics import LossDistribution, volume_curve
from geomreg_tui.summary import LossHistogram, Moments, Summary
from tests import seeds
from tests.rates import deviations, sigmas

NULL = 1.0


def distribution_of(losses, bits=12):
    losses = np.asarray(losses, dtype=float)
    histogram = LossHistogram.from_losses(losses, bits, NULL, 1e-12)
    return LossDistribution(Summary(histogram, Moments.from_losses(losses, NULL)), NULL)


def samples():
    generator = seeds.generator(8)
    chi = generator.chisquare(1, 30_000)
    mixed = chi.copy()
    mixed[:3000], mixed[3000:4000], mixed[4000:5000], mixed[5000:5100] = 0, NULL, np.nan, np.inf
    return {
        "chi-square": chi,
        "zeros, atom, not finite": mixed,
        "deep": np.maximum(generator.random(30_000), 1e-5) ** 60,  # no subnormal numbers
        "narrow": 3 + 1e-4 * generator.random(30_000),
        "lattice": generator.binomial(8, 0.4, 30_000) / 8,
        "atom": np.full(40, NULL),
        "one": np.array([0.3]),
    }


SAMPLES = samples()


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("bits", [6, 12])
def test_counts_are_those_of_the_raw_losses(name, bits):
    losses = SAMPLES[name]
    curve = volume_curve(distribution_of(losses, bits))
    assert curve.samples == losses.size
    for eps, count, volume in zip(curve.loss, curve.count, curve.volume, strict=True):
        assert count == np.count_nonzero(losses < eps)
        assert volume == count / losses.size
    finite = losses[np.isfinite(losses)]
    assert curve.count[-1] == finite.size
    # The curve ends where the sample does: no loss lies below the first point but zeros and one bin's.
    positive = finite[finite > 0]
    assert curve.loss[0] * (1 - 2.0**-bits) <= positive.min() < curve.loss[0]
    assert np.all(np.diff(curve.loss) > 0)
    assert curve.zero.estimate == np.count_nonzero(losses == 0) / losses.size
    assert curve.bound == min(1, 3 / losses.size)


def test_intervals_are_the_exact_binomial_ones():
    curve = volume_curve(distribution_of(SAMPLES["chi-square"]))
    for point in range(0, curve.loss.size, 37):
        expected = stats.binomtest(int(curve.count[point]), curve.samples).proportion_ci()
        assert curve.low[point] == pytest.approx(expected.low, rel=1e-8)
        assert curve.high[point] == pytest.approx(expected.high, rel=1e-8)


@pytest.mark.parametrize("degrees", [1, 3, 8])
def test_curve_and_errors_fit_the_chi_square_law(degrees):
    # z-scores over 200 samples at one eps each: two means, and two mean squares of chi-square law.
    generator = seeds.generator(degrees)
    law = stats.chi2(degrees)
    volumes, exponents = [], []
    for _ in range(200):
        curve = volume_curve(distribution_of(law.rvs(20_000, random_state=generator), 8))
        at = int(np.argmin(np.abs(curve.loss - law.ppf(0.05))))
        eps = curve.loss[at]
        volumes.append((curve.log10_volume[at] - math.log10(law.cdf(eps))) / curve.std[at])
        steps = np.array([curve.loss[at - 4], curve.loss[at + 4]])
        true = np.diff(np.log(law.cdf(steps)))[0] / np.diff(np.log(steps))[0]
        exponents.append((curve.exponent[at] - true) / curve.exponent_std[at])
    for scores in (np.array(volumes), np.array(exponents)):
        assert abs(scores.mean()) < sigmas(4) / math.sqrt(200)
        low, high = deviations(200, comparisons=4)
        assert low**2 < np.mean(scores**2) < high**2


def test_exponent_tends_to_half_the_dimension():
    losses = seeds.generator(3).chisquare(2, 10**6)
    curve = volume_curve(distribution_of(losses))
    low = np.isfinite(curve.exponent) & (curve.loss < 0.02)
    assert low.sum() > 30
    assert np.all(curve.exponent_std[low] > 0)
    # At eps = 0.02 the exponent of 1 - exp(-eps / 2) is below 1 by 0.005, a small part of its error.
    assert np.max(np.abs((curve.exponent[low] - 1.0) / curve.exponent_std[low])) < 5


def test_json_is_strict_and_has_the_contracted_keys():
    for losses in (
        *SAMPLES.values(),
        np.array([]),
        np.zeros(5),
        np.array([np.nan]),
        np.array([1.7e308, 5e-324]),
    ):
        plain = volume_curve(distribution_of(losses)).to_json()
        assert {"log10_loss", "log10_volume", "std"} <= set(plain)
        json.dumps(plain, allow_nan=False)


def test_without_networks_nothing_is_claimed():
    curve = volume_curve(distribution_of([]))
    assert curve.loss.size == 0
    assert curve.bound == 1
    assert math.isnan(curve.zero.estimate)
