"""Pictures of every screen in two themes, compared with pictures that a person has looked at.

What is drawn is stored: two runs of the real engine in ``stored/``, made by

    geomreg-tui run --data gaussian --inputs 4 --examples 1 --width 6 --depth 2 --samples 2e5 --bin-bits 8
    geomreg-tui run --data digits --examples 16 --width 256 --depth 3 --samples 1e8 --bin-bits 8 (stopped)

so that a picture changes with the drawing and the analysis, never with the machine. After a change that is
meant, ``pytest tests/tui/test_snapshots.py --snapshot-update`` makes them anew: then look at them.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir import Labels, RunDirectory, RunState, Status, write_labels
from geomreg_tui.rundir.status import write_status
from geomreg_tui.tui.app import ExplorerApp
from geomreg_tui.tui.screens.export import ExportScreen
from geomreg_tui.tui.screens.quit import QuitScreen
from geomreg_tui.tui.screens.runs import RunsScreen

from ..unit.exporting import make_sweep
from .driving import Driver, nothing_first
from .fakes import FakeSource, descent, members, observed, tail

STORED = Path(__file__).parent / "stored"
SINGLE, SEVERAL = "20260102-090000-mlp-0a1b2c3d", "20260103-101500-mlp-4e5f6a7b"
NOW = 1_767_700_000.0  # seconds; no stored file is as new
SMALL, USUAL, LARGE = (80, 24), (120, 40), (200, 60)

Act = Callable[[Driver], Awaitable[None]]


async def nothing(driver: Driver) -> None:
    pass


def pressing(*keys: str) -> Act:
    async def act(driver: Driver) -> None:
        await driver.pilot.press(*keys)

    return act


def tab(name: str) -> Act:
    async def act(driver: Driver) -> None:
        while driver.explorer.active_tab != name:
            await driver.pilot.press("]")

    return act


async def compared(driver: Driver) -> None:
    """Compare with the other run, on log axes."""
    await driver.pilot.press("r")
    await driver.until(lambda: "kB" in driver.screen())
    await driver.pilot.press("c")
    await driver.until(lambda: driver.app.screen is driver.explorer)
    await driver.until(lambda: "pinned" in driver.screen())
    await driver.pilot.press("l")


async def runs(driver: Driver, listed: int = 5) -> None:
    await driver.pilot.press("r")
    await driver.until(lambda: isinstance(driver.app.screen, RunsScreen))
    known = driver.app.screen._known
    await driver.until(lambda: [run.size is not None for run in known.values()] == [True] * listed)


async def filtered(driver: Driver) -> None:
    await runs(driver)
    await driver.pilot.press(*"/gauss")
    await driver.until(lambda: "1 of 5 runs" in driver.screen())
    await driver.until(lambda: "searching" not in driver.screen())


async def deleting(driver: Driver) -> None:
    await runs(driver)
    await driver.pilot.press("d")


async def called(driver: Driver) -> None:
    """Runs with names, tags and notes among a sweep, sorted by D_0."""
    write_labels(Path("runs", SEVERAL), Labels("16 digits", ("wide", "he"), "as in the first figure"))
    path = make_sweep(Path("sweeps", "20260104-120000-0000000c"))
    about = "width in mlp 256×3 · relu · he_normal · digits N=16 · mse · seed 0"
    write_status(path, Status(RunState.DONE, 12_000, 12_000, about=about))
    await runs(driver, 6)
    while driver.app.screen._list.order != "d0":
        await driver.pilot.press("o")
    await driver.until(lambda: "searching" not in driver.screen())


async def logged(driver: Driver) -> None:
    await runs(driver)
    await driver.pilot.press("l")
    await driver.until(lambda: "networks" in driver.text("#log-lines"))


async def export(driver: Driver) -> None:
    await driver.pilot.press("e")
    await driver.until(lambda: isinstance(driver.app.screen, ExportScreen))
    await driver.until(lambda: "geomreg-tui run" in driver.text("#export-command"))


async def exported(driver: Driver) -> None:
    await export(driver)
    await driver.pilot.press("down", "down", "enter")
    await driver.until(lambda: "wrote" in driver.text("#export-outcome"))


async def quitting(driver: Driver) -> None:
    await driver.set("gain", "2")
    await driver.settled()
    await driver.pilot.press("escape", "space")
    await driver.until(lambda: driver.session.run_active)
    await driver.until(lambda: "sampling" in driver.text("#status"))
    await driver.pilot.press("q")
    await driver.until(lambda: isinstance(driver.app.screen, QuitScreen))


async def sampling(driver: Driver) -> None:
    await quitting(driver)
    await driver.pilot.press("b")
    await driver.until(lambda: driver.app.screen is driver.explorer)
    await driver.settled()


async def problem(driver: Driver) -> None:
    await driver.set("width", "12x")
    await driver.set("gain", "-1")
    await driver.until(lambda: "not started" in driver.text("#status"))


async def palette(driver: Driver) -> None:
    await driver.pilot.press("ctrl+p")
    await driver.until(lambda: "Palette" in type(driver.app.screen).__name__)
    await driver.until(lambda: "Theme" in driver.screen() or "Pin" in driver.screen())
    await driver.until(lambda: all(worker.is_finished for worker in driver.app.screen.workers))
    driver.app.screen.query_one(Input).cursor_blink = False


def then(first: Act, second: Act) -> Act:
    async def act(driver: Driver) -> None:
        await first(driver)
        await second(driver)

    return act


def observing(*keys: str) -> Act:
    """A run of the fake engine whose networks were observed, down a tail too."""

    async def act(driver: Driver) -> None:
        await driver.set("gain", "2")
        await driver.settled()
        await driver.pilot.press("escape", *keys, "space")
        await driver.until(lambda: driver.session.run_active)
        run = driver.source.runs[-1]
        run.samples, run.state, run.observed = run.target, RunState.DONE, observed()
        run.tail = tail(*(replace(descent(at), observed=members(at / 10)) for at in (0.0, 0.2)))
        await driver.until(lambda: driver.explorer.view is not None and driver.explorer.view.low_loss)
        await driver.until(lambda: driver.explorer.view.complete)
        if driver.explorer.has_class("-tabs"):
            await tab("loss")(driver)

    return act


@dataclass(frozen=True)
class Picture:
    """A screen to draw.

    Attributes:
        size: columns and lines.
        act: what is done once the run is on view.
        ascii: whether ASCII characters only are drawn.
    """

    size: tuple[int, int] = USUAL
    act: Act = nothing
    ascii: bool = False


PICTURES = {
    "wide": Picture(),
    "large": Picture(LARGE),
    "zoomed": Picture(act=pressing("v", "z")),
    "compared": Picture(act=compared),
    "sampling": Picture(act=sampling),
    "problem": Picture(act=problem),
    "tab-setup": Picture(SMALL, tab("setup")),
    "tab-loss": Picture(SMALL, tab("loss")),
    "tab-volume": Picture(SMALL, tab("volume")),
    "tab-modes": Picture(SMALL, tab("modes")),
    "tab-sphere": Picture(SMALL, tab("sphere")),
    "smallest": Picture((60, 16), tab("loss")),
    "too-small": Picture((50, 12)),
    "runs": Picture(act=runs),
    "runs-small": Picture(SMALL, runs),
    "runs-filtered": Picture(SMALL, filtered),
    "runs-deleting": Picture((60, 16), deleting),
    "export": Picture(act=export),
    "export-small": Picture(SMALL, exported),
    "help": Picture(act=pressing("escape", "question_mark")),
    "help-small": Picture(SMALL, pressing("escape", "question_mark")),
    "quit": Picture(SMALL, quitting),
    "palette": Picture(act=palette),
    "ascii-wide": Picture(ascii=True),
    "ascii-runs": Picture(SMALL, runs, ascii=True),
    "ascii-export": Picture(SMALL, export, ascii=True),
    "training": Picture(SMALL, pressing("g")),
    "observable": Picture(act=observing("o")),
    "observable-small": Picture(SMALL, observing("o", "o", "l")),
    "observable-unknown": Picture(SMALL, then(tab("loss"), pressing("o"))),
    "observable-ascii": Picture(act=observing("o", "o", "o"), ascii=True),
    "reading": Picture(act=pressing("c", "left", "left", "c", "left")),
    "reading-small": Picture(SMALL, then(tab("loss"), pressing("c", "L", "i", "shift+left"))),
    "reading-large": Picture(LARGE, then(compared, pressing("c", "b"))),
    "runs-and-sweeps": Picture(act=called),
    "runs-and-sweeps-large": Picture(LARGE, called),
    "runs-marked": Picture(SMALL, then(called, pressing("home", "space", "space", "space", "d"))),
    "runs-called": Picture(SMALL, then(called, pressing("n"))),
    "runs-log": Picture(SMALL, logged),
    "field-help": Picture(SMALL, then(tab("setup"), pressing("question_mark"))),
    "maximised": Picture(SMALL, then(tab("loss"), pressing("c", "m"))),
}


# Panes and screens of other pictures at another size, in ASCII or at another moment.
AGAIN = {
    "runs-filtered",
    "runs-deleting",
    "zoomed",
    "tab-loss",
    "observable-unknown",
    "tab-volume",
    "tab-modes",
    "tab-sphere",
    "large",
    "reading-large",
    "help-small",
    "runs-small",
    "export-small",
    "ascii-runs",
    "ascii-export",
    "observable-ascii",
}


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put runs in every state on the shelf, under paths and at a time that are always the same."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GEOMREG_HOME", ".")
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.setattr(time, "time", lambda: NOW)
    for name in (SINGLE, SEVERAL):
        shutil.copytree(STORED / name, Path("runs", name))
    failed, stopped, done = RunState.FAILED, RunState.STOPPED, RunState.DONE
    others = {
        "20260101-080000-mlp-11111111": Status(failed, 3_232, 10_000_000, message="out of memory"),
        "20251231-235900-mlp-22222222": Status(stopped, 361_984, 1_000_000, elapsed_s=75.0),
        "20251224-180000-mlp-33333333": Status(done, 361_984, 361_984, elapsed_s=4_000.0, mixed=True),
    }
    for name, status in others.items():
        run = RunDirectory.open(Path(shutil.copytree(STORED / SEVERAL, Path("runs", name))))
        run.write_status(replace(status, about=run.read_status().about))


def _marks(number: int, theme: str) -> list[pytest.MarkDecorator]:
    """By default each picture is looked at in one theme, half of them in either, and few at a second size."""
    if list(PICTURES)[number] in AGAIN:
        return [pytest.mark.full]
    return [] if (number % 2 == 0) == (theme == "textual-dark") else [pytest.mark.full]


@pytest.mark.parametrize(
    ("name", "theme"),
    [
        pytest.param(name, theme, id=f"{name}-{theme}", marks=_marks(number, theme))
        for number, name in enumerate(PICTURES)
        for theme in ("textual-dark", "textual-light")
    ],
)
def test_pictures(name: str, theme: str, shelf: None, snap_compare: Callable[..., bool]) -> None:
    picture, source = PICTURES[name], FakeSource()
    path = Path("runs", SINGLE)
    asked = RunDirectory.open(path).asked
    app = ExplorerApp(
        Experiment.parse(asked.model_dump(exclude_unset=True)), 200_000, source, 20, picture.ascii, path
    )
    app.theme = theme

    async def run_before(pilot: Pilot[None]) -> None:
        driver = Driver(app, pilot, source)
        await driver.until(lambda: app.explorer is not None)
        await driver.until(lambda: driver.explorer.view is not None and driver.explorer.view.complete)
        await picture.act(driver)
        await pilot.pause()

    with nothing_first():
        assert snap_compare(app, terminal_size=picture.size, run_before=run_before)
