"""Held-out performance given the training loss, with numpy on the raw networks as the judge."""

import json
import math

import numpy as np
import pytest
from scipy import stats

from geomreg_tui.statistics import held_out_given_loss
from geomreg_tui.summary import JointHistogram
from tests import seeds
from tests.rates import fewest

EXAMPLES = 50


def networks(size, seed=0):
    generator = seeds.generator(seed)
    train = generator.chisquare(2, size)
    held_out = train * 0.5 + generator.gamma(3, size=size)
    correct = generator.binomial(EXAMPLES, 1 / (1 + 0.3 * held_out))
    return train, held_out, correct


def test_counts_means_and_quantiles_hold_those_of_the_raw_networks():
    train, held_out, correct = networks(30_000)
    curve = held_out_given_loss(JointHistogram.from_losses(train, held_out, correct, EXAMPLES))
    assert curve.count[-1] == train.size
    assert curve.examples == EXAMPLES
    for point, eps in enumerate(curve.loss):
        kept = train < eps
        assert curve.count[point] == kept.sum()
        low, high = curve.mean_loss.low[point], curve.mean_loss.high[point]
        assert low <= held_out[kept].mean() <= high
        assert curve.accuracy.estimate[point] == pytest.approx(correct[kept].mean() / EXAMPLES)
        for share in (0.05, 0.5, 0.95):
            exact = np.quantile(held_out[kept], share, method="inverted_cdf")
            band = curve.loss_quantiles[share]
            assert band.estimate[point] == pytest.approx(exact, rel=1 / 16)
            assert band.low[point] <= exact <= band.high[point]
            exact = np.quantile(correct[kept] / EXAMPLES, share, method="inverted_cdf")
            band = curve.accuracy_quantiles[share]
            assert band.estimate[point] == exact
            assert band.low[point] <= exact <= band.high[point]


@pytest.mark.parametrize("size", [20, 400])
def test_intervals_cover_the_law(size):
    # 200 samples at 95 %. Coarse bins only widen the intervals.
    everything = networks(300_000, 99)
    truth = [everything[1].mean(), everything[2].mean() / EXAMPLES, np.median(everything[1])]
    held = np.zeros(3)
    for seed in range(200):
        train, held_out, correct = networks(size, seed)
        curve = held_out_given_loss(JointHistogram.from_losses(train, held_out, correct, EXAMPLES))
        bands = (curve.mean_loss, curve.accuracy, curve.loss_quantiles[0.5])
        held += [band.low[-1] <= value <= band.high[-1] for band, value in zip(bands, truth, strict=True)]
    assert np.all(held >= fewest(200, 0.95, comparisons=3))


@pytest.mark.parametrize("size", [1, 3, 10, 60])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_accuracy_of_a_few_all_or_nothing_networks_is_covered(size, share):
    right = np.arange(size + 1)
    held = 0.0
    for number in right:
        correct = np.r_[np.full(number, EXAMPLES), np.zeros(size - number)].astype(int)
        joint = JointHistogram.from_losses(np.full(size, 0.3), np.full(size, 0.3), correct, EXAMPLES)
        band = held_out_given_loss(joint).accuracy
        if band.low[-1] <= share <= band.high[-1]:
            held += stats.binom.pmf(number, size, share)
    # Agresti and Coull's interval, which it is here but for Student's factor, stays above 92 %.
    assert held >= 0.92


def test_exact_zeros_have_a_point_of_their_own():
    train = np.array([0.0] * 40 + [0.5] * 60)
    held_out = np.array([1.0] * 40 + [4.0] * 60)
    curve = held_out_given_loss(JointHistogram.from_losses(train, held_out, None, 7))
    assert curve.loss[0] == 0
    assert curve.count.tolist() == [40, 100]
    assert curve.loss_quantiles[0.5].estimate == pytest.approx([1.0, 4.0], rel=1 / 16)
    assert curve.accuracy is None
    assert curve.accuracy_quantiles == {}


def test_losses_that_are_not_finite_are_counted_and_shown():
    train = np.array([0.1, 0.2, 0.3, np.nan, np.inf])
    held_out = np.array([0.1, np.inf, np.nan, 0.1, 0.2])
    curve = held_out_given_loss(JointHistogram.from_losses(train, held_out, None, 7))
    assert curve.count.tolist()[-1] == 3
    assert curve.infinite.tolist()[-1] == 2
    assert math.isnan(curve.mean_loss.estimate[-1])
    assert not math.isnan(curve.mean_loss.estimate[0])
    assert curve.loss_quantiles[0.5].estimate[-1] == math.inf
    json.dumps(curve.to_json(), allow_nan=False)


def test_nothing_gives_nothing():
    for joint in (JointHistogram.empty(5), JointHistogram.from_losses([np.nan], [0.1], [3], 5)):
        curve = held_out_given_loss(joint)
        assert curve.loss.size == curve.count.size == curve.mean_loss.estimate.size == 0
        json.dumps(curve.to_json(), allow_nan=False)


def test_one_network_has_no_finite_interval_of_its_mean():
    curve = held_out_given_loss(JointHistogram.from_losses([0.3], [0.5], [4], 5))
    assert curve.mean_loss.high[-1] == math.inf
    assert curve.accuracy.low[-1] < 0.3
    json.dumps(curve.to_json(), allow_nan=False)


def test_number_of_points_is_bounded():
    train = np.exp(seeds.generator(1).normal(0, 30, 5000))
    curve = held_out_given_loss(JointHistogram.from_losses(train, train, None, 5), points=20)
    assert 15 <= curve.loss.size <= 22
    assert curve.count[-1] == 5000
    assert np.all(np.diff(curve.loss) > 0)
