"""The columns of a data file as lines of text, under one heading."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from geomreg_tui.datasets.look import ColumnLook, FileLook
from geomreg_tui.errors import one_line
from geomreg_tui.tui.widgets.runs import cut

__all__ = ["column_lines", "heading_line"]

_GAP = 2
_NAME = 24  # cells of the longest name that is shown whole where there is little room
_HEADINGS = ("column", "type", "different", "missing", "values")


def heading_line(look: FileLook, width: int) -> str:
    """Return the line over :func:`column_lines`."""
    return _lines(look, width)[0]


def column_lines(look: FileLook, width: int) -> list[str]:
    """Return one line for each column: name, type, different values, gaps, and some values."""
    return _lines(look, width)[1:]


def _lines(look: FileLook, width: int) -> list[str]:
    rows = [_HEADINGS, *map(_cells, look.columns)]
    sizes = [max(cell_len(row[place]) for row in rows) for place in range(len(_HEADINGS) - 1)]
    sizes[0] = min(sizes[0], max(_NAME, width // 3))
    lines = []
    for row in rows:
        parts = [
            _fit(text, size, right=place in (2, 3))
            for place, (text, size) in enumerate(zip(row, sizes, strict=False))
        ]
        lines.append(cut((" " * _GAP).join([*parts, row[-1]]).rstrip(), width))
    return lines


def _cells(column: ColumnLook) -> Sequence[str]:
    return (
        one_line(column.name),
        column.kind,
        "" if column.distinct is None else f"{column.distinct:,}",
        "" if column.missing is None else f"{column.missing:,}",
        ", ".join(column.values),
    )


def _fit(text: str, size: int, *, right: bool) -> str:
    text = cut(text, size)
    space = " " * (size - cell_len(text))
    return space + text if right else text + space
