"""Init laws against torch.nn.init, scipy.stats and their own stated moments.

Each of about 120 statistical tests fails a correct program with probability 1e-4, all its comparisons
together, so that a new base seed would fail the file with probability about 1 %.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from geomreg_tui.experiment import Experiment, choices
from geomreg_tui.inits import RotationInvariant, Stream, build_law
from geomreg_tui.shapes import LayerShape
from tests import seeds
from tests.rates import ALPHA, sigmas

PAGE = (Path(__file__).parents[2] / "docs" / "pages" / "statistics" / "index.md").read_text("utf-8")
WIDE = LayerShape(0, n_out=5, n_in=12, fan_in=12, fan_out=5, bias=True)
TALL = LayerShape(1, n_out=12, n_in=5, fan_in=5, fan_out=12, bias=True)
SHAPES = (WIDE, TALL)


def stream(seed: int = 0, dtype: torch.dtype = torch.float64) -> Stream:
    return Stream(seeds.torch_generator(seed), torch.device("cpu"), dtype)


def law_of(init: str, gain: float = 1.3, **keys: object):
    values = {"init": init, "gain": gain, "bias": True, "bias_scale": 0.7, **keys}
    return build_law(Experiment.parse(values), SHAPES)


def draw(init: str, shape: LayerShape, batch: int = 4000, **keys: object) -> tuple[np.ndarray, np.ndarray]:
    law, source = law_of(init, **keys), stream()
    weights, biases = law.weights(shape, batch, source, law.begin(batch, source))
    assert weights.shape == (batch, shape.n_out, shape.n_in)
    assert biases is not None
    assert biases.shape == (batch, shape.n_out)
    return weights.numpy(), biases.numpy()


def torch_draws(fill, shape: LayerShape, batch: int = 4000) -> np.ndarray:
    torch.manual_seed(seeds.seed(1))
    empty = (torch.empty(shape.n_out, shape.n_in, dtype=torch.float64) for _ in range(batch))
    return torch.stack([fill(weights) for weights in empty]).numpy()


TORCH_LAWS = {
    "normal": lambda w: torch.nn.init.normal_(w, std=1.3),
    "uniform": lambda w: torch.nn.init.uniform_(w, -1.3, 1.3),
    "he_normal": lambda w: torch.nn.init.kaiming_normal_(w).mul_(1.3),
    "he_uniform": lambda w: torch.nn.init.kaiming_uniform_(w).mul_(1.3),
    "glorot_normal": lambda w: torch.nn.init.xavier_normal_(w, gain=1.3),
    "glorot_uniform": lambda w: torch.nn.init.xavier_uniform_(w, gain=1.3),
    "lecun_normal": lambda w: torch.nn.init.kaiming_normal_(w, nonlinearity="linear").mul_(1.3),
    "lecun_uniform": lambda w: torch.nn.init.kaiming_uniform_(w, nonlinearity="linear").mul_(1.3),
    "torch_default": lambda w: torch.nn.init.kaiming_uniform_(w, a=math.sqrt(5)).mul_(1.3),
    "orthogonal": lambda w: torch.nn.init.orthogonal_(w, gain=1.3),
    "sparse": lambda w: torch.nn.init.sparse_(w, 0.3, std=1.3),
}


def by_turns(names, first):
    """Return all pairs of a law and a shape; the default suite takes the shapes by turns."""
    return [
        pytest.param(
            name,
            shape,
            id=f"{name}-{kind}",
            marks=[] if (place + number) % 2 == first else [pytest.mark.full],
        )
        for place, name in enumerate(names)
        for number, (shape, kind) in enumerate(zip(SHAPES, ("wide", "tall"), strict=True))
    ]


@pytest.mark.parametrize(("init", "shape"), by_turns(TORCH_LAWS, 0))
def test_entries_have_the_distribution_of_torch(init: str, shape: LayerShape) -> None:
    """Two-sample KS on all entries; they are independent enough that KS is exact or conservative."""
    ours, _ = draw(init, shape, sparsity=0.3)
    theirs = torch_draws(TORCH_LAWS[init], shape)
    assert stats.ks_2samp(ours.ravel(), theirs.ravel()).pvalue > ALPHA


@pytest.mark.parametrize(("init", "shape"), by_turns(TORCH_LAWS, 1))
def test_joint_law_of_a_matrix_is_that_of_torch(init: str, shape: LayerShape) -> None:
    """Two-sample KS on what sees dependence: a bilinear form, the norm, the sum of squares of a row."""
    ours, _ = draw(init, shape, sparsity=0.3)
    theirs = torch_draws(TORCH_LAWS[init], shape)
    left, right = np.linspace(1, 2, shape.n_out), np.cos(np.arange(shape.n_in))
    for view in (
        lambda w: np.einsum("o,boi,i->b", left, w, right),
        lambda w: np.linalg.norm(w @ right, axis=1),
        lambda w: (w[:, 0] ** 2).sum(axis=1),
    ):
        if np.ptp(view(theirs)) < 1e-9:
            np.testing.assert_allclose(view(ours), view(theirs).mean(), rtol=1e-9)
        else:
            assert stats.ks_2samp(view(ours), view(theirs)).pvalue > ALPHA / 3


def test_torch_default_is_what_nn_linear_does() -> None:
    torch.manual_seed(seeds.seed(2))
    layers = [torch.nn.Linear(12, 5) for _ in range(1500)]
    ours, biases = draw("torch_default", WIDE, gain=1.0, bias_scale=1.0)
    weight = torch.stack([layer.weight.detach() for layer in layers]).numpy()
    bias = torch.stack([layer.bias.detach() for layer in layers]).numpy()
    assert stats.ks_2samp(ours.ravel(), weight.ravel()).pvalue > ALPHA / 2
    assert stats.ks_2samp(biases.ravel(), bias.ravel()).pvalue > ALPHA / 2


@pytest.mark.parametrize(
    ("init", "variance"),
    [("he_truncated", 2 / 12), ("glorot_truncated", 2 / 17), ("lecun_truncated", 1 / 12)],
)
def test_truncated_laws_are_those_of_keras(init: str, variance: float) -> None:
    """Keras draws N(0, s) cut at 2 s with s = sqrt(variance) / .87962566103423978 (VarianceScaling)."""
    std = 1.3 * math.sqrt(variance) / 0.87962566103423978
    weights, _ = draw(init, WIDE)
    law = stats.truncnorm(-2, 2, scale=std)
    assert stats.kstest(weights.ravel(), law.cdf).pvalue > ALPHA


@pytest.mark.parametrize(
    ("init", "law"),
    [("laplace", stats.laplace(scale=1.3)), ("student_t", stats.t(3.5, scale=1.3))],
)
def test_heavy_tailed_laws_are_those_of_scipy(init: str, law) -> None:
    weights, _ = draw(init, WIDE, dof=3.5)
    assert stats.kstest(weights.ravel(), law.cdf).pvalue > ALPHA


def test_binary_weights_are_fair_signs() -> None:
    weights, _ = draw("binary", WIDE)
    assert set(np.unique(weights)) == {-1.3, 1.3}
    assert stats.binomtest(int((weights > 0).sum()), weights.size).pvalue > ALPHA


def test_sparse_zeros_the_stated_share_of_each_column() -> None:
    weights, _ = draw("sparse", WIDE, batch=200, sparsity=0.3)
    assert ((weights == 0).sum(axis=1) == math.ceil(0.3 * 5)).all()


@pytest.mark.parametrize("init", ["sphere", "ball"])
def test_sphere_and_ball_are_uniform_in_the_whole_weight_space(init: str) -> None:
    """The radius is fixed (or U**(1/P)), and a direction's first coordinate squared is Beta(1/2, (P-1)/2)."""
    law, source = law_of(init, bias_scale=1.0), stream()
    shared = law.begin(4000, source)
    parts = []
    for shape in SHAPES:
        weights, biases = law.weights(shape, 4000, source, shared)
        parts += [weights.flatten(1), biases]
    theta = torch.cat(parts, dim=1).numpy()
    dimension = theta.shape[1]
    radius = np.linalg.norm(theta, axis=1)
    if init == "sphere":
        np.testing.assert_allclose(radius, 1.3, rtol=1e-12)
    else:
        assert stats.kstest((radius / 1.3) ** dimension, "uniform").pvalue > ALPHA / 6
    beta = stats.beta(0.5, (dimension - 1) / 2)
    for column in (0, 60, 65, dimension - 1):
        assert stats.kstest((theta[:, column] / radius) ** 2, beta.cdf).pvalue > ALPHA / 6
    mixed = theta @ np.cos(np.arange(dimension))
    mixed /= radius * np.linalg.norm(np.cos(np.arange(dimension)))
    assert stats.kstest(mixed**2, beta.cdf).pvalue > ALPHA / 6


@pytest.mark.parametrize("shape", SHAPES, ids=["wide", "tall"])
@pytest.mark.parametrize("init", choices("init"))
def test_second_moments_and_radius_are_as_stated(init: str, shape: LayerShape) -> None:
    """z-tests of the mean squares of networks' weights and biases."""
    law = law_of(init, dof=9.0, sparsity=0.3)
    weights, biases = draw(init, shape, dof=9.0, sparsity=0.3)
    for drawn, moment in ((weights, law.weight_moment(shape)), (biases, law.bias_moment(shape))):
        means = (drawn.reshape(len(drawn), -1) ** 2).mean(axis=1)
        error = means.std(ddof=1) / math.sqrt(means.size)
        assert abs(means.mean() - moment) < sigmas(2) * error + 1e-12 * moment
    squares = sum(s.n_out * (s.n_in * law.weight_moment(s) + law.bias_moment(s)) for s in SHAPES)
    assert law.radius() == pytest.approx(math.sqrt(squares), rel=1e-12)


def test_student_t_without_variance_has_infinite_radius() -> None:
    assert law_of("student_t", dof=2.0).radius() == math.inf


@pytest.mark.parametrize("rank", [1, 3, 5])
@pytest.mark.parametrize("shape", SHAPES, ids=["wide", "tall"])
@pytest.mark.parametrize("init", [name for name in choices("init") if law_of(name).rotation_invariant])
def test_a_block_has_the_law_of_weights_times_an_orthonormal_basis(
    init: str, shape: LayerShape, rank: int
) -> None:
    """Two-sample KS of W U, from whole weights, against the block drawn by itself, on three statistics."""
    law = law_of(init, bias=False)
    assert isinstance(law, RotationInvariant)
    plain = LayerShape(shape.index, shape.n_out, shape.n_in, shape.fan_in, shape.fan_out, bias=False)
    law.shapes = tuple(plain if other is shape else other for other in SHAPES)
    basis = np.linalg.qr(seeds.generator(3).normal(size=(shape.n_in, rank)))[0]
    first, second = stream(4), stream(5)
    whole = law.weights(plain, 4000, first, law.begin(4000, first))[0].numpy() @ basis
    block = law.block(plain, rank, 4000, second, law.begin(4000, second)).numpy() * law.row_scales(plain)[0]
    assert block.shape == whole.shape
    for view in (
        lambda w: w[:, 0, 0],
        lambda w: (w**2).sum(axis=(1, 2)),
        lambda w: np.maximum(w, 0).sum(axis=(1, 2)),
    ):
        if np.ptp(view(whole)) < 1e-9:
            np.testing.assert_allclose(view(block), view(whole).mean(), rtol=1e-9)
        else:
            assert stats.ks_2samp(view(whole), view(block)).pvalue > ALPHA / 3


@pytest.mark.parametrize("init", choices("init"))
def test_gain_multiplies_the_weights(init: str) -> None:
    one, _ = draw(init, WIDE, batch=50, gain=1.0)
    three, _ = draw(init, WIDE, batch=50, gain=3.0)
    np.testing.assert_allclose(three, 3 * one, rtol=1e-12)


@pytest.mark.parametrize("init", choices("init"))
def test_float32_draws_are_finite_float32(init: str) -> None:
    law, source = law_of(init), stream(dtype=torch.float32)
    weights, biases = law.weights(WIDE, 200, source, law.begin(200, source))
    assert weights.dtype == biases.dtype == torch.float32
    assert torch.isfinite(weights).all()


NORMAL, UNIFORM = stats.norm(scale=0.7), stats.uniform(-0.7, 1.4)
# A normal cut at two standard deviations, widened so that its own is 0.7 again.
CUT = stats.truncnorm(-2, 2, scale=0.7 / stats.truncnorm(-2, 2).std())
BIASES = {
    **dict.fromkeys(("normal", "he_normal", "glorot_normal", "lecun_normal", "orthogonal", "sparse"), NORMAL),
    **dict.fromkeys(("uniform", "he_uniform", "glorot_uniform", "lecun_uniform"), UNIFORM),
    **dict.fromkeys(("he_truncated", "glorot_truncated", "lecun_truncated"), CUT),
    "torch_default": stats.uniform(-0.7 / math.sqrt(12), 1.4 / math.sqrt(12)),
    "laplace": stats.laplace(scale=0.7),
    "student_t": stats.t(9, scale=0.7),
}


@pytest.mark.parametrize("init", BIASES)
def test_biases_have_the_law_that_the_page_gives(init):
    _, biases = draw(init, WIDE, gain=3.0, dof=9.0)
    assert stats.kstest(biases.ravel(), BIASES[init].cdf).pvalue > ALPHA
    row = next(line for line in PAGE.splitlines() if f"`{init}`" in line and line.startswith("| `"))
    words = {NORMAL: "N(0, s²)", UNIFORM: "uniform on [−s, s] |", CUT: "cut at two standard deviations"}
    assert words.get(BIASES[init], "") in row


def test_biases_of_signs_are_signs():
    assert set(np.abs(draw("binary", WIDE, gain=3.0)[1]).ravel().round(6)) == {0.7}


def test_the_page_gives_the_law_of_every_init():
    listed = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert all(any(f"`{init}`" in line for line in listed) for init in choices("init"))
