"""An observable of drawn networks besides the loss, as density, histogram or cumulative share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.errors import ExperimentError, plain_text
from geomreg_tui.experiment import Experiment
from geomreg_tui.formatting import interval_text, percent_text
from geomreg_tui.gradients.plan import LABELS, GradientPlan, check_plan
from geomreg_tui.gradients.result import ObservedValues
from geomreg_tui.statistics.intervals import Interval, simultaneous_bands
from geomreg_tui.tui.axes import COLUMNS_APART, HeldScale, Scale
from geomreg_tui.tui.bars import heights_axis
from geomreg_tui.tui.numbers import number_text
from geomreg_tui.tui.view import View
from geomreg_tui.tui.widgets.canvas import Canvas
from geomreg_tui.tui.widgets.measure import Measure
from geomreg_tui.tui.widgets.rows import Piece, flow
from geomreg_tui.tui.window import Window

__all__ = ["SHOWN", "TITLES", "Asked", "ObservablePlot", "asked_of_runs"]

FloatArray = NDArray[np.float64]

# What the loss pane can draw in place of the loss, and what a run is asked to observe for it.
SHOWN = {"confusion_min": "confusion", "gradient_norm": "gradient_norm", "sharpness": "sharpness"}
TITLES = {
    "confusion_min": "Gradient confusion",
    "gradient_norm": "Gradient norm",
    "sharpness": "Sharpness",
}
_COSINES = ("confusion_min",)
_TOP = 0.99  # share of the networks that the linear axis reaches up to
_LOW, _HIGH = 0.0005, 0.9995  # shares between which the log axis extends
_WORTH_TELLING = 0.001
_ROOMY = 12  # lines from which the axis has its name below it


def asked_of_runs(experiment: Experiment) -> tuple[str, ...]:
    """Return what of :data:`SHOWN` can be observed of an experiment, as names of ``--observe``."""
    return tuple(name for name in SHOWN.values() if not _objection(name, experiment))


def _objection(name: str, experiment: Experiment) -> str:
    """Return why something cannot be observed of an experiment; empty where it can."""
    try:
        check_plan(GradientPlan((name,)), experiment)
    except ExperimentError as error:
        problem = error.problems[0]
        return f"there is no {problem.got}; {problem.allowed}"
    return ""


class Asked(NamedTuple):
    """What is asked of the plot.

    Attributes:
        name: of :data:`SHOWN`.
        measure: what is drawn over the axis.
        log_axis: whether sizes are on a log axis; that of cosines is linear.
        log_heights: whether bars are on a log axis.
        each: columns of a bar.
        window: what is on view; None where the plot chooses.
        at: the loss of the crosshair, at and below which the median is marked; None without.
    """

    name: str
    measure: Measure
    log_axis: bool
    log_heights: bool
    each: int
    window: Window | None
    at: float | None


class _Drawn(NamedTuple):
    """Bars as they were drawn: ends of the bins in units of the axis, heights, and bands."""

    name: str
    edges: FloatArray
    heights: FloatArray
    low: FloatArray
    high: FloatArray
    log_axis: bool


class ObservablePlot:
    """The plot of an observable; its axes stay put from one frame to the next."""

    def __init__(self) -> None:
        self._across, self._up = HeldScale(), HeldScale()
        self._drawn: _Drawn | None = None

    def forget(self) -> None:
        """Choose axes anew at the next frame."""
        self._across.forget()
        self._up.forget()

    def draw(
        self, view: View, asked: Asked, width: int, height: int
    ) -> tuple[list[Sequence[Piece]], Canvas] | str:
        """Return legend and landmark names, and the plot; why there is none where it is not known."""
        name, measure = asked.name, asked.measure
        self._drawn = None
        seen = view.snapshot.observed
        values = None if seen is None else seen.observations.values.get(name)
        if seen is None or values is None:
            return _not_observed(view, name)
        middles, counts = values.histogram.middles()
        if not counts.sum():
            waiting = "no network has been observed yet: they come after the losses"
            nothing = "no network has gradients that could be compared"
            return nothing if values.histogram.total else waiting
        log_axis = asked.log_axis and name not in _COSINES and bool((middles > 0).any())
        places = np.log10(middles[middles > 0]) if log_axis else middles
        kept = counts[middles > 0] if log_axis else counts
        marks = _marks(view, asked)
        if log_axis:
            marks = {key: math.log10(at) for key, at in marks.items() if at > 0}
        legend = _legend(view, name, values, width)
        lines = max(4, height - len(legend) - 1)
        label = LABELS[name] + (" (log axis)" if log_axis else "") if height >= _ROOMY else ""
        margin, total = 6, float(counts.sum())
        while True:
            columns = Canvas.area(width, Scale(0, 1, (), (" " * margin,)))
            x = self._axis(asked, places, kept, log_axis, columns)
            which = np.arange(columns) // asked.each
            edges = np.linspace(x.low, x.high, columns + 1)
            edges = np.append(edges[: columns : asked.each], x.high)
            heights, low, high = _heights(places, kept, edges, total, measure)
            y = heights_axis(self._up, heights, Canvas.area_lines(lines, label), measure, asked.log_heights)
            if (widest := max(map(len, y.labels))) <= margin:
                break
            margin = widest
        self._drawn = _Drawn(name, edges, heights, low, high, log_axis)
        y = y._replace(labels=tuple(label.rjust(margin) for label in y.labels))
        canvas = Canvas(width, lines, x, y, label)
        for mark, place in marks.items():
            canvas.landmark(place, "theory" if mark == "law" else "landmark")
        tall = np.log10 if asked.log_heights else np.asarray
        with np.errstate(divide="ignore"):
            canvas.bars(tall(heights)[which])
            canvas.bands(tall(heights)[which], tall(np.where(heights > 0, high, 0.0))[which])
        beyond = 1 - float(kept[places <= x.high].sum()) / total
        if beyond >= _WORTH_TELLING and asked.window is None:
            legend[-1] = [*legend[-1], Piece(f"  {percent_text(beyond)} % beyond →", "dim")]
        return [*legend, canvas.landmark_names(marks, width)], canvas

    def texts(self, place: float) -> list[str]:
        """Return what is known at a place on the axis that was drawn last, in words."""
        drawn = self._drawn
        if drawn is None or not drawn.edges[0] <= place <= drawn.edges[-1]:
            return []
        bar = min(int(np.searchsorted(drawn.edges, place, side="right")) - 1, len(drawn.heights) - 1)
        value = 10.0**place if drawn.log_axis else place
        height = Interval(*(float(part[bar]) for part in (drawn.heights, drawn.low, drawn.high)))
        return [f"{LABELS[drawn.name]} = {number_text(value, 4)}", f"bar {interval_text(height, 3)}"]

    def _axis(
        self, asked: Asked, places: FloatArray, counts: NDArray[np.int64], log_axis: bool, columns: int
    ) -> Scale:
        """Return the axis of values on so many columns."""
        turned = Scale.decades if log_axis else Scale.linear
        if asked.window is not None:
            return turned(*asked.window, columns // COLUMNS_APART, cells=columns)
        ends = self._ends(asked.name, places, counts, log_axis)
        if asked.name in _COSINES:
            return turned(*ends, columns // COLUMNS_APART, cells=columns)
        return self._across.even(*ends, columns, COLUMNS_APART, log=log_axis)

    def _ends(
        self, name: str, places: FloatArray, counts: NDArray[np.int64], log_axis: bool
    ) -> tuple[float, float]:
        """Return the ends of the axis."""
        if name in _COSINES:
            return -1.0, 1.0
        cumulative = np.cumsum(counts) / counts.sum()

        def at(share: float) -> float:
            return float(places[min(int(np.searchsorted(cumulative, share)), places.size - 1)])

        if log_axis:
            first, last = math.floor(4 * at(_LOW)) / 4, math.ceil(4 * at(_HIGH) + 1e-9) / 4
            return first, max(last, first + 0.5)
        return 0.0, at(_TOP) or 1.0


def _marks(view: View, asked: Asked) -> dict[str, float]:
    """Return the values that are marked: of the law, and medians among networks of low loss."""
    seen = view.snapshot.observed
    law = None if seen is None else seen.planned.laws.get(asked.name)
    marks = {} if law is None else {"law": law.mean}
    low = view.low_loss.get(asked.name)
    if low is not None and math.isfinite(low.median.estimate):
        marks["low L"] = low.median.estimate
    rows = view.tail.observed.get(asked.name, ()) if view.tail is not None and asked.at else ()
    # Of the losses at which networks were observed down the tail, the largest that is not above.
    below = [row for row in rows if asked.at and row.log10_loss <= math.log10(asked.at)]
    if below and math.isfinite(below[0].median.estimate):
        marks["≤L"] = below[0].median.estimate
    return marks


def _heights(
    places: FloatArray, counts: NDArray[np.int64], edges: FloatArray, total: float, measure: Measure
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the height of each bar, and between what it may be at 95 % for all together."""
    binned = np.histogram(places, edges, weights=counts)[0]
    if measure is Measure.CUMULATIVE:
        below = counts[places < edges[0]].sum()
        shares = (below + np.cumsum(binned)) / total
        reach = math.sqrt(math.log(2 / 0.05) / (2 * total))
        return shares, np.maximum(0.0, shares - reach), np.minimum(1.0, shares + reach)
    per = np.full(binned.size, total) if measure is Measure.COUNT else 1 / np.diff(edges)
    low, high = simultaneous_bands(binned, int(total))
    return binned / total * per, low * per, high * per


def _legend(view: View, name: str, values: ObservedValues, width: int) -> list[list[Piece]]:
    """Return the lines above the plot: mean, law, and the median among networks of low loss."""
    items = [[Piece(f"mean {number_text(values.moments.mean)} of {values.moments.count:,} networks")]]
    seen = view.snapshot.observed
    law = None if seen is None else seen.planned.laws.get(name)
    if law is not None:
        items.append([Piece(f"law: mean {number_text(law.mean)}, {plain_text(law.name)}", "theory")])
    low = view.low_loss.get(name)
    if low is not None:
        known = all(map(math.isfinite, low.median))
        median = interval_text(low.median, 3) if known else number_text(low.median.estimate)
        items.append([Piece(f"low L: median {median}", "landmark")])
        items.append([Piece(f"low L is log10 V = {number_text(low.log10_volume)}", "landmark")])
    return flow(items, width)


def _not_observed(view: View, name: str) -> str:
    """Return in words why there is no observable, and what is to be done."""
    facts = view.snapshot.facts
    if facts is not None and (objection := _objection(SHOWN[name], facts.experiment)):
        return objection
    return (
        f"the {LABELS[name]} is not observed here\n"
        "The actions Start, Tail and Train observe it of a new run, if they are used while this is on view; "
        "so does run --observe."
    )
