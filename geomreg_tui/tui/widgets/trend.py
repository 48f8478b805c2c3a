"""The dominance index against the factor of a sweep, with the verdict on its direction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.cells import cell_len

from geomreg_tui.engine.sweep import Factor, Verdict
from geomreg_tui.tui.numbers import Scale, number_text
from geomreg_tui.tui.sweep_setup import value_text
from geomreg_tui.tui.sweep_view import PointView, SweepView
from geomreg_tui.tui.widgets.canvas import Canvas
from geomreg_tui.tui.widgets.loss import message_rows
from geomreg_tui.tui.widgets.rows import Piece, RowsWidget, flow
from geomreg_tui.tui.widgets.runs import cut

__all__ = ["TrendPane"]

_LOG_FROM = 16.0  # ratio of the largest to the smallest value from which the axis is logarithmic
_MARGIN = 0.05  # of the axis, before the first value and after the last, at least
_GLYPHS = "●▲■◆○△□◇"  # one for each value of a second factor
_ROLES = ("bar", "pinned", "landmark", "theory")
_LEAST_PLOT = 6
_LABELLED = 9  # lines from which the axis has its name below it: the title of the pane has it too


class TrendPane(RowsWidget):
    """A plot of D with 95 % intervals over the verdict; the selected point stands out."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._view: SweepView | None = None
        self._selected = 0
        self._notice = ""
        self.border_title = "Dominance index D"

    def show(self, view: SweepView | None, selected: int, notice: str = "") -> None:
        """Draw a sweep, or a notice where there is none."""
        self._view, self._selected, self._notice = view, selected, notice
        key = view.plan.factors[0].key.replace("_", " ") if view else ""
        if view:
            self.entitle(f"D against {key}", "+1 zero, −1 central")
        else:
            self.entitle("Dominance index D")
        self.redraw()

    def paint(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """Draw the plot, what the glyphs mean, and the verdict."""
        view = self._view
        if view is None:
            return message_rows(self._notice, width, height)
        below = _verdict_rows(view, width, max(2, height - _LEAST_PLOT))
        factor = view.plan.factors[0]
        legend = _legend(view, width) if height - len(below) > 2 * _LEAST_PLOT else []
        lines = height - len(below) - len(legend)
        if not any(_known(point) for point in view.points):
            return [*message_rows("D comes with the first networks", width, lines), *below]
        if not factor.ordered and len(view.plan.factors) == 1 and len(factor.values) <= lines - 3:
            return [*_by_name(view, self._selected, width, lines), *below]
        places = _positions(factor)
        x = _axis(factor, places, width - 6)
        name = factor.key.replace("_", " ") + (" (log axis)" if _is_log(factor) else "")
        label = name if lines >= _LABELLED else ""
        canvas = Canvas(width, lines, x, _index_axis(lines - (3 if label else 2)), label)
        canvas.level(0.0, "axis")
        held = view.plan.factors[1].values if len(view.plan.factors) > 1 else (None,)
        for number, value in enumerate(held):
            chosen = [p for p in view.points if value is None or p.settings[1] == value]
            _draw(canvas, chosen, places, number, factor.ordered)
        self._draw_selected(canvas, view, places)
        return [*legend, *canvas.rows(), *below]

    def _draw_selected(self, canvas: Canvas, view: SweepView, places: dict[Any, float]) -> None:
        point = view.points[min(self._selected, len(view.points) - 1)]
        if (modes := _known(point)) is not None:
            x = places[point.settings[0]]
            canvas.interval(x, modes.dominance.low, modes.dominance.high, "mark")
            canvas.mark(x, _inside(modes.dominance.estimate), "◉", "mark")


def _by_name(view: SweepView, selected: int, width: int, lines: int) -> list[list[Piece]]:
    """Return a plot with a line for each name and D along it."""
    count = len(view.points)
    names = [cut(point.value, width // 2) for point in view.points]
    y = Scale(0.0, count, tuple(count - number - 0.5 for number in range(count)), tuple(names))
    columns = Canvas.area(width, y)
    end = 1.0 + 1.0 / max(1, columns - 1)
    x = Scale(-end, end, (-1.0, 0.0, 1.0), ("−1", "0", "1"))
    canvas = Canvas(width, lines, x, y, "D")
    canvas.landmark(0.0, "axis")
    for number, point in enumerate(view.points):
        if (modes := _known(point)) is not None:
            here, place = number == selected, count - number - 0.5
            role = "mark" if here else _ROLES[0]
            canvas.interval_across(place, modes.dominance.low, modes.dominance.high, role)
            canvas.mark(_inside(modes.dominance.estimate), place, "◉" if here else _GLYPHS[0], role)
    return canvas.rows()


def _known(point: PointView) -> Any:
    """Return the modes of a point whose D is defined, or None."""
    modes = point.modes
    return modes if modes is not None and math.isfinite(modes.dominance.estimate) else None


def _inside(value: float) -> float:
    return min(max(value, -1.0), 1.0)


def _draw(
    canvas: Canvas, points: Sequence[PointView], places: dict[Any, float], number: int, ordered: bool
) -> None:
    known = [(places[point.settings[0]], modes.dominance) for point in points if (modes := _known(point))]
    role = _ROLES[number % len(_ROLES)]
    if ordered and len(known) > 1:
        known.sort()
        canvas.line(np.array([x for x, _ in known]), np.array([d.estimate for _, d in known]), "axis")
    for x, interval in known:
        canvas.interval(x, interval.low, interval.high, role)
        canvas.mark(x, _inside(interval.estimate), _GLYPHS[number % len(_GLYPHS)], role)


def _positions(factor: Factor) -> dict[Any, float]:
    """Return where each value of a factor is drawn: at itself or its logarithm, or names one by one."""
    if not factor.ordered:
        return {value: float(number) for number, value in enumerate(factor.values)}
    if _is_log(factor):
        return {value: math.log10(value) for value in factor.values}
    return {value: float(value) for value in factor.values}


def _is_log(factor: Factor) -> bool:
    if not factor.ordered or min(factor.values) <= 0:
        return False
    return bool(max(factor.values) / min(factor.values) >= _LOG_FROM)


def _axis(factor: Factor, places: dict[Any, float], columns: int) -> Scale:
    """Return an axis with a tick at every value, or at as many as have room for their names."""
    low, high = min(places.values()), max(places.values())
    ends = [value for value, place in places.items() if place in (low, high)]
    widest = min(max(cell_len(value_text(value)) for value in ends), columns // 3)
    share = min(0.3, max(_MARGIN, (widest / 2 + 1) / columns))  # the outermost names fit
    margin = (high - low or 1.0) * share / (1 - 2 * share)
    low, high = low - margin, high + margin
    room = max(3, columns // max(1, len(places)) - 1)
    ticks: list[tuple[float, str]] = []
    end = -1.0
    for value, place in sorted(places.items(), key=lambda item: item[1]):
        name = value_text(value)
        name = name if factor.ordered else cut(name, max(3, room))
        middle = (place - low) / (high - low) * columns
        if middle - cell_len(name) / 2 >= end:
            ticks.append((place, name))
            end = middle + cell_len(name) / 2 + 1
    return Scale(low, high, tuple(place for place, _ in ticks), tuple(name for _, name in ticks))


def _index_axis(lines: int) -> Scale:
    """Return the axis of D, with −1 and 1 in the middle of the outermost of so many lines."""
    end = 1.0 + 1.0 / max(1, lines - 1)
    if lines < 6:
        return Scale(-end, end, (-1.0, 0.0, 1.0), ("−1", "0", "1"))
    return Scale(-end, end, (-1.0, -0.5, 0.0, 0.5, 1.0), ("−1.0", "−0.5", "0.0", "0.5", "1.0"))


def _legend(view: SweepView, width: int) -> list[list[Piece]]:
    if len(view.plan.factors) < 2:
        return []
    key, values = view.plan.factors[1].key.replace("_", " "), view.plan.factors[1].values
    return flow(
        (
            [
                Piece(_GLYPHS[number % len(_GLYPHS)], _ROLES[number % len(_ROLES)]),
                Piece(f" {key} {value_text(value)}"),
            ]
            for number, value in enumerate(values)
        ),
        width,
    )


def _verdict_rows(view: SweepView, width: int, most: int) -> list[list[Piece]]:
    """Return the verdicts in words, with their numbers."""
    shown = [verdict for verdict in view.judged if verdict.factor is view.plan.factors[0]] or list(
        view.judged
    )
    if not shown:
        return flow(_wrapped(_why_no_verdict(view), width), width)[:most]
    rows: list[list[Piece]] = []
    for verdict in shown:
        rows += flow(_verdict_items(verdict, width), width)
    if len(rows) > most and len(shown) > 1:
        rows = [*rows[: most - 1], [Piece(cut("… more in the report: export it", width), "dim")]]
    return rows[:most]


def _verdict_items(verdict: Verdict, width: int) -> list[list[Piece]]:
    found = verdict.direction
    held = f" at {verdict.held[0]} {value_text(verdict.held[1])}" if verdict.held else ""
    items = [[Piece(f"direction{held}: "), Piece(found.verdict, "strong")]]
    if sum(cell_len(piece.text) for piece in items[0]) > width:
        items = [[Piece(f"direction{held}:")], [Piece(found.verdict, "strong")]]
    if not math.isfinite(found.tau):
        return [*items, [Piece("D undefined or constant", "dim")]]
    low, high, tau = (f"{end:.2f}".replace("-", "−") for end in (found.low, found.high, found.tau))
    items.append([Piece(f"τ-b {tau} [{low}, {high}]")])
    items.append([Piece(f"p {number_text(found.p_value, 2)}")])
    return items


def _why_no_verdict(view: SweepView) -> str:
    factor = view.plan.factors[0]
    if not factor.ordered:
        return f"no direction: the values of {factor.key} have no order"
    if len(factor.values) < 2:
        return "no direction: that needs two values"
    return "direction: comes with the second point"


def _wrapped(text: str, width: int) -> list[list[Piece]]:
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [[Piece(part, "dim")] for part in [*lines, line]]
