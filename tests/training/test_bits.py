"""A trajectory has the same bits whatever networks are beside it, and wherever its block was stopped."""

from dataclasses import replace

import numpy as np
import pytest

from geomreg_tui.training.plan import TrainingPlan
from geomreg_tui.training.result import TrainingResult
from geomreg_tui.training.trajectories import Block
from tests.training.making import ACTIVATIONS, ensemble

PLANS = {
    "gd": TrainingPlan("gd", steps=30, to_loss=0.12),
    "momentum": TrainingPlan("momentum", steps=30, to_loss=0.12, momentum=0.8),
    "sgd": TrainingPlan("sgd", steps=30, batch=3, to_loss=0.12),
    "adam": TrainingPlan("adam", steps=30, lr=0.03, to_loss=0.12),
}
# Of each optimiser in each format; the default suite has each in one.
CASES = [
    pytest.param(name, dtype, marks=[pytest.mark.full] if (place + wide) % 2 else [])
    for place, name in enumerate(PLANS)
    for wide, dtype in enumerate(("float32", "float64"))
]
SIZES = {"width": 5, "depth": 2, "examples": 7, "held_out": 9}


def train(made, trajectories):
    """Train trajectories in one block."""
    block = Block(made, trajectories)
    block.advance()
    return block.result()


def picked(result, trajectories):
    """Return some trajectories of a result."""
    kept = np.isin(result.trajectory, trajectories)
    rows = np.isin(result.row_trajectory, trajectories)
    return TrainingResult.from_rows(
        result.trajectory[kept],
        result.status[kept],
        result.lr[kept],
        result.row_trajectory[rows],
        result.step[rows],
        result.columns[rows],
        result.sketch[rows],
        {name: values[rows] for name, values in result.observed.items()},
    )


def assert_same_in_blocks(made, networks, groups):
    """Assert that trajectories of one block have the same bits in smaller ones; return that of all."""
    together = train(made, range(networks))
    for group in groups:
        assert_same_bits(train(made, group), picked(together, group))
    return together


def assert_same_bits(first, second):
    values, arrays = first.to_parts()
    other_values, other_arrays = second.to_parts()
    assert values == other_values
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, other_arrays[name], err_msg=name)
        assert array.dtype == other_arrays[name].dtype


@pytest.mark.parametrize(("optimizer", "dtype"), CASES)
def test_the_batch_of_networks_does_not_matter(optimizer, dtype):
    made = ensemble(PLANS[optimizer], dtype=dtype, **SIZES)
    groups = [[63], [20, 21], [1, 30, 62], range(57, 64)]
    together = assert_same_in_blocks(made, 64, groups)
    assert together.counts["fitted"]
    assert together.counts["limit"]  # so that networks left, and others moved up


@pytest.mark.parametrize(
    ("activation", "dtype"),
    [
        pytest.param(activation, dtype, marks=[] if number % 2 == place else [pytest.mark.full])
        for number, activation in enumerate(ACTIVATIONS)
        for place, dtype in enumerate(["float32", "float64"])
    ],
)
def test_nor_does_it_for_any_activation(activation, dtype):
    plan = TrainingPlan(steps=6, lr=0.1, to_loss=0.3)
    values = {"bias": True, "layer_norm": True, "residual": True, "loss": "cross_entropy"}
    values = {} if dtype == "float32" else values
    made = ensemble(plan, activation=activation, dtype=dtype, width=3, depth=2, examples=5, **values)
    assert_same_in_blocks(made, 6, [[4], [0, 2, 5]])


@pytest.mark.parametrize("loss", ["mae", "huber", "cross_entropy", "bce", "hinge"])
def test_nor_does_it_for_any_loss(loss):
    data = "moons" if loss in ("bce", "hinge") else "iris"
    for values in ({"data": data, "examples": 5}, {"examples": 11, "dtype": "float32", "held_out": 3}):
        made = ensemble(TrainingPlan(lr=0.1, steps=6, to_loss=0.4), loss=loss, **values)
        assert_same_in_blocks(made, 6, [[4], [0, 2, 5]])


@pytest.mark.parametrize(
    ("plan", "values"),
    [
        (TrainingPlan(train="readout", steps=20), {"width": 9, "bias": True, "held_out": 4}),
        (TrainingPlan("sgd", batch=4, train="readout", steps=20), {"width": 9, "dtype": "float32"}),
        (TrainingPlan(steps=4), {"arch": "conv", "data": "digits", "channels": 2, "dtype": "float32"}),
        (TrainingPlan("sgd", batch=2, steps=4), {"arch": "conv", "data": "digits", "channels": 2}),
        (TrainingPlan(train="readout", steps=5), {"arch": "conv", "data": "digits", "channels": 2}),
        (TrainingPlan(steps=9), {"data": "digits", "examples": 65, "width": 17, "dtype": "float32"}),
        (TrainingPlan(steps=9), {"data": "digits", "examples": 1, "width": 64, "dtype": "float32"}),
        (TrainingPlan(steps=9), {"data": "digits", "examples": 64, "width": 130, "dtype": "float32"}),
    ],
)
def test_nor_does_it_for_other_parts_and_sizes(plan, values):
    assert_same_in_blocks(ensemble(plan, **values), 6, [[3], [0, 5], [1, 2, 3, 4]])


OBSERVED = TrainingPlan(lr=0.05, steps=3, to_loss=0, record=1, observe=("confusion", "ntk"))
ARCHITECTURES = {
    "mlp": (OBSERVED, {"width": 7, "depth": 2, "bias": True, "held_out": 3}),
    "normed": (OBSERVED, {"width": 4, "depth": 2, "layer_norm": True, "residual": True}),
    "readout": (replace(OBSERVED, train="readout"), {"width": 9, "held_out": 3}),
    "subspace": (replace(OBSERVED, subspace=5), {"width": 7, "depth": 2, "bias": True}),
    "conv": (OBSERVED, {"arch": "conv", "data": "digits", "channels": 3, "examples": 3}),
    "conv readout": (
        replace(OBSERVED, train="readout"),
        {"arch": "conv", "data": "digits", "channels": 3, "examples": 3},
    ),
    "custom": (OBSERVED, {"arch": "custom", "module": "tests.training.test_observing:make_module"}),
}


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        pytest.param(name, dtype, marks=[pytest.mark.full] if (place + wide) % 2 else [])
        for place, name in enumerate(ARCHITECTURES)
        for wide, dtype in enumerate(("float32", "float64"))
    ],
)
def test_all_that_is_recorded_is_the_same_in_batches_of_1_2_7_and_64(name, dtype):
    plan, values = ARCHITECTURES[name]
    loss = {"loss": "cross_entropy"} if name == "custom" else {}
    made = ensemble(plan, dtype=dtype, **{"examples": 5, **values, **loss})
    together = assert_same_in_blocks(made, 64, [[37], [37, 38], range(33, 40)])
    assert np.isfinite(together.final("ntk_change")).any()


@pytest.mark.parametrize(("optimizer", "dtype"), CASES)
def test_a_block_that_was_stopped_goes_on_to_the_same_bits(optimizer, dtype):
    plan, sizes = PLANS[optimizer], {"dtype": dtype, **SIZES}
    whole = train(ensemble(plan, **sizes), range(3, 12))
    made = ensemble(plan, **sizes)
    block = Block(made, range(3, 12))
    for steps in (0, 1, 2, 5, 11, 20, None):
        block.advance(steps)
        values, arrays = block.to_parts()
        block = Block.from_parts(made, values, arrays)
        assert_same_bits(block.result(), TrainingResult.from_parts(*split(values, arrays)))
    assert block.finished
    assert_same_bits(block.result(), whole)


def split(values, arrays):
    """Return the parts of the result among those of a block."""
    return values["result"], {
        name.removeprefix("result."): array for name, array in arrays.items() if name.startswith("result.")
    }


def test_an_interrupt_stops_a_block_between_steps():
    made = ensemble(PLANS["gd"])
    block, calls = Block(made, range(4)), []
    block.advance(interrupt=lambda: calls.append(1) or len(calls) == 3)
    assert block.step == 3
    assert not block.finished


@pytest.mark.parametrize(
    "change",
    [
        {"going": np.arange(5)},
        {"parameters.0": np.zeros((4, 3, 4))},
        {"parameters.0": np.zeros((4, 4, 4), np.float32)},
        {"decade": np.zeros(5, np.int64)},
        {"dead": np.zeros(5, np.int64)},
        {"result.status": np.full(4, 7)},
        {"result.first_row": np.zeros(5, np.int64)},
    ],
)
def test_parts_of_another_block_are_refused(change):
    made = ensemble(PLANS["gd"])
    block = Block(made, range(4))
    block.advance(3)
    values, arrays = block.to_parts()
    with pytest.raises(ValueError, match=r"."):
        Block.from_parts(made, values, {**arrays, **change})
    for name in arrays:
        with pytest.raises(LookupError):
            Block.from_parts(made, values, {key: array for key, array in arrays.items() if key != name})
