"""The volume fraction V(ε), as far down as the sample reaches, and below that the deep tail."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from rich.cells import cell_len

from geomreg_tui.formatting import decimal_text, interval_text, margin_text
from geomreg_tui.splitting.joined import DeepTail
from geomreg_tui.statistics import VolumeCurve
from geomreg_tui.statistics.intervals import WIDTH
from geomreg_tui.training.volume import VolumeOfLoss
from geomreg_tui.tui.axes import COLUMNS_APART, HeldScale, Scale, lines_apart
from geomreg_tui.tui.numbers import number_text
from geomreg_tui.tui.pins import PIN_ROLES
from geomreg_tui.tui.readout import volume_at
from geomreg_tui.tui.view import Comparison, View
from geomreg_tui.tui.widgets.canvas import Canvas
from geomreg_tui.tui.widgets.messages import message_rows
from geomreg_tui.tui.widgets.pinned import mark_pin, pin_items
from geomreg_tui.tui.widgets.plot import PlotPane
from geomreg_tui.tui.widgets.rows import Piece, flow

__all__ = ["VolumePane"]

_ROOMY = 12  # lines from which the axis has its name below it
_ENOUGH = 100  # networks below ε for its slope to be worth a figure


class VolumePane(PlotPane):
    """log10 V(ε) against log10 ε, with 95 % intervals."""

    BORDER_TITLE = "Volume fraction"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._view: View | None = None
        self._across, self._up = HeldScale(), HeldScale()
        self.border_subtitle = "V(ε) = share with loss ≤ ε; │ L0"

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
            zero = f"V(0) = {number_text(curve.zero.estimate)}: " if curve.zero.estimate > 0 else ""
            return message_rows(f"{zero}there are no finite losses above 0", width, height)
        deep = view.tail if view.tail is not None and view.tail.curve is not None else None
        null = view.snapshot.facts.null_loss
        items = _items(curve) if deep is None else _tail_items(deep, width)
        legend = flow([*pin_items(view.comparisons), *items], width)
        loss, volume = curve.log10_loss, curve.log10_volume
        left, bottom, end = loss[0], volume[0], loss[-1]
        if deep is not None and deep.log10_loss.size:
            left, bottom = (
                min(left, deep.log10_loss[0]),
                min(bottom, deep.low[0]),
            )
        pinned = [(each.place, _pinned_curve(each)) for each in view.comparisons]
        for _, other in pinned:
            if len(other.log10_loss):
                left, bottom = min(left, other.log10_loss[0]), min(bottom, other.log10_volume[0])
                end = max(end, other.log10_loss[-1])
        lines = max(5, height - len(legend))
        label = "loss ε (log axis)" if height >= _ROOMY else ""  # the foot has it too
        area = Canvas.area_lines(lines, label)
        if self.window is not None:
            ends = [10.0**end for end in self.window]
            seen = [volume_at(end, curve, deep).estimate for end in ends]
            bottom = max(bottom, seen[0]) if math.isfinite(seen[0]) else bottom
            top = seen[1] if math.isfinite(seen[1]) else 0.0
            y = Scale.even(min(bottom, top - 0.1), top, area, lines_apart(area), log=True, down=True)
            columns = Canvas.area(width, y)
            x = Scale.decades(*self.window, columns // COLUMNS_APART, cells=columns)
        else:
            y = self._up.even(min(-1.0, bottom), 0.0, area, lines_apart(area), log=True, down=True)
            columns = Canvas.area(width, y)
            x = self._across.even(left, max(end, left + 0.1), columns, COLUMNS_APART, log=True)
        canvas = Canvas(width, lines, x, y, label)
        if null > 0:
            canvas.landmark(math.log10(null))
        step = max(1, loss.size // width)
        every = np.unique(np.append(np.arange(0, loss.size, step), loss.size - 1))
        with np.errstate(divide="ignore"):
            for end in (curve.low, curve.high):
                canvas.line(loss[every], np.log10(end[every]), "band", joined=False)
        for place, other in pinned:
            canvas.line(other.log10_loss, other.log10_volume, PIN_ROLES[place])
        if deep is not None:
            _draw_tail(canvas, deep)
        canvas.line(loss[every], volume[every], "bar")
        for place, other in pinned:
            mark_pin(canvas, place, other.log10_loss, other.log10_volume)
        self.drawn(canvas, width)
        if self.at is not None and self.place is not None:
            canvas.mark(self.place, volume_at(self.at, curve, deep).estimate, "┼", "strong")
        return [*legend, *canvas.rows()]

    def place_of(self, loss: float) -> float | None:
        """Return where on the axis a loss is."""
        return math.log10(loss) if loss > 0 else None

    def loss_at(self, place: float) -> float | None:
        """Return the loss at a place on the axis."""
        return float(10.0**place)


def _draw_tail(canvas: Canvas, deep: DeepTail) -> None:
    """Draw the tail below what was sampled, between the ends of its 95 % band."""
    own = deep.log10_loss <= deep.meets
    loss, volume = deep.log10_loss[own], deep.log10_volume[own]
    for end in (deep.low[own], deep.high[own]):
        canvas.line(loss, end, "band", joined=False)
    canvas.line(loss, volume, "theory", dashed=True)


def _pinned_curve(comparison: Comparison) -> VolumeOfLoss:
    """Return V of a pinned distribution, its tail included."""
    return VolumeOfLoss.of(comparison.pin.volume, comparison.pin.tail)


def _tail_items(deep: DeepTail, width: int) -> list[list[Piece]]:
    """Return V at the deepest loss with its error, the exponent, and how the populations stand."""
    items = [[Piece("⠒⠒", "bar"), Piece(" sampled")]]
    items.append([Piece("⠒ ⠒", "theory"), Piece(" deep tail ± 1.96 std")])
    if (goal := deep.goal) is not None:
        loss, volume, low, high = goal
        text = f"log10 V = {decimal_text(volume, 2)}"
        if math.isfinite(high):
            text = f"log10 V = {interval_text((volume, low, high), 3, decimals=2)}"
        where = f"at log10 ε = {decimal_text(loss, 2)}"
        whole = [Piece(f"{text} {where}")]
        items += [whole] if cell_len(whole[0].text) <= width else [[Piece(text)], [Piece(where)]]
    if (known := deep.exponent) is not None:
        slope, error = known
        text = f"λ = {decimal_text(slope)}"
        if error == 0:
            text += ", the same in all populations"
        elif math.isfinite(error):
            text += f" ± {margin_text(WIDTH * error, 3)}"
        items.append([Piece(text, "dim")])
    items.append([Piece(deep.status, "dim")])
    return items


def _items(curve: VolumeCurve) -> list[list[Piece]]:
    items = [[Piece(f"deepest V = {number_text(curve.volume[0], 2)} at ε = {number_text(curve.loss[0], 2)}")]]
    if curve.zero.estimate > 0:
        items.append([Piece(f"V(0) = {number_text(curve.zero.estimate, 2)}")])
    if curve.unresolved.estimate > 0:
        items.append([Piece(f"{number_text(curve.unresolved.estimate, 2)} unresolved below", "warn")])
    known = np.flatnonzero(np.isfinite(curve.exponent) & (curve.count >= _ENOUGH))
    if known.size:
        place = known[0]
        slope, error = curve.exponent[place], 1.96 * curve.exponent_std[place]
        text = f"slope λ = {number_text(slope, 2)}"
        text += f" ± {number_text(error, 2)}" if error > 0 else ""
        items.append([Piece(f"{text} at ε = {number_text(curve.loss[place], 2)}", "dim")])
    return items
