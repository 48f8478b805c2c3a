"""Held-out errors at infinite width, against models linear in their weights, for which they are exact.

Means of 4,000 draws are compared in their standard errors, at the rate of ``tests/rates.py``.
"""

import math

import numpy as np
import pytest

from geomreg_tui.statistics.infinite_training import posterior_error, trained_error
from tests import seeds
from tests.rates import sigmas

DRAWS = 4000
TRAINING, HELD_OUT, WEIGHTS = 5, 7, 30


@pytest.fixture(scope="module")
def model():
    """Features of the outputs at the start, slopes by the weights, and targets."""
    rng = seeds.generator(11)
    start = rng.normal(size=(TRAINING + HELD_OUT, WEIGHTS))
    slopes = rng.normal(size=(TRAINING + HELD_OUT, WEIGHTS))
    return start, slopes, rng.normal(size=TRAINING + HELD_OUT)


def errors(outputs, targets):
    return np.mean((outputs[:, TRAINING:] - targets[TRAINING:]) ** 2, axis=1)


def assert_mean(values, expected):
    error = values.std(ddof=1) / math.sqrt(len(values))
    assert abs(values.mean() - expected) < sigmas(2) * error


def test_gradient_descent_on_a_linearised_model_ends_as_the_formula_says(model):
    """f = f_0 + J w with w = 0 at first: descent ends at the least w that fits, J_n^+ (y - f_0)."""
    start, slopes, y = model
    rng = seeds.generator(12)
    first = rng.normal(size=(DRAWS, WEIGHTS)) @ start.T
    weights = (y[:TRAINING] - first[:, :TRAINING]) @ np.linalg.pinv(slopes[:TRAINING]).T
    found = errors(first + weights @ slopes.T, y)
    assert_mean(found, trained_error(start @ start.T, slopes @ slopes.T, y, TRAINING))


def test_a_network_drawn_given_that_it_fits_is_off_as_the_formula_says(model):
    """f = A w, w ~ N(0, I) given A_n w = y is w_0 + A_n^+ (y - A_n w_0): Matheron's rule."""
    start, _, y = model
    rng = seeds.generator(13)
    drawn = rng.normal(size=(DRAWS, WEIGHTS))
    fitted = drawn + (y[:TRAINING] - drawn @ start[:TRAINING].T) @ np.linalg.pinv(start[:TRAINING]).T
    assert_mean(errors(fitted @ start.T, y), posterior_error(start @ start.T, y, TRAINING))


def test_examples_that_are_repeated_change_nothing(model):
    start, slopes, y = model
    rows = [0, 0, *range(TRAINING + HELD_OUT)]
    twice = trained_error(
        (start @ start.T)[np.ix_(rows, rows)], (slopes @ slopes.T)[np.ix_(rows, rows)], y[rows], TRAINING + 2
    )
    once = trained_error(start @ start.T, slopes @ slopes.T, y, TRAINING)
    assert twice == pytest.approx(once, rel=1e-8)
