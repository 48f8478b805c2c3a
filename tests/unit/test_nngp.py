"""Judged by two-dimensional quadrature of torch's own activations, and by wide networks drawn with numpy."""

import math
from typing import get_args

import mpmath
import numpy as np
import pytest
import torch
from numpy.polynomial.legendre import leggauss

from geomreg_tui.activations import LEAKY_SLOPE
from geomreg_tui.experiment import Activation
from geomreg_tui.networks.activations import activation
from geomreg_tui.statistics.nngp import SLOPES, LayerVariance, activation_covariance, kernel_cost, nngp_kernel
from tests import seeds
from tests.rates import sigmas

ACTIVATIONS = get_args(Activation)
PAIRS = [
    (1.0, 1.0, 0.3),
    (0.5, 2.0, -0.7),
    (1.7, 1.7, 1.7),
    (0.01, 0.02, 0.005),
    (30.0, 20.0, 15.0),
    (1.0, 3.0, 0.0),
]


def phi(name: str, z: np.ndarray) -> np.ndarray:
    return activation(name)(torch.tensor(z)).numpy()


def quadrature(name: str, a: float, d: float, c: float) -> float:
    """E[phi(u) phi(v)] over standard normal plane coordinates, in panels that end where phi has a kink."""
    nodes, weights = leggauss(60)
    # v = root_d z, u = slope v + spread w
    slope, spread = c / d, math.sqrt(max(a - c * c / d, 0.0))

    def panels(kink: float, fine: float) -> tuple[np.ndarray, np.ndarray]:
        near = [kink + side * fine * 4.0**k for side in (-1, 1) for k in range(-1, 12)]
        edges = np.unique(np.clip([-9.0, kink, 9.0, *near], -9, 9))
        middle, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
        z = (middle[:, None] + half[:, None] * nodes).ravel()
        return z, (half[:, None] * weights).ravel() * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    outer, outer_weights = panels(0.0, 1 / math.sqrt(d))
    v = math.sqrt(d) * outer
    inner = phi(name, slope * v)
    if spread:
        inner = np.empty_like(v)
        for i, mean in enumerate(slope * v):
            w, w_weights = panels(float(np.clip(-mean / spread, -9, 9)), 1 / spread)
            inner[i] = w_weights @ phi(name, mean + spread * w)
    return float(outer_weights @ (inner * phi(name, v)))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_expectations_agree_with_quadrature(name: str) -> None:
    a, d, c = np.array(PAIRS).T
    expected = [quadrature(name, *pair) for pair in PAIRS]
    assert activation_covariance(name, a, d, c) == pytest.approx(expected, rel=1e-8, abs=1e-11)


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "silu", "gelu"])
def test_saturated_activations_are_accurate_at_any_scale(name: str) -> None:
    variance = 1e6

    def integrand(z):
        u = 1000 * z
        values = {
            "tanh": lambda: mpmath.tanh(u),
            "sigmoid": lambda: 1 / (1 + mpmath.exp(-u)),
            "silu": lambda: u / (1 + mpmath.exp(-u)),
            "gelu": lambda: u * mpmath.ncdf(u),
        }
        return values[name]() ** 2 * mpmath.npdf(z)

    edges = [-12, -1, -0.1, -0.01, -0.001, 0, 0.001, 0.01, 0.1, 1, 12]
    expected = float(mpmath.quad(integrand, edges))
    one = np.array([variance])
    assert activation_covariance(name, one, one, one)[0] == pytest.approx(expected, rel=1e-8)


def test_slopes_are_those_of_the_activations() -> None:
    assert SLOPES["leaky_relu"] == LEAKY_SLOPE
    for name, slope in SLOPES.items():
        assert phi(name, np.array([-2.0, 3.0])) == pytest.approx([-2 * slope, 3])


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu", "sin"])
def test_recursion_agrees_with_wide_random_networks(name: str) -> None:
    """Ten covariances, each the mean over 32 networks of width 800.

    The allowance of 4e-3 is for the bias of finite width, of order depth / width.
    """
    rng = seeds.generator(5)
    width, networks, x = 800, 32, rng.normal(size=(4, 3))
    layers = [LayerVariance(1.5, 0.1), LayerVariance(1.2, 0.2), LayerVariance(0.8, 0.3)]
    products = []
    for _ in range(networks):
        h = x.T
        for layer in layers[:-1]:
            weights = rng.normal(size=(width, len(h))) * math.sqrt(layer.weight / len(h))
            h = phi(name, weights @ h + math.sqrt(layer.bias) * rng.normal(size=(width, 1)))
        # The output's covariance given the hidden layers needs no draw of the last layer.
        products.append(layers[-1].weight * h.T @ h / width + layers[-1].bias)
    mean, error = np.mean(products, axis=0), np.std(products, axis=0, ddof=1) / math.sqrt(networks)
    kernel = nngp_kernel(x, name, layers)
    bound = sigmas(10, freedom=networks - 1)
    assert np.all(np.abs(kernel - mean) < bound * error + 4e-3 * np.abs(kernel))


def test_one_layer_is_the_gram_matrix() -> None:
    x = seeds.generator(0).normal(size=(5, 3))
    assert nngp_kernel(x, "tanh", [LayerVariance(3 * 0.7, 0.2)]) == pytest.approx(0.7 * x @ x.T + 0.2)


def test_he_scaling_keeps_the_variance_of_relu_networks() -> None:
    x = np.ones((1, 10))
    assert nngp_kernel(x, "relu", [LayerVariance(2.0, 0.0)] * 200)[0, 0] == pytest.approx(2.0)


def test_an_example_of_zeros_and_a_repeated_one_are_no_trouble() -> None:
    x = np.array([[0.0, 0.0], [1.0, 2.0], [1.0, 2.0]])
    for name in ACTIVATIONS:
        kernel = nngp_kernel(x, name, [LayerVariance(2.0, 0.0)] * 3)
        assert np.all(np.isfinite(kernel))
        assert kernel[1, 1] == pytest.approx(kernel[1, 2], rel=1e-12)
        assert np.linalg.eigvalsh(kernel)[0] > -1e-12


def test_kernels_that_do_not_fit_a_float_say_so_without_a_warning() -> None:
    kernel = nngp_kernel(np.ones((2, 1)), "relu", [LayerVariance(1e300, 0.0)] * 3)
    assert not np.all(np.isfinite(kernel))


def test_mixtures_cost_more() -> None:
    assert kernel_cost("relu", 4, 3) == 30
    assert kernel_cost("tanh", 4, 3) > 100 * 30


def test_unknown_activation_is_refused() -> None:
    one = np.ones(1)
    with pytest.raises(ValueError, match="softmax"):
        activation_covariance("softmax", one, one, one)
