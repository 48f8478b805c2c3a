"""The list of runs and sweeps, as a table and as plain data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.cells import cell_len

from geomreg_tui.cli.output import output_width
from geomreg_tui.columns import table_lines
from geomreg_tui.errors import one_line, plain_text
from geomreg_tui.formatting import decimal_text, share_text, size_text

if TYPE_CHECKING:
    from geomreg_tui.listing import Row

__all__ = ["chosen_rows", "listed_rows", "print_rows"]

_ROOM = 26  # cells that are kept for the experiment, with the gap before it


def chosen_rows(
    where: str | None, sort: str | None, limit: int, *, reverse: bool
) -> tuple[list[Row], int, int]:
    """Return the rows of the list, how many runs and sweeps there are, and of how many the condition holds.

    Nothing is read that is not shown, asked for by the condition, or sorted by.

    Args:
        where: the condition as a person wrote it; None for none.
        sort: the key as a person wrote it; None for the newest first.
        limit: rows at most; 0 for all.
        reverse: the other way around.

    Raises:
        ExperimentError: if condition or key are none.
        RunDirectoryError: if the folders cannot be read.
    """
    from geomreg_tui.listing import KEYS, list_all, parse_condition, parse_order, read_findings, read_row
    from geomreg_tui.listing import sort_rows as sorted_rows
    from geomreg_tui.listing.order import NEWEST
    from geomreg_tui.listing.row import FOUND, SIZE

    condition = parse_condition(where or "", KEYS)
    key = parse_order(sort) if sort is not None else NEWEST
    entries = list_all()
    total = len(entries)
    if key == NEWEST and reverse:
        entries.reverse()
    if not condition.terms and key == NEWEST:
        shown = entries[:limit] if limit else entries
        return [read_row(entry) for entry in shown], total, total
    looks = condition.asks_for(FOUND) or key in FOUND
    sizes = condition.asks_for(SIZE) or key in SIZE
    rows = [row for row in (read_row(e, findings=looks, size=sizes) for e in entries) if condition.holds(row)]
    if key != NEWEST:
        rows = sorted_rows(rows, key, reverse=reverse)
    shown_rows = rows[:limit] if limit else rows
    return (
        [
            replace(
                row,
                findings=row.findings or read_findings(row.entry),
                size=row.entry.size() if row.size is None else row.size,
            )
            for row in shown_rows
        ],
        total,
        len(rows),
    )


def listed_rows(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return rows as plain data."""
    return [
        {
            "name": row.entry.name,
            "state": row.status.state.value,
            "samples": row.status.samples,
            "target": row.status.target,
            "bytes": row.size,
            "mixed": row.status.mixed,
            "experiment": row.status.about,
            "kind": row.kind,
            "called": row.labels.name,
            "tags": list(row.labels.tags),
            "note": row.labels.note,
            "begun": row.entry.begun,
            "path": str(row.entry.path),
            "d0": [value.to_json() for value in row.findings.d0] if row.findings else [],
            "log10_volume": list(row.values("v")),
            "tail": list(row.values("tail")),
            "fitted": list(row.values("fitted")),
        }
        for row in rows
    ]


class _Column(NamedTuple):
    """A column of the table, which is left out where it is empty, or where there is no room."""

    title: str
    text: Callable[[Row], str]
    left: bool = False


def print_rows(rows: Sequence[Row]) -> None:
    """Print rows as a table: what always stands there, and as many other columns as there is room for."""
    width = output_width()
    first = [
        _Column("run", lambda row: one_line(row.entry.name), left=True),
        _Column("state", _state, left=True),
        _Column("networks", lambda row: f"{row.status.samples:,}"),
        _Column("size", lambda row: size_text(row.size or 0)),
    ]
    others = [
        _Column("name", lambda row: row.labels.name, left=True),
        _Column("D_0", _d0),
        _Column("log10 V", lambda row: _span(row.values("v"))),
        _Column("tail", lambda row: row.findings.tail_text if row.findings else "", left=True),
        _Column("training", lambda row: row.findings.training_text if row.findings else "", left=True),
        _Column("tags", lambda row: " ".join(row.labels.tags), left=True),
    ]
    last = _Column("experiment", lambda row: one_line(row.status.about), left=True)
    used = sum(_size(column, rows) for column in first) + _ROOM
    chosen = []
    for column in others:
        size = _size(column, rows)
        if any(column.text(row) for row in rows) and (width is None or used + size <= width):
            chosen.append(column)
            used += size
    columns = [*first, *chosen, last]
    cells = [[column.text(row) for column in columns] for row in rows]
    left = [place for place, column in enumerate(columns) if column.left]
    lines = table_lines([c.title for c in columns], cells, width, left=left, wrap_last=True)
    print(plain_text("\n".join(lines)))


def _size(column: _Column, rows: Sequence[Row]) -> int:
    """Return the cells that a column takes, with the gap beside it."""
    return 2 + max(cell_len(column.title), *(cell_len(column.text(row)) for row in rows), 0)


def _state(row: Row) -> str:
    return f"{row.status.state.value}, mixed" if row.status.mixed else row.status.state.value


def _d0(row: Row) -> str:
    return _span(row.values("d0"), share=True)


def _span(values: Sequence[float], *, share: bool = False) -> str:
    """Return a number, or the smallest and the largest of several."""
    if not values:
        return ""
    ends = sorted({min(values), max(values)})
    return " to ".join(share_text(value, 3) if share else decimal_text(value, 2) for value in ends)
