"""Held-out performance by training loss: the pane's curves and readout against the losses that were drawn."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from geomreg_tui.rundir import RunState
from geomreg_tui.splitting.result import PopulationResult
from geomreg_tui.tui.widgets.generalisation import GeneralisationPane
from tests.unit.reading import INTERVAL

from .driving import Driver, opened
from .fakes import FakeSource, descent, held_out_of, losses_of, tail
from .test_training import begin, ensemble, trained

EXAMPLES = 200
DRAWN = 20_000


def pane_of(driver: Driver) -> GeneralisationPane:
    return driver.explorer.query_one(GeneralisationPane)


def drawn(driver: Driver) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    losses = losses_of(driver.session.experiment, DRAWN)
    return losses, *held_out_of(losses, EXAMPLES)


def down(shift: float) -> PopulationResult:
    """A population looked at twice, at losses 1e-2 and 1e-14: held-out loss 1.1 and 1.5, accuracy a half."""
    rows = np.ones((2, 5))
    return replace(
        descent(0.0),
        held_log_loss=np.log([1e-2, 1e-14]),
        held_loss=np.array([1.1, 1.5]) + shift,
        held_loss_quantiles=rows,
        held_accuracy=np.array([0.5, 0.5]),
        held_accuracy_quantiles=rows / 2,
    )


def said(driver: Driver, name: str) -> re.Match[str]:
    """Return an interval of the reading line by what stands before it."""
    found = re.search(rf"{re.escape(name)} {INTERVAL}", " ".join(driver.text("#reading").split()))
    assert found is not None, (name, driver.text("#reading"))
    return found


async def test_the_pane_is_there_where_something_is_held_out_and_a_tab_says_what_to_set() -> None:
    async with opened(FakeSource(atoms=0), size=(120, 40)) as driver:
        assert not pane_of(driver).display
        await driver.set("held_out", str(EXAMPLES))
        await driver.until(lambda: pane_of(driver).display, "the pane")
        await driver.until(lambda: f"{EXAMPLES} examples" in driver.text("#generalisation"), "its legend")
        await driver.set("held_out", "0")
        await driver.until(lambda: not pane_of(driver).display, "no pane")
        await driver.pilot.resize_terminal(80, 24)
        driver.explorer._panes.turn_to("generalisation")
        await driver.until(
            lambda: "set 'held out' in Setup to 100" in driver.text("#generalisation"), "what to set"
        )


@pytest.mark.parametrize("size", [(80, 24), pytest.param((200, 60), marks=pytest.mark.full)])
async def test_the_crosshair_reads_mean_and_quantiles_of_the_networks_that_were_drawn(size) -> None:
    async with opened(FakeSource(atoms=0), size=size, held_out=EXAMPLES) as driver:
        losses, held_out, correct = drawn(driver)
        await driver.pilot.press("escape", "c")
        await driver.until(lambda: "held-out loss" in driver.text("#reading"), "the readout")
        bins = driver.explorer.view.held_out
        for measure, values in (("loss", held_out), ("accuracy", correct / EXAMPLES)):
            for key in ("left", "shift+left"):
                await driver.pilot.press(key)
                await driver.until(lambda m=measure: f"held-out {m}" in driver.text("#reading"), measure)
                at = driver.explorer._panes.loss.at
                place = bins.at(at)
                kept = (bins.low[place] <= losses) & (losses < bins.high[place])
                found = said(driver, f"held-out {measure}")
                assert float(found["low"]) <= values[kept].mean() <= float(found["high"])
                low, high = np.quantile(values[kept], [0.05, 0.95], method="inverted_cdf")
                ends = re.search(r"5 to 95 % (\S+) to ([\d.e+-]+)", " ".join(driver.text("#reading").split()))
                # Bins of held-out losses are 12.5 % wide, and texts have three digits.
                assert float(ends[1]) == pytest.approx(low, rel=0.07)
                assert float(ends[2]) == pytest.approx(high, rel=0.07)
            pane_of(driver).cycle()
            driver.explorer.read_anew()


async def test_the_key_turns_from_loss_to_accuracy_and_back() -> None:
    async with opened(FakeSource(atoms=0), size=(160, 50), held_out=EXAMPLES) as driver:
        _, held_out, _ = drawn(driver)
        await driver.until(lambda: "middle 90 %" in driver.text("#generalisation"), "its legend")
        marks = [float(mark) for mark in re.findall(r"(\S+)┤", driver.text("#generalisation"))]
        low, high = np.quantile(held_out, [0.01, 0.99])
        assert min(marks) <= 1.5 * low
        assert max(marks) >= high / 1.5
        await driver.pilot.press("d")
        await driver.until(lambda: "held-out accuracy" in driver.screen(), "the accuracy")
        marks = [float(mark) for mark in re.findall(r"(\S+)┤", driver.text("#generalisation"))]
        assert (min(marks), max(marks)) == (0, 1)
        await driver.pilot.press("d")
        await driver.until(lambda: "held-out loss, log axis" in driver.screen(), "the loss")


async def test_the_tail_goes_on_below_all_that_was_drawn() -> None:
    """Between its two rows the mean is read on the line between them, as held-out loss against log loss."""
    async with opened(FakeSource(atoms=0), size=(160, 50), held_out=EXAMPLES) as driver:
        await begin_tail(driver, down(-0.01), down(0.01))
        await driver.until(lambda: "deep tail, up to L" in driver.text("#generalisation"), "the tail")
        pane = pane_of(driver)
        assert pane.axis.low <= -14
        (text,) = pane.texts_at(1e-12)
        found = re.fullmatch(rf"held-out loss {INTERVAL} \(tail\)", text)
        assert float(found["estimate"]) == pytest.approx(1.1 + 0.4 * 10 / 12, abs=2e-3)
        # Two populations 0.02 apart: the standard error of their mean is 0.01.
        assert float(found["high"]) - float(found["low"]) == pytest.approx(2 * 1.96 * 0.01, rel=0.1)
        assert pane.texts_at(1e-15) == []
        assert pane.place_of(1e-12) == pytest.approx(-12)


async def begin_tail(driver: Driver, *descents: PopulationResult) -> None:
    await driver.pilot.press("t")
    await driver.until(lambda: driver.app.screen.query("#tail-volume"), "the dialog")
    await driver.pilot.press("enter")
    await driver.until(lambda: driver.source.runs and driver.session.run is not None, "the run")
    run = driver.source.runs[0]
    run.samples, run.state, run.tail = run.target, RunState.DONE, tail(*descents)
    await driver.until(lambda: driver.explorer.view and driver.explorer.view.tail, "the tail")


async def test_trained_networks_are_points_where_they_ended() -> None:
    async with opened(FakeSource(atoms=0), size=(160, 50), held_out=EXAMPLES) as driver:
        await trained(driver, ensemble(held_out=2.0))
        await driver.until(lambda: "× trained" in driver.text("#generalisation"), "the legend")
        rows = driver.text("#generalisation").split("\n")
        rows = [row for row in rows if re.search("[│├┤]", row)]  # without the legend
        marked = {column for row in rows for column, char in enumerate(row) if char == "×"}
        pane = pane_of(driver)
        # Trajectory i has come to (0.5 + i / 10) / 101; the last of the eight diverged.
        ends = [math.log10((0.5 + number / 10) / 101) for number in range(7)]
        margin = pane.content_size.width - pane._columns
        expected = {margin + pane.axis.cell(end, pane._columns) for end in ends}
        assert marked == expected


async def test_networks_that_go_on_are_no_points() -> None:
    async with opened(FakeSource(atoms=0), size=(160, 50), held_out=EXAMPLES) as driver:
        await begin(driver)
        run = driver.source.runs[0]
        run.samples, run.state, run.training = run.target, RunState.DONE, ensemble([4, 4, 4], held_out=2.0)
        await driver.until(lambda: driver.explorer.view and driver.explorer.view.training, "the training")
        await driver.until(lambda: "middle 90 %" in driver.text("#generalisation"), "the legend")
        assert "×" not in driver.text("#generalisation")


async def test_a_pin_keeps_its_curve_and_is_read_beside_what_is_shown() -> None:
    """What is shown changes, what is pinned does not: its means are those of its own networks."""
    async with opened(FakeSource(atoms=0), size=(160, 50), held_out=EXAMPLES) as driver:
        losses, held_out, _ = drawn(driver)
        await driver.pilot.press("escape", "p")
        await driver.until(lambda: "• pinned" in driver.text("#generalisation"), "the pin's legend")
        await driver.set("width", "16")
        await driver.until(lambda: "width 256" in driver.text("#generalisation"), "in what it differs")
        await driver.settled()
        curve = [row for row in driver.text("#generalisation").split("\n") if "•" in row]
        assert len(curve) > 1
        at = float(np.median(losses))
        (pin,) = driver.explorer.view.comparisons
        (text,) = pane_of(driver).pin_texts_at(pin.pin, at)
        bins = pin.pin.held_out
        place = bins.at(at)
        kept = (bins.low[place] <= losses) & (losses < bins.high[place])
        found = re.match(rf"held-out loss {INTERVAL}", text)
        assert float(found["low"]) <= held_out[kept].mean() <= float(found["high"])
        await driver.pilot.press("escape", "c")
        await driver.until(lambda: driver.text("#reading").count("held-out loss") == 2, "both are read")
        await driver.pilot.press("P")
        await driver.until(lambda: "•" not in driver.text("#generalisation"), "no pin")
