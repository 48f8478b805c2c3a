"""Figures of plotext, each its own: the one module that knows what plotext 5 does not make public.

plotext's public functions draw into one figure of the whole process, which threads would share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from plotext._figure import _figure_class

__all__ = ["Cells", "drawn_cells", "new_figure"]


class Cells(NamedTuple):
    """A figure as it is drawn, row by row from the lowest.

    Attributes:
        characters: of each cell, (rows, columns).
        colours: of the character in it, as plotext numbers or names them, (rows, columns).
        first_row, first_column: where the plotting area begins.
    """

    characters: Sequence[Sequence[str]]
    colours: Sequence[Sequence[Any]]
    first_row: int
    first_column: int


def new_figure(width: int, height: int) -> Any:
    """Return an empty figure of so many cells, whatever the size of the terminal."""
    figure = _figure_class()
    figure._limit_size(False, False)
    figure.plot_size(width, height)
    return figure


def drawn_cells(figure: Any) -> Cells:
    """Draw a figure and return its cells; without data plotext would draw no axes."""
    if not figure.monitor.signals:
        figure.scatter([0.0], [0.0], marker=" ")
    figure._set_sizes()
    figure._build_matrix()
    matrix = figure.monitor.matrix
    return Cells(matrix.marker, matrix.fullground, matrix.Rows_canvas.start, matrix.Cols_canvas.start)
