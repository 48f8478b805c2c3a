"""The line of keys pages where there is little room, and a key that can do nothing now says why."""

from __future__ import annotations

import pytest
from textual.command import CommandList
from textual.widgets import Input

from geomreg_tui.tui.bindings import action_of, in_effect
from geomreg_tui.tui.keys import default_keys
from geomreg_tui.tui.screens.explorer import ExplorerScreen
from geomreg_tui.tui.widgets.keyline import KeyLine
from tests.patience import PATIENCE

from .driving import Driver, opened

MANY = [(str(number), chr(97 + number), "Word" * (1 + number % 3)) for number in range(26)]
TURN = ("backslash", "\\")


def shown(line: KeyLine, width: int, height: int = 1) -> list[str]:
    return ["".join(piece.text for piece in row) for row in line.paint(width, height)]


@pytest.mark.parametrize(
    ("width", "height"), [(60, 1), (80, 1), (120, 1), (200, 1), (40, 2), (60, 2), (80, 2), (200, 2)]
)
def test_every_key_is_on_one_page_and_those_that_are_kept_on_each(width: int, height: int) -> None:
    line = KeyLine(2)
    line.show(MANY, TURN)
    seen: list[str] = []
    first: list[str] = []
    pages = 0
    while True:
        rows = shown(line, width, height)
        assert len(rows) <= height
        assert all(len(row) <= width for row in rows)
        words = [word for row in rows for word in row.split("  ")]
        assert [word[0] for word in words[-2:]] == ["y", "z"]
        if words == first:
            break
        first = first or words
        pages += 1
        seen += [word[0] for word in words[:-2] if word != "\\ More"]
        line.turn()
    assert seen == [key for _, key, _ in MANY[:-2]]
    assert pages == 1 or "\\ More" in words


def test_where_all_fit_there_is_nothing_to_turn_to() -> None:
    line = KeyLine(2)
    line.show(MANY[:3], TURN)
    assert shown(line, 80) == ["a Word  b WordWord  c WordWordWord"]
    line.turn()
    assert shown(line, 80) == ["a Word  b WordWord  c WordWordWord"]


def test_without_a_key_to_turn_with_the_first_are_shown() -> None:
    line = KeyLine(2)
    line.show(MANY)
    before = shown(line, 60)
    assert "More" not in before[0]
    line.turn()
    assert shown(line, 60) == before


async def test_all_keys_of_the_explorer_can_be_seen_at_80_columns() -> None:
    async with opened(size=(80, 24)) as driver:
        await driver.until(lambda: driver.explorer.has_class("-tabs"))
        offered = {
            binding.description
            for binding in in_effect(ExplorerScreen.BINDINGS, default_keys())
            if binding.show and driver.explorer.check_action(*action_of(binding))
        }
        seen = ""
        first = driver.text("#keys")
        while True:
            seen += driver.text("#keys")
            await driver.pilot.press("backslash")
            if driver.text("#keys") == first:
                break
        assert {name for name in offered if name not in seen} == set()


# What cannot be done now

IMPOSSIBLE = {
    "stop": ("s", "Stop: no run is being sampled."),
    "export": ("e", "Export: a preview is kept nowhere: space starts a run, which is."),
    "zoom_out": ("Z", "Out: all losses are on view."),
    "unpin": ("P", "Unpin: nothing is pinned."),
    "training_view": ("G", "Path: nothing is trained: g trains networks of these settings."),
    "copy_reading": ("y", "Copy: there is no crosshair: c shows it."),
    "unhide": ("N", "Unhide: no pane is hidden."),
}


def told(driver: Driver) -> list[str]:
    return [notification.message for notification in driver.app._notifications]


@pytest.mark.parametrize("name", IMPOSSIBLE)
async def test_a_key_that_can_do_nothing_now_says_why(name: str) -> None:
    key, words = IMPOSSIBLE[name]
    async with opened(notifications=True) as driver:
        driver.explorer.set_focus(None)
        await driver.pilot.press(key)
        await driver.until(lambda: told(driver), "a word")
        assert told(driver) == [words]


async def test_a_key_that_can_do_something_is_not_commented_on() -> None:
    async with opened(notifications=True) as driver:
        await driver.pilot.press("l", "v", "p", "P")
        assert told(driver) == []


async def test_the_palette_offers_what_cannot_be_done_with_the_reason() -> None:
    async with opened(size=(200, 60), notifications=True) as driver:
        await driver.pilot.press("ctrl+p")
        await driver.until(lambda: "Palette" in type(driver.app.screen).__name__)
        driver.app.screen.query_one(Input).value = "Export"
        commands = driver.app.screen.query_one(CommandList)

        def found() -> str:
            return str(commands.get_option_at_index(0).prompt) if commands.option_count else ""

        await driver.until(lambda: found().startswith("Export ("), f"within {PATIENCE} s")
        assert "not now: a preview is kept nowhere" in found()
        await driver.pilot.press("enter")
        await driver.until(lambda: told(driver), "a word")
