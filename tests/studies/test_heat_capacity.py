"""Canonical averages against closed forms, mpmath's derivatives, and draws."""

import math

import mpmath
import numpy as np
import pytest

from geomreg_tui.statistics.heat_capacity import gaussian_heat_capacity, heat_capacity
from geomreg_tui.statistics.quadratic_form import squared_error_law
from tests import seeds

BETAS = np.logspace(-1, 2, 7)


@pytest.fixture(scope="module")
def model():
    rng = seeds.generator(41)
    root = rng.normal(size=(4, 6))
    return root @ root.T, rng.normal(size=4)


def test_a_power_law_has_its_exponent_at_every_beta():
    """V = eps**lambda up to 1: beta so large that the end at 1 does not show."""
    log10_loss = np.linspace(-6, 0, 4000)
    for exponent in (0.5, 2.0, 7.5):
        found = heat_capacity(log10_loss, exponent * log10_loss, [100.0, 1e4])
        np.testing.assert_allclose(found, exponent, rtol=2e-3)


def test_the_gaussian_law_is_the_second_derivative_of_log_z(model):
    kernel, y = model
    matrix, target = mpmath.matrix(kernel.tolist()), mpmath.matrix(y.tolist())

    def log_z(beta):
        inverse = mpmath.eye(4) + 2 * beta / 4 * matrix
        form = (target.T * mpmath.inverse(inverse) * target)[0]
        return -mpmath.log(mpmath.det(inverse)) / 2 - beta * form / 4

    with mpmath.workdps(40):
        expected = [float(b**2 * mpmath.diff(log_z, mpmath.mpf(b), 2)) for b in BETAS]
    np.testing.assert_allclose(gaussian_heat_capacity(kernel, y, BETAS), expected, rtol=1e-8)


def test_the_curve_of_volume_gives_the_law(model):
    kernel, y = model
    law = squared_error_law(kernel, y[:, None])
    log10_loss = np.linspace(-3.5, 3, 3000)
    log10_volume = law.log_cdf(10.0**log10_loss) / math.log(10)
    found = heat_capacity(log10_loss, log10_volume, BETAS)
    np.testing.assert_allclose(found, gaussian_heat_capacity(kernel, y, BETAS), rtol=5e-3)


def test_nothing_is_said_where_the_curve_has_ended():
    log10_loss = np.linspace(-2, 0, 200)
    found = heat_capacity(log10_loss, log10_loss, [1.0, 1e4])
    assert np.isfinite(found[0])
    assert np.isnan(found[1])
    assert np.isnan(heat_capacity(np.empty(0), np.empty(0), [1.0])).all()
