"""The export dialog: formats, paths, replacing, errors, the command and its copies."""

from __future__ import annotations

import base64
import json
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.widgets import Static

import geomreg_tui.report
from geomreg_tui.report import RUN_FORMATS
from geomreg_tui.tui.screens.export import ExportScreen
from tests.patience import PATIENCE

from ..unit.exporting import make_run, two_modes
from .driving import Driver, opened

ENDS = tuple(end for end, _, _ in ExportScreen.FORMATS)

NAME = "20260101-120000-mlp-0123abcd"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TMUX", raising=False)
    return make_run(tmp_path / "runs" / NAME, two_modes(), gain=2.0, data="/data/it's.csv").path


@asynccontextmanager
async def dialog(
    run: Path, size: tuple[int, int] = (80, 24), sampling: bool = False
) -> AsyncIterator[Driver]:
    async with opened(size=size) as driver:
        driver.app.push_screen(ExportScreen(run, sampling))
        await driver.until(lambda: isinstance(driver.app.screen, ExportScreen))
        await driver.until(lambda: "geomreg-tui run" in driver.text("#export-command"), "the command")
        yield driver


def field(driver: Driver) -> Any:
    return driver.app.screen.query_one("#export-path")


def said(driver: Driver) -> str:
    return " ".join(driver.text("#export-outcome").split())


def test_every_format_of_the_command_line_is_offered() -> None:
    assert sorted(ENDS) == sorted(RUN_FORMATS)


@pytest.mark.parametrize("size", [(80, 24), (60, 16), pytest.param((120, 40), marks=pytest.mark.full)])
async def test_everything_is_on_the_screen(run: Path, size: tuple[int, int]) -> None:
    async with dialog(run, size, sampling=True) as driver:
        screen = driver.screen()
        for words in ("Export", "HTML", "NPZ", f"{NAME}.html", "Parquet", "Command"):
            assert words in screen, words
        if size[1] >= 24:
            for words in (
                "still sampling",
                "same run again",
                "enter Write",
                "y Copy the command",
                "escape Close",
            ):
                assert words in screen, words
            shown = " ".join(driver.text("#export-command").split())
            assert "--gain 2.0" in shown
            assert shown.endswith("--device cpu")


@pytest.mark.parametrize(
    "end", [e if e in (".html", ".sh") else pytest.param(e, marks=pytest.mark.full) for e in ENDS]
)
async def test_arrows_choose_a_format_and_enter_writes_it(run: Path, end: str) -> None:
    async with dialog(run) as driver:
        await driver.pilot.press(*["down"] * ENDS.index(end))
        assert field(driver).value == f"{NAME}{end}"
        await driver.pilot.press("enter")
        await driver.until(lambda: "wrote" in said(driver), "written")
    data = Path(f"{NAME}{end}").read_bytes()
    starts = {
        ".html": b"<!DOCTYPE html>", ".json": b"{", ".csv": b"loss_low", ".parquet": b"PAR1", ".npz": b"PK",
        ".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF", ".sh": b"#!",
    }  # fmt: skip
    assert data.startswith(starts[end])
    if end == ".npz":
        assert np.load(f"{NAME}{end}", allow_pickle=False)["count"].sum() == 4000


async def test_a_typed_path_chooses_the_format_and_is_written(run: Path, tmp_path: Path) -> None:
    async with dialog(run) as driver:
        field(driver).focus()
        field(driver).value = ""
        await driver.pilot.press(*"my", "full_stop", *"json")
        assert field(driver).value == "my.json"
        assert "clipboard" not in said(driver)  # y is a letter there
        assert driver.app.screen.query_one("#export-formats").highlighted == ENDS.index(".json")
        await driver.pilot.press("enter")
        await driver.until(lambda: "wrote my.json" in said(driver))
    assert json.loads((tmp_path / "my.json").read_text())["samples"] == 4000


async def test_a_file_that_exists_is_replaced_only_when_asked_for_twice(run: Path) -> None:
    path = Path(f"{NAME}.json")
    path.write_text("mine")
    async with dialog(run) as driver:
        await driver.pilot.press("down", "enter")
        await driver.until(lambda: "enter again replaces it" in said(driver))
        assert path.read_text() == "mine"
        # Another path in between takes the leave back.
        await driver.pilot.press("down", "up", "enter")
        await driver.until(lambda: "enter again replaces it" in said(driver))
        assert path.read_text() == "mine"
        await driver.pilot.press("enter")
        await driver.until(lambda: "wrote" in said(driver))
    assert json.loads(path.read_text())["samples"] == 4000


async def test_what_goes_wrong_is_said_in_one_line(run: Path) -> None:
    async with dialog(run, (120, 40)) as driver:
        for value, words in [
            ("x.doc", "allowed ends are"),
            ("absent/x.json", "cannot be written"),
            ("~nobody-of-that-name/x.csv", "cannot be written"),
            ("[bold]\x1b]52;c;aGk=\x07/x.csv", "[bold]]52;c;aGk=/x.csv"),
            ("  ", "name a file"),
        ]:
            field(driver).value = value
            await driver.pilot.pause()
            driver.app.screen.action_write()
            await driver.until(lambda words=words: words in said(driver), words)
            assert said(driver).startswith("!")
        assert not list(Path().glob("*.*"))


async def test_a_run_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    async with opened(size=(120, 40)) as driver:
        driver.app.push_screen(ExportScreen(tmp_path / "absent"))
        await driver.until(lambda: "is not a run" in " ".join(driver.text("#export-command").split()))
        await driver.pilot.press("y")
        assert "clipboard" not in driver.screen()


async def test_the_event_loop_goes_on_while_a_file_is_written(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, threads = threading.Event(), []

    def slow(*rest: object) -> None:
        threads.append(threading.current_thread())
        go_on.wait(PATIENCE)
        raise OSError("no room\nat all")

    monkeypatch.setattr(geomreg_tui.report, "export_result", slow)
    async with dialog(run) as driver:
        await driver.pilot.press("enter")
        await driver.until(lambda: threads and "writing" in said(driver))
        await driver.pilot.press("enter")
        field(driver).focus()
        await driver.pilot.press("a")
        assert "a" in field(driver).value
        await driver.pilot.press("escape")
        assert driver.app.screen is driver.explorer
        go_on.set()
        await driver.until(lambda: any("no room" in n.message for n in driver.app._notifications))
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


@pytest.mark.parametrize("closed", [False, True])
async def test_what_is_asked_for_while_a_file_is_written_is_written_after_it(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed: bool
) -> None:
    free, writing = threading.Event(), threading.Event()
    really = geomreg_tui.report.export_result

    def slowly(result: Any, path: Path, force: bool) -> None:
        writing.set()
        assert free.wait(PATIENCE)
        really(result, path, force)

    monkeypatch.setattr(geomreg_tui.report, "export_result", slowly)
    async with dialog(run) as driver:
        screen = driver.app.screen
        for name in ("one.csv", "two.json"):
            field(driver).value = name
            await driver.pilot.pause()
            screen.action_write()  # type: ignore[attr-defined]
            await driver.until(writing.is_set)
        assert "two.json is next" in said(driver)
        if closed:
            await driver.pilot.press("escape")
        free.set()
        await driver.until(lambda: (tmp_path / "two.json").exists(), "the second file")
        assert (tmp_path / "one.csv").stat().st_size
        if not closed:
            await driver.until(lambda: "wrote two.json" in said(driver))


async def test_a_click_chooses_and_the_button_writes(run: Path) -> None:
    async with dialog(run) as driver:
        await driver.pilot.click("#export-formats", offset=(3, ENDS.index(".csv")))
        await driver.pilot.pause()
        assert field(driver).value == f"{NAME}.csv"
        assert not Path(f"{NAME}.csv").exists()
        await driver.pilot.click("#export-write")
        await driver.until(lambda: "wrote" in said(driver))
        assert Path(f"{NAME}.csv").exists()
        await driver.pilot.click("#export-close")
        await driver.pilot.pause()
        assert driver.app.screen is driver.explorer


async def test_y_copies_the_command_by_osc_52_and_by_tmux(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    stand_in = folder / "tmux"
    stand_in.write_text(f'#!/bin/sh\ncd {tmp_path}\necho "$@" > asked\ncat > part\nmv part given\n')
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    async with dialog(run) as driver:
        sent: list[str] = []
        monkeypatch.setattr(driver.app._driver, "write", sent.append)
        await driver.pilot.press("y")
        await driver.until(lambda: "clipboard" in said(driver))
        (sequence,) = [text for text in sent if "]52;c;" in text]
        command = base64.b64decode(sequence.removeprefix("\x1b]52;c;").rstrip("\a")).decode()
        words = shlex.split(command)
        assert words[:2] == ["geomreg-tui", "run"]
        assert "/data/it's.csv" in words
        assert not (tmp_path / "given").exists()
        monkeypatch.setenv("TMUX", "/tmp/socket,1,0")
        await driver.pilot.press("y")
        await driver.until(lambda: (tmp_path / "given").exists())
        assert (tmp_path / "given").read_text() == command
        assert (tmp_path / "asked").read_text().split() == ["load-buffer", "-w", "-"]
        monkeypatch.setenv("PATH", "/absent")
        driver.app.screen.query_one("#export-outcome", Static).update("")
        await driver.pilot.click("#export-copy")
        await driver.until(lambda: "clipboard" in said(driver))


def test_exporting_everything_never_imports_torch(run: Path) -> None:
    script = f"""
import sys
from pathlib import Path
from geomreg_tui.tui.screens.export import ExportScreen
assert "matplotlib" not in sys.modules
from geomreg_tui.report import RUN_FORMATS, export_result, load_result
assert "matplotlib" not in sys.modules
for end in set(RUN_FORMATS) - {{".pdf", ".png", ".svg"}}:  # the page has the same figures
    export_result(load_result(Path({str(run)!r})), Path("out" + end))
print([name for name in sys.modules if name.partition(".")[0] == "torch"])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr
