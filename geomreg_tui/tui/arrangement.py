"""Which pane stands where on a screen that has room for all, and how large. Knows nothing of Textual."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from geomreg_tui.tui.panes import KINDS, ON_WIDE, PANES

__all__ = ["Arrangement", "Arrangements", "Box", "Column", "first_arrangement", "read_arrangements"]

_REST = 0  # the width of a column that takes what the others leave
_LEAST_WIDTH, _LEAST_HEIGHT = 24, 5  # cells of a pane, frame and all
_LEAST_SHARE, _MOST_SHARE = 2, 99
_STEP_WIDTH, _STEP_SHARE = 4, 2
_MOST_WIDTH = 400
# Widths of the columns at first: on wide screens, on wide screens with many columns, and on large ones.
_NARROW, _ROOMY, _LARGE = (33, _REST, 44), (36, _REST, 58), (46, _REST, _REST)


class Box(NamedTuple):
    """Where a pane is: its cells from the left and from the top, and how many it takes."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Column:
    """Panes one above the other.

    Attributes:
        width: cells; 0 for what the others leave.
        places: names from the top, and the share of the height of each.
    """

    width: int
    places: tuple[tuple[str, int], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names from the top."""
        return tuple(name for name, _ in self.places)


@dataclass(frozen=True)
class Arrangement:
    """Panes in columns, some of them hidden perhaps.

    Attributes:
        columns: from the left.
        hidden: names of panes that a person has hidden; they keep their places.
    """

    columns: tuple[Column, ...]
    hidden: frozenset[str] = frozenset()

    def order(self, there: Collection[str]) -> list[str]:
        """Return the panes that are shown, from the top of the first column on.

        Args:
            there: those that there is something to show of.
        """
        return [name for column in self.columns for name in self._shown(column, there)]

    def _shown(self, column: Column, there: Collection[str]) -> list[str]:
        return [name for name in column.names if name in there and name not in self.hidden]

    def boxes(self, width: int, height: int, there: Collection[str]) -> dict[str, Box]:
        """Return where each pane that is shown is, on so many cells; together they fill them.

        Args:
            width, height: cells for all.
            there: panes that there is something to show of.
        """
        shown = [(column, self._shown(column, there)) for column in self.columns]
        shown = [(column, names) for column, names in shown if names]
        boxes: dict[str, Box] = {}
        x = 0
        widths = _widths([column.width for column, _ in shown], width)
        for (column, names), cells in zip(shown, widths, strict=True):
            shares = dict(column.places)
            y = 0
            for name, rows in zip(names, _rows([shares[name] for name in names], height), strict=True):
                boxes[name] = Box(x, y, cells, rows)
                y += rows
            x += cells
        return boxes

    def taller(self, name: str, step: int, there: Collection[str]) -> Arrangement | None:
        """Return the arrangement with a pane taller (1) or lower (-1); None where that cannot be."""
        column = self._column_of(name)
        if len(self._shown(column, there)) < 2:
            return None
        share = dict(column.places)[name] + _STEP_SHARE * step
        if not _LEAST_SHARE <= share <= _MOST_SHARE:
            return None
        places = tuple((each, share if each == name else old) for each, old in column.places)
        return self._with(column, replace(column, places=places))

    def broader(self, name: str, step: int, there: Collection[str], width: int) -> Arrangement | None:
        """Return the arrangement with the column of a pane broader (1) or narrower (-1).

        The column that takes what is left gives or gets it from the broadest of the others.

        Returns:
            The arrangement; None where that cannot be.
        """
        shown = [column for column in self.columns if self._shown(column, there)]
        if len(shown) < 2:
            return None
        column = self._column_of(name)
        now = dict(zip(shown, _widths([each.width for each in shown], width), strict=True))
        by = _STEP_WIDTH * step
        rests = [each for each in shown if each.width == _REST]
        if column.width == _REST and len(rests) > 1:
            changed, cells = column, now[column] + by  # from now on it has a width of its own
        elif column.width == _REST:
            fixed = [each for each in shown if each is not column]
            changed = max(fixed, key=lambda each: now[each])
            cells = now[changed] - by
        else:
            changed, cells = column, now[column] + by
        others = sum(now[each] for each in shown if each is not changed and each.width != _REST)
        left = width - cells - others
        if cells < _LEAST_WIDTH or left < _LEAST_WIDTH * sum(each is not changed for each in rests):
            return None
        return self._with(changed, replace(changed, width=cells))

    def exchanged(self, name: str, step: int, there: Collection[str]) -> Arrangement | None:
        """Return the arrangement in which a pane and the next (1) or the one before (-1) change places."""
        order = self.order(there)
        if name not in order or len(order) < 2:
            return None
        other = order[(order.index(name) + step) % len(order)]
        turned = {name: other, other: name}
        columns = (
            replace(column, places=tuple((turned.get(each, each), share) for each, share in column.places))
            for column in self.columns
        )
        return replace(self, columns=tuple(columns))

    def without(self, name: str, there: Collection[str]) -> Arrangement | None:
        """Return the arrangement with a pane hidden; None where it is the only one."""
        if len(self.order(there)) < 2:
            return None
        return replace(self, hidden=self.hidden | {name})

    def with_all(self) -> Arrangement:
        """Return the arrangement with no pane hidden."""
        return replace(self, hidden=frozenset())

    def _column_of(self, name: str) -> Column:
        return next(column for column in self.columns if name in column.names)

    def _with(self, old: Column, new: Column) -> Arrangement:
        return replace(self, columns=tuple(new if column is old else column for column in self.columns))

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        columns = [[column.width, [list(place) for place in column.places]] for column in self.columns]
        return {"columns": columns, "hidden": sorted(self.hidden)}


Arrangements = Mapping[str, Arrangement]


def first_arrangement(kind: str, *, roomy: bool = False) -> Arrangement:
    """Return how panes are arranged where nobody has arranged them.

    Args:
        kind: of screen, one of ``KINDS``.
        roomy: whether it has so many columns that those at the sides are broader.
    """
    widths = (_ROOMY if roomy else _NARROW) if kind == ON_WIDE else _LARGE
    spots = {name: getattr(pane, kind) for name, pane in PANES.items()}
    columns = []
    for number, width in enumerate(widths):
        names = sorted((name for name in spots if spots[name].column == number), key=lambda n: spots[n].place)
        columns.append(Column(width, tuple((name, spots[name].share) for name in names)))
    return Arrangement(tuple(columns))


def read_arrangements(values: object) -> Arrangements:
    """Return arrangements from plain data, by kind of screen.

    A pane that is named nowhere, as one that is new, stands where it stands at first.

    Raises:
        ValueError, TypeError, LookupError: if it is none.
    """
    if not isinstance(values, dict):
        raise TypeError(values)
    return {kind: _read(values[kind], kind) for kind in KINDS if kind in values}


def _read(values: Mapping[str, Any], kind: str) -> Arrangement:
    columns, seen = [], set()
    for width, places in values["columns"]:
        kept = []
        for name, share in places:
            if name in seen or not isinstance(name, str):
                raise ValueError(name)
            seen.add(name)
            if name in PANES:
                kept.append((name, _whole(share, _LEAST_SHARE, _MOST_SHARE)))
        columns.append(Column(_whole(width, _REST, _MOST_WIDTH), tuple(kept)))
    first = first_arrangement(kind)
    if len(columns) != len(first.columns):
        raise ValueError(columns)
    for number, column in enumerate(first.columns):
        new = tuple(place for place in column.places if place[0] not in seen)
        columns[number] = replace(columns[number], places=columns[number].places + new)
    hidden = frozenset(name for name in values["hidden"] if name in PANES)
    if len(hidden) == len(PANES):
        raise ValueError(hidden)
    return Arrangement(tuple(columns), hidden)


def _whole(value: object, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(value)
    return value


def _widths(asked: Sequence[int], width: int) -> list[int]:
    """Return cells of columns that fill a width, as far as that goes those that were asked for."""
    rests = [number for number, cells in enumerate(asked) if cells == _REST]
    if not rests:  # of those that have widths of their own the broadest takes what is left
        rests = [max(range(len(asked)), key=lambda number: asked[number])] if asked else []
    fixed = {number: cells for number, cells in enumerate(asked) if number not in rests}
    room = width - min(_LEAST_WIDTH * len(rests), width)
    wanted = sum(fixed.values())
    if wanted > room:  # on a screen that is narrower than the one that they were chosen on
        fixed = {number: cells * room // wanted for number, cells in fixed.items()}
    left = list(_cuts([1] * len(rests), width - sum(fixed.values())))
    return [fixed[number] if number in fixed else left[rests.index(number)] for number in range(len(asked))]


def _rows(shares: Sequence[int], height: int) -> list[int]:
    """Return rows in these shares that fill a height, none so low that nothing can be read."""
    rows = list(_cuts(shares, height))
    least = min(_LEAST_HEIGHT, height // len(rows))
    while min(rows) < least:
        rows[rows.index(min(rows))] += 1
        rows[rows.index(max(rows))] -= 1
    return rows


def _cuts(shares: Sequence[int], whole: int) -> Iterator[int]:
    """Give whole parts of a whole in these shares."""
    total, before, summed = sum(shares), 0, 0
    for share in shares:
        summed += share
        upto = whole * summed // total
        yield upto - before
        before = upto
