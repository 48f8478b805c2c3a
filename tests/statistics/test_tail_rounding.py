"""Where splitting ends because f - y is rounding: outputs whose terms cancel, whatever the targets."""

import math

import mpmath
import numpy as np
import pytest

from tests.rates import sigmas
from tests.size import sized
from tests.statistics.tail import LN10, Goal, orthonormal, space_of, walk
from tests.statistics.test_tail_scales import log_product

SHARE = 1e3 * 2.0**-52  # of the size of terms, that residuals have to be
WIDTH = 4
LINEAR = {"depth": 1, "width": WIDTH, "activation": "linear"}


def walked_by_weights(folder, target, **more):
    space = space_of({**orthonormal(folder, 1, target), **LINEAR, **more}, weights=True)
    return space, walk(space, Goal(log_volume=-40 * LN10), population=200, kernel="pcn")


@pytest.mark.parametrize(
    "target", [0.0, 1e-6, *(pytest.param(t, marks=pytest.mark.full) for t in (0.01, 10.0))]
)
@pytest.mark.parametrize("loss", ["mse", pytest.param("mae", marks=pytest.mark.full), "huber"])
def test_it_ends_with_digits_left_in_every_loss(tmp_path, target, loss):
    """The output of a linear network on one example is a sum of four products of two weights."""
    space, walked = walked_by_weights(tmp_path, target, loss=loss)
    assert walked.population.status == "resolution"
    particles = walked.population.particles
    size = max(target, 1.0)
    power = {"mse": 2, "huber": 2, "mae": 1}[loss]
    level = walked.population.bound.log_excess
    assert power * math.log(SHARE * size / 10) < level < power * math.log(SHARE * size * 10)
    wrong = []
    with mpmath.workdps(50):
        for normals, found in zip(particles.normals.tolist(), particles.log_excess.tolist(), strict=True):
            output = mpmath.fdot(normals[:WIDTH], normals[WIDTH:]) * float(space.sampler.law.gain)
            residual = abs(output - target)
            exact = {"mse": residual**2, "huber": residual**2 / 2, "mae": residual}[loss]
            wrong.append(abs(found - float(mpmath.log(exact))))
    # Residuals are even below the level: one in twenty is below 50 roundings.
    assert np.median(wrong) < 0.02
    assert np.quantile(wrong, 0.95) < 0.3


def test_volumes_are_exact_down_to_there(tmp_path):
    """Where V would go on to 1e-40, losses of 0 among rounded ones are no volume of perfect fits."""
    _, walked = walked_by_weights(tmp_path, 0.0)
    assert np.isfinite(walked.log_loss).all()
    losses = walked.log_loss[(walked.variance > 0) & (walked.variance < 0.3)][::20]
    assert len(losses) >= 10
    found, error = walked.at(losses)
    exact = np.array([log_product(WIDTH, 1, one) for one in losses])
    assert np.abs((found - exact) / error).max() < sigmas(len(losses))


def test_where_terms_are_as_small_as_their_sum_it_goes_on(tmp_path):
    """A single product, or coordinates that residuals are triangular in, keep all their digits."""
    for values, weights in (({**LINEAR, "width": 1}, True), (LINEAR, False)):
        space = space_of({**orthonormal(tmp_path, 1, 0), **values}, weights=weights)
        walked = walk(space, Goal(log_volume=-25 * LN10), population=sized(50, 100), kernel="pcn")
        assert walked.population.status == "volume reached"
        assert walked.log_loss[-1] < 2 * math.log(1e-20)
