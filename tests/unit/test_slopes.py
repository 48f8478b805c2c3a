"""Derivatives of losses and of activations against torch's automatic differentiation."""

import pytest
import torch

from geomreg_tui.losses.slopes import curve_of_loss, slope_of_loss
from geomreg_tui.networks.slopes import apply_activation, slope_of
from tests import seeds
from tests.torch_activations import ACTIVATIONS
from tests.training.making import torch_loss

NETWORKS, EXAMPLES = 3, 5
NUMBERS = [(loss, outputs) for loss in ("mse", "mae", "huber") for outputs in (1, 4)]
CLASSES = [("cross_entropy", 4), ("bce", 4), ("hinge", 4), ("bce", 1), ("hinge", 1)]
SMOOTH = ("mse", "huber", "cross_entropy", "bce")


def outputs_and_targets(loss, outputs, generator):
    """Return outputs (networks, C, examples) and targets (1, C, examples) as the loss sees them."""
    values = torch.randn(NETWORKS, outputs, EXAMPLES, generator=generator, dtype=torch.float64)
    if (loss, outputs) in NUMBERS:
        return values, torch.randn(1, outputs, EXAMPLES, generator=generator, dtype=torch.float64)
    labels = torch.randint(max(outputs, 2), (EXAMPLES,), generator=generator)
    if outputs > 1:
        return values, torch.nn.functional.one_hot(labels, outputs).T[None].double()
    return values, (labels if loss == "bce" else 2 * labels - 1)[None, None].double()


@pytest.mark.parametrize(("loss", "outputs"), NUMBERS + CLASSES)
def test_the_derivative_of_a_loss(loss, outputs):
    values, targets = outputs_and_targets(loss, outputs, seeds.torch_generator(0))
    found = slope_of_loss(loss, values, targets)
    for network in range(NETWORKS):
        at = values[network].clone().requires_grad_()
        torch_loss(loss, at.T, targets[0].T).backward()
        torch.testing.assert_close(found[network], at.grad, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("loss", "outputs"), [case for case in NUMBERS + CLASSES if case[0] in SMOOTH])
def test_the_second_derivative_of_a_loss(loss, outputs):
    generator = seeds.torch_generator(1)
    values, targets = outputs_and_targets(loss, outputs, generator)
    if loss == "huber":  # whose second derivative is 0 further away than 1
        values = targets + values.clamp(-0.9, 0.9)
    directions = torch.randn(values.shape, generator=generator, dtype=torch.float64)
    found = curve_of_loss(loss, values, targets, directions)
    for network in range(NETWORKS):
        _, expected = torch.autograd.functional.hvp(
            lambda at: torch_loss(loss, at.T, targets[0].T), values[network], directions[network]
        )
        torch.testing.assert_close(found[network], expected, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("loss", ["mae", "hinge"])
def test_a_loss_of_straight_lines_has_no_second_derivative(loss):
    values, targets = outputs_and_targets(loss, 1, seeds.torch_generator(2))
    with pytest.raises(ValueError, match=f"the second derivative of {loss} is 0"):
        curve_of_loss(loss, values, targets, values)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_derivative_of_an_activation(name):
    generator = seeds.torch_generator(3)
    z = 2 * torch.randn(NETWORKS, 4, EXAMPLES, generator=generator, dtype=torch.float64)
    z[0, 0, :3] = 0.0  # where some have a kink
    upstream = torch.randn(z.shape, generator=generator, dtype=torch.float64)
    at = z.clone().requires_grad_()
    ACTIVATIONS[name](at).backward(upstream)
    slope = slope_of(name)
    before = z.clone()
    activations = apply_activation(name, z)
    torch.testing.assert_close(activations, ACTIVATIONS[name](before), rtol=1e-15, atol=0)
    kept = z if slope.keeps_inputs else activations
    torch.testing.assert_close(slope.times(upstream, kept), at.grad, rtol=1e-12, atol=1e-15)
