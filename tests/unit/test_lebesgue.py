"""Lebesgue volumes of low loss against volumes that geometry gives."""

import math

import numpy as np
import pytest

from geomreg_tui.statistics import LossDistribution, lebesgue_curve, volume_curve
from tests.rates import sigmas

from ..statistics.laws import draw_summary, single_example

COUNT = 200_000


def curve_of(tmp_path, values, x, y):
    summary, facts = draw_summary({**single_example(tmp_path, x, y), "depth": 0, **values}, COUNT)
    curve = volume_curve(LossDistribution(summary, facts.null_loss))
    return curve, lebesgue_curve(curve, facts.support, facts.parameters), facts


def agrees(curve, found, exact):
    """Assert that log10 volumes agree at all points together, where a thousand networks or more are."""
    good = (curve.count > 1000) & (curve.volume < 0.9)
    assert np.count_nonzero(good) > 20
    bound = sigmas(np.count_nonzero(good))
    assert np.all(np.abs(found - exact)[good] < bound * curve.std[good] + 2e-4)


def test_a_slab_of_a_box(tmp_path):
    # w in [-g, g], L = w^2: {L <= e} is an interval of length 2 sqrt(e).
    curve, lebesgue, _ = curve_of(tmp_path, {"init": "uniform", "gain": 3.0}, [1.0], 0.0)
    agrees(curve, lebesgue.log10_volume, np.log10(2 * np.sqrt(curve.loss)))
    # The one-dimensional ball of equal volume is the interval itself.
    np.testing.assert_allclose(lebesgue.radius, 10**lebesgue.log10_volume / 2, rtol=1e-12)


def test_a_ball_within_a_box_and_within_a_ball(tmp_path):
    # Orthonormal examples and target 0: N L = |w|^2, so {L <= e} is a disc of area pi N e.
    for values in ({"init": "uniform", "gain": 1.0}, {"init": "ball", "gain": 2.0}):
        curve, lebesgue, _ = curve_of(tmp_path, values, np.eye(2), np.zeros(2))
        inside = 2 * curve.loss < 1.0
        exact = np.where(inside, np.log10(math.pi * 2 * curve.loss), lebesgue.log10_volume)
        agrees(curve, lebesgue.log10_volume, exact)
        good = inside & (curve.count > 1000)
        np.testing.assert_allclose(lebesgue.radius[good], np.sqrt(2 * curve.loss)[good], rtol=0.2)


@pytest.mark.parametrize(
    ("values", "log_volume"),
    [
        ({"init": "uniform", "gain": 1.5}, 3 * math.log(3.0)),
        ({"init": "torch_default"}, 3 * math.log(2 / math.sqrt(3))),
        ({"init": "uniform", "bias": True, "bias_scale": 0.25}, 3 * math.log(2.0) + math.log(0.5)),
        ({"init": "ball", "gain": 2.0}, math.log(4 / 3 * math.pi * 8)),
        ({"init": "ball", "bias": True, "bias_scale": 3.0}, math.log(math.pi**2 / 2 * 3)),
    ],
)
def test_the_whole_support_has_its_volume(tmp_path, values, log_volume):
    _, lebesgue, facts = curve_of(tmp_path, values, [[1.0, 2.0, 3.0]], [0.5])
    assert lebesgue.log10_support == pytest.approx(log_volume / math.log(10), rel=1e-12)
    assert facts.parameters == 3 + values.get("bias", False)


@pytest.mark.parametrize("init", ["he_normal", "sphere", "orthogonal", "binary", "laplace"])
def test_other_laws_have_none(tmp_path, init):
    assert curve_of(tmp_path, {"init": init}, [[1.0, 2.0]], [0.5])[1] is None
