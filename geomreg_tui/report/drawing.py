"""What all figures share: colours, style, and how a figure becomes a file or part of a page."""

from __future__ import annotations

import contextlib
import io
import itertools
import math
import os
import re
import sys
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from geomreg_tui.errors import ExperimentError, Problem, one_line, plain_text
from geomreg_tui.rendering import Drawing, Shapes

__all__ = [
    "COLOURS",
    "FIGURES",
    "INK",
    "figure_bytes",
    "figure_text",
    "inline_svg",
    "legend_above",
    "new_figure",
    "style",
    "title",
]

FIGURES = (".png", ".svg", ".pdf")
INK = "#1b1b1b"  # not black, which SVG leaves out as its default and which could then not be told apart
# Okabe and Ito's palette, which colour-blind readers can tell apart; yellow, too pale for lines, is left out.
COLOURS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermilion": "#D55E00",
    "sky": "#56B4E9",
    "purple": "#CC79A7",
}
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "geomreg-tui",  # a fixed salt makes equal results equal files
    "font.size": 9,
    "axes.labelsize": 9,
    "legend.fontsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "lines.linewidth": 1.4,
    "pdf.fonttype": 42,  # text stays text, which journals ask for
    "axes.formatter.useoffset": False,
    "axes.unicode_minus": False,  # what is copied from a figure is a number
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
}
_TITLE_CHARACTERS = 13  # to the inch


def style() -> AbstractContextManager[None]:
    """Return the context in which figures are made and written.

    Raises:
        ExperimentError: if matplotlib is not installed.
    """
    try:
        with _elsewhere():
            from matplotlib import rc_context
    except ImportError:
        raise ExperimentError(
            [Problem("FILE", "a figure", "that needs matplotlib: pip install 'geomreg-tui[figures]'")]
        ) from None
    return rc_context(_STYLE)


@contextlib.contextmanager
def _elsewhere() -> Iterator[None]:
    """Work in another directory where a ``matplotlibrc`` lies in this one.

    matplotlib reads it when it is imported, whatever anybody says. Its older versions evaluate parts of it,
    and what it says may change any figure.
    """
    if "matplotlib" in sys.modules or not os.path.lexists("matplotlibrc"):
        yield
        return
    here = os.open(os.curdir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.chdir(os.path.dirname(os.path.abspath(__file__)))
        yield
    finally:
        os.fchdir(here)
        os.close(here)


def new_figure(width: float, height: float) -> Any:
    """Return an empty figure of a size in inches; to be called, and drawn on, within :func:`style`."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def figure_text(text: str) -> str:
    """Return text from outside as matplotlib draws it: without control characters or formulas."""
    return one_line(text).replace("$", r"\$")


def title(figure: Any, lines: Sequence[str]) -> None:
    """Put a title over a figure, each line of it broken where the figure ends."""
    width = int(_TITLE_CHARACTERS * figure.get_figwidth())
    broken = [part for line in lines for part in textwrap.wrap(plain_text(line), width)]
    figure.suptitle("\n".join(map(figure_text, broken)), fontsize=9)


def legend_above(axes: Any, columns: int = 2) -> None:
    """Put the legend over the axes, where it covers no data."""
    if axes.get_legend_handles_labels()[1]:
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1.01),
            borderaxespad=0,
            ncols=columns,
            frameon=False,
            handlelength=1.8,
            columnspacing=1.2,
        )


def figure_bytes(figure: Any, kind: str, *, transparent: bool = False) -> bytes:
    """Return a figure as the content of a file.

    Args:
        figure: made within :func:`style`.
        kind: ``png``, ``svg`` or ``pdf``.
        transparent: without a background.
    """
    # Dates would make files of equal results differ.
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    buffer = io.BytesIO()
    with style(), warnings.catch_warnings():
        # A name in a script that the font does not have is drawn as boxes, which is no reason for noise.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        _thin_ticks(figure)
        figure.savefig(buffer, format=kind, dpi=200, metadata=metadata, transparent=transparent)
    return buffer.getvalue()


def _thin_ticks(figure: Any) -> None:
    """Leave out as many ticks as makes the labels of those that stay stand apart from each other."""
    from matplotlib.ticker import FixedFormatter

    figure.draw_without_rendering()
    for axes in figure.axes:
        for axis, place in ((axes.xaxis, 0), (axes.yaxis, 1)):
            ticks = [
                (tick.get_loc(), tick.label1) for tick in axis.get_major_ticks() if tick.label1.get_visible()
            ]
            shown = [(loc, label) for loc, label in ticks if label.get_text()]
            spans = [_span(label, place) for _, label in shown]
            step = next((n for n in range(1, len(shown)) if _stand_apart(spans[::n])), len(shown) or 1)
            if step > 1:
                named = isinstance(axis.get_major_formatter(), FixedFormatter)
                kept = shown[::step]
                # Names stay with their places; other labels are made anew, with the power of ten they share.
                labels = [label.get_text() for _, label in kept] if named else None
                axis.set_ticks([loc for loc, _ in kept], labels)


def _span(label: Any, place: int) -> tuple[float, float]:
    """Return where a label begins and ends along its axis, in pixels."""
    box = label.get_window_extent()
    if place == 0 and label.get_rotation():
        # Slanted labels lie beside each other, as far apart as their lines are high.
        height = 1.2 * label.get_fontsize() * label.figure.dpi / 72
        return box.x1 - height / math.sin(math.radians(label.get_rotation())), box.x1
    return (box.x0, box.x1) if place == 0 else (box.y0, box.y1)


def _stand_apart(spans: Sequence[tuple[float, float]]) -> bool:
    ordered = sorted(spans)
    return all(before[1] <= after[0] for before, after in itertools.pairwise(ordered))


def inline_svg(figure: Any, name: str, description: str) -> Drawing:
    """Return a figure as an ``svg`` element for a page.

    Ink is the colour of the page's text and the data colours are the page's variables, so that the figure
    is readable on a dark page too.

    Args:
        figure: made within :func:`style`.
        name: of the figure, unique on the page: identifiers within the figure begin with it.
        description: what it shows, for those who cannot see it.
    """
    text = figure_bytes(figure, "svg", transparent=True).decode()
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style[^>]*>.*?</style>", "", text, flags=re.DOTALL)
    head, _, body = text.partition(">")
    found = re.search(r'viewBox="([\d. ]+)"', head)
    box = found[1] if found else "0 0 100 100"
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", body)
    body = re.sub(r'xlink:href="#([^"]+)"', rf'href="#{name}-\1"', body)
    body = body.replace(INK, "currentColor")
    for colour, code in COLOURS.items():
        body = body.replace(code.lower(), f"var(--{colour})")
    body = re.sub(r"\n\s*", "\n", body).removesuffix("</svg>").strip()
    return Drawing(box, description, Shapes(body))
