"""The user's own data in the explorer: browsed to, looked at, its target chosen, before anything is drawn."""

from __future__ import annotations

import math
import os
import re
import threading

import pytest
from sklearn.datasets import load_iris

import geomreg_tui as geomreg
from geomreg_tui.datasets.look import LARGEST
from geomreg_tui.errors import DataError
from geomreg_tui.experiment import Experiment
from geomreg_tui.tui.own_data import completed, list_folder, outcome_text
from geomreg_tui.tui.screens import data as data_module
from geomreg_tui.tui.screens.data import Chosen, DataScreen
from geomreg_tui.tui.widgets.knobs import FILE

from .driving import Driver, opened


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with iris as a table, one with a real target, and much that is no data."""
    iris = load_iris()
    names = ("sepal_length", "sepal_width", "petal_length", "petal_width")
    lines = [",".join(names) + ",species"]
    lines += [
        ",".join(map(str, row)) + f",{iris.target_names[kind]}"
        for row, kind in zip(iris.data, iris.target, strict=True)
    ]
    place = tmp_path / "data"
    place.mkdir()
    (place / "flowers.csv").write_text("\n".join(lines))
    (place / "few.csv").write_text("a,b\n1,2\n3,4\n")
    (place / "more").mkdir()
    (place / "more" / "deep.csv").write_text("a,b\n" + "".join(f"{k},{k % 2}\n" for k in range(40)))
    (place / "notes.txt").write_text("no data")
    (place / ".hidden.csv").write_text("a,b\n1,2\n")
    monkeypatch.chdir(place)
    return place


async def browsing(driver: Driver) -> DataScreen:
    await driver.pilot.press("f")
    await driver.until(lambda: isinstance(driver.app.screen, DataScreen), "the browser")
    await driver.until(lambda: "flowers.csv" in driver.screen(), "the folder")
    return driver.app.screen  # type: ignore[return-value]


async def select(driver: Driver, name: str) -> None:
    """Move to an entry of the folder with the arrow keys."""
    screen = driver.app.screen
    assert isinstance(screen, DataScreen)
    places = [entry.name for entry in screen._entries]
    while screen._files.highlighted != places.index(name):
        await driver.pilot.press("down")
        await driver.pilot.pause()


def test_a_folder_lists_data_files_and_folders_and_nothing_hidden(folder) -> None:
    listed = list_folder(folder)
    assert [entry.name for entry in listed] == ["..", "more", "few.csv", "flowers.csv"]
    assert listed[3].size == (folder / "flowers.csv").stat().st_size
    assert list_folder(folder.__class__("/"))[0].name != ".."


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_file_is_browsed_to_and_its_columns_are_there_before_anything_is_drawn(folder, size) -> None:
    async with opened(size=size, loss="cross_entropy", examples=16, held_out=20) as driver:
        drawn = len(driver.source.previews)
        await browsing(driver)
        await select(driver, "flowers.csv")
        await driver.until(lambda: "L0 =" in driver.screen(), "what comes of it")
        about = " ".join(driver.text("#data-about").split())
        assert "target species" in about
        assert "N = 16 of 150 · 20 held out · 4 inputs · 3 classes: setosa, versicolor, virginica" in about
        # Outputs of 0 give three classes a third each.
        assert float(re.search(r"L0 = ([\d.]+)", about)[1]) == pytest.approx(math.log(3), abs=1e-3)
        species = next(line for line in driver.text("#data-columns").split("\n") if "species" in line)
        assert re.search(r"species +text +3 +0 +setosa, versico", species)
        assert len(driver.source.previews) == drawn
        await driver.pilot.press("enter", "enter")
        await driver.until(lambda: driver.app.screen is driver.explorer, "the explorer")
        await driver.until(lambda: len(driver.source.previews) > drawn, "the preview")
        asked = driver.source.previews[-1][0]
        assert (asked.data, asked.target) == (str(folder / "flowers.csv"), "species")
        assert driver.control("data").value == FILE
        assert driver.control("target").value == "species"


async def test_another_target_can_be_chosen_and_what_is_wrong_with_it_is_said(folder) -> None:
    async with opened(size=(120, 40), examples=8) as driver:
        screen = await browsing(driver)
        await select(driver, "flowers.csv")
        await driver.until(lambda: "L0 =" in driver.screen(), "what comes of it")
        await driver.pilot.press("enter", "up")
        await driver.until(lambda: "column 'species', holds text" in driver.text("#data-about"), "the reason")
        await driver.pilot.press("escape")
        await select(driver, "few.csv") if screen._files.highlighted < 2 else await driver.pilot.press("up")
        await driver.until(lambda: "examples: got 8, but" in driver.text("#data-about"), "too few")
        await driver.pilot.press("escape")
        await driver.until(lambda: driver.app.screen is driver.explorer, "closed")
        assert driver.control("data").value == "digits"


async def test_folders_are_gone_into_and_out_of_with_keys_and_the_mouse(folder) -> None:
    async with opened(size=(120, 40)) as driver:
        screen = await browsing(driver)
        await select(driver, "more")
        await driver.pilot.press("enter")
        await driver.until(lambda: "deep.csv" in driver.screen(), "the folder within")
        await driver.pilot.press("backspace")
        await driver.until(lambda: "flowers.csv" in driver.screen(), "the folder above")
        assert screen._entries[screen._files.highlighted].name == "more"
        await driver.pilot.click("#data-files", offset=(4, 1))  # its second line
        await driver.until(lambda: "deep.csv" in driver.screen(), "by the mouse")
        await driver.pilot.press("d")
        await driver.until(lambda: "L0 =" in driver.screen(), "the file that begins with the letter")
        await driver.pilot.click("#data-files", offset=(4, 1))
        await driver.until(lambda: driver.app.screen.focused is screen._columns, "its columns")
        await driver.pilot.click("#data-columns", offset=(4, 1))
        await driver.until(lambda: driver.app.screen is driver.explorer, "taken")
        assert driver.control("path").value == str(folder / "more" / "deep.csv")
        assert driver.control("target").value == "b"


async def test_special_and_huge_files_are_refused_each_with_its_reason(folder) -> None:
    os.mkfifo(folder / "pipe.csv")
    (folder / "zero.csv").symlink_to("/dev/zero")
    with (folder / "huge.csv").open("wb") as file:
        file.truncate(3 * LARGEST)
    async with opened(size=(120, 40)) as driver:
        await browsing(driver)
        for name, reason in (
            ("pipe.csv", "is a pipe"),
            ("zero.csv", "is a device"),
            ("huge.csv", "has 3.0 GB"),
        ):
            await driver.pilot.press("home")
            await select(driver, name)
            await driver.until(lambda r=reason: r in driver.text("#data-about"), reason)
            await driver.pilot.press("enter")
            assert driver.app.screen.focused.id == "data-files"
        await driver.pilot.press("escape")
        await driver.set("data", FILE)
        said = {}
        for path in (folder, folder / "pipe.csv", "/dev/zero", folder / "huge.csv", folder / "gone.csv"):
            await driver.set("path", str(path))
            await driver.until(
                lambda p=path: f"'{p}'" in "".join(driver.text("#knob-path").split()), str(path)
            )
            said[str(path)] = " ".join(driver.text("#knob-path").split()).rpartition("; it ")[2]
        assert len(set(said.values())) == len(said)
        assert said["/dev/zero"] == "is a device, not a file."


async def test_a_slow_disk_holds_up_nothing(folder, monkeypatch) -> None:
    going = threading.Event()
    look = data_module.look_at

    def slow(path):
        going.wait(60)
        return look(path)

    monkeypatch.setattr(data_module, "look_at", slow)
    async with opened(size=(120, 40)) as driver:
        await browsing(driver)
        await select(driver, "few.csv")
        await driver.until(lambda: "looking at its columns" in driver.screen(), "it is looked at")
        await select(driver, "flowers.csv")
        assert not going.is_set()
        going.set()
        await driver.until(lambda: "target species" in driver.screen(), "the one that is selected")


async def test_tab_completes_a_path_and_enter_in_its_field_browses(folder) -> None:
    async with opened(size=(120, 40)) as driver:
        await driver.set("data", FILE)
        field = driver.control("path")
        field.focus()
        field.value = ""
        await driver.pilot.press(*"mo")
        await driver.until(lambda: field._suggestion == "more/", "a folder is suggested")
        await driver.pilot.press("tab")
        await driver.until(lambda: field.value == "more/", "it is taken")
        await driver.until(lambda: field._suggestion == "more/deep.csv", "a file is suggested")
        await driver.pilot.press("tab")
        await driver.until(lambda: field.value == "more/deep.csv", "the whole path")
        assert driver.app.focused is field
        await driver.pilot.press("tab")
        await driver.until(lambda: driver.app.focused is not field, "the next control")
        field.focus()
        await driver.pilot.press("enter")
        await driver.until(lambda: isinstance(driver.app.screen, DataScreen), "the browser")
        await driver.until(lambda: "target b" in driver.screen(), "at the file in the field")


def test_completions_are_as_a_shell_lists_them(folder) -> None:
    assert completed("fl") == "flowers.csv"
    assert completed("f") == "few.csv"
    assert completed(str(folder) + "/m") == f"{folder}/more/"
    assert completed(".h") == ".hidden.csv"
    assert completed("no") is None
    assert completed("flowers.csv") is None
    assert completed("/no/such/folder/x") is None
    assert completed("more/\0") is None


async def test_a_choice_is_one_of_path_and_target(folder) -> None:
    async with opened(size=(120, 40)) as driver:
        ended: list[Chosen | None] = []
        screen = DataScreen(str(folder / "flowers.csv"), driver.explorer._panes.knobs.with_file)
        driver.app.push_screen(screen, ended.append)
        await driver.until(lambda: "L0 =" in driver.screen(), "the file is selected at once")
        await driver.pilot.press("tab", "enter")
        await driver.until(lambda: ended, "the choice")
        assert ended == [Chosen(str(folder / "flowers.csv"), "species")]


@pytest.mark.parametrize("loss", ["mse", "cross_entropy", "hinge", "zero_one"])
def test_what_comes_of_a_file_is_what_a_run_of_it_begins_with(folder, loss) -> None:
    """The engine works L_0 out with torch, from the outputs of a network that are all 0."""
    keys = {"data": str(folder / "flowers.csv"), "target": "species", "examples": 20, "loss": loss}
    experiment = Experiment.parse({**keys, "held_out": 10})
    facts = geomreg.prepare(experiment).facts
    text = outcome_text(experiment, 150)
    assert f"N = 20 of 150 · 10 held out · {facts.input_size} inputs · 3 classes" in text
    assert float(re.search(r"L0 = ([\d.]+)", text)[1]) == pytest.approx(facts.null_loss, rel=5e-4)
    with pytest.raises(DataError, match="examples: got 200"):
        outcome_text(experiment.replace(examples=200), 150)


async def test_a_folder_without_data_says_which_files_can_be_read(folder, monkeypatch) -> None:
    (folder / "none" / "below").mkdir(parents=True)
    monkeypatch.chdir(folder / "none")
    async with opened() as driver:
        await driver.pilot.press("f")
        await driver.until(lambda: "below" in driver.screen(), "the folder")
        await driver.still()
        for kind in ("CSV", "TSV", "Parquet", "NPZ", "NPY"):
            assert kind in driver.text("#data-about")
        await driver.pilot.press("up", "backspace")
        await driver.until(lambda: "flowers.csv" in driver.screen(), "the folder above")
        await driver.until(lambda: "NPZ" not in driver.text("#data-about"), "nothing to say")
