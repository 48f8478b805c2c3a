"""Gradients and walks of drawn networks against laws that theory gives.

Each test fails a correct program at the rate in ``tests/rates.py``, all its comparisons together. Laws of
infinite width are approached: their tests take layers so wide that what is left of 1 / width is below the
error of the sample.
"""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from geomreg_tui.gradients.walk import PairedLayers, paired_outputs
from geomreg_tui.statistics import gradient_laws
from geomreg_tui.statistics.nngp import LayerVariance, nngp_kernel
from tests import seeds
from tests.rates import ALPHA, sigmas

from .making import observed, observer


def written(tmp_path, x, y):
    """Write examples to a file; return the keys of an experiment on them."""
    path = tmp_path / "examples.npz"
    np.savez(path, x=np.asarray(x, float), y=np.asarray(y, float))
    return {"data": str(path), "examples": len(x), "standardize": False, "dtype": "float32"}


def seen(made):
    """Return the examples in the order in which networks see them, x (N, n_0) and y (N, C)."""
    return made._x.double().numpy(), made.sampler.objective.targets


def points(count, size, *key):
    return seeds.generator(30, *key).normal(size=(count, size))


def ntks(made, count, *key):
    """Return Theta of networks, (count, N, N)."""
    generator, parts = seeds.torch_generator(*key), []
    with torch.inference_mode():
        for _ in range(0, count, 256):
            stream = made._stream(generator)
            done = made.draw(256, stream)
            parts.append(done.gram(torch.ones_like(done.outputs)))
    return torch.cat(parts)[:count].numpy()


def pairs_of_outputs(made, count, *key):
    """Return the outputs of networks before and after a step, (count, C N) both."""
    generator, found = seeds.torch_generator(*key), ([], [])
    with torch.inference_mode():
        for _ in range(0, count, 256):
            layers = PairedLayers(
                made.sampler.law, 256, made._stream(generator), made.plan.walk_step, made.arrangement.paired
            )
            for kept, outputs in zip(found, paired_outputs(made._network, made._x, layers), strict=True):
                kept.append(outputs.flatten(1).double())
    return tuple(torch.cat(kept)[:count].numpy() for kept in found)


def correlation_with_error(a, b):
    """Return the correlation of pairs, and its standard error by the delta method, whatever the law."""
    a, b = (a - a.mean()) / a.std(), (b - b.mean()) / b.std()
    r = float((a * b).mean())
    return r, float((a * b - r * (a**2 + b**2) / 2).std() / math.sqrt(len(a)))


@pytest.mark.parametrize(
    ("widths", "method"),
    [
        ([3], "projected"),
        ([6, 2], "direct"),
        ([5, 9, 4], "projected"),
        pytest.param([4] * 6, "projected", marks=pytest.mark.full),
        pytest.param([4] * 6, "direct", marks=pytest.mark.full),
    ],
)
def test_the_squared_gradient_at_any_width(tmp_path, widths, method):
    x = points(2, 5, 1)
    values = written(tmp_path, x, [0, 0])
    made = observer(["ntk"], method=method, width=widths, depth=len(widths), **values)
    x, _ = seen(made)
    found = np.diagonal(ntks(made, 15_000, 31, len(widths)), axis1=1, axis2=2)
    expected = gradient_laws.expected_gradient_square(x, widths)
    error = found.std(axis=0) / math.sqrt(len(found))
    assert np.abs((found.mean(axis=0) - expected) / error).max() < sigmas(2)


def test_the_gain_of_the_squared_gradient(tmp_path):
    x = points(2, 5, 1)
    made = observer(["ntk"], width=6, depth=2, gain=0.7, **written(tmp_path, x, [0, 0]))
    x, _ = seen(made)
    found = np.diagonal(ntks(made, 15_000, 32), axis1=1, axis2=2)
    error = found.std(axis=0) / math.sqrt(len(found))
    expected = gradient_laws.expected_gradient_square(x, [6, 6], 0.7)
    assert np.abs((found.mean(axis=0) - expected) / error).max() < sigmas(2)


@pytest.mark.parametrize("width", [2, 16])
def test_the_mean_ntk_of_one_hidden_layer(tmp_path, width):
    x = points(4, 5, 2)
    made = observer(["ntk"], width=width, depth=1, **written(tmp_path, x, [0] * 4))
    x, _ = seen(made)
    found = ntks(made, 20_000, 33, width)
    size = np.linalg.norm(x, axis=1)
    angle = np.arccos(np.clip(x @ x.T / np.outer(size, size), -1, 1))
    q = 2 * np.outer(size, size) / 5
    law = width * q / (2 * np.pi) * (np.sin(angle) + (np.pi - angle) * np.cos(angle))
    law += (np.pi - angle) / np.pi * (x @ x.T)
    np.testing.assert_allclose(gradient_laws.expected_ntk(x, width), law, rtol=1e-7)
    error = found.std(axis=0) / math.sqrt(len(found))
    assert np.abs((found.mean(axis=0) - law) / error).max() < sigmas(10)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "abs", "linear"])
def test_the_infinite_ntk_is_approached(tmp_path, activation):
    """At width 1,000 the mean is within 1 % of the largest entry of it, and networks differ little."""
    values = written(tmp_path, points(3, 6, 3), [0] * 3)
    made = observer(["ntk"], activation=activation, width=1000, depth=3, **values)
    x, _ = seen(made)
    law = gradient_laws.infinite_ntk(x, activation, [1000, 1000, 1000])
    if activation == "relu":
        square = gradient_laws.expected_gradient_square(x, [1000] * 3)
        np.testing.assert_allclose(np.diag(law), square, rtol=1e-7)
    found = ntks(made, 512, 34)
    error = found.std(axis=0) / math.sqrt(len(found))
    growth = np.max(np.abs(np.diag(law)))
    assert (np.abs(found.mean(axis=0) - law) < sigmas(6) * error + 0.01 * growth).all()
    assert (found.std(axis=0) < 0.2 * growth).all()


@pytest.mark.parametrize("loss", ["mse", pytest.param("mae", marks=pytest.mark.full)])
def test_signs_and_cosines_of_linear_models(tmp_path, loss):
    x = points(4, 6, 4)
    made = observer(["confusion"], depth=0, loss=loss, **written(tmp_path, x, [0] * 4))
    values = observed(made, 25_000, 35)
    x, _ = seen(made)
    size = np.linalg.norm(x, axis=1)
    rho = np.array([x[i] @ x[j] / size[i] / size[j] for i, j in itertools.combinations(range(4), 2)])
    negative, mean = gradient_laws.linear_cosine(rho)
    np.testing.assert_allclose(negative, np.arccos(np.abs(rho)) / np.pi)
    np.testing.assert_allclose(mean, 2 / np.pi * rho * np.arcsin(rho))
    for name, law in (("confusion_negative", negative.mean()), ("confusion_mean", mean.mean())):
        error = values[name].std() / math.sqrt(len(values[name]))
        assert abs(values[name].mean() - law) < sigmas(4) * error, name
    # Of one pair, each cosine is rho or -rho.
    single = observer(["confusion"], depth=0, loss=loss, **written(tmp_path, x[:2], [0, 0]))
    cosines = observed(single, 20_000, 36)["confusion_min"]
    np.testing.assert_allclose(np.abs(cosines), abs(rho[0]), rtol=1e-5)
    share = (cosines < 0).mean()
    law = np.arccos(abs(rho[0])) / np.pi
    assert abs(share - law) < sigmas(2) * math.sqrt(law * (1 - law) / 20_000)


@pytest.mark.parametrize(("outputs", "depth"), [(1, 1), (2, 2), pytest.param(1, 3, marks=pytest.mark.full)])
def test_the_law_of_the_smallest_cosine_is_approached(tmp_path, outputs, depth):
    widths = [1000] * depth
    given = written(tmp_path, points(5, 8, 5), points(5, outputs, 6))
    made = observer(["confusion"], width=1000, depth=depth, **given)
    x, y = seen(made)
    law = gradient_laws.infinite_confusion(
        gradient_laws.infinite_ntk(x, "relu", widths),
        nngp_kernel(x, "relu", [LayerVariance(2.0, 0.0)] * (depth + 1)),
        y,
        200_000,
        seeds.generator(37),
    )
    values = observed(made, 600, 38)
    for name, theory in (
        ("confusion_min", law.minimum),
        ("confusion_mean", law.mean),
        ("confusion_negative", law.negative),
    ):
        error = values[name].std() / math.sqrt(len(values[name]))
        # 1 % is left for the width: cosines of Theta move by about 1 / sqrt(width) from network to network.
        assert abs(values[name].mean() - theory.mean()) < sigmas(6) * error + 0.01, name
    narrow = observer(["confusion"], width=4, depth=depth, **given)
    far = observed(narrow, 2000, 39)["confusion_min"]
    far = far[~np.isnan(far)]
    assert stats.ks_2samp(far, law.minimum).pvalue < ALPHA


def test_walks_of_linear_models(tmp_path):
    x, y = points(4, 6, 7), points(4, 1, 8)
    made = observer(["walk"], depth=0, walk_step=0.8, **written(tmp_path, x, y[:, 0]))
    x, y = seen(made)
    f, g = pairs_of_outputs(made, 40_000, 40)
    before, after = ((out - y[:, 0]) ** 2 for out in (f, g))
    r, error = correlation_with_error(before.mean(axis=1), after.mean(axis=1))
    kernel = 2 * x @ x.T / 6
    law = gradient_laws.walk_loss_correlation(kernel, 0.8 * kernel, y)
    trace, form = (kernel**2).sum(), float(y[:, 0] @ kernel @ y[:, 0])
    assert law == pytest.approx((2 * 0.64 * trace + 4 * 0.8 * form) / (2 * trace + 4 * form))
    assert abs(r - law) < sigmas() * error


def relu_step(c):
    angle = math.acos(min(1.0, c))
    return (math.sin(angle) + (math.pi - angle) * c) / math.pi


@pytest.mark.parametrize("width", [2, 20])
@pytest.mark.parametrize("method", ["projected", "direct"])
def test_outputs_along_a_walk_of_one_hidden_layer(tmp_path, width, method):
    """corr f = c_2 = rho k(rho), exact at any width with one example, ReLU and He's variances."""
    rho = 0.6
    values = written(tmp_path, points(1, 5, 9), [0.7])
    made = observer(["walk"], width=width, depth=1, walk_step=rho, method=method, **values)
    r, error = correlation_with_error(*(out[:, 0] for out in pairs_of_outputs(made, 20_000, 41, width)))
    assert abs(r - rho * relu_step(rho)) < sigmas() * error


def test_walks_of_deep_networks_of_infinite_width_are_approached(tmp_path):
    rho, y, depth = 0.9, 1.3, 3
    x = points(1, 6, 10)
    c, s2 = rho, 2 * float((x**2).sum()) / 6
    for _ in range(depth):
        c = rho * relu_step(c)
    kernel, cross = gradient_laws.walk_kernels(x, "relu", [LayerVariance(2.0, 0.0)] * (depth + 1), rho)
    assert float(kernel[0, 0]) == pytest.approx(s2)
    assert float(cross[0, 0]) == pytest.approx(s2 * c)
    law = gradient_laws.walk_loss_correlation(kernel, cross, np.array([[y]]))
    assert law == pytest.approx((2 * s2**2 * c**2 + 4 * y**2 * s2 * c) / (2 * s2**2 + 4 * y**2 * s2))
    made = observer(["walk"], width=800, depth=depth, walk_step=rho, **written(tmp_path, x, [y]))
    f, g = (out[:, 0] for out in pairs_of_outputs(made, 8000, 42))
    for a, b, expected in ((f, g, c), ((f - y) ** 2, (g - y) ** 2, law)):
        r, error = correlation_with_error(a, b)
        assert abs(r - expected) < sigmas(2) * error


@pytest.mark.parametrize("activation", ["tanh", pytest.param("gelu", marks=pytest.mark.full)])
def test_walks_with_biases_and_several_examples_are_approached(tmp_path, activation):
    values = {"bias": True, "bias_scale": 0.5, "activation": activation}
    given = written(tmp_path, points(3, 6, 11), points(3, 1, 12)[:, 0])
    made = observer(["walk"], width=800, depth=2, walk_step=0.7, **values, **given)
    x, y = seen(made)
    layers = [LayerVariance(2.0, 0.25)] * 3
    law = gradient_laws.walk_loss_correlation(*gradient_laws.walk_kernels(x, activation, layers, 0.7), y)
    f, g = pairs_of_outputs(made, 3000, 43)
    losses = (((out - y[:, 0]) ** 2).mean(axis=1) for out in (f, g))
    r, error = correlation_with_error(*losses)
    assert abs(r - law) < sigmas() * error


def test_walks_of_other_architectures_are_those_of_weights():
    """A pair of convolutional networks, and of a person's own, is what weights apart by a step give."""
    for values in (
        {"arch": "conv", "data": "digits", "channels": 2, "examples": 3, "bias": True},
        {"arch": "custom", "module": "tests.gradients.test_gradients:make_module", "loss": "cross_entropy"},
        {"residual": True, "layer_norm": True, "width": 4, "depth": 2},
    ):
        for rho, expected in ((1 - 1e-9, 1.0), (0.0, 0.0)):
            made = observer(["walk"], walk_step=rho, **values)
            with torch.inference_mode():
                parts = [made.walk(64, seeds.torch_generator(44, k)) for k in range(16)]
            before, after = (torch.cat(part).log().numpy() for part in zip(*parts, strict=True))
            # Each loss has the law of a drawn network, and the two are one, or independent.
            r = np.corrcoef(before, after)[0, 1]
            assert abs(r - expected) < (1e-3 if expected else sigmas() / math.sqrt(len(before)))


def orthonormal(tmp_path, count, size, y):
    """Return an experiment of a linear model with K = c I, and c."""
    basis = np.linalg.qr(points(size, count, 13))[0].T
    return written(tmp_path, basis * 1.7, y), 1.7**2


def test_gradients_of_the_linear_model_with_orthogonal_examples(tmp_path):
    """||grad L||**2 = (4 c / N) L for K = c I, of every network."""
    values, c = orthonormal(tmp_path, 6, 9, points(1, 6, 14)[0])
    for method in ("projected", "direct"):
        made = observer(["gradient_norm"], depth=0, method=method, **values)
        found = observed(made, 500, 45)
        np.testing.assert_allclose(found["gradient_norm"] ** 2, 4 * c / 6 * found["loss"], rtol=1e-5)


def test_fitness_distance_correlation(tmp_path):
    """With residuals N(0, I), distance to the nearest fit is the gradient's norm over 4 c / N, squared."""
    values, c = orthonormal(tmp_path, 6, 9, [0.0] * 6)
    made = observer(["gradient_norm"], depth=0, **values)
    found = observed(made, 20_000, 46)
    distance = found["gradient_norm"] * 6 / (2 * c)
    r, error = correlation_with_error(found["loss"], distance)
    law = gradient_laws.fitness_distance_correlation(6)
    assert law == pytest.approx(0.98154, abs=5e-6)
    assert abs(r - law) < sigmas() * error
    mean = integrate.quad(lambda t: t * stats.chi.pdf(t, 6), 0, 30)[0]
    cube = integrate.quad(lambda t: t**3 * stats.chi.pdf(t, 6), 0, 30)[0]
    assert law == pytest.approx((cube - 6 * mean) / math.sqrt(12 * (6 - mean**2)), rel=1e-8)
