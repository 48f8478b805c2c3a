"""How trajectories end, what is refused, and what is recorded of them."""

import numpy as np
import pytest

from geomreg_tui.datasets import load
from geomreg_tui.errors import ExperimentError
from geomreg_tui.training.plan import TrainingPlan
from geomreg_tui.training.result import DEAD, FITTED, LIMIT
from geomreg_tui.training.trajectories import Block
from tests.training.making import ensemble, experiment, trained


def test_networks_that_are_dead_at_the_start_are_the_ones_whose_layers_are_off():
    values = {"width": 1, "depth": 3, "activation": "relu"}
    made = ensemble(TrainingPlan(steps=5), **values)
    block = Block(made, range(64))
    block.advance()
    result = block.result()
    start = made.start(range(64))
    hidden = start.training.inputs[0].T
    off = np.zeros(64, bool)
    for weights in start.parameters[:-1]:
        hidden = (weights @ hidden).relu()
        off |= (hidden == 0).all(dim=2).all(dim=1).numpy()
    assert 0 < off.sum() < 64
    np.testing.assert_array_equal(result.status == DEAD, off)
    dead = result.final("step")[off]
    assert (dead == 0).all()
    assert (result.final("gradient_norm")[off] == 0).all()


def test_an_output_bias_keeps_a_network_from_being_dead():
    values = {"width": 1, "depth": 3, "activation": "relu", "bias": True, "bias_scale": 0}
    assert trained(TrainingPlan(steps=5), 64, **values).counts["dead"] == 0


def test_steps_that_are_too_large_diverge():
    result = trained(TrainingPlan(lr=1e3, steps=1000), activation="linear")
    assert result.counts["diverged"] == 16
    assert not np.isfinite(result.final("loss")).any()
    assert trained(TrainingPlan(lr=1e3, steps=1000), activation="linear", depth=0).counts["diverged"] == 16


def test_a_loss_that_cannot_be_reached_ends_at_the_limit():
    # One bias cannot fit targets that differ.
    result = trained(TrainingPlan(steps=50, to_loss=1e-9), width=1, activation="sin", gain=0, bias=True)
    assert result.counts["limit"] == 16
    assert (result.final("step") == 50).all()


def test_a_network_that_fits_at_the_start_makes_no_step():
    result = trained(TrainingPlan(to_loss=1e6))
    assert result.counts["fitted"] == 16
    assert (result.final("step") == 0).all()
    assert (result.final("distance") == 0).all()


def test_a_network_ends_at_the_first_step_at_or_below_the_loss():
    lowest = np.sort(trained(TrainingPlan(steps=60, to_loss=1e-30), 6).final("loss"))
    to_loss = float(lowest[2:4].mean())  # which half of them reach
    plan = TrainingPlan(steps=60, to_loss=to_loss)
    made = ensemble(plan)
    block = Block(made, range(6))
    losses = {k: [] for k in range(6)}
    while not block.finished:
        _, arrays = block.to_parts()
        start = made.start(block.going.tolist())
        parameters = tuple(
            p.new_tensor(arrays[f"parameters.{place}"]) for place, p in enumerate(start.parameters)
        )
        values = made.losses(made.networks.run(parameters, start.training.inputs).outputs)
        for k, value in zip(block.going, values, strict=True):
            losses[k].append(value)
        block.advance(1)
    result = block.result()
    assert result.counts["fitted"]
    assert result.counts["limit"]
    for place in range(6):
        path = losses[place]
        assert all(value > to_loss for value in path[:-1])
        assert (path[-1] <= to_loss) == (result.status[place] == FITTED)
        assert (len(path) - 1 == 60) or result.status[place] != LIMIT
        rows = slice(result.first_row[place], result.first_row[place + 1])
        steps = result.step[rows]
        np.testing.assert_array_equal(result.loss[rows], np.array(path)[steps])
        # Recorded are the grid, the first step at or below each power of ten, and the end.
        decade = np.ceil(np.log10(path))
        crossings = np.flatnonzero(np.append(True, decade[1:] < np.minimum.accumulate(decade)[:-1]))
        grid = [step for step in plan.recorded_steps() if step < len(path)]
        np.testing.assert_array_equal(steps, np.union1d(np.union1d(grid, crossings), [len(path) - 1]))


def test_what_is_recorded_is_what_the_weights_say():
    made = ensemble(TrainingPlan(steps=7), held_out=20, bias=True, loss="cross_entropy")
    block, start = Block(made, range(5)), made.start(range(5))
    block.advance(7)
    _, arrays = block.to_parts()
    block.advance()
    result = block.result()
    moved = [arrays[f"parameters.{place}"] - p.numpy() for place, p in enumerate(start.parameters)]
    squares = np.array([(move.reshape(5, -1) ** 2).sum(axis=1) for move in moved])
    size = np.sqrt(sum((p.numpy().reshape(5, -1) ** 2).sum(axis=1) for p in start.parameters))
    distance = np.sqrt(squares.sum(axis=0))
    np.testing.assert_allclose(result.final("distance"), distance, rtol=1e-12)
    np.testing.assert_allclose(result.final("relative_distance"), distance / size, rtol=1e-12)
    whole = [arrays[f"parameters.{place}"].reshape(5, -1) for place in range(4)]
    np.testing.assert_allclose(
        result.final("norm"), np.linalg.norm(np.concatenate(whole, axis=1), axis=1), rtol=1e-12
    )
    layers = np.sqrt(np.stack([squares[:2].sum(axis=0), squares[2:].sum(axis=0)], axis=1))
    np.testing.assert_allclose(result.layer_distance[result.first_row[1:] - 1], layers, rtol=1e-12)
    first, shift, last, offset = (arrays[f"parameters.{place}"] for place in range(4))
    hidden = np.maximum(start.held_out[0].numpy() @ first.swapaxes(1, 2) + shift[:, None], 0)
    outputs = hidden @ last.swapaxes(1, 2) + offset[:, None]
    labels = load(made.experiment).y[made.examples :]
    log_sum = np.log(np.exp(outputs).sum(axis=2))
    own = np.take_along_axis(outputs, np.broadcast_to(labels[None, :, None], (5, 20, 1)), axis=2)[:, :, 0]
    np.testing.assert_allclose(result.final("held_out_loss"), (log_sum - own).mean(axis=1), rtol=1e-10)
    np.testing.assert_array_equal(
        result.final("held_out_accuracy"), (outputs.argmax(axis=2) == labels).mean(axis=1)
    )


def test_the_norm_counts_weights_that_are_not_trained():
    made = ensemble(TrainingPlan(train="readout", steps=9, lr=0.1), bias=True)
    block = Block(made, range(5))
    block.advance(9)
    _, arrays = block.to_parts()
    block.advance()
    first, shift, _, _ = ensemble(TrainingPlan(), bias=True).start(range(5)).parameters  # whatever is trained
    parts = [first.numpy(), shift.numpy(), arrays["parameters.0"], arrays["parameters.1"]]
    whole = np.concatenate([part.reshape(5, -1) for part in parts], axis=1)
    np.testing.assert_allclose(block.result().final("norm"), np.linalg.norm(whole, axis=1), rtol=1e-12)


def test_without_held_out_examples_nothing_is_said_of_them():
    result = trained(TrainingPlan(steps=3))
    assert np.isnan(result.held_out_loss).all()
    assert np.isnan(result.held_out_accuracy).all()


@pytest.mark.parametrize(
    ("plan", "values", "text"),
    [
        ({}, {"loss": "zero_one"}, "whose gradient is 0"),
        ({"train": "readout"}, {"depth": 0}, "no layer below"),
        ({}, {"loss": "mae"}, "second derivative is 0"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_computed(plan, values, text):
    with pytest.raises(ExperimentError, match=text) as error:
        ensemble(TrainingPlan(**plan), **values)
    assert "\n" not in str(error.value)


def test_trajectories_of_an_experiment_start_apart():
    made = ensemble(TrainingPlan())
    first, second = made.start([0, 1]).parameters[0]
    assert (first != second).all()
    other = ensemble(TrainingPlan(), seed=experiment().seed + 1).start([0]).parameters[0][0]
    assert (first != other).all()
