"""Losses have the derivatives that finite differences find: moves that reflect go along them."""

import pytest
import torch

from geomreg_tui.experiment import Experiment
from geomreg_tui.sampling.sampler import Sampler
from geomreg_tui.splitting.population import tail_experiment
from tests import seeds


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "cross_entropy", "bce", "hinge"])
def test_derivatives_are_those_of_finite_differences(loss):
    data = {"data": "moons" if loss == "bce" else "iris", "examples": 5, "width": 4, "depth": 1}
    sampler = Sampler(tail_experiment(Experiment.parse({**data, "loss": loss})))
    classes = sampler.objective.targets.shape[-1] if sampler.objective.targets.ndim > 1 else 1
    outputs = torch.randn(3, classes, 5, dtype=torch.float64, generator=seeds.torch_generator(0))
    outputs.requires_grad_()
    assert torch.autograd.gradcheck(lambda f: sampler.objective.per_example(f, training=True), outputs)
