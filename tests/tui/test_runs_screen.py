"""The runs list: what it shows, its keys, and what the explorer makes of a choice."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.experiment import Experiment
from geomreg_tui.formatting import size_text
from geomreg_tui.rundir import RunState, Status, runs_root
from geomreg_tui.sampling.store import packs_of
from geomreg_tui.tui.screens.choice import RunChoice
from geomreg_tui.tui.screens.export import ExportScreen
from geomreg_tui.tui.screens.quit import QuitScreen
from geomreg_tui.tui.screens.runs import RunsScreen
from geomreg_tui.tui.session import ActiveRun, Session
from geomreg_tui.tui.view import difference_text, load_pin
from geomreg_tui.tui.widgets.knobs import Knobs
from geomreg_tui.tui.widgets.runs import RunsList

from .driving import Driver, opened
from .fakes import FakeSource
from .shelf import damage, experiment_of, name_of, put_many, put_run

HOSTILE = "x\x1b]52;c;cm0gLXJm\x07\x1b[2J\u202e[red]\x9b31m[/\nnext"


@asynccontextmanager
async def listed(size: tuple[int, int] = (120, 40), *, wait: str = " runs") -> AsyncIterator[Driver]:
    """Open the explorer and its list; what that ends with is in ``driver.app.ended``."""
    async with opened(size=size) as driver:
        driver.app.ended = []  # type: ignore[attr-defined]
        driver.app.push_screen(RunsScreen(), driver.app.ended.append)  # type: ignore[attr-defined]
        await driver.until(lambda: wait in driver.screen(), wait)
        yield driver


def runs_list(driver: Driver) -> RunsList:
    return driver.app.screen.query_one(RunsList)


def selected(driver: Driver) -> str:
    entry = runs_list(driver).selected
    return entry.name if entry else ""


def three() -> None:
    put_run(1, samples=1_000, target=2_000)
    put_run(2, RunState.FAILED, samples=20, target=10_000_000, message="out of memory")
    put_run(3, RunState.STOPPED, mixed=True, asked=experiment_of(width=64, init="uniform"))


# What it shows


@pytest.mark.parametrize(
    "size", [(60, 16), (120, 40), *(pytest.param(s, marks=pytest.mark.full) for s in [(80, 24), (200, 60)])]
)
async def test_every_run_is_shown_newest_first_and_aligned(size: tuple[int, int]) -> None:
    three()
    async with listed(size, wait=" kB") as driver:
        lines = driver.text("#runs-list").split("\n")
        rows = lines[1:4]
        for row, word in zip(rows, ("■ stopped", "✗ failed", "✓ done"), strict=True):
            assert row.index(word) == lines[0].index("state")
            assert row.index("mlp 64→" if "mixed" not in row else "mixed mlp") == lines[0].index("experiment")
        assert "mixed" in rows[0]
        assert rows[0].startswith("❯ ")
        assert all(cell.endswith("…") or "seed 0" in cell for cell in (row.rstrip(" ┃") for row in rows))
        about = driver.text("#runs-about")
        assert name_of(3) in about
        assert "1 k / 2 k" in about
        assert "kB" in about
        keys = driver.text("#runs-keys")
        assert all(word in keys for word in ("enter Open", "c Compare", "e Export", "d Delete", "v Verify"))
        assert "escape closes" in driver.screen()
        if size[0] > 60:
            assert "20 / 10 M" in rows[1]
            assert "/ Filter" in keys
        await driver.pilot.press("down")
        assert "out of memory" in driver.text("#runs-about")


async def test_without_runs_it_says_how_to_make_one() -> None:
    async with listed(wait="no runs yet") as driver:
        assert "geomreg-tui run" in driver.screen()
        await driver.pilot.press("enter", "c", "e", "d", "v", "down", "end", "pageup")
        assert isinstance(driver.app.screen, RunsScreen)


async def test_a_folder_that_cannot_be_read_is_told_of() -> None:
    runs_root().write_text("a file")
    async with listed(wait="cannot be read") as driver:
        assert str(runs_root())[:20] in driver.text("#runs-about")


async def test_what_files_say_is_plain_text() -> None:
    put_run(1, RunState.FAILED, about=HOSTILE, message=HOSTILE)
    async with listed(wait=" kB") as driver:
        screen = driver.screen()
        assert "[red]31m[/ next" in screen
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", screen)
        assert all(len(row) == 120 for row in screen.split("\n"))


async def test_a_run_that_is_sampled_is_read_again_and_silence_costs_nothing() -> None:
    run = put_run(1, RunState.SAMPLING, samples=1_000, target=5_000_000)
    lease = run.lease()
    try:
        async with listed(wait="▶ sampling") as driver:
            run.write_status(Status(RunState.SAMPLING, 2_000_000, 5_000_000))
            await driver.until(lambda: "2 M / 5 M" in driver.screen())
            await driver.until(lambda: "size not known" not in driver.screen())
            await driver.still()
            assert await driver.drawn_within(1.5) == 0
            lease.release()
            await driver.until(lambda: "■ stopped" in driver.screen())
            put_run(2)
            await driver.until(lambda: "2 runs" in driver.screen())
            assert selected(driver) == name_of(1)
    finally:
        lease.release()


async def test_what_the_list_hides_is_not_drawn() -> None:
    source = FakeSource()
    source.speed = 10
    put_run(1)
    async with opened(source) as driver:
        await driver.pilot.press("space")
        await driver.until(lambda: "run sampling" in driver.text("#status"))
        await driver.pilot.press("r")
        await driver.until(lambda: " kB" in driver.screen())
        await driver.quiet()
        view = driver.explorer.view
        await driver.quiet()
        assert driver.explorer.view is view
        await driver.pilot.press("escape")
        await driver.until(lambda: driver.explorer.view is not view)


# Keys and mouse


async def test_it_closes_with_a_choice_or_without() -> None:
    three()
    async with listed() as driver:
        for number, key in enumerate(("escape", "q", "r"), 1):
            if number > 1:
                driver.app.push_screen(RunsScreen(), driver.app.ended.append)
                await driver.until(lambda: isinstance(driver.app.screen, RunsScreen))
            await driver.pilot.press(key)
            await driver.pilot.pause()
            assert driver.app.screen is driver.explorer
            assert driver.app.ended == [None] * number
        for key, action in (("enter", "open"), ("c", "compare")):
            driver.app.push_screen(RunsScreen(), driver.app.ended.append)
            await driver.until(lambda: selected(driver) == name_of(3))
            await driver.pilot.press("down", key)
            await driver.pilot.pause()
            assert driver.app.ended[-1] == RunChoice(action, runs_root() / name_of(2))


async def test_keys_and_the_wheel_move_through_many_runs() -> None:
    put_many(100)
    async with listed((80, 24)) as driver:
        page = runs_list(driver).content_size.height - 1
        for key, place in [
            ("down", 1),
            ("up", 0),
            ("up", 0),
            ("pagedown", page),
            ("pageup", 0),
            ("end", 99),
            ("down", 99),
            ("home", 0),
        ]:
            await driver.pilot.press(key)
            assert selected(driver) == name_of(99 - place), key
            assert selected(driver) in [entry.name for entry in runs_list(driver).on_view]
        runs_list(driver)._scroll(3)
        assert selected(driver) == name_of(96)


async def test_a_click_selects_and_a_click_on_the_selected_opens() -> None:
    three()
    async with listed() as driver:
        await driver.pilot.click("#runs-list", offset=(5, 3))
        assert selected(driver) == name_of(1)
        await driver.pilot.click("#runs-list", offset=(5, 9))
        assert selected(driver) == name_of(1)
        await driver.pilot.click("#runs-list", offset=(5, 3))
        await driver.pilot.pause()
        assert driver.app.ended == [RunChoice("open", runs_root() / name_of(1))]


async def test_the_selected_run_stays_on_view_however_the_terminal_is_resized() -> None:
    put_many(100)
    async with listed((200, 60)) as driver:
        await driver.pilot.press("end", "up")
        for size in [(60, 16), (40, 5), (120, 40), (80, 24), (200, 60)]:
            await driver.pilot.resize_terminal(*size)
            shown = "❯ " if size[1] > 5 else ""
            await driver.until(
                lambda shown=shown: shown in driver.screen() and selected(driver) == name_of(1)
            )


# Filter


async def test_the_filter_finds_words_of_names_and_of_experiments_that_were_never_on_view() -> None:
    put_run(0, asked=experiment_of(width=77, init="uniform"))
    for number in range(1, 60):
        put_run(number)
    async with listed((80, 24)) as driver:
        await driver.pilot.press("slash", *"uniform 77")
        await driver.until(lambda: "1 of 60 runs" in driver.screen())
        await driver.until(lambda: "searching" not in driver.screen())
        assert selected(driver) == name_of(0)
        await driver.pilot.press("escape")
        await driver.until(lambda: "of 60" not in driver.screen())
        assert selected(driver) == name_of(0)
        # A letter or digit that is no key of the list begins the filter; then every one belongs to it.
        await driver.pilot.press(*"000059-", "m", "l", "p")
        await driver.until(lambda: "1 of 60 runs" in driver.screen())
        assert selected(driver) == name_of(59)
        await driver.pilot.press(*"cedvqr")
        await driver.until(lambda: "No run has that" in driver.screen())
        await driver.pilot.press(*["backspace"] * 6, "enter", "c")
        await driver.pilot.pause()
        assert driver.app.ended == [RunChoice("compare", runs_root() / name_of(59))]


# Deleting and checking


async def test_deleting_asks_and_only_y_is_yes() -> None:
    three()
    async with listed(wait=" kB") as driver:
        for key in ("n", "escape", "enter", "d", "q"):
            await driver.pilot.press("d")
            assert "Delete? y/n" in driver.text("#runs-about")
            assert re.search("■ stopped · 1 k / 2 k networks · \\d+ kB", driver.text("#runs-about"))
            await driver.pilot.press(key)
            assert "Nothing was deleted" in driver.text("#runs-about")
        (runs_root() / name_of(3) / "mine\x1b[2J.txt").write_text("kept")
        await driver.pilot.press("d", "y")
        await driver.until(lambda: "kept what is not ours: mine[2J.txt" in driver.screen())
        assert not (runs_root() / name_of(3) / "experiment.json").exists()
        await driver.pilot.press("down", "d", "y")
        await driver.until(lambda: f"Deleted {name_of(2)}" in driver.screen())
        await driver.until(lambda: "2 runs" in driver.screen())
        assert not (runs_root() / name_of(2)).exists()
        assert selected(driver) == name_of(1)


async def test_a_run_in_use_is_not_deleted() -> None:
    lease = put_run(1, RunState.SAMPLING).lease()
    try:
        async with listed((200, 60), wait="▶ sampling") as driver:
            await driver.pilot.press("d", "y")
            await driver.until(lambda: "is being sampled; stop it first" in driver.text("#runs-about"))
        assert (runs_root() / name_of(1) / "experiment.json").exists()
    finally:
        lease.release()


async def test_checking_says_in_one_line_what_it_found() -> None:
    run = put_run(1, committed=2)
    async with listed((200, 60), wait=" kB") as driver:
        await driver.pilot.press("v")
        await driver.until(lambda: "ok, every checksum is right, 2 k networks" in driver.text("#runs-about"))
        damage(packs_of(run).scan()[0].path)
        await driver.pilot.press("v")
        await driver.until(lambda: "1 PROBLEM" in driver.text("#runs-about"))
        (run.path / "experiment.json").write_text("{}")
        await driver.pilot.press("v")
        await driver.until(lambda: "! " in driver.text("#runs-about") and "schema" in driver.screen())


# Many


@pytest.mark.alone
async def test_ten_thousand_runs_are_listed_about_as_fast_as_twenty(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    homes = {}
    for count in (20, 10_000):
        homes[count] = home / str(count)
        monkeypatch.setenv("GEOMREG_HOME", str(homes[count]))
        put_many(count)
    best = dict.fromkeys(homes, 1e9)
    async with opened(size=(200, 60)) as driver:
        for _ in range(3):
            for count, path in homes.items():
                monkeypatch.setenv("GEOMREG_HOME", str(path))
                begun = time.process_time()
                screen = RunsScreen()
                await driver.app.push_screen(screen)
                while "✓ done" not in driver.screen():
                    await asyncio.sleep(0.005)
                for key in ("end", "pageup", "home"):
                    await driver.pilot.press(key)
                best[count] = min(best[count], time.process_time() - begun)
                assert len(screen._known) < 250  # only what was on view has been read
                screen.dismiss(None)
                await driver.pilot.pause()
    assert best[10_000] < 4 * best[20]


# What the explorer makes of it


async def test_a_run_from_the_list_is_shown_and_its_settings_are_on_the_knobs() -> None:
    asked = experiment_of(width=64, init="student_t", dof=5, loss="cross_entropy")
    put_run(1, live=2, asked=asked, target=30_000)
    async with opened() as driver:
        await driver.pilot.press("space")
        await driver.until(lambda: "run sampling" in driver.text("#status"))
        await driver.pilot.press("r")
        await driver.until(lambda: " kB" in driver.screen())
        await driver.pilot.press("enter")
        await driver.until(lambda: "run done" in driver.text("#status"))
        assert driver.session.experiment == asked
        assert driver.session.samples == 30_000
        assert driver.control("width").value == "64"
        assert driver.control("dof").value == "5"
        assert driver.app.screen.query_one("#knob-dof").display
        assert "1 other run going on" in driver.text("#status")
        await driver.quiet()
        assert len(driver.source.previews) == 1
        # A knob turned and turned back shows a preview, and the run again.
        await driver.set("width", "65")
        await driver.until(lambda: len(driver.source.previews) == 2)
        assert driver.source.previews[-1][0] == Experiment.parse(
            {**asked.model_dump(exclude_unset=True), "width": 65}
        )
        await driver.set("width", "64")
        await driver.until(lambda: "run done" in driver.text("#status"))
        # The run that was being sampled still is, and leaving asks about it.
        assert driver.source.runs[0].calls == []
        await driver.pilot.press("q")
        assert isinstance(driver.app.screen, QuitScreen)
        await driver.pilot.press("s")
        await driver.pilot.pause()
        assert driver.source.runs[0].calls == ["stop"]


async def test_a_run_from_the_list_is_compared_with() -> None:
    put_run(1, live=2)
    async with opened() as driver:
        await driver.pilot.press("r")
        await driver.until(lambda: " kB" in driver.screen())
        await driver.pilot.press("c")
        await driver.until(lambda: "KS distance" in driver.text("#modes"))
        assert len(driver.session.pins) == 1


async def test_a_run_that_cannot_be_read_says_why_and_changes_nothing() -> None:
    run = put_run(1)
    (run.path / "facts.safetensors").write_text("no")
    async with opened() as driver:
        for key in ("c", "enter"):
            await driver.pilot.press("r")
            await driver.until(lambda: " kB" in driver.screen())
            await driver.pilot.press(key)
            await driver.until(lambda: "facts.safetensors" in driver.text("#status"), key)
            assert driver.session.run is None
            assert len(driver.session.pins) == 0
            driver.explorer.notice = ""


async def test_exporting_opens_the_dialog_on_the_chosen_run() -> None:
    put_run(1)
    async with opened() as driver:
        await driver.pilot.press("r")
        await driver.until(lambda: " kB" in driver.screen())
        await driver.pilot.press("e")
        await driver.until(lambda: isinstance(driver.app.screen, ExportScreen))
        await driver.until(lambda: name_of(1) in driver.screen())
        await driver.pilot.press("escape")
        await driver.until(lambda: isinstance(driver.app.screen, RunsScreen))


# Parts


def test_a_pin_is_of_the_newest_networks_that_can_be_read() -> None:
    for samples, live, committed, expected in [
        (1_000, 3, 1, 3_000),
        (2_000, 1, 2, 2_000),
        (2_000, 0, 2, 2_000),
    ]:
        number = 100 * live + committed
        run = put_run(number, samples=samples, live=live, committed=committed)
        pin = load_pin(run.path)
        assert pin.distribution.histogram.total == expected
        assert pin.experiment == run.facts.experiment
    run = put_run(1, samples=2_000, live=3, committed=2)
    damage(run.path / "live.safetensors")
    assert load_pin(run.path).distribution.histogram.total == 2_000
    with pytest.raises(RunDirectoryError, match="no networks yet"):
        load_pin(put_run(5).path)
    with pytest.raises(RunDirectoryError, match="not a run directory"):
        load_pin(run.path / "chunks")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, "the same settings"),
        ({"chunk_size": 500, "batch_size": 20}, "the same settings"),  # how, not what
        ({"depth": 7, "gain": 0.5}, "depth 7, gain 0.5"),
        ({"width": "4,8", "depth": 2, "bias": "on"}, "width 4,8, depth 2, bias on"),
        ({"depth": 7, "gain": 0.5, "seed": 3, "examples": 2}, None),
        ({"arch": "conv"}, None),
    ],
)
def test_a_pinned_distribution_is_told_by_what_differs(change: dict[str, object], told: str | None) -> None:
    pinned = experiment_of(**change)
    assert difference_text(pinned, experiment_of()) == (told or pinned.describe())


def test_a_session_takes_the_settings_of_a_run_and_lets_its_own_go_on() -> None:
    source = FakeSource()
    session = Session(source, experiment_of(), 500)
    stored = put_run(1, live=1, asked=experiment_of(width=32), target=7_000)
    session.open_run(stored.path)
    assert (session.experiment, session.samples, session.shows_run) == (experiment_of(width=32), 7_000, True)
    assert session.run is not None
    assert session.run.state is RunState.DONE
    snapshot = session.read()
    assert snapshot is not None
    assert snapshot.samples == 1_000
    assert session.going() == []
    with pytest.raises(RunDirectoryError):
        session.open_run(runs_root())
    assert session.experiment == experiment_of(width=32)


@pytest.mark.parametrize("ends", [False, True])
def test_a_run_of_the_session_comes_back_as_its_own(ends: bool) -> None:
    source = FakeSource()
    session = Session(source, experiment_of(), 500)
    mine = put_run(2, live=1)
    handle = source.start(experiment_of(), 500)
    handle.directory = mine.path
    own = ActiveRun(experiment_of(), handle, 500, RunState.SAMPLING)
    session.run = own
    session.open_run(put_run(1, live=1).path)
    assert session.going() == [own]
    assert session.busy
    assert session.aside == "1 other run going on"
    if ends:
        handle.state = RunState.DONE
    session.open_run(mine.path)
    assert (session.run is own) is not ends
    assert session.run.attached is ends
    own.checked = 0.0
    assert session.going() == ([] if ends else [own])


async def test_knobs_show_another_experiment_and_post_nothing() -> None:
    async with opened() as driver:
        knobs = driver.app.screen.query_one(Knobs)
        posted: list[object] = []
        original = knobs.post_message
        knobs.post_message = lambda message: posted.append(message) or original(message)  # type: ignore[method-assign]
        await driver.set("width", "")  # impossible, and marked
        await driver.until(lambda: driver.app.screen.query_one("#knob-width").has_class("-problem"))
        for settings in [
            {"arch": "custom", "module": "package.mod:factory"},
            {"width": "8,16,32", "bias": True, "data": "/some/where.csv"},
            {"arch": "conv", "channels": 3, "data": "gaussian", "inputs": 9},
        ]:
            posted.clear()
            experiment = Experiment.parse(settings)
            knobs.show(experiment, 12_345)
            await driver.quiet()
            assert not [m for m in posted if isinstance(m, Knobs.Changed | Knobs.Invalid)]
            assert not driver.app.screen.query_one("#knob-width").has_class("-problem")
            assert driver.control("samples").value == "12345"
            assert driver.control("arch").value == experiment.arch
            # Untouched but for the number of samples, they yield exactly what was given.
            await driver.set("samples", "777")
            await driver.until(lambda: posted)
            (changed,) = (m for m in posted if isinstance(m, Knobs.Changed))
            assert changed.experiment is experiment
            assert changed.samples == 777
        assert "custom" not in driver.control("arch").names


def test_sizes_have_three_digits() -> None:
    shown = [size_text(size) for size in (0, 1023, 10 * 2**10, 2**20, 345 * 2**20, 1023 * 2**20, 3 * 2**30)]
    assert shown == ["0 kB", "1 kB", "10 kB", "1.0 MB", "345 MB", "1023 MB", "3.0 GB"]
