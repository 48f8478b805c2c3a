"""Plots as text, drawn by plotext in figures of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.analysis.distribution import Binned

__all__ = ["curve_text", "histogram_text"]

FloatArray = NDArray[np.float64]
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
    figure.plot(np.repeat(edges, 2)[1:-1].tolist(), np.repeat(density, 2).tolist(), marker="hd", fillx=True)
    ticks = _ticks(float(edges[0]), float(edges[-1]))
    names = [f"{tick:g}" for tick in ticks]
    for name, loss in landmarks:
        if edges[0] < loss < edges[-1]:
            figure.vline(loss)
            names, ticks = _with_tick(names, ticks, f"{name} {loss:.3g}", loss, float(edges[-1]))
    figure.xticks(ticks, names)
    figure.xlim(float(edges[0]), float(edges[-1]))
    figure.ylim(0, float(np.max(density)) or 1.0)
    figure.title("density p(L) against loss L")
    return _plain(figure)


def curve_text(x: FloatArray, y: FloatArray, x_label: str, y_label: str, width: int, height: int = 16) -> str:
    """Draw a curve as plain text."""
    figure = _figure(width, height)
    figure.plot(x.tolist(), y.tolist(), marker="braille")
    ticks = _ticks(float(x[0]), float(x[-1]))
    figure.xticks(ticks, [f"{tick:g}" for tick in ticks])
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
    return [float(n * step) for n in np.arange(first, last + 1)]


def _with_tick(
    names: list[str], ticks: list[float], name: str, at: float, span: float
) -> tuple[list[str], list[float]]:
    """Add a named tick, in place of round ones that its name would run into."""
    kept = [(n, t) for n, t in zip(names, ticks, strict=True) if abs(t - at) > 0.12 * span]
    pairs = sorted([*kept, (name, at)], key=lambda pair: pair[1])
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]
