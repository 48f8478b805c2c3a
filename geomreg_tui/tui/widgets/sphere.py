"""The volume of the n-ball against n, with the peak and this network's number of parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widgets import Input, Static

from geomreg_tui.experiment import read_number
from geomreg_tui.formatting import exact_text
from geomreg_tui.statistics.hypersphere import log_volume, volume_peak
from geomreg_tui.summary import Facts
from geomreg_tui.tui.axes import Scale, lines_apart
from geomreg_tui.tui.numbers import count_text, number_text
from geomreg_tui.tui.state import RADII
from geomreg_tui.tui.widgets.canvas import Canvas
from geomreg_tui.tui.widgets.fields import NumberField, step_scale
from geomreg_tui.tui.widgets.rows import Piece, RowsWidget, flow

__all__ = ["SpherePane"]

FloatArray = NDArray[np.float64]

_ROOMY = 10  # lines from which the axis has its name below it
_ECHO = 0.05  # seconds from a change of the radius to the curve for it


class SphereCurve(RowsWidget):
    """The curve; on the log axis of n the network's P is always in sight."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.ready = False  # until the special functions are loaded, which takes as long as many frames
        self.radius = 1.0
        self.log_axis = False
        self.facts: Facts | None = None

    def paint(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """Draw legend and curve."""
        if not self.ready:
            return []
        lines = max(5, height - len(self._legend(width)))
        peak = volume_peak(self.radius)
        # Beyond n = 2 pi e r^2 the volume is below 1 and falls for ever.
        below_one = max(8.0, 2 * math.pi * math.e * self.radius**2)
        if self.log_axis:
            last = max(below_one * 2, self.facts.parameters * 1.3 if self.facts else 0)
            x = Scale.decades(0.0, float(math.ceil(math.log10(last))), max(2, width // 8))
            n = np.unique(np.round(np.logspace(0, x.high, 4 * width)))
            place = np.log10(n)
        else:
            x = Scale.linear(0.0, _round_up(1.5 * below_one), max(2, width // 8))
            n = np.unique(np.round(np.linspace(1, x.high, 2 * width)))
            place = n
        value = self._squeeze(log_volume(n, self.radius) / math.log(10))
        label = f"dimension n{' (log axis)' if self.log_axis else ''}" if height >= _ROOMY else ""
        y = self._value_axis(value, Canvas.area_lines(lines, label))
        canvas = Canvas(width, lines, x, y, label)
        canvas.level(0.0)
        canvas.line(place, value, "bar")
        top = self._squeeze(np.array([max(peak.log_value, -700) / math.log(10)]))[0]
        if peak.n > 0:
            canvas.mark(math.log10(max(peak.n, 1)) if self.log_axis else peak.n, float(top), "▲", "mark")
        if self.facts:
            count = self.facts.parameters
            spot = math.log10(count) if self.log_axis else float(count)
            own = log_volume(np.array([float(count)]), self.radius) / math.log(10)
            if spot <= x.high:
                canvas.mark(spot, float(self._squeeze(own)[0]), "◆", "pinned")
            else:
                canvas.mark(x.high, y.low, "→", "pinned")
        return [*self._legend(width, x.high), *canvas.rows()]

    def _squeeze(self, value: FloatArray) -> FloatArray:
        """Return the value as drawn: on the log axis sign(v) log10(1 + |v|), as it spans many decades."""
        values = np.asarray(value, np.float64)
        return np.sign(values) * np.log10(1 + np.abs(values)) if self.log_axis else values

    def _value_axis(self, value: FloatArray, lines: int) -> Scale:
        """Return the axis of values on so many lines."""
        low, high = float(value.min()), float(value.max())
        margin = 0.06 * (high - low)
        low, high = min(low, -margin) - margin / 3, max(high, 0.0) + margin
        if not self.log_axis:
            return Scale.even(low, high, lines, lines_apart(lines))
        wanted = max(2, lines // lines_apart(lines))
        powers = range(math.floor(low), math.ceil(high) + 1)
        step = max(1, math.ceil(len(powers) / wanted))
        values = [math.copysign(10.0 ** abs(p), p) if p else 0.0 for p in powers if p % step == 0]
        places = {float(self._squeeze(np.array([v]))[0]): number_text(v, 1) for v in values}
        shown = {place: label for place, label in places.items() if low <= place <= high}
        return Scale(low, high, tuple(shown), tuple(shown.values()))

    def _legend(self, width: int, end: float = math.inf) -> list[list[Piece]]:
        """Return what the marks mean; a network beyond the end of the axis is marked by an arrow."""
        peak = volume_peak(self.radius)
        place = f" peak n = {number_text(peak.n, 4)}: log10 V = {_log10(peak.log_value)}"
        items = [[Piece("▲", "mark"), Piece(place)]]
        if self.facts:
            count, radius = self.facts.parameters, self.facts.init_radius
            own = float(log_volume(np.array([float(count)]), self.radius)[0])
            spot = math.log10(count) if self.log_axis else float(count)
            mark = "◆" if spot <= end else "→"
            items.append([Piece(mark, "pinned"), Piece(f" n = P = {count:,}: log10 V = {_log10(own)}")])
            known = number_text(radius, 4) if math.isfinite(radius) else "infinite"
            items.append([Piece(f"typical init radius (rms) = {known}", "dim")])
        return flow(items, width)


class SpherePane(Vertical):
    """The curve over its radius knob."""

    BORDER_TITLE = "Hypersphere volume"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.curve = SphereCurve()
        self._problem = Static("", classes="knob-problem", markup=False)
        self._soon: Timer | None = None
        self._set_titles()

    def compose(self) -> ComposeResult:
        """Curve above, knob below."""
        yield self.curve
        with Horizontal(id="sphere-knob"):
            yield Static("radius r", classes="knob-label", markup=False)
            yield NumberField("1.0", step_scale, id="radius")
            yield self._problem

    def begin(self) -> None:
        """Draw from now on."""
        self.curve.ready = True
        self.curve.redraw()

    def show(self, facts: Facts | None) -> None:
        """Mark a network."""
        if facts != self.curve.facts:
            self.curve.facts = facts
            self.curve.redraw()

    def turn(self, radius: float) -> None:
        """Put a radius on the knob."""
        self.query_one("#radius", NumberField).value = exact_text(radius)

    def set_axis(self, log: bool) -> None:
        """Draw on the linear or the log axis of n."""
        self.curve.log_axis = log
        self._set_titles()
        self.curve.redraw()

    @on(Input.Changed, "#radius")
    def _turned(self, event: Input.Changed) -> None:
        event.stop()
        try:
            radius = read_number(event.value)
        except ValueError:
            radius = math.nan
        valid = RADII[0] <= radius <= RADII[1]
        self.query_one("#sphere-knob").set_class(not valid, "-problem")
        self._problem.update("" if valid else "! 0.001 to 1e6")
        if valid:
            self.curve.radius = radius
            # What was typed is on its way before the curve is, which takes far longer on a slow line.
            if self._soon is not None:
                self._soon.stop()
            self._soon = self.set_timer(_ECHO, self.curve.redraw)

    def _set_titles(self) -> None:
        axes = "both axes log" if self.curve.log_axis else "linear n axis"
        self.border_subtitle = f"log10 V_n(r), {axes}"


def _log10(natural: float) -> str:
    value = natural / math.log(10)
    return (
        number_text(value, 3)
        if abs(value) < 1e3
        else f"-{count_text(-value)}"
        if value < 0
        else count_text(value)
    )


def _round_up(value: float) -> float:
    """Return a value rounded up to half a unit of its first digit."""
    power = 10.0 ** math.floor(math.log10(value))
    return math.ceil(value / power * 2) / 2 * power
