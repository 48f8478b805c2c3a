"""Observables of low loss as studies take them, against networks that numpy draws and keeps by their loss.

Means over six seeds are compared in their standard errors, at the rate of ``tests/rates.py``.
"""

import math

import numpy as np
import pytest

from geomreg_tui.experiment import Experiment
from geomreg_tui.gradients.plan import GradientPlan
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.studies.examples import numbers_of
from geomreg_tui.studies.replicates import low_loss_mean, observed_mean
from geomreg_tui.sweeps.plan import Factor
from geomreg_tui.sweeps.run import SweepEngine, run_sweep
from tests import seeds
from tests.engines import put_engines_here
from tests.rates import sigmas

SEEDS, DRAWS, LOSS, WIDTH = 6, 40_000, 0.5, 6
KEYS = {"data": "gaussian", "inputs": 5, "examples": 4, "width": WIDTH, "depth": 1, "init": "he_normal"}


@pytest.fixture(autouse=True)
def _here(monkeypatch):
    put_engines_here(monkeypatch)


def drawn_cosines(experiment):
    """Return the smallest cosine of two examples' gradients of drawn networks, and their losses."""
    x, y = numbers_of(experiment)
    rng = seeds.generator(61)
    hidden = rng.normal(0, math.sqrt(2 / x.shape[1]), (DRAWS, WIDTH, x.shape[1])) @ x.T
    readout = rng.normal(0, math.sqrt(2 / WIDTH), (DRAWS, WIDTH))
    live, on = np.maximum(hidden, 0), (hidden > 0).astype(float)
    residual = np.einsum("dw,dwn->dn", readout, live) - y[:, 0]
    rows, columns = np.triu_indices(len(x), 1)
    inputs = (x @ x.T)[rows, columns]

    def product(i, j, of_inputs):
        return (live[..., i] * live[..., j]).sum(1) + (readout[..., None] ** 2 * on[..., i] * on[..., j]).sum(
            1
        ) * of_inputs

    sizes = product(np.arange(len(x)), np.arange(len(x)), (x * x).sum(1))
    with np.errstate(invalid="ignore"):
        cosines = product(rows, columns, inputs) / np.sqrt(sizes[:, rows] * sizes[:, columns])
    signs = np.sign(residual[:, rows] * residual[:, columns])
    return np.nanmin(np.where(np.isnan(cosines), np.inf, cosines * signs), axis=1), (residual**2).mean(1)


def test_the_mean_at_low_loss_is_that_of_networks_kept_by_their_loss(tmp_path):
    experiment = Experiment.parse({**KEYS, "data_seed": 8})
    plan = GradientPlan(("confusion",), networks=400)
    tail = TailPlan(loss=LOSS, population=100, repeats=2)
    factor = Factor("seed", tuple(seeds.seed(62, place) % 2**31 for place in range(SEEDS)))
    engine = SweepEngine(1, "cpu", None)
    try:
        points = list(run_sweep(experiment, [factor], 400, tmp_path, tail=tail, observed=plan, engine=engine))
    finally:
        engine.close()
    cosines, losses = drawn_cosines(experiment)
    known, low = np.isfinite(cosines), losses <= LOSS
    assert 0.01 < low.mean() < 0.1  # few enough for a tail, and many enough to be counted
    for measure, expected in (
        (observed_mean("confusion_min"), cosines[known]),
        (low_loss_mean("confusion_min", LOSS), cosines[known & low]),
    ):
        found = np.array([measure(point) for point in points])
        error = math.hypot(found.std(ddof=1) / math.sqrt(SEEDS), expected.std() / math.sqrt(expected.size))
        assert abs(found.mean() - expected.mean()) < sigmas(2, freedom=SEEDS - 1) * error
    # Both means are told apart, or the test would hold whatever the loss.
    assert abs(cosines[known].mean() - cosines[known & low].mean()) > 0.2
    # Of a loss that the tail did not look at, and of a point without a tail, nothing is known.
    assert math.isnan(low_loss_mean("confusion_min", LOSS / 2)(points[0]))
    assert math.isnan(low_loss_mean("ntk_trace", LOSS)(points[0]))
