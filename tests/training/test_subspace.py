"""Training in random affine subspaces, against an exact law, torch.func, and training of all weights.

The statistical tests have a rate of false alarm below 1e-6.
"""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import stats

from geomreg_tui.errors import ExperimentError
from geomreg_tui.gradients import perceptron as perceptron_pass
from geomreg_tui.networks.given import GivenLayers
from geomreg_tui.report.training import plan_text
from geomreg_tui.training import subspace
from geomreg_tui.training.plan import TrainingPlan, plan_from_values, plan_values
from geomreg_tui.training.subspace import draw_frames
from geomreg_tui.training.trajectories import Block
from tests import seeds
from tests.command import call
from tests.gradients.making import flattened, judged, one_of, perceptron
from tests.training.making import assert_close, ensemble, torch_loss
from tests.training.test_bits import assert_same_bits, assert_same_in_blocks, train
from tests.training.test_observing import layered

SIZES = {"width": 3, "depth": 2, "examples": 5, "held_out": 4}
PLAN = TrainingPlan(
    "momentum", 0.02, steps=12, to_loss=0.05, sketch=8, subspace=6, observe=("confusion", "ntk")
)


def test_the_least_loss_of_a_linear_model_has_its_law(tmp_path):
    """Orthonormal inputs: K = cI. The least loss in D dimensions, over that of the start, is a Beta."""
    rng, count, dimensions = seeds.generator(71), 6, 3
    x = np.linalg.qr(rng.normal(size=(9, count)))[0].T
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", rng.normal(size=count))
    values = {"data": str(tmp_path / "x.npy"), "target": str(tmp_path / "y.npy"), "standardize": False}
    plan = TrainingPlan("momentum", steps=500, to_loss=0, record=1, subspace=dimensions)
    made = ensemble(plan, **{**values, "depth": 0, "examples": count})
    found = train(made, range(150))
    ratio = found.final("loss") / found.loss[found.first_row[:-1]]
    assert stats.kstest(ratio, stats.beta((count - dimensions) / 2, dimensions / 2).cdf).pvalue > 1e-6
    # And each is the least squares of its own subspace.
    start = made.start(range(150))
    inputs, targets = start.training.inputs[0].numpy(), start.training.targets[0, 0].numpy()
    np.testing.assert_allclose(inputs @ inputs.T, np.eye(count) * (inputs[0] @ inputs[0]), atol=1e-12)
    frames = draw_frames(made.experiment.seed, range(150), 9, dimensions).numpy()
    residuals = targets - start.networks.run(start.parameters, start.training.inputs).outputs[:, 0].numpy()
    least = []
    for frame, residual in zip(frames, residuals, strict=True):
        moved = inputs @ frame
        rest = residual - moved @ np.linalg.lstsq(moved, residual, rcond=None)[0]
        least.append((rest @ rest) / (residual @ residual))
    assert (ratio >= np.array(least) * (1 - 1e-9)).all()
    assert np.median(ratio / least) <= 1 + 1e-9


def test_frames_are_orthonormal_and_point_anywhere():
    frames = draw_frames(seeds.seed(72), range(2000), 5, 2)
    assert_close(frames.mT @ frames, torch.eye(2, dtype=torch.float64).expand(2000, 2, 2), 1e-13)
    # The share of a fixed direction that lies in the subspace is Beta(D / 2, (P - D) / 2).
    share = (frames[:, 0] ** 2).sum(dim=1).numpy()
    assert stats.kstest(share, stats.beta(1, 1.5).cdf).pvalue > 1e-6
    again = draw_frames(seeds.seed(72), [7, 1999], 5, 2)
    assert torch.equal(again, frames[[7, 1999]])
    assert not torch.equal(frames[0], frames[1])


@pytest.mark.parametrize("optimizer", ["gd", "momentum"])
def test_all_dimensions_are_training_of_all_weights(optimizer):
    """Steps of gradient descent and of momentum do not depend on the axes that weights are written in."""
    plan = TrainingPlan(optimizer, 0.02, steps=20, to_loss=0, record=3, observe=PLAN.observe)
    whole = train(ensemble(plan, **SIZES), range(3))
    weights = sum(shape.parameters for shape in ensemble(plan, **SIZES)._sampler.network.shapes)
    found = train(ensemble(replace(plan, subspace=weights), **SIZES), range(3))
    np.testing.assert_array_equal(found.step, whole.step)
    np.testing.assert_allclose(found.columns, whole.columns, rtol=1e-9, atol=1e-12)
    for name, values in whole.observed.items():
        np.testing.assert_allclose(found.observed[name], values, rtol=1e-7, atol=1e-10)


def within(run, drawn, frame):
    """Return a function of ([(z, None)], inputs) that is a network of weights theta_0 + R z.

    Args:
        run: the network, a function of (parameters, inputs).
        drawn: theta_0.
        frame: R.
    """
    origin, rebuild = flattened(drawn)
    return lambda given, x: run(rebuild(origin + frame @ given[0][0]), x)


@pytest.mark.parametrize(
    ("plan", "values"),
    [
        (replace(PLAN, to_loss=0), {"activation": "tanh", "bias": True, "loss": "cross_entropy"}),
        (replace(PLAN, to_loss=0, optimizer="adam", lr=None), {"outputs": 3, "activation": "gelu"}),
    ],
)
def test_steps_and_gradients_are_those_of_torch_func(plan, values):
    """z by torch's own optimiser on a function of z, and what is observed there by torch.func."""
    made = ensemble(replace(plan, sketch=0), **SIZES, **values)
    found = train(made, [4])
    whole = ensemble(replace(plan, subspace=0, sketch=0, observe=()), **SIZES, **values)
    drawn = one_of(layered(whole, whole.start([4]).parameters), 0)
    frame = draw_frames(made.experiment.seed, [4], len(flattened(drawn)[0]), plan.subspace)[0]
    forward = within(perceptron(whole), drawn, frame)
    z = torch.zeros(plan.subspace, dtype=torch.float64, requires_grad=True)
    rate = float(found.lr[0])
    steps = torch.optim.Adam([z], rate) if plan.optimizer == "adam" else torch.optim.SGD([z], rate, 0.9)
    seen = SimpleNamespace(sampler=made._sampler, experiment=made.experiment)
    targets, first = torch.from_numpy(made.objective.targets), torch.empty(0)
    for step in range(plan.steps + 1):
        for row in np.flatnonzero(found.step == step):
            ntk, expected = judged(seen, forward, [(z.detach(), None)])
            first = first if step else ntk
            assert found.loss[row] == pytest.approx(expected["loss"], rel=1e-9)
            assert found.gradient_norm[row] == pytest.approx(expected["gradient_norm"], rel=1e-8)
            assert found.distance[row] == pytest.approx(float(z.detach().norm()), rel=1e-8)
            change = float((ntk - first).norm() / first.norm())
            assert found.observed["ntk_change"][row] == pytest.approx(change, rel=1e-8, abs=1e-14)
            assert found.observed["confusion_min"][row] == pytest.approx(expected["confusion_min"], rel=1e-8)
        steps.zero_grad()
        torch_loss(made.experiment.loss, forward([(z, None)], made._sampler.x[:5]), targets).backward()
        steps.step()


@pytest.mark.parametrize(
    "values",
    [
        {"activation": "relu", "outputs": 3},
        {"activation": "tanh", "bias": True, "loss": "cross_entropy"},
        {"depth": 0, "bias": True, "outputs": 3},
        {"residual": True, "layer_norm": True, "activation": "gelu", "bias": True, "width": 4},
        {"train": "readout", "width": 9, "bias": True, "outputs": 3},
        {"arch": "conv", "data": "digits", "channels": 2, "depth": 1, "pooling": "max", "bias": True},
        {"arch": "conv", "data": "digits", "channels": 2, "depth": 1, "loss": "cross_entropy"},
        {"arch": "custom", "module": "tests.training.test_observing:make_module", "loss": "cross_entropy"},
    ],
)
def test_gradients_are_those_of_torch_func_with_respect_to_z(values):
    values = dict(values)
    plan = replace(PLAN, sketch=0, train=values.pop("train", "all"))
    made = ensemble(plan, **{**SIZES, **values})
    start = made.start([2, 5])
    z = torch.randn(2, 6, dtype=torch.float64, generator=seeds.torch_generator(73))
    training = start.training
    found = made.observer.observe(start.networks, (z,), start.parameters, training.inputs, training.targets)
    network = made._sampler.network
    run = perceptron(made) if plan.train == "all" else lambda drawn, x: x @ drawn[0][0].T + drawn[0][1]
    if made.experiment.arch != "mlp":
        differentiable = getattr(network, "differentiable", network.forward)

        def run(drawn, x):
            one = [(w.unsqueeze(0), None if b is None else b.unsqueeze(0)) for w, b in drawn]
            return differentiable(x, GivenLayers(network.shapes, one, 1))[0].T

    count = start.networks.frames.shape[1]
    for place, trajectory in enumerate([2, 5]):
        drawn = one_of(layered(made, start.networks.weights(start.parameters)), place)
        forward = within(run, drawn, draw_frames(made.experiment.seed, [trajectory], count, 6)[0])
        inputs = training.inputs[place if len(training.inputs) > 1 else 0]
        sampler = SimpleNamespace(x=inputs, dataset=made._sampler.dataset, objective=made._sampler.objective)
        seen = SimpleNamespace(sampler=sampler, experiment=made.experiment)
        first, _ = judged(seen, forward, [(torch.zeros_like(z[place]), None)])
        ntk, expected = judged(seen, forward, [(z[place], None)])
        change = float((ntk - first).norm() / first.norm())
        law = [expected["confusion_min"], expected["confusion_mean"], change]
        np.testing.assert_allclose(found[place], law, rtol=1e-10, atol=1e-12)


def test_many_dimensions_are_taken_in_parts(monkeypatch):
    made = ensemble(PLAN, **SIZES, outputs=3, bias=True)
    start = made.start([0])
    z = torch.ones(1, 6, dtype=torch.float64)
    found = []
    for numbers in (perceptron_pass._INNER, 40, 1):
        monkeypatch.setattr(perceptron_pass, "_INNER", numbers)
        training = start.training
        found.append(
            made.observer.observe(start.networks, (z,), start.parameters, training.inputs, training.targets)
        )
    np.testing.assert_allclose(found[1], found[0], rtol=1e-12)
    np.testing.assert_allclose(found[2], found[0], rtol=1e-12)


BESIDE = [
    (PLAN, SIZES),
    (replace(PLAN, train="readout", subspace=3), {**SIZES, "width": 9}),
    (replace(PLAN, optimizer="sgd", batch=2), SIZES),
    (replace(PLAN, steps=3), {"arch": "conv", "data": "digits", "channels": 2, "examples": 3}),
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
    assert_same_in_blocks(ensemble(plan, dtype=dtype, **values), 6, [[4], [0, 2, 5]])


def test_a_block_that_was_stopped_goes_on_to_the_same_bits():
    whole = train(ensemble(PLAN, **SIZES), range(3, 9))
    made = ensemble(PLAN, **SIZES)
    block = Block(made, range(3, 9))
    for steps in (0, 1, 5, None):
        block.advance(steps)
        _, arrays = parts = block.to_parts()
        assert all(arrays[name].shape[1:] == (6,) for name in arrays if name.startswith("parameters."))
        block = Block.from_parts(made, *parts)
    assert_same_bits(block.result(), whole)


def test_subspaces_that_cannot_be_are_refused(monkeypatch):
    with pytest.raises(ExperimentError, match=r"got 100 dimensions; allowed is up to 24, the weights"):
        ensemble(replace(PLAN, subspace=100), **SIZES)
    monkeypatch.setattr(subspace, "available_memory", lambda: 100)
    with pytest.raises(ExperimentError, match=r"GiB are free: try fewer"):
        ensemble(PLAN, **SIZES)


def test_plans_without_a_subspace_are_as_they_were():
    assert "subspace" not in plan_values(TrainingPlan())
    assert plan_from_values(plan_values(PLAN)) == PLAN
    with pytest.raises(ValueError, match="impossible"):
        plan_from_values({**plan_values(TrainingPlan()), "subspace": -1})
    assert "in random subspaces of 6 dimensions" in plan_text(PLAN)


def test_more_dimensions_than_weights_are_refused_before_a_run_begins(engines_here, tmp_path):
    words = ["train", "--data", "iris", "--examples", 4, "--depth", 0, "--subspace", 50]
    code, _, err = call(*words, "--out", tmp_path / "run")
    assert code == 2
    assert "subspace: got 50 dimensions; allowed is up to 4" in err
    assert not (tmp_path / "run").exists()
