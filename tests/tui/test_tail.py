"""The deep tail in the explorer: asked for with a key, drawn below what was sampled."""

import math
import re

import numpy as np
import pytest
from textual.events import Key

from geomreg_tui.rundir import RunState
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.splitting.result import PopulationResult

from .driving import opened
from .fakes import SLOPE, FakeSource, descent, tail

LN10 = math.log(10)


async def begin(driver):
    await driver.pilot.press("t")
    await driver.until(lambda: driver.app.screen.query("#tail-volume"), "the dialog")
    await driver.pilot.press("enter")
    await driver.until(lambda: driver.source.runs, "the run")


async def test_the_key_asks_how_deep_and_starts_an_engine_of_its_own():
    async with opened(size=(120, 40)) as driver:
        await driver.pilot.press("t")
        await driver.until(lambda: driver.app.screen.query("#tail-volume"), "the dialog")
        assert "log10 V down to" in driver.screen()
        driver.app.screen.query_one("#tail-volume").value = "-80"
        driver.app.screen.query_one("#tail-loss").value = "1e-6"
        driver.app.screen.query_one("#tail-population").value = "2k"
        await driver.pilot.press("enter")
        await driver.until(lambda: driver.source.runs, "the run")
        assert driver.source.tails == [TailPlan(loss=1e-6, log10_volume=-80, population=2000)]
        assert driver.source.runs[0].target == 100_000
        assert driver.source.runs[0].experiment == driver.session.experiment


async def test_a_minus_of_typesetting_is_one_and_other_characters_are_refused_aloud():
    async with opened(size=(120, 40), notifications=True) as driver:
        await driver.pilot.press("t")
        await driver.until(lambda: driver.app.screen.query("#tail-volume"), "the dialog")
        field = driver.app.screen.query_one("#tail-volume")
        field.value = ""
        # As the terminal's parser sends it; the pilot knows no character for these keys.
        field.post_message(Key("minus_sign", "\N{MINUS SIGN}"))
        await driver.pilot.press("8")
        assert field.value == "-8"
        field.value = "\N{MINUS SIGN}1e1"
        assert field.value == "-1e1"
        field.post_message(Key("latin_small_letter_a_with_diaeresis", "ä"))
        await driver.pilot.pause()
        assert field.value == "-1e1"
        await driver.until(lambda: "ä is no part of a number" in driver.screen(), "the refusal")
        await driver.pilot.press("enter")
        await driver.until(lambda: driver.source.runs, "the run")
        assert driver.source.tails[0].log10_volume == -10


@pytest.mark.parametrize("size", [pytest.param((120, 40), marks=pytest.mark.full), (80, 24)])
async def test_what_is_no_goal_is_said_and_nothing_starts(size):
    async with opened(size=size) as driver:
        await driver.pilot.press("t")
        await driver.until(lambda: driver.app.screen.query("#tail-volume"), "the dialog")
        driver.app.screen.query_one("#tail-volume").value = "50"
        await driver.pilot.pause()
        await driver.pilot.press("enter")
        await driver.until(lambda: "a negative number" in driver.screen(), "the reason")
        await driver.pilot.press("escape")
        await driver.pilot.pause()
        assert driver.source.runs == []
        assert not driver.app.screen.query("#tail-volume")


async def test_none_begins_while_a_run_is_sampled():
    async with opened(size=(120, 40), notifications=True) as driver:
        await begin(driver)
        await driver.until(lambda: driver.session.run is not None, "the run is on view")
        await driver.pilot.press("t")
        await driver.until(lambda: "let it end, or stop it" in driver.screen(), "the reason")
        assert len(driver.source.runs) == 1


async def test_the_pane_draws_the_tail_and_says_how_deep():
    async with opened(FakeSource(atoms=0), size=(160, 50)) as driver:
        await begin(driver)
        await driver.until(lambda: driver.session.run is not None, "the run is on view")
        run = driver.source.runs[0]
        run.samples, run.state = run.target, RunState.DONE
        run.tail = tail(descent(0.2), descent(-0.2), descent(0.0))
        await driver.until(lambda: "deep tail ±" in driver.text("#volume"), "the tail")
        text = driver.text("#volume")
        assert "sampled" in text
        assert "volume reached" in text
        assert re.search(r"λ = 2\.000 ± 0\.\d{3}", text), text
        number = r"(-\d+\.\d+)"
        pattern = rf"log10 V = {number} \[{number}, {number}\] at log10 ε = {number}"
        found = re.search(pattern, text)
        assert found, text
        volume, low, high, loss = map(float, found.groups())
        # The mean of V over the three lines, at a loss to which the least deep one has come.
        each = np.array([SLOPE * loss * LN10 + shift for shift in (0.2, -0.2, 0.0)])
        assert abs(volume - math.log10(np.exp(each - each.max()).mean()) - each.max() / LN10) < 0.02
        share = np.exp(each - each.max())
        std = share.std(ddof=1) / math.sqrt(3) / share.mean() / LN10
        assert abs((high - low) / 2 - 1.96 * std) < 0.01
        assert max(int(tick) for tick in re.findall(r"1e-(\d+)┤", text)) >= 20


async def test_the_band_is_as_wide_as_the_error():
    """With populations that differ by many decades the band is rows wide, else it is on the line."""

    def ends(driver):
        """Rows that hold a curve where the tail is deepest."""
        rows = [row[6:12] for row in driver.text("#volume").split("\n") if row[5:6] in ("│", "┤")]
        return sum(any("⠀" < char <= "⣿" for char in row) for row in rows)

    found = []
    for within in (0.001, 400.0):
        async with opened(FakeSource(atoms=0), size=(160, 50)) as driver:
            await begin(driver)
            await driver.until(lambda: driver.session.run is not None, "the run is on view")
            run = driver.source.runs[0]
            run.samples, run.state = run.target, RunState.DONE
            made = descent(0.0)
            run.tail = tail(PopulationResult(**{**made.__dict__, "variance": np.full(2000, within)}))
            await driver.until(lambda: "deep tail ±" in driver.text("#volume"), "the tail")
            found.append(ends(driver))
    assert found[0] <= 2
    assert found[1] >= 4  # an end of the band, the curve, and the other end


async def test_while_it_goes_on_the_status_line_says_how_far():
    async with opened(FakeSource(atoms=0), size=(120, 40)) as driver:
        await begin(driver)
        await driver.until(lambda: driver.session.run is not None, "the run is on view")
        run = driver.source.runs[0]
        run.samples = run.target
        run.tail = tail(descent(0.0), descent(0.0, None, -10.0))
        await driver.until(lambda: "1 of 2 populations" in driver.screen(), "the status line")
        assert "going" in driver.text("#volume")


async def test_populations_that_agree_exactly_have_no_error_to_write():
    async with opened(FakeSource(atoms=0), size=(160, 50)) as driver:
        await begin(driver)
        run = driver.source.runs[0]
        run.samples, run.state, run.tail = run.target, RunState.DONE, tail(descent(0.0), descent(0.0))
        await driver.until(lambda: driver.explorer.view and driver.explorer.view.tail, "the tail")
        said = "the same in all populations"
        await driver.until(lambda: said in " ".join(driver.text("#volume").split()), "what is true")
        assert "± 0" not in driver.text("#volume")
