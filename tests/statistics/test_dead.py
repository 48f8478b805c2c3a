"""Dead networks: counted against exact laws, and against the same networks computed anew by numpy."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats

from geomreg_tui.experiment import Experiment, choices
from geomreg_tui.inits import Stream
from geomreg_tui.sampling.direct import DirectLayers
from geomreg_tui.sampling.rng import chunk_generator
from geomreg_tui.sampling.sampler import Sampler
from geomreg_tui.sampling.work import prepare, run_chunk

from .laws import ALPHA, draw_summary, single_example

X = [1.0, -2.0, 0.5, 1.5]
SINGLE_DEPTHS = [(1, 3), (2, 1), (2, 8), (4, 2), (5, 8), ((2, 5, 3), 3)]


def off_by_chance(widths):
    """P(dead) on one example: each layer has no positive pre-activation with probability 2**-n."""
    return 1 - math.prod(1 - 0.5**n for n in widths)


def judge_dead(summary, probability):
    assert summary.dead is not None
    assert stats.binomtest(summary.dead, summary.samples, probability).pvalue > ALPHA


@pytest.mark.usefixtures("each_backend")
@pytest.mark.parametrize(
    ("width", "depth", "sampler"),
    [
        pytest.param(*shape, sampler, marks=[] if number % 3 == place else [pytest.mark.full])
        for number, shape in enumerate(SINGLE_DEPTHS)
        for place, sampler in enumerate(["direct", "projected", "radial"])
    ],
)
def test_dead_networks_on_one_example_have_their_exact_share(tmp_path, sampler, width, depth):
    values = {**single_example(tmp_path, X, 1.3), "width": width, "depth": depth, "sampler": sampler}
    summary, _ = draw_summary(values, 100_000)
    judge_dead(summary, off_by_chance(Experiment.parse(values).widths))
    # A dead network predicts 0; some living ones predict less than rounding shows.
    assert summary.dead <= summary.histogram.atom
    if depth == 1:
        assert summary.histogram.atom - summary.dead <= 5


@pytest.mark.usefixtures("each_backend")
@pytest.mark.parametrize("init", ["orthogonal", "sphere", "ball", "laplace", "uniform", "he_truncated"])
def test_every_law_of_symmetric_rows_has_that_share(tmp_path, init):
    values = {**single_example(tmp_path, X, 1.3), "width": 3, "depth": 4, "init": init}
    judge_dead(draw_summary(values, 50_000)[0], off_by_chance([3] * 4))


@pytest.mark.usefixtures("each_backend")
@pytest.mark.parametrize("sampler", ["direct", "projected"])
def test_with_biases_too(tmp_path, sampler):
    """An off layer is followed by living ones, so the predictions are constant and not 0."""
    values = {**single_example(tmp_path, X, 1.3), "width": 2, "depth": 3, "bias": True, "sampler": sampler}
    summary, _ = draw_summary(values, 100_000)
    judge_dead(summary, off_by_chance([2] * 3))
    assert summary.histogram.atom < summary.dead / 2


@pytest.mark.usefixtures("each_backend")
@pytest.mark.parametrize("sampler", ["direct", "projected"])
@pytest.mark.parametrize("width", [1, 3])
def test_dead_on_two_and_three_examples_is_an_orthant_probability(tmp_path, sampler, width):
    """One hidden layer: a unit is off for all examples with the probability of a negative orthant."""
    x = np.random.default_rng(5).normal(size=(3, 6))
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    rho = unit @ unit.T
    angle = {(i, j): math.asin(rho[i, j]) for i, j in itertools.combinations(range(3), 2)}
    orthants = {2: 1 / 4 + angle[0, 1] / (2 * math.pi), 3: 1 / 8 + sum(angle.values()) / (4 * math.pi)}
    for count, off in orthants.items():
        (tmp_path / str(count)).mkdir()
        keys = single_example(tmp_path / str(count), x[:count], np.ones(count))
        summary, _ = draw_summary({**keys, "width": width, "depth": 1, "sampler": sampler}, 100_000)
        judge_dead(summary, off**width)


@pytest.mark.usefixtures("each_backend")
@pytest.mark.parametrize(
    ("examples", "bias"),
    [
        *((2, False), (4, True)),
        *(
            pytest.param(*each, marks=pytest.mark.full)
            for each in [(2, True), (4, False), (7, False), (7, True)]
        ),
    ],
)
def test_samplers_agree_on_deep_narrow_networks_and_several_examples(examples, bias):
    """Layers that are off for some examples only must stay off for them: roots of singular matrices."""
    values = {
        "data": "gaussian", "inputs": 9, "examples": examples, "width": 8, "depth": 6, "bias": bias,
        "gain": 0.7,
    }  # fmt: skip
    tables = []
    for sampler in ("direct", "projected"):
        summary, _ = draw_summary({**values, "sampler": sampler}, 60_000)
        tables.append([summary.dead, summary.samples - summary.dead])
    assert min(map(min, tables)) > 0
    assert stats.fisher_exact(tables).pvalue > ALPHA


ACTIVATIONS = {
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "erf": lambda z: stats.norm.cdf(z * math.sqrt(2)) * 2 - 1,
    "gelu": lambda z: z * stats.norm.cdf(z),
    "silu": lambda z: z / (1 + np.exp(-z)),
    "sin": np.sin,
    "linear": lambda z: z,
    "abs": np.abs,
}


def drawn_weights(values, count):
    """Return the sampler, and the weights and biases that it draws for the first networks of chunk 0."""
    sampler = Sampler(Experiment.parse({**values, "batch_size": count, "chunk_size": count}))
    stream = Stream(chunk_generator(sampler.facts.experiment.seed, 0, torch.device("cpu")), sampler.device,
                    torch.float32)  # fmt: skip
    layers = DirectLayers(sampler.law, count, stream)
    return sampler, [layers.weights(shape) for shape in sampler.network.shapes]


def recompute(sampler, weights, activation, ties):
    """Return which networks are dead, and their outputs (count, C, N): float64, layer by layer."""
    examples = sampler.dataset.examples
    hidden = sampler.x[:examples].double().numpy().T[None]
    dead = False
    for number, (matrix, biases) in enumerate(weights):
        z = matrix.double().numpy() @ hidden
        if biases is not None:
            z = z + biases.double().numpy()[:, :, None]
        if number == len(weights) - 1:
            return dead, z
        # Sums that are 0 in exact arithmetic need not be after rounding.
        rounding = 1e-6 * (np.abs(matrix.double().numpy()) @ np.abs(hidden))
        z = np.where(np.abs(z) <= rounding, 0.0, z) if ties else z
        hidden = ACTIVATIONS[activation](z)
        silent = z <= 0 if activation == "relu" else z == 0
        dead = dead | (silent.all(axis=(1, 2)) if activation != "sigmoid" else False)
    raise AssertionError


def of_a_few(activation, number):
    """Whether the default suite has a pair: ReLU with every law, tanh and sigmoid with one law in four."""
    return activation == "relu" or number % 4 == {"tanh": 0, "sigmoid": 2}.get(activation)


@pytest.mark.parametrize(
    ("activation", "init"),
    [
        pytest.param(activation, init, marks=[] if of_a_few(activation, number) else [pytest.mark.full])
        for activation in choices("activation")
        for number, init in enumerate(choices("init"))
    ],
)
def test_every_activation_and_law_against_the_weights_themselves(activation, init):
    for extra in ({}, {"bias": True, "bias_scale": 0.3}, {"gain": 0.0}, {"gain": 1e-5}):
        values = {
            "data": "gaussian", "inputs": 3, "examples": 2, "held_out": 3, "width": 2, "depth": 2,
            "init": init, "activation": activation, "sampler": "direct", **extra,
        }  # fmt: skip
        sampler, weights = drawn_weights(values, 400)
        dead, outputs = recompute(sampler, weights, activation, init in ("binary", "sparse"))
        counted = run_chunk(sampler.facts.experiment, 0, keep=400)
        expected = int(np.count_nonzero(np.broadcast_to(dead, 400)))
        if counted.summary.dead is None:
            assert activation in ("gelu", "silu")
            assert init in ("binary", "sparse")
            continue
        assert counted.summary.dead == expected, (extra, counted.summary.dead, expected)
        losses = ((outputs - sampler.objective.targets.T[None]) ** 2).mean(axis=(1, 2))
        np.testing.assert_allclose(counted.losses, losses, rtol=1e-3, atol=1e-6)
        if activation != "relu" and extra.get("gain") != 0 and init not in ("binary", "sparse"):
            assert counted.summary.dead == 0


@pytest.mark.usefixtures("each_backend")
def test_tanh_at_a_tiny_gain_is_at_the_null_loss_and_not_dead():
    values = {"data": "gaussian", "inputs": 4, "examples": 1, "width": 8, "depth": 3}
    for gain in (1e-5, 1e-12, 1e-30):
        summary, _ = draw_summary({**values, "activation": "tanh", "gain": gain}, 5_000)
        assert (summary.histogram.atom, summary.dead) == (5_000, 0)
    summary, _ = draw_summary({**values, "activation": "tanh", "gain": 0}, 5_000)
    assert (summary.histogram.atom, summary.dead) == (5_000, 5_000)


@pytest.mark.usefixtures("each_backend")
def test_a_relu_network_whose_activations_underflow_is_counted_by_the_law_or_not_at_all():
    values = {"data": "gaussian", "inputs": 4, "examples": 1, "width": 2, "depth": 4, "gain": 1e-15}
    summary, facts = draw_summary(values, 50_000)
    assert facts.experiment.sampler == "radial"
    assert summary.histogram.atom == summary.samples
    judge_dead(summary, off_by_chance([2] * 4))
    assert draw_summary({**values, "sampler": "direct"}, 5_000)[0].dead is None
    judge_dead(draw_summary({**values, "sampler": "direct", "dtype": "float64"}, 50_000)[0],
               off_by_chance([2] * 4))  # fmt: skip


@pytest.mark.usefixtures("each_backend")
@pytest.mark.parametrize("sampler", ["direct", "projected", "radial"])
def test_inputs_of_zero_kill_every_network_but_sigmoids_and_biases_do_not(tmp_path, sampler):
    values = {**single_example(tmp_path, [0.0, 0.0, 0.0], 1.0), "width": 4, "depth": 2}
    summary, _ = draw_summary({**values, "sampler": sampler}, 1_000)
    assert (summary.dead, summary.histogram.atom) == (1_000, 1_000)
    if sampler != "radial":
        keys = {**values, "sampler": sampler}
        assert draw_summary({**keys, "activation": "sigmoid"}, 1_000)[0].dead == 0
        judge_dead(draw_summary({**keys, "bias": True}, 20_000)[0], off_by_chance([4] * 2))


@pytest.mark.parametrize("pooling", ["avg", "max", "none"])
@pytest.mark.parametrize("residual", [False, True])
def test_convolutions_against_the_images_that_they_pass_on(pooling, residual):
    values = {
        "data": "digits", "arch": "conv", "channels": 1, "depth": 2, "examples": 2, "held_out": 2,
        "pooling": pooling, "residual": residual, "chunk_size": 256, "batch_size": 256, "standardize": False,
    }  # fmt: skip
    sampler = Sampler(Experiment.parse({**values, "sampler": "direct"}))
    passed = []
    generator = chunk_generator(0, 0, sampler.device)

    class Spy(DirectLayers):
        def linear(self, shape, activations):
            if shape.index:
                each = activations.shape[2] // 4
                passed.append((activations[..., : 2 * each] == 0).flatten(1).all(1).numpy())
            return super().linear(shape, activations)

    with torch.inference_mode():
        stream = Stream(generator, sampler.device, torch.float32)
        sampler.network.forward(sampler.x, Spy(sampler.law, 256, stream))
    dead = run_chunk(sampler.facts.experiment, 0).summary.dead
    assert dead == np.count_nonzero(np.any(passed, axis=0))
    assert residual or dead > 0


def test_custom_modules_are_not_counted():
    values = {"data": "gaussian", "examples": 1, "inputs": 3, "arch": "custom", "module": "torch.nn:Identity"}
    values["module"] = f"{__name__}:linear_module"
    assert run_chunk(prepare(Experiment.parse(values)).facts.experiment, 0, 10).summary.dead is None


def linear_module():
    return torch.nn.Linear(3, 1)
