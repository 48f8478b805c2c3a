"""Settings and the last session in the explorer: keys that were changed, and what is open again."""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path

import pytest

from geomreg_tui.errors import ExperimentError
from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir import runs_root
from geomreg_tui.tui import run_explorer
from geomreg_tui.tui.app import FIRST, ExplorerApp
from geomreg_tui.tui.keys import Keys, parse_keys
from geomreg_tui.tui.screens.help import HelpScreen
from geomreg_tui.tui.settings import Settings
from geomreg_tui.tui.state import State, keep_state, read_look, read_state
from tests.patience import PATIENCE

from .driving import Driver, opened
from .fakes import FakeSource
from .shelf import put_run
from .terminal import LEAVES_ALTERNATE_SCREEN, in_terminal

SCRIPT = """
import sys
from tests.tui.fakes import FakeSource
from geomreg_tui.experiment import Experiment
from geomreg_tui.tui import run_explorer
options = dict(option.split("=") for option in sys.argv[1:])
fresh = options.pop("fresh", False)
sys.exit(run_explorer(Experiment.parse(options), source=FakeSource(), fresh=bool(fresh)))
"""
LOG = "density per decade"


def changed(**keys: object) -> Keys:
    parsed, problems = parse_keys(keys)
    assert not problems
    return parsed


# Keys


async def test_a_changed_key_works_and_the_old_one_does_not() -> None:
    async with opened(keys=changed(axis=["w", "f5"])) as driver:
        await driver.pilot.press("l")
        assert LOG not in driver.screen()
        await driver.pilot.press("w")
        assert LOG in driver.screen()
        await driver.pilot.press("f5")
        assert LOG not in driver.screen()


async def test_keys_can_change_places() -> None:
    async with opened(keys=changed(axis="p", pin="l")) as driver:
        await driver.pilot.press("p")
        assert LOG in driver.screen()
        assert len(driver.session.pins) == 0
        await driver.pilot.press("l")
        assert len(driver.session.pins) == 1


async def test_changed_keys_work_wherever_the_focus_is() -> None:
    async with opened(keys=changed(axis=["w", "f5"], leave_field="f2")) as driver:
        for field in ("arch", "width", "radius", "data"):
            driver.control(field).focus()
            await driver.pilot.pause()
            before, value = LOG in driver.screen(), driver.control(field).value
            await driver.pilot.press("w")
            assert (LOG in driver.screen()) is not before, field
            assert driver.control(field).value == value
        await driver.set("data", "a file")
        driver.control("path").focus()
        await driver.pilot.pause()
        before = LOG in driver.screen()
        await driver.pilot.press("w")
        assert driver.control("path").value == "w"
        await driver.pilot.press("f5")
        assert (LOG in driver.screen()) is not before
        await driver.pilot.press("f2")
        assert driver.app.focused is None


async def test_the_key_line_shows_the_keys_in_effect_and_a_click_presses_them() -> None:
    keys = changed(axis=["w", "f5"], palette="f10", help="h", quit="ctrl+t")
    async with opened(keys=keys, size=(200, 40)) as driver:
        line = driver.text("#keys")
        for shown in ("w, f5 Lin/log", "h Help", "^t Quit", "f10 Palette", "space Start/pause"):
            assert shown in line
        for old in ("l Lin/log", "? Help", "q Quit", "^p"):
            assert old not in line.replace("w, f5 Lin/log", "")
        await driver.pilot.click("#keys", offset=(line.index("w, f5") + 2, 0))
        await driver.pilot.pause()
        assert LOG in driver.screen()


async def test_the_usual_keys_are_shown_as_ever() -> None:
    async with opened(size=(119, 40)) as driver:
        line = " ".join(driver.text("#keys").split())
        usual = "space Start/pause x Sweep c Crosshair ] Next [ Back p Pin l Lin/log v View"
        usual += " \\ More ? Help q Quit ^p Palette"
        assert line == usual


async def test_however_narrow_help_quit_and_palette_are_shown() -> None:
    async with opened(size=(60, 16)) as driver:
        line = " ".join(driver.text("#keys").split())
        assert line == "space Start/pause \\ More ? Help q Quit ^p Palette"


async def test_help_shows_the_keys_in_effect_and_closes_by_its_own() -> None:
    keys = changed(help="h", quit=["ctrl+t", "Q"], suspend="f9", sample="alt+x")
    async with opened(keys=keys, size=(200, 60)) as driver:
        await driver.pilot.press("question_mark")
        assert not isinstance(driver.app.screen, HelpScreen)
        for closing in ("h", "Q"):
            await driver.pilot.press("escape", "h")
            await driver.until(lambda: isinstance(driver.app.screen, HelpScreen))
            await driver.until(lambda: "Keys" in driver.screen())
            pages = await driver.pages("#help-entries")
            rows = [" ".join(row.split()) for row in pages.split("\n")]
            for row in (
                "h This help",
                "^t, Q Leave; asks first",
                "f9 Suspend to the shell",
                "alt+x Start the full run",
                "^q Quit, from anywhere",
            ):
                assert any(row in shown for shown in rows), row
            await driver.pilot.press(closing)
            assert driver.app.screen is driver.explorer


async def test_the_palette_opens_by_its_key_and_shows_the_keys_in_effect() -> None:
    async with opened(keys=changed(palette="f10", axis="w"), size=(120, 130)) as driver:
        driver.control("width").focus()
        await driver.pilot.press("ctrl+p")
        await driver.pilot.pause()
        assert driver.app.screen is driver.explorer
        await driver.pilot.press("f10")
        await driver.until(lambda: "Lin/log (w)" in driver.screen())
        assert "Start/pause (space)" in driver.screen()


async def test_leaving_by_changed_keys() -> None:
    for name, key in (("quit", "w"), ("quit_anywhere", "f4")):
        async with opened(keys=changed(**{name: key})) as driver:
            await driver.pilot.press("q" if name == "quit" else "ctrl+q")
            assert driver.app.is_running
            await driver.pilot.press(key)
            await driver.pilot.pause()
            assert not driver.app.is_running


# What is open again


async def test_the_axis_the_pane_the_radius_and_the_theme_are_restored() -> None:
    state = State(log_axis=True, tab="sphere", radius=2.0, theme="gruvbox")
    async with opened(restored=state, size=(80, 24)) as driver:
        assert driver.app.theme == "gruvbox"
        assert driver.explorer.active_tab == "sphere"
        text = driver.text("#sphere")
        assert "log axis" in text
        assert "peak n = 24." in text
        assert len(driver.source.previews) == 1
        await driver.pilot.press(*["left_square_bracket"] * 5)
        assert driver.explorer.active_tab == "loss"
        assert "1e-2" in driver.text("#loss")


async def test_what_is_open_is_kept_when_the_explorer_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "explorer.json"
    async with opened(keep_in=path) as driver:
        await driver.set("width", "64")
        await driver.set("samples", "2e6")
        await driver.set("radius", "0.5")
        await driver.settled()
        await driver.pilot.press("l")
        driver.app.theme = "nord"
        for field in ("width", "radius"):  # a value half typed replaces none that was possible
            await driver.set(field, "-")
        assert not path.exists()
        await driver.pilot.press("q")
    state, notice = read_state(path)
    assert notice == ""
    assert state.experiment == driver.session.experiment
    assert state.experiment is not None
    assert state.experiment.width == 64
    assert state == State(driver.session.experiment, 2_000_000, True, "setup", 0.5, "nord", "density")


async def test_a_theme_that_was_not_chosen_in_the_palette_does_not_replace_one_that_was(
    tmp_path: Path,
) -> None:
    path = tmp_path / "explorer.json"
    async with opened(keep_in=path, restored=State(theme="nord")) as driver:
        assert driver.app.theme == "nord"
    assert read_state(path)[0].theme == "nord"


async def test_leaving_before_the_explorer_is_there_leaves_the_last_session_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "explorer.json"
    app = ExplorerApp(Experiment.parse({"width": 3}), 50, FakeSource(), keep_in=path)
    app._prepare = threading.Event().wait  # type: ignore[method-assign, assignment]
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("q")
        await pilot.pause()
        assert app.explorer is None
        assert app.return_code == 0
    assert not path.exists()


async def test_without_an_experiment_the_last_one_is_read_after_the_first_frame(tmp_path: Path) -> None:
    last = Experiment.parse({"width": 48})
    path = tmp_path / "explorer.json"
    assert keep_state(path, State(last, 70, True, "modes", theme="nord")) == ""
    for file, state in (
        (path, (last, 70, True, "modes")),
        (None, (Experiment.parse(FIRST), 10**6, False, "loss")),
    ):
        restored = State() if file is None else read_look(file)
        assert restored.experiment is None
        app = ExplorerApp(None, None, FakeSource(), restored=restored, last=file)
        assert app.theme == (restored.theme or app.theme)
        async with app.run_test(size=(120, 40)) as pilot:
            driver = Driver(app, pilot, app.source)  # type: ignore[arg-type]
            await driver.until(lambda: app.explorer is not None)  # noqa: B023
            shown = driver.explorer.state()
            assert (shown.experiment, shown.samples, shown.log_axis, shown.tab) == state


async def test_after_a_crash_the_last_good_session_stays(tmp_path: Path) -> None:
    path = tmp_path / "explorer.json"

    async def crash() -> None:
        async with opened(keep_in=path) as driver:
            driver.explorer.call_later(lambda: 1 / 0)
            await driver.pilot.pause()

    with pytest.raises(ZeroDivisionError):
        await crash()
    assert not path.exists()


async def test_what_is_not_restored_is_told_and_stops_nothing() -> None:
    async with opened(notice="not restored: [bold]radius\x1b[0m", notifications=True) as driver:
        await driver.until(lambda: "not restored: [bold]radius" in driver.screen())
        assert "\x1b" not in driver.screen()
        assert "preview done" in driver.text("#status")


async def test_a_theme_that_is_no_more_is_told() -> None:
    async with opened(restored=State(theme="odd one"), notifications=True) as driver:
        await driver.until(lambda: "odd one" in driver.screen())
        assert driver.app.theme != "odd one"


def opened_with(
    monkeypatch: pytest.MonkeyPatch, experiment: Experiment, **options: object
) -> dict[str, object]:
    """Return what the explorer would be opened with."""
    from geomreg_tui.tui import app

    names = (
        "experiment",
        "samples",
        "source",
        "attached",
        "settings",
        "restored",
        "notice",
        "keep_in",
        "last",
    )
    given: dict[str, object] = {}
    monkeypatch.setattr(app, "open_explorer", lambda *values: given.update(zip(names, values, strict=True)))
    run_explorer(experiment, source=FakeSource(), **options)  # type: ignore[arg-type]
    return given


def test_only_a_start_without_options_restores_the_experiment(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    path = home / "explorer.json"
    kept = {"version": 1, "experiment": {"width": 64}, "samples": 500, "log_axis": True, "tab": "modes"}
    path.write_text(json.dumps({**kept, "radius": 3, "theme": "nord"}))
    last, other = Experiment.parse({"width": 64}), Experiment.parse({"depth": 2})
    plain = Experiment.parse({})

    given = opened_with(monkeypatch, plain)
    state = State(last, 500, True, "modes", 3.0, "nord")
    assert (given["experiment"], given["samples"], given["restored"]) == (last, 500, state)
    assert given["keep_in"] == path
    given = opened_with(monkeypatch, plain, samples=7)
    assert (given["experiment"], given["samples"]) == (last, 7)
    given = opened_with(monkeypatch, other)
    look = State(log_axis=True, theme="nord")
    assert (given["experiment"], given["samples"], given["restored"]) == (other, None, look)
    assert given["keep_in"] == path
    given = opened_with(monkeypatch, plain, fresh=True)
    assert (given["experiment"], given["samples"], given["restored"]) == (plain, None, State())
    given = opened_with(monkeypatch, plain, attached=Path("/run"), samples=9)
    assert (given["experiment"], given["samples"], given["restored"]) == (plain, 9, look)
    assert given["keep_in"] is None


def test_a_theme_that_a_setting_names_wrongly_is_refused_with_where_it_stands() -> None:
    settings = Settings(theme="nrod", sources={"theme": "configuration file"})
    with pytest.raises(ExperimentError) as caught:
        run_explorer(Experiment.parse({}), 1, source=FakeSource(), settings=settings)
    (problem,) = caught.value.problems
    assert str(problem).startswith("theme (configuration file): got 'nrod'; allowed are")
    assert problem.nearest == "nord"


# In a real terminal


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.full)])
def test_what_was_open_when_a_signal_ended_it_is_open_again(number: signal.Signals) -> None:
    command = [sys.executable, "-c", SCRIPT]
    with in_terminal([*command, "width=48"]) as terminal:
        assert terminal.shows("preview done")
        terminal.press(b"l")
        assert terminal.shows(LOG)
        terminal.process.send_signal(number)
        terminal.read(PATIENCE, until=LEAVES_ALTERNATE_SCREEN)
        assert terminal.process.wait(PATIENCE) == 128 + number
    with in_terminal(command) as terminal:
        assert terminal.shows("mlp 64→48×3→10")
        assert terminal.shows(LOG)
        terminal.press(b"q")
        assert terminal.process.wait(PATIENCE) == 0
    with in_terminal([*command, "fresh=1"]) as terminal:
        assert terminal.shows("mlp 64→256×3→10")
        assert terminal.shows("preview done")
        assert LOG not in terminal.text()


def test_what_was_open_when_the_terminal_vanished_is_open_again(home: Path) -> None:
    with in_terminal([sys.executable, "-c", SCRIPT, "width=48"]) as terminal:
        assert terminal.shows("preview done")
        terminal.close()
        assert terminal.process.wait(PATIENCE) == 128 + signal.SIGHUP
    state, notice = read_state(home / "explorer.json")
    assert notice == ""
    assert state.experiment is not None
    assert state.experiment.width == 48


async def test_the_run_on_view_and_what_is_drawn_of_it_are_there_again(tmp_path: Path) -> None:
    put_run(1, samples=5_000, target=5_000, live=5)
    (run,) = runs_root().iterdir()
    kept = tmp_path / "explorer.json"
    async with opened(keep_in=kept) as driver:
        driver.explorer._load(driver.session.load_run, run)
        await driver.until(lambda: driver.session.shows_run)
        await driver.pilot.press("v")
        await driver.pilot.press("q")
    state, notice = read_state(kept)
    assert (state.run, state.measure, notice) == (str(run), "count", "")
    async with opened(restored=state, wait=False) as driver:
        await driver.until(lambda: driver.session.shows_run and "run done" in driver.text("#status"))
        assert driver.session.directory == run
        assert "networks in each bar" in driver.screen()
        await driver.set("width", "64")  # a preview is on view from now on
        await driver.until(lambda: not driver.session.shows_run)
        assert driver.explorer.state().run is None
    assert state.look.run is None


async def test_a_run_that_is_gone_is_named_and_the_rest_is_there(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    async with opened(restored=State(run=gone, measure="cumulative"), notifications=True) as driver:
        assert any(gone in note.message for note in driver.app._notifications)
        assert "share with loss" in driver.screen()
        assert not driver.session.shows_run


@pytest.mark.parametrize("value", ["relative/path", 7, ["a"]])
def test_a_run_that_is_no_path_is_left_out(tmp_path: Path, value: object) -> None:
    path = tmp_path / "explorer.json"
    path.write_text(json.dumps({"version": 1, "run": value, "measure": "count"}))
    state, notice = read_state(path)
    assert (state.run, state.measure) == (None, "count")
    assert "run" in notice
