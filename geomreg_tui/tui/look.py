"""The look: where the style sheet is, which theme few colours need, and the ASCII rendering of everything."""

from __future__ import annotations

import curses
from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

import geomreg_tui
from geomreg_tui.ascii import DRAWING, WORDS

__all__ = ["AsciiFilter", "erases_in_colour", "plain_theme", "stylesheet"]

_STANDARD_OUTPUT = 1
_LIGHT = ("7", "15")  # white, as COLORFGBG has it
# Where there is no room for the word that means the same.
_LETTERS = {
    "→": ">",
    "←": "<",
    "·…⋯": ".",
    "±": "~",
    "≤": "<",
    "≥": ">",
    "≈": "~",
    "λ": "l",
    "ε": "e",
    "Δ": "D",
    "θ": "t",
    "∞": "8",
    "σ": "s",
    "‖": "|",
    "√": "v",
    "²": "2",
    "τ": "t",
    "╎": "!",  # the crosshair, beside landmarks
}
_HEAVY = {ord("━"): "="}  # the line under the tab that is chosen
_ASCII = DRAWING | _HEAVY | {ord(char): plain for chars, plain in _LETTERS.items() for char in chars}
_ASCII |= dict.fromkeys(range(0x2801, 0x2900), ":")  # curves: points are bars that are hardly there


def stylesheet() -> Path:
    """Return the path of ``app.tcss``: in the package in a wheel, beside it in a source tree."""
    package = Path(geomreg_tui.__file__).resolve().parent
    shipped = package / "app.tcss"
    return shipped if shipped.is_file() else package.parent / "app.tcss"


def plain_theme(colours: ColorSystem, environment: Mapping[str, str]) -> str | None:
    """Return the theme that a terminal of few colours needs, in its own colours; None where there are more.

    The greys of other themes are one and the same among 16 colours, so that frames vanish.

    Args:
        colours: how many colours the terminal has.
        environment: variables, of which ``COLORFGBG`` may say that the background is white.
    """
    if colours is not ColorSystem.STANDARD:
        return None
    background = environment.get("COLORFGBG", "").rpartition(";")[2]
    return "ansi-light" if background in _LIGHT else "ansi-dark"


def erases_in_colour(environment: Mapping[str, str]) -> bool:
    """Return whether the terminal erases characters, and gives them the background that is selected.

    Its entry in terminfo says so; that of tmux does not say all that tmux does. Where nothing is known of the
    terminal the answer is no, and blanks are written.

    Args:
        environment: variables, of which ``TERM`` names the terminal, and ``TMUX`` and ``STY`` are there in
            tmux and in screen.
    """
    if environment.get("TMUX") and not environment.get("STY"):
        return True
    name = environment.get("TERM", "")
    if name.startswith("tmux"):
        return True
    try:
        curses.setupterm(name, _STANDARD_OUTPUT)
    except curses.error:
        return False
    return curses.tigetflag("bce") == 1 and curses.tigetstr("ech") is not None


class AsciiFilter(LineFilter):
    """Replaces every character that is not ASCII, in lines that stay as wide.

    Where room is left behind it, a character that means something becomes the word for it: ``+/-`` for the
    sign. The next spaces are fewer for that, so that what stands behind them stays where it is.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments of a line in ASCII."""
        if all(segment.text.isascii() for segment in segments):
            return segments
        parts: list[tuple[str, Style | None]] = []
        for text, style in _replaced(segments):
            if parts and parts[-1][1] is style:
                parts[-1] = (parts[-1][0] + text, style)
            else:
                parts.append((text, style))
        return [Segment(text, style) for text, style in parts]


def _replaced(segments: list[Segment]) -> Iterator[tuple[str, Style | None]]:
    """Give the characters of a line with their styles, in ASCII."""
    line = [(char, segment.style) for segment in segments for char in segment.text]
    text = "".join(char for char, _ in line)
    # Spaces behind another: the first of several stays. Before the line there is no space.
    spare = [char == before == " " for before, char in zip("|" + text, text, strict=False)]
    room, owed = sum(spare), 0
    for (char, style), extra in zip(line, spare, strict=True):
        room -= extra
        word = WORDS.get(char, "")
        if extra and owed:
            owed -= 1
        elif word and owed + len(word) - 1 <= room:
            owed += len(word) - 1
            yield word, style
        else:
            yield _to_ascii(char), style


def _to_ascii(char: str) -> str:
    """Return a character in ASCII, as many cells wide."""
    plain = char.translate(_ASCII)
    return plain if plain.isascii() else "?" * cell_len(char)
