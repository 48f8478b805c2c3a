"""Turning knobs: what starts, what is marked, and what never starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from geomreg_tui.tui.session import PREVIEW_SAMPLES
from geomreg_tui.tui.widgets.fields import step_some
from geomreg_tui.tui.widgets.knobs import FILE

from .driving import opened


async def test_start_asks_for_one_preview_of_the_first_experiment() -> None:
    async with opened(width=64, depth=2) as driver:
        assert driver.source.calls[0] == "open"
        ((experiment, samples),) = driver.source.previews
        assert (experiment.width, experiment.depth, samples) == (64, 2, PREVIEW_SAMPLES)


async def test_each_control_starts_a_preview_of_its_value() -> None:
    async with opened() as driver:
        for field, value, key, expected in [
            ("width", "300", "width", 300),
            ("depth", "1", "depth", 1),
            ("width", "32,64,16", "widths", (32, 64, 16)),
            ("activation", "tanh", "activation", "tanh"),
            ("bias", "on", "bias", True),
            ("init", "uniform", "init", "uniform"),
            ("gain", "0.5", "gain", 0.5),
            ("data", "gaussian", "data", "gaussian"),
            ("examples", "1", "examples", 1),
            ("held_out", "8", "held_out", 8),
            ("label_noise", "0.25", "label_noise", 0.25),
            ("seed", "7", "seed", 7),
            ("loss", "cross_entropy", "loss", "cross_entropy"),
            ("arch", "conv", "arch", "conv"),
        ]:
            await driver.set(field, value)
            await driver.until(lambda k=key, e=expected: getattr(driver.source.previews[-1][0], k) == e, key)


async def test_controls_that_belong_to_one_choice_show_with_it() -> None:
    async with opened() as driver:
        for choice, name, field, value, expected in [
            ("arch", "conv", "channels", "4", 4),
            ("init", "student_t", "dof", "5", 5.0),
            ("init", "sparse", "sparsity", "0.5", 0.5),
            ("data", "gaussian", "inputs", "12", 12),
        ]:
            row = driver.app.screen.query_one(f"#knob-{field}")
            assert not row.display
            await driver.set(choice, name)
            assert row.display
            await driver.set(field, value)
            await driver.until(
                lambda k=field, e=expected: getattr(driver.source.previews[-1][0], k) == e, field
            )
        await driver.set("data", "digits")  # what belonged to the choice goes with it
        await driver.until(lambda: driver.source.previews[-1][0].data == "digits")
        assert driver.source.previews[-1][0].inputs is None


async def test_what_is_no_other_experiment_starts_nothing() -> None:
    """A value half typed, one that is put back, and the number of samples of the full run."""
    async with opened() as driver:
        for field, value in (("width", ""), ("width", "256"), ("samples", "3e6")):
            await driver.set(field, value)
            await driver.quiet()
            assert len(driver.source.previews) == 1
        assert driver.session.samples == 3_000_000


async def test_a_burst_of_changes_starts_one_preview() -> None:
    async with opened() as driver:
        for width in ("2", "25", "251"):
            driver.control("width").value = width
        await driver.until(lambda: len(driver.source.previews) > 1)
        await driver.quiet()
        assert [experiment.width for experiment, _ in driver.source.previews] == [256, 251]


async def test_arrow_keys_turn_a_control() -> None:
    async with opened() as driver:
        for field, key, expected in [
            ("width", "up", "512"),
            ("width", "down", "256"),
            ("depth", "up", "4"),
            ("depth", "down", "3"),
            ("gain", "up", "1.1"),
            ("gain", "down", "1"),
            ("examples", "up", "32"),
            ("samples", "down", "1e5"),
            ("activation", "left", "abs"),
            ("activation", "right", "relu"),
            ("bias", "right", "on"),
            ("radius", "up", "1.1"),
        ]:
            control = driver.control(field)
            control.focus()
            await driver.pilot.press(key)
            assert control.value == expected, field


async def test_typing_replaces_the_value_and_keys_of_the_explorer_still_work() -> None:
    async with opened() as driver:
        width = driver.control("width")
        width.focus()
        await driver.pilot.pause()
        await driver.pilot.press("6", "4", "l")
        assert width.value == "64"
        assert "log axis" in driver.text("#loss")
        await driver.until(lambda: driver.source.previews[-1][0].width == 64)


async def test_a_choice_opens_with_enter_and_space_starts_the_run() -> None:
    async with opened() as driver:
        activation = driver.control("activation")
        activation.focus()
        await driver.pilot.press("enter")
        assert activation.expanded
        await driver.pilot.press("down", "enter")
        assert activation.value == "leaky_relu"
        await driver.settled()
        await driver.pilot.press("space")
        await driver.until(lambda: driver.source.runs)


async def test_a_data_file_is_asked_for_by_path(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("a,b\n1,2\n")
    async with opened() as driver:
        await driver.set("data", "a file")
        await driver.set("path", str(file))
        await driver.until(lambda: len(driver.source.previews) == 2)
        assert driver.source.previews[-1][0].data == str(file)
        await driver.settled()
        path = driver.control("path")
        path.focus()
        await driver.pilot.press("end", "q", "s", "space")
        assert path.value.endswith("mine.csvqs ")
        await driver.pilot.press("escape")
        assert driver.app.screen.focused is None


async def test_a_custom_network_keeps_its_module() -> None:
    async with opened(arch="custom", module="package.mod:factory") as driver:
        assert not driver.app.screen.query_one("#knob-width").display
        await driver.set("gain", "2")
        await driver.until(lambda: len(driver.source.previews) == 2)
        assert driver.source.previews[-1][0].module == "package.mod:factory"
        await driver.set("arch", "mlp")
        await driver.until(lambda: len(driver.source.previews) == 3)
        assert driver.source.previews[-1][0].module is None


async def test_how_a_file_is_read_is_forgotten_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    path.touch()
    asked = {"data": str(path), "target": "labels", "features": "images", "layout": "channels_last"}
    async with opened(**asked) as driver:
        for field, value, kept in (("width", "32", True), ("data", "gaussian", False)):
            before = len(driver.source.previews)
            await driver.set(field, value)
            await driver.until(lambda before=before: len(driver.source.previews) > before)
            shown = driver.source.previews[-1][0]
            there = {"target": shown.target, "features": shown.features, "layout": shown.layout}
            gone = {"target": None, "features": None, "layout": "auto"}
            assert there == ({key: asked[key] for key in there} if kept else gone)


# A person's own table


async def test_an_own_table_is_read_once_its_target_is_named(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text("a,b,kind\n1,2,x\n3,4,y\n5,7,x\n")
    async with opened(size=(120, 40)) as driver:
        driver.source.failure = "target: got nothing; allowed with own.csv is one of a, b, kind"
        await driver.set("path", str(table))
        driver.control("data").value = FILE
        words = "! got nothing; allowed with own.csv is one of a, b, kind"
        await driver.until(lambda: words in " ".join(driver.text("#knob-target").split()))
        driver.source.failure = ""
        await driver.set("target", "kind")
        await driver.until(lambda: driver.session.experiment.target == "kind")
        assert driver.session.experiment.data == str(table)
        await driver.until(lambda: not driver.explorer.query_one("#knob-target").has_class("-problem"))


async def test_what_is_wrong_with_a_file_is_said_at_its_path(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.csv"
    damaged.write_text("a,b\n1,2\n")
    async with opened(size=(120, 40)) as driver:
        driver.source.failure = f"data: {damaged} is damaged; write the data to it again"
        await driver.set("path", str(damaged))
        driver.control("data").value = FILE
        await driver.until(lambda: "is damaged; write" in " ".join(driver.text("#knob-path").split()))
        assert driver.explorer.query_one("#knob-path").has_class("-problem")


@pytest.mark.parametrize(
    ("text", "up", "down"),
    [
        ("0", "1", "0"),
        ("1", "2", "0"),
        ("2", "4", "1"),
        ("16", "32", "8"),
        ("", None, None),
        ("x", None, None),
    ],
)
def test_numbers_that_may_be_0_are_stepped_to_it(text: str, up: str | None, down: str | None) -> None:
    assert (step_some(text, 1), step_some(text, -1)) == (up, down)
