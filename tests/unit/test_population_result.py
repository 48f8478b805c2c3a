"""The contract of populations: V at most 1, never rising on the way down, losses above the smallest."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp

from geomreg_tui.splitting.excess import log_difference, recounted
from geomreg_tui.splitting.result import BrokenPopulationError, PopulationResult

NOISE = 0.1


def points(start, count, rng):
    """Return losses, V and its variance going down from log V = start."""
    steps = -np.sort(-(start - rng.uniform(0, 1, count)))
    return steps * 2, steps + NOISE * rng.standard_normal(count), np.full(count, NOISE**2)


@given(st.integers(0, 10_000), st.integers(1, 6))
def test_whatever_noise_says_v_is_at_most_1_and_never_rises(seed, levels):
    rng = np.random.default_rng(seed)
    descent = PopulationResult.empty()
    for level in range(levels):
        descent = descent.extended(*points(-level, 8, rng), -math.inf, False)
    descent.check()
    assert (descent.log_volume <= 0).all()
    assert (np.diff(descent.log_volume) <= 0).all()
    assert (np.diff(descent.log_loss) <= 0).all()


@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(2, 12), st.sampled_from([-math.inf, -6.0]))
def test_ties_to_within_rounding_are_one_step(seed, records, atoms, floor):
    """However a loss is rounded when it is met again, V of the step is what was shown first."""
    rng = np.random.default_rng(seed)
    rounding = 1e-14
    places = np.log(1.0 + np.arange(atoms)[::-1])
    tops = np.linspace(0, -atoms, atoms, endpoint=False)
    at = np.sort(np.concatenate([np.arange(atoms), rng.integers(0, atoms, 4 * records)]))
    first = np.concatenate([[True], np.diff(at) > 0])
    volume = np.where(first, tops[at], tops[at] - rng.uniform(0, 1, len(at)))
    volume = -np.sort(-volume)
    loss = places[at] + rng.uniform(-rounding, rounding, len(at)) / 4
    met = PopulationResult.empty()
    for part in np.array_split(np.arange(len(at)), records):
        met = met.extended(loss[part], volume[part], np.full(len(part), 1e-4), floor, True, rounding)
    met.check()
    assert len(np.unique(met.log_excess)) == atoms
    highest = [met.log_volume[met.log_excess == each].max() for each in np.unique(met.log_excess)[::-1]]
    assert highest == pytest.approx(tops, abs=1e-12)


@pytest.mark.parametrize("volume", [math.nan, math.inf, -math.inf, 1e292, 5.0])
def test_volumes_that_cannot_be_are_refused(volume):
    with pytest.raises(BrokenPopulationError, match=r"not a number|rises"):
        PopulationResult.empty().extended(
            np.array([0.0, -1.0]), np.array([-0.5, volume]), np.full(2, 0.01), -math.inf, False
        )


def test_a_rise_beyond_noise_is_refused():
    rng = np.random.default_rng(0)
    descent = PopulationResult.empty().extended(*points(0, 8, rng), -math.inf, False)
    excess, volume, variance = points(-1, 8, rng)
    with pytest.raises(BrokenPopulationError, match="V rises on the way down"):
        descent.extended(excess, volume + 8, variance, -math.inf, False)


def sound():
    return PopulationResult.empty().extended(
        np.array([1.0, 0.0, -1.0]), np.array([-0.1, -1, -2]), np.full(3, 0.01), -9, False
    )


def test_a_sound_descent_passes():
    sound().check()
    PopulationResult.from_parts(*sound().to_parts()).check()


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"log_volume": np.array([0.0, -1, 20])}, "rises"),
        ({"log_volume": np.array([9.0, -1, -2])}, "above 1"),
        ({"log_volume": np.array([0.0, -1, -1.3e9])}, "not a number"),
        ({"variance": np.array([0.0, -1, 0])}, "error"),
        ({"log_loss": np.array([1.0, 2, 0])}, "losses rise"),
        ({"log_loss": np.array([1.0, 0, -20])}, "below the smallest"),
        ({"log_loss": np.array([1.0, 0, np.nan])}, "loss is not a number"),
        ({"log_excess": np.array([1.0, 0, np.nan])}, "smallest loss"),
        ({"levels": -1}, "count"),
    ],
)
def test_each_rule_is_named(broken, said):
    with pytest.raises(BrokenPopulationError, match=said):
        replace(sound(), **broken).check()


def test_one_of_version_0_1_0_is_read():
    values, arrays = sound().to_parts()
    old = {name: array for name, array in arrays.items() if name != "log_excess"}
    kept = {name: values[name] for name in ("levels", "evaluations", "status")}
    read = PopulationResult.from_parts(kept, old)
    read.check()
    assert read.log_floor == -math.inf
    assert (read.log_excess == read.log_loss).all()


logs = st.floats(-700, 700)


@given(logs, logs)
def test_differences_of_logarithms(one, other):
    high, low = max(one, other), min(one, other)
    difference = float(log_difference(np.float64(high), low))
    if high == low:
        assert difference == -math.inf
    elif high - low > 1e-6:
        assert logsumexp([difference, low]) == pytest.approx(high, abs=1e-9)


@given(st.lists(logs, min_size=1, max_size=5), logs, st.floats(0.001, 50))
def test_losses_counted_from_a_lower_floor_are_the_same_losses(excess, floor, below):
    again = recounted(np.array(excess), floor, floor - below)
    assert np.logaddexp(again, floor - below) == pytest.approx(np.logaddexp(excess, floor), abs=1e-9)


def test_a_lower_floor_is_counted_from_for_all():
    first = PopulationResult.empty().extended(
        np.array([0.0, -2]), np.array([-0.1, -1]), np.full(2, 0.01), 0.0, False
    )
    both = first.extended(np.array([-1.0]), np.array([-2.0]), np.array([0.01]), -3.0, True)
    assert both.log_floor == -3
    assert both.certain
    losses = np.exp(both.log_excess) + math.exp(-3)
    assert np.log(losses) == pytest.approx(both.log_loss)
    assert both.log_loss[0] == pytest.approx(math.log(2))
