"""A plot of cells, as rows of pieces: bars, and over them curves, marks and a crosshair that never hide one.

A cell has a character and two colours. What is drawn over a whole cell of a bar has the bar's colour behind
it; where a bar ends within a cell its eighths stay, and what is drawn there is a tint behind them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.tui.axes import Scale
from geomreg_tui.tui.widgets.raster import BRAILLE, braille, stroke
from geomreg_tui.tui.widgets.rows import ROLES, Piece

__all__ = ["FAINT", "Canvas"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_EIGHTHS = np.array(list(" ▁▂▃▄▅▆▇█"))
FAINT = "."  # what there is less of than half an eighth of a cell
_DOTTED = 0x2800  # the braille character without dots
_DOTS = 256
_CURSOR = "╎"
_NONE = -1  # in place of a role


class Canvas:
    """A plot of ``width`` by ``height`` cells, ticks and axis label included; no label where it is empty.

    Attributes:
        columns, lines: cells of the plotting area.
    """

    def __init__(self, width: int, height: int, x: Scale, y: Scale, label: str) -> None:
        self.x, self.y = x, y
        self._width, self._label = width, label
        self.columns = self.area(width, y)
        self.lines = self.area_lines(height, label)
        shape = self.lines, self.columns
        # Behind the bars, and in front of them: characters and their roles, lines counted from the lowest.
        self._behind, self._front = np.full(shape, " "), np.full(shape, " ")
        self._behind_role, self._front_role = np.full(shape, _NONE), np.full(shape, _NONE)
        self._bar, self._bar_role = np.full(shape, " "), _index("bar")
        self._filled = np.zeros(self.columns)
        self._cursor: int | None = None

    @staticmethod
    def area(width: int, y: Scale) -> int:
        """Return how many columns the plotting area of a plot of that width will have."""
        return max(2, width - max(map(len, y.labels), default=0) - 1)

    @staticmethod
    def area_lines(height: int, label: str) -> int:
        """Return how many lines the plotting area of a plot of that height will have."""
        return max(2, height - (3 if label else 2))

    def bars(self, values: FloatArray, role: str = "bar") -> None:
        """Draw one bar in each column, in eighths of a cell; shape (columns,), in units of y.

        What there is less of than half an eighth shows as a point.
        """
        levels = np.clip((np.asarray(values) - self.y.low) / (self.y.high - self.y.low), 0, 1) * self.lines
        levels = np.where(np.isfinite(levels), levels, 0.0)
        self._filled = np.maximum(self._filled, levels)
        eighths = np.round(8 * levels).astype(int)
        above = 8 * np.arange(self.lines)[:, None]
        drawn = _EIGHTHS[np.clip(eighths - above, 0, 8)]
        drawn[0] = np.where((levels > 0) & (eighths == 0), FAINT, drawn[0])
        self._bar = np.where(drawn == " ", self._bar, drawn)
        self._bar_role = _index(role)

    def bands(self, low: FloatArray, high: FloatArray, role: str = "band") -> None:
        """Draw an interval above the bar in each column where it reaches at least a cell further."""
        top = np.clip((high - self.y.low) / (self.y.high - self.y.low), 0, 1) * self.lines
        lines = np.arange(self.lines)[:, None]
        self._put((lines >= np.ceil(self._filled)) & (lines < np.floor(top)), "┊", role)

    def dots(self, values: FloatArray, glyph: str, role: str) -> None:
        """Draw one character in each column, at a height; NaN and 0 leave it out; shape (columns,)."""
        shares = (np.asarray(values) - self.y.low) / (self.y.high - self.y.low)
        seen = np.isfinite(shares) & (shares > 0) & (shares <= 1)
        at = np.minimum((np.where(seen, shares, 0) * self.lines).astype(int), self.lines - 1)
        self._put(seen & (np.arange(self.lines)[:, None] == at), glyph, role)

    def line(
        self, x: FloatArray, y: FloatArray, role: str, *, joined: bool = True, dashed: bool = False
    ) -> None:
        """Draw a curve in braille dots; what lies beyond the axes is left out.

        Args:
            x, y: of its points, shape (points,); it is interrupted where one is NaN.
            role: its colour.
            joined: whether strokes join the points.
            dashed: whether every third cell is left out, so that no colour is needed to tell it apart.
        """
        u = (np.asarray(x, np.float64) - self.x.low) / (self.x.high - self.x.low)
        v = (np.asarray(y, np.float64) - self.y.low) / (self.y.high - self.y.low)
        shape = self.lines * BRAILLE[1], self.columns * BRAILLE[0]
        dots = braille(stroke(u, v, shape, joined=joined, dashed=dashed))
        codes = self._front.view(np.int32).reshape(self._front.shape)
        before = np.where((codes >= _DOTTED) & (codes < _DOTTED + _DOTS), codes - _DOTTED, 0)
        codes[dots > 0] = (_DOTTED + (before | dots))[dots > 0]
        self._front_role[dots > 0] = _index(role)

    def landmark(self, x: float, role: str = "landmark") -> None:
        """Draw a vertical line, behind everything drawn with the other methods."""
        column = self.x.cell(x, self.columns)
        if column is not None:
            self._behind[:, column], self._behind_role[:, column] = "│", _index(role)

    def landmark_names(self, places: Mapping[str, float], width: int) -> list[Piece]:
        """Return a row with the landmarks' names above their lines; names that meet are joined.

        Args:
            places: of the landmarks, in the units of the axis, by name.
            width: cells of the row.
        """
        start = width - self.columns
        labels: list[tuple[int, str]] = []
        for name, place in sorted(places.items(), key=lambda item: item[1]):
            cell = self.x.cell(place, self.columns)
            if cell is None:
                continue
            column = start + cell
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
        line = self.y.cell(y, self.lines)
        if line is not None:
            self._behind[line], self._behind_role[line] = "─", _index(role)

    def mark(self, x: float, y: float, glyph: str, role: str = "mark") -> None:
        """Draw one character at a point, if that is within the axes."""
        column, line = self.x.cell(x, self.columns), self.y.cell(y, self.lines)
        if column is not None and line is not None:
            self._front[line, column], self._front_role[line, column] = glyph, _index(role)

    def interval(self, x: float, low: float, high: float, role: str) -> None:
        """Draw a vertical stroke over the cells that an interval of y reaches into, within the axes."""
        column = self.x.cell(x, self.columns)
        if column is not None and low <= high:
            first, last = self._reach(self.y, low, high, self.lines)
            self._front[first : last + 1, column] = "│"
            self._front_role[first : last + 1, column] = _index(role)

    def interval_across(self, y: float, low: float, high: float, role: str) -> None:
        """Draw a horizontal stroke over the cells that an interval of x reaches into, within the axes."""
        line = self.y.cell(y, self.lines)
        if line is not None and low <= high:
            first, last = self._reach(self.x, low, high, self.columns)
            self._front[line, first : last + 1] = "─"
            self._front_role[line, first : last + 1] = _index(role)

    def cursor(self, x: float) -> None:
        """Draw a crosshair: a vertical line over everything, that hides nothing but landmarks."""
        self._cursor = self.x.cell(x, self.columns)

    @staticmethod
    def _reach(axis: Scale, low: float, high: float, cells: int) -> tuple[int, int]:
        """Return the first and last cell that an interval reaches into."""
        first, last = (int(np.clip(axis.share(end), 0, 1 - 1e-9) * cells) for end in (low, high))
        return first, last

    def _put(self, where: NDArray[np.bool_], glyph: str, role: str) -> None:
        """Put a character into cells in front."""
        self._front[where], self._front_role[where] = glyph, _index(role)

    # Putting it together

    def rows(self) -> list[list[Piece]]:
        """Return the finished plot."""
        glyphs, roles, over = self._composed()
        margin = self._width - self.columns
        left = self._left(margin)
        rows = [
            [Piece(left[line], "axis"), *_pieces(glyphs[line], roles[line], over[line])]
            for line in reversed(range(self.lines))
        ]
        rows += [[Piece(text, "axis")] for text in self._below(margin)]
        return rows

    def _composed(self) -> tuple[NDArray[np.str_], IntArray, IntArray]:
        """Return the characters of the plotting area, their roles, and the roles behind, (lines, columns)."""
        front, front_role = self._front, self._front_role
        drawn, barred = front != " ", self._bar != " "
        over = np.full(drawn.shape, _NONE)
        if self._cursor is not None:
            front, front_role, drawn = front.copy(), front_role.copy(), drawn.copy()
            column, strong = self._cursor, _index("strong")
            over[:, column] = np.where(drawn[:, column] & ~barred[:, column], strong, _NONE)
            bare = ~drawn[:, column] | barred[:, column]
            front[bare, column], front_role[bare, column] = _CURSOR, strong
            drawn[:, column] = True
        whole, part = barred & (self._bar == "█"), barred & (self._bar != "█")
        glyphs = np.where(barred, self._bar, self._behind)
        roles = np.where(barred, self._bar_role, self._behind_role)
        kept = drawn & ~part
        glyphs, roles = np.where(kept, front, glyphs), np.where(kept, front_role, roles)
        over = np.where(drawn & whole, self._bar_role, over)
        over = np.where(drawn & part, front_role, over)
        return glyphs, roles, over

    def _left(self, margin: int) -> list[str]:
        """Return what is at the left of each line, from the lowest: labels, and the axis with its ticks."""
        texts, axis = [""] * self.lines, ["│"] * self.lines
        for place in self.y.minor(self.lines):
            if (line := self.y.cell(place, self.lines)) is not None:
                axis[line] = "├"
        for place, label in zip(self.y.ticks, self.y.labels, strict=True):
            if (line := self.y.cell(place, self.lines)) is not None:
                texts[line], axis[line] = label, "┤"
        return [text.rjust(margin - 1) + mark for text, mark in zip(texts, axis, strict=True)]

    def _below(self, margin: int) -> list[str]:
        """Return the lines below the plotting area: the axis, the labels of its ticks, and its name."""
        axis, labels = ["─"] * self.columns, [" "] * self.columns
        for place in self.x.minor(self.columns):
            if (column := self.x.cell(place, self.columns)) is not None:
                axis[column] = "┴"
        end = -1
        for place, label in zip(self.x.ticks, self.x.labels, strict=True):
            column = self.x.cell(place, self.columns)
            if column is None:
                continue
            axis[column] = "┬"
            start = max(0, min(column - len(label) // 2, self.columns - len(label)))
            if start > end:
                labels[start : start + len(label)] = label
                end = start + len(label)
        rows = [" " * (margin - 1) + "└" + "".join(axis), " " * margin + "".join(labels)]
        return [*rows, " " * margin + self._label.center(self.columns).rstrip()] if self._label else rows


def _index(role: str) -> int:
    return ROLES.index(role)


def _pieces(glyphs: NDArray[np.str_], roles: IntArray, over: IntArray) -> Sequence[Piece]:
    """Return a line of cells as pieces; blanks belong to what is before them."""
    keys = roles * len(ROLES) + over
    starts = np.concatenate([[0], np.flatnonzero(np.diff(keys)) + 1, [keys.size]])
    return [
        Piece(
            "".join(glyphs[start:stop]),
            ROLES[roles[start]] if roles[start] != _NONE else "axis",
            ROLES[over[start]] if over[start] != _NONE else "",
        )
        for start, stop in pairwise(starts)
    ]
