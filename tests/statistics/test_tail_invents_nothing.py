"""Tails of degenerate experiments of every architecture, law and loss: nothing that they print is invented.

Examples are repeated, nearly repeated, contradictory, dead or too many; networks are too narrow for them,
have no gain or die. Whatever comes out holds the contract of tails, and where plain sampling sees, it agrees:
at three losses an experiment, by less than 5 joint standard errors (6e-7 each, 1e-3 over 500 experiments).
"""

import math
import os

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from geomreg_tui.errors import DataError, ExperimentError
from geomreg_tui.experiment import Experiment, choices
from geomreg_tui.report.deep_tail import tail_lines
from geomreg_tui.sampling.work import prepare, run_chunk
from geomreg_tui.splitting.joined import STATUSES, deep_tail
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.splitting.population import Population, tail_experiment
from geomreg_tui.splitting.result import FAILED, Tail
from geomreg_tui.statistics import LossDistribution, volume_curve

MANY = int(os.environ.get("FUZZ_EXAMPLES", "0")) > 100
PLAN = TailPlan(log10_volume=-9, population=100, repeats=2)
SAMPLES = 2000
LEVELS = 80


@st.composite
def experiments(draw):
    """Return the values of an experiment without its data, and (x, y) of its examples."""
    examples, inputs = draw(st.integers(1, 6)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    x = rng.standard_normal((examples, inputs))
    kind = draw(st.sampled_from(["plain", "repeated", "nearly repeated", "dead", "huge"]))
    if kind == "repeated":
        x[-1] = x[0]
    elif kind == "nearly repeated":
        x[-1] = x[0] + 10.0 ** -draw(st.integers(3, 14)) * rng.standard_normal(inputs)
    elif kind == "dead":
        x[0] = 0
    elif kind == "huge":
        x *= 1e6
    loss = draw(st.sampled_from(choices("loss")))
    classes = loss in ("cross_entropy", "bce", "hinge", "zero_one")
    y = rng.standard_normal(examples) * draw(st.sampled_from([0, 1, 1e-8, 1e8]))
    if classes:
        y = rng.integers(0, 2, examples)
        y[-1] = 1 - y[0] if examples > 1 else y[0]
    values = {
        "arch": "mlp",
        "depth": draw(st.integers(0, 3)),
        "width": draw(st.integers(1, 4)),
        "activation": draw(st.sampled_from(choices("activation"))),
        "init": draw(st.sampled_from(choices("init"))),
        "gain": draw(st.sampled_from([1.0, 1.0, 0.0, 1e-9, 30.0])),
        "bias": draw(st.booleans()),
        "residual": draw(st.booleans()),
        "layer_norm": draw(st.booleans()),
        "loss": loss,
        "examples": examples,
        "standardize": False,
        "seed": draw(st.integers(0, 1000)),
    }
    return values, x, y


def descents_of(experiment):
    found = []
    for index in range(PLAN.repeats):
        descender = Population(experiment, PLAN, index)
        for _ in range(LEVELS):
            if not descender.advance():
                break
        found.append(descender)
    return found


def assert_nothing_is_invented(deep, experiment):
    curve = deep.curve
    text = "\n".join(tail_lines(deep))
    assert "nan" not in text
    for descent in deep.tail.populations:
        descent.check()
        assert descent.status in {None, *STATUSES}
        assert descent.status != FAILED, descent.reason
    if curve is None:
        return
    for array in (curve.log10_loss, curve.log10_volume, curve.std):
        assert np.isfinite(array).all()
    assert (curve.log10_volume <= 0).all()
    assert (deep.high <= 0).all()
    assert (np.diff(curve.log10_volume) <= 0).all()
    assert (np.diff(curve.log10_loss) <= 0).all()
    known = np.isfinite(curve.exponent)
    assert (curve.exponent[known] >= -1e-9).all()
    if curve.log10_bound is not None:
        assert curve.log10_bound <= 0
    if curve.floor is not None and curve.log10_loss.size:
        assert curve.log10_loss[-1] >= curve.floor.log10_loss - 1e-9


def assert_agrees_with_plain_sampling(deep, experiment):
    ready = prepare(experiment)
    losses = run_chunk(ready.facts.experiment, 0, SAMPLES, keep=SAMPLES).losses
    losses = np.sort(losses[np.isfinite(losses) & (losses > 1e-300)])
    if losses.size < SAMPLES or deep.curve is None or deep.curve.log10_loss.size < 4:
        return
    for share in (0.6, 0.3, 0.15):
        loss = losses[int(share * SAMPLES)]
        near = np.abs(losses / loss - 1) < 1e-6
        if near.sum() > 1:
            continue  # an atom, where V jumps
        volume, std = deep.curve.at(math.log10(loss))
        if math.isfinite(volume) and math.isfinite(std):
            error = math.hypot(math.sqrt((1 - share) / share / SAMPLES) / math.log(10), std)
            assert abs(volume - math.log10(share)) < 5 * error + 0.01, (loss, volume, share, error)


@settings(max_examples=500 if MANY else 6, phases=[Phase.explicit, Phase.generate], deadline=None)
@given(case=experiments())
def test_tails_of_degenerate_experiments_hold_the_contract(case, tmp_path_factory):
    values, x, y = case
    path = tmp_path_factory.mktemp("data") / "examples.npz"
    np.savez(path, x=x, y=y)
    try:
        experiment = tail_experiment(Experiment.parse({**values, "data": str(path)}))
        descenders = descents_of(experiment)
    except (ExperimentError, DataError):
        return  # said before anything began
    tail = Tail(PLAN, descenders[0].kernel, descenders[0].space, tuple(d.result for d in descenders))
    summary = run_chunk(prepare(experiment).facts.experiment, 0, 500).summary
    sampled = volume_curve(LossDistribution(summary, prepare(experiment).facts.null_loss))
    deep = deep_tail(tail, sampled)
    assert_nothing_is_invented(deep, experiment)
    assert_agrees_with_plain_sampling(deep, experiment)
