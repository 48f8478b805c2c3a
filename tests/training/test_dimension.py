"""Sketches against their law, and the dimension of updates against numpy's singular values and exact laws.

Each statistical test has a rate of false alarm below 1e-6: a mean is within 5.5 standard errors.
"""

import numpy as np
import pytest
import torch

from geomreg_tui.statistics.update_dimension import (
    linear_moves,
    mean_squared_cosine,
    participation_ratio,
    random_ratio,
    window_dimensions,
    windows_of,
)
from geomreg_tui.training.dimension import update_dimensions
from geomreg_tui.training.plan import TrainingPlan, plan_from_values, plan_values
from geomreg_tui.training.sketch import CountSketch
from geomreg_tui.training.trajectories import Block
from tests import seeds
from tests.training.making import ensemble
from tests.training.test_bits import assert_same_bits, assert_same_in_blocks, train

SIZES = {"width": 5, "depth": 2, "examples": 7, "held_out": 9}
PLAN = TrainingPlan("momentum", 0.02, steps=40, to_loss=0.1, sketch=16)


def svd_ratio(moves):
    """Return the participation ratio of directions from singular values."""
    unit = moves / np.linalg.norm(moves, axis=1, keepdims=True)
    values = np.linalg.svd(unit, compute_uv=False) ** 2
    return values.sum() ** 2 / (values**2).sum()


def assert_mean(found, expected):
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert abs(np.mean(found) - expected) <= 5.5 * error


def test_products_of_sketches_have_their_mean_and_variance():
    rng = seeds.generator(61)
    x = rng.normal(size=300) * rng.exponential(size=300)
    y = 0.5 * x + rng.normal(size=300)
    moves = (torch.tensor(np.array([x, y])).reshape(2, 30, 10),)
    products = []
    for number in range(4000):
        a, b = CountSketch(300, 64, seeds.seed(62, number)).of(moves)
        products.append([a @ a, a @ b])
    products = np.array(products)
    for found, (u, v) in zip(products.T, ((x, x), (x, y)), strict=True):
        variance = ((u @ u) * (v @ v) + (u @ v) ** 2 - 2 * (u**2 * v**2).sum()) / 64
        assert_mean(found, u @ v)
        assert_mean((found - u @ v) ** 2, variance)


def test_few_weights_are_kept_whole():
    moves = (torch.arange(6.0).reshape(2, 3), torch.ones(2, 1))
    sketch = CountSketch(4, 9, 0)
    assert sketch.size == 4
    np.testing.assert_array_equal(sketch.of(moves), [[0, 1, 2, 1], [3, 4, 5, 1]])
    assert CountSketch(4, 0, 0).of(moves).shape == (2, 0)


def test_a_ratio_is_that_of_singular_values():
    rng = seeds.generator(63)
    moves = rng.normal(size=(7, 12)) * np.geomspace(1, 1e-6, 7)[:, None] + rng.normal(size=12) * 0.01
    assert participation_ratio(moves) == pytest.approx(svd_ratio(moves), rel=1e-12)
    with_rest = np.concatenate([moves, np.zeros((2, 12))])
    assert participation_ratio(with_rest) == participation_ratio(moves)
    assert participation_ratio(np.ones((5, 3))) == pytest.approx(1)
    assert participation_ratio(np.eye(4)) == pytest.approx(4)
    assert np.isnan(participation_ratio(moves[:1]))
    assert np.isnan(participation_ratio(np.zeros((4, 3))))


@pytest.mark.parametrize(("moves", "weights"), [(4, 3), (8, 50)])
def test_random_directions_have_their_ratio(moves, weights):
    rng = seeds.generator(64, moves)
    found = [moves / participation_ratio(rng.normal(size=(moves, weights))) for _ in range(3000)]
    assert_mean(found, moves / random_ratio(moves, weights))


def test_a_walk_at_random_has_as_many_directions_early_as_late():
    """What training is compared with. In many dimensions the positions of a walk at random have 6/pi**2 of
    their variance along one direction, and a participation ratio of 5/2 (Antognini & Sohl-Dickstein 2018).

    Bounds are 7 standard errors or more; what is left of 1 / moves and 1 / dimensions is far below them.
    """
    rng = seeds.generator(67)
    shares, ratios, windows = [], [], []
    for _ in range(12):
        moves = rng.normal(size=(150, 6000))
        places = np.cumsum(moves, axis=0)
        values = np.linalg.eigvalsh((places - places.mean(axis=0)) @ (places - places.mean(axis=0)).T)
        shares.append(values[-1] / values.sum())
        ratios.append(values.sum() ** 2 / (values**2).sum())
        windows.append(window_dimensions(moves))
    assert np.mean(shares) == pytest.approx(6 / np.pi**2, rel=0.02)
    assert np.mean(ratios) == pytest.approx(5 / 2, rel=0.03)
    for dimensions in np.array(windows).T:
        assert np.mean(dimensions) == pytest.approx(random_ratio(50, 6000), rel=1e-3)


@pytest.mark.parametrize("shared", [0.0, 0.7, 2.0])
def test_cosines_from_sketches_are_those_of_the_moves(shared):
    """The mean of c**2 over sketches is that of the moves, to the second order in 1 / K."""
    rng = seeds.generator(65)
    moves = rng.normal(size=(6, 400)) + shared * rng.normal(size=400)
    tensor, size = (torch.tensor(moves),), 64
    found, uncorrected = [], []
    for number in range(1500):
        sketch = CountSketch(400, size, seeds.seed(66, number)).of(tensor)
        found.append(mean_squared_cosine(sketch, size))
        uncorrected.append(mean_squared_cosine(sketch))
    unit = moves / np.linalg.norm(moves, axis=1, keepdims=True)
    expected = (((unit @ unit.T) ** 2).sum() - 6) / 30
    slack = 4 / size**2
    assert abs(np.mean(found) - expected) <= 5.5 * np.std(found) / np.sqrt(1500) + slack
    assert np.std(found) <= 0.78 / np.sqrt(size)
    if not shared:
        assert np.std(found) <= 2 * np.sqrt(2) / size / np.sqrt(15)
        assert np.mean(uncorrected) - expected > 10 * slack


def test_parts_of_a_path_are_equally_long():
    for moves in range(20):
        windows = windows_of(moves)
        assert {len(range(moves)[window]) for window in windows} == {moves // 3}
        assert windows[0].start == 0
        assert windows[2].stop == moves
        assert windows[0].stop <= windows[1].start
        assert windows[1].stop <= windows[2].start


def test_dimensions_are_those_of_the_true_moves():
    """Sketches of 999 numbers of a network of 60 weights are its moves: against weights step by step."""
    plan = TrainingPlan("adam", 0.01, steps=60, to_loss=0, sketch=999, record=6)
    made = ensemble(plan, **SIZES)
    block, paths = Block(made, range(3)), []
    grid = plan.recorded_steps()
    for step in grid:
        block.advance(step - block.step)
        _, arrays = block.to_parts()
        names = sorted(name for name in arrays if name.startswith("parameters."))
        paths.append(np.concatenate([arrays[name].reshape(3, -1) for name in names], axis=1))
    block.advance()
    moves = np.diff(np.array(paths), axis=0)
    found, count = update_dimensions(block.result(), grid, plan.sketch)
    third = len(moves) // 3
    assert count.tolist() == [third] * 3
    for k in range(3):
        late = svd_ratio(moves[-third:, k])
        assert found[k, 0] == pytest.approx(svd_ratio(moves[:third, k]), rel=1e-9)
        assert found[k, 2] == pytest.approx(late, rel=1e-9)
    distance = block.result().distance
    np.testing.assert_allclose(np.linalg.norm(block.result().sketch, axis=1), distance, rtol=1e-12)


def test_a_linear_model_moves_by_its_closed_form():
    plan = TrainingPlan(steps=400, to_loss=0.05, sketch=99)
    made = ensemble(plan, data="gaussian", inputs=9, depth=0, examples=6)
    result = train(made, range(4))
    start = made.start(range(4))
    x, y = start.training.inputs[0].numpy(), start.training.targets[0, 0].numpy()
    values, vectors = np.linalg.eigh(x @ x.T)
    found, _ = update_dimensions(result, plan.recorded_steps(), plan.sketch)
    for k in range(4):
        residuals = vectors.T @ (y - x @ start.parameters[0][k, 0].numpy())
        rate = 2 / 6 * float(result.lr[k])
        moves = linear_moves(residuals, values, rate, plan.recorded_steps(), plan.to_loss)
        np.testing.assert_allclose(found[k], window_dimensions(moves), rtol=1e-8)
    assert (result.final("step") < 400).any()


def test_sketches_have_the_same_bits_in_any_block_and_after_a_stop():
    for dtype in ("float32", "float64"):
        together = assert_same_in_blocks(ensemble(PLAN, dtype=dtype, **SIZES), 6, [[4], [0, 2, 5]])
        assert together.sketch.shape == (len(together.step), 16)
    whole = train(ensemble(PLAN, **SIZES), range(3, 9))
    made = ensemble(PLAN, **SIZES)
    block = Block(made, range(3, 9))
    for steps in (1, 12, None):
        block.advance(steps)
        block = Block.from_parts(made, *block.to_parts())
    assert_same_bits(block.result(), whole)
    with pytest.raises(ValueError, match="another ensemble"):
        Block.from_parts(ensemble(PLAN.__class__("momentum", 0.02, sketch=8), **SIZES), *block.to_parts())


def test_a_sketch_changes_no_other_bit():
    first = train(ensemble(PLAN, **SIZES), range(4))
    second = train(ensemble(TrainingPlan("momentum", 0.02, steps=40, to_loss=0.1), **SIZES), range(4))
    np.testing.assert_array_equal(first.columns, second.columns)
    assert "sketch" not in second.to_parts()[1]


def test_plans_from_before_there_were_sketches_are_as_they_were():
    values = plan_values(TrainingPlan())
    assert "sketch" not in values
    assert plan_from_values(values).sketch == 0
    assert plan_from_values(plan_values(PLAN)) == PLAN
    with pytest.raises(ValueError, match="impossible"):
        plan_from_values({**values, "sketch": -1})
