"""What a person sees first: one digit, both modes, and the sweep that moves them."""

from __future__ import annotations

import re
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from geomreg_tui.cli import app as cli
from geomreg_tui.experiment import Experiment
from geomreg_tui.sweeps.plan import parse_factor
from geomreg_tui.sweeps.run import run_sweep
from geomreg_tui.sweeps.verdicts import verdicts
from geomreg_tui.tui.app import ExplorerApp
from geomreg_tui.tui.screens.sweep import SweepScreen
from geomreg_tui.tui.state import State
from geomreg_tui.tui.sweep_setup import usual_values

from .driving import Driver
from .fakes import FakeSource

ROOT = Path(__file__).parents[2]


def experiment_in(options: str) -> Experiment:
    """Return the experiment of a command's options."""
    words = shlex.split(options)
    pairs = zip(words[::2], words[1::2], strict=True)
    return Experiment.parse({key[2:].replace("-", "_"): value for key, value in pairs if key != "--samples"})


@asynccontextmanager
async def started(restored: State | None = None) -> AsyncIterator[Driver]:
    """Open the explorer without an experiment, on what was left of the last session if anything."""
    source = FakeSource()
    app = ExplorerApp(None, None, source, restored=restored)
    async with app.run_test(size=(80, 24)) as pilot:
        driver = Driver(app, pilot, source)
        await driver.until(lambda: app.explorer is not None, "opened")
        yield driver


async def first_experiment() -> Experiment:
    """Return what the explorer opens on where it has nothing to open again."""
    async with started() as driver:
        return driver.session.experiment


async def test_the_explorer_opens_on_the_picture_and_one_key_leads_to_its_sweep() -> None:
    async with started() as driver:
        await driver.settled()
        screen = driver.screen()
        assert "digits N=1" in screen
        assert "Loss distribution" in screen
        await driver.pilot.press("x")
        await driver.until(lambda: isinstance(driver.app.screen, SweepScreen), "the sweep screen")
        await driver.until(lambda: "4, 8, 16, 32, 64" in driver.screen(), "its values")
        assert "space draws one histogram for each width" in driver.screen()


async def test_what_was_open_goes_before_it() -> None:
    async with started(State(tab="modes")) as driver:
        await driver.until(lambda: "Mode dominance" in driver.screen(), "its tab")


async def test_make_run_and_the_readme_show_the_same() -> None:
    first = await first_experiment()
    (options,) = re.findall(r"^EXPERIMENT := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    text = (ROOT / "README.md").read_text().replace("\\\n", " ")
    commands = re.findall(r"^\$ geomreg-tui (.*?) --quiet", text, re.MULTILINE)
    assert experiment_in(options) == first
    assert experiment_in(commands[0].removeprefix("run ")) == first


@pytest.mark.parametrize("command", [[], ["explore"], ["--fresh"], ["explore", "--fresh"]])
def test_no_options_mean_no_experiment(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    monkeypatch.setattr("geomreg_tui.cli.explore.open_explorer", lambda *a, **_: opened.append(a[:1]) or 0)
    monkeypatch.setattr("geomreg_tui.cli.app.open_explorer", lambda *a, **_: opened.append(a[:1]) or 0)
    assert CliRunner().invoke(cli.app, command).exit_code == 0
    assert opened in ([()], [(None,)])


async def test_both_modes_are_there_and_width_moves_them_to_zero(tmp_path: Path) -> None:
    first = await first_experiment()
    factor = parse_factor(f"width={usual_values(first, 'width')}")
    points = list(run_sweep(first, [factor], 20_000, tmp_path))
    (shown,) = (point for point in points if point.settings == (first.width,))
    assert shown.modes.zero_mode is not None
    assert shown.modes.central_mode is not None
    assert -0.9 < shown.modes.excess.low <= shown.modes.excess.high < 0.9
    (judged,) = verdicts([factor], points)
    assert judged.direction.verdict == "monotone, towards zero"
    assert judged.direction.effect.low > 0.9
