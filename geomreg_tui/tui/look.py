"""The look: where the style sheet is, and the ASCII rendering of everything."""

from __future__ import annotations

from pathlib import Path

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

import geomreg_tui
from geomreg_tui.ascii import DRAWING

__all__ = ["AsciiFilter", "stylesheet"]

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
}
_ASCII = DRAWING | {ord(char): plain for chars, plain in _LETTERS.items() for char in chars}


def stylesheet() -> Path:
    """Return the path of ``app.tcss``: in the package in a wheel, beside it in a source tree."""
    package = Path(geomreg_tui.__file__).resolve().parent
    shipped = package / "app.tcss"
    return shipped if shipped.is_file() else package.parent / "app.tcss"


class AsciiFilter(LineFilter):
    """Replaces every character that is not ASCII by one that is, as many cells wide."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments in ASCII."""
        return [
            segment if segment.text.isascii() else Segment(_to_ascii(segment.text), *segment[1:])
            for segment in segments
        ]


def _to_ascii(text: str) -> str:
    """Return a text in ASCII, as many cells wide."""
    plain = text.translate(_ASCII)
    if plain.isascii():
        return plain
    return "".join(char if char.isascii() else "?" * cell_len(char) for char in plain)
