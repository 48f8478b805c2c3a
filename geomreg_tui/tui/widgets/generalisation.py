"""What networks do on held-out examples by their training loss: drawn ones, the tail, trained ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.formatting import interval_text
from geomreg_tui.splitting.curve import TailHeldOut
from geomreg_tui.splitting.joined import DeepTail
from geomreg_tui.statistics.heldout import QUANTILES, Band, HeldOutBins
from geomreg_tui.statistics.intervals import WIDTH, Interval
from geomreg_tui.training.overview import TrainingOverview
from geomreg_tui.training.result import FITTED, LIMIT
from geomreg_tui.tui.axes import COLUMNS_APART, Scale, lines_apart
from geomreg_tui.tui.numbers import number_text
from geomreg_tui.tui.pins import PIN_ROLES, Pin
from geomreg_tui.tui.view import View
from geomreg_tui.tui.widgets.canvas import Canvas
from geomreg_tui.tui.widgets.messages import message_rows
from geomreg_tui.tui.widgets.pinned import mark_pin, pin_items
from geomreg_tui.tui.widgets.rows import Piece, flow
from geomreg_tui.tui.widgets.turning import TurningPane

__all__ = ["GeneralisationPane"]

FloatArray = NDArray[np.float64]

_NOTHING = "nothing is held out: set 'held out' in Setup to 100, say"
_ROOMY = 12  # lines from which the axis has its name below it
_TALL = 9  # lines from which all curves are named


class _Curve(NamedTuple):
    """Points of a curve, (points,) each: log10 training loss, the mean, and the ends of its interval."""

    x: FloatArray
    middle: FloatArray
    low: FloatArray
    high: FloatArray


class GeneralisationPane(TurningPane):
    """Mean held-out loss, or accuracy, against the training loss, with 95 % intervals."""

    BORDER_TITLE = "Generalisation"
    NAMES: ClassVar[Mapping[str, str]] = {
        "loss": "held-out loss, log axis",
        "accuracy": "held-out accuracy",
    }

    @property
    def has_classes(self) -> bool:
        """Whether there is an accuracy to draw: for classes alone."""
        held_out = self._view.held_out if self._view else None
        return held_out is not None and _has(held_out, "accuracy")

    def measures(self) -> Sequence[str]:
        """Return what is drawn: accuracy where there are classes."""
        return ("loss", "accuracy") if self.has_classes else ("loss",)

    def paint(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """Draw the legend and the curves."""
        view = self._view
        if view is None or view.snapshot.facts is None or view.distribution is None:
            return message_rows("no networks yet", width, height)
        bins = view.held_out
        if bins is None:
            return message_rows(_NOTHING, width, height)
        mean, *ends = _bands(bins, self.shown)
        sampled = self._scaled(_of_bins(bins, mean))
        spread = [self._scaled(_of_bins(bins, end)).middle for end in ends]
        below = self._scaled(_of_tail(_tail(view.tail), self.shown))
        trained = self._scaled(_of_trained(view.training, self.shown))
        pinned = self._pinned(view)
        compared = [each for each in view.comparisons if each.place in pinned]
        legend = self._legend(bins, pin_items(compared), below.x.size > 0, trained.x.size > 0, width, height)
        others = [below, trained, *(part for parts in pinned.values() for part in parts)]
        across = _known(sampled.x, *(other.x for other in others))
        upward = _known(sampled.middle, *spread, *(other.middle for other in others))
        if not across.size or not upward.size:
            return [*legend, *message_rows("no finite numbers", width, max(1, height - len(legend)))]
        lines = max(5, height - len(legend))
        label = "training loss (log axis)" if height >= _ROOMY else ""
        y = self._upright(upward, Canvas.area_lines(lines, label))
        columns = Canvas.area(width, y)
        if self.window is not None:
            x = Scale.decades(*self.window, columns // COLUMNS_APART, cells=columns)
        else:
            left, right = float(across.min()), float(across.max())
            x = Scale.even(left, max(right, left + 0.1), columns, COLUMNS_APART, log=True)
        canvas = Canvas(width, lines, x, y, label)
        null = view.snapshot.facts.null_loss
        if null > 0:
            canvas.landmark(math.log10(null))
        for end in spread:
            canvas.line(sampled.x, end, "band", dashed=True)
        for place, low, high in zip(sampled.x, sampled.low, sampled.high, strict=True):
            if math.isfinite(high):
                canvas.interval(place, max(low, y.low), high, "band")
        for number, (drawn, deep) in pinned.items():
            canvas.line(drawn.x, drawn.middle, PIN_ROLES[number])
            canvas.line(deep.x, deep.middle, PIN_ROLES[number], dashed=True)
        canvas.line(sampled.x, sampled.middle, "bar")
        for end in (below.low, below.high):
            canvas.line(below.x, end, "band", joined=False)
        canvas.line(below.x, below.middle, "theory", dashed=True)
        for place, value in zip(trained.x, trained.middle, strict=True):
            canvas.mark(place, value, "×", "mark")
        for number, (drawn, _) in pinned.items():
            mark_pin(canvas, number, drawn.x, drawn.middle)
        self.drawn(canvas, width)
        return [*legend, *canvas.rows()]

    def _pinned(self, view: View) -> dict[int, tuple[_Curve, _Curve]]:
        """Return the mean of each pin, by its place, and that of its tail."""
        found = {}
        for place, pin in ((each.place, each.pin) for each in view.comparisons):
            if pin.held_out is not None and _has(pin.held_out, self.shown):
                mean, *_ = _bands(pin.held_out, self.shown)
                deep = _of_tail(_tail(pin.tail), self.shown)
                found[place] = self._scaled(_of_bins(pin.held_out, mean)), self._scaled(deep)
        return found

    def _scaled(self, curve: _Curve) -> _Curve:
        """Return a curve on the axis that is drawn: losses as base-10 logarithms."""
        if self.shown == "accuracy":
            return curve
        with np.errstate(divide="ignore", invalid="ignore"):
            return _Curve(curve.x, *(np.log10(part) for part in curve[1:]))

    def _upright(self, values: FloatArray, lines: int) -> Scale:
        """Return the axis of what is drawn."""
        if self.shown == "accuracy":
            return Scale.even(0.0, 1.0, lines, lines_apart(lines))
        low = float(values.min())
        return Scale.even(low, max(float(values.max()), low + 0.1), lines, lines_apart(lines), log=True)

    def _legend(
        self,
        bins: HeldOutBins,
        pins: list[list[Piece]],
        tail: bool,
        trained: bool,
        width: int,
        height: int,
    ) -> list[list[Piece]]:
        """Return what each curve is, and the number of held-out examples."""
        examples = f"{bins.examples:,} example{'s' * (bins.examples != 1)}"
        items = [[Piece("⠒⠒", "bar"), Piece(f" mean with 95 %, {examples}")]]
        items.append([Piece("⠒ ⠒", "band"), Piece(" middle 90 % of networks")])
        items += [[Piece("⠒ ⠒", "theory"), Piece(" deep tail, up to L")]] if tail else []
        items += [[Piece("×", "mark"), Piece(" trained")]] if trained else []
        if bins.high.size and bins.high[0] == 0:
            mean, *_ = _bands(bins, self.shown)
            at_zero = Interval(*(float(part[0]) for part in mean))
            items.append([Piece(f"at L = 0: {_interval_text(at_zero, self.shown)}")])
        if height < _TALL:  # the other curves are told apart by their marks
            items = [items[0], *items[2:]]
        return flow([*pins, *items], width)

    # Reading

    def place_of(self, loss: float) -> float | None:
        """Return where on the axis a loss is."""
        return math.log10(loss) if loss > 0 else None

    def loss_at(self, place: float) -> float | None:
        """Return the loss at a place on the axis."""
        return float(10.0**place)

    def texts_at(self, loss: float) -> list[str]:
        """Return what is known of networks of a training loss, in words; nothing where that is nothing."""
        view = self._view
        return [] if view is None else _texts(loss, view.held_out, view.tail, self.shown)

    def pin_texts_at(self, pin: Pin, loss: float) -> list[str]:
        """Return what is known of the networks of a pin at a training loss, in words."""
        return _texts(loss, pin.held_out, pin.tail, self.shown)


def _texts(loss: float, bins: HeldOutBins | None, deep: DeepTail | None, shown: str) -> list[str]:
    if bins is None or not _has(bins, shown):
        return []
    name = f"held-out {shown}"
    place = bins.at(loss)
    if place is not None:
        mean, low, high = _bands(bins, shown)
        known = Interval(*(float(part[place]) for part in mean))
        if math.isfinite(known.estimate):
            ends = " to ".join(number_text(float(end[place])) for end in (low.estimate, high.estimate))
            return [f"{name} {_interval_text(known, shown)}, 5 to 95 % {ends}"]
    tail = _of_tail(_tail(deep), shown)
    if not tail.x.size or not loss > 0 or not tail.x[-1] <= math.log10(loss) <= tail.x[0]:
        return []
    at = math.log10(loss)
    known = Interval(*(float(np.interp(at, tail.x[::-1], part[::-1])) for part in tail[1:]))
    return [f"{name} {_interval_text(known, shown)} (tail)"] if math.isfinite(known.estimate) else []


def _interval_text(known: Interval, shown: str) -> str:
    return interval_text(known, 3, bounded=shown == "accuracy", decimals=3)


def _has(bins: HeldOutBins, shown: str) -> bool:
    """Return whether there is something to show: accuracy for classes alone."""
    return shown == "loss" or bins.accuracy is not None


def _bands(bins: HeldOutBins, shown: str) -> tuple[Band, Band, Band]:
    """Return the mean, and the smallest and the largest of the quantiles."""
    mean, quantiles = bins.mean_loss, bins.loss_quantiles
    if shown == "accuracy" and bins.accuracy is not None:
        mean, quantiles = bins.accuracy, bins.accuracy_quantiles
    return mean, quantiles[QUANTILES[0]], quantiles[QUANTILES[-1]]


def _of_bins(bins: HeldOutBins, band: Band) -> _Curve:
    """Return a band in the middle of each bin of losses above 0."""
    real = bins.high > 0
    middle = (np.log10(bins.low[real]) + np.log10(bins.high[real])) / 2
    return _Curve(middle, *(part[real] for part in band))


def _tail(deep: DeepTail | None) -> TailHeldOut | None:
    curve = deep.curve if deep is not None else None
    return None if curve is None else curve.held_out


def _of_tail(held_out: TailHeldOut | None, shown: str) -> _Curve:
    """Return the mean of networks of at most each loss of the tail, losses decreasing."""
    none = np.empty(0)
    if held_out is None:
        return _Curve(none, none, none, none)
    mean, std = held_out.mean_loss, held_out.mean_loss_std
    if shown == "accuracy":
        if held_out.accuracy is None or held_out.accuracy_std is None:
            return _Curve(none, none, none, none)
        mean, std = held_out.accuracy, held_out.accuracy_std
    low, high = np.maximum(mean - WIDTH * std, 0.0), mean + WIDTH * std
    return _Curve(held_out.log10_loss, mean, low, high if shown == "loss" else np.minimum(high, 1.0))


def _of_trained(training: TrainingOverview | None, shown: str) -> _Curve:
    """Return a point without an interval for each network whose training has ended.

    Those that diverged or were dead at the start are left out.
    """
    none = np.empty(0)
    if training is None:
        return _Curve(none, none, none, none)
    ends = training.ends
    over = np.isin(ends.status, (FITTED, LIMIT))
    loss, value = ends.final("loss")[over], ends.final(f"held_out_{shown}")[over]
    known = (loss > 0) & np.isfinite(loss) & np.isfinite(value)
    return _Curve(np.log10(loss[known]), value[known], value[known], value[known])


def _known(*parts: FloatArray) -> FloatArray:
    """Return all finite numbers of several arrays."""
    values = np.concatenate(parts)
    return values[np.isfinite(values)]
