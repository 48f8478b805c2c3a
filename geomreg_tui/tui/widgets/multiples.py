"""Small multiples: one small loss histogram for each point of a sweep, all on the same axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from textual import events
from textual.message import Message

from geomreg_tui.tui.axes import held_ceiling
from geomreg_tui.tui.numbers import number_text
from geomreg_tui.tui.sweep_view import PointView, SweepView
from geomreg_tui.tui.widgets.messages import message_rows
from geomreg_tui.tui.widgets.rows import Piece, RowsWidget, filled, with_bar
from geomreg_tui.tui.widgets.small_histogram import (
    HEADING,
    Axes,
    body_rows,
    heading_rows,
    null_loss,
    peak_density,
    upper_loss,
)

__all__ = ["Multiples"]

_WIDTH, _HEIGHT = 22, 7  # least cells of one, without what is between them
_ACROSS, _DOWN = 2, 1  # cells between them
_SHAPE = 3.5  # width to height, in cells, that suits a histogram
_TOP = 0.95  # share of the losses that the axis reaches up to, for the middle one of the points
_ZOOM = 10.0  # each level shows the lowest tenth of the losses that the one before it shows
_BROAD = 50  # cells from which there is room to say that axes are shared
_DEEPEST = 12
_FEWEST = 50  # losses that a zoom must still show
_SPIKE = 4.0  # a peak that is higher than so many of the middle one is cut
_WHEEL = 1  # rows of one turn of the wheel


@dataclass(frozen=True)
class _Grid:
    """How the points are laid out: columns, cells of one, and how many rows fit."""

    columns: int
    width: int
    height: int
    rows: int


class Multiples(RowsWidget, can_focus=True):
    """Small histograms with one of them selected; what does not fit is scrolled to.

    Attributes:
        selected: number of the selected point.
        zoom: 0 for the whole distributions; each level up shows the lowest tenth.
    """

    @dataclass
    class Moved(Message):
        """Another point is selected."""

        place: int

    @dataclass
    class Opened(Message):
        """The selected point was clicked on."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._view: SweepView | None = None
        self._notice = ""
        self._top = 0  # first row on view
        self._high: float | None = None
        self._peak: float | None = None
        self._drawn: dict[int, tuple[object, list[list[Piece]]]] = {}
        self._measured: dict[object, tuple[PointView, tuple[object, ...], float]] = {}
        self.selected = 0
        self.zoom = 0
        self.border_title = "Loss distributions"

    def show(self, view: SweepView | None, notice: str = "") -> None:
        """Draw a sweep, or a notice where there is none."""
        if view is None or self._view is None or view.path != self._view.path:
            self._high = self._peak = None
            self._top = self.zoom = 0
            self._drawn.clear()
            self._measured.clear()
        self._view, self._notice = view, notice
        self.select(self.selected)

    @property
    def point(self) -> PointView | None:
        """The selected point."""
        return self._view.points[self.selected] if self._view else None

    def select(self, place: int) -> None:
        """Select a point, and scroll to it."""
        before, last = self.selected, len(self._view.points) - 1 if self._view else place
        self.selected = max(0, min(place, last))
        grid = self._grid()
        if grid:
            row = self.selected // grid.columns
            self._top = max(row - grid.rows + 1, min(self._top, row))
        self.redraw()
        if self.selected != before:
            self.post_message(self.Moved(self.selected))

    def move(self, across: int, down: int) -> None:
        """Select a point beside, above or below the selected one."""
        grid = self._grid()
        if grid:
            place = self.selected + across + down * grid.columns
            last = len(self._view.points) - 1 if self._view else 0
            if down > 0 and place > last and self.selected // grid.columns < last // grid.columns:
                place = last
            if 0 <= place <= last:
                self.select(place)

    def move_page(self, direction: int) -> None:
        """Select a point a screenful further."""
        grid = self._grid()
        if grid:
            self.select(self.selected + direction * grid.rows * grid.columns)

    def move_to_end(self, direction: int) -> None:
        """Select the first (-1) or the last (1) point."""
        self.select(direction * (len(self._view.points) if self._view else 0))

    def zoom_by(self, step: int) -> bool:
        """Show about the lowest tenth of what is shown, or ten times as much; return whether it can be done.

        Levels that would show the same picture are passed over.
        """
        seen = _seen(self._view)
        finite = max((p.distribution.finite for p in seen if p.distribution is not None), default=0)
        here = self._end(seen, self.zoom)
        for wanted in range(self.zoom + step, _DEEPEST + 1 if step > 0 else -1, step):
            if not seen or (step > 0 and finite * _ZOOM**-wanted < _FEWEST):
                return False
            if self._end(seen, wanted) != here:
                self.zoom = wanted
                self._high = self._peak = None
                self.redraw()
                return True
        return False

    def on_resize(self) -> None:
        """Lay out for the new size."""
        self._high = self._peak = None
        self._drawn.clear()
        super().on_resize()
        self.select(self.selected)

    def restyle(self) -> None:
        """Paint in other colours."""
        self._drawn.clear()
        super().restyle()

    def on_click(self, event: events.Click) -> None:
        """Select the point under the mouse; open it if it is selected already."""
        grid = self._grid()
        if grid is None or self._view is None:
            return
        x, y = event.x - self.gutter.left, event.y - self.gutter.top
        column, row = x // (grid.width + _ACROSS), y // (grid.height + _DOWN)
        place = (self._top + row) * grid.columns + column
        if x < 0 or y < 0 or column >= grid.columns or row >= grid.rows or place >= len(self._view.points):
            return
        if place == self.selected:
            self.post_message(self.Opened())
        else:
            self.select(place)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Show what is below."""
        self._scroll(event, _WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Show what is above."""
        self._scroll(event, -_WHEEL)

    def _scroll(self, event: events.MouseEvent, step: int) -> None:
        """Show other rows; the selection comes along where it would leave the screen."""
        event.stop()
        grid = self._grid()
        if grid is None or self._view is None:
            return
        total = math.ceil(len(self._view.points) / grid.columns)
        self._top = max(0, min(self._top + step, total - grid.rows))
        first, last = self._top * grid.columns, (self._top + grid.rows) * grid.columns - 1
        self.select(max(first, min(self.selected, last)))

    def _grid(self) -> _Grid | None:
        """Return the layout; None while there are no points."""
        if self._view is None or not self._view.points:
            return None
        return _lay_out(len(self._view.points), *self.content_size)

    # Drawing

    def paint(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """Draw the points on view, and where among all of them those are."""
        view, grid = self._view, self._grid()
        if view is None or grid is None:
            self.entitle("Loss distributions")
            return message_rows(self._notice, width, height)
        axes = self._axes(view, grid)
        unit = "L/L0" if axes is None or axes.relative else "L"
        zoomed = f", up to {unit} = {number_text(axes.high, 3)}" if self.zoom and axes is not None else ""
        same = ", the same axes for all" if width >= _BROAD else ""
        self.entitle(f"Loss distributions{zoomed}", f"density against {unit}{same}")
        rows: list[list[Piece]] = []
        total = math.ceil(len(view.points) / grid.columns)
        for row in range(self._top, min(self._top + grid.rows, total)):
            places = range(row * grid.columns, min((row + 1) * grid.columns, len(view.points)))
            drawn = [self._small(view, place, grid, axes) for place in places]
            if rows:
                rows += [[] for _ in range(_DOWN)]
            for line in range(grid.height):
                pieces: list[Piece] = []
                for number, small in enumerate(drawn):
                    pieces += [Piece(" " * _ACROSS)] if number else []
                    pieces += filled(small[line], grid.width)
                rows.append(pieces)
        return with_bar(rows, width, height, self._top, grid.rows, total)

    def _axes(self, view: SweepView, grid: _Grid) -> Axes | None:
        """Return the axes that suit all points, held while they are not far too large."""
        seen = _seen(view)
        if not seen:
            return None
        relative = all(null_loss(point) > 0 for point in seen)
        self._high = held_ceiling(self._end(seen, self.zoom), self._high)
        columns = max(8, grid.width - 4)
        peaks = [self._once(point, peak_density, self._high, columns, relative) for point in seen]
        peak = min(max(peaks), _SPIKE * float(np.median(peaks)) or max(peaks))
        self._peak = held_ceiling(peak * 1.02, self._peak)
        return Axes(self._high, self._peak, relative)

    def _end(self, seen: Sequence[PointView], zoom: int) -> float:
        """Return the end of the loss axis at a level of zoom: that of the middle one of the points."""
        relative = all(null_loss(point) > 0 for point in seen)
        top = min(_TOP, _ZOOM**-zoom)
        high = (
            float(np.median([self._once(point, upper_loss, top, relative) for point in seen]))
            if seen
            else 1.0
        )
        if relative and not zoom:
            high = max(high, 1.25)  # the null loss is on view
        return held_ceiling(high)

    def _once(self, point: PointView, measure: Callable[..., float], *arguments: object) -> float:
        """Return what a point measures, worked out once for as long as it does not change."""
        key = (point.path, measure)
        known = self._measured.get(key)
        if known is None or known[0] is not point or known[1] != arguments:
            known = self._measured[key] = point, arguments, measure(point, *arguments)
        return known[2]

    def _small(self, view: SweepView, place: int, grid: _Grid, axes: Axes | None) -> list[list[Piece]]:
        """Return the rows of one point, drawn anew only where they differ."""
        point = view.points[place]
        key = (point, grid, axes, place == self.selected)
        if place not in self._drawn or self._drawn[place][0] != key:
            rows = heading_rows(view, place, grid.width, selected=place == self.selected)
            rows += body_rows(point, grid.width, grid.height - HEADING, axes)
            self._drawn[place] = key, rows + [[] for _ in range(grid.height - len(rows))]
        return self._drawn[place][1]


def _seen(view: SweepView | None) -> list[PointView]:
    """Return the points that have losses beside the null loss."""
    points = view.points if view else ()
    return [p for p in points if p.distribution is not None and p.distribution.histogram.index.size]


def _lay_out(count: int, width: int, height: int) -> _Grid:
    """Return the layout in which the histograms have the best shape, or the tightest one that scrolls."""
    most = max(1, min(count, (width + _ACROSS) // (_WIDTH + _ACROSS)))
    best: tuple[float, _Grid] | None = None
    for columns in range(1, most + 1):
        rows = math.ceil(count / columns)
        wide = (width + _ACROSS) // columns - _ACROSS
        tall = (height + _DOWN) // rows - _DOWN
        if tall >= _HEIGHT:
            misfit = abs(math.log(wide / tall / _SHAPE))
            if best is None or misfit < best[0]:
                best = misfit, _Grid(columns, wide, tall, rows)
    if best is not None:
        return best[1]
    most = max(1, min(count, (width - 2 + _ACROSS) // (_WIDTH + _ACROSS)))  # two cells for the scroll bar
    rows = max(1, (height + _DOWN) // (_HEIGHT + _DOWN))
    wide = (width - 2 + _ACROSS) // most - _ACROSS
    return _Grid(most, wide, max(4, (height + _DOWN) // rows - _DOWN), rows)
