"""Plans of training: read, kept, restored and refused."""

import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomreg_tui.errors import ExperimentError
from geomreg_tui.experiment import Experiment
from geomreg_tui.training.plan import (
    TrainingPlan,
    check_plan,
    parse_plan,
    plan_from_values,
    plan_values,
)


def keys(error):
    return sorted(problem.key for problem in error.value.problems)


def test_every_problem_is_reported_at_once():
    with pytest.raises(ExperimentError) as error:
        parse_plan("adm", "0", "-1", "1", "0", "1.5", "x", "some", "0", "-3", "-1", "-2")
    expected = "batch lr lr-share momentum optimizer record sketch steps subspace to-loss train trajectories"
    assert keys(error) == expected.split()
    assert "Did you mean 'adam'" in str(error.value)


def test_a_plan_is_what_was_written():
    plan = parse_plan("sgd", "1e-2", "0.25", "0", "8", "1k", "1e-4", "readout", "10", "4", "64", "5")
    assert plan == TrainingPlan("sgd", 0.01, 0.25, 0.0, 8, 1000, 1e-4, "readout", 10, 4, 64, 5)
    assert parse_plan() == TrainingPlan()
    assert parse_plan(lr="auto", batch="all") == TrainingPlan()
    assert parse_plan("sgd").batch == 32


def test_gradient_descent_takes_no_batches():
    with pytest.raises(ExperimentError, match="try optimizer sgd"):
        parse_plan("gd", batch="4")


@pytest.mark.parametrize("plan", [TrainingPlan(), TrainingPlan("sgd", 0.1, batch=3)])
def test_values_restore_a_plan(plan):
    assert plan_from_values(plan_values(plan)) == plan


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer": "newton"},
        {"lr": 0.0},
        {"lr": float("nan")},
        {"momentum": 1.0},
        {"batch": 0},
        {"batch": 4},
        {"steps": 0},
        {"to_loss": -1.0},
        {"train": "some"},
        {"trajectories": 0},
        {"record": 0},
    ],
)
def test_impossible_values_are_no_plan(change):
    with pytest.raises(ValueError, match="impossible"):
        plan_from_values({**plan_values(TrainingPlan()), **change})


def test_a_missing_value_is_no_plan():
    with pytest.raises(LookupError):
        plan_from_values({"optimizer": "gd"})


@given(st.integers(1, 10**7), st.integers(1, 30))
def test_recorded_steps_are_a_grid_from_the_first_to_the_last(steps, record):
    grid = TrainingPlan(steps=steps, record=record).recorded_steps()
    assert (grid[0], grid[1], grid[-1]) == (0, 1, steps)
    assert all(low < high for low, high in pairwise(grid))
    # Neighbours differ by the ratio of the grid, or by one step where that is less.
    assert all(
        high <= max(low + 1, low * 10 ** (1 / record) * (1 + 1 / low) + 1) for low, high in pairwise(grid[1:])
    )


@pytest.mark.parametrize(
    ("values", "plan", "expected"),
    [
        ({"loss": "zero_one"}, {}, ["loss"]),
        ({"loss": "mae"}, {}, ["lr"]),
        ({"loss": "hinge"}, {"optimizer": "momentum"}, ["lr"]),
        ({"depth": 0}, {"train": "readout"}, ["train"]),
        ({"depth": 0, "loss": "zero_one"}, {"train": "readout"}, ["loss", "train"]),
        ({"arch": "custom", "module": "a.b:c"}, {"train": "readout"}, ["train"]),
    ],
)
def test_what_cannot_be_trained_is_refused(values, plan, expected):
    with pytest.raises(ExperimentError) as error:
        check_plan(TrainingPlan(**plan), Experiment.parse({"data": "iris", **values}))
    assert keys(error) == expected


@pytest.mark.parametrize(
    ("values", "plan"),
    [
        ({}, {}),
        ({"loss": "mae"}, {"optimizer": "adam"}),
        ({"loss": "hinge"}, {"lr": 0.1}),
        ({"depth": 1}, {"train": "readout"}),
    ],
)
def test_what_can_be_trained_is_not_refused(values, plan):
    check_plan(TrainingPlan(**plan), Experiment.parse({"data": "iris", **values}))


def test_plans_and_results_load_no_torch():
    code = (
        "import sys, geomreg_tui.training.plan, geomreg_tui.training.result; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
