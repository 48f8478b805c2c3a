"""Held-out performance of the networks that fit, against closed forms and plain sampling.

Means of 16 independent populations are compared in their standard errors, which have 15 degrees of freedom,
at the rate of false alarm of ``tests/rates.py``.
"""

import math

import numpy as np
import pytest
import torch

from geomreg_tui.experiment import Experiment
from geomreg_tui.inits import Stream
from geomreg_tui.sampling.sampler import Sampler
from geomreg_tui.splitting.population import tail_experiment
from tests import seeds
from tests.rates import sigmas
from tests.size import sized
from tests.statistics.tail import LN10, descend

RUNS = sized(12, 16)
GAUSSIAN = {"data": "gaussian", "inputs": 12, "examples": 5, "held_out": 9}


def sampler_of(values):
    return Sampler(tail_experiment(Experiment.parse({**values, "sampler": "direct"})))


def test_linear_networks_that_fit_predict_as_the_gaussian_process_posterior():
    """Given outputs on the training examples, those elsewhere are normal: mean and variance in numpy."""
    values = {**GAUSSIAN, "depth": 0, "init": "he_normal"}
    sampler = sampler_of(values)
    x, y = sampler.x.numpy(), sampler.dataset.y
    kernel = 2 / x.shape[1] * x @ x.T
    weights = np.linalg.solve(kernel[:5, :5], kernel[:5, 5:])
    variance = np.diag(kernel[5:, 5:] - kernel[5:, :5] @ weights)
    expected = np.mean((y[:5] @ weights - y[5:]) ** 2 + variance)
    found = [descend(values, k, log10_volume=-15.0, population=200) for k in range(RUNS)]
    assert max(descent.held_log_loss[-1] for descent in found) < -4 * LN10
    means = np.array([descent.held_loss[-1] for descent in found])
    error = means.std(ddof=1) / math.sqrt(RUNS)
    assert abs(means.mean() - expected) < sigmas(freedom=RUNS - 1) * error


@pytest.mark.parametrize(
    "values",
    [
        {"depth": 1, "width": 6, "loss": "mae"},
        pytest.param({"depth": 0}, marks=pytest.mark.full),
        pytest.param({"depth": 1, "width": 6, "activation": "tanh", "bias": True}, marks=pytest.mark.full),
        pytest.param({"depth": 2, "width": 8}, marks=pytest.mark.full),
        pytest.param({"depth": 1, "width": 6, "init": "uniform"}, marks=pytest.mark.full),
    ],
)
def test_where_plain_sampling_sees_it_finds_the_same_held_out_loss(values):
    values = {**GAUSSIAN, **values}
    sampler = sampler_of(values)
    stream = Stream(seeds.torch_generator(8), sampler.device, torch.float64)
    outputs = np.concatenate([sampler.outputs(10_000, stream)[:, 0].numpy() for _ in range(10)])
    error = np.abs(outputs - sampler.dataset.y) ** (1 if values.get("loss") else 2)
    train, held = error[:, :5].mean(axis=1), error[:, 5:].mean(axis=1)
    found = [descend(values, k, log10_volume=-3.0, population=100) for k in range(RUNS)]
    rows = min(descent.held_loss.size for descent in found)
    assert rows >= 4
    for row in range(rows):
        at = np.array([descent.held_log_loss[row] for descent in found])
        seen = [held[train <= math.exp(loss)] for loss in at]
        if min(len(each) for each in seen) < 1000:
            break
        gap = np.array([descent.held_loss[row] for descent in found]) - [each.mean() for each in seen]
        plain = max(each.std() / math.sqrt(len(each)) for each in seen)
        error = math.hypot(gap.std(ddof=1) / math.sqrt(RUNS), plain)
        assert abs(gap.mean()) < sigmas(rows, freedom=RUNS - 1) * error, row
    assert row >= 3


@pytest.mark.parametrize(
    "values",
    [{"depth": 0, "init": "he_normal"}, {"depth": 1, "width": 6}, {"depth": 1, "width": 6, "loss": "mae"}],
)
def test_a_population_that_ends_at_a_volume_is_looked_at_there(values):
    """Tempered ones end at the goal to within the last bits of log V, on either side of it."""
    for index, goal in enumerate((-1.3, -2.7, -4.0, -5.3)):
        found = descend({**GAUSSIAN, **values}, index, log10_volume=goal, population=60)
        assert found.status == "volume reached"
        last = found.held_log_loss[-1]
        volume = np.interp(last, found.log_loss[::-1], found.log_volume[::-1]) / LN10
        # Levels of splitting halve V, and the first below the goal is the end.
        assert volume == pytest.approx(goal, abs=0.35 if "loss" in values else 0.05)
