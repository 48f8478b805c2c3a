"""A plot drawn with a plotext figure of its own, as rows of pieces.

plotext maps data to cells so that the ends of an axis are the middles of the outermost cells. A histogram
needs them at the cells' outer edges; so data are given to plotext as shares of the axis, shifted
accordingly, and its own limits are always 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.textplot import drawn_cells, new_figure
from geomreg_tui.tui.numbers import Scale
from geomreg_tui.tui.widgets.rows import ROLES, Piece

__all__ = ["Canvas"]

FloatArray = NDArray[np.float64]

_NUMBER = {role: number + 1 for number, role in enumerate(ROLES)}  # as plotext colours, 0 to 255
_ROLE = {number: role for role, number in _NUMBER.items()}
_EIGHTHS = " ▁▂▃▄▅▆▇"
_BRAILLE = (2, 4)  # dots in a cell
_OVER = {"pinned", "theory", "landmark", "mark"}  # roles that keep the colour of a bar behind them


class Canvas:
    """A plot of ``width`` by ``height`` cells, ticks and axis label included; no label where it is empty.

    Attributes:
        columns, lines: cells of the plotting area.
    """

    def __init__(self, width: int, height: int, x: Scale, y: Scale, label: str) -> None:
        self.x, self.y = x, y
        margin = max(map(len, y.labels), default=0)
        self._figure = new_figure(width, height)
        self.columns = self.area(width, y)
        self.lines = max(2, height - (3 if label else 2))
        figure = self._figure
        figure.ticks_color(_NUMBER["axis"])
        figure.xaxes(True, False)
        figure.yaxes(True, False)
        figure.xlim(0, 1)
        figure.ylim(0, 1)
        if label:
            figure.xlabel(label)
        figure.xticks([self._at(x.share(t), self.columns) for t in x.ticks], x.labels)
        # Labels of equal length keep the plotting area where it is.
        figure.yticks(
            [self._at(y.share(t), self.lines) for t in y.ticks], [text.rjust(margin) for text in y.labels]
        )
        self._filled = np.zeros(self.columns)

    @staticmethod
    def area(width: int, y: Scale) -> int:
        """Return how many columns the plotting area of a plot of that width will have."""
        return max(2, width - max(map(len, y.labels), default=0) - 1)

    @staticmethod
    def _at(share: float, cells: int) -> float:
        """Return where plotext must be told a point is, for the cell that holds this share of the axis."""
        return (min(share * cells, cells - 1e-6) - 0.5) / (cells - 1)

    def bars(self, values: FloatArray, role: str = "bar") -> None:
        """Draw one bar in each column, in eighths of a cell; shape (columns,), in units of y."""
        levels = np.clip((np.asarray(values) - self.y.low) / (self.y.high - self.y.low), 0, 1) * self.lines
        levels = np.where(np.isfinite(levels), levels, 0.0)
        self._filled = np.maximum(self._filled, levels)
        whole = np.floor(levels + 1 / 16).astype(int)
        eighths = np.round((levels - whole) * 8).astype(int)
        # What is there at all shows: the least that a cell can.
        eighths = np.where((levels > 0) & (whole == 0), np.maximum(eighths, 1), eighths)
        full = np.flatnonzero(whole)
        if full.size:
            self._scatter(full, whole[full] - 1, ["█"] * full.size, role, fill=True)
        part = np.flatnonzero((eighths > 0) & (whole < self.lines))
        if part.size:
            self._scatter(part, whole[part], [_EIGHTHS[eighths[i]] for i in part], role)

    def bands(self, low: FloatArray, high: FloatArray, role: str = "band") -> None:
        """Draw an interval above the bar in each column where it reaches at least a cell further."""
        top = np.clip((high - self.y.low) / (self.y.high - self.y.low), 0, 1) * self.lines
        columns, lines = [], []
        for column, (reach, filled) in enumerate(zip(top, self._filled, strict=True)):
            first, last = int(np.ceil(filled)), int(np.floor(reach)) - 1
            columns += [column] * max(0, last - first + 1)
            lines += list(range(first, last + 1))
        if columns:
            self._scatter(np.array(columns), np.array(lines), ["┊"] * len(columns), role)

    def dots(self, values: FloatArray, glyph: str, role: str) -> None:
        """Draw one character in each column, at a height; NaN and 0 leave it out; shape (columns,)."""
        shares = (np.asarray(values) - self.y.low) / (self.y.high - self.y.low)
        seen = np.flatnonzero(np.isfinite(shares) & (shares > 0) & (shares <= 1))
        if seen.size:
            lines = np.minimum((shares[seen] * self.lines).astype(int), self.lines - 1)
            self._scatter(seen, lines, [glyph] * seen.size, role)

    def line(
        self, x: FloatArray, y: FloatArray, role: str, *, joined: bool = True, dashed: bool = False
    ) -> None:
        """Draw a curve in braille dots; points beyond the axes are left out.

        Args:
            x, y: of its points, shape (points,); in increasing order of x where it is dashed.
            role: its colour.
            joined: whether strokes join the points.
            dashed: whether every third cell is left out, so that no colour is needed to tell it apart.
        """
        across, up = self.columns * _BRAILLE[0], self.lines * _BRAILLE[1]
        u = (np.asarray(x) - self.x.low) / (self.x.high - self.x.low)
        v = (np.asarray(y) - self.y.low) / (self.y.high - self.y.low)
        seen = np.isfinite(u) & np.isfinite(v) & (u >= 0) & (u <= 1) & (v >= 0) & (v <= 1)
        if not np.any(seen):
            return
        columns = np.minimum((u[seen] * across).astype(int), across - 1)
        rows = np.minimum((v[seen] * up).astype(int), up - 1)
        for part in _dashes(columns, rows) if dashed else [(columns, rows)]:
            points = (part[0] / (across - 1), part[1] / (up - 1))
            draw = self._figure.plot if joined and part[0].size > 1 else self._figure.scatter
            draw(points[0].tolist(), points[1].tolist(), marker="braille", color=_NUMBER[role])

    def landmark(self, x: float, role: str = "landmark") -> None:
        """Draw a vertical line, behind everything drawn with the other methods."""
        share = self.x.share(x)
        if 0 <= share <= 1:
            self._figure.vline(self._at(share, self.columns), _NUMBER[role])

    def landmark_names(self, places: Mapping[str, float], width: int) -> list[Piece]:
        """Return a row with the landmarks' names above their lines; names that meet are joined.

        Args:
            places: of the landmarks, in the units of the axis, by name.
            width: cells of the row.
        """
        start = width - self.columns
        labels: list[tuple[int, str]] = []
        for name, place in sorted(places.items(), key=lambda item: item[1]):
            share = self.x.share(place)
            if not 0 <= share <= 1:
                continue
            column = start + min(int(share * self.columns), self.columns - 1)
            if labels and column <= labels[-1][0] + len(labels[-1][1]):
                labels[-1] = (labels[-1][0], labels[-1][1] + "," + name)
            else:
                labels.append((column, name))
        row, cursor = [], 0
        for column, name in labels:
            column = max(cursor, min(column, width - len(name)))
            row += [Piece(" " * (column - cursor)), Piece(name, "landmark")]
            cursor = column + len(name)
        return row

    def level(self, y: float, role: str = "landmark") -> None:
        """Draw a horizontal line, behind everything drawn with the other methods."""
        share = self.y.share(y)
        if 0 <= share <= 1:
            self._figure.hline(self._at(share, self.lines), _NUMBER[role])

    def mark(self, x: float, y: float, glyph: str, role: str = "mark") -> None:
        """Draw one character at a point, if that is within the axes."""
        u, v = self.x.share(x), self.y.share(y)
        if 0 <= u <= 1 and 0 <= v <= 1:
            place = min(int(u * self.columns), self.columns - 1), min(int(v * self.lines), self.lines - 1)
            self._scatter(np.array(place[:1]), np.array(place[1:]), [glyph], role)

    def interval(self, x: float, low: float, high: float, role: str) -> None:
        """Draw a vertical stroke over the cells that an interval of y reaches into, within the axes."""
        if 0 <= self.x.share(x) <= 1 and low <= high:
            lines = self._reach(self.y, low, high, self.lines)
            column = min(int(self.x.share(x) * self.columns), self.columns - 1)
            self._scatter(np.full(lines.size, column), lines, ["│"] * lines.size, role)

    def interval_across(self, y: float, low: float, high: float, role: str) -> None:
        """Draw a horizontal stroke over the cells that an interval of x reaches into, within the axes."""
        if 0 <= self.y.share(y) <= 1 and low <= high:
            columns = self._reach(self.x, low, high, self.columns)
            line = min(int(self.y.share(y) * self.lines), self.lines - 1)
            self._scatter(columns, np.full(columns.size, line), ["─"] * columns.size, role)

    @staticmethod
    def _reach(axis: Scale, low: float, high: float, cells: int) -> NDArray[np.int64]:
        """Return the cells that an interval reaches into."""
        first, last = (int(np.clip(axis.share(end), 0, 1 - 1e-9) * cells) for end in (low, high))
        return np.arange(first, last + 1)

    def rows(self) -> list[list[Piece]]:
        """Return the finished plot."""
        drawn = drawn_cells(self._figure)
        rows = []
        for line in reversed(range(len(drawn.characters))):
            height = line - drawn.first_row
            cells = []
            for column, (char, color) in enumerate(
                zip(drawn.characters[line], drawn.colours[line], strict=True)
            ):
                role = _ROLE.get(color, "axis") if isinstance(color, int) else "axis"
                inside = 0 <= column - drawn.first_column < self.columns and 0 <= height < self.lines
                behind = role in _OVER and inside and self._filled[column - drawn.first_column] >= height + 1
                cells.append((char, role, "bar" if behind else ""))
            rows.append(
                [
                    Piece("".join(cell[0] for cell in group), *key)
                    for key, group in groupby(cells, key=lambda cell: cell[1:])
                ]
            )
        return rows

    def _scatter(
        self,
        columns: NDArray[np.int64],
        lines: NDArray[np.int64],
        glyphs: Sequence[str],
        role: str,
        *,
        fill: bool = False,
    ) -> None:
        """Put characters into cells."""
        self._figure.scatter(
            (columns / (self.columns - 1)).tolist(),
            (lines / (self.lines - 1)).tolist(),
            marker=list(glyphs),
            color=_NUMBER[role],
            fillx=fill,
        )


def _dashes(columns: NDArray[np.int64], rows: NDArray[np.int64]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Return the parts of a curve that are drawn: two of every three cells along the way.

    Args:
        columns, rows: of its dots, shape (dots,), columns increasing.
    """
    first, last = columns[0], columns[-1]
    wide = np.arange(first, last + 1)
    tall = np.interp(wide, columns, rows)
    way = np.concatenate(
        [[0.0], np.cumsum(np.hypot(np.diff(wide) / _BRAILLE[0], np.diff(tall) / _BRAILLE[1]))]
    )
    drawn = np.floor(way).astype(int) % 3 < 2
    ends = np.flatnonzero(np.diff(drawn)) + 1
    pieces = np.split(np.arange(wide.size), ends)
    return [(wide[piece], np.round(tall[piece]).astype(int)) for piece in pieces if drawn[piece[0]]]
