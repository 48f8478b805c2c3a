"""The loss distribution: a live histogram with its landmarks, theory, and the pinned one over it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.analysis import LossDistribution
from geomreg_tui.analysis.intervals import simultaneous_bands
from geomreg_tui.errors import plain_text
from geomreg_tui.runs import RunState
from geomreg_tui.summary import Facts
from geomreg_tui.tui.numbers import Scale, held_ceiling, number_text
from geomreg_tui.tui.view import View
from geomreg_tui.tui.widgets.canvas import Canvas
from geomreg_tui.tui.widgets.rows import Piece, RowsWidget, flow

__all__ = ["LossPane", "bar_shares", "message_rows"]

FloatArray = NDArray[np.float64]

_TOP = 0.995  # share of the losses that the linear axis reaches up to
_LOW, _HIGH = 0.0005, 0.9995  # shares of the losses between which the log axis extends
_COLUMN_OF_TICKS = 11
_LINES_OF_TICKS = 3
_LABEL = 6  # cells of the tick labels of the density


def bar_shares(distribution: LossDistribution, edges: FloatArray) -> FloatArray:
    """Return the share of the finite losses between edges, the atom left out, shape (edges - 1,).

    Where the first edge is 0, exact zeros belong to the first bin.
    """
    atom = distribution.histogram.atom / max(distribution.finite, 1)
    below = distribution.cdf(edges) - atom * (edges >= distribution.null_loss)
    below[edges <= 0] = 0.0
    return np.diff(below)


def message_rows(text: str, width: int, height: int, role: str = "dim") -> list[list[Piece]]:
    """Return a message broken into lines, in the middle."""
    lines: list[str] = []
    for paragraph in plain_text(text).split("\n"):
        line = ""
        for word in paragraph.split():
            if line and len(line) + 1 + len(word) > width - 2:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}" if line else word
        lines.append(line)
    lines = lines[:height]
    top = (height - len(lines)) // 2
    return [[] for _ in range(top)] + [
        [Piece(" " * max(0, (width - len(line)) // 2)), Piece(line, role)] for line in lines
    ]


class LossPane(RowsWidget):
    """The histogram. :attr:`log_axis` chooses the axis; both are densities on the axis shown."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._view: View | None = None
        self._notice = ""
        self.log_axis = False
        self._high: float | None = None
        self._peak: float | None = None
        self._set_titles()

    def show(self, view: View | None, notice: str = "") -> None:
        """Draw a view, or a notice where there is none."""
        self._view, self._notice = view, notice
        self.redraw()

    def toggle_axis(self) -> None:
        """Change between the linear and the log axis."""
        self.log_axis = not self.log_axis
        self._high = self._peak = None
        self._set_titles()
        self.redraw()

    def paint(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """Draw legend, landmark names and plot."""
        view = self._view
        if view is not None and view.snapshot.state is RunState.FAILED:
            return message_rows(view.snapshot.message or "the sampling failed", width, height, "warn")
        if view is None or view.distribution is None or view.snapshot.facts is None:
            return message_rows(self._notice, width, height)
        facts, distribution = view.snapshot.facts, view.distribution
        x = self._axis(view, facts, width)
        if x is None:
            return message_rows(_nothing_to_bin(distribution), width, height)
        legend = self._legend(view, facts, width)
        lines = max(4, height - len(legend) - 1)
        # The label column is as wide as the widest tick can be, so that the number of columns is known.
        columns = Canvas.area(width, Scale(0, 1, (), (" " * _LABEL,)))
        places = np.linspace(x.low, x.high, columns + 1)
        edges = 10.0**places if self.log_axis else places
        per = 1.0 / np.diff(places)  # per unit of loss, or per decade
        bars = bar_shares(distribution, edges) * per
        pinned = None
        if view.comparison:
            pinned = bar_shares(view.comparison.pin.distribution, edges) * per
        peak = max(float(bars.max()), float(pinned.max()) if pinned is not None else 0.0)
        self._peak = held_ceiling(peak * 1.02, self._peak)
        y = Scale.linear(0, self._peak, max(2, lines // _LINES_OF_TICKS))
        y = y._replace(labels=tuple(label.rjust(_LABEL)[-_LABEL:] for label in y.labels))
        canvas = Canvas(width, lines, x, y, "loss L" + (" (log axis)" if self.log_axis else ""))
        for place in self._landmarks(facts).values():
            canvas.landmark(place)
        canvas.bars(bars[: canvas.columns])
        counts = np.round(bars / per * distribution.finite)
        _, high = simultaneous_bands(np.clip(counts, 0, distribution.finite), distribution.finite)
        canvas.bands(bars, np.where(counts > 0, high * per, 0.0))
        least = self._peak / canvas.lines / 8  # below this a curve would only hide low bars
        if pinned is not None:
            canvas.dots(np.where(pinned > least, pinned, np.nan), "•", "pinned")
        middle = (places[1:] + places[:-1]) / 2
        for overlay in facts.overlays[:1]:  # the law that says most; exports draw them all
            law = overlay.shares(edges, facts.null_loss) * per
            canvas.line(middle, np.where(law > least, law, np.nan), "theory")
        return [*legend, self._names(canvas, facts, width), *canvas.rows()]

    def _axis(self, view: View, facts: Facts, width: int) -> Scale | None:
        parts = [view.distribution, view.comparison.pin.distribution if view.comparison else None]
        shown = [part for part in parts if part is not None and part.histogram.index.size]
        if not shown:
            return None
        wanted = max(2, width // _COLUMN_OF_TICKS)
        if self.log_axis:
            ends = np.array([part.quantile([_LOW, _HIGH], atom=False) for part in shown])
            positive = ends[ends > 0]
            if not positive.size:
                return None
            low = math.floor(2 * math.log10(positive.min())) / 2
            high = math.ceil(2 * math.log10(positive.max()) + 1e-9) / 2
            return Scale.decades(low, max(high, low + 0.5), wanted)
        high = max(float(part.quantile(_TOP, atom=False)) for part in shown)
        high = high or float(shown[0].histogram.upper[-1])
        near = [place for place in (facts.null_loss, facts.constant_loss) if place <= 2.5 * high]
        self._high = held_ceiling(max([high, *(1.05 * place for place in near)]), self._high)
        return Scale.linear(0.0, self._high, wanted)

    def _landmarks(self, facts: Facts) -> dict[str, float]:
        places = {"L0": facts.null_loss, "Lc": facts.constant_loss}
        if self.log_axis:
            return {name: math.log10(place) for name, place in places.items() if place > 0}
        return {"0": 0.0, **places}

    def _names(self, canvas: Canvas, facts: Facts, width: int) -> list[Piece]:
        """Return a row with the landmarks' names above their lines; names that meet are joined."""
        start = width - canvas.columns
        labels: list[tuple[int, str]] = []
        for name, place in sorted(self._landmarks(facts).items(), key=lambda item: item[1]):
            share = canvas.x.share(place)
            if not 0 <= share <= 1:
                continue
            column = start + min(int(share * canvas.columns), canvas.columns - 1)
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

    def _legend(self, view: View, facts: Facts, width: int) -> list[list[Piece]]:
        items = [
            [Piece(f"L0 null {number_text(facts.null_loss)}", "landmark")],
            [Piece(f"Lc constant {number_text(facts.constant_loss)}", "landmark")],
        ]
        if view.modes and view.distribution and view.distribution.histogram.atom:
            mass = number_text(view.modes.atom_mass.estimate)
            items.append([Piece(f"atom {mass} (no bar)", "warn")])
        if view.comparison or facts.overlays:
            items.append([Piece("█", "bar"), Piece(" these settings")])
        if view.comparison:
            items.append([Piece("•", "pinned"), Piece(f" pinned: {view.comparison.pin.label}")])
        if facts.overlays:
            name = plain_text(facts.overlays[0].name)
            items.append([Piece("⠒⠒", "theory"), Piece(f" theory: {name}")])
        return flow(items, width)

    def _set_titles(self) -> None:
        self.border_title = "Loss distribution"
        axis = "density per decade, log axis" if self.log_axis else "density per unit loss, linear axis"
        self.border_subtitle = axis


def _nothing_to_bin(distribution: LossDistribution) -> str:
    histogram = distribution.histogram
    if histogram.nonfinite == histogram.total:
        return f"all {histogram.total:,} losses are NaN or infinite"
    if histogram.zero:
        return "every loss is exactly 0 or the null loss: there is nothing to bin"
    return "every network has exactly the null loss L0: all are dead, or all outputs are 0"
