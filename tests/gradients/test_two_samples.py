"""Projected against direct gradients: two samples of one law, over architectures, examples and activations.

Each setting is judged by Kolmogorov-Smirnov tests of six numbers, at the rate of false alarm of
``tests/rates.py`` all together, and so are the shares of networks without confusion. The direct way is judged
by ``torch.func`` in test_gradients.py.
"""

import numpy as np
import pytest
from scipy import stats

from tests import seeds
from tests.rates import ALPHA
from tests.torch_activations import ACTIVATIONS

from .making import observed, observer

COUNT = 2500
SIZES = [(width, depth) for depth in (1, 2, 3, 4) for width in (3, 8, 24)]
DATA = [(2, 1), (4, 3), (9, 1)]  # examples and outputs, of 6 inputs
NAMES = list(ACTIVATIONS)


def settings():
    """Return 12 architectures by 3 data; activations go round, half have biases; a third is default."""
    cases = []
    for place, (width, depth) in enumerate(SIZES):
        for number, (examples, outputs) in enumerate(DATA):
            values = {
                "width": width,
                "depth": depth,
                "examples": examples,
                "outputs": outputs,
                "activation": NAMES[(place + 4 * number) % len(NAMES)],
                "bias": bool((place + number) % 2),
            }
            marks = [] if place % len(DATA) == number else [pytest.mark.full]
            label = "-".join(str(value) for value in values.values())
            cases.append(pytest.param(values, place, marks=marks, id=label))
    return cases


def judge_pair(first, second):
    """Assert that two samples of observables are of one law."""
    comparisons = 2 * len(first)
    for name in first:
        a, b = first[name], second[name]
        count = [int(np.isnan(a).sum()), int(np.isnan(b).sum())]
        table = [count, [len(a) - count[0], len(b) - count[1]]]
        assert stats.fisher_exact(table).pvalue > ALPHA / comparisons, name
        a, b = a[~np.isnan(a)], b[~np.isnan(b)]
        scale = np.median(np.abs(b)) or 1.0
        # Atoms are equal but for rounding.
        a, b = np.round(a / scale, 9), np.round(b / scale, 9)
        assert stats.ks_2samp(a, b, method="asymp").pvalue > ALPHA / comparisons, name


def pair(key, count=COUNT, **values):
    asked = {"data": "gaussian", "inputs": 6, "dtype": "float32", "bias_scale": 0.7, **values}
    samples = []
    for number, method in enumerate(("projected", "direct")):
        made = observer(method=method, **asked)
        assert made.arrangement.method == method
        samples.append(observed(made, count, 20, key, number))
    judge_pair(*samples)


@pytest.mark.parametrize(("values", "key"), settings())
def test_projected_gradients_are_of_the_law_of_direct_ones(values, key):
    if values["outputs"] > 1:
        values = {**values, "data": "iris", "inputs": None, "loss": "cross_entropy"}
    pair(key, **values)


@pytest.mark.parametrize(
    "extra", [{"residual": True}, {"layer_norm": True}, {"residual": True, "layer_norm": True, "bias": True}]
)
def test_residual_connections_and_layer_norm(extra):
    pair(50, width=6, depth=3, examples=4, activation="tanh", **extra)


@pytest.mark.parametrize("init", ["normal", "glorot_normal", "lecun_normal"])
def test_other_normal_laws(init):
    gain = 0.4 if init == "normal" else 1.0
    pair(51, width=7, depth=2, examples=3, activation="gelu", init=init, gain=gain)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equal_and_nearly_equal_examples(tmp_path, dtype):
    """Bases stay exact where examples are equal, or nearly, and where they outnumber the inputs."""
    rng = seeds.generator(21)
    x = rng.normal(size=(7, 5))
    x[3] = x[0]
    x[4] = x[1] * (1 + 1e-6)
    path = tmp_path / "examples.npz"
    np.savez(path, x=x, y=rng.normal(size=7))
    values = {"data": str(path), "inputs": None, "examples": 7, "standardize": False, "dtype": dtype}
    pair(52, width=9, depth=2, **values)


def test_the_shortcut_is_told_apart(monkeypatch):
    """What is compared here can fail: weights drawn anew on the way back are found out."""
    from geomreg_tui.gradients.layers import ProjectedLayer

    def anew(self, upstream):
        shape = self._shape
        fresh = self._stream.normal(len(upstream), shape.n_in, shape.n_out, std=self._scale)
        return fresh @ upstream

    monkeypatch.setattr(ProjectedLayer, "back", anew)
    with pytest.raises(AssertionError):
        pair(53, 12_000, width=4, depth=2, examples=4, activation="tanh")
