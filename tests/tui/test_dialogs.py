"""The dialogs of the deep tail and of training: what is wrong is said of the field as it is labelled."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from textual.widgets import Input

import geomreg_tui.tui
from geomreg_tui.tui.screens.range import RangeScreen
from geomreg_tui.tui.screens.tail import TailScreen
from geomreg_tui.tui.screens.train import TrainScreen

from .driving import Driver, opened

TAIL = {"volume": "log10 V down to", "loss": "loss down to", "population": "population"}
TRAIN = {
    "lr": "step size",
    "to_loss": "loss down to",
    "steps": "most steps",
    "trajectories": "trajectories",
}


async def problem(driver: Driver, kind: str, values: dict[str, str]) -> str:
    """Fill in fields, ask to begin, and return what is said."""
    await driver.pilot.press({"tail": "t", "train": "g"}[kind])
    await driver.until(lambda: isinstance(driver.app.screen, TailScreen | TrainScreen))
    for name, value in values.items():
        driver.app.screen.query_one(f"#{kind}-{name}", Input).value = value
    await driver.pilot.pause()
    await driver.pilot.press("enter")
    await driver.pilot.pause()
    assert isinstance(driver.app.screen, TailScreen | TrainScreen)
    return " ".join(driver.text(f"#{kind}-problem").split())


@pytest.mark.parametrize(
    ("kind", "name", "label"),
    [*(("tail", *pair) for pair in TAIL.items()), *(("train", *pair) for pair in TRAIN.items())],
)
async def test_a_problem_is_named_as_its_field_is(kind: str, name: str, label: str) -> None:
    async with opened() as driver:
        said = await problem(driver, kind, {name: "-7e7e7"})
        assert said.startswith(f"{label}: got '-7e7e7'; ")
        assert f"{kind}-" not in said
        assert "to-" not in said


async def test_a_tail_without_any_goal_is_refused() -> None:
    async with opened() as driver:
        said = await problem(driver, "tail", {"volume": "", "loss": ""})
        assert said == "log10 V down to or loss down to: got nothing; at least one of the two is needed."
        assert not driver.source.tails


async def test_one_goal_is_enough() -> None:
    async with opened() as driver:
        await driver.pilot.press("t")
        await driver.until(lambda: isinstance(driver.app.screen, TailScreen))
        driver.app.screen.query_one("#tail-volume", Input).value = ""
        driver.app.screen.query_one("#tail-loss", Input).value = "1e-6"
        await driver.pilot.press("enter")
        await driver.until(lambda: driver.source.tails)
        (plan,) = driver.source.tails
        assert plan is not None
        assert (plan.loss, plan.log10_volume) == (1e-6, -float("inf"))


def test_every_field_is_one_that_takes_no_steering_characters() -> None:
    """Textual's own takes them, and its cursor blinks, which sends bytes for ever."""
    found = {
        f"{path.name}: {ast.unparse(node.func)}"
        for path in Path(geomreg_tui.tui.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Input", "widgets.Input")
    }
    assert found == set()


async def test_a_typed_range_is_plain_text() -> None:
    async with opened() as driver:
        driver.app.push_screen(RangeScreen(False, 0.0, "loss", "0 1"))
        await driver.until(lambda: isinstance(driver.app.screen, RangeScreen))
        field = driver.app.screen.query_one(Input)
        field.value = "0 \x1b]0;owned\x07 2"
        assert field.value.isprintable()
        assert not field.cursor_blink
