"""Every state of the explorer at every size: nothing is cut off, and what matters is always shown."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.widget import Widget
from textual.widgets import Static

from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.rundir import RunDirectory, RunState
from geomreg_tui.sampling.plan import read_plan
from geomreg_tui.tui.look import AsciiFilter
from geomreg_tui.tui.screens.frame import SMALLEST, WIDE
from geomreg_tui.tui.widgets.fields import ChoiceField
from geomreg_tui.tui.widgets.lines import HeaderLine, StatusLine, progress_bar
from geomreg_tui.tui.widgets.rows import RowsWidget

from .driving import Driver, opened
from .fakes import FakeRun, FakeSource, snapshot_of
from .shelf import experiment_of, put_run

SIZES = ((200, 60), (120, 40), (120, 32), (80, 24), (60, 16), (60, 15), (59, 16))
FEW_SIZES = ((120, 40), (60, 16))  # of which most states are seen at one, and "running" at all
TABS = ("setup", "loss", "volume", "modes", "sphere")
ESSENTIAL = ("space Start/pause", "? Help", "q Quit", "^p Palette")


class Deaf(FakeSource):
    """A source whose warm engine cannot be started."""

    def open(self) -> None:
        raise RunDirectoryError("no place for the engine's files")


async def sampling(driver: Driver) -> FakeRun:
    await driver.pilot.press("escape", "space")
    await driver.until(lambda: driver.session.run_active and "run sampling" in driver.text("#status"))
    return driver.source.runs[0]


async def paused(driver: Driver) -> None:
    await sampling(driver)
    await driver.pilot.press("space")


async def stopped(driver: Driver) -> None:
    await sampling(driver)
    await driver.pilot.press("s")


async def failed(driver: Driver) -> None:
    (await sampling(driver)).state = RunState.FAILED


async def finished(driver: Driver) -> None:
    run = await sampling(driver)
    run.samples, run.state = run.target, RunState.DONE


async def lost(driver: Driver) -> None:
    (await sampling(driver)).alive = False


async def aside(driver: Driver) -> None:
    await sampling(driver)
    await driver.set("width", "64")
    await driver.settled()


async def compared(driver: Driver) -> None:
    await driver.pilot.press("escape", "p")
    await driver.until(lambda: len(driver.session.pins) == 1)
    await driver.set("width", "4096")
    await driver.settled()
    await driver.pilot.press("l", "v", "z")


async def wrong(driver: Driver) -> None:
    await driver.set("width", "12x")
    await driver.set("examples", "0")
    await driver.set("radius", "-1")


async def refused(driver: Driver) -> None:
    driver.source.start_failure = RunDirectoryError("the folder of runs cannot be written to: /data/runs")
    await driver.pilot.press("escape", "space")


async def nothing(driver: Driver) -> None:
    pass


@dataclass(frozen=True)
class State:
    """A state of the explorer.

    Attributes:
        status: words of the status line by which it is known.
        act: what brings it about.
        source: where networks come from.
        settings: of the experiment.
        attached: whether a run on disk is shown.
    """

    status: str
    act: Callable[[Driver], Awaitable[object]] = nothing
    source: Callable[[], FakeSource] = FakeSource
    settings: tuple[tuple[str, object], ...] = ()
    attached: bool = False


def no_device() -> FakeSource:
    source = FakeSource()
    source.failure = "device: got 'cuda'; torch sees no GPU here, allowed are cpu"
    return source


LONG = (
    ("width", 65536),
    ("init", "glorot_truncated"),
    ("activation", "leaky_relu"),
    ("loss", "cross_entropy"),
    ("data", "gaussian"),
    ("inputs", 4096),
    ("examples", 1024),
    ("held_out", 512),
    ("seed", 2**31),
)
STATES = {
    "empty": State("waiting for the first networks", source=lambda: FakeSource(silent=True)),
    "preview": State("preview done"),
    "running": State("run sampling", sampling),
    "paused": State("run paused", paused),
    "stopped": State("run stopped", stopped),
    "failed": State("run failed", failed),
    "finished": State("run done", finished),
    "engine gone": State("run stopped", lost),
    "attached": State("run done", attached=True),
    "another run": State("preview done", aside),
    "compared": State("preview done", compared),
    "wrong values": State("not started: width", wrong),
    "refused": State("the run did not start", refused),
    "no device": State("preview failed", source=no_device),
    "no engine": State("previews cannot start", source=Deaf),
    "long names": State("preview done", settings=LONG),
}


OTHERS = [name for name in STATES if name != "running"]
BUT_FOR_A_WORD = ("paused", "stopped", "failed")  # as "finished", which is there by default


def visible(widget: Widget) -> bool:
    return all(part.display for part in widget.ancestors_with_self) and bool(widget.region.area)


def cells(driver: Driver, widget: Widget) -> list[str]:
    """The rows of a widget's region, border and all."""
    region = widget.region
    rows = driver.screen().split("\n")[region.y : region.bottom]
    return [row[region.x : region.right] for row in rows]


def check_whole(driver: Driver, what: str) -> None:
    """Check that everything on the screen is there in full."""
    width, height = driver.app.size
    rows = driver.screen().split("\n")
    assert [cell_len(row) for row in rows] == [width] * height, what
    for widget in driver.explorer.query(RowsWidget):
        if visible(widget) and widget.content_size.area:
            painted = widget.paint(*widget.content_size)
            lengths = [sum(cell_len(piece.text) for piece in row) for row in painted]
            told = f"{what}: {widget!r} {widget.content_size}\n{driver.screen()}"
            assert max(lengths, default=0) <= widget.content_size.width, told
            assert len(painted) <= widget.content_size.height, told
    for pane in driver.explorer.query(".pane, #setup"):
        if visible(pane):
            told = f"{what}: {pane!r}\n{driver.screen()}"
            drawn = cells(driver, pane)
            assert drawn[0].startswith(f"╭─ {pane.border_title} ─"), told
            assert drawn[0].endswith("─╮"), told
            assert all(row[0] + row[-1] == "││" for row in drawn[1:-1]), told
            assert drawn[-1].endswith("─╯"), told
            subtitle = str(pane.border_subtitle or "")
            assert subtitle in drawn[-1], told
    for label in driver.explorer.query(Static):
        if visible(label) and label.region in driver.explorer.region and not scrolled_out(label):
            said = " ".join(" ".join(cells(driver, label)).split())
            assert said == " ".join(str(label.content).split()), f"{what}: {label!r}\n{driver.screen()}"

    for field in driver.explorer.query(ChoiceField):
        if visible(field) and not scrolled_out(field):
            assert str(field.value) in cells(driver, field)[0], f"{what}: {field!r}\n{driver.screen()}"


def scrolled_out(widget: Widget) -> bool:
    """Whether some of a widget is beyond the edge of a pane that scrolls."""
    return any(
        isinstance(part, Widget) and part.is_scrollable and widget.region not in part.content_region
        for part in widget.ancestors
    )


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        pytest.param("running", SIZES, id="running"),
        *(
            pytest.param(
                name,
                FEW_SIZES[number % 3 == 0 :][:1],
                id=name,
                marks=[pytest.mark.full] if name in BUT_FOR_A_WORD else [],
            )
            for number, name in enumerate(OTHERS)
        ),
        *(pytest.param(name, SIZES, id=f"{name}-all", marks=pytest.mark.full) for name in OTHERS),
    ],
)
async def test_every_state_is_whole_at_every_size(name: str, sizes: Sequence[tuple[int, int]]) -> None:
    state = STATES[name]
    attached = None
    if state.attached:
        attached = put_run(1, samples=20_000, target=20_000, live=20).path
    first = (200, 60) if len(sizes) > 1 else (120, 40)
    async with opened(
        state.source(), first, 20_000, wait=False, attached=attached, **dict(state.settings)
    ) as driver:
        if state.status in ("preview done", "run sampling") or state.act is not nothing:
            await driver.settled()
        await state.act(driver)
        await driver.until(lambda: state.status in driver.text("#status"), state.status)
        for size in sizes:
            await driver.pilot.resize_terminal(*size)
            await driver.pilot.pause()
            if size < SMALLEST or size[1] < SMALLEST[1]:
                needed = f"geomreg-tui needs 60x16 cells; this is {size[0]}x{size[1]}"
                await driver.until(lambda needed=needed: " ".join(driver.screen().split()) == needed)
                continue
            wide = size[0] >= WIDE[0] and size[1] >= WIDE[1]
            for tab in ("all",) if wide else TABS:
                if not wide:
                    driver.explorer.query_one("#tabs").active = f"tab-{tab}"
                    await driver.pilot.pause()
                what = f"{name} at {size}, {tab}"

                def check(what: str = what) -> None:
                    check_whole(driver, what)
                    assert state.status[:30] in driver.text("#status"), what
                    keys = driver.text("#keys")
                    assert all(words in keys for words in ESSENTIAL), f"{what}: {keys}"
                    assert driver.explorer.query_one(HeaderLine).display

                await driver.passes(check)


async def test_resizing_while_sampling_loses_nothing() -> None:
    """A storm of sizes, some too small, while a run fills; then all is as if nothing had been."""
    source = FakeSource()
    source.speed = 500
    async with opened(source, samples=1_000_000) as driver:
        run = await sampling(driver)
        before = run.samples
        sizes = (*SIZES[::2], (20, 5), (300, 100), (1, 1))
        for size in sizes:
            await driver.pilot.resize_terminal(*size)
            await asyncio.sleep(0.005)
        await driver.pilot.resize_terminal(120, 40)
        await driver.until(lambda: "Mode dominance" in driver.screen())
        await driver.passes(lambda: check_whole(driver, "after the storm"))
        await driver.until(lambda: run.samples > before + 5 * source.speed)
        assert run.calls == []
        assert driver.session.run_active
        assert len(source.runs) == 1
        assert len(source.previews) == 1
        await driver.pilot.press("s")
        await driver.until(lambda: "run stopped" in driver.text("#status"))


async def test_an_attached_run_that_another_engine_samples_is_followed(tmp_path: Path) -> None:
    """What an engine elsewhere writes is shown, its state by word; its end too."""
    run = put_run(1, RunState.SAMPLING, samples=5_000, target=20_000, live=5)
    async with opened(size=(80, 24), samples=20_000, wait=False, attached=run.path) as driver:
        await driver.until(lambda: "5 k / " in driver.text("#status"))
        assert "engine is gone" in driver.text("#status")  # no process holds the lease
        await driver.passes(lambda: check_whole(driver, "attached"))
        assert driver.source.previews == []
        assert read_plan(RunDirectory.open(run.path)).samples == 20_000


@pytest.mark.parametrize("width", range(45, 160, 5))
def test_the_status_line_drops_what_has_no_room_and_cuts_nothing(width: int) -> None:
    path = Path("/somewhere/far/from/home/geomreg-tui/runs/20260102-090000-mlp-0a1b2c3d")
    line = StatusLine()
    line.show(snapshot_of(experiment_of(), 20_000, atoms=0), "run", "", "", path)
    (row,) = line.paint(width, 1)
    text = "".join(piece.text for piece in row)
    assert cell_len(text) <= width
    assert text.startswith("✓ run done  ███")
    assert "20 k / 20 k" in text
    fullest = f"✓ run done  {'█' * 20}  20 k / 20 k  kept in {path}"
    kept = text.partition("20 k / 20 k")[2].strip()
    assert kept in (f"kept in {path}", f"kept as {path.name}", "")
    assert (text == fullest) == (width >= cell_len(fullest))
    assert (kept == "") == (width < cell_len(f"✓ run done  {'█' * 10}  20 k / 20 k  kept as {path.name}"))


@pytest.mark.parametrize("width", [54, 60, 70, 80, 100, 120])
@pytest.mark.parametrize("notice", ["", "! width: got 0; allowed is a whole number from 1"])
def test_the_headline_is_at_the_right_of_the_status_line_in_the_words_that_fit(
    width: int, notice: str
) -> None:
    headline, short = "D0 -0.15 [-0.16, -0.14]", "D0 -0.15"
    line = StatusLine()
    line.show(snapshot_of(experiment_of(), 20_000, atoms=0), "run", notice, "", None, (headline, short))
    (row,) = line.paint(width, 1)
    text = "".join(piece.text for piece in row)
    assert cell_len(text) == width
    said = notice or "✓ run done"
    if width >= len(said) + 2 + len(headline):
        assert text.startswith(said)
        assert text.endswith("  " + headline)
        assert notice or "20 k / 20 k" in text
    else:  # the short one is there in any case, and the notice says that it is cut
        assert text.endswith("  " + short)
        cut = width < len(notice) + 2 + len(short)
        assert text.startswith(notice[: width - len(short) - 3] + "…" if cut else notice)


async def test_at_80_columns_d0_is_seen_whichever_tab_is_open() -> None:
    async with opened(size=(80, 24)) as driver:
        for _ in range(len(driver.explorer._panes.tabs.query("Tab"))):
            assert re.search(r"D0 -?0\.\d+ \[", driver.text("#status")), driver.text("#status")
            await driver.pilot.press("]")
            await driver.pilot.pause()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"data": "gaussian", "init": "student_t"},
        {"arch": "conv", "data": "digits", "init": "sparse"},
        {"data": "gaussian", "inputs": 4096, "init": "glorot_truncated", "loss": "cross_entropy"},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
async def test_at_80_columns_every_knob_is_above_the_fold(settings: dict[str, object]) -> None:
    async with opened(size=(80, 24), **settings) as driver:
        setup = driver.explorer.query_one("#setup")
        rows = [row for row in driver.explorer.query(".knob") if row.display]
        assert len(rows) >= 14
        assert all(row.region in setup.content_region for row in rows), driver.screen()
        assert "samples" in driver.text("#setup")
        assert setup.max_scroll_y == 0
        await driver.passes(lambda: check_whole(driver, "two columns"))


@pytest.mark.parametrize("share", [number / 80 for number in range(81)])
def test_a_progress_bar_has_ascii_characters_too(share: float) -> None:
    text = "".join(piece.text for piece in progress_bar(share, 10))
    (segment,) = AsciiFilter().apply([Segment(text)], Color(0, 0, 0))
    assert set(segment.text) <= set("#=|-")
    assert len(segment.text) == len(text) == 10
