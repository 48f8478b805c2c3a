"""Sampling beside training: exact nulls, and what is refused.

Of a linear model, and of a readout alone, gradient descent ends at draws from the volume: no difference.
"""

import json
import math

import numpy as np
import pytest

import geomreg_tui as geomreg
from geomreg_tui.errors import ExperimentError
from geomreg_tui.experiment import Experiment
from geomreg_tui.shapes import layer_shapes
from geomreg_tui.statistics.nngp import nngp_kernel
from geomreg_tui.statistics.theory import layer_variances
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


def test_a_linear_model_has_no_difference_and_the_errors_that_theory_says(tmp_path):
    """Mean over 8 training sets of (measured - exact posterior), in its standard errors."""
    keys = {**LINEAR, "seed": seeds.seed(21) % 2**31}
    found = compared(tmp_path, keys)
    assert found.words == ("no difference seen",) or found.words == ("equal",)
    exact = []
    for seed in found.sets:
        experiment = Experiment.parse({**keys, "data_seed": seed})
        x, y = numbers_of(experiment)
        kernel = 2 / x.shape[1] * x @ x.T
        solved = np.linalg.solve(kernel[:4, :4], kernel[:4, 4:])
        variance = np.diag(kernel[4:, 4:] - kernel[4:, :4] @ solved)
        exact.append(np.mean((y[:4, 0] @ solved - y[4:, 0]) ** 2 + variance))
        # It is what is printed beside the arms, by a kernel of infinite width at depth 0.
        shapes = layer_shapes(experiment, (8,), 1)
        np.testing.assert_allclose(nngp_kernel(x, "relu", layer_variances(experiment, shapes)), kernel)
    for arm in ("volume", "gd"):
        assert found.limits[arm] == pytest.approx(np.mean(exact))
        gap = found.arms[arm].loss - exact
        error = gap.std(ddof=1) / math.sqrt(len(gap))
        assert abs(gap.mean()) < sigmas(2, freedom=len(gap) - 1) * error
    assert np.isfinite(found.log10_volume).all()


def test_a_readout_alone_has_no_difference_and_ranks_as_one_of_the_volume(tmp_path):
    keys = {**LINEAR, "depth": 1, "width": 24, "seed": seeds.seed(22) % 2**31}
    found = compared(tmp_path, keys, "volume,readout,gd,sgd", sets=4, batch="2", steps="2000")
    by_name = {each.name: (each, word) for each, word in zip(found.differences, found.words, strict=True)}
    assert set(by_name) == {
        "readout - volume", "gd - volume", "sgd - volume", "gd - readout", "sgd - readout", "sgd - gd"
    }  # fmt: skip
    # The layers below the readout are reweighted in the volume and not in the arm: a difference there may be.
    rank = next(each for each in found.ranks if each.name == "readout")
    assert rank.replicates == 4
    assert 0 < rank.effect.estimate < 1
    for arm in found.arms.values():
        assert (arm.fitted > 0.9).all()


@pytest.mark.full
def test_of_200_comparisons_without_a_difference_few_find_one(tmp_path):
    wrong = 0
    for repeat in range(200):
        keys = {**LINEAR, "seed": seeds.seed(23, repeat) % 2**31, "data_seed": 100 * repeat}
        found = compared(tmp_path / str(repeat), keys, sets=5, population="30")
        wrong += any(word in ("below", "above") for word in found.words)
        wrong += any("volume" in word for word in found.rank_words)
    assert wrong <= most(200, 0.1)  # two families a comparison


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
