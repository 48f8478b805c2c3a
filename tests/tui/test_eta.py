"""The time that is left is steady while the rate is, and follows it where it changes for good."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir import RunState
from geomreg_tui.runner.progress import stage_work
from geomreg_tui.runner.snapshot import Snapshot
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.splitting.result import Tail
from geomreg_tui.training.result import FITTED, GOING
from geomreg_tui.tui.eta import TimeLeft, time_text

from .fakes import DEEPEST, SLOPE, descent, snapshot_of
from .test_training import ensemble


def test_a_steady_rate_gives_what_is_left_over_it() -> None:
    left = TimeLeft()
    for second in range(50):
        assert left.seconds("run", 1000 - 10 * second, 10.0, second) == pytest.approx(100 - second)


def test_noise_is_averaged_over_tens_of_looks() -> None:
    """Rates that are half or twice the usual one by chance move what is shown by a tenth as much."""
    generator = np.random.default_rng(5)
    left = TimeLeft()
    rates = 10.0 * np.exp(generator.uniform(-np.log(2), np.log(2), 400))
    shown = [left.seconds("run", 1e6, rate, 0.25 * number) for number, rate in enumerate(rates)][100:]
    assert np.std(np.log(shown)) < 0.15 * np.std(np.log(rates))
    assert np.mean(shown) == pytest.approx(1e6 / np.mean(rates), rel=0.1)


def test_a_rate_that_has_changed_is_followed_within_a_minute() -> None:
    left = TimeLeft()
    left.seconds("run", 1e6, 10.0, 0.0)
    for second in range(1, 61):
        shown = left.seconds("run", 1e6, 100.0, second)
    assert shown == pytest.approx(1e4, rel=0.06)


def test_of_another_run_nothing_is_remembered() -> None:
    left = TimeLeft()
    left.seconds("run", 1e6, 10.0, 0.0)
    assert left.seconds("other", 1e6, 1000.0, 0.1) == pytest.approx(1e3)


def test_while_nothing_comes_the_time_is_infinite() -> None:
    left = TimeLeft()
    assert left.seconds("run", 5, 0.0, 0.0) == math.inf
    assert left.seconds("run", 5, 1.0, 1.0) == pytest.approx(5)


# Work that tells no rate


def test_of_even_work_the_rate_is_what_is_done_in_between() -> None:
    left = TimeLeft()
    shown = [left.of_work("tail", 5.0 * second, 1000 - 5.0 * second, second) for second in range(40)]
    assert all(map(math.isnan, shown[:2]))
    assert shown[2:] == pytest.approx([200 - second for second in range(2, 40)])


def test_nothing_is_told_by_the_piece_that_was_under_way_at_the_first_look() -> None:
    """Pieces of 30 s each, the first look 1 s before one ends: a second is no measure of a piece."""
    left = TimeLeft()
    assert math.isnan(left.of_work("training", 3, 7, 29.0))
    assert math.isnan(left.of_work("training", 4, 6, 30.0))
    assert math.isnan(left.of_work("training", 4, 6, 59.0))
    assert left.of_work("training", 5, 5, 60.0) == pytest.approx(150)
    assert left.of_work("training", 5, 5, 75.0) == pytest.approx(150)


def test_a_piece_that_is_late_makes_the_rest_later() -> None:
    left = TimeLeft()
    for second in range(0, 40, 10):
        left.of_work("training", second / 10, 10 - second / 10, second)
    assert left.of_work("training", 3, 7, 130.0) == pytest.approx(700)


def test_uneven_pieces_are_averaged() -> None:
    """Between pieces of 1 and of 3 s by turns the time is within a fifth of 2 s for each that is left."""
    left, now, shown = TimeLeft(), 0.0, []
    for number in range(200):
        now += 1 + 2 * (number % 2)
        shown.append(left.of_work("sweep", number, 1000, now))
    assert np.all(np.abs(np.array(shown[40:]) / 2000 - 1) < 0.2)


def fallen(shares: tuple[float, ...], plan: TailPlan, ended: int = 0) -> Tail:
    """Populations that have come so far down a line to V = 1e-30, of which the first ones have ended."""
    whole = [descent(0.0, deepest=DEEPEST * share) for share in shares]
    status = ["volume reached" if place < ended else None for place in range(len(whole))]
    parts = tuple(replace(each, status=how) for each, how in zip(whole, status, strict=True))
    return Tail(replace(plan, repeats=len(parts)), "pcn", "latent", parts)


def at(snapshot: Snapshot, seconds: float) -> Snapshot:
    return replace(snapshot, written_at=seconds)


def of(**results: object) -> Snapshot:
    made = snapshot_of(Experiment.parse({"data": "digits"}), 20_000, RunState.SAMPLING, atoms=0)
    return replace(made, rate=0.0, results={**made.results, **results})


@pytest.mark.parametrize("plan", [TailPlan(log10_volume=DEEPEST), TailPlan(loss=10.0 ** (DEEPEST / SLOPE))])
def test_a_tail_has_the_time_of_its_way_down(plan: TailPlan) -> None:
    """Two populations that come a fiftieth of the way down each second have 40 s left at ten seconds."""
    left = TimeLeft()
    for second in range(11):
        share = second / 50
        shown = left.of_run("run", at(of(splitting=fallen((max(share, 1e-9),) * 2, plan)), second))
    assert shown == pytest.approx(40, rel=1e-3)


def test_a_population_that_has_ended_early_has_no_way_left() -> None:
    tail = fallen((0.1, 0.5), TailPlan(log10_volume=DEEPEST), ended=1)
    work = stage_work(of(splitting=tail))
    assert work is not None
    assert work.share == pytest.approx(0.75)


def test_a_tail_without_a_goal_tells_nothing() -> None:
    assert stage_work(of(splitting=fallen((0.1,), TailPlan()))) is None
    assert math.isnan(TimeLeft().of_run("run", of(splitting=fallen((0.1,), TailPlan()))))
    assert time_text(math.nan) == "ETA not known yet"


def test_a_training_has_the_steps_that_others_took() -> None:
    """Of nine trajectories eight have ended or stand at step 100; ended ones took 100, so 100 are left."""
    training = ensemble([FITTED] * 8)
    work = stage_work(of(training=training))
    assert work == (800, 100)
    assert stage_work(of(training=ensemble([GOING] * 8))) is None  # how many they take is not known
    to_the_end = ensemble([GOING] * 8)
    plan = replace(to_the_end.plan, to_loss=0.0, steps=400)
    assert stage_work(of(training=replace(to_the_end, plan=plan))) == (800, 8 * 300 + 400)
