"""Every key of every screen does what it says, and every field tells what is wrong with bad input."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
from textual.binding import Binding
from textual.command import CommandList
from textual.screen import Screen
from textual.widgets import Input

from geomreg_tui.datasets import BUILT_IN, SYNTHETIC
from geomreg_tui.errors import ExperimentError
from geomreg_tui.experiment import Experiment, choices, parse_count
from geomreg_tui.rundir import RunState, runs_root
from geomreg_tui.tui.keys import ACTIONS, key_name
from geomreg_tui.tui.screens.data import DataScreen
from geomreg_tui.tui.screens.export import ExportScreen
from geomreg_tui.tui.screens.help import FieldHelpScreen, HelpScreen
from geomreg_tui.tui.screens.labels import LabelsScreen
from geomreg_tui.tui.screens.log import LogScreen
from geomreg_tui.tui.screens.quit import QuitScreen
from geomreg_tui.tui.screens.range import RangeScreen
from geomreg_tui.tui.screens.runs import RunsScreen
from geomreg_tui.tui.screens.studies import StudiesScreen
from geomreg_tui.tui.screens.sweep import SweepScreen
from geomreg_tui.tui.screens.tail import TailScreen
from geomreg_tui.tui.screens.train import TrainScreen
from geomreg_tui.tui.widgets.knobs import FILE
from geomreg_tui.tui.widgets.loss import LossPane
from geomreg_tui.tui.widgets.runs import RunsList

from .driving import Driver, opened
from .shelf import put_run
from .test_training import ensemble, trained

Step = Callable[[Driver], Awaitable[object]]
Seen = Callable[[Driver], object]


async def nothing(driver: Driver) -> None:
    pass


def press(*keys: str) -> Step:
    async def step(driver: Driver) -> None:
        await driver.pilot.press(*keys)

    return step


async def begin(driver: Driver) -> None:
    await driver.pilot.press("space")
    await driver.until(lambda: "run sampling" in driver.text("#status"))


async def show_stored(driver: Driver) -> None:
    put_run(1, samples=5_000, target=5_000, live=5)
    (path,) = runs_root().iterdir()
    driver.explorer._load(driver.session.load_run, path)
    await driver.until(lambda: driver.session.shows_run)


async def make_small(driver: Driver) -> None:
    await driver.pilot.resize_terminal(80, 24)
    await driver.until(lambda: driver.explorer.has_class("-tabs"))


async def focus_field(driver: Driver) -> None:
    driver.control("width").focus()
    await driver.pilot.pause()


async def open_dialog(driver: Driver) -> None:
    await driver.pilot.press("escape", "question_mark")
    await driver.until(lambda: on(HelpScreen)(driver))


async def leave_field(driver: Driver) -> None:
    await driver.pilot.press("escape")


async def mark_volume(driver: Driver) -> None:
    await driver.pilot.press("escape")
    while driver.explorer.current != "volume":
        await driver.pilot.press("right_square_bracket")
    remember(driver)


async def hide_volume(driver: Driver) -> None:
    await mark_volume(driver)
    await driver.pilot.press(key_name(ACTIONS["hide"].key))
    await driver.until(lambda: not driver.explorer.query_one("#volume").display)


async def make_taller(driver: Driver) -> None:
    await mark_volume(driver)
    await driver.pilot.press(key_name(ACTIONS["taller"].key))
    await driver.until(lambda: grown(0, 1)(driver))


async def write_path(driver: Driver) -> None:
    await driver.set("data", FILE)
    driver.control("path").focus()
    await driver.pilot.pause()


def remember(driver: Driver) -> None:
    driver.begun = driver.explorer.query_one("#volume").region  # type: ignore[attr-defined]


def grown(across: int, down: int) -> Seen:
    """The volume pane is broader, taller or neither than when it was marked, or the other way around."""

    def seen(driver: Driver) -> bool:
        now, before = driver.explorer.query_one("#volume").region, driver.begun  # type: ignore[attr-defined]
        return (np.sign(now.width - before.width), np.sign(now.height - before.height)) == (across, down)

    return seen


def moved_up(driver: Driver) -> bool:
    return driver.explorer.query_one("#volume").region.y < driver.begun.y  # type: ignore[attr-defined]


def moved_right(driver: Driver) -> bool:
    return driver.explorer.query_one("#volume").region.x > driver.begun.x  # type: ignore[attr-defined]


def hidden(name: str) -> Seen:
    return lambda driver: not driver.explorer.query_one(f"#{name}").display


async def forget_nothing(driver: Driver) -> None:
    driver.app.redrawn = False  # type: ignore[attr-defined]


async def train(driver: Driver) -> None:
    await trained(driver, ensemble())
    await driver.until(lambda: driver.explorer.query_one("#training").display)


async def hold_out(driver: Driver) -> None:
    await driver.set("held_out", "100")
    await driver.until(lambda: "100 examples" in driver.text("#generalisation"))


def on(screen: type[Screen[object]]) -> Seen:
    return lambda driver: isinstance(driver.app.screen, screen)


def says(selector: str, words: str) -> Seen:
    return lambda driver: words in driver.text(selector)


def frame(words: str) -> Seen:
    """Words on the screen that are not in the text of a pane but in its frame, perhaps."""
    return lambda driver: words in driver.screen()


def frame_with(pattern: str) -> Seen:
    """What a pattern finds on the screen."""
    return lambda driver: re.search(pattern, driver.screen()) is not None


def loss_of(driver: Driver) -> LossPane:
    return driver.explorer.query_one(LossPane)


async def read(driver: Driver) -> None:
    await driver.pilot.press("c")
    await driver.until(lambda: crosshair(driver))
    driver.begun = loss_of(driver).at  # type: ignore[attr-defined]


async def read_further_left(driver: Driver) -> None:
    await driver.pilot.press("c", "shift+left", "shift+left")
    await driver.until(lambda: crosshair(driver))
    driver.begun = loss_of(driver).at  # type: ignore[attr-defined]


def crosshair(driver: Driver) -> object:
    return "log10 V" in driver.text("#reading") if driver.explorer.query_one("#reading").display else False


async def pinned(driver: Driver) -> None:
    await driver.pilot.press("p")
    await driver.until(lambda: "pinned" in driver.text("#loss"))


def moved(cells: int) -> Seen:
    """The crosshair that was begun with is so many columns from there."""

    def seen(driver: Driver) -> bool:
        pane = loss_of(driver)
        here, there = (pane.axis.cell(at, pane._columns) for at in (driver.begun, pane.at))  # type: ignore
        return there - here == cells  # type: ignore[operator]

    return seen


def noted(words: str) -> Seen:
    return lambda driver: any(words in note.message for note in driver.app._notifications)


# Of every action of the explorer: what comes before, and what is seen only after its key.
EFFECTS: dict[str, tuple[Step, Seen]] = {
    "sample": (nothing, says("#status", "run sampling")),
    "stop": (begin, says("#status", "run stopped")),
    "pin": (nothing, says("#loss", "pinned")),
    "unpin": (pinned, lambda driver: "pinned" not in driver.text("#loss")),
    "axis": (nothing, frame("density per decade, log axis")),
    "measure": (nothing, frame("networks in each bar")),
    "observable": (nothing, frame("Gradient confusion")),
    "held_out_view": (hold_out, frame("held-out accuracy")),
    "read": (nothing, crosshair),
    "move_left": (read, moved(-1)),
    "move_right": (read, moved(1)),
    "leap_left": (read, moved(-10)),
    "leap_right": (read_further_left, moved(10)),
    "copy_reading": (read, noted("Copied")),
    "closer": (nothing, lambda driver: loss_of(driver).window is not None),
    "farther": (press("i"), lambda driver: loss_of(driver).ends.low == 0),
    "pan_left": (press("i"), lambda driver: loss_of(driver).axis.low < 0.25),
    "pan_right": (nothing, lambda driver: loss_of(driver).axis.low > 0),
    "range": (nothing, on(RangeScreen)),
    "whole": (press("i"), lambda driver: loss_of(driver).window is None),
    "wider_bins": (nothing, lambda driver: loss_of(driver).each == 2),
    "finer_bins": (press("b"), lambda driver: loss_of(driver).each == 1),
    "heights": (nothing, frame("log density")),
    "zoom_in": (nothing, frame_with(r"lowest 1\d(\.\d)? %")),
    "zoom_out": (press("z", "z"), frame_with(r"lowest 1\d(\.\d)? %")),
    "runs": (nothing, on(RunsScreen)),
    "sweep": (nothing, on(SweepScreen)),
    "studies": (nothing, on(StudiesScreen)),
    "tail": (nothing, on(TailScreen)),
    "train": (nothing, on(TrainScreen)),
    "training_view": (train, frame("log10 V of the training loss")),
    "browse": (nothing, on(DataScreen)),
    "export": (show_stored, on(ExportScreen)),
    "previous_tab": (make_small, lambda driver: driver.explorer.active_tab == "sphere"),
    "next_tab": (make_small, lambda driver: driver.explorer.active_tab == "loss"),
    "maximise": (nothing, hidden("loss")),
    "taller": (mark_volume, grown(0, 1)),
    "lower": (mark_volume, grown(0, -1)),
    "broader": (mark_volume, grown(1, 0)),
    "narrower": (mark_volume, grown(-1, 0)),
    "exchange_next": (mark_volume, moved_right),
    "exchange_previous": (mark_volume, moved_up),
    "hide": (mark_volume, hidden("volume")),
    "unhide": (hide_volume, lambda driver: driver.explorer.query_one("#volume").display),
    "arrange_anew": (make_taller, grown(0, 0)),
    "machine": (nothing, lambda driver: "of memory free" in driver.screen()),
    "more_keys": (make_small, says("#keys", "v View")),
    "help": (leave_field, on(HelpScreen)),
    "help_in_text": (write_path, on(FieldHelpScreen)),
    "quit": (begin, on(QuitScreen)),
    "leave_field": (focus_field, lambda driver: driver.explorer.focused is None),
    "palette": (open_dialog, lambda driver: "Palette" in type(driver.app.screen).__name__),
    "redraw": (forget_nothing, lambda driver: driver.app.redrawn),  # type: ignore[attr-defined]
    "suspend": (nothing, lambda driver: driver.app.suspended),  # type: ignore[attr-defined]
    "quit_anywhere": (open_dialog, lambda driver: not driver.app.is_running or driver.app._exit),
}  # fmt: skip


def test_every_action_has_its_effect_in_the_table() -> None:
    assert set(EFFECTS) == set(ACTIONS)


async def close(driver: Driver) -> None:
    await driver.pilot.press("escape")
    await driver.until(lambda: closed(driver))


# Actions that share an explorer, and what is done between them.
TOGETHER: dict[tuple[str, ...], Step] = {
    ("runs", "sweep", "studies", "tail", "train", "help", "browse"): close,
    ("pin", "axis", "measure", "zoom_in", "redraw", "suspend", "observable"): nothing,
    ("unpin", "heights", "machine"): nothing,
    ("move_left", "move_right", "leap_left", "leap_right", "copy_reading", "read"): press("escape"),
    ("finer_bins", "wider_bins", "closer", "farther", "pan_left", "pan_right", "whole"): press("a"),
    ("taller", "lower", "broader", "narrower", "exchange_next", "exchange_previous"): press("equals_sign"),
    ("hide", "unhide", "arrange_anew"): press("equals_sign"),
    ("previous_tab", "more_keys"): nothing,
}
APART = {(name,): nothing for name in EFFECTS if not any(name in group for group in TOGETHER)}
GROUPS = TOGETHER | APART


@pytest.mark.parametrize("names", GROUPS, ids="-".join)
async def test_every_key_does_what_it_says(names: tuple[str, ...]) -> None:
    async with opened() as driver:
        driver.app.suspended = False  # type: ignore[attr-defined]
        driver.app._painter.forget = lambda: setattr(driver.app, "redrawn", True)  # type: ignore[method-assign]
        # What a real suspension does to a terminal is tested with one; without one Textual does nothing.
        driver.app.action_suspend_process = lambda: setattr(driver.app, "suspended", True)  # type: ignore[method-assign]
        for name in names:
            before, seen = EFFECTS[name]
            await before(driver)
            await driver.pilot.pause()
            assert not seen(driver), driver.screen()
            await driver.pilot.press(key_name(ACTIONS[name].key))
            await driver.until(lambda seen=seen: seen(driver), name)
            await GROUPS[names](driver)


# The palette takes the focus itself, and is not offered what works in it anyway.
NOT_OFFERED = ("leave_field", "help_in_text", "palette", "redraw", "suspend", "quit_anywhere")
IN_PALETTE = [name for name in EFFECTS if name not in NOT_OFFERED]


def first_of_palette(driver: Driver) -> str:
    """Return the first command that the palette has found; empty while it searches."""
    screen = driver.app.screen
    commands = screen.query_one(CommandList)
    if any(not worker.is_finished for worker in screen.workers) or commands.highlighted != 0:
        return ""
    return str(commands.get_option_at_index(0).prompt)


@pytest.mark.parametrize(
    "name", [*IN_PALETTE[:2], *(pytest.param(name, marks=pytest.mark.full) for name in IN_PALETTE[2:])]
)
async def test_every_action_works_by_name_in_the_palette(name: str) -> None:
    before, seen = EFFECTS[name]
    async with opened(size=(150, 60)) as driver:
        await before(driver)
        title = next(b.description for b in driver.explorer.BINDINGS if b.id == name)
        await driver.pilot.press("ctrl+p")
        await driver.until(lambda: "Palette" in type(driver.app.screen).__name__)
        await driver.pilot.press(*title.partition("/")[0].lower())
        await driver.until(lambda: first_of_palette(driver).startswith(f"{title} ("), title)
        await driver.pilot.press("enter")
        await driver.until(lambda: seen(driver), name)


# The keys of the other screens


def chosen(action: str) -> Seen:
    return lambda driver: [choice.action for choice in driver.app.ended if choice] == [action]  # type: ignore[attr-defined]


def selected(place: int) -> Seen:
    def seen(driver: Driver) -> bool:
        listed = driver.app.screen.query_one(RunsList)
        return listed.selected is listed.entries[place]

    return seen


def closed(driver: Driver) -> bool:
    return driver.app.screen is driver.explorer


RUNS_KEYS: dict[str, tuple[Step, Seen]] = {
    "enter": (nothing, chosen("open")),
    "c": (nothing, chosen("compare")),
    "e": (nothing, on(ExportScreen)),
    "d": (nothing, says("#runs-about", "Delete? y/n")),
    "space": (nothing, says("#runs-count", "1 marked")),
    "asterisk": (nothing, says("#runs-count", "30 marked")),
    "n": (nothing, on(LabelsScreen)),
    "l": (nothing, on(LogScreen)),
    "g": (nothing, chosen("go on")),
    "o": (nothing, lambda driver: driver.app.screen.query_one(RunsList).order == "state"),
    "O": (nothing, lambda driver: driver.app.screen.query_one(RunsList).reverse),
    "v": (nothing, says("#runs-about", "every checksum is right")),
    "slash": (nothing, lambda driver: driver.app.screen.focused.id == "runs-filter"),
    "escape": (nothing, closed),
    "q": (nothing, closed),
    "r": (nothing, closed),
    "up": (press("down", "down"), selected(1)),
    "down": (nothing, selected(1)),
    "pageup": (press("end"), lambda driver: not selected(-1)(driver)),
    "pagedown": (nothing, lambda driver: not selected(0)(driver)),
    "home": (press("end"), selected(0)),
    "end": (nothing, selected(-1)),
}


def keys_of(screen: type[Screen[object]]) -> set[str]:
    bound = [binding for binding in screen.BINDINGS if isinstance(binding, Binding)]
    return {key for binding in bound for key in binding.key.split(",")}


def test_every_key_of_the_runs_list_is_in_the_table() -> None:
    assert set(RUNS_KEYS) == keys_of(RunsScreen)


@pytest.mark.full  # tests/tui/test_runs_screen.py presses each of them, and some more at a time
@pytest.mark.parametrize("key", RUNS_KEYS)
async def test_every_key_of_the_runs_list_does_what_it_says(key: str) -> None:
    before, seen = RUNS_KEYS[key]
    for number in range(1, 31):
        put_run(number, RunState.DONE, committed=1 if number == 30 else 0)
    async with opened() as driver:
        driver.app.ended = []  # type: ignore[attr-defined]
        driver.app.push_screen(RunsScreen(), driver.app.ended.append)  # type: ignore[attr-defined]
        await driver.until(lambda: " kB" in driver.screen())
        await before(driver)
        assert not seen(driver), driver.screen()
        await driver.pilot.press(key)
        await driver.until(lambda: seen(driver), key)


async def test_every_key_of_the_help_closes_it() -> None:
    async with opened() as driver:
        for key in sorted(keys_of(HelpScreen)):
            await open_dialog(driver)
            await driver.pilot.press(key)
            await driver.until(lambda: closed(driver), key)


@pytest.mark.parametrize(("leaves", "calls"), [("k", []), ("s", ["stop"])])
async def test_every_key_of_the_quit_dialog_answers_it(leaves: str, calls: list[str]) -> None:
    stays = keys_of(QuitScreen) - {"k", "s"}
    assert len(stays) >= 2
    async with opened() as driver:
        await begin(driver)
        for key in (*sorted(stays), leaves):
            await driver.pilot.press("q")
            await driver.until(lambda: on(QuitScreen)(driver))
            await driver.pilot.press(key)
            await driver.until(lambda key=key: driver.app._exit if key == leaves else closed(driver), key)
            assert driver.source.runs[0].calls == (calls if key == leaves else [])


# Bad input


NUMBERS = {  # fields of numbers, by the settings that show them
    (("data", "gaussian"),): (
        "width",
        "depth",
        "gain",
        "inputs",
        "examples",
        "held_out",
        "label_noise",
        "seed",
        "samples",
    ),
    (("arch", "conv"), ("init", "student_t")): ("channels", "dof"),
    (("init", "sparse"),): ("sparsity",),
}
BAD = (
    "",
    "-1",
    "0",
    "nan",
    "inf",
    "1e999",
    "1e-400",
    "1.5.2",
    "1,,2",
    "2,",
    "0x10",
    "1e",
    "--3",
    "٣",
    "9" * 400,
)


async def test_every_field_is_tried_with_bad_input() -> None:
    tried = {f"field-{field}" for fields in NUMBERS.values() for field in fields}
    async with opened() as driver:
        free = {field.id for field in driver.explorer.query(Input)}
    assert free == tried | {"field-path", "field-target", "radius"}


def why_not(settings: dict[str, object], field: str, value: str) -> str | None:
    """What the experiment itself has against a value."""
    try:
        parse_count(value) if field == "samples" else Experiment.parse({**settings, field: value})
    except ExperimentError as error:
        return next(problem.allowed for problem in error.problems if problem.key == field)
    return None


# By default one field after the other is given each third value, the others with the next two fields.
@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.full)])
@pytest.mark.parametrize("settings", NUMBERS, ids=lambda settings: "-".join(value for _, value in settings))
async def test_bad_input_is_told_in_place_and_starts_nothing(
    settings: tuple[tuple[str, str], ...], step: int
) -> None:
    given = dict(settings)
    async with opened(size=(150, 60), **given) as driver:
        for number, field in enumerate(NUMBERS[settings]):
            control, row = driver.control(field), driver.app.screen.query_one(f"#knob-{field}")
            good, told = control.value, 0
            for value in BAD[number % step :: step]:
                reason = why_not({"data": "digits", **given}, field, value)
                if reason is None or (field == "inputs" and not value):  # left empty: as many as usual
                    continue
                control.value = value
                await driver.pilot.pause()
                await driver.pilot.pause()
                said = " ".join(driver.text(f"#{row.id}").split())
                assert row.has_class("-problem"), f"{field} = {value!r}"
                assert f"{reason}." in said.replace("…", ""), f"{field} = {value!r}: {said}"
                assert f"not started: {field}" in driver.text("#status")
                driver.app.screen.set_focus(None)
                await driver.pilot.press("space")
                told += 1
            assert told >= 5 // step, field
            control.value = good
            await driver.until(lambda row=row: not row.has_class("-problem"))
            assert "not started" not in driver.text("#status")
        await driver.quiet()
        assert len(driver.source.previews) == 1
        assert driver.source.runs == []


async def test_a_bad_radius_is_told_in_place_and_changes_nothing() -> None:
    async with opened() as driver:
        before = driver.text("SphereCurve")
        for value in ("", "0", "-1", "nan", "inf", "1e7", "1e-9", "1e", "--", "1,5"):
            await driver.set("radius", value)
            await driver.until(lambda: "! 0.001 to 1e6" in driver.screen(), value)
            assert driver.text("SphereCurve") == before
            await driver.set("radius", "1")
            await driver.until(lambda: "! 0.001 to 1e6" not in driver.screen(), value)


@pytest.mark.parametrize(
    "value",
    [
        *("/no/such.csv", "\x1b]52;c;eA==\x07"),
        *(pytest.param(value, marks=pytest.mark.full) for value in ("", "/", "[/red]", "x" * 5000)),
    ],
)
async def test_a_bad_path_is_told_in_place_and_starts_nothing(value: str) -> None:
    async with opened(size=(200, 60)) as driver:
        await driver.set("data", FILE)
        await driver.set("path", value)
        await driver.until(lambda: "! got" in driver.text("#knob-path"))
        assert "\x1b" not in driver.screen()
        assert "not started" in driver.text("#status")
        driver.app.screen.set_focus(None)
        await driver.pilot.press("space")
        await driver.quiet()
        assert driver.source.runs == []
        assert len(driver.source.previews) == 1


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("folder.csv", "folder.csv"),
        *(
            pytest.param(*each, marks=pytest.mark.full)  # tests/tui/test_export_screen.py has their kinds
            for each in [
                ("out", "out"),
                ("", "name a file"),
                ("/no/such/folder/x.csv", "/no/such/folder"),
                ("out.docx", ".docx"),
                ("taken.csv", "enter again replaces it"),
                ("[/]\x1b[2J.csv/", ""),
            ]
        ),
    ],
)
async def test_bad_file_names_for_an_export_are_told(
    value: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "taken.csv").write_text("kept")
    before = sorted(tmp_path.iterdir())
    async with opened() as driver:
        await show_stored(driver)
        await driver.pilot.press("e")
        await driver.until(lambda: isinstance(driver.app.screen, ExportScreen))
        field = driver.app.screen.query_one("#export-path")
        field.focus()
        await driver.pilot.pause()
        field.value = value  # type: ignore[attr-defined]
        await driver.pilot.press("enter")
        await driver.until(lambda: "! " in driver.text("#export-outcome"))
        assert words in " ".join(driver.text("#export-outcome").split())
        assert "\x1b" not in driver.screen()
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "taken.csv").read_text() == "kept"


async def test_any_text_filters_the_runs() -> None:
    put_run(1)
    async with opened() as driver:
        await driver.pilot.press("r")
        await driver.until(lambda: " kB" in driver.screen())
        field = driver.app.screen.query_one("#runs-filter")
        for text in ("[/", "(", "*", "\\", "x" * 2000, "\x1b[2J"):
            field.value = text
            await driver.until(lambda: "0 of 1 run" in driver.screen(), text)
            field.value = "  "
            await driver.until(lambda: "0 of 1 run" not in driver.screen() and "1 run" in driver.screen())


async def test_choices_take_nothing_that_is_not_offered() -> None:
    """A choice cannot be given a bad value: typing finds names, and all that are offered can be sampled."""
    async with opened() as driver:
        for key in ("activation", "init", "loss"):
            assert driver.control(key).names == choices(key)
            for name in driver.control(key).names:
                await driver.set(key, name)
                assert driver.app.screen.query_one(f"#knob-{key}").has_class("-problem") is False, name
        assert set(driver.control("data").names) == {*BUILT_IN, *SYNTHETIC, FILE}
        assert "custom" not in driver.control("arch").names
