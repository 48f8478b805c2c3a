"""The studies in the explorer: listed, run, read page by page, and opened as sweeps."""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from geomreg_tui.rundir import runs_root
from geomreg_tui.statistics.evidence import find
from geomreg_tui.studies import directory, registry
from geomreg_tui.studies.replicates import dominance, over, slopes, table_of
from geomreg_tui.studies.run import run_studies
from geomreg_tui.studies.study import Outcome, Panel, Series, Study
from geomreg_tui.tui import studies_reader
from geomreg_tui.tui.screens import studies as screen
from geomreg_tui.tui.screens.sweep import SweepScreen
from geomreg_tui.tui.widgets.study import StudyPane
from tests.engines import put_engines_here

from .driving import opened


def parts(scale):
    return {
        "width": over("width", (2, 8), 3, 500, {"data": "gaussian", "inputs": 3, "examples": 1, "depth": 1})
    }


def judge(points):
    widths, table = table_of(points["width"], dominance, (2, 8))
    effect = slopes(np.log2(widths), table)
    series = (Series.of_replicates("measured", widths, table), Series.of_law("a law", widths, [0.0, 0.1]))
    panel = Panel("D_0 by width", "width", "dominance", series, log_x=True)
    return Outcome((find("width", "it rises", "slope of D_0", effect, "above"),), (panel,), ("A remark.",))


TINY = Study("tiny", "Does it rise?", "It does.", "nowhere", "By its slope.", parts, judge)
OTHER = replace(TINY, name="other", question="And this one?")


@pytest.fixture(autouse=True)
def _studies(monkeypatch):
    put_engines_here(monkeypatch)
    for module in (registry, directory, studies_reader, screen):
        monkeypatch.setattr(module, "STUDIES", (TINY, OTHER))

    def start(studies, scale, path):
        assert list(run_studies(studies, scale, path))
        return SimpleNamespace(directory=path, running=lambda: False)

    monkeypatch.setattr(screen, "start_studies", start)


async def studies(driver):
    await driver.pilot.press("S")
    await driver.until(lambda: "not run" in driver.screen() or "supported" in driver.screen(), "the studies")


async def test_a_study_is_run_read_and_opened_as_a_sweep():
    async with opened(size=(120, 40)) as driver:
        await studies(driver)
        assert "Does it rise?" in driver.screen()
        assert "space runs a study" in driver.screen()
        await driver.pilot.press("space")
        await driver.until(
            lambda: re.search(r"tiny +1 (supported|undecided)", driver.screen()), "the verdict"
        )
        assert re.search(r"other +not run", driver.screen())
        pane = driver.app.screen.query_one(StudyPane)
        for said in (
            "claim: It does.",
            ": it rises",
            "slope of D_0: ",
            "3 data sets",
            "A remark.",
            "rule: By its slope.",
        ):
            assert said in driver.text("#study")
        assert "page 1 of 2" in pane.border_subtitle
        await driver.pilot.press("right")
        await driver.until(lambda: "a law" in driver.text("#study"), "the picture")
        for said in ("D_0 by width", "dominance", "measured", "width"):
            assert said in driver.text("#study")
        await driver.pilot.press("enter")
        await driver.until(lambda: isinstance(driver.app.screen, SweepScreen), "the sweep")
        await driver.until(lambda: "width" in driver.screen() and "done" in driver.screen(), "its points")


async def test_all_are_run_and_what_is_done_is_not_run_again():
    async with opened(size=(120, 40)) as driver:
        await studies(driver)
        await driver.pilot.press("a")
        await driver.until(
            lambda: re.search(r"other +1 (supported|undecided)", driver.screen()), "the verdicts"
        )
        assert "not run" not in driver.screen()
        await driver.pilot.press("space")
        await driver.until(lambda: "these are done" in driver.screen(), "a word")
        # They are there when the screen is opened again.
        await driver.pilot.press("escape")
        await studies(driver)
        assert re.search(r"tiny +1 (supported|undecided)", driver.screen())


async def test_on_a_small_screen_the_text_takes_pages():
    async with opened(size=(80, 24)) as driver:
        await studies(driver)
        await driver.pilot.press("space")
        await driver.until(
            lambda: re.search(r"tiny +1 (supported|undecided)", driver.screen()), "the verdict"
        )
        pane = driver.app.screen.query_one(StudyPane)
        pages = int(re.search(r"of (\d+)", pane.border_subtitle)[1])
        read = []
        for _ in range(pages):
            read.append(driver.text("#study"))
            await driver.pilot.press("right")
            await driver.pilot.pause()
        assert read[0] == driver.text("#study")
        whole = "\n".join(read)
        for said in ("Does it rise?", "rule: By its slope.", "source: nowhere", "a law"):
            assert said in whole


async def test_a_folder_that_is_damaged_is_said_to_be():
    folder = runs_root().with_name("studies") / "20260101-000000-quick"
    folder.mkdir(parents=True)
    (folder / "studies.json").write_text("{")
    async with opened(size=(120, 40)) as driver:
        await driver.pilot.press("S")
        await driver.until(lambda: "studies.json" in driver.screen(), "what is wrong")
        assert "!" in driver.text("#studies-about")


async def test_an_engine_that_does_not_start_is_said_not_to(monkeypatch):
    def fails(studies, scale, path):
        raise OSError("no room")

    monkeypatch.setattr(screen, "start_studies", fails)
    async with opened(size=(120, 40)) as driver:
        await studies(driver)
        await driver.pilot.press("space")
        await driver.until(lambda: "! no room" in driver.screen(), "what is wrong")
        assert "not run" in driver.screen()
