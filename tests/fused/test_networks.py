"""Networks drawn by the fused kernel: losses of their outputs, their law beside torch's, and their bits."""

import hashlib
import itertools

import numpy as np
import pytest
import torch
from scipy import stats

import geomreg_tui as geomreg
from geomreg_tui.errors import ExperimentError
from geomreg_tui.experiment import Experiment, choices
from geomreg_tui.fused.library import kernel
from geomreg_tui.fused.plan import ACTIVATIONS, LOSSES
from geomreg_tui.losses.objective import Objective
from geomreg_tui.sampling.fused import FusedSampler
from geomreg_tui.sampling.work import prepare, run_chunk
from geomreg_tui.summary import Summary
from tests import seeds
from tests.rates import ALPHA
from tests.statistics.laws import draw, judge_pair, single_example

pytestmark = pytest.mark.skipif(kernel() is None, reason="the fused kernel is not built here")

FUSED = {"backend": "fused"}
SMALL = {"data": "gaussian", "inputs": 5, "examples": 6, "width": 12, "depth": 2}


def sampler(**values):
    made = FusedSampler.build(Experiment.parse({"seed": seeds.seed(0), **FUSED, **values}))
    assert made is not None
    return made


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("data", ["iris", "moons"])
def test_losses_are_those_of_the_outputs(loss, data):
    made = sampler(data=data, examples=7, held_out=5, width=9, depth=2, loss=loss)
    outputs = torch.from_numpy(made.networks.outputs(3, 500)).double()
    objective = Objective.build(made.dataset, loss, None, torch.float64, torch.device("cpu"))
    expected = objective.per_example(outputs).numpy()
    train, held_out, right, _ = made.networks.losses(3, 500)
    # Targets are rounded to float32 in the run.
    np.testing.assert_allclose(train, expected[:, :7].mean(axis=1), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(held_out, expected[:, 7:].mean(axis=1), rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(right, objective.correct(outputs).numpy())


LAWS = [name for name in choices("init") if name not in ("orthogonal", "sparse", "student_t")]
GAINS = {"normal": 0.4, "uniform": 0.7, "laplace": 0.3, "binary": 0.4, "sphere": 8.0, "ball": 8.0}


def compare(values, count=20_000):
    """Judge a sample of the kernel's against one of torch's."""
    torch_losses = draw({**values, "seed": seeds.seed(1)}, count).losses
    fused = draw({**values, **FUSED, "seed": seeds.seed(2)}, count).losses
    judge_pair(torch_losses, fused)


@pytest.mark.parametrize(
    ("init", "bias"),
    [
        pytest.param(init, bias, marks=[] if number % 2 == bias else [pytest.mark.full])
        for number, init in enumerate(LAWS)
        for bias in (False, True)
    ],
)
def test_every_law_is_that_of_torch(init, bias):
    compare({**SMALL, "init": init, "gain": GAINS.get(init, 1.0), "activation": "tanh", "bias": bias})


@pytest.mark.parametrize(
    ("activation", "sampler_name"),
    [
        pytest.param(activation, name, marks=[] if number % 2 == place else [pytest.mark.full])
        for number, activation in enumerate(ACTIVATIONS)
        for place, name in enumerate(["direct", "projected"])
    ],
)
def test_every_activation_is_that_of_torch(activation, sampler_name):
    compare({**SMALL, "examples": 3, "activation": activation, "sampler": sampler_name, "gain": 1.5})


SHAPES = [  # examples, inputs, width, depth, bias
    (1, 4, 9, 3, True),
    (2, 3, 100, 1, False),
    (3, 70, 65, 3, True),
    (5, 2, "64,3,130", 3, False),
    (17, 40, 20, 2, True),
    (66, 80, 90, 2, False),
    (20, 5, 8, 4, True),
    (4, 6, 0, 0, True),
    (9, 200, 1, 2, False),
]


@pytest.mark.parametrize(
    ("examples", "inputs", "width", "depth", "bias", "init"),
    [
        pytest.param(*shape, init, marks=[] if number % 3 == place else [pytest.mark.full])
        for number, shape in enumerate(SHAPES)
        for place, init in enumerate(("he_normal", "he_uniform", "sphere"))
    ],
)
def test_every_shape_is_that_of_torch(examples, inputs, width, depth, bias, init):
    """Tiles, blocks and rests of every size; layers that are projected below and above ones that are not."""
    values = {"data": "gaussian", "inputs": inputs, "examples": examples, "depth": depth, "bias": bias}
    width = {"width": width} if width else {}
    gain = 10.0 if init == "sphere" else 1.0
    compare({**values, **width, "init": init, "gain": gain, "activation": "erf"}, 10_000)


@pytest.mark.parametrize(
    ("activation", "init"),
    [
        pytest.param(activation, init, marks=[] if (place + number) % 2 == 0 else [pytest.mark.full])
        for place, activation in enumerate(["relu", "leaky_relu", "abs", "linear"])
        for number, init in enumerate(["he_normal", "orthogonal", "sphere", "ball"])
    ],
)
def test_norms_alone_have_the_law_of_whole_networks(activation, init):
    values = {**SMALL, "examples": 1, "activation": activation, "init": init, "gain": GAINS.get(init, 1.2)}
    assert prepare(Experiment.parse({**values, **FUSED})).facts.experiment.sampler == "radial"
    whole = draw({**values, "sampler": "direct", "seed": seeds.seed(1)}, 20_000).losses
    judge_pair(whole, draw({**values, **FUSED, "seed": seeds.seed(2)}, 100_000).losses)


def test_outputs_of_identical_and_nearly_identical_inputs_are_as_near(tmp_path):
    """A root that drops small pivots passes tests of the law of the loss, and gives outputs far apart."""
    generator = seeds.generator(4)
    x = generator.normal(size=(3, 6))
    steps = generator.normal(size=6)
    for distance in (0.0, 1e-9, 1e-7, 1e-5, 1e-3):
        inputs = np.concatenate([x, x[:1] + distance * steps, 2 * x[1:2], np.zeros((1, 6))])
        values = single_example(tmp_path, inputs, np.ones(len(inputs)))
        made = sampler(**values, width=40, depth=3, sampler="projected")
        place = [int(np.flatnonzero((made.dataset.x == row).all(axis=1))[0]) for row in inputs]
        outputs = made.networks.outputs(0, 2_000)[:, 0, place].astype(np.float64)
        size = np.abs(outputs).max(axis=1)
        # A ReLU network is as steep as its weights: the mean square step is that of the He law.
        moved = outputs[:, 3] - outputs[:, 0]
        expected = distance * np.linalg.norm(steps)
        root = np.sqrt((moved**2).mean())
        assert root < 1.5 * expected + 3e-6 * size.mean()
        assert root > 0.4 * expected - 3e-6 * size.mean()
        np.testing.assert_allclose(outputs[:, 4], 2 * outputs[:, 1], atol=1e-5 * size.max())
        np.testing.assert_array_equal(outputs[:, 5], 0)


def test_bits_do_not_depend_on_how_networks_are_cut():
    for values in (SMALL, {**SMALL, "examples": 1}, {**SMALL, "init": "ball", "activation": "sin"}):
        made = sampler(**values)
        whole = made.networks.losses(0, 5000)[0]
        cuts = [0, 1, 2, 1023, 1024, 1025, 3000, 5000]
        parts = [made.networks.losses(a, b - a)[0] for a, b in itertools.pairwise(cuts)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)
        digests = set()
        for size in (700, 1024, 4999, 5000):
            experiment = made.facts.experiment.replace(chunk_size=size)
            chunks = range(-(-5000 // size))
            drawn = [run_chunk(experiment, k, min(size, 5000 - k * size)).summary for k in chunks]
            digests.add(Summary.merge(drawn).histogram.digest())
        assert len(digests) == 1


@pytest.mark.parametrize("level", [3, 4, 8])
def test_bits_are_the_same_with_every_instruction_set(level):
    """Those of AVX-512, AVX2 and NEON, by what one machine has found and all must find again."""
    own = kernel(level)
    if own is None:
        pytest.skip("this processor has another instruction set")
    state = hashlib.sha256()
    for name in range(len(ACTIVATIONS)):
        x = np.linspace(-9, 9, 1600, dtype=np.float32)
        own.activate(name, x.size, x.ctypes.data)
        state.update(x.tobytes())
    for law in range(5):
        out = np.empty(3200, np.float32)
        own.numbers(7, 8, law, out.size, out.ctypes.data)
        state.update(out.tobytes())
    out = np.empty(1000)
    own.chi_squares(7, 9, 5, out.size, out.ctypes.data)
    state.update(out.tobytes())
    assert state.hexdigest() == "5f735f92619027b040ef4f5a5ca93a84cc286e5a08530a2bea75f353b2b73b09"


def test_a_summary_has_the_same_bits_on_every_processor():
    """Nothing in it is added in an order that a library chooses."""
    values = {"data": "digits", "data_seed": 3, "examples": 6, "held_out": 5, "width": 24, "depth": 2}
    experiment = prepare(Experiment.parse({**FUSED, **values, "bias": True})).facts.experiment
    summary = run_chunk(experiment, 0, 4000).summary
    state = hashlib.sha256()
    for name, array in sorted(summary.to_arrays().items()):
        state.update(name.encode() + array.tobytes())
    assert state.hexdigest() == "cf15ddbf74efa81bff0d9441b3156e613b2287a43de1df48fb3c3d80a18f6a3a"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"arch": "conv", "data": "digits"}, "mlp"),
        ({"residual": True}, "residual"),
        ({"layer_norm": True}, "layer norm"),
        ({"dtype": "float64"}, "float32"),
        ({"init": "student_t"}, "student_t"),
        ({"init": "orthogonal"}, "orthogonal"),
        ({"data": "gaussian", "examples": 300}, "256 examples"),
    ],
)
def test_what_the_kernel_does_not_draw_is_refused(values, message):
    with pytest.raises(ExperimentError, match=message):
        prepare(Experiment.parse({**FUSED, **values}))


def test_where_there_is_no_kernel_the_error_says_why(monkeypatch):
    from geomreg_tui.sampling import fused as module

    monkeypatch.setattr(module, "kernel", lambda: None)
    monkeypatch.setattr(module, "why_missing", lambda: "this installation was built without it")
    with pytest.raises(ExperimentError, match="there is none here: this installation was built"):
        sampler(**SMALL)
    assert FusedSampler.build(Experiment.parse(SMALL)) is None


def test_dead_networks_have_their_exact_share():
    for width, depth in ((1, 3), (2, 8), (5, 2)):
        for name in ("direct", "projected", "radial"):
            values = {**SMALL, "examples": 1, "width": width, "depth": depth, "sampler": name}
            experiment = sampler(**values).facts.experiment
            summary = run_chunk(experiment, 0, 100_000).summary
            dead = 1 - (1 - 0.5**width) ** depth
            assert stats.binomtest(summary.dead, summary.samples, dead).pvalue > ALPHA / 9
            assert summary.histogram.atom >= summary.dead


def test_tails_and_training_are_computed_by_torch_and_do_not_change_with_the_backend(engines_here):
    """Runs that go on in float64 have torch for all: the kernel would refuse them."""
    keys = {**SMALL, "samples": 2000, "progress": False, "workers": 1}
    volumes, paths = [], []
    for backend in choices("backend"):
        deep = geomreg.tail(**keys, backend=backend, to_loss=0.5, population=20, repeats=2)
        volumes.append(deep.arrays("tail"))
        trained = geomreg.train(**keys, backend=backend, to_loss=1e-6, steps=3, trajectories=2)
        paths.append(trained.arrays("path"))
    for found in (volumes, paths):
        assert found[0].keys() == found[1].keys()
        for name in found[0]:
            np.testing.assert_array_equal(found[0][name], found[1][name], err_msg=name)
