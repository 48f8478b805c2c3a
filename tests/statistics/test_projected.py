"""Projected against direct sampling: two samples of one law, whatever the architecture and the init law.

Each pair is judged at the rate of false alarm of ``tests/rates.py``.
"""

import numpy as np
import pytest
from scipy import stats

from tests import seeds
from tests.rates import ALPHA
from tests.size import sized

from .laws import draw, judge_pair, single_example

COUNT = sized(20_000, 60_000)  # of each: shares that are 0.03 apart are told apart
INITS = ["normal", "he_normal", "glorot_normal", "lecun_normal", "orthogonal", "sphere", "ball"]


def pair(values, count=COUNT):
    direct = draw({**values, "sampler": "direct", "seed": seeds.seed(1)}, count).losses
    projected = draw({**values, "sampler": "projected", "seed": seeds.seed(2)}, count).losses
    judge_pair(direct, projected)


def examples(tmp_path, count, inputs, seed=0):
    rng = seeds.generator(seed)
    return single_example(tmp_path, rng.normal(size=(count, inputs)), rng.normal(size=count))


def covering(rows, columns):
    """Return all pairs, but by default each row once and each column: a diagonal of the table."""
    return [
        pytest.param(row, column, marks=[] if place % len(columns) == number else [pytest.mark.full])
        for place, row in enumerate(rows)
        for number, column in enumerate(columns)
    ]


@pytest.mark.parametrize(("init", "count"), covering(INITS, [1, 3, 20]))
def test_every_rotation_invariant_init(tmp_path, init, count):
    gain = {"normal": 0.3, "sphere": 6.0, "ball": 6.0}.get(init, 1.0)
    values = examples(tmp_path, count, 8)
    pair({**values, "init": init, "gain": gain, "width": 12, "depth": 2, "activation": "tanh"})


@pytest.mark.parametrize(("init", "depth"), covering(["he_normal", "orthogonal", "sphere"], [1, 4, 8]))
def test_depths(tmp_path, init, depth):
    gain = {"sphere": 12.0}.get(init, 1.0)
    values = examples(tmp_path, 4, 6)
    pair({**values, "init": init, "gain": gain, "width": 10, "depth": depth})


@pytest.mark.parametrize("init", ["he_normal", "orthogonal", "ball"])
def test_biases(tmp_path, init):
    values = examples(tmp_path, 3, 6)
    gain = {"ball": 6.0}.get(init, 1.0)
    pair({**values, "init": init, "gain": gain, "width": 9, "depth": 2, "bias": True, "bias_scale": 0.7})


def test_singular_gram_matrices(tmp_path):
    # Repeated and proportional inputs; and so few units that most activations are dead.
    rng = seeds.generator(4)
    x = rng.normal(size=(2, 5))
    x = np.concatenate([x, x, 2 * x[:1], np.zeros((1, 5))])
    values = single_example(tmp_path, x, rng.normal(size=len(x)))
    pair({**values, "width": 2, "depth": 3})
    pair({**values, "width": 30, "depth": 2, "init": "orthogonal"})


@pytest.mark.parametrize(
    "extra",
    [
        {"activation": "gelu", "residual": True},
        {"activation": "erf", "layer_norm": True},
        {"activation": "sin", "width": "20,5,11", "depth": "3"},
        {"activation": "leaky_relu", "loss": "huber"},
        {"activation": "silu", "loss": "mae", "outputs": 1},
        {"activation": "sigmoid", "dtype": "float64"},
    ],
)
def test_architectures(tmp_path, extra):
    pair({**examples(tmp_path, 3, 7), "width": 12, "depth": 3, **extra})


def test_classes_and_held_out_examples():
    pair({"data": "iris", "examples": 5, "held_out": 4, "loss": "cross_entropy", "width": 30, "depth": 2})


def test_convolutions():
    pair(
        {"arch": "conv", "data": "digits", "examples": 1, "channels": 3, "depth": 2, "kernel": 9},
        sized(10_000, 20_000),
    )


@pytest.mark.parametrize(
    ("activation", "init"),
    covering(["relu", "leaky_relu", "abs", "linear"], ["he_normal", "orthogonal", "sphere"]),
)
def test_radial_is_projected_on_one_example(tmp_path, init, activation):
    gain = {"sphere": 9.0}.get(init, 1.0)
    values = {
        **examples(tmp_path, 1, 7),
        "init": init,
        "gain": gain,
        "activation": activation,
        "width": "9,4,6",
        "depth": 3,
    }
    radial = draw({**values, "sampler": "radial", "seed": seeds.seed(1)}, COUNT).losses
    projected = draw({**values, "sampler": "projected", "seed": seeds.seed(2)}, COUNT).losses
    atom = values_atom(radial, projected)
    judge_pair(radial[~atom[0]], projected[~atom[1]])
    counts = [int(part.sum()) for part in atom]
    if sum(counts):
        table = [counts, [COUNT - count for count in counts]]
        assert stats.fisher_exact(table).pvalue > ALPHA


def values_atom(first, second):
    """Return which losses are tied with many others: those of dead networks."""
    value, count = np.unique(np.round(np.concatenate([first, second]), 6), return_counts=True)
    null = value[np.argmax(count)] if count.max() > 50 else np.nan
    return [np.abs(part - null) < 1e-5 for part in (first, second)]
