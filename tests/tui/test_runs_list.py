"""The list as a whole: sweeps among runs, names and tags, orders, marks, conditions, and going on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.widgets import Input

from geomreg_tui.report import load_result, result_document
from geomreg_tui.rundir import Labels, RunState, read_labels, runs_root, write_labels
from geomreg_tui.rundir.elsewhere import RUN, remember
from geomreg_tui.rundir.store import write_json
from geomreg_tui.sweeps.directory import SweepDirectory, sweeps_root
from geomreg_tui.tui.screens.choice import RunChoice
from geomreg_tui.tui.screens.compared import ComparedScreen
from geomreg_tui.tui.screens.export import SweepExportScreen
from geomreg_tui.tui.screens.labels import LabelsScreen
from geomreg_tui.tui.screens.runs import RunsScreen
from geomreg_tui.tui.screens.sweep import SweepScreen
from tests.unit.exporting import make_run, make_sweep, two_modes

from .driving import Driver, opened
from .fakes import FakeSource
from .shelf import name_of, put_run
from .test_runs_screen import HOSTILE, listed, runs_list, selected
from .test_sweep_screen import made_sweep

SWEEP = "20260105-000000-0000000c"


def put_some(tmp_path: Path) -> Path:
    """Make two runs, one elsewhere, and a sweep, the newest; return the directory of that elsewhere."""
    for number, share, width in ((1, 0.5, 8), (2, 0.4, 16)):
        make_run(runs_root() / name_of(number), two_modes(share=share), width=width)
    path = make_run(tmp_path / "elsewhere", two_modes(share=0.1), width=64, init="uniform").path
    write_labels(path, Labels("flat law", ("draft", "uniform"), "a note"))
    for run in (runs_root() / name_of(1), runs_root() / name_of(2), path):
        write_json(run / "summary.json", result_document(load_result(run)))
    make_sweep(sweeps_root() / SWEEP)
    remember(path, RUN)
    return path


def order_of(driver: Driver) -> list[str]:
    return [entry.name for entry in runs_list(driver).entries]


async def test_runs_and_sweeps_are_one_list_in_any_order(tmp_path: Path) -> None:
    put_some(tmp_path)
    async with listed((120, 40), wait="4 runs") as driver:
        await driver.until(lambda: driver.text("#runs-list").count("kB") == 4)
        newest = ["elsewhere", SWEEP, name_of(2), name_of(1)]
        assert order_of(driver) == newest
        rows = driver.text("#runs-list").split("\n")
        assert "flat law: " in rows[1]
        assert "sweep" in rows[2]
        assert "-0.685" in rows[1]
        about = driver.text("#runs-about")
        assert str(tmp_path / "elsewhere")[:20] in about
        assert "flat law · #draft #uniform · a note · D0 -0." in about
        # By D_0, smallest first, with what has none last; the other way round; and by a click on a title.
        while runs_list(driver).order != "d0":
            await driver.pilot.press("o")
        by_d0 = ["elsewhere", name_of(2), name_of(1), SWEEP]
        await driver.until(lambda: order_of(driver) == by_d0)
        assert "D0 ↑" in driver.text("#runs-list")
        assert selected(driver) == "elsewhere"
        await driver.pilot.press("O")
        await driver.until(lambda: order_of(driver) == [name_of(1), name_of(2), "elsewhere", SWEEP])
        assert "D0 ↓" in driver.text("#runs-list")
        for _ in range(2):
            place = driver.text("#runs-list").split("\n")[0].index("when")
            await driver.pilot.click("#runs-list", offset=(place + 1, 0))
        await driver.until(lambda: order_of(driver) == newest[::-1])
        await driver.pilot.press("O")
        await driver.until(lambda: order_of(driver) == newest)


async def test_the_filter_takes_conditions_and_says_what_is_wrong_with_half_of_one(tmp_path: Path) -> None:
    put_some(tmp_path)
    async with listed((120, 40), wait="4 runs") as driver:
        for text, names in [
            ("width>8 -kind:sweep", ["elsewhere", name_of(2)]),
            ("width=8", [SWEEP, name_of(1)]),
            ("d0<0 tag:dr*", ["elsewhere"]),
            ("size>1 -flat", [SWEEP, name_of(2), name_of(1)]),
            ("init:uniform,he* width>60", ["elsewhere"]),
        ]:
            await driver.pilot.press("slash", *text)
            await driver.until(lambda names=names: order_of(driver) == names, text)
            await driver.until(lambda: "searching" not in driver.screen())
            await driver.pilot.press("escape")
        await driver.pilot.press("slash", *"width=8")
        await driver.until(lambda: len(order_of(driver)) == 2)
        driver.app.screen.query_one("#runs-filter", Input).value += " widht>"
        await driver.until(lambda: "Did you mean 'width'" in driver.text("#runs-about"))
        assert len(order_of(driver)) == 2  # as long as it is no condition, the one before holds
        await driver.pilot.press("escape")
        await driver.until(lambda: len(order_of(driver)) == 4)


async def test_several_are_marked_and_deleted_after_one_question(tmp_path: Path) -> None:
    path = put_some(tmp_path)
    async with listed((80, 24), wait="4 runs") as driver:
        await driver.pilot.press("space", "space", "down", "space")
        await driver.until(lambda: "4 runs, 3 marked" in driver.screen())
        assert driver.text("#runs-list").count("● ") == 3
        await driver.pilot.press("home", "space")
        await driver.until(lambda: "2 marked" in driver.screen())
        await driver.pilot.press("asterisk")
        assert "4 marked" in driver.text("#runs-count")
        await driver.pilot.press("asterisk")
        assert "marked" not in driver.text("#runs-count")
        await driver.pilot.press("home", "space", "space", "space", "d")
        folders = [path, sweeps_root() / SWEEP, runs_root() / name_of(2)]
        size = sum(file.stat().st_size for folder in folders for file in folder.rglob("*") if file.is_file())
        asked = f"Delete? y/n 2 runs and 1 sweep with all points, {size / 2**10:.0f} kB on disk"
        await driver.until(lambda: asked in driver.text("#runs-about"), asked)
        await driver.pilot.press("n")
        assert "Nothing was deleted" in driver.text("#runs-about")
        assert all(folder.exists() for folder in folders)
        await driver.pilot.press("d", "y")
        await driver.until(lambda: order_of(driver) == [name_of(1)])
        await driver.until(lambda: "Deleted 3 of the list" in driver.screen())
        assert not any(folder.exists() for folder in folders)
        assert "marked" not in driver.text("#runs-count")


async def test_a_run_is_named_and_the_list_says_so(tmp_path: Path) -> None:
    run = put_run(1)
    async with listed((120, 40), wait=" kB") as driver:
        await driver.pilot.press("n")
        await driver.until(lambda: isinstance(driver.app.screen, LabelsScreen))
        await driver.pilot.press(*"first", "tab", *"a,two words", "tab", *"why not", "enter")
        await driver.until(lambda: "tag: got 'two words'" in driver.screen())
        assert read_labels(run.path).empty
        await driver.pilot.press("shift+tab", "end", *["backspace"] * 6, "enter")
        await driver.until(lambda: isinstance(driver.app.screen, RunsScreen))
        await driver.until(lambda: "first: mlp" in driver.text("#runs-list"))
        assert "first · #a #two · why not" in driver.text("#runs-about")
        assert read_labels(run.path) == Labels("first", ("a", "two"), "why not")
        await driver.pilot.press("n", *["backspace"] * 5, "escape")
        assert read_labels(run.path).name == "first"


async def test_labels_from_outside_are_plain_text(tmp_path: Path) -> None:
    run = put_run(1)
    write_json(run.path / "labels.json", {"name": HOSTILE, "tags": [HOSTILE], "note": HOSTILE})
    async with listed((120, 40), wait=" kB") as driver:
        screen = driver.screen()
        assert "[red]" in screen
        assert not [c for c in screen if c in "\x1b\x07\x9b\u202e"]
        assert all(len(row) == 120 for row in screen.split("\n"))
        await driver.pilot.press("n")
        await driver.until(lambda: isinstance(driver.app.screen, LabelsScreen))
        assert not [c for c in driver.screen() if c in "\x1b\x07\x9b\u202e"]


@pytest.mark.parametrize(("key", "action"), [("enter", "open"), ("g", "go on")])
async def test_what_is_chosen_of_a_sweep(key: str, action: str) -> None:
    make_sweep(sweeps_root() / SWEEP)
    async with listed(wait=" kB") as driver:
        await driver.pilot.press("c")
        assert "open it, and compare its points there" in driver.text("#runs-about")
        await driver.pilot.press(key)
        await driver.pilot.pause()
        assert driver.app.ended == [RunChoice(action, sweeps_root() / SWEEP, "sweep")]  # type: ignore[attr-defined, arg-type]


async def test_a_sweep_of_the_list_is_opened_exported_and_gone_on_with() -> None:
    stopped = made_sweep("width=16,32", name=SWEEP)
    stopped.tell(RunState.STOPPED)
    source = FakeSource()
    async with opened(source) as driver:
        await driver.pilot.press("r")
        await driver.until(lambda: " kB" in driver.screen())
        await driver.pilot.press("e")
        await driver.until(lambda: isinstance(driver.app.screen, SweepExportScreen))
        await driver.pilot.press("escape")
        await driver.until(lambda: isinstance(driver.app.screen, RunsScreen))
        await driver.pilot.press("enter")
        await driver.until(lambda: isinstance(driver.app.screen, SweepScreen))
        await driver.until(lambda: "■ sweep stopped" in driver.screen())
        assert source.sweeps == []
        await driver.pilot.press("escape", "r")
        await driver.until(lambda: " kB" in driver.screen())
        await driver.pilot.press("g")
        await driver.until(lambda: source.sweeps)
        assert source.sweeps[-1].directory == stopped.directory
        assert SweepDirectory(stopped.directory).plan() == stopped.asked
        source.sweeps[-1].complete()
        await driver.until(lambda: "✓ sweep done" in driver.screen())


async def test_a_stopped_run_of_the_list_goes_on_at_once() -> None:
    put_run(1, RunState.STOPPED, live=1, target=5_000)
    source = FakeSource()
    async with opened(source) as driver:
        await driver.pilot.press("r")
        await driver.until(lambda: " kB" in driver.screen())
        await driver.pilot.press("g")
        await driver.until(lambda: source.runs)
        assert source.extended == [(runs_root() / name_of(1), 5_000)]
        await driver.until(lambda: "run sampling" in driver.text("#status"))


async def test_marked_runs_are_compared_with_the_first_of_them(tmp_path: Path) -> None:
    put_some(tmp_path)
    async with listed((120, 40), wait="4 runs") as driver:
        await driver.pilot.press("end", "space", "up", "space", "c")
        await driver.until(lambda: isinstance(driver.app.screen, ComparedScreen))
        await driver.until(lambda: "Differences are from A" in driver.screen())
        assert re.search(r"A +20260101-000002.* 4,000 +width 16", driver.screen())
        assert re.search(r"B +20260101-000001.* 4,000 +width 8", driver.screen())
        await driver.pilot.press("escape", "asterisk", "c")
        await driver.until(lambda: "no sweeps" in driver.text("#runs-about"))


async def test_the_log_says_what_happened_and_goes_on() -> None:
    run = put_run(1)
    run.log("start", samples=1000, chunk=0)
    run.log("chunk given up", chunk=3, reason=HOSTILE)
    async with listed((120, 40), wait=" kB") as driver:
        await driver.pilot.press("l")
        await driver.until(lambda: "started, for 1,000 networks" in driver.screen())
        assert "! chunk given up: chunk 3, reason x" in driver.screen()
        assert not [c for c in driver.screen() if c in "\x1b\x07\x9b\u202e"]
        run.log("end", state="failed", samples=10, message="out of memory")
        await driver.until(lambda: "! failed, 10 networks: out of memory" in driver.screen())
        await driver.pilot.press("l")
        await driver.until(lambda: isinstance(driver.app.screen, RunsScreen))
