"""Derivatives of networks side by side against torch's automatic differentiation of single modules."""

import pytest
import torch

from geomreg_tui.training.networks import Networks
from tests import seeds
from tests.training.making import ACTIVATIONS, Module, assert_close, ensemble, torch_loss

NUMBERS = [{"loss": loss, "outputs": size} for loss in ("mse", "mae", "huber") for size in (1, 3)]
CLASSES = [
    {"loss": "cross_entropy"},
    {"loss": "bce"},
    {"loss": "hinge"},
    {"loss": "bce", "data": "moons"},
    {"loss": "hinge", "data": "moons"},
]

# Each activation with and without biases; the default suite has each in one way.
CASES = [
    pytest.param(name, bias, marks=[pytest.mark.full] if (place + bias) % 2 else [])
    for place, name in enumerate(ACTIVATIONS)
    for bias in (False, True)
]


def modules_and_gradients(made, start):
    """Return the outputs and gradients of each network by torch, (outputs, gradients by parameter)."""
    x, targets = start.training.inputs[0].flatten(1), start.training.targets[0].T
    for network in range(len(start.parameters[0])):
        module = Module(made, start.parameters, network)
        outputs = module(x)
        loss = torch_loss(made.experiment.loss, outputs, targets)
        yield network, outputs, loss, torch.autograd.grad(loss, list(module.parameters()))


def assert_gradients(made, networks=2):
    start = made.start(range(networks))
    done = made.networks.run(start.parameters, start.training.inputs)
    losses = made.losses(done.outputs)
    gradients = made.networks.gradients(done, made.slopes(done.outputs, start.training))
    for network, outputs, loss, expected in modules_and_gradients(made, start):
        assert_close(done.outputs[network].T, outputs.detach(), 1e-12)
        assert losses[network] == pytest.approx(float(loss.detach()), rel=1e-12)
        size = max(float(part.abs().max()) for part in expected)
        for found, part in zip(gradients, expected, strict=True):
            assert float((found[network] - part).abs().max()) <= 1e-10 * size


@pytest.mark.parametrize(("activation", "bias"), CASES)
def test_gradients_are_those_of_torch(activation, bias):
    for loss in NUMBERS + CLASSES:
        assert_gradients(ensemble(activation=activation, bias=bias, width=4, depth=2, **loss))


@pytest.mark.parametrize("depth", [0, 1, 3])
@pytest.mark.parametrize(
    "extra", [{"residual": True}, {"layer_norm": True}, {"residual": True, "layer_norm": True}]
)
def test_gradients_with_residuals_and_layer_norm(depth, extra):
    for activation in ("relu", "gelu"):
        for bias in (False, True):
            assert_gradients(ensemble(activation=activation, bias=bias, width=4, depth=depth, **extra))


@pytest.mark.parametrize(
    "values",
    [
        {"activation": "tanh"},
        {"activation": "gelu", "residual": True, "layer_norm": True, "depth": 3, "bias": True},
        {"activation": "relu", "depth": 2, "outputs": 3},
    ],
)
def test_derivatives_along_directions_are_those_of_torch(values):
    made = ensemble(**values)
    start = made.start(range(2))
    generator = seeds.torch_generator(1)
    directions = tuple(
        torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype) for tensor in start.parameters
    )
    done = made.networks.run(start.parameters, start.training.inputs)
    found = made.networks.derivatives(done, directions)
    for network in range(2):
        module = Module(made, start.parameters, network)
        names = [name for name, _ in module.named_parameters()]
        x = start.training.inputs[0]
        _, expected = torch.autograd.functional.jvp(
            lambda *p, m=module, n=names, x=x: torch.func.functional_call(
                m, dict(zip(n, p, strict=True)), (x,)
            ),
            tuple(tensor.detach() for tensor in module.parameters()),
            tuple(tensor[network] for tensor in directions),
        )
        assert_close(found[network].T, expected, 1e-11)


@pytest.mark.parametrize("pooling", ["avg", "max", "none"])
def test_gradients_of_convolutional_networks(pooling):
    values = {"arch": "conv", "data": "digits", "channels": 2, "depth": 2, "bias": True, "pooling": pooling}
    assert_differentiated(ensemble(**values, examples=3))


def make_module():
    """Return a module of a person's own, with parameters that are and are not drawn."""
    return torch.nn.Sequential(
        torch.nn.Linear(4, 5), torch.nn.LayerNorm(5), torch.nn.Tanh(), torch.nn.Linear(5, 1)
    )


def test_gradients_of_a_module_of_ones_own():
    values = {"arch": "custom", "module": "tests.training.test_gradients:make_module", "bias": True}
    made = ensemble(**values)
    assert_differentiated(made)
    start = made.start(range(2))
    outputs = made.networks.run(start.parameters, start.training.inputs).outputs
    first, shift, last, offset = (tensor[1] for tensor in start.parameters)
    hidden = torch.nn.functional.layer_norm(start.training.inputs[0] @ first.T + shift, (5,)).tanh()
    assert_close(outputs[1].T, hidden @ last.T + offset, 1e-12)


def assert_differentiated(made: object) -> None:
    """Assert derivatives by finite differences along a random direction, and that both ways agree."""
    networks: Networks = made.networks
    start = made.start(range(2))
    generator = seeds.torch_generator(2)
    directions = tuple(
        torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype) for tensor in start.parameters
    )
    done = networks.run(start.parameters, start.training.inputs)
    along = networks.derivatives(done, directions)
    upstream = torch.randn(done.outputs.shape, generator=generator, dtype=torch.float64)
    back = networks.gradients(done, upstream)
    step = 1e-6
    ends = [
        networks.run(
            tuple(p + sign * step * d for p, d in zip(start.parameters, directions, strict=True)),
            start.training.inputs,
        ).outputs
        for sign in (1, -1)
    ]
    assert_close(along, (ends[0] - ends[1]) / (2 * step), 1e-7)
    for network in range(2):
        forward = float((along[network] * upstream[network]).sum())
        backward = sum(float((g[network] * d[network]).sum()) for g, d in zip(back, directions, strict=True))
        assert backward == pytest.approx(forward, rel=1e-10)
