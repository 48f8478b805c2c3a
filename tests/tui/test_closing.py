"""Closing any screen sends little: a slow line shows the explorer again at once."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console
from textual.command import CommandPalette
from textual.screen import Screen

import geomreg_tui.tui.screens
from geomreg_tui.rundir import RunEntry, RunState, list_runs, runs_root
from geomreg_tui.tui.painter import Painter
from geomreg_tui.tui.screens.arranging import ArrangingScreen
from geomreg_tui.tui.screens.compared import ComparedScreen, runs_compared
from geomreg_tui.tui.screens.data import DataScreen
from geomreg_tui.tui.screens.export import ExportScreen, SweepExportScreen
from geomreg_tui.tui.screens.help import FieldHelpScreen, HelpScreen
from geomreg_tui.tui.screens.labels import LabelsScreen
from geomreg_tui.tui.screens.log import LogScreen
from geomreg_tui.tui.screens.opening import OpeningScreen
from geomreg_tui.tui.screens.quit import QuitScreen
from geomreg_tui.tui.screens.range import RangeScreen
from geomreg_tui.tui.screens.run_work import RunWorkScreen
from geomreg_tui.tui.screens.runs import RunsScreen
from geomreg_tui.tui.screens.studies import StudiesScreen
from geomreg_tui.tui.screens.sweep import SweepScreen
from geomreg_tui.tui.screens.sweeping import SweepingScreen
from geomreg_tui.tui.screens.tail import TailScreen
from geomreg_tui.tui.screens.train import TrainScreen

from .driving import Driver, opened
from .shelf import name_of, put_run
from .test_sweep_screen import made_sweep

MOST = 5_000
CONSOLE = Console(color_system="truecolor", force_terminal=True)
RUNS = 30

Step = Callable[[Driver], Awaitable[object]]


def press(*keys: str) -> Step:
    async def step(driver: Driver) -> None:
        await driver.pilot.press(*keys)

    return step


def push(make: Callable[[Driver], Screen[object]]) -> Step:
    async def step(driver: Driver) -> None:
        driver.app.push_screen(make(driver))

    return step


def newest() -> Path:
    return runs_root() / name_of(RUNS)


def entry() -> RunEntry:
    return next(each for each in list_runs() if each.path == newest())


async def sweep(driver: Driver) -> None:
    """Show a sweep that fills its screen."""
    made = made_sweep("width=16,64,256,1024", samples=5_000)
    for place in range(4):
        made.fill(place, 5_000, RunState.DONE)
    made.tell(RunState.DONE)
    driver.app.push_screen(SweepScreen(driver.session, 0.05, driver.app._keys, made.directory))
    await driver.until(lambda: "✓ sweep done" in driver.screen(), "the sweep")


async def help_on_a_field(driver: Driver) -> None:
    driver.control("width").focus()
    await driver.pilot.press("question_mark")


# What opens each screen, over the explorer and nothing else.
OPENED: dict[type[Screen[object]], tuple[Step, str]] = {
    RunsScreen: (press("r"), " kB"),
    SweepScreen: (sweep, "Points"),
    StudiesScreen: (press("S"), "two-modes"),
    DataScreen: (press("f"), "../"),
    TailScreen: (press("t"), "Deep tail"),
    TrainScreen: (press("g"), "Training"),
    HelpScreen: (press("escape", "question_mark"), "escape closes"),
    FieldHelpScreen: (help_on_a_field, "all help"),
    RangeScreen: (press("R"), "Range on view"),
    CommandPalette: (press("ctrl+p"), "Search"),
    ExportScreen: (push(lambda _: ExportScreen(newest())), "The same run again"),
    SweepExportScreen: (push(lambda _: SweepExportScreen(newest())), "The same sweep again"),
    LabelsScreen: (push(lambda _: LabelsScreen(entry())), "What it is called"),
    LogScreen: (push(lambda _: LogScreen(entry())), "Log of"),
    ComparedScreen: (push(lambda _: runs_compared([newest(), runs_root() / name_of(1)])), "runs compared"),
    QuitScreen: (push(lambda _: QuitScreen([])), "Still sampling"),
}  # fmt: skip


def screens() -> Iterator[type[Screen[object]]]:
    """Yield every class of screens that is one of ours."""
    for module in pkgutil.iter_modules(geomreg_tui.tui.screens.__path__, "geomreg_tui.tui.screens."):
        for found in vars(importlib.import_module(module.name)).values():
            if isinstance(found, type) and issubclass(found, Screen) and found.__module__ == module.name:
                yield found


def test_every_screen_is_in_the_table() -> None:
    over = {found for found in screens() if not issubclass(found, ArrangingScreen)}
    assert over - {OpeningScreen, RunWorkScreen, SweepingScreen} == set(OPENED) - {CommandPalette}


LARGE = (RunsScreen, SweepScreen, StudiesScreen, DataScreen)  # the others cover less of the explorer


@pytest.mark.parametrize(
    "screen", [pytest.param(each, marks=() if each in LARGE else pytest.mark.full) for each in OPENED]
)
async def test_closing_a_screen_sends_at_most_five_kilobytes(screen: type[Screen[object]]) -> None:
    for number in range(1, RUNS + 1):
        put_run(number, samples=5_000, target=5_000, committed=5 if number in (1, RUNS) else 0)
    async with opened() as driver:
        with driver.watched() as drawn:
            driver.app.refresh(layout=True)
            await driver.still()
            step, words = OPENED[screen]
            await step(driver)
            await driver.until(lambda: words in driver.screen(), words)
            assert isinstance(driver.app.screen, screen)
            if screen is not CommandPalette:  # its cursor blinks
                await driver.still()
            before = len(drawn)
            await driver.pilot.press("escape")
            await driver.until(lambda: driver.app.screen is driver.explorer, "closed")
            await driver.still()
        painter = Painter(erases=True)
        sent = [len(painter.sequence(update, CONSOLE).encode()) for update in drawn]
        assert sum(sent[:before]) > MOST  # all of the explorer was sent at first
        assert 0 < sum(sent[before:]) <= MOST
