"""Plots as text, drawn by plotext in figures of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.analysis.distribution import Binned
from geomreg_tui.formatting import number_text

__all__ = ["curve_text", "histogram_text"]

FloatArray = NDArray[np.float64]
_HEIGHTS = 4  # steps between the ticks of the density
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
    ticks = [(tick / high, number_text(tick)) for tick in _ticks(low, high)]
    figure.xticks(*_named_ticks(ticks, inside, 0.12 * (high - low) / high))
    figure.xlim(low / high, 1)
    places = np.arange(_HEIGHTS + 1) / _HEIGHTS
    figure.yticks(places.tolist(), [number_text(place * peak, 3) for place in places])
    figure.ylim(0, 1)
    figure.title("density p(L) against loss L")
    return _plain(figure)


def curve_text(x: FloatArray, y: FloatArray, x_label: str, y_label: str, width: int, height: int = 16) -> str:
    """Draw a curve as plain text."""
    figure = _figure(width, height)
    figure.plot(x.tolist(), y.tolist(), marker="braille")
    ticks = _ticks(float(x[0]), float(x[-1]))
    figure.xticks(ticks, [number_text(tick) for tick in ticks])
    heights = _ticks(float(y.min()), float(y.max()))
    figure.yticks(heights, [number_text(height) for height in heights])
    figure.title(f"{y_label} against {x_label}")
    return _plain(figure)


def _figure(width: int, height: int) -> Any:
    from plotext._figure import _figure_class

    figure = _figure_class()
    figure.plotsize(min(width, 100), height)
    figure.theme("clear")
    return figure


def _plain(figure: Any) -> str:
    lines = _ESCAPE.sub("", figure.build()).splitlines()
    return "\n".join(line.rstrip() for line in lines)


def _ticks(low: float, high: float) -> list[float]:
    """Return about five round numbers between two ends."""
    step = 10.0 ** np.floor(np.log10((high - low) / 4)) if high > low else 1.0
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 6)
    first, last = np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9)
    return [float(n * step) + 0.0 for n in np.arange(first, last + 1)]


def _named_ticks(
    ticks: Sequence[tuple[float, str]], landmarks: Sequence[tuple[str, float]], apart: float
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
    for tick, text in ticks:
        if all(abs(tick - place) >= apart for place in places):
            places.append(tick)
            names.append(text)
    return places, names
