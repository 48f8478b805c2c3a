"""The volume fraction V(ε), as far down as the sample reaches."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from geomreg_tui.analysis import VolumeCurve
from geomreg_tui.tui.numbers import Scale, number_text
from geomreg_tui.tui.view import View
from geomreg_tui.tui.widgets.canvas import Canvas
from geomreg_tui.tui.widgets.loss import message_rows
from geomreg_tui.tui.widgets.rows import Piece, RowsWidget, flow

__all__ = ["VolumePane"]

_ENOUGH = 100  # networks below ε for its slope to be worth a figure


class VolumePane(RowsWidget):
    """log10 V(ε) against log10 ε, with 95 % intervals."""

    BORDER_TITLE = "Volume fraction"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._view: View | None = None
        self.border_subtitle = "V(ε) = share with loss ≤ ε"

    def show(self, view: View | None) -> None:
        """Draw a view; nothing where there is none."""
        self._view = view
        self.redraw()

    def paint(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """Draw the legend and the curve."""
        view = self._view
        curve = view.volume if view else None
        if view is None or curve is None or view.snapshot.facts is None:
            return message_rows("no networks yet", width, height)
        if not curve.loss.size:
            return message_rows(f"V(0) = {number_text(curve.zero.estimate)}: all losses are 0", width, height)
        legend = _legend(curve, width)
        loss, volume = curve.log10_loss, curve.log10_volume
        x = Scale.decades(math.floor(loss[0]), max(math.ceil(loss[-1]), math.floor(loss[0]) + 1), width // 9)
        lines = max(5, height - len(legend))
        y = Scale.decades(min(-1.0, math.floor(volume[0])), 0.0, max(2, (lines - 3) // 2))
        canvas = Canvas(width, lines, x, y, "ε (log axis)")
        if view.snapshot.facts.null_loss > 0:
            canvas.landmark(math.log10(view.snapshot.facts.null_loss))
        step = max(1, loss.size // width)
        every = np.unique(np.append(np.arange(0, loss.size, step), loss.size - 1))
        with np.errstate(divide="ignore"):
            for end in (curve.low, curve.high):
                canvas.line(loss[every], np.log10(end[every]), "band", joined=False)
        canvas.line(loss[every], volume[every], "bar")
        return [*legend, *canvas.rows()]


def _legend(curve: VolumeCurve, width: int) -> list[list[Piece]]:
    items = [[Piece(f"deepest V = {number_text(curve.volume[0], 2)} at ε = {number_text(curve.loss[0], 2)}")]]
    known = np.flatnonzero(np.isfinite(curve.exponent) & (curve.count >= _ENOUGH))
    if known.size:
        place = known[0]
        slope, error = curve.exponent[place], 1.96 * curve.exponent_std[place]
        text = f"slope λ = {number_text(slope, 2)} ± {number_text(error, 2)}"
        items.append([Piece(f"{text} at ε = {number_text(curve.loss[place], 2)}", "dim")])
    return flow(items, width)
