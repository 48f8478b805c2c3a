"""Plots as text, drawn by plotext in figures of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.formatting import number_text
from geomreg_tui.statistics.distribution import Binned
from geomreg_tui.statistics.ticks import ticks

__all__ = ["curve_text", "histogram_text"]

FloatArray = NDArray[np.float64]
_TICKS = 6
_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def histogram_text(
    binned: Binned, landmarks: Sequence[tuple[str, float]], width: int, height: int = 16
) -> str:
    """Draw a density over linear bins, with landmarks on the loss axis.

    Args:
        binned: the counts.
        landmarks: (name, loss) of vertical lines; those beyond the bins are left out.
        width, height: size in cells.

    Returns:
        Plain text without escape sequences.
    """
    figure = _figure(width, height)
    edges, density = binned.edges, binned.density
    low, high, peak = float(edges[0]), float(edges[-1]), float(np.max(density)) or 1.0
    # Drawn in units of the axes' lengths, because numbers near 1e300 would overflow on the way.
    heights = np.repeat(density / peak, 2).tolist()
    figure.plot((np.repeat(edges, 2)[1:-1] / high).tolist(), heights, marker="hd", fillx=True)
    inside = [(name, loss / high) for name, loss in landmarks if low < loss < high]
    for _, place in inside:
        figure.vline(place)
    known = [(tick / high, text) for tick, text in _axis_ticks(low, high, width)]
    figure.xticks(*_named_ticks(known, inside, 0.12 * (high - low) / high))
    figure.xlim(low / high, 1)
    figure.yticks(
        *map(list, zip(*((tick / peak, text) for tick, text in _axis_ticks(0.0, peak)), strict=True))
    )
    figure.ylim(0, 1)
    figure.title("density p(L) against loss L")
    return _plain(figure)


def curve_text(x: FloatArray, y: FloatArray, x_label: str, y_label: str, width: int, height: int = 16) -> str:
    """Draw a curve as plain text."""
    figure = _figure(width, height)
    figure.plot(x.tolist(), y.tolist(), marker="braille")
    figure.xticks(*map(list, zip(*_axis_ticks(float(x[0]), float(x[-1]), width), strict=True)))
    figure.yticks(*map(list, zip(*_axis_ticks(float(y.min()), float(y.max())), strict=True)))
    figure.title(f"{y_label} against {x_label}")
    return _plain(figure)


def _figure(width: int, height: int) -> Any:
    from geomreg_tui.textplot import new_figure

    figure = new_figure(min(width, 100), height)
    figure.theme("clear")
    return figure


def _plain(figure: Any) -> str:
    lines = _ESCAPE.sub("", figure.build()).splitlines()
    return "\n".join(line.rstrip() for line in lines)


def _axis_ticks(low: float, high: float, cells: int | None = None) -> list[tuple[float, str]]:
    """Return about six round numbers between two ends, with labels; the one value where they are equal."""
    if not high > low:
        return [(low, number_text(low))]
    return list(zip(*ticks(low, high, _TICKS, cells=cells), strict=True))


def _named_ticks(
    known: Sequence[tuple[float, str]], landmarks: Sequence[tuple[str, float]], apart: float
) -> tuple[list[float], list[str]]:
    """Return places and names: landmarks (near ones under one name), and round ticks apart from them."""
    places: list[float] = []
    names: list[str] = []
    for name, loss in sorted(landmarks, key=lambda landmark: landmark[1]):
        if places and loss - places[-1] < apart:
            names[-1] += f", {name}"
        else:
            places.append(loss)
            names.append(name)
    for tick, text in known:
        if all(abs(tick - place) >= apart for place in places):
            places.append(tick)
            names.append(text)
    return places, names
