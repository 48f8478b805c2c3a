"""Results of training: merged, restored, counted, and their medians and bands."""

import numpy as np
import pytest

from geomreg_tui.statistics.order import quantile_interval
from geomreg_tui.training.result import DEAD, DIVERGED, FITTED, GOING, LIMIT, MEASURES, TrainingResult
from tests import seeds
from tests.training.test_bits import assert_same_bits

STEPS = (0, 1, 3, 10)


def made(ends, statuses, first=0):
    """Return a result of trajectories that end at steps; each row's loss is its trajectory plus 1 / step."""
    rows = [(first + k, s) for k, end in enumerate(ends) for s in sorted({*STEPS, end}) if s <= end]
    of, step = (np.array(part, np.int64) for part in zip(*rows, strict=True))
    columns = np.full((len(rows), len(MEASURES) + 2), np.nan)
    columns[:, 0] = of + 1 / (1 + step)
    columns[:, -2:] = columns[:, :1]
    shuffled = seeds.generator(4).permutation(len(rows))
    count = len(ends)
    return TrainingResult.from_rows(
        np.arange(first, first + count),
        np.array(statuses),
        np.full(count, 0.1),
        of[shuffled],
        step[shuffled],
        columns[shuffled],
    )


def test_rows_are_those_of_their_trajectories():
    result = made([0, 5, 10], [DEAD, FITTED, LIMIT])
    np.testing.assert_array_equal(result.step, [0, 0, 1, 3, 5, 0, 1, 3, 10])
    np.testing.assert_array_equal(result.first_row, [0, 1, 5, 9])
    np.testing.assert_allclose(result.final("loss"), [1, 1 + 1 / 6, 2 + 1 / 11])
    assert result.counts == {"fitted": 1, "limit": 1, "diverged": 0, "dead": 1}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_parts_merge_in_any_order(order):
    parts = [
        made([0, 5], [DEAD, FITTED]),
        made([10, 10], [LIMIT, GOING], first=2),
        made([3], [FITTED], first=9),
    ]
    merged = TrainingResult.merge([parts[place] for place in order])
    assert_same_bits(merged, TrainingResult.merge(parts))
    np.testing.assert_array_equal(merged.trajectory, [0, 1, 2, 3, 9])
    assert merged.going == 1
    np.testing.assert_allclose(merged.final("loss")[-1], 9.25)
    empty = TrainingResult.empty(2)
    assert_same_bits(TrainingResult.merge([empty, merged]), merged)


def test_what_is_twice_or_nothing_is_not_merged():
    part = made([3], [FITTED])
    with pytest.raises(ValueError, match="two parts"):
        TrainingResult.merge([part, part])
    with pytest.raises(ValueError, match="nothing"):
        TrainingResult.merge([])


def test_parts_restore_a_result():
    result = made([0, 5, 10], [DEAD, FITTED, LIMIT])
    values, arrays = result.to_parts()
    assert_same_bits(TrainingResult.from_parts(values, arrays), result)
    for name in arrays:
        with pytest.raises(LookupError):
            TrainingResult.from_parts(values, {key: a for key, a in arrays.items() if key != name})


def test_a_result_from_before_norms_were_recorded_has_none():
    result = made([0, 5, 10], [DEAD, FITTED, LIMIT])
    values, arrays = result.to_parts()
    del values["norm"], arrays["norm"]
    restored = TrainingResult.from_parts(values, arrays)
    assert np.isnan(restored.norm).all()
    assert_same_bits(restored, result)  # whose norms are not known either
    assert np.isnan(restored.medians()["norm"].estimate)


@pytest.mark.parametrize(
    "change",
    [
        {"status": np.array([0, 1, 5])},
        {"trajectory": np.array([0, 2, 1])},
        {"first_row": np.array([0, 5, 4, 9])},
        {"first_row": np.array([0, 1, 5, 8])},
        {"loss": np.zeros(3)},
        {"layer_distance": np.zeros((9, 3))},
    ],
)
def test_impossible_parts_are_refused(change):
    values, arrays = made([0, 5, 10], [DEAD, FITTED, LIMIT]).to_parts()
    with pytest.raises(ValueError, match=r"."):
        TrainingResult.from_parts(values, {**arrays, **change})


def test_medians_are_those_of_the_fitted():
    ends = [5] * 21 + [10] * 3
    result = made(ends, [FITTED] * 21 + [LIMIT, DIVERGED, DEAD])
    medians = result.medians()
    assert medians["steps"].estimate == 5
    assert medians["loss"] == quantile_interval(np.arange(21) + 1 / 6)
    assert np.isnan(medians["held_out_loss"].estimate)


def test_bands_keep_the_last_value_of_those_that_have_ended():
    result = made([3, 10, 10, 10], [FITTED, LIMIT, DIVERGED, DEAD])
    band = result.path("loss", (0, 2, 10), (0.25, 0.5))
    assert band.trajectories.tolist() == [2, 2, 2]
    first, second = np.array([1, 1 / 2, 1 / 4]), 1 + np.array([1, 1 / 2, 1 / 11])
    np.testing.assert_allclose(band.median[:, 0], (first + second) / 2)
    np.testing.assert_allclose(band.quantiles, np.quantile([first, second], [0.25, 0.5], axis=0).T)
    assert np.isnan(TrainingResult.empty(2).path("loss", (0, 1)).median[:, 0]).all()
