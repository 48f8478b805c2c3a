"""D_0, the log10 ratio or V at equal loss, against the factor of a sweep, with the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.cells import cell_len

from geomreg_tui.formatting import decimal_text, interval_text, probability_text
from geomreg_tui.statistics import Direction
from geomreg_tui.statistics.intervals import Interval
from geomreg_tui.statistics.trends import LANDMARK, LOG10_RATIO, intervals_of, measure_of
from geomreg_tui.sweeps.plan import Factor
from geomreg_tui.sweeps.verdicts import GridVerdict
from geomreg_tui.tui.axes import Scale
from geomreg_tui.tui.numbers import number_text
from geomreg_tui.tui.sweep_setup import value_text
from geomreg_tui.tui.sweep_view import SweepView
from geomreg_tui.tui.widgets.canvas import Canvas
from geomreg_tui.tui.widgets.messages import message_rows
from geomreg_tui.tui.widgets.rows import Piece, RowsWidget, flow
from geomreg_tui.tui.widgets.runs import cut

__all__ = ["VOLUME", "TrendPane", "measures_of"]

_LOG_FROM = 16.0  # ratio of the largest to the smallest value from which the axis is logarithmic
_MARGIN = 0.05  # of the axis, before the first value and after the last, at least
_GLYPHS = "●▲■◆○△□◇"  # one for each value of a second factor
_SECOND = "+"  # for all that stands on a second axis
_ROLES = ("bar", "pinned", "landmark", "theory")
_ENDS = ("-1", "0", "1")
_LEAST_PLOT = 6
_NAMES = {LANDMARK: "D0", LOG10_RATIO: "log10 ratio"}
_BALANCE, VOLUME = "balance", "volume"
_TRAINED = {"held_out_loss": "held-out loss", "distance": "distance", "fitted": "share fitted"}
_LABELLED = 9  # lines from which the axis has its name below it: the title of the pane has it too


Known = Mapping[tuple[Any, ...], Interval]


class TrendPane(RowsWidget):
    """A plot of D_0, of Lambda or of log10 V with 95 % intervals, over the verdict.

    The selected point stands out.

    Attributes:
        shown: what is drawn: ``balance`` (D_0 or Lambda), ``volume`` (V at equal loss, where the points have
            deep tails), or a measure of trained networks, where they have such, with V at the loss that they
            are trained to on a second axis.
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._view: SweepView | None = None
        self._selected = 0
        self._notice = ""
        self.shown = _BALANCE
        self.border_title = "Dominance D0"

    def show(self, view: SweepView | None, selected: int, notice: str = "") -> None:
        """Draw a sweep, or a notice where there is none."""
        self._view, self._selected, self._notice = view, selected, notice
        key = view.plan.factors[0].key.replace("_", " ") if view else ""
        if view is None:
            self.entitle("Dominance D0")
        elif self._drawn(view) in _TRAINED:
            beside = "right axis, dashed: log10 V" if _beside(view, self._drawn(view)) else "trained networks"
            self.entitle(f"{_TRAINED[self._drawn(view)]} against {key}", beside)
        elif self._drawn(view) == VOLUME and view.tails is not None:
            at = f"{decimal_text(view.tails.log10_loss, 2)}"
            self.entitle(f"log10 V against {key}", f"at log10 ε = {at}")
        else:
            what = _NAMES[_measure(view)]
            self.entitle(f"{what} against {key}", "+1 zero, -1 central" if what == "D0" else "zero / central")
        self.redraw()

    def _drawn(self, view: SweepView) -> str:
        """Return what is drawn of a sweep: what was chosen, where it has that."""
        return self.shown if self.shown in measures_of(view) else _BALANCE

    def cycle(self) -> None:
        """Draw the next of what the sweep has."""
        if self._view is not None:
            names = measures_of(self._view)
            self.shown = names[(names.index(self._drawn(self._view)) + 1) % len(names)]
        self.show(self._view, self._selected, self._notice)

    def paint(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """Draw the plot, what the glyphs mean, and the verdict."""
        view = self._view
        if view is None:
            return message_rows(self._notice, width, height)
        drawn = self._drawn(view)
        known, what = _known(view, drawn)
        below = _verdict_rows(view, drawn, width, max(2, height - _LEAST_PLOT))
        factor = view.plan.factors[0]
        legend = _legend(view, width) if height - len(below) > 2 * _LEAST_PLOT else []
        lines = height - len(below) - len(legend)
        if not known:
            word = "V comes with the first tail" if drawn == VOLUME else "D0 comes with the first networks"
            rows = message_rows(word, width, lines)
            return [*rows, *([] for _ in range(lines - len(rows))), *below]
        if not factor.ordered and len(view.plan.factors) == 1 and len(factor.values) <= lines - 3:
            return [*_by_name(view, known, what, self._selected, width, lines), *below]
        places = _positions(factor)
        name = factor.key.replace("_", " ") + (" (log axis)" if _is_log(factor) else "")
        label = name if lines >= _LABELLED else ""
        within = lines - (3 if label else 2)
        y = _index_axis(within) if what == "D0" else _volume_axis(known, within)
        volumes = _beside(view, drawn)
        right = _volume_axis(volumes, within) if volumes else None
        room = width - (1 + max(map(len, right.labels)) if right else 0)
        x = _axis(factor, places, Canvas.area(room, y))
        canvas = Canvas(room, lines, x, y, label)
        canvas.level(0.0, "axis")
        held = view.plan.factors[1].values if len(view.plan.factors) > 1 else (None,)
        for number, value in enumerate(held):
            _draw(canvas, _at(known, value), places, number, factor.ordered)
            if right is not None:
                _draw_second(canvas, _at(volumes, value), places, number, factor.ordered, right)
        for number, value in enumerate(held):  # last, so that no stroke hides them
            glyph, role = _GLYPHS[number % len(_GLYPHS)], _ROLES[number % len(_ROLES)]
            for settings, found in _at(known, value).items():
                canvas.mark(places[settings[0]], found.estimate, glyph, role)
        here = view.points[min(self._selected, len(view.points) - 1)].settings
        if here in known:
            _mark(canvas, places[here[0]], known[here], "◉", "mark")
        plot = canvas.rows() if right is None else _with_axis(canvas, right)
        return [*legend, *plot, *below]


def measures_of(view: SweepView) -> list[str]:
    """Return what can be drawn of a sweep."""
    trained = (name for name in view.trained if name in _TRAINED)
    return [_BALANCE, *([VOLUME] if view.tails is not None else []), *trained]


def _known(view: SweepView, drawn: str) -> tuple[Known, str]:
    """Return what is drawn at each point, and its name."""
    if drawn in _TRAINED:
        return view.trained[drawn], _TRAINED[drawn]
    if drawn == VOLUME:
        return view.volumes, "log10 V"
    return _dominances(view), _NAMES[_measure(view)]


def _beside(view: SweepView, drawn: str) -> Known:
    """Return log10 V at the loss that networks are trained to, where it stands beside what is drawn."""
    by_name = len(view.plan.factors) == 1 and not view.plan.factors[0].ordered
    return {} if by_name or drawn not in _TRAINED else view.trained.get("log10_volume", {})


def _at(known: Known, value: Any) -> Known:
    """Return what is known at a value of the second factor; all of it for None."""
    return {at: found for at, found in known.items() if value is None or at[1] == value}


def _with_axis(canvas: Canvas, axis: Scale) -> list[list[Piece]]:
    """Return a finished plot with a second axis at its right."""
    lines = canvas.lines
    marks = {
        lines - 1 - min(int(axis.share(tick) * lines), lines - 1): f"├{label}"
        for tick, label in zip(axis.ticks, axis.labels, strict=True)
    }
    return [
        [*row, Piece(marks.get(number, "│" if number < lines else ""), "axis")]
        for number, row in enumerate(canvas.rows())
    ]


def _dominances(view: SweepView) -> Known:
    """Return D_0 or Lambda of each point where it is defined, by its settings."""
    known = [(point.settings, point.landmark) for point in view.points if point.landmark is not None]
    found = intervals_of(_measure(view), [landmark for _, landmark in known])
    found = np.where(np.isfinite(found), found, found[:, :1])  # an end without bound is not drawn
    return {
        settings: Interval(*values)
        for (settings, _), values in zip(known, found.tolist(), strict=True)
        if math.isfinite(values[0])
    }


def _measure(view: SweepView) -> str:
    return measure_of([point.landmark for point in view.points if point.landmark is not None])


def _by_name(
    view: SweepView, known: Known, what: str, selected: int, width: int, lines: int
) -> list[list[Piece]]:
    """Return a plot with a line for each name and what is known of it along that."""
    count = len(view.points)
    names = [cut(point.value, width // 2) for point in view.points]
    y = Scale(0.0, count, tuple(count - number - 0.5 for number in range(count)), tuple(names))
    columns = Canvas.area(width, y)
    end = 1.0 + 1.0 / max(1, columns - 1)
    x = Scale(-end, end, (-1.0, 0.0, 1.0), _ENDS)
    if what != "D0":
        x = _volume_axis(known, columns, columns // 8)
    canvas = Canvas(width, lines, x, y, what)
    canvas.landmark(0.0, "axis")
    for number, point in enumerate(view.points):
        if point.settings in known:
            found = known[point.settings]
            here, place = number == selected, count - number - 0.5
            role = "mark" if here else _ROLES[0]
            canvas.interval_across(place, found.low, found.high, role)
            canvas.mark(found.estimate, place, "◉" if here else _GLYPHS[0], role)
    return canvas.rows()


def _draw(canvas: Canvas, known: Known, places: dict[Any, float], number: int, ordered: bool) -> None:
    """Draw intervals, and a line through estimates."""
    found = [(places[settings[0]], interval) for settings, interval in known.items()]
    if ordered and len(found) > 1:
        found.sort()
        canvas.line(np.array([x for x, _ in found]), np.array([d.estimate for _, d in found]), "axis")
    for x, interval in found:
        canvas.interval(x, interval.low, interval.high, _ROLES[number % len(_ROLES)])


def _draw_second(
    canvas: Canvas, known: Known, places: dict[Any, float], number: int, ordered: bool, axis: Scale
) -> None:
    """Draw estimates on a second axis, dashed: strokes of intervals would hide those of the first."""
    found = sorted((places[settings[0]], axis.share(each.estimate)) for settings, each in known.items())
    x, shares = (np.array(column) for column in zip(*found, strict=True)) if found else (np.empty(0),) * 2
    y = canvas.y.low + shares * (canvas.y.high - canvas.y.low)
    if ordered and len(found) > 1:
        canvas.line(x, y, "axis", dashed=True)
    for place, height in zip(x.tolist(), y.tolist(), strict=True):
        canvas.mark(place, height, _SECOND, _ROLES[number % len(_ROLES)])


def _mark(canvas: Canvas, x: float, interval: Interval, glyph: str, role: str) -> None:
    canvas.interval(x, interval.low, interval.high, role)
    canvas.mark(x, interval.estimate, glyph, role)


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


def _volume_axis(known: Known, cells: int, wanted: int = 0) -> Scale:
    """Return an axis for log10 V, or Lambda, of so many cells, that all intervals are on."""
    ends = [end for interval in known.values() for end in interval if math.isfinite(end)]
    low, high = min(ends), max(ends)
    margin = max(0.1 * (high - low), 0.05)
    across = cells if wanted else None
    return Scale.linear(low - margin, high + margin, max(2, wanted or cells // 3), cells=across)


def _index_axis(lines: int) -> Scale:
    """Return the axis of D_0, with -1 and 1 in the middle of the outermost of so many lines."""
    end = 1.0 + 1.0 / max(1, lines - 1)
    if lines < 6:
        return Scale(-end, end, (-1.0, 0.0, 1.0), _ENDS)
    return Scale(-end, end, (-1.0, -0.5, 0.0, 0.5, 1.0), ("-1.0", "-0.5", "0.0", "0.5", "1.0"))


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


def _verdict_rows(view: SweepView, drawn: str, width: int, most: int) -> list[list[Piece]]:
    """Return the verdicts in words, with their numbers; of training, what is drawn."""
    if drawn in _TRAINED:
        loss = view.plan.training.to_loss if view.plan.training is not None else math.nan
        said = f"networks trained to loss {number_text(loss)}: "
        said += "how many have come there" if drawn == "fitted" else "medians over those that have come there"
        said += f"; {_SECOND} log10 V of that loss" if _beside(view, drawn) else ""
        return flow(_wrapped(said, width), width)[:most]
    first = view.plan.factors[0]
    found: list[tuple[Factor, list[list[Piece]]]] = []
    if drawn == VOLUME and view.tails is not None:
        for tail in view.tails.verdicts:
            items = _verdict_items("V at equal loss", tail.held, tail.volume, "V", width)
            found.append(
                (tail.factor, [*items, [Piece(f"ball of P dimensions: {tail.sphere.verdict}", "dim")]])
            )
    else:
        found += [(whole.factor, _grid_items(whole)) for whole in view.grid]
        for verdict in view.judged:
            items = _verdict_items(
                "direction", verdict.held, verdict.direction, _NAMES[_measure(view)], width
            )
            found.append((verdict.factor, items))
    shown = [items for factor, items in found if factor is first] or [items for _, items in found]
    if not shown:
        return flow(_wrapped(_why_no_verdict(view), width), width)[:most]
    rows: list[list[Piece]] = []
    for items in shown:
        rows += flow(items, width)
    if len(rows) > most and len(shown) > 1:
        rows = [*rows[: most - 1], [Piece(cut("… more in the report: export it", width), "dim")]]
    return rows[:most]


def _verdict_items(
    name: str, held: tuple[str, Any] | None, found: Direction, what: str, width: int
) -> list[list[Piece]]:
    name += f" at {held[0]} {value_text(held[1])}" if held else ""
    items = [[Piece(f"{name}: "), Piece(found.verdict, "strong")]]
    if sum(cell_len(piece.text) for piece in items[0]) > width:
        # The title of the pane says that it is D_0; of V it is said here.
        items = [[Piece(f"{name}:")]] if held or what == "V" else []
        items.append([Piece(found.verdict, "strong")])
    if not math.isfinite(found.tau):
        return [*items, [Piece(f"{what} undefined or constant", "dim")]]
    items.append([Piece(f"τ-b {interval_text((found.tau, found.low, found.high), 2, bounded=True)}")])
    if math.isfinite(found.p_value):
        items.append([Piece(f"p {number_text(found.p_value, 2)}")])
    change = "log10 V" if what == "V" else what
    texts = (
        f"{change} end to end {interval_text(found.effect, 3)}",
        f"Δ{what} {interval_text(found.effect, 2, decimals=2)}",
    )
    items.append([Piece(next((text for text in texts if cell_len(text) <= width), texts[-1]))])
    return items


def _grid_items(whole: GridVerdict) -> list[list[Piece]]:
    """Return the verdict on the whole grid, and whether the effect differs along it."""
    found = whole.direction
    differs = "effect differs" if found.interacts else "no difference of effect seen"
    p = f", p {probability_text(found.p_value, 0.001, 2)}" if math.isfinite(found.p_value) else ""
    return [
        [Piece("whole grid: "), Piece(found.verdict, "strong")],
        [Piece(f"by {whole.across.key}: {differs}{p}")],
    ]


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
