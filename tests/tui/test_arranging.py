"""Panes maximised, resized, moved and hidden by keys, as a person finds them again at the next start."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.geometry import Region

from geomreg_tui.rundir import runs_root
from geomreg_tui.tui.panes import PANES
from geomreg_tui.tui.state import State, read_state

from .driving import Driver, opened
from .fakes import FakeSource
from .shelf import put_run
from .test_reading import columns_with
from .test_states import check_whole

USUAL = [name for name, pane in PANES.items() if pane.always]


def region(driver: Driver, name: str) -> Region:
    return driver.explorer.query_one(f"#{name}").region


def shown(driver: Driver) -> list[str]:
    return [name for name in PANES if driver.explorer.query_one(f"#{name}").display]


async def sized(driver: Driver, name: str, before: Region) -> Region:
    """Wait until a pane has another region."""
    await driver.until(lambda: region(driver, name) != before, f"{name} is elsewhere, or of another size")
    return region(driver, name)


# One pane


@pytest.mark.parametrize("size", [(80, 24), pytest.param((120, 40), marks=pytest.mark.full), (200, 60)])
async def test_a_pane_fills_the_screen_and_the_crosshair_and_the_zoom_go_on(size: tuple[int, int]) -> None:
    async with opened(FakeSource(atoms=0), size=size) as driver:
        await driver.pilot.press("escape", "c")
        await driver.until(lambda: "log10 V" in driver.text("#reading"))
        at = driver.explorer._panes.loss.at
        before = region(driver, "loss")
        await driver.pilot.press("m")
        whole = await sized(driver, "loss", before)
        assert shown(driver) == ["loss"]
        assert whole.width == size[0]
        assert whole.height >= size[1] - 4 - driver.explorer.query_one("#reading").size.height
        await driver.passes(lambda: check_whole(driver, "maximised"))
        assert driver.explorer._panes.loss.at == at
        await driver.pilot.press("left")  # to the middle of a column
        await driver.until(lambda: driver.explorer._panes.loss.at != at)
        (column,) = columns_with(driver, "#loss")
        await driver.pilot.press("left")
        await driver.until(lambda: columns_with(driver, "#loss") == {column - 1})
        await driver.pilot.press("i")
        assert driver.explorer._panes.loss.window is not None
        assert re.search(r"D0 -?0\.\d+", driver.text("#status"))
        await driver.pilot.press("m")
        await driver.until(lambda: region(driver, "loss").size == before.size)
        assert driver.explorer._panes.loss.window is not None
        assert columns_with(driver, "#loss")


async def test_escape_restores_after_the_crosshair_is_gone() -> None:
    async with opened(size=(120, 40)) as driver:
        await driver.pilot.press("escape", "m")
        await driver.until(lambda: shown(driver) == ["loss"])
        await driver.pilot.press("c", "escape")
        assert driver.explorer.reading is None
        assert shown(driver) == ["loss"]
        await driver.pilot.press("escape")
        await driver.until(lambda: shown(driver) == USUAL)


async def test_the_pane_with_the_focus_is_the_one_that_is_maximised() -> None:
    async with opened(size=(120, 40)) as driver:
        driver.control("loss").focus()
        await driver.pilot.pause()
        await driver.pilot.press("m")
        await driver.until(lambda: shown(driver) == ["setup"])
        assert driver.app.focused is driver.control("loss")
        await driver.passes(lambda: check_whole(driver, "maximised"))
        await driver.pilot.press("m")
        await driver.until(lambda: shown(driver) == USUAL)


async def test_every_pane_can_be_maximised_one_after_the_other() -> None:
    async with opened(size=(200, 60)) as driver:
        await driver.pilot.press("escape", "m")
        seen = []
        for _ in PANES:
            name = driver.explorer.active_tab
            await driver.until(lambda name=name: shown(driver) == [name], name)
            await driver.until(lambda name=name: region(driver, name).width == 200, name)
            seen.append(name)
            await driver.passes(lambda name=name: check_whole(driver, name))
            await driver.pilot.press("right_square_bracket")
        assert sorted(seen) == sorted(PANES)


async def test_a_maximised_pane_stays_so_when_the_terminal_is_resized() -> None:
    async with opened(size=(200, 60)) as driver:
        await driver.pilot.press("escape", "m")
        for size in ((80, 24), (40, 10), (120, 40), (60, 16), (200, 60)):
            await driver.pilot.resize_terminal(*size)
            await driver.until(lambda size=size: driver.app.size == size and shown(driver) == ["loss"])
        await driver.pilot.press("m")
        await driver.until(lambda: shown(driver) == USUAL)


async def test_no_field_has_the_focus_that_is_not_on_the_screen() -> None:
    """A key would turn what nobody sees, and help would be of it."""
    async with opened(size=(80, 24), restored=State(tab="loss")) as driver:
        before = driver.session.experiment
        assert driver.app.screen.focused is None
        await driver.pilot.press("right", "down", "right")
        assert driver.session.experiment == before
        for name in ("arch", "width"):
            for _ in PANES:
                await driver.pilot.press("right_square_bracket")
                if driver.explorer.active_tab == "setup":
                    await driver.until(lambda name=name: driver.app.screen.focused is driver.control(name))
                    driver.control("width").focus()
                    await driver.until(lambda: driver.app.screen.focused is driver.control("width"))
                else:
                    assert driver.app.screen.focused is None
    async with opened(size=(160, 48), restored=State(tab="loss")) as driver:
        driver.control("width").focus()
        await driver.pilot.resize_terminal(80, 24)
        await driver.until(lambda: shown(driver) == ["loss"])
        assert driver.app.screen.focused is None
        await driver.pilot.resize_terminal(160, 48)
        await driver.until(lambda: driver.app.screen.focused is driver.control("width"))
        await driver.pilot.press("escape")
        await driver.pilot.resize_terminal(200, 60)
        await driver.until(lambda: driver.app.size == (200, 60) and len(shown(driver)) > 1)
        assert driver.app.screen.focused is None, "it comes back once, and not after it was left"


async def test_the_crosshair_finds_a_plot_where_a_pane_without_one_is_maximised() -> None:
    async with opened(size=(120, 40)) as driver:
        driver.control("loss").focus()
        await driver.pilot.press("m", "c")
        await driver.until(lambda: shown(driver) == ["loss"])
        await driver.until(lambda: columns_with(driver, "#loss"))


# All panes


async def test_keys_resize_the_pane_that_is_marked() -> None:
    async with opened(size=(160, 40)) as driver:
        await driver.pilot.press("escape", "right_square_bracket")
        assert driver.explorer.query_one("#volume").has_class("-current")
        before, others = region(driver, "volume"), region(driver, "modes")
        await driver.pilot.press("right_curly_bracket")
        taller = await sized(driver, "volume", before)
        assert taller.height > before.height
        assert taller.bottom == before.bottom
        assert region(driver, "loss").height == before.y - region(driver, "loss").y - (
            taller.height - before.height
        )
        await driver.pilot.press("right_parenthesis")
        broader = await sized(driver, "volume", taller)
        assert broader.width > taller.width
        assert region(driver, "modes").width < others.width
        await driver.passes(lambda: check_whole(driver, "resized"))
        await driver.pilot.press("left_parenthesis", "left_curly_bracket")
        await driver.until(lambda: region(driver, "volume") == before)
        assert region(driver, "modes") == others


async def test_panes_change_places_and_are_hidden_and_come_back() -> None:
    async with opened(size=(160, 40)) as driver:
        await driver.pilot.press("escape")
        loss, volume = region(driver, "loss"), region(driver, "volume")
        await driver.pilot.press("semicolon")
        await driver.until(lambda: region(driver, "loss") == volume)
        assert region(driver, "volume") == loss
        await driver.pilot.press("colon")
        await driver.until(lambda: region(driver, "loss") == loss)
        await driver.pilot.press("n")
        await driver.until(lambda: "loss" not in shown(driver))
        assert region(driver, "volume") == loss.union(volume)
        await driver.pilot.press("N")
        await driver.until(lambda: region(driver, "loss") == loss)
        await driver.passes(lambda: check_whole(driver, "arranged"))


async def test_where_the_table_of_the_modes_is_hidden_d0_is_in_the_status_line() -> None:
    async with opened(size=(160, 40)) as driver:
        assert "D0" not in driver.text("#status")
        driver.explorer.query_one("#modes").focus()
        await driver.pilot.pause()
        await driver.pilot.press("n")
        await driver.until(lambda: re.search(r"D0 -?0\.\d+ \[", driver.text("#status")))


async def test_what_cannot_be_is_said() -> None:
    async with opened(size=(120, 40), notifications=True) as driver:
        told = driver.app._notifications
        driver.explorer.query_one("#setup").query("Input").first().focus()
        await driver.pilot.pause()
        driver.explorer.action_taller(1)
        await driver.until(lambda: any("Setup cannot be taller" in note.message for note in told))
        driver.explorer.set_focus(None)
        await driver.pilot.press("N")
        await driver.until(lambda: any("no pane is hidden" in note.message for note in told))
        await driver.pilot.resize_terminal(80, 24)
        await driver.until(lambda: driver.explorer.has_class("-tabs"))
        await driver.pilot.press("right_curly_bracket")
        await driver.until(lambda: any("from 120x32 cells on" in note.message for note in told))


async def test_a_field_that_is_entered_takes_the_mark_away() -> None:
    async with opened(size=(120, 40)) as driver:
        await driver.pilot.press("escape", "right_square_bracket")
        assert driver.explorer.current == "volume"
        driver.control("radius").focus()
        await driver.until(lambda: driver.explorer.current == "sphere")
        assert not driver.explorer.query(".-current")


# At the next start


async def test_the_arrangement_of_each_kind_of_screen_is_found_again(tmp_path: Path) -> None:
    kept = tmp_path / "explorer.json"
    regions = {}
    async with opened(keep_in=kept, size=(120, 40)) as driver:
        await driver.pilot.press("escape", "right_curly_bracket", "semicolon")
        await driver.until(lambda: region(driver, "volume").y < region(driver, "loss").y)
        regions["wide"] = region(driver, "loss")
        await driver.pilot.resize_terminal(200, 60)
        await driver.until(lambda: region(driver, "setup").bottom < 59)
        large = region(driver, "loss")
        await driver.pilot.press("left_parenthesis")
        regions["large"] = await sized(driver, "loss", large)
        await driver.pilot.press("q")
    state, notice = read_state(kept)
    assert notice == ""
    assert sorted(state.panes) == ["large", "wide"]
    assert state.look.panes == state.panes
    async with opened(restored=state, size=(120, 40)) as driver:
        assert region(driver, "loss") == regions["wide"]
        await driver.pilot.resize_terminal(200, 60)
        await driver.until(lambda: region(driver, "loss") == regions["large"])
        await driver.pilot.press("escape", "equals_sign")
        await driver.until(lambda: region(driver, "loss") == large)
        await driver.pilot.resize_terminal(120, 40)
        await driver.until(lambda: region(driver, "loss") == regions["wide"])


async def test_the_zoom_the_windows_and_the_pins_are_found_again(tmp_path: Path) -> None:
    for number, samples in ((1, 5_000), (2, 4_000)):
        put_run(number, samples=samples, target=samples, live=samples // 1_000)
    second, first = sorted(runs_root().iterdir(), reverse=True)
    kept = tmp_path / "explorer.json"
    async with opened(keep_in=kept) as driver:
        driver.explorer._load(driver.session.load_run, first)
        await driver.until(lambda: driver.session.shows_run)
        await driver.settled()
        await driver.pilot.press("escape", "p", "i", "c", "c", "i")
        await driver.until(lambda: driver.explorer._panes.volume.window is not None)
        windows = {plot.id: plot.window for plot in driver.explorer._panes.plots if plot.window}
        await driver.pilot.press("q")
    state, notice = read_state(kept)
    assert notice == ""
    assert state.pins[0] == str(first)
    assert {name: tuple(ends) for name, ends in windows.items()} == state.windows
    assert set(windows) == {"loss", "volume"}
    async with opened(restored=state, wait=False) as driver:
        await driver.until(lambda: len(driver.session.pins) == 1)
        assert driver.session.pins.paths[0] == first
        await driver.until(lambda: driver.explorer.view is not None)
        again = {plot.id: plot.window for plot in driver.explorer._panes.plots if plot.window}
        assert again == windows
        axis = driver.explorer._panes.loss.axis
        assert (axis.low, axis.high) == pytest.approx(tuple(windows["loss"]))
    assert second.exists()


async def test_pins_and_windows_of_runs_that_are_gone_are_left_out_and_named(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    state = State(run=gone, pins=(None, gone), windows={"loss": (0.5, 0.6)}, zoom=2)
    async with opened(restored=state, notifications=True) as driver:
        notes = driver.app._notifications
        await driver.until(lambda: sum(gone in note.message for note in notes) == 2)
        assert len(driver.session.pins) == 0
        assert driver.explorer._panes.loss.window is None
        assert driver.explorer._panes.loss.zoom == 0
        assert "preview done" in driver.text("#status")


async def test_the_zoom_of_a_preview_is_found_again(tmp_path: Path) -> None:
    kept = tmp_path / "explorer.json"
    async with opened(keep_in=kept) as driver:
        await driver.pilot.press("escape", "z")
        title = str(driver.explorer._panes.loss.border_title)
        assert "lowest" in title
        await driver.pilot.press("q")
    state, _ = read_state(kept)
    async with opened(restored=state) as driver:
        await driver.until(lambda: str(driver.explorer._panes.loss.border_title) == title)
