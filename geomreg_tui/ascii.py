"""Text in ASCII, for terminals and files that take nothing else."""

from __future__ import annotations

import unicodedata

__all__ = ["DRAWING", "WORDS", "ascii_text"]

_DRAWN = {
    "█▇▆▓▉▊▋": "#",
    "▅▄▌▐▒▗▖▘▝▙▟▛▜▚▞": "=",
    "▃▂▁▀▔░╌╍┄": "-",
    "─━═╼╾╴╶╸╺╱╲⎯": "-",
    "│┃║┆┊╎▏▎▍▕": "|",
    "┌┐└┘├┤┬┴┼╭╮╰╯┏┓┗┛╔╗╚╝╋┳┻┣┫": "+",
    "•●◉■": "o",
    "○◌□": "o",
    "▲△↑⌃": "^",
    "▼▽↓▾⌄": "v",
    "▶►▸❯": ">",
    "◀◄◂❮": "<",
    "−–—": "-",
    "×✕✗✖": "x",
    "✓✔": "*",
    "◆◇": "*",
    "\N{NO-BREAK SPACE}": " ",
    "‘’": "'",
    "“”": '"',
}
# Characters that lines and plots are drawn with, each by one as wide.
DRAWING = {ord(char): plain for chars, plain in _DRAWN.items() for char in chars}
DRAWING |= dict.fromkeys(range(0x2800, 0x2900), ".")
DRAWING[0x2800] = " "

# Characters that mean something, each by a word that means the same.
WORDS = {
    "±": "+/-",
    "≤": "<=",
    "≥": ">=",
    "≈": "~=",
    "→": "->",
    "←": "<-",
    "·": "|",
    "…": "...",
    "⋯": "...",
    "λ": "lambda",
    "ε": "epsilon",
    "Δ": "Delta",
    "θ": "theta",
    "σ": "sigma",
    "τ": "tau",
    "∞": "infinity",
    "‖": "||",
    "√": "sqrt",
    "²": "^2",
}
_TABLE = {**DRAWING, **{ord(char): plain for char, plain in WORDS.items()}}


def ascii_text(text: str) -> str:
    """Return text in ASCII that means the same: ``+/-`` for the sign, ``lambda`` for the letter.

    Letters with marks lose them. What has no equivalent is named by its number, ``U+4E2D``, so that nothing
    is lost.
    """
    if text.isascii():
        return text
    return "".join(char if char.isascii() else _plain(char) for char in text.translate(_TABLE))


def _plain(char: str) -> str:
    bare = unicodedata.normalize("NFKD", char).translate(_TABLE)
    bare = "".join(part for part in bare if part.isascii())
    return bare or ("" if unicodedata.combining(char) else f"U+{ord(char):04X}")
