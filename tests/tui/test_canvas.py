"""Plots of cells: what is drawn over bars never hides one, and the rarest bin is seen for what it is."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from geomreg_tui.tui.axes import Scale
from geomreg_tui.tui.widgets.canvas import FAINT, Canvas
from tests.seeds import generator

WIDTH, HEIGHT = 60, 16
EIGHTHS = " ▁▂▃▄▅▆▇█"


def canvas_of(high: float = 1.0, width: int = WIDTH, height: int = HEIGHT) -> Canvas:
    return Canvas(width, height, Scale.even(0.0, 3.0, width - 4, 9), Scale.linear(0.0, high, 4), "loss L")


def bars_drawn(canvas: Canvas) -> list[int]:
    """Return the eighths of cells that are filled in each column; a point counts nothing."""
    eighths = np.zeros(canvas.columns, int)
    for row in canvas.rows()[: canvas.lines]:
        cells = [(char, piece) for piece in row for char in piece.text][-canvas.columns :]
        for column, (char, piece) in enumerate(cells):
            if piece.over == "bar":
                eighths[column] += 8
            elif piece.role == "bar" and char in EIGHTHS:
                eighths[column] += EIGHTHS.index(char)
    return eighths.tolist()


def test_bars_are_as_high_as_their_values_in_eighths() -> None:
    values = generator(96).random(500)
    for start in range(0, 450, 50):
        canvas = canvas_of()
        bars = np.resize(values[start : start + 50], canvas.columns)
        canvas.bars(bars)
        wanted = np.round(bars * canvas.lines * 8)
        assert bars_drawn(canvas) == wanted.astype(int).tolist()


@pytest.mark.parametrize(
    "overlay", ["line", "dashed", "dots", "marks", "cursor", "bands", "intervals", "all"]
)
def test_nothing_that_is_drawn_over_bars_hides_one(overlay: str) -> None:
    draw = generator(97)
    for _ in range(20):
        canvas = canvas_of()
        bars = draw.random(canvas.columns) ** 3
        canvas.bars(bars)
        alone = bars_drawn(canvas)
        places = np.linspace(canvas.x.low, canvas.x.high, canvas.columns)
        if overlay in ("line", "all"):
            canvas.line(places, bars + 0.05 * draw.standard_normal(bars.size), "theory")
        if overlay in ("dashed", "all"):
            canvas.line(places, bars, "theory", dashed=True)
        if overlay in ("dots", "all"):
            canvas.dots(bars, "•", "pinned")
        if overlay in ("marks", "all"):
            for place, value in zip(places, bars, strict=True):
                canvas.mark(place, value * 0.9, "▲", "mark")
        if overlay in ("bands", "all"):
            canvas.bands(bars, np.minimum(1.0, bars + 0.3))
        if overlay in ("intervals", "all"):
            canvas.interval(1.0, 0.0, 1.0, "mark")
            canvas.interval_across(0.2, 0.0, 3.0, "mark")
        if overlay in ("cursor", "all"):
            canvas.cursor(1.7)
        assert bars_drawn(canvas) == alone


def test_what_is_drawn_over_bars_is_seen_too() -> None:
    canvas = canvas_of()
    canvas.bars(np.full(canvas.columns, 0.5))
    canvas.line(np.array([0.0, canvas.x.high]), np.array([0.02, 0.98]), "theory")
    canvas.cursor(1.0)
    pieces = [piece for row in canvas.rows()[: canvas.lines] for piece in row]
    columns = [len(piece.text) for piece in pieces if "theory" in (piece.role, piece.over)]
    assert sum(columns) >= canvas.columns - 1  # the curve is in every column, once at least
    strong = [len(piece.text) for piece in pieces if "strong" in (piece.role, piece.over)]
    assert sum(strong) == canvas.lines  # the crosshair in every line


def test_one_in_a_hundred_thousand_looks_like_it() -> None:
    """The rarest bin is a point; a hundredth of the losses is a bar."""
    canvas = canvas_of(high=0.25)
    shares = np.zeros(canvas.columns)
    shares[3], shares[10], shares[20], shares[30] = 0.2, 0.01, 1e-5, 0.0
    canvas.bars(shares)
    bottom = "".join(piece.text for piece in canvas.rows()[canvas.lines - 1])[-canvas.columns :]
    assert bottom[3] == "█"
    assert bottom[10] in EIGHTHS[1:]
    assert bottom[20] == FAINT
    assert bottom[30] == " "
    assert FAINT not in EIGHTHS


def test_axes_have_labels_at_their_ticks_and_marks_between_them() -> None:
    x, y = Scale.even(-3.0, 1.0, 56, 9, log=True), Scale.even(-5.0, 0.0, 13, 2, log=True, down=True)
    canvas = Canvas(61, HEIGHT, x, y, "loss L (log axis)")
    rows = ["".join(piece.text for piece in row) for row in canvas.rows()]
    assert len(rows) == HEIGHT
    axis, labels, name = rows[-3:]
    assert name.strip() == "loss L (log axis)"
    assert axis.count("┬") == len(x.ticks)
    assert axis.count("┴") >= len(x.ticks)
    for tick, label in zip(x.ticks, x.labels, strict=True):
        column = 61 - canvas.columns + x.cell(tick, canvas.columns)
        assert axis[column] == "┬"
        assert label in labels[max(0, column - 3) : column + 4]
    ticks = [line for line, row in enumerate(rows) if "┤" in row]
    assert len({b - a for a, b in pairwise(ticks)}) == 1


@pytest.mark.parametrize("factor", [1, 1e3, 1e9])
def test_curves_are_cut_at_the_edges_where_they_cross_them(factor: float) -> None:
    """A straight line through the middle is drawn the same however far its ends are."""
    canvas = canvas_of()
    canvas.line(np.array([-3.0 * factor, 6.0 * factor]) + 0, np.array([-1.0, 2.0]) * factor, "theory")
    drawn = [row for row in canvas.rows()[: canvas.lines] if any(piece.role == "theory" for piece in row)]
    assert len(drawn) == canvas.lines


def test_a_curve_is_interrupted_where_it_is_not_known() -> None:
    x = np.linspace(0, 3, 200)
    canvas = canvas_of()
    canvas.line(x, np.where((x > 1) & (x < 2), np.nan, 0.5), "theory")
    (row,) = [row for row in canvas.rows()[: canvas.lines] if any(piece.role == "theory" for piece in row)]
    text = "".join(piece.text for piece in row)[-canvas.columns :]
    first, last = canvas.x.cell(1.1, canvas.columns), canvas.x.cell(1.9, canvas.columns)
    assert text[first:last].strip() == ""
    assert text[:first].strip()
    assert text[last + 2 :].strip()
