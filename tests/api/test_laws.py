"""The law of infinite width, as people call it: against chi-square laws, and where it does not apply."""

import numpy as np
import pytest
from scipy import stats

import geomreg_tui as geomreg

LINEAR = {"depth": 0, "init": "normal", "standardize": False}


@pytest.mark.parametrize("examples", [1, 5, 40])
@pytest.mark.parametrize("gain", [0.5, 1.0])
def test_a_linear_model_on_orthonormal_inputs_has_a_chi_square_law(examples, gain):
    data = (np.eye(examples), np.zeros(examples))
    law = geomreg.infinite_width(data=data, examples=examples, gain=gain, **LINEAR)
    exact = stats.chi2(examples, scale=gain**2 / examples)
    loss = exact.ppf([1e-200, 1e-12, 0.01, 0.5, 0.99])
    np.testing.assert_allclose(law.log_cdf(loss), exact.logcdf(loss), rtol=1e-6, atol=1e-8)
    assert law.mean == pytest.approx(gain**2)


def test_one_relu_unit_infinitely_wide_is_a_normal_output():
    # He's weights keep the mean square of the inputs from layer to layer: 2 E[relu(u)^2] = E[u^2].
    x, y = np.array([[3.0, 4.0]]), np.array([0.7])
    law = geomreg.infinite_width(
        data=(x, y), examples=1, depth=3, init="he_normal", standardize=False, loss="mse"
    )
    variance = 2 * (x @ x.T).item() / 2
    exact = stats.ncx2(1, y.item() ** 2 / variance, scale=variance)
    loss = np.array([1e-6, 0.1, 3.0, 80.0])
    np.testing.assert_allclose(law.cdf(loss), exact.cdf(loss), rtol=1e-6)


@pytest.mark.parametrize(
    "keys",
    [
        {"loss": "cross_entropy", "data": "iris"},
        {"arch": "conv", "data": "digits"},
        {"arch": "custom", "module": "os:abort", "data": "digits"},
        {"init": "orthogonal", "data": "digits"},
        {"residual": True, "data": "digits"},
        {"data": "digits", "examples": 300},
    ],
)
def test_where_it_does_not_apply_it_says_what_it_needs(keys):
    with pytest.raises(geomreg.ExperimentError, match="needs a plain mlp, mse, independent Gaussian"):
        geomreg.infinite_width(**keys)


def test_wrong_keys_and_data_are_refused_as_everywhere():
    with pytest.raises(geomreg.ExperimentError, match="Did you mean 'width'"):
        geomreg.infinite_width(widht=3)
    with pytest.raises(geomreg.DataError):
        geomreg.infinite_width(data="no/such/file.csv")
