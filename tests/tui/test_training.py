"""Training in the explorer: asked for with a key, drawn by step in a pane of its own."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from geomreg_tui.rundir import RunState
from geomreg_tui.training.overview import TrainingOverview
from geomreg_tui.training.plan import TrainingPlan
from geomreg_tui.training.result import DIVERGED, FITTED, GOING, LIMIT, TrainingResult
from geomreg_tui.tui.widgets.training import TrainingPane

from .driving import opened
from .fakes import FakeSource

PLAN = TrainingPlan(steps=100, to_loss=1e-2, trajectories=9)
STATUSES = [FITTED] * 5 + [LIMIT, LIMIT, DIVERGED]  # and one that has not begun


def ensemble(statuses=STATUSES, held_out=math.nan, observe=()):
    """Return an ensemble whose losses fall as 1 / (1 + step), those of trajectory i from 0.5 + i / 10."""
    steps = np.array(PLAN.recorded_steps())
    of = np.repeat(np.arange(len(statuses)), len(steps))
    step = np.tile(steps, len(statuses))
    loss = (0.5 + of / 10) / (1 + step)
    nothing = np.full(loss.shape, held_out)
    columns = np.column_stack(
        [loss, nothing * loss, nothing, step / 100, step / 1000, loss, step / 100, step / 100]
    )
    whole = np.arange(len(statuses))
    plan = replace(PLAN, observe=observe)
    measures = {"confusion_min": loss - 1, "confusion_mean": loss, "ntk_change": step / 50}
    result = TrainingResult.from_rows(
        whole,
        np.array(statuses),
        np.ones(len(statuses)),
        of,
        step,
        columns,
        observed={name: measures[name] for name in plan.observed},
    )
    return TrainingOverview.of(plan, result)


async def begin(driver):
    await driver.pilot.press("g")
    await driver.until(lambda: driver.app.screen.query("#train-to_loss"), "the dialog")
    await driver.pilot.press("enter")
    await driver.until(lambda: driver.source.runs, "the run")
    await driver.until(lambda: driver.session.run is not None, "the run is on view")


async def trained(driver, overview):
    await begin(driver)
    run = driver.source.runs[0]
    run.samples, run.state, run.training = run.target, RunState.DONE, overview
    await driver.until(lambda: driver.explorer.view and driver.explorer.view.training, "the training")


async def test_the_key_asks_how_and_starts_an_engine_of_its_own():
    async with opened(size=(120, 40)) as driver:
        await driver.pilot.press("g")
        await driver.until(lambda: driver.app.screen.query("#train-to_loss"), "the dialog")
        assert "loss down to" in driver.screen()
        driver.app.screen.query_one("#train-optimizer").value = "adam"
        driver.app.screen.query_one("#train-lr").value = "0.01"
        driver.app.screen.query_one("#train-to_loss").value = "1e-4"
        driver.app.screen.query_one("#train-trajectories").value = "200"
        driver.app.screen.query_one("#train-tail").value = "to that loss"
        await driver.pilot.press("enter")
        await driver.until(lambda: driver.source.runs, "the run")
        assert driver.source.trainings == [TrainingPlan("adam", 0.01, to_loss=1e-4, trajectories=200)]
        assert driver.source.tails[0].loss == 0.5e-4
        assert driver.source.runs[0].target == 100_000


async def test_without_a_step_size_and_a_tail_the_defaults_hold():
    async with opened(size=(80, 24)) as driver:
        await begin(driver)
        assert driver.source.trainings == [TrainingPlan()]
        assert driver.source.tails == [None]


async def test_a_list_that_is_open_takes_enter_for_itself():
    async with opened(size=(80, 24)) as driver:
        await driver.pilot.press("g")
        await driver.until(lambda: driver.app.screen.query("#train-to_loss"), "the dialog")
        choice = driver.app.screen.query_one("#train-optimizer")
        choice.focus()
        await driver.pilot.press("down")
        await driver.until(lambda: choice.expanded, "the list")
        await driver.pilot.press("down", "enter")
        await driver.until(lambda: not choice.expanded, "the choice")
        assert choice.value == "momentum"
        assert driver.source.runs == []


@pytest.mark.parametrize("size", [pytest.param((120, 40), marks=pytest.mark.full), (80, 24)])
async def test_what_cannot_be_trained_is_said_and_nothing_starts(size):
    async with opened(size=size) as driver:
        await driver.pilot.press("g")
        await driver.until(lambda: driver.app.screen.query("#train-to_loss"), "the dialog")
        driver.app.screen.query_one("#train-to_loss").value = "-1"
        await driver.pilot.pause()
        await driver.pilot.press("enter")
        await driver.until(lambda: "loss down to: got '-1'" in driver.screen(), "the reason")
        await driver.pilot.press("escape")
        await driver.pilot.pause()
        assert driver.source.runs == []


async def test_none_begins_while_a_run_is_sampled():
    async with opened(size=(120, 40), notifications=True) as driver:
        await begin(driver)
        await driver.pilot.press("g")
        await driver.until(lambda: "let it end, or stop it" in driver.screen(), "the reason")
        assert len(driver.source.runs) == 1


async def test_a_wide_screen_has_the_pane_where_something_is_trained():
    async with opened(FakeSource(atoms=0), size=(160, 50)) as driver:
        assert not driver.explorer.query_one("#training").display
        await trained(driver, ensemble())
        await driver.until(lambda: driver.explorer.query_one("#training").display, "the pane")
        await driver.until(lambda: "5 fitted" in driver.text("#training"), "its legend")
        text = " ".join(driver.text("#training").split())
        assert "5 fitted, 2 not fitted, 1 diverged, 1 going on" in text
        # The median over the seven that did not diverge, at the last step: (0.5 + 3 / 10) / 101.
        assert "loss 0.00792 at step 100" in text


async def test_a_small_screen_turns_to_the_training_when_it_begins():
    async with opened(FakeSource(atoms=0), size=(80, 24)) as driver:
        await trained(driver, ensemble())
        assert driver.explorer.active_tab == "training"
        await driver.until(lambda: "5 fitted" in driver.text("#training"), "its legend")


async def test_views_of_the_pane_follow_one_another():
    async with opened(FakeSource(atoms=0), size=(160, 50)) as driver:
        await trained(driver, ensemble(held_out=2.0))
        pane = driver.explorer.query_one("#training", TrainingPane)
        await driver.until(lambda: "5 fitted" in driver.text("#training"), "its legend")
        seen = {}
        for _ in range(4):
            seen[pane.shown] = driver.text("#training")
            await driver.pilot.press("G")
            await driver.pilot.pause()
        assert list(seen) == ["loss", "volume", "distance", "held_out_loss"]
        assert len(set(seen.values())) == 4
        low = {name: min(map(float, re.findall(r"(\S+)┤", text))) for name, text in seen.items()}
        assert low["loss"] <= 0.01
        assert low["distance"] == 0
        # Of the two-mode fake: V at the median losses falls from 1 to about 1e-3.
        assert low["volume"] < 0.2
        assert pane.shown == "loss"


async def test_gradients_are_drawn_where_they_were_observed():
    async with opened(FakeSource(atoms=0), size=(160, 50)) as driver:
        await trained(driver, ensemble(observe=("confusion", "ntk")))
        pane = driver.explorer.query_one("#training", TrainingPane)
        await driver.until(lambda: "5 fitted" in driver.text("#training"), "its legend")
        await driver.pilot.press("G", "G", "G", "G")
        await driver.until(lambda: pane.shown == "confusion_min", "the cosines")
        assert "smallest cosine of two gradients" in str(pane.border_subtitle)
        marks = list(map(float, re.findall(r"(\S+)┤", driver.text("#training"))))
        assert (min(marks), max(marks)) == (-1, 0)
        await driver.pilot.press("G")
        await driver.until(lambda: pane.shown == "ntk_change", "the change")
        marks = list(map(float, re.findall(r"(\S+)┤", driver.text("#training"))))
        assert (min(marks), max(marks)) == (0, 2)
        pane.show(replace(driver.explorer.view, training=ensemble()))
        assert pane.shown == "loss"


async def test_what_is_not_known_is_said():
    async with opened(FakeSource(atoms=0), size=(160, 50)) as driver:
        await trained(driver, ensemble([GOING] * 3))
        await driver.until(lambda: "9 going on" in driver.text("#training"), "the legend")
        await driver.pilot.press("G", "G", "G")
        await driver.until(lambda: "nothing is held out" in driver.text("#training"), "no held-out loss")


async def test_the_status_line_says_how_far_the_training_is():
    async with opened(FakeSource(atoms=0), size=(160, 50)) as driver:
        await begin(driver)
        run = driver.source.runs[0]
        run.samples, run.state, run.training = run.target, RunState.SAMPLING, ensemble()
        await driver.until(lambda: "training: 8 of 9" in driver.screen(), "the progress")
        assert "5 fitted" in driver.text("#status")
