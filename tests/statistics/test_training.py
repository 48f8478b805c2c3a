"""Training against what theory says exactly of linear models and of networks on one example.

Gradient flow is gradient descent with small steps: its error is of the order of the step, so a flow is
compared with descent at three step sizes, extrapolated to 0 (Richardson).
"""

import numpy as np
import pytest
from scipy import linalg, stats

from geomreg_tui.datasets import load
from geomreg_tui.experiment import Experiment
from geomreg_tui.training.ensemble import Ensemble
from geomreg_tui.training.plan import TrainingPlan
from geomreg_tui.training.trajectories import Block
from tests import seeds
from tests.rates import ALPHA
from tests.size import sized


def made_from(tmp_path, x, y, plan, **values):
    """Return an ensemble of linear networks on given examples, in float64."""
    path = tmp_path / "examples.npz"
    np.savez(path, x=np.asarray(x, float), y=np.asarray(y, float))
    keys = {
        "data": str(path),
        "examples": len(x),
        "standardize": False,
        "activation": "linear",
        "depth": 0,
        "dtype": "float64",
        "seed": seeds.seed(8),
    }
    return Ensemble(Experiment.parse({**keys, **values}), plan)


def trained(made, count, steps=None):
    block = Block(made, range(count))
    block.advance(steps)
    return block.result()


def examples_of(made):
    """Return inputs (N, n_in) and targets (N,) in the order in which an ensemble has them."""
    training = made.start([0]).training
    return training.inputs[0].numpy(), training.targets[0, 0].numpy()


def flow_distance(tmp_path, x, y, time, count, fewest, **values):
    """Return ||theta_t - theta_0|| under gradient flow, and the ensemble."""
    found = []
    for steps in (fewest, 2 * fewest, 4 * fewest):
        plan = TrainingPlan(lr=time / steps, steps=steps, to_loss=0, record=1)
        made = made_from(tmp_path, x, y, plan, **values)
        found.append(trained(made, count).final("distance"))
    return (found[0] - 6 * found[1] + 8 * found[2]) / 3, made


def test_the_distance_of_a_linear_model_under_gradient_flow(tmp_path):
    rng = seeds.generator(1)
    x, y = rng.standard_normal((5, 8)), rng.standard_normal(5)
    for time, fewest in ((0.3, 20), (3.0, 100)):
        distance, made = flow_distance(tmp_path, x, y, time, 4, fewest)
        inputs, targets = examples_of(made)
        start = made.start(range(4)).parameters[0][:, 0].numpy()
        kernel = inputs @ inputs.T
        decay = np.eye(5) - linalg.expm(-2 * kernel * time / 5)
        residuals = start @ inputs.T - targets
        middle = decay @ np.linalg.solve(kernel, decay)
        expected = np.sqrt(np.einsum("ki,ij,kj->k", residuals, middle, residuals))
        np.testing.assert_allclose(distance, expected, rtol=1e-4)


def test_the_distance_of_a_two_layer_linear_network_on_one_example(tmp_path):
    x, y = np.array([[0.6, -0.8, 1.2]]), np.array([1.5])
    length = np.linalg.norm(x)
    # Large enough that the network has fitted; ||theta_t - theta_0|| does not depend on the speed.
    distance, made = flow_distance(tmp_path, x, y, 4.0, 6, sized(300, 800), depth=1, width=4)
    first, last = made.start(range(6)).parameters
    v, a = (first.numpy() @ x[0]) / length, last.numpy()[:, 0]
    total, gap, target = ((a + v) ** 2).sum(1) / 2, ((a - v) ** 2).sum(1) / 2, y[0] / length
    root = (target + np.sqrt(target**2 + total * gap)) / total
    stretch = np.sqrt(root)
    expected = np.sqrt(total * (stretch - 1) ** 2 + gap * (1 - 1 / stretch) ** 2)
    np.testing.assert_allclose(distance, expected, rtol=1e-4)


@pytest.mark.parametrize(("size", "scale"), [(1, 1.0), (4, 1.0), (6, 2.5)])
def test_proximity_of_linear_models_with_orthogonal_examples(tmp_path, size, scale):
    """At K = c I and t = infinity, distance**2 is (s**2 / c) times a noncentral chi-square."""
    count = 400
    x, y = scale * np.eye(8)[:size], seeds.generator(2, size).standard_normal(size)
    plan = TrainingPlan(lr_share=0.5, to_loss=1e-24, steps=200)  # a step of 1 / lambda_max fits at once
    made = made_from(tmp_path, x, y, plan, init="normal", gain=0.7)
    result = trained(made, count)
    assert result.counts["fitted"] == count
    c, variance = scale**2, 0.7**2 * scale**2
    law = stats.ncx2(size, (y**2).sum() / variance)
    p = stats.kstest(result.final("distance") ** 2 * c / variance, law.cdf).pvalue
    assert p > ALPHA / 3


def test_distance_is_the_tube_radius_of_the_start(tmp_path):
    """At K = c I the distance to the nearest perfect fit is sqrt(N L / c), which descent goes straight."""
    made = made_from(tmp_path, 1.5 * np.eye(6)[:4], np.arange(4.0), TrainingPlan(to_loss=1e-26, steps=200))
    result = trained(made, 10)
    start = result.loss[result.first_row[:-1]]
    np.testing.assert_allclose(result.final("distance"), np.sqrt(4 * start / 1.5**2), rtol=1e-10)


def test_weights_and_risk_over_time_are_the_closed_form(tmp_path):
    """beta_t and the held-out loss of descent from 0, where the risk descends twice (Heckel and Yilmaz 2021).

    There are 70 features of scale 1 and 5 of scale 0.1, equal in energy.
    """
    rng = seeds.generator(3)
    x = rng.standard_normal((160, 75)) * np.r_[np.ones(70), np.full(5, 0.1)]
    weights = np.r_[np.full(70, 70**-0.5), np.full(5, 5**-0.5 / 0.1)]
    y = x @ weights + 0.5 * rng.standard_normal(160)
    plan = TrainingPlan(to_loss=0, steps=1000, record=4)
    made = made_from(tmp_path, x, y, plan, examples=100, held_out=60, gain=0)
    inputs, targets = examples_of(made)
    block = Block(made, [0])
    rate = 2 * float(block.result().lr[0]) / 100
    values, vectors = np.linalg.eigh(inputs.T @ inputs)
    ends = (vectors.T @ inputs.T @ targets) / values
    for steps in (1, 9, 90, 200):
        block.advance(steps)
        _, arrays = block.to_parts()
        expected = vectors @ (ends * (1 - (1 - rate * values) ** block.step))
        np.testing.assert_allclose(arrays["parameters.0"][0, 0], expected, rtol=0, atol=1e-10)
    block.advance()
    result = block.result()
    held_x, held_y = made.start([0]).held_out[0].numpy(), load(made.experiment).y[100:]
    at = vectors @ (ends[:, None] * (1 - (1 - rate * values[:, None]) ** result.step))
    risk = ((held_x @ at - held_y.reshape(-1, 1)) ** 2).mean(axis=0)
    np.testing.assert_allclose(result.held_out_loss, risk, rtol=1e-10)


def test_fits_of_linear_models_are_the_nearest_to_their_start(tmp_path):
    """Descent from theta_0 ends at theta_0 + X^+ (y - X theta_0): an exact draw given a perfect fit."""
    rng = seeds.generator(5)
    x, y = rng.standard_normal((4, 9)), rng.standard_normal(4)
    for plan in (TrainingPlan(to_loss=1e-26), TrainingPlan("momentum", to_loss=1e-26)):
        made = made_from(tmp_path, x, y, plan)
        inputs, targets = examples_of(made)
        block = Block(made, range(5))
        block.advance()
        start = made.start(range(5)).parameters[0][:, 0].numpy()
        nearest = (targets - start @ inputs.T) @ np.linalg.pinv(inputs).T
        assert block.result().counts["fitted"] == 5
        np.testing.assert_allclose(
            block.result().final("distance"), np.linalg.norm(nearest, axis=1), rtol=1e-10
        )


@pytest.mark.parametrize("init", ["he_normal", "orthogonal", "sphere", "uniform", "torch_default"])
def test_trajectories_start_at_draws_of_the_init_law(tmp_path, init):
    """Losses at the start have the law that sampling gives them."""
    from geomreg_tui.sampling.work import prepare, run_chunk

    values = {"data": "iris", "examples": 3, "width": 4, "depth": 1, "dtype": "float64", "init": init}
    experiment = Experiment.parse({**values, "seed": seeds.seed(9)})
    made = Ensemble(experiment, TrainingPlan())
    start = made.start(range(600))
    losses = made.losses(made.networks.run(start.parameters, start.training.inputs).outputs)
    drawn = run_chunk(prepare(experiment).facts.experiment, 0, 4000, keep=4000).losses
    assert stats.ks_2samp(losses, drawn).pvalue > ALPHA / 5
