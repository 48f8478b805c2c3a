"""Linear models across the interpolation threshold: the risk that training comes to, and the volume there.

Gaussian inputs, p of D features used, n examples, noise of standard deviation s. Descent from zero ends at
the least-norm solution. Its risk is that of Belkin, Hsu and Xu 2020, theorem 1, and the volume of low loss of
the same model has a logarithm whose mean is known (science of Wishart matrices): both diverge at p = n.
"""

import math

import numpy as np
import pytest
from scipy import special

from geomreg_tui.experiment import Experiment
from geomreg_tui.statistics.quadratic_form import squared_error_law
from geomreg_tui.training.ensemble import Ensemble
from geomreg_tui.training.plan import TrainingPlan
from geomreg_tui.training.trajectories import Block
from tests import seeds
from tests.rates import sigmas
from tests.size import sized

EXAMPLES, FEATURES, NOISE, HELD_OUT = 20, 120, 0.5, 60
BELOW, ABOVE = (2, 5, 8, 11, 14), (26, 32, 45, 70, 110)
SMALL = 1e-9  # a loss at which the ellipsoid of low loss lies where the density is that of its centre


def drawn(rng, used, count=EXAMPLES + HELD_OUT):
    """Return inputs (count, p), and targets that depend on all D features, of which p are used."""
    weights = np.full(FEATURES, 1 / math.sqrt(FEATURES))
    x = rng.standard_normal((count, FEATURES))
    return x[:, :used], x @ weights + NOISE * rng.standard_normal(count)


def risk(used):
    """Return the expected squared error on a new example, of the least-norm least-squares solution."""
    inside, outside = used / FEATURES, 1 - used / FEATURES  # of the squared norm of the weights
    if used <= EXAMPLES - 2:
        return (outside + NOISE**2) * (1 + used / (EXAMPLES - used - 1))
    return inside * (1 - EXAMPLES / used) + (outside + NOISE**2) * (1 + EXAMPLES / (used - EXAMPLES - 1))


@pytest.mark.parametrize(
    "used",
    [pytest.param(used, marks=[] if used in (8, 70) else [pytest.mark.full]) for used in (*BELOW, *ABOVE)],
)
def test_descent_from_zero_ends_at_the_least_norm_solution(tmp_path, used):
    x, y = drawn(seeds.generator(30 + used), used)
    np.savez(tmp_path / "examples.npz", x=x, y=y)
    values = {
        "data": str(tmp_path / "examples.npz"), "examples": EXAMPLES, "held_out": HELD_OUT, "depth": 0,
        "standardize": False, "dtype": "float64", "gain": 0.0,
    }  # fmt: skip
    made = Ensemble(Experiment.parse(values), TrainingPlan(lr_share=0.95, steps=4000, to_loss=0, record=1))
    block = Block(made, [0])
    block.advance()
    start = made.start([0])
    inputs, targets = start.training.inputs[0].numpy(), start.training.targets[0, 0].numpy()
    solution = np.linalg.pinv(inputs) @ targets
    result = block.result()
    assert result.final("distance")[0] == pytest.approx(np.linalg.norm(solution), rel=1e-7)
    rows = {tuple(row): target for row, target in zip(x, y, strict=True)}
    held_out = start.held_out[0].numpy()
    errors = held_out @ solution - np.array([rows[tuple(row)] for row in held_out])
    assert result.final("held_out_loss")[0] == pytest.approx(np.square(errors).mean(), rel=1e-7)


def test_the_risk_of_that_solution_is_the_law():
    """What judges the test above: ten p, 400 draws of the data each."""
    rng = seeds.generator(31)
    for used in (*BELOW, *ABOVE):
        found = []
        for _ in range(sized(400, 1000)):
            x, y = drawn(rng, used, EXAMPLES + 1)
            error = x[-1] @ (np.linalg.pinv(x[:-1]) @ y[:-1]) - y[-1]
            found.append(error**2)
        z = (np.mean(found) - risk(used)) / (np.std(found) / math.sqrt(len(found)))
        assert abs(z) < sigmas(10), used
    assert risk(14) > risk(8) > 0
    assert risk(26) > risk(45) > risk(110)


def log_volume(used):
    """Return the mean of ln V at the loss SMALL, over data, of weights N(0, I / p); p > n + 1."""
    n, inside, outside = EXAMPLES, used / FEATURES, 1 - used / FEATURES
    log_det = special.digamma((used - np.arange(n)) / 2).sum() + n * math.log(2) - n * math.log(used)
    fit = n * inside + n * used * (outside + NOISE**2) / (used - n - 1)
    ball = n / 2 * math.log(math.pi * n * SMALL) - special.gammaln(n / 2 + 1)
    return ball - n / 2 * math.log(2 * math.pi) - log_det / 2 - fit / 2


def test_the_volume_of_low_loss_diverges_at_the_threshold_as_the_risk_does():
    """Exact volumes by the quadratic form, of 100 data sets for each of five p, against their mean."""
    rng = seeds.generator(32)
    means = []
    for used in ABOVE:
        found = []
        for _ in range(sized(100, 200)):
            x, y = drawn(rng, used, EXAMPLES)
            law = squared_error_law(x @ x.T / used, y[:, None])
            found.append(float(law.log_cdf(np.array([SMALL]))[0]))
        error = np.std(found, ddof=1) / math.sqrt(len(found))
        z = (np.mean(found) - log_volume(used)) / error
        assert abs(z) < sigmas(5, freedom=sized(99, 199)), used
        means.append(log_volume(used))
    assert means == sorted(means)  # it expands with p beyond the threshold
    assert log_volume(22) < means[0] - 20
