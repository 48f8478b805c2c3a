"""Gradients of drawn networks: the way back is exact, and what is observed is what torch.func finds."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call

from geomreg_tui.gradients.basis import column_root, orthonormal_basis
from geomreg_tui.gradients.layers import ProjectedLayer
from geomreg_tui.inits import Stream, build_law
from geomreg_tui.shapes import LayerShape
from tests import seeds
from tests.torch_activations import ACTIVATIONS

from .making import experiment, judged, observed, observer, one_of, parameters, perceptron

LOSSES = [
    {"loss": "mse"},
    {"loss": "mse", "outputs": 3},
    {"loss": "huber", "outputs": 3},
    {"loss": "cross_entropy"},
    {"loss": "bce", "data": "moons"},
    {"loss": "mae"},
    {"loss": "hinge"},
    {"loss": "hinge", "data": "moons"},
]
FLAT = ("mae", "hinge")


def columns(kind, rows, count, dtype=torch.float64):
    """Return activations (3, rows, count) of a kind that is hard."""
    drawn = torch.randn(3, rows, count, generator=seeds.torch_generator(1, rows, count), dtype=dtype)
    match kind:
        case "equal":
            drawn[:, :, -1] = drawn[:, :, 0]
        case "nearly equal":
            drawn[:, :, -1] = drawn[:, :, 0] * (1 + 1e-12)
        case "zero":
            drawn[:, :, 1] = 0
        case "dead":
            drawn[1] = 0
        case "tiny":
            drawn[:, :, 0] *= 1e-20
    return drawn


KINDS = ["plain", "equal", "nearly equal", "zero", "dead", "tiny"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("rows", "count"), [(12, 5), (5, 5), (4, 9), (7, 2)])
def test_bases_are_orthonormal_whatever_the_columns(kind, rows, count):
    for dtype, tolerance in ((torch.float64, 1e-13), (torch.float32, 2e-6)):
        given = columns(kind, rows, count, dtype)
        basis, root = orthonormal_basis(given)
        identity = torch.eye(basis.shape[2], dtype=dtype)
        assert float((basis.mT @ basis - identity).abs().max()) < tolerance
        assert float((basis @ root - given).abs().max()) < tolerance * 10
        square = column_root(given)
        assert float((square.mT @ square - given.mT @ given).abs().max()) < tolerance * 50
        assert square.shape[1] == min(rows, count)
        assert not square[:, :, (given == 0).all(dim=1)[0]].any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    ("n_in", "n_out", "count", "back"), [(12, 9, 5, 5), (4, 9, 6, 6), (12, 3, 5, 15), (8, 40, 4, 4)]
)
def test_the_way_back_belongs_to_the_way_forward(kind, bias, n_in, n_out, count, back):
    """A^T (W^T D) = (W A)^T D for the weights that the way forward has drawn, to the last digits."""
    shape = LayerShape(1, n_out, n_in, n_in, n_out, bias)
    law = build_law(experiment(bias=bias, bias_scale=0.7), [shape])
    generator = seeds.torch_generator(2)
    stream = Stream(generator, torch.device("cpu"), torch.float64)
    activations = columns(kind, n_in, count)
    layer = ProjectedLayer.draw(law, shape, activations, 3, stream)
    z = layer.z.clone()
    upstream = torch.randn(3, n_out, back, dtype=torch.float64, generator=generator)
    upstream[:, :, 0] = 0
    found = layer.back(upstream)
    assert not found[:, :, 0].any()
    if bias:  # z has biases, which are independent of the rest: least squares tells the two apart
        one = LayerShape(1, n_out, n_in + 1, n_in, n_out, False)
        rows = torch.cat(
            [activations * law.row_scales(shape)[0], torch.full_like(activations[:, :1], 0.7)], dim=1
        )
        whole = ProjectedLayer.__new__(ProjectedLayer)
        whole.basis, whole.block, whole._scale, whole._shape, whole._stream = (
            layer.basis,
            layer.block,
            1.0,
            one,
            stream,
        )
        found, activations = whole.back(upstream), rows
    size = float((z.abs().mT @ upstream.abs()).max())
    assert float((activations.mT @ found - z.mT @ upstream).abs().max()) <= 1e-13 * max(size, 1e-300)


def assert_judged(made, forward, networks=2, *key):
    """Assert that everything that ``made`` observes of its first networks is what torch.func finds.

    The confusion is undefined for both where fewer than two examples have a gradient.
    """
    drawn = parameters(made, networks, *key)
    values = observed(made, networks, *key)
    for network in range(networks):
        _, expected = judged(made, forward, one_of(drawn, network))
        assert set(values) <= set(expected)
        for name, numbers in values.items():
            near_zero = 1e-12 if name.startswith("confusion") else 0.0
            value = pytest.approx(expected[name], rel=1e-10, abs=near_zero, nan_ok=True)
            assert numbers[network] == value, name


def completed(layer, law):
    """Return weights (batch, n_out, n_in) and biases of which a layer's passes were, forward and back.

    With W A = G Q^T A and W^T D = M known, W^T = Q G^T + (M - Q G^T D) D^+ has both: the columns of the last
    factor's left are orthogonal to Q, and its rows are combinations of those of D. The row of the biases,
    which M leaves out, follows from the first of these.
    """
    shape, basis, block = layer._shape, layer.basis, layer.block
    whole = (basis @ block.mT).expand(len(block), -1, -1).clone()
    if hasattr(layer, "returned"):
        rest = layer.returned / layer._scale - (whole @ layer.upstream)[:, : shape.n_in]
        if shape.bias:
            last = basis[:, shape.n_in :]  # (batch, 1, rank)
            row = -last @ (basis[:, : shape.n_in].mT @ rest) / last.square().sum(dim=2, keepdim=True)
            rest = torch.cat([rest, row], dim=1)
        whole += rest @ torch.linalg.pinv(layer.upstream, rtol=1e-12)
    weights = (whole[:, : shape.n_in] * layer._scale).mT
    return weights, whole[:, shape.n_in] * law.row_scales(shape)[1] if shape.bias else None


PROJECTED = [
    {"width": width, "depth": depth, "examples": examples, "outputs": outputs}
    for (depth, width), (examples, outputs) in zip(
        [(depth, width) for depth in (1, 2, 3, 4) for width in (3, 8, 24)],
        [(2, 1), (4, 3), (6, 1)] * 4,
        strict=True,
    )
]


@pytest.mark.parametrize(
    "place", [pytest.param(place, marks=[pytest.mark.full] if place % 4 else []) for place in range(12)]
)
def test_projected_gradients_are_those_of_torch_func_on_the_weights_that_they_stand_for(place, monkeypatch):
    """What is drawn is a part of weights; with the rest of them, torch.func finds the same numbers."""
    back = ProjectedLayer.back

    def recorded(self, upstream):
        self.upstream, self.returned = upstream, back(self, upstream)
        return self.returned

    monkeypatch.setattr(ProjectedLayer, "back", recorded)
    activations = list(ACTIVATIONS)
    for number, bias in enumerate((False, True)):
        activation = activations[(2 * place + number) % len(activations)]
        loss = "cross_entropy" if PROJECTED[place]["outputs"] > 1 and bias else "mse"
        values = {**PROJECTED[place], "loss": loss, "activation": activation, "bias": bias}
        values["bias_scale"] = 0.7
        made = observer(method="projected", **values)
        with torch.inference_mode():
            done = made.draw(2, made._stream(seeds.torch_generator(11, place, number)))
            seen = made.observed(done)
        drawn = [completed(layer, made.sampler.law) for layer in done._layers]
        for network in range(2):
            _, expected = judged(made, perceptron(made), one_of(drawn, network))
            assert float(seen.losses[network]) == pytest.approx(expected["loss"], rel=1e-10)
            for name, found in seen.values.items():
                value = pytest.approx(expected[name], rel=1e-10, abs=1e-10, nan_ok=True)
                assert float(found[network]) == value, (name, values)


def names(loss):
    return ["confusion", "ntk", "gradient_norm"] + ([] if loss in FLAT else ["sharpness"])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_direct_gradients_are_those_of_torch_func(activation):
    for place, loss in enumerate(LOSSES):
        made = observer(
            names(loss["loss"]), method="direct", activation=activation, bias=bool(place % 2), **loss
        )
        assert_judged(made, perceptron(made), 2, 3)


@pytest.mark.parametrize(
    "extra", [{"residual": True}, {"layer_norm": True}, {"residual": True, "layer_norm": True}]
)
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_direct_gradients_with_residuals_and_layer_norm(extra, depth):
    for activation, bias, outputs in (("gelu", True, 3), ("relu", False, 1)):
        made = observer(
            method="direct", activation=activation, bias=bias, outputs=outputs, depth=depth, **extra
        )
        assert_judged(made, perceptron(made), 2, 4)


@pytest.mark.parametrize("init", ["orthogonal", "sphere", "uniform", "binary", "torch_default", "student_t"])
def test_direct_gradients_of_other_laws(init):
    made = observer(init=init, bias=True, activation="tanh")
    assert made.arrangement.method == "direct"
    assert_judged(made, perceptron(made), 2, 5)


@pytest.mark.parametrize("observe", [["confusion"], ["gradient_norm"]])
def test_gradients_of_the_loss_alone(observe):
    """Without the NTK the loss's own gradients go back: the numbers are the same."""
    made = observer(observe, method="direct", outputs=3, bias=True)
    assert not made.plan.needs_ntk(3)
    assert_judged(made, perceptron(made), 2, 6)


@pytest.mark.parametrize("pooling", ["avg", "max", "none"])
def test_gradients_of_convolutional_networks(pooling):
    values = {"arch": "conv", "data": "digits", "channels": 2, "examples": 4, "pooling": pooling}
    for extra in ({"bias": True, "outputs": 10}, {"residual": True, "layer_norm": True}):
        made = observer(**values, **extra)

        def forward(drawn, x, e=made.experiment):
            images = x
            for weights, biases in drawn[:-1]:
                filters = weights.view(weights.shape[0], images.shape[1], e.kernel, e.kernel)
                z = nn.functional.conv2d(images, filters, biases, padding=e.kernel // 2)
                if e.layer_norm:
                    z = nn.functional.layer_norm(z, z.shape[1:])
                z = torch.relu(z)
                z = z + images if e.residual and z.shape == images.shape else z
                pool = {"avg": nn.functional.avg_pool2d, "max": nn.functional.max_pool2d}.get(e.pooling)
                images = pool(z, 2) if pool is not None and min(z.shape[2:]) >= 2 else z
            return nn.functional.linear(images.flatten(1), *drawn[-1])

        assert_judged(made, forward, 2, 7)


def make_module():
    """Return a module of a person's own, with parameters that are and are not drawn."""
    return nn.Sequential(nn.Linear(4, 5), nn.LayerNorm(5), nn.Tanh(), nn.Linear(5, 3))


def test_gradients_of_a_module_of_ones_own():
    made = observer(
        arch="custom", module="tests.gradients.test_gradients:make_module", bias=True, loss="cross_entropy"
    )
    module = make_module().double().requires_grad_(False)

    def forward(drawn, x):
        (first, shift), (last, offset) = drawn
        named = {"0.weight": first, "0.bias": shift, "3.weight": last, "3.bias": offset}
        return functional_call(module, named, (x,))

    assert_judged(made, forward, 2, 8)


def test_pairs_without_a_cosine_are_counted():
    """Hinge gradients are 0 at margins above 1; a dead network has none. Neither is given a cosine."""
    made = observer(["confusion"], loss="hinge", data="moons", width=2, depth=3, gain=3.0, method="direct")
    count = 60
    drawn = parameters(made, count, 9)
    with torch.inference_mode():
        done = made.observe(count, seeds.torch_generator(9))
    expected = [judged(made, perceptron(made), one_of(drawn, network))[1] for network in range(count)]
    undefined = np.isnan([one["confusion_min"] for one in expected])
    assert 0 < undefined.sum() < count
    assert done.missing.tolist() == [one["missing"] for one in expected]
    for name in ("confusion_min", "confusion_mean", "confusion_negative"):
        assert np.array_equal(done.undefined[name].numpy(), undefined)
        assert np.array_equal(done.values[name].isnan().numpy(), undefined)
        np.testing.assert_allclose(done.values[name].numpy(), [one[name] for one in expected], atol=1e-10)


def test_a_limited_number_of_pairs_is_the_same_for_all():
    made = observer(["confusion"], pairs=4)
    again = observer(["confusion"], pairs=4, seed=5, width=9)
    assert made.arrangement.pairs == 4
    assert torch.equal(made.pairs, again.pairs)
    assert len({tuple(pair) for pair in made.pairs.T.tolist()}) == 4
    assert bool((made.pairs[0] < made.pairs[1]).all())
    everything = observed(observer(["confusion"], method="direct", activation="tanh"), 50, 10)[
        "confusion_min"
    ]
    few = observed(observer(["confusion"], pairs=4, method="direct", activation="tanh"), 50, 10)[
        "confusion_min"
    ]
    assert (few >= everything).all()
    assert (few > everything).any()
