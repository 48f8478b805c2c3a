"""Sampling beside training: exact nulls, and what is refused.

Of a linear model, and of a readout alone, gradient descent ends at draws from the volume: no difference.
"""

import json
import math

import numpy as np
import pytest
from scipy import stats

import geomreg_tui as geomreg
from geomreg_tui.errors import ExperimentError
from geomreg_tui.experiment import Experiment
from geomreg_tui.report.comparison import comparison_text
from geomreg_tui.shapes import layer_shapes
from geomreg_tui.statistics.nngp import nngp_kernel
from geomreg_tui.statistics.theory import layer_variances
from geomreg_tui.studies.compare import read_comparison
from geomreg_tui.studies.comparison import compare_arms, parse_compare
from geomreg_tui.studies.examples import numbers_of
from geomreg_tui.sweeps.run import SweepEngine, run_sweep
from tests import seeds
from tests.command import call
from tests.engines import put_engines_here
from tests.rates import most, sigmas

LINEAR = {"data": "gaussian", "inputs": 8, "examples": 4, "held_out": 40, "depth": 0, "init": "he_normal"}


@pytest.fixture(autouse=True)
def _here(monkeypatch):
    put_engines_here(monkeypatch)


def compared(tmp_path, keys, arms="volume,gd", sets=8, to_loss="1e-4", population="60", **training):
    experiment = Experiment.parse(keys)
    training = {"trajectories": "24", **training}
    plan = parse_compare(
        experiment, arms, str(sets), to_loss, "500", {"population": population, "repeats": "3"}, training
    )
    engine, points = SweepEngine(1, "cpu", None), {}
    try:
        for arm, part in plan.parts().items():
            points[arm] = list(
                run_sweep(
                    part.experiment,
                    part.factors,
                    part.samples,
                    tmp_path / arm,
                    tail=part.tail,
                    training=part.training,
                    engine=engine,
                )
            )
    finally:
        engine.close()
    return compare_arms(points, plan.tail.loss)


def test_a_linear_model_has_no_difference_and_the_errors_and_ranks_that_theory_says(tmp_path):
    """Mean over 8 training sets of (measured - exact posterior), in its standard errors.

    Ranks by loss and by norm are uniform; that by distance is one that numpy draws. Five comparisons in all.
    """
    keys = {**LINEAR, "seed": seeds.seed(21) % 2**31}
    found = compared(tmp_path, keys)
    assert found.words == ("no difference seen",) or found.words == ("equal",)
    exact, distances = [], []
    for seed in found.sets:
        experiment = Experiment.parse({**keys, "data_seed": seed})
        x, y = numbers_of(experiment)
        kernel = 2 / x.shape[1] * x @ x.T
        solved = np.linalg.solve(kernel[:4, :4], kernel[:4, 4:])
        variance = np.diag(kernel[4:, 4:] - kernel[4:, :4] @ solved)
        exact.append(np.mean((y[:4, 0] @ solved - y[4:, 0]) ** 2 + variance))
        distances.append(mean_distance_rank(x[:4], y[:4, 0], 2 / x.shape[1]))
        # It is what is printed beside the arms, by a kernel of infinite width at depth 0.
        shapes = layer_shapes(experiment, (8,), 1)
        np.testing.assert_allclose(nngp_kernel(x, "relu", layer_variances(experiment, shapes)), kernel)
    for arm in ("volume", "gd"):
        assert found.limits[arm] == pytest.approx(np.mean(exact))
        gap = found.arms[arm].loss - exact
        error = gap.std(ddof=1) / math.sqrt(len(gap))
        assert abs(gap.mean()) < sigmas(5, freedom=len(gap) - 1) * error
    ranks = {rank.name: rank for rank in found.ranks}
    assert list(ranks) == ["gd", "gd, norm", "gd, distance"]
    for name, expected in (("gd", 0.5), ("gd, norm", 0.5), ("gd, distance", np.mean(distances))):
        effect = ranks[name].effect
        error = (effect.high - effect.low) / 2 / stats.t.isf(0.025, 7)
        assert abs(effect.estimate - expected) < sigmas(5, freedom=7) * error, name
    assert ranks["gd, distance"].effect.high < 0.5  # nearer than a draw that knows of no start
    assert np.isfinite(found.log10_volume).all()


def mean_distance_rank(x, y, variance):
    """Return the mean rank of ||theta_T - theta_0|| of gradient descent among the volume's, drawn by numpy.

    Descent ends at theta_0 + X^+ (y - X theta_0). A network of the volume is the end of another descent.
    """
    rng = seeds.generator(24)
    drawn, others = rng.normal(size=(2, 40_000, x.shape[1])) * math.sqrt(variance)
    moves = (y - drawn @ x.T) @ np.linalg.pinv(x).T
    of_volume = np.linalg.norm(drawn + moves - others, axis=1)
    cells = np.searchsorted(
        np.quantile(of_volume, [0.05, 0.25, 0.5, 0.75, 0.95]), np.linalg.norm(moves, axis=1)
    )
    return np.mean(np.array([0.025, 0.15, 0.375, 0.625, 0.85, 0.975])[cells])


def test_a_readout_alone_has_no_difference_and_ranks_as_one_of_the_volume(tmp_path):
    keys = {**LINEAR, "depth": 1, "width": 24, "seed": seeds.seed(22) % 2**31}
    found = compared(tmp_path, keys, "volume,readout,gd,sgd", sets=2, batch="2", steps="2000")
    by_name = {each.name: (each, word) for each, word in zip(found.differences, found.words, strict=True)}
    assert set(by_name) == {
        "readout - volume", "gd - volume", "sgd - volume", "gd - readout", "sgd - readout", "sgd - gd"
    }  # fmt: skip
    # The layers below the readout are reweighted in the volume and not in the arm: a difference there may be.
    ranks = {each.name: each for each in found.ranks}
    arms = ("readout", "gd", "sgd")
    assert list(ranks) == [*arms, *(f"{arm}, {what}" for what in ("norm", "distance") for arm in arms)]
    for rank in ranks.values():
        assert rank.replicates == 2
        assert 0 < rank.effect.estimate < 1
    for arm in found.arms.values():
        assert (arm.fitted > 0.9).all()


def readout_of_frozen_features(tmp_path):
    """Return keys of a readout alone: a linear model of what a random ReLU layer makes of inputs."""
    rng = seeds.generator(25)
    inputs, weights = rng.normal(size=(3000, 6)), rng.normal(size=(6, 12))
    features, targets = tmp_path / "features.npy", tmp_path / "targets.npy"
    np.save(features, np.maximum(inputs @ weights, 0))
    np.save(targets, np.tanh(inputs[:, 0]) + 0.3 * rng.normal(size=3000))
    return {**LINEAR, "data": str(features), "target": str(targets), "inputs": None}


NULLS = {"linear": lambda _: LINEAR, "readout": readout_of_frozen_features}


@pytest.mark.parametrize("null", NULLS)
@pytest.mark.parametrize("repeats", [pytest.param(200, marks=pytest.mark.full), 4])
def test_few_comparisons_without_a_difference_find_one(tmp_path, null, repeats):
    """Each of the two tables of a comparison is wrong in at most one of twenty.

    But for the distance: it is smaller, as it should be, where training keeps to its start.
    """
    model, wrong = NULLS[null](tmp_path), np.zeros(2, int)
    for repeat in range(repeats):
        keys = {**model, "seed": seeds.seed(23, repeat) % 2**31, "data_seed": 100 * repeat}
        found = compared(tmp_path / str(repeat), keys, sets=5, population="30")
        ranks = dict(zip([rank.name for rank in found.ranks], found.rank_words, strict=True))
        assert "gd, norm" in ranks
        wrong += [
            any(word in ("below", "above") for word in found.words),
            any("volume" in ranks[name] for name in ("gd", "gd, norm")),
        ]
    assert (wrong <= most(repeats, 0.05, comparisons=2)).all(), wrong


@pytest.mark.full
def test_wide_networks_come_to_the_errors_that_theory_says(tmp_path):
    """Kernels of two ReLU layers by Cho & Saul, at width 512; over 10 training sets, in standard errors.

    What descent on all weights comes to differs from the volume's: by how much is compared too.
    """
    keys = {
        "data": "digits", "classes": "3,8", "examples": 6, "held_out": 40, "depth": 2, "width": 512,
        "init": "he_normal", "seed": seeds.seed(26) % 2**31,
    }  # fmt: skip
    found = compared(tmp_path, keys, "volume,readout,gd", sets=10, population="100", trajectories="32")
    rows = []
    for seed in found.sets:
        x, y = numbers_of(Experiment.parse({**keys, "data_seed": seed}))
        kernel, ntk = wide_kernels(x, 512, layers=2)
        volume = wide_error(kernel, kernel, y[:, 0], 6)
        rows.append([volume, volume, wide_error(kernel, ntk, y[:, 0], 6)])
    laws = np.array(rows).T
    measured = np.array([arm.loss for arm in found.arms.values()])
    assert list(found.limits.values()) == pytest.approx(laws.mean(axis=1))
    assert np.median(laws[2] / laws[0]) > 1.02  # so that one law is not the other
    gaps = [*(measured - laws), measured[2] - measured[0] - (laws[2] - laws[0])]
    for gap in gaps:
        error = gap.std(ddof=1) / math.sqrt(len(gap))
        assert abs(gap.mean()) < sigmas(len(gaps), freedom=len(gap) - 1) * error


def wide_kernels(x, width, layers):
    """Return the covariance and the tangent kernel of infinitely wide He-ReLU layers."""
    kernel, ntk = 2 / x.shape[1] * (x @ x.T), x @ x.T
    for _ in range(layers):
        size = np.sqrt(np.diag(kernel))
        angle = np.arccos(np.clip(kernel / np.outer(size, size), -1, 1))
        kernel = np.outer(size, size) / math.pi * (np.sin(angle) + (math.pi - angle) * np.cos(angle))
        ntk = width / 2 * kernel + (1 - angle / math.pi) * ntk
    return kernel, ntk


def wide_error(kernel, slopes, y, n):
    """Return the mean held-out error of f_0* + A (y - f_0) with A = Theta* Theta^-1 and f_0 ~ N(0, K)."""
    solved = np.linalg.solve(slopes[:n, :n], slopes[:n, n:]).T
    whole = np.hstack([-solved, np.eye(len(y) - n)])
    return np.mean((solved @ y[:n] - y[n:]) ** 2 + np.diag(whole @ kernel @ whole.T))


def test_the_command_the_file_and_python_say_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    words = [
        "compare", "--data", "gaussian", "--inputs", 6, "--examples", 3, "--held-out", 20, "--depth", 0,
        "--arms", "volume,gd", "--training-sets", 3, "--population", 40, "--repeats", 2,
        "--trajectories", 8, "--samples", 500, "--out", tmp_path / "compared",
    ]  # fmt: skip
    printed = json.loads(call(*words, "--json", "--quiet", check=0).stdout)
    assert printed == json.loads((tmp_path / "compared" / "compare.json").read_text())
    assert list(printed["arms"]) == ["volume", "gd"]
    # Asked for again it takes what is there.
    text = call(*words, "--quiet", check=0).stdout
    assert "3 training sets" in text
    assert "gd - volume" in text
    again = geomreg.compare(
        data="gaussian", inputs=6, examples=3, held_out=20, depth=0, arms="volume,gd", training_sets=3,
        population=40, repeats=2, trajectories=8, samples=500, out=tmp_path / "compared",
    )  # fmt: skip
    assert again.arms["gd"].loss.tolist() == printed["arms"]["gd"]["held_out_loss"]
    columns = again.arrays()
    assert columns["arm"].tolist() == ["volume"] * 3 + ["gd"] * 3
    assert str(again) == text.rstrip("\n")
    assert comparison_text(read_comparison(tmp_path / "compared"), 100) == str(again)
    (listed,) = json.loads(call("runs", "--where", "kind:comparison", "--json", check=0).stdout)
    assert (listed["path"], listed["state"]) == (str(tmp_path / "compared"), "done")
    assert listed["samples"] == listed["target"] == 2 * 3 * 500


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"held_out": 0}, "held_out"),
        ({"arms": "volume"}, "two or more"),
        ({"arms": "volume,adam"}, "two or more"),
        ({"to_loss": "0"}, "to-loss"),
        ({"sets": "0"}, "training-sets"),
        ({"loss": "zero_one", "data": "iris", "inputs": None}, "gradient"),
        ({"arms": "volume,readout"}, "depth 0"),
    ],
)
def test_what_cannot_be_compared_is_refused(changes, said):
    options = {"arms": "volume,gd", "sets": "3", "to_loss": "0.01"}
    options |= {key: changes[key] for key in options if key in changes}
    keys = {**LINEAR, **{key: value for key, value in changes.items() if key not in options}}
    with pytest.raises(ExperimentError, match=said):
        parse_compare(
            Experiment.parse(keys), options["arms"], options["sets"], options["to_loss"], "500", {}, {}
        ).parts()
