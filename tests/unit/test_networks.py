"""Batched forward passes against torch.nn modules holding the same weights, one network at a time."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from geomreg_tui.errors import ExperimentError
from geomreg_tui.experiment import Experiment, choices
from geomreg_tui.inits import Stream, build_law
from geomreg_tui.networks import build_network
from geomreg_tui.sampling.direct import DirectLayers
from geomreg_tui.shapes import LayerShape, layer_shapes, parameter_count
from tests import seeds
from tests.torch_activations import ACTIVATIONS

BATCH, EXAMPLES = 5, 7


class Recorder(DirectLayers):
    """Direct layers that remember what was drawn."""

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self.drawn: list[tuple[Tensor, Tensor | None]] = []

    def weights(self, shape: LayerShape) -> tuple[Tensor, Tensor | None]:
        self.drawn.append(super().weights(shape))
        return self.drawn[-1]


def evaluate(keys: dict[str, object], x: Tensor, outputs: int) -> tuple[Tensor, Recorder]:
    experiment = Experiment.parse({"init": "he_normal", **keys})
    network = build_network(experiment, x.shape[1:], outputs, torch.float64)
    law = build_law(experiment, network.shapes)
    layers = Recorder(law, BATCH, Stream(seeds.torch_generator(0), torch.device("cpu"), torch.float64))
    with torch.inference_mode():
        result = network.forward(x, layers)
    assert result.shape == (BATCH, outputs, len(x))
    return result, layers


def inputs(*shape: int) -> Tensor:
    return torch.randn(EXAMPLES, *shape, dtype=torch.float64, generator=seeds.torch_generator(1))


def layer_parameters(layers: Recorder, network: int) -> list[tuple[Tensor, Tensor | None]]:
    return [(w[network], None if b is None else b[network]) for w, b in layers.drawn]


@pytest.mark.parametrize("activation", choices("activation"))
@pytest.mark.parametrize(
    "keys",
    [
        {"width": 6, "depth": 3},
        {"width": [6, 4], "bias": True},
        {"width": 6, "depth": 3, "residual": True, "bias": True},
        {"width": 6, "depth": 2, "layer_norm": True},
        {"depth": 0, "bias": True},
    ],
    ids=["plain", "widths", "residual", "norm", "linear"],
)
def test_mlp_is_the_torch_module_with_the_same_weights(keys: dict[str, object], activation: str) -> None:
    x = inputs(3)
    ours, layers = evaluate({**keys, "activation": activation}, x, outputs=2)
    for network in range(BATCH):
        hidden = x
        *body, last = layer_parameters(layers, network)
        for weights, biases in body:
            z = functional.linear(hidden, weights, biases)
            if keys.get("layer_norm"):
                z = functional.layer_norm(z, z.shape[1:])
            z = ACTIVATIONS[activation](z)
            hidden = z + hidden if keys.get("residual") and z.shape == hidden.shape else z
        expected = functional.linear(hidden, *last)
        torch.testing.assert_close(ours[network].T, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("pooling", choices("pooling"))
@pytest.mark.parametrize(
    "keys",
    [
        {"kernel": 3},
        {"kernel": 5, "bias": True},
        {"kernel": 1, "residual": True},
        {"kernel": 3, "layer_norm": True},
    ],
    ids=["plain", "bias", "residual", "norm"],
)
def test_conv_is_conv2d_with_the_same_weights(keys: dict[str, object], pooling: str) -> None:
    x = inputs(2, 6, 5)
    keys = {"arch": "conv", "channels": 3, "depth": 3, "pooling": pooling, **keys}
    ours, layers = evaluate(keys, x, outputs=4)
    kernel = int(keys["kernel"])
    for network in range(BATCH):
        images = x
        *body, last = layer_parameters(layers, network)
        for weights, biases in body:
            filters = weights.view(3, images.shape[1], kernel, kernel)
            z = functional.conv2d(images, filters, biases, padding=kernel // 2)
            if keys.get("layer_norm"):
                z = functional.layer_norm(z, z.shape[1:])
            z = functional.relu(z)
            images = z + images if keys.get("residual") and z.shape == images.shape else z
            if pooling != "none" and min(images.shape[2:]) >= 2:
                pool = functional.avg_pool2d if pooling == "avg" else functional.max_pool2d
                images = pool(images, 2)
        expected = functional.linear(images.flatten(1), *last)
        torch.testing.assert_close(ours[network].T, expected, rtol=1e-10, atol=1e-12)


class Branching(nn.Module):
    """A user's module that no built-in architecture covers."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 5)
        self.norm = nn.LayerNorm(5)
        self.second = nn.Linear(3, 5, bias=False)
        self.last = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.tanh(self.norm(self.first(x))) * self.second(x))


@pytest.mark.parametrize("bias", [True, False])
def test_custom_module_is_called_with_the_drawn_parameters(bias: bool) -> None:
    x = inputs(3)
    keys = {"arch": "custom", "module": f"{__name__}:Branching", "bias": bias}
    ours, layers = evaluate(keys, x, outputs=2)
    for network in range(BATCH):
        module = Branching().double()
        for name, (weights, biases) in zip(
            ("first", "second", "last"), layer_parameters(layers, network), strict=True
        ):
            linear = getattr(module, name)
            linear.weight.data = weights
            if linear.bias is not None:
                linear.bias.data = torch.zeros_like(linear.bias) if biases is None else biases
        with torch.inference_mode():
            expected = module(x)
        torch.testing.assert_close(ours[network].T, expected, rtol=1e-10, atol=1e-12)


def test_custom_fans_are_those_of_torch() -> None:
    experiment = Experiment.parse({"arch": "custom", "module": f"{__name__}:Convolving"})
    shapes = build_network(experiment, (2, 4, 4), 3, torch.float32).shapes
    conv = Convolving()[0]
    fans = nn.init._calculate_fan_in_and_fan_out(conv.weight)
    assert (shapes[0].fan_in, shapes[0].fan_out) == fans
    assert shapes[0].n_in == conv.weight[0].numel()


def Convolving() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("no_such_package:make", "No module named 'no_such_package'"),
        (f"{__name__}:nothing_here", "nothing_here"),
        (f"{__name__}:inputs", "returned Tensor"),
        ("torch.nn:Identity", "without a weight"),
        (f"{__name__}:Convolving", "fails on inputs of shape (2, 3)"),
        (f"{__name__}:wrong_outputs", "returns (2, 9)"),
    ],
)
def test_an_unusable_factory_is_one_clear_problem(module: str, said: str) -> None:
    experiment = Experiment.parse({"arch": "custom", "module": module})
    with pytest.raises(ExperimentError) as caught:
        build_network(experiment, (3,), 2, torch.float32)
    assert [problem.key for problem in caught.value.problems] == ["module"]
    assert said in str(caught.value)


def wrong_outputs() -> nn.Module:
    return nn.Linear(3, 9)


def test_conv_on_data_without_images_is_refused() -> None:
    with pytest.raises(ExperimentError, match="conv needs images"):
        layer_shapes(Experiment.parse({"arch": "conv"}), (4,), 1)


@pytest.mark.parametrize("bias", [True, False])
def test_parameter_count_is_that_of_torch(bias: bool) -> None:
    mlp = Experiment.parse({"width": [6, 4], "bias": bias})
    module = nn.Sequential(nn.Linear(3, 6, bias), nn.Linear(6, 4, bias), nn.Linear(4, 2, bias))
    assert parameter_count(layer_shapes(mlp, (3,), 2)) == sum(p.numel() for p in module.parameters())
    conv = Experiment.parse({"arch": "conv", "channels": 4, "depth": 2, "kernel": 3, "bias": bias})
    module = nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=bias), nn.Conv2d(4, 4, 3, bias=bias), nn.Linear(16, 2, bias)
    )
    assert parameter_count(layer_shapes(conv, (1, 8, 8), 2)) == sum(p.numel() for p in module.parameters())
