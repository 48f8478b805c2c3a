"""Terminals that have few colours, or take no Unicode: frames are seen, and words keep their meaning."""

from __future__ import annotations

import sys

import pyte
import pytest
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from geomreg_tui.ascii import WORDS
from geomreg_tui.tui.look import AsciiFilter, plain_theme
from geomreg_tui.tui.painter import Painter
from geomreg_tui.tui.settings import load_settings
from geomreg_tui.tui.widgets.rows import ROLES, Roles
from tests.patience import PATIENCE

from .driving import opened
from .terminal import Terminal, in_terminal

SCRIPT = """
import sys
from tests.tui.fakes import FakeSource
from geomreg_tui.experiment import Experiment
from geomreg_tui.tui import run_explorer
from geomreg_tui.tui.painter import Painter
from geomreg_tui.tui.settings import load_settings
experiment = Experiment.parse({"data": "digits"})
sys.exit(run_explorer(experiment, 10_000_000, source=FakeSource(), settings=load_settings()))
"""
PROGRAM = [sys.executable, "-c", SCRIPT]
BLACK = Color(0, 0, 0)


# Colours


@pytest.mark.parametrize(
    ("term", "plain"),
    [
        *((term, True) for term in ("screen", "linux", "vt100", "xterm-16color", "tmux")),
        *((term, False) for term in ("xterm-256color", "screen-256color", "tmux-256color", "xterm-kitty")),
    ],
)
@pytest.mark.parametrize("truecolor", [False, True])
def test_few_colours_are_told_by_the_name_of_the_terminal(term: str, plain: bool, truecolor: bool) -> None:
    variables = {"TERM": term, "COLORTERM": "truecolor" if truecolor else ""}
    system = Console(force_terminal=True, _environ=variables)._color_system
    assert system is not None
    assert plain_theme(system, variables) == ("ansi-dark" if plain and not truecolor else None)


@pytest.mark.parametrize(
    ("background", "theme"), [("0;15", "ansi-light"), ("0;default;7", "ansi-light"), ("15;0", "ansi-dark")]
)
def test_a_white_background_has_a_light_theme(background: str, theme: str) -> None:
    assert plain_theme(ColorSystem.STANDARD, {"COLORFGBG": background}) == theme


@pytest.mark.parametrize(
    "term",
    ["screen", *(pytest.param(t, marks=pytest.mark.full) for t in ("xterm-16color", "linux"))],
)
def test_frames_are_seen_in_sixteen_colours(term: str) -> None:
    with in_terminal(PROGRAM, variables={"TERM": term, "COLORTERM": ""}) as terminal:
        assert terminal.shows("preview done")
        terminal.settle()
        frames = terminal.colours("╭") | terminal.colours("─")
        assert frames
        own = ("default", "default")  # the terminal's own, which differ
        assert all(ink != behind for ink, behind in frames - {own}), frames


# The colours that are not the terminal's text and ground, as xterm has them.
XTERM = {
    1: (205, 0, 0),
    2: (0, 205, 0),
    3: (205, 205, 0),
    4: (0, 0, 238),
    5: (205, 0, 205),
    6: (0, 205, 205),
    9: (255, 0, 0),
    10: (0, 255, 0),
    11: (255, 255, 0),
    12: (92, 92, 255),
    13: (255, 0, 255),
    14: (0, 255, 255),
}
DEFAULT = -1  # the terminal's text


def luminance(colour: tuple[int, int, int]) -> float:
    """Return the relative luminance of a colour, as WCAG 2.1 defines it."""
    parts = [part / 255 for part in colour]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light"])
async def test_colours_of_the_terminal_itself_are_seen_on_black_and_on_white(theme: str) -> None:
    """Nobody knows which is behind. With white cyan has a contrast of 2.0, and bright yellow one of 1.1."""
    async with opened() as driver:
        driver.app.theme = theme
        await driver.pilot.pause()
        roles = driver.app.screen.query_one(Roles)
        numbers = {role: roles.get_component_styles(f"role--{role}").color.ansi for role in ROLES}
    own = {role: number for role, number in numbers.items() if number != DEFAULT}
    assert {"bar", "theory", "landmark", "pinned", "key"} <= set(own)
    for role, number in own.items():
        assert number is not None, role
        level = luminance(XTERM[number]) + 0.05
        assert level / 0.05 > 1.9, role
        assert 1.05 / level > 1.9, role


NAMES = ("black", "red", "green", "brown", "blue", "magenta", "cyan", "white")  # as pyte has them
SIXTEEN = {0: (0, 0, 0), 7: (229, 229, 229), 8: (127, 127, 127), 15: (255, 255, 255), **XTERM}
NUMBERS = {name: number for number, name in enumerate((*NAMES, *(f"bright{name}" for name in NAMES)))}
THEMES = sorted(name for name in BUILTIN_THEMES if not name.startswith("ansi"))


@pytest.mark.parametrize(
    "theme",
    [
        pytest.param(name, marks=() if name in ("textual-light", "textual-dark") else pytest.mark.full)
        for name in THEMES
    ],
)
async def test_every_ink_of_every_theme_is_read_in_sixteen_colours(theme: str) -> None:
    console = Console(color_system="standard", force_terminal=True)
    screen, painter = pyte.Screen(120, 40), Painter()
    async with opened() as driver:
        driver.app.theme = theme
        await driver.pilot.pause()
        with driver.watched() as drawn:
            driver.app.refresh(layout=True)
            await driver.still()
        for update in drawn:
            pyte.Stream(screen).feed(painter.sequence(update, console))
    cells = [cell for row in screen.buffer.values() for cell in row.values() if cell.data.strip()]
    pairs = {(cell.fg, cell.bg) for cell in cells} - {("default", "default")}
    assert len(pairs) > 3
    for ink, behind in pairs:
        levels = sorted(luminance(SIXTEEN[NUMBERS[name]]) + 0.05 for name in (ink, behind))
        assert levels[1] / levels[0] > 1.9, (ink, behind)


def test_more_colours_keep_the_theme() -> None:
    with in_terminal(PROGRAM) as terminal:
        assert terminal.shows("preview done")
        terminal.settle()
        assert any(behind != "default" for _, behind in terminal.colours("╭"))


# What is focused


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark", "nord"])
async def test_the_control_that_has_the_focus_is_told_by_more_than_a_shade(theme: str) -> None:
    async with opened() as driver:
        driver.app.theme = theme
        for name in ("width", "activation"):
            driver.control(name).focus()
            await driver.pilot.pause()
            labels = driver.explorer.query(".knob-label")
            told = [label.parent.id for label in labels if label.styles.text_style.reverse]
            assert told == [f"knob-{name}"]


# ASCII


@pytest.mark.parametrize(
    ("variables", "ascii_only"),
    [
        ({"LC_ALL": "C"}, True),
        ({"LC_ALL": "", "LC_CTYPE": "C.UTF-8", "LANG": "C"}, True),  # as Python leaves LANG=C
        ({"LANG": "de_DE.ISO-8859-1"}, True),
        ({"LC_CTYPE": "POSIX", "LANG": "en_US.UTF-8"}, True),
        ({"LANG": "en_US.UTF-8"}, False),
        ({"LC_ALL": "C.utf8", "LANG": "C"}, False),
        ({}, False),
    ],
)
def test_a_locale_without_utf8_means_ascii(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], ascii_only: bool
) -> None:
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.ascii is ascii_only
    assert ("locale" in settings.source("ascii")) is ascii_only
    assert load_settings({"ascii": False}).ascii is False


def test_in_such_a_locale_nothing_but_ascii_is_sent() -> None:
    with in_terminal(PROGRAM, variables={"LC_ALL": "C"}) as terminal:
        assert terminal.shows("preview done")
        terminal.settle()
        text = terminal.text()
        assert text.isascii()
        assert "+/-" in text
        # A word moves what stands behind it; cells that were sent one by one are where they are in the whole.
        terminal.clear()
        terminal.press(b"\x0c")
        assert same_again(terminal, text)


def in_ascii(*texts: str) -> str:
    segments = [Segment(text, Style(bold=bool(number % 2))) for number, text in enumerate(texts)]
    return "".join(segment.text for segment in AsciiFilter().apply(segments, BLACK))


@pytest.mark.parametrize(("char", "word"), WORDS.items())
def test_a_sign_becomes_a_word_where_there_is_room(char: str, word: str) -> None:
    assert in_ascii(f"a {char} b         c") == f"a {word} b".ljust(14) + "c"
    assert in_ascii(f"a {char} b", "         c") == f"a {word} b".ljust(14) + "c"


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        ("D = 0.41 ± 0.01", "D = 0.41 ~ 0.01"),
        ("D = 0.41 ± 0.01 ", "D = 0.41 ~ 0.01 "),
        ("D = 0.41 ± 0.01  |", "D = 0.41 ~ 0.01  |"),
        ("D = 0.41 ± 0.01   |", "D = 0.41 +/- 0.01 |"),
        ("σ ≤ 2, λ ≥ 1   x", "s <= 2, l >= 1 x"),
        ("│ ± 1     │ ± 2     │", "| +/- 1   | +/- 2   |"),
        ("   ± 1", "   ~ 1"),
    ],
)
def test_what_stands_behind_stays_where_it_is(line: str, plain: str) -> None:
    assert in_ascii(line) == plain


def test_any_line_is_as_wide_in_ascii() -> None:
    letters = "".join(WORDS) + " " * 20 + "x│█"
    for number in range(300):
        text = "".join(letters[(number * 7 + place * place) % len(letters)] for place in range(60))
        assert len(in_ascii(text)) == len(text)
        assert in_ascii(text).isascii()


# Drawing anew


def test_a_key_draws_the_whole_screen_anew() -> None:
    with in_terminal(PROGRAM) as terminal:
        assert terminal.shows("preview done")
        terminal.settle()
        before = terminal.text()
        terminal.clear()
        terminal.press(b"\x0c")
        assert same_again(terminal, before)


def same_again(terminal: Terminal, text: str) -> bool:
    """Wait until the screen is as it was."""
    shown = terminal.shows("preview done", PATIENCE)
    terminal.settle()
    return shown and terminal.text() == text
