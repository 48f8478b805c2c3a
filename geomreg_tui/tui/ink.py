"""Inks of any theme on a terminal of sixteen colours: what could not be read gives way to what can be."""

from __future__ import annotations

from functools import cache

from rich.color import Color, ColorSystem
from rich.color_triplet import ColorTriplet

__all__ = ["legible"]

_LEAST = 1.9  # contrast of an ink with what is behind it: that of cyan on white
# The sixteen colours as xterm has them, and as the Linux console does; those of others lie between.
_XTERM = """
    000000 cd0000 00cd00 cdcd00 0000ee cd00cd 00cdcd e5e5e5
    7f7f7f ff0000 00ff00 ffff00 5c5cff ff00ff 00ffff ffffff
"""
_CONSOLE = """
    000000 aa0000 00aa00 aa5500 0000aa aa00aa 00aaaa aaaaaa
    555555 ff5555 55ff55 ffff55 5555ff ff55ff 55ffff ffffff
"""
_PALETTES = [
    [ColorTriplet(*bytes.fromhex(digits)) for digits in palette.split()] for palette in (_XTERM, _CONSOLE)
]


@cache
def legible(ink: Color, ground: Color) -> Color:
    """Return that of sixteen colours in which an ink is read.

    It is the one that the terminal has in place of the ink, unless its contrast with what is behind it is too
    low; then it is the one nearest to the ink among those whose contrast is not.

    Args:
        ink: any colour.
        ground: the colour behind it.
    """
    plain, behind = ink.downgrade(ColorSystem.STANDARD), ground.downgrade(ColorSystem.STANDARD).number
    if plain.number is None or behind is None or _contrast(plain.number, behind) >= _LEAST:
        return plain  # without a number it is the terminal's own text or ground
    wanted = ink.get_truecolor()
    read = [number for number in range(16) if _contrast(number, behind) >= _LEAST]
    return Color.from_ansi(min(read, key=lambda number: _distance(number, wanted)))


def _contrast(number: int, other: int) -> float:
    """Return the contrast of two of the sixteen colours, as WCAG 2.1 defines it, where it is least."""
    ratios = []
    for palette in _PALETTES:
        low, high = sorted(_luminance(palette[each]) for each in (number, other))
        ratios.append((high + 0.05) / (low + 0.05))
    return min(ratios)


def _luminance(colour: ColorTriplet) -> float:
    """Return the relative luminance of a colour, as WCAG 2.1 defines it."""
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _distance(number: int, wanted: ColorTriplet) -> int:
    """Return how far one of the sixteen colours is from another colour."""
    return sum((one - other) ** 2 for one, other in zip(_PALETTES[0][number], wanted, strict=True))
