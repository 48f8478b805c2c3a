"""Training against an independent loop over modules with torch.optim, at every step."""

import numpy as np
import pytest
import torch

from geomreg_tui.training.minibatches import Minibatches
from geomreg_tui.training.plan import TrainingPlan
from geomreg_tui.training.step_size import curvature, step_sizes
from geomreg_tui.training.trajectories import Block
from tests import seeds
from tests.training.making import Module, assert_close, ensemble, torch_loss

NETWORKS, STEPS = 2, 20


def torch_optimizer(plan, parameters, lr):
    if plan.optimizer == "adam":
        return torch.optim.Adam(parameters, lr=lr)
    return torch.optim.SGD(parameters, lr=lr, momentum=plan.momentum if plan.optimizer == "momentum" else 0.0)


@pytest.mark.parametrize(
    ("plan", "values"),
    [
        (TrainingPlan("gd"), {"activation": "relu", "bias": True}),
        (TrainingPlan("gd", lr=0.05), {"loss": "mae", "depth": 2}),
        (TrainingPlan("momentum", momentum=0.7), {"activation": "tanh", "loss": "cross_entropy"}),
        (TrainingPlan("momentum", batch=4), {"activation": "gelu", "loss": "huber", "bias": True}),
        (TrainingPlan("adam"), {"activation": "silu", "residual": True, "depth": 3, "layer_norm": True}),
        (TrainingPlan("adam", lr=0.01, batch=5), {"data": "moons", "loss": "hinge"}),
        (TrainingPlan("sgd", batch=4), {"data": "moons", "loss": "bce", "activation": "erf"}),
        (TrainingPlan("sgd", batch=1), {"outputs": 3, "depth": 0}),
    ],
)
def test_every_step_is_that_of_torch(plan, values):
    made = ensemble(plan, examples=10, **values)
    block = Block(made, range(NETWORKS))
    start = made.start(range(NETWORKS))
    x, targets = start.training.inputs[0], start.training.targets[0].T
    lr = step_sizes(
        made, curvature(made, start.networks, start.parameters, start.training, flat=plan.lr is not None)
    )
    minibatches = Minibatches(made.experiment.seed, range(NETWORKS), 10, made.batch)
    modules = [Module(made, start.parameters, network) for network in range(NETWORKS)]
    loops = [torch_optimizer(plan, m.parameters(), float(s)) for m, s in zip(modules, lr, strict=True)]
    for step in range(STEPS):
        block.advance(1)
        for network, (module, optimizer) in enumerate(zip(modules, loops, strict=True)):
            picked = minibatches.at(step)[network] if plan.batch else np.arange(10)
            optimizer.zero_grad()
            torch_loss(made.experiment.loss, module(x[picked]), targets[picked]).backward()
            optimizer.step()
        _, arrays = block.to_parts()
        for place, expected in enumerate(zip(*(m.parameters() for m in modules), strict=True)):
            found = torch.from_numpy(arrays[f"parameters.{place}"])
            assert_close(found, torch.stack([tensor.detach() for tensor in expected]), 1e-9)


def test_readout_training_is_that_of_a_linear_model_on_fixed_features():
    made = ensemble(TrainingPlan(train="readout"), activation="tanh", bias=True, width=5)
    block, start = Block(made, range(NETWORKS)), made.start(range(NETWORKS))
    whole = ensemble(TrainingPlan(), activation="tanh", bias=True, width=5).start(range(NETWORKS))
    first, shift, last, offset = whole.parameters
    features = torch.tanh(whole.training.inputs @ first.mT + shift.unsqueeze(1))
    assert_close(start.training.inputs, features, 1e-12)
    assert_close(start.squared_size, sum(p.flatten(1).square().sum(1) for p in whole.parameters), 1e-12)
    for found, expected in zip(start.parameters, (last, offset), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
    block.advance(STEPS)
    _, arrays = block.to_parts()
    for network in range(NETWORKS):
        linear = torch.nn.Linear(5, 1, dtype=torch.float64)
        linear.weight.data.copy_(last[network])
        linear.bias.data.copy_(offset[network])
        optimizer = torch.optim.SGD(linear.parameters(), lr=float(block.result().lr[network]))
        for _ in range(STEPS):
            optimizer.zero_grad()
            torch_loss("mse", linear(features[network]), whole.training.targets[0].T).backward()
            optimizer.step()
        assert_close(torch.from_numpy(arrays["parameters.0"][network]), linear.weight.detach(), 1e-9)
        assert_close(torch.from_numpy(arrays["parameters.1"][network]), linear.bias.detach(), 1e-9)
    assert (block.result().layer_distance[:, 0] == 0).all()


@pytest.mark.parametrize(
    "values",
    [
        {"activation": "relu"},
        {"activation": "tanh", "depth": 3, "bias": True, "outputs": 3},
        {"activation": "gelu", "loss": "cross_entropy", "layer_norm": True},
        {"activation": "silu", "loss": "bce", "data": "moons", "residual": True, "depth": 2},
        {"activation": "sin", "loss": "bce"},
    ],
)
def test_the_largest_curvature_is_that_of_the_whole_matrix(values):
    made = ensemble(TrainingPlan(), **values)
    start = made.start(range(NETWORKS))
    found = curvature(made, start.networks, start.parameters, start.training)
    assert not found.dead.any()
    for network in range(NETWORKS):
        module = Module(made, start.parameters, network)
        weights = list(module.parameters())
        outputs = module(start.training.inputs[0])
        rows = [
            torch.cat([part.flatten() for part in torch.autograd.grad(f, weights, retain_graph=True)])
            for f in outputs.flatten()
        ]
        jacobian, targets = torch.stack(rows), start.training.targets[0].T
        hessian = torch.autograd.functional.hessian(
            lambda f, targets=targets: torch_loss(made.experiment.loss, f.view(targets.shape), targets),
            outputs.detach().flatten(),
        )
        largest = float(torch.linalg.eigvals(hessian @ jacobian @ jacobian.T).real.max())
        # A Rayleigh quotient is below the largest eigenvalue.
        assert largest * (1 - 1e-2) <= float(found.largest[network]) <= largest * (1 + 1e-9)


def test_minibatches_hold_each_example_once_an_epoch():
    minibatches = Minibatches(seeds.seed(3), [0, 5], 10, 4)
    assert minibatches.steps == 3
    epochs = [[minibatches.at(step)[0] for step in range(3 * e, 3 * e + 3)] for e in range(130)]
    for epoch in epochs:
        assert [len(part) for part in epoch] == [4, 4, 2]
        assert sorted(np.concatenate(epoch)) == list(range(10))
    assert len({tuple(np.concatenate(epoch)) for epoch in epochs}) > 120
    alone = Minibatches(seeds.seed(3), [5], 10, 4)
    for step in (0, 250, 31):
        np.testing.assert_array_equal(alone.at(step)[0], minibatches.at(step)[1])
