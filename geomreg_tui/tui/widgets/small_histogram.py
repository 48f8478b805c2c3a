"""The histogram of one point of a sweep, small: a heading, and bars on axes that all points share."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len

from geomreg_tui import formatting
from geomreg_tui.rundir import RunState
from geomreg_tui.statistics.intervals import Interval
from geomreg_tui.tui.axes import Scale
from geomreg_tui.tui.bars import bar_shares
from geomreg_tui.tui.numbers import interval_text, number_text
from geomreg_tui.tui.sweep_setup import value_text
from geomreg_tui.tui.sweep_view import PointView, SweepView
from geomreg_tui.tui.widgets.canvas import Canvas
from geomreg_tui.tui.widgets.lines import GLYPHS
from geomreg_tui.tui.widgets.messages import message_rows
from geomreg_tui.tui.widgets.rows import Piece
from geomreg_tui.tui.widgets.runs import cut

__all__ = [
    "HEADING",
    "Axes",
    "body_rows",
    "heading_rows",
    "null_loss",
    "peak_density",
    "point_state",
    "upper_loss",
]

FloatArray = NDArray[np.float64]

HEADING = 2  # lines above a histogram


@dataclass(frozen=True)
class Axes:
    """What all points share: the ends of both axes, and whether losses are in units of the null loss."""

    high: float
    peak: float
    relative: bool


def null_loss(point: PointView) -> float:
    """Return the null loss of a point, or 0 where it is not known."""
    return point.result.facts.null_loss if point.result else 0.0


def upper_loss(point: PointView, top: float, relative: bool) -> float:
    """Return the loss below which a share of the networks are."""
    if point.distribution is None:
        return math.nan
    return float(point.distribution.quantile(top, atom=False)) / (null_loss(point) if relative else 1.0)


def peak_density(point: PointView, high: float, columns: int, relative: bool) -> float:
    """Return the largest density of a point over so many bars."""
    edges = np.linspace(0.0, high, columns + 1)
    return float(_densities(point, edges, relative).max())


def _densities(point: PointView, edges: FloatArray, relative: bool) -> FloatArray:
    """Return the density in equal bars, per unit of the axis, shape (edges - 1,)."""
    if point.distribution is None:
        return np.zeros(edges.size - 1)
    unit = null_loss(point) if relative else 1.0
    return bar_shares(point.distribution, edges * unit) / float(edges[1])


def point_state(point: PointView) -> tuple[str, str]:
    """Return the state of a point in a word or as its progress, and the role of that."""
    if point.state is None:
        return "not begun", "dim"
    glyph = GLYPHS[point.state]
    if point.state is RunState.FAILED:
        return f"{glyph} failed", "warn"
    if point.mixed:
        return f"mixed {glyph}", "warn"
    if point.done:
        return glyph, "dim"
    share = math.floor(100 * min(1.0, point.samples / point.target))
    return f"{glyph} {share} %", "dim" if point.state.over else "mark"


def heading_rows(view: SweepView, place: int, width: int, *, selected: bool) -> list[list[Piece]]:
    """Return the two lines above a histogram: the values of the factors with the state, and D0.

    Args:
        view: the sweep.
        place: number of the point.
        width: cells.
        selected: whether it is the selected one.
    """
    point = view.points[place]
    named = ", ".join(
        f"{factor.key.replace('_', ' ')} {value_text(value)}"
        for factor, value in zip(view.plan.factors, point.settings, strict=True)
    )
    state, role = point_state(point)
    room = max(4, width - cell_len(state) - 3)
    name = named if cell_len(named) <= room else cut(point.value, room)
    gap = " " * (width - 2 - cell_len(name) - cell_len(state))
    first = [Piece("❯ " if selected else "  ", "key"), Piece(name, "strong" if selected else "text")]
    first += [Piece(gap), Piece(state, role)]
    second: list[Piece] = []
    if point.modes is not None and point.landmark is not None:
        found = point.landmark.landmark
        texts = (f"  D0 {interval_text(found, 3)}", f"D0 {interval_text(found, 3)}", _brief(found))
        text = next((text for text in texts if cell_len(text) <= width), cut(texts[-1], width))
        second.append(Piece(text))
        atom = f"  at L_0 {number_text(point.modes.atom_mass.estimate)}"
        if point.modes.atom_mass.estimate > 0 and cell_len(text) + len(atom) <= width:
            second.append(Piece(atom, "dim"))
    return [first, second]


def _brief(found: Interval) -> str:
    """Return D0 in as few cells as it can be told in."""
    if math.isnan(found.estimate):
        return "D0 undefined"
    return f"D0 {formatting.interval_text(found, 2, bounded=True, decimals=2)}"


def body_rows(point: PointView, width: int, height: int, axes: Axes | None) -> list[list[Piece]]:
    """Return the histogram of a point, or why there is none."""
    if point.state is RunState.FAILED and point.message:
        return message_rows(point.message.replace(f"{point.path}/", ""), width, height, "warn")
    distribution = point.distribution
    if distribution is None or axes is None:
        word = "" if point.state is None else "no networks yet"
        return message_rows(word, width, height)
    if not distribution.histogram.index.size:
        return message_rows("all at the null loss", width, height)
    y = Scale.linear(0.0, axes.peak, max(1, height // 4))
    x = Scale.linear(0.0, axes.high, max(2, width // 12), cells=Canvas.area(width, y))
    canvas = Canvas(width, height, x, y, "")  # the foot of all names the axis
    edges = np.linspace(0.0, axes.high, canvas.columns + 1)
    bars = _densities(point, edges, axes.relative)
    if axes.relative:
        canvas.landmark(1.0)
    canvas.bars(np.minimum(bars, axes.peak))
    for column in np.flatnonzero(bars > axes.peak):
        canvas.mark((column + 0.5) / canvas.columns * axes.high, axes.peak, "▲", "warn")
    return canvas.rows()
