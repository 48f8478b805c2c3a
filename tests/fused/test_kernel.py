"""The parts of the fused kernel, each against a definition of it that is not ours.

Statistical tests hold the rate of false alarm of ``tests/rates.py``.
"""

import math

import numpy as np
import pytest
import torch
from scipy import special, stats

from geomreg_tui.fused.library import kernel
from geomreg_tui.fused.plan import ACTIVATIONS, LAWS
from tests import seeds
from tests.rates import ALPHA, sigmas
from tests.torch_activations import ACTIVATIONS as TORCH

from .numbers import philox, words

pytestmark = pytest.mark.skipif(kernel() is None, reason="the fused kernel is not built here")


def numbers(law, count, number=0, seed=None):
    out = np.empty(count, np.float32)
    seed = seeds.seed(1) if seed is None else seed
    kernel().numbers(seed, number, LAWS.index(law), count, out.ctypes.data)
    return out


def test_the_reference_gives_the_published_words():
    # Known answers of Random123, kat_vectors, philox4x32 10.
    assert philox((0, 0, 0, 0), (0, 0)) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)
    assert philox((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2) == (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)


@pytest.mark.parametrize(("seed", "number"), [(0, 0), (2**64 - 1, 2**50 - 1), (12345678901, 987654321)])
def test_words_are_those_of_philox_and_xoshiro(seed, number):
    drawn = numbers("uniform", 96, number, seed)
    expected = np.array(words(seed, number, 6), np.uint32).astype(np.int32).astype(np.float32) / 2**31
    np.testing.assert_array_equal(drawn, expected.ravel())


def test_other_seeds_and_numbers_give_other_streams():
    streams = [numbers("normal", 32, number, seed) for number in (0, 1, 2**32) for seed in (0, 1, 2**32)]
    assert len({stream.tobytes() for stream in streams}) == 9


STANDARD = {
    "normal": stats.norm,
    "uniform": stats.uniform(-1, 2),
    "truncated": stats.truncnorm(-2, 2, scale=1 / stats.truncnorm(-2, 2).std()),
    "laplace": stats.laplace,
}


def moment(law, power):
    """Return E x**power."""
    if law == "laplace":
        return float(math.factorial(power)) if power % 2 == 0 else 0.0
    return STANDARD[law].moment(power)


@pytest.mark.parametrize("law", STANDARD)
def test_numbers_have_their_law(law):
    drawn = np.concatenate([numbers(law, 2**17, number) for number in range(16)]).astype(np.float64)
    exact = STANDARD[law]
    assert stats.kstest(drawn, exact.cdf).pvalue > ALPHA
    for power in range(1, 7):  # moments, each with the standard error that the law gives it
        mean, square = moment(law, power), moment(law, 2 * power)
        error = math.sqrt((square - mean**2) / drawn.size)
        assert abs((drawn**power).mean() - mean) < sigmas(24) * error


def test_signs_are_fair():
    drawn = numbers("binary", 2**20)
    assert set(np.unique(drawn)) == {-1.0, 1.0}
    assert stats.binomtest(int((drawn > 0).sum()), drawn.size).pvalue > ALPHA


def test_normals_are_independent_of_their_neighbours_and_of_other_networks():
    rows = np.stack([numbers("normal", 2**17, number) for number in range(8)]).astype(np.float64)
    limit = sigmas(2 * (40 + 28)) / math.sqrt(2**17 - 64)
    for transform in (lambda x: x, np.abs):
        values = transform(rows)
        values = (values - values.mean()) / values.std()
        lags = [(values[0, lag:] * values[0, :-lag]).mean() for lag in range(1, 41)]
        pairs = [(values[i] * values[j]).mean() for i in range(8) for j in range(i)]
        assert np.abs(lags).max() < limit
        assert np.abs(pairs).max() < limit


def test_tails_of_normals_are_as_heavy_as_they_should_be():
    drawn = np.concatenate([numbers("normal", 2**20, number) for number in range(64)])
    for limit in (3.0, 4.0, 4.5, 5.0):
        beyond = int((np.abs(drawn) > limit).sum())
        assert stats.binomtest(beyond, drawn.size, 2 * stats.norm.sf(limit)).pvalue > ALPHA / 4


@pytest.mark.parametrize("freedom", [1, 2, 3, 7, 50, 10**6])
def test_chi_square_numbers_have_their_law(freedom):
    out = np.empty(200_000)
    kernel().chi_squares(seeds.seed(2), freedom, freedom, out.size, out.ctypes.data)
    assert stats.kstest(out, stats.chi2(freedom).cdf).pvalue > ALPHA / 6


EXACT = {
    **{name: lambda x, name=name: TORCH[name](torch.from_numpy(x)).numpy() for name in ACTIVATIONS},
    "erf": special.erf,
    "gelu": lambda x: x * special.ndtr(x),
    "sigmoid": special.expit,
    "silu": lambda x: x * special.expit(x),
}
# Errors relative to the value, or to the size that its terms have where they cancel.
LARGEST_ERROR = 5e-7


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_those_of_float64_to_a_few_units(name):
    generator = seeds.generator(3)
    sizes = np.concatenate([np.logspace(-30, 1.9, 40_000), np.linspace(0, 12, 40_000)])
    x = (sizes * generator.choice([-1.0, 1.0], sizes.size)).astype(np.float32)
    got = x.copy()
    kernel().activate(ACTIVATIONS.index(name), got.size, got.ctypes.data)
    exact = EXACT[name](x.astype(np.float64))
    scale = np.abs(exact)
    if name == "gelu":  # as torch: x times half of 1 + erf
        scale = np.maximum(scale, np.abs(x) * 0.5)
    if name == "sin":
        scale = np.maximum(scale, np.abs(x) * 1e-3)
    assert (np.abs(got - exact) <= LARGEST_ERROR * scale + 1e-37).all()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_of_what_is_not_finite(name):
    x = np.full(16, np.nan, np.float32)
    x[:3] = (np.inf, -np.inf, 0.0)
    got = x.copy()
    kernel().activate(ACTIVATIONS.index(name), 16, got.ctypes.data)
    expected = TORCH[name](torch.from_numpy(x)).numpy()
    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(expected))
    np.testing.assert_allclose(got[2], expected[2], atol=1e-7)
    finite = np.isfinite(expected)
    np.testing.assert_allclose(got[finite], expected[finite], rtol=1e-6, atol=1e-37)
