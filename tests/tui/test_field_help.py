"""Help on a field: what it is, in the words of the command line, and from there all help."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from geomreg_tui.cli.app import app as commands
from geomreg_tui.errors import ExperimentError
from geomreg_tui.experiment import Experiment
from geomreg_tui.tui.field_facts import facts_of
from geomreg_tui.tui.screens.help import FieldHelpScreen, HelpScreen
from geomreg_tui.tui.screens.sweep import SweepScreen
from geomreg_tui.tui.screens.tail import TailScreen
from geomreg_tui.tui.screens.train import TrainScreen
from geomreg_tui.tui.widgets.knobs import _KNOBS, FILE

from .driving import Driver, opened
from .test_every_key import show_stored

TEXTS = ("path", "target")  # fields that take any character


def on(driver: Driver, screen: type) -> bool:
    return isinstance(driver.app.screen, screen)


async def field_help(driver: Driver, field: str, key: str = "question_mark") -> str:
    """Ask what a field is; return what is said, and close it again."""
    under = driver.app.screen
    under.query_one(field).focus()
    await driver.pilot.pause()
    await driver.pilot.press(key)
    await driver.until(lambda: on(driver, FieldHelpScreen), field)
    await driver.until(lambda: "option" in driver.text("#field-help-entries"), field)
    said = driver.text("#field-help")
    await driver.pilot.press("escape")
    await driver.until(lambda: driver.app.screen is under)
    return " ".join(said.split())


def help_of(command: str) -> str:
    """The help of a command, in one line."""
    shown = CliRunner().invoke(commands, [command, "--help"], env={"COLUMNS": "400", "NO_COLOR": "1"})
    assert shown.exit_code == 0
    return " ".join(shown.output.split())


async def test_every_knob_says_what_it_is_in_the_words_of_the_command_line() -> None:
    words = help_of("run") + help_of("explore")
    async with opened(size=(160, 60), arch="conv", init="student_t", data="gaussian") as driver:
        for key in _KNOBS:
            if key in TEXTS or not driver.app.screen.query_one(f"#knob-{key}").display:
                continue
            facts = facts_of(driver.control(key))
            assert facts is not None, key
            assert facts.meaning in words, key
            assert facts.option in words
            said = await field_help(driver, f"#field-{key}")
            assert re.sub(r"\W", "", facts.meaning) in re.sub(r"\W", "", said), key
            assert f"option {facts.option}" in said
            assert "allowed" in said


def refuses(key: str, value: str) -> bool:
    try:
        Experiment.parse({key: value})
    except ExperimentError:
        return True
    return False


@pytest.mark.parametrize(
    ("key", "rule", "inside", "outside"),
    [
        ("depth", "a whole number, of at least 0, up to 10000", ("0", "10000"), ("-1", "10001", "1.5")),
        ("gain", "a number, of at least 0", ("0", "1e9"), ("-0.1", "x")),
        ("label_noise", "a number, of at least 0, up to 1.0", ("0", "1"), ("-0.1", "1.1")),
        ("activation", "relu, leaky_relu, tanh", ("erf",), ("reul",)),
    ],
)
async def test_what_is_allowed_is_what_the_experiment_takes(
    key: str, rule: str, inside: tuple[str, ...], outside: tuple[str, ...]
) -> None:
    async with opened() as driver:
        facts = facts_of(driver.control(key))
    assert facts is not None
    assert dict(facts.rows)["allowed"].startswith(rule)
    assert not any(refuses(key, value) for value in inside)
    assert all(refuses(key, value) for value in outside)


async def test_units_and_defaults_are_said_where_there_are_any() -> None:
    async with opened(size=(120, 40)) as driver:
        said = await field_help(driver, "#field-width")
        assert "unit units" in said
        assert "default 256" in said
        assert "keys up and down turn it" in said
        said = await field_help(driver, "#field-bias")
        assert "allowed off, on" in said
        assert "default off" in said
        said = await field_help(driver, "#field-samples")
        assert "allowed a whole number from 1 to 1e15" in said


async def test_in_a_field_of_text_a_question_mark_is_typed_and_f1_helps() -> None:
    async with opened(size=(120, 40)) as driver:
        await driver.set("data", FILE)
        for key, option in (("path", "--data"), ("target", "--target")):
            driver.control(key).focus()
            await driver.pilot.pause()
            await driver.pilot.press("question_mark")
            assert driver.control(key).value == "?"
            assert not on(driver, FieldHelpScreen)
            assert f"option {option}" in await field_help(driver, f"#field-{key}", "f1")


async def test_the_same_key_again_opens_all_help() -> None:
    async with opened(size=(120, 40)) as driver:
        for key in ("question_mark", "f1"):
            driver.control("width").focus()
            await driver.pilot.pause()
            await driver.pilot.press(key)
            await driver.until(lambda: on(driver, FieldHelpScreen))
            await driver.until(lambda: "all help" in driver.screen())
            await driver.pilot.press(key)
            await driver.until(lambda: on(driver, HelpScreen))
            await driver.pilot.press(key)
            await driver.until(lambda: driver.app.screen is driver.explorer)
            driver.explorer.set_focus(None)
            await driver.pilot.press(key)  # without a field it is all help at once
            await driver.until(lambda: on(driver, HelpScreen))
            await driver.pilot.press("escape")
            await driver.until(lambda: driver.app.screen is driver.explorer)


DIALOGS = {
    "t": (
        TailScreen,
        "tail",
        {"volume": "--to-log10-volume", "loss": "--to-loss", "population": "--population"},
    ),
    "g": (
        TrainScreen,
        "train",
        {
            "optimizer": "--optimizer",
            "lr": "--lr",
            "to_loss": "--to-loss",
            "steps": "--steps",
            "trajectories": "--trajectories",
            "tail": "--tail",
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("key", DIALOGS)
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_every_field_of_a_dialog_says_what_it_is(key: str, size: tuple[int, int]) -> None:
    screen, command, fields = DIALOGS[key]
    words = help_of(command)
    async with opened(size=size) as driver:
        await driver.pilot.press(key)
        await driver.until(lambda: on(driver, screen))
        for name, option in fields.items():
            facts = facts_of(driver.app.screen.query_one(f"#{command}-{name}"))
            assert facts is not None
            assert facts.option == option
            assert facts.meaning in words, name
            assert f"option {option}" in await field_help(driver, f"#{command}-{name}")


async def test_the_size_of_a_population_is_told_as_it_is_refused() -> None:
    async with opened() as driver:
        await driver.pilot.press("t")
        await driver.until(lambda: on(driver, TailScreen))
        assert "a whole number from 20 to 1,000,000" in await field_help(driver, "#tail-population")
        assert "a negative number, such as -50" in await field_help(driver, "#tail-volume")
        assert "a loss above 0, such as 1e-6" in await field_help(driver, "#tail-loss")


async def test_the_export_says_what_its_file_may_be() -> None:
    words = help_of("export")
    async with opened() as driver:
        await show_stored(driver)
        await driver.pilot.press("e")
        await driver.until(lambda: driver.app.screen.query("#export-formats"))
        for field, key in (("#export-formats", "question_mark"), ("#export-path", "f1")):
            facts = facts_of(driver.app.screen.query_one(field))
            assert facts is not None
            assert facts.meaning in words
            assert "geomreg-tui export RUN FILE" in await field_help(driver, field, key)


def plain(text: str) -> str:
    """Text in one line, without the scroll bar at its right."""
    return " ".join(" ".join(row.rstrip("│┃ ") for row in text.split("\n")).split())


@pytest.mark.parametrize("size", [(60, 16), (200, 60)])
async def test_help_scrolls_to_its_end_and_shows_every_line_once(size: tuple[int, int]) -> None:
    async with opened(size=size) as driver:
        await driver.pilot.press("escape", "question_mark")
        await driver.until(lambda: on(driver, HelpScreen))
        await driver.until(lambda: "Start the full run" in driver.screen())
        await driver.pilot.press("end")
        await driver.until(lambda: "P dimensions contracts" in plain(driver.text("#help-entries")))
        text = plain(await driver.pages("#help-entries"))
        for words in ("Draw the whole screen anew", "Hartigan's dip test", "Kendall's rank correlation"):
            assert words in text


async def test_the_sweep_screen_has_its_own_keys_in_the_help() -> None:
    async with opened(size=(120, 40)) as driver:
        await driver.pilot.press("x")
        await driver.until(lambda: on(driver, SweepScreen))
        await driver.pilot.press("question_mark")
        await driver.until(lambda: on(driver, HelpScreen))
        await driver.until(lambda: "Open the selected point in the explorer" in driver.screen())
