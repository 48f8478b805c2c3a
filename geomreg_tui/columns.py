"""Text in columns and lines of a given width, in which nothing is ever cut.

A column is as wide as its widest entry. Where columns do not fit side by side, each row becomes lines of its
own, a name and a value each. Lines break between words only: a word that is too long runs over.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Sequence

from rich.cells import cell_len

__all__ = ["table_lines", "wrapped_lines"]

_GAP = "  "
_NARROWEST = 24  # cells, of a last column that is wrapped


def wrapped_lines(text: str, width: int | None, indent: int = 0) -> list[str]:
    """Return a line as lines of at most so many cells, where its words allow that.

    Args:
        text: one line.
        width: cells; None for no limit.
        indent: cells that the second line and those after it begin with.
    """
    if width is None or cell_len(text) <= width:
        return [text]
    wide = cell_len(text) - len(text)  # a character may take two cells
    room = max(1, width - (wide > 0) * min(wide, width // 2))
    lines = textwrap.wrap(
        text,
        room,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines or [""]


def table_lines(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int | None = None,
    *,
    left: Collection[int] = (),
    wrap_last: bool = False,
) -> list[str]:
    """Return a table as lines, its columns side by side where they fit.

    Args:
        headings: one for each column.
        rows: cells, as many as headings.
        width: cells that a line may take; None for no limit.
        left: places of the columns that are set to the left; the others are set to the right.
        wrap_last: whether the last column may be broken into lines.
    """
    table = [list(headings), *(list(row) for row in rows)]
    sizes = [max(cell_len(cell) for cell in column) for column in zip(*table, strict=True)]
    if width is None or sum(sizes) + len(_GAP) * (len(sizes) - 1) <= width:
        return [_line(row, sizes, left) for row in table]
    rest = width - sum(sizes[:-1]) - len(_GAP) * (len(sizes) - 1)
    if wrap_last and rest >= _NARROWEST:
        lines = []
        for row in table:
            first, *others = wrapped_lines(row[-1], rest)
            lines.append(_line([*row[:-1], first], [*sizes[:-1], 0], left))
            lines += [" " * (width - rest) + part for part in others]
        return lines
    return _records(headings, rows, width)


def _line(row: Sequence[str], sizes: Sequence[int], left: Collection[int]) -> str:
    cells = []
    for place, (cell, size) in enumerate(zip(row, sizes, strict=True)):
        filling = " " * (size - cell_len(cell))
        cells.append(cell + filling if place in left else filling + cell)
    return _GAP.join(cells).rstrip()


def _records(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return each row as lines of a name and a value, with an empty line between rows."""
    margin = max(cell_len(name) for name in headings)
    indent = margin + len(_GAP) if margin + len(_GAP) <= width // 2 else len(_GAP)
    lines: list[str] = []
    for row in rows:
        lines += [""] if lines else []
        for name, cell in zip(headings, row, strict=True):
            filling = " " * (margin - cell_len(name)) if indent > len(_GAP) else ""
            lines += wrapped_lines(f"{name}{filling}{_GAP}{cell}".rstrip(), width, indent)
    return lines
