"""Gradients of trained networks against torch.func on the same weights, and against what theory knows.

The statistical test has a rate of false alarm below 1e-6: a mean is within 5.5 standard errors.
"""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from geomreg_tui.errors import ExperimentError, RunDirectoryError
from geomreg_tui.gradients.plan import GradientPlan
from geomreg_tui.networks.given import GivenLayers
from geomreg_tui.rundir import RunState
from geomreg_tui.runner.snapshot import read_live
from geomreg_tui.training import observing
from geomreg_tui.training.plan import OBSERVED, TrainingPlan, plan_from_values, plan_values
from geomreg_tui.training.result import DEAD, TrainingResult
from geomreg_tui.training.store import TrainingFolder, read_overview, read_trajectories
from geomreg_tui.training.trajectories import Block
from tests.gradients.making import judged, one_of, perceptron
from tests.training.making import VALUES, begun, ensemble, gone_on_with
from tests.training.test_bits import assert_same_bits, assert_same_in_blocks, train

BOTH = ("confusion", "ntk")
SIZES = {"width": 5, "depth": 2, "examples": 7, "held_out": 9}
PLAN = TrainingPlan("momentum", 0.02, steps=40, to_loss=0.1, record=3, observe=BOTH)


def weights_at(made, trajectories):
    """Yield each recorded step and the parameters there, while trajectories are trained in one block."""
    block = Block(made, trajectories)
    for step in made.plan.recorded_steps():
        block.advance(step - block.step)
        _, arrays = block.to_parts()
        count = len(made.start(list(trajectories)).parameters)
        yield step, [torch.from_numpy(arrays[f"parameters.{place}"]) for place in range(count)]


def layered(made, parameters):
    """Return parameters as pairs of weights and biases or None, of each layer that is trained."""
    shapes = (
        made._sampler.network.shapes[-1:] if made.plan.train == "readout" else made._sampler.network.shapes
    )
    rest = iter(parameters)
    return [(next(rest), next(rest) if shape.bias else None) for shape in shapes]


def assert_judged(made, forward, x=None):
    """Assert that what is recorded of two trajectories is what torch.func finds on the weights there.

    Args:
        made: an ensemble that is trained to the last step.
        forward: a function of (parameters of one network, inputs) that returns (examples, C).
        x: inputs of each network; None for those of the data.
    """
    sampler, found = made._sampler, train(made, range(2))
    first = {}
    for step, parameters in weights_at(made, range(2)):
        for network in range(2):
            inputs = sampler.x if x is None else x[network]
            seen = SimpleNamespace(
                sampler=SimpleNamespace(x=inputs, dataset=sampler.dataset, objective=sampler.objective),
                experiment=made.experiment,
            )
            ntk, expected = judged(seen, forward, one_of(layered(made, parameters), network))
            start = first.setdefault(network, ntk)
            (row,) = np.flatnonzero((found.row_trajectory == network) & (found.step == step))
            change = float((ntk - start).norm() / start.norm())
            assert found.observed["ntk_change"][row] == pytest.approx(change, rel=1e-10, abs=1e-14)
            for name in OBSERVED["confusion"]:
                assert found.observed[name][row] == pytest.approx(
                    expected[name], rel=1e-10, abs=1e-12, nan_ok=True
                )
    assert found.observed["ntk_change"][found.first_row[:-1]].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("plan", "values"),
    [
        (TrainingPlan("momentum", 0.02), {"activation": "relu", "outputs": 3}),
        (TrainingPlan("sgd", 0.05, batch=3), {"activation": "tanh", "bias": True, "loss": "cross_entropy"}),
        (TrainingPlan("adam"), {"residual": True, "layer_norm": True, "activation": "gelu", "bias": True}),
        (TrainingPlan(lr=0.05), {"loss": "hinge", "data": "moons"}),
    ],
)
def test_gradients_along_a_path_are_those_of_torch_func(plan, values):
    made = ensemble(replace(plan, steps=25, to_loss=0, record=3, observe=BOTH), **{**SIZES, **values})
    assert_judged(made, perceptron(made))


def test_gradients_of_the_readout_are_by_its_weights_alone():
    plan = TrainingPlan(steps=20, to_loss=0, record=3, train="readout", observe=BOTH)
    made = ensemble(plan, bias=True, outputs=3, **SIZES)
    features = made.start(range(2)).training.inputs
    assert_judged(made, lambda drawn, x: torch.nn.functional.linear(x, *drawn[0]), features)


def make_module():
    """Return a module of a person's own."""
    return torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))


@pytest.mark.parametrize(
    "values",
    [
        {"arch": "conv", "data": "digits", "channels": 2, "pooling": "max", "bias": True},
        {"arch": "custom", "module": "tests.training.test_observing:make_module", "loss": "cross_entropy"},
    ],
)
def test_gradients_of_other_architectures(values):
    made = ensemble(TrainingPlan(lr=0.05, steps=5, to_loss=0, observe=BOTH), examples=4, **values)
    network = made._sampler.network
    run = getattr(network, "differentiable", network.forward)

    def forward(drawn, x):
        one = [(w.unsqueeze(0), None if b is None else b.unsqueeze(0)) for w, b in drawn]
        return run(x, GivenLayers(network.shapes, one, 1))[0].T

    assert_judged(made, forward)


@pytest.mark.parametrize(
    "values", [{"depth": 0}, {"depth": 0, "bias": True, "outputs": 3}, {"readout": True}]
)
def test_the_kernel_of_what_is_linear_in_its_weights_never_changes(values):
    readout = values.pop("readout", False)
    plan = TrainingPlan(
        steps=50, to_loss=0, record=4, train="readout" if readout else "all", observe=("ntk",)
    )
    for dtype in ("float32", "float64"):
        found = train(ensemble(plan, dtype=dtype, **values), range(4))
        assert (found.final("distance") > 0).all()
        assert (found.observed["ntk_change"] == 0).all()


def test_the_kernel_of_a_wide_network_hardly_changes():
    """With inputs of a fixed size and He's law it changes by a share of width**-2.

    Of Theta, the readout's part is of the order of the width n, the rest of order 1. The residuals are made
    up for by readout weights that move by 1/n, and the hidden weights of a unit move by its readout weight
    over n. Both enter Theta with random signs, as a sum of order 1/n: a share of n**-2.
    """
    means, errors = [], []
    for width in (128, 2048):
        plan = TrainingPlan(steps=300, to_loss=1e-2, record=1, observe=("ntk",))
        values = {"data": "gaussian", "inputs": 4, "examples": 3, "activation": "tanh"}
        found = train(ensemble(plan, width=width, **values), range(24))
        assert found.fitted.all()
        logarithms = np.log(found.final("ntk_change"))
        means.append(logarithms.mean())
        errors.append(logarithms.std(ddof=1) / np.sqrt(24))
    assert abs(means[0] - means[1] - 2 * np.log(16)) <= 5.5 * np.hypot(*errors)
    assert np.hypot(*errors) < 0.25  # far from what -1/2 or -1 in place of -2 would give
    assert means[1] < np.log(1e-4)


BESIDE = [
    (PLAN, SIZES),
    (replace(PLAN, pairs=5), {**SIZES, "outputs": 3, "bias": True}),
    (replace(PLAN, train="readout"), {**SIZES, "width": 9}),
    (replace(PLAN, steps=4), {"arch": "conv", "data": "digits", "channels": 2, "examples": 3}),
]


@pytest.mark.parametrize(
    ("plan", "values", "dtype"),
    [
        pytest.param(*case, dtype, marks=[] if number % 2 == place else [pytest.mark.full])
        for number, case in enumerate(BESIDE)
        for place, dtype in enumerate(["float32", "float64"])
    ],
)
def test_the_networks_beside_one_do_not_matter(plan, values, dtype):
    together = assert_same_in_blocks(ensemble(plan, dtype=dtype, **values), 6, [[4], [0, 2, 5]])
    assert np.isfinite(together.final("ntk_change")).all()


def test_a_block_that_was_stopped_goes_on_to_the_same_bits():
    whole = train(ensemble(PLAN, **SIZES), range(3, 9))
    made = ensemble(PLAN, **SIZES)
    block = Block(made, range(3, 9))
    for steps in (0, 1, 12, None):
        block.advance(steps)
        block = Block.from_parts(made, *block.to_parts())
    assert_same_bits(block.result(), whole)
    for others in (("ntk",), ()):
        with pytest.raises(ValueError, match="another ensemble"):
            Block.from_parts(ensemble(replace(PLAN, observe=others), **SIZES), *block.to_parts())


@pytest.mark.parametrize("size", [4, *(pytest.param(size, marks=pytest.mark.full) for size in (1, 11))])
def test_the_division_into_groups_does_not_matter(tmp_path, size):
    plan = replace(PLAN, trajectories=11)
    run = begun(tmp_path / "run", plan, size)
    assert gone_on_with(run) is RunState.DONE
    assert_same_bits(read_trajectories(run), train(ensemble(plan, **VALUES), range(11)))
    overview = read_overview(run)
    assert_same_bits(read_live(run).training.ends, overview.ends)
    for name in plan.observed:
        assert np.isfinite(overview.bands[name].median[:, 0]).all()


def test_files_that_observe_otherwise_are_not_taken(tmp_path):
    one, other = (
        begun(tmp_path / str(len(names)), replace(PLAN, trajectories=2, observe=names), 2)
        for names in (BOTH, ("ntk",))
    )
    assert np.isnan(read_overview(one).bands["confusion_min"].median).all()  # nothing has begun
    gone_on_with(one)
    name = "training/group-0000.safetensors"
    (other.path / name).write_bytes((one.path / name).read_bytes())
    with pytest.raises(RunDirectoryError, match="another experiment, plan or group"):
        TrainingFolder(other).state(TrainingFolder(other).planned(), 0)


def test_observing_changes_no_other_bit_and_names_nothing_where_it_is_not_asked_for():
    first = train(ensemble(PLAN, **SIZES), range(4))
    second = train(ensemble(replace(PLAN, observe=()), **SIZES), range(4))
    np.testing.assert_array_equal(first.columns, second.columns)
    assert second.observed == {}
    assert "observed" not in second.to_parts()[0]
    assert not {"observe", "pairs"} & set(plan_values(replace(PLAN, observe=())))


def test_what_is_asked_for_beside_it_does_not_matter():
    both = train(ensemble(PLAN, **SIZES), range(2))
    for name in BOTH:
        alone = train(ensemble(replace(PLAN, observe=(name,)), **SIZES), range(2))
        assert tuple(alone.observed) == OBSERVED[name]
        for measure, values in alone.observed.items():
            np.testing.assert_array_equal(values, both.observed[measure])


def test_large_kernels_make_blocks_small(monkeypatch):
    assert ensemble(PLAN, **SIZES).block > 100
    monkeypatch.setattr(observing, "_NUMBERS", 5 * 7**2)
    assert ensemble(PLAN, **SIZES).block == 5
    assert ensemble(replace(PLAN, observe=()), **SIZES).block > 100


def test_kernels_that_do_not_fit_into_memory_are_refused(monkeypatch):
    monkeypatch.setattr("geomreg_tui.gradients.observer.available_memory", lambda: 2**10)
    with pytest.raises(ExperimentError, match="gradients of one network, which need"):
        ensemble(PLAN, **SIZES)
    ensemble(replace(PLAN, observe=()), **SIZES)


def test_a_network_whose_gradients_are_all_zero_has_no_measures():
    made = ensemble(replace(PLAN, steps=10), width=2, depth=2, activation="relu")
    found = train(made, range(40))
    dead = found.status == DEAD
    assert 0 < dead.sum() < 40
    for name in PLAN.observed:
        assert np.isnan(found.final(name)[dead]).all()
        assert np.isfinite(found.final(name)[~dead]).any()


def test_confusion_needs_two_examples():
    with pytest.raises(ExperimentError, match="confusion with one example"):
        ensemble(PLAN, examples=1)
    ensemble(replace(PLAN, observe=("ntk",)), examples=1)


def test_what_is_observed_of_drawn_networks_is_observed_of_trained_ones():
    plan = TrainingPlan()
    seen = plan.observing(GradientPlan(("confusion", "ntk", "gradient_norm", "walk"), 100, 7))
    assert (seen.observe, seen.pairs) == (BOTH, 7)
    assert seen.observed == ("confusion_min", "confusion_mean", "ntk_change")
    assert plan.observing(GradientPlan(("ntk", "sharpness"), 100, 7)) == replace(plan, observe=("ntk",))
    assert plan.observing(GradientPlan(("walk",), 100)) == plan.observing(None) == plan
    assert plan_from_values(plan_values(seen)) == seen


@pytest.mark.parametrize(
    "change",
    [
        {"observe": ["ntk", "confusion"]},
        {"observe": ["walk"]},
        {"observe": ["ntk"], "pairs": 3},
        {"pairs": 3},
        {"observe": ["confusion"], "pairs": 0},
    ],
)
def test_what_cannot_be_observed_is_no_plan(change):
    with pytest.raises(ValueError, match="impossible"):
        plan_from_values({**plan_values(TrainingPlan()), **change})


@pytest.mark.parametrize("names", [["confusion_min", "confusion_min"], ["lr"], ["sharpness"]])
def test_measures_that_are_not_known_are_refused(names):
    values, arrays = train(ensemble(PLAN, **SIZES), range(2)).to_parts()
    arrays = {**arrays, "sharpness": arrays["loss"]}
    with pytest.raises(ValueError, match="unknown measures"):
        TrainingResult.from_parts({**values, "observed": names}, arrays)
