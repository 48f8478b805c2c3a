"""The points of a sweep as a table, where there is room for one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.geometry import Size
from textual.message import Message

from geomreg_tui.formatting import decimal_text, interval_text, margin_text, share_text
from geomreg_tui.statistics.intervals import WIDTH, Interval
from geomreg_tui.tui.sweep_view import PointView, SweepView
from geomreg_tui.tui.widgets.rows import Piece, RowsWidget
from geomreg_tui.tui.widgets.runs import cut
from geomreg_tui.tui.widgets.small_histogram import point_state

__all__ = ["PointsTable"]

_GAP = 2
_SUBTITLE = "shares with 95 % intervals"
_REACHED = (
    "loss reached",
    "volume reached",
    "zero loss",
    "floor",
)  # how a tail ends that has no further to go


class PointsTable(RowsWidget):
    """One row for each point; those about the selected one are shown where not all fit."""

    @dataclass
    class Chosen(Message):
        """A point was clicked on."""

        place: int

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._view: SweepView | None = None
        self._selected = 0
        self._top = 0
        self.entitle("Points", _SUBTITLE)

    def show(self, view: SweepView | None, selected: int) -> None:
        """Draw a sweep."""
        before = len(self._view.points) if self._view else 0
        self._view, self._selected = view, selected
        if view is not None and len(view.points) != before:
            self.refresh(layout=True)
        deep = view.tails if view is not None else None
        at = "" if deep is None else f"log10 V at log10 ε = {decimal_text(deep.log10_loss, 2)}, ± 95 %"
        self.entitle("Points", at or _SUBTITLE)
        self.redraw()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the height of headings and all rows."""
        return 1 + (len(self._view.points) if self._view else 1)

    def on_click(self, event: events.Click) -> None:
        """Choose the point under the mouse."""
        place = self._top + event.y - self.gutter.top - 1
        if self._view and event.y > self.gutter.top and place < len(self._view.points):
            self.post_message(self.Chosen(place))

    def paint(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """Draw headings and rows."""
        view = self._view
        if view is None:
            return []
        page = max(1, height - 1)
        last = max(0, len(view.points) - page)
        self._top = max(self._selected - page + 1, min(self._top, self._selected, last))
        points = view.points
        headings = [" × ".join(factor.key for factor in view.plan.factors)]
        more: Sequence[tuple[str, Callable[[PointView], str]]] = _MORE
        if view.tails is None:
            headings += ["D0", "95 % interval"]
            cells = [[point.value, *_dominance(point)] for point in points]
        else:
            headings += ["log10 V"]
            cells = [[point.value, _volume(view, point)] for point in points]
            # λ before a word that says no more than that a tail has come to its goal.
            words = ("tail", _tail), ("λ", _exponent)
            words = words if any(_short(point) for point in points) else words[::-1]
            more = (*words, ("D0", lambda point: _dominance(point)[0]), *_MORE)
        state_size = max(cell_len(point_state(point)[0]) for point in points)
        for name, take in more:
            sizes = [max(len(name), *(len(take(point)) for point in points))]
            if 2 + _total([*_sizes(headings, cells), *sizes]) + _GAP + state_size <= width:
                headings.append(name)
                cells = [[*row, take(point)] for row, point in zip(cells, points, strict=True)]
        sizes = _sizes(headings, cells)
        over = 2 + _total(sizes) + _GAP + state_size - width
        if over > 0 and len(headings) > 2:  # rather the first number alone than a value that is cut
            del headings[2]
            cells = [[*row[:2], *row[3:]] for row in cells]
            sizes = _sizes(headings, cells)
            over = 2 + _total(sizes) + _GAP + state_size - width
        sizes[0] = max(4, sizes[0] - max(0, over))
        rows = [[Piece("  "), Piece(_line(headings, sizes), "dim")]]
        for place in range(self._top, min(self._top + page, len(points))):
            here = place == self._selected
            state, role = point_state(points[place])
            rows.append(
                [
                    Piece("❯ " if here else "  ", "key"),
                    Piece(_line(cells[place], sizes) + " " * _GAP, "strong" if here else "text"),
                    Piece(state, role),
                ]
            )
        return rows


def _sizes(headings: Sequence[str], cells: Sequence[Sequence[str]]) -> list[int]:
    """Return the width of each column."""
    return [max(map(cell_len, column)) for column in zip(headings, *cells, strict=True)]


def _total(sizes: Sequence[int]) -> int:
    """Return the width of a line."""
    return sum(sizes) + _GAP * (len(sizes) - 1)


def _line(texts: Sequence[str], sizes: Sequence[int]) -> str:
    """Return cells in columns, set to the right."""
    parts = [cut(text, size) for text, size in zip(texts, sizes, strict=True)]
    return (" " * _GAP).join(
        " " * (size - cell_len(text)) + text for text, size in zip(parts, sizes, strict=True)
    )


def _dominance(point: PointView) -> tuple[str, str]:
    """Return D_0 and the ends of its interval."""
    if point.landmark is None:
        return "", ""
    estimate, _, ends = interval_text(point.landmark.landmark, 3, bounded=True).partition(" ")
    return estimate, ends


def _volume(view: SweepView, point: PointView) -> str:
    """Return log10 V at the loss that all tails have come to, with half of its interval."""
    found = view.volumes.get(point.settings)
    if found is None or math.isnan(found.estimate):
        return ""
    return f"{found.estimate:.2f} ± {found.estimate - found.low:.2f}"


def _tail(point: PointView) -> str:
    """Return how the deep tail of a point stands."""
    tail = point.result.tail if point.result else None
    return "" if tail is None else tail.status


def _short(point: PointView) -> bool:
    """Return whether the deep tail of a point has ended short of its goal."""
    tail = point.result.tail if point.result else None
    return tail is not None and tail.over and tail.status not in _REACHED


def _exponent(point: PointView) -> str:
    """Return λ at the deepest loss where it is known, with half of its 95 % interval."""
    tail = point.result.tail if point.result else None
    known = tail.exponent if tail is not None else None
    if known is None:
        return ""
    slope, std = known
    text = decimal_text(slope, 2)
    return f"{text} ± {margin_text(WIDTH * std, 2)}" if math.isfinite(std) else text


def _share(point: PointView, name: str) -> str:
    if point.modes is None:
        return ""
    found: Interval = getattr(point.modes, name)
    return _number(found.estimate)


def _parameters(point: PointView) -> str:
    return f"{point.result.facts.parameters:,}" if point.result else ""


_MORE = (
    ("DE", lambda point: _share(point, "excess")),
    ("zero mode", lambda point: _share(point, "zero_mass")),
    ("central", lambda point: _share(point, "central_mass")),
    ("at L_0", lambda point: _share(point, "atom_mass")),
    ("P", _parameters),
)


def _number(value: float) -> str:
    return share_text(value, 3, undefined="?")
