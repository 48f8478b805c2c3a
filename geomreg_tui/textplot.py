"""Figures of plotext, each its own: the one module that knows what plotext 5 does not make public.

plotext's public functions draw into one figure of the whole process, which threads would share.
"""

from __future__ import annotations

from typing import Any

from plotext._figure import _figure_class

__all__ = ["new_figure"]


def new_figure(width: int, height: int) -> Any:
    """Return an empty figure of so many cells, whatever the size of the terminal."""
    figure = _figure_class()
    figure._limit_size(False, False)
    figure.plot_size(width, height)
    return figure
