"""The loss distribution: a live histogram with its landmarks, theory, and the pinned one over it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.errors import plain_text
from geomreg_tui.experiment import Experiment
from geomreg_tui.formatting import percent_text
from geomreg_tui.gradients.plan import GradientPlan, parse_plan
from geomreg_tui.rundir import RunState
from geomreg_tui.statistics import LossDistribution
from geomreg_tui.statistics.intervals import simultaneous_bands
from geomreg_tui.summary import Facts
from geomreg_tui.tui.axes import COLUMNS_APART, HeldScale, Scale, lines_apart
from geomreg_tui.tui.numbers import number_text
from geomreg_tui.tui.view import View
from geomreg_tui.tui.widgets.canvas import Canvas
from geomreg_tui.tui.widgets.measure import Measure
from geomreg_tui.tui.widgets.messages import message_rows
from geomreg_tui.tui.widgets.observable import SHOWN, TITLES, ObservablePlot, asked_of_runs
from geomreg_tui.tui.widgets.rows import Piece, RowsWidget, flow

__all__ = ["LossPane", "bar_shares"]

FloatArray = NDArray[np.float64]

_TOP = 0.97  # share of the losses that the linear axis reaches up to
_WORTH_TELLING = 0.001  # share of the losses beyond the axis
_LOW, _HIGH = 0.0005, 0.9995  # shares of the losses between which the log axis extends
_USUAL_COLUMNS = 60  # where nothing is drawn yet
_LABEL = 6  # cells of the tick labels of the density, unless one needs more
_ZOOM = 10.0  # each level shows the lowest tenth of the losses that the one before it shows
_FEWEST = 50  # losses that a zoom must still show
_DEEPEST = 12
_ROOMY = 12  # lines from which all is said; below that the plot needs them


def bar_shares(distribution: LossDistribution, edges: FloatArray) -> FloatArray:
    """Return the share of the finite losses between edges, the atom left out, shape (edges - 1,).

    Where the first edge is 0, exact zeros belong to the first bin.
    """
    atom = distribution.histogram.atom / max(distribution.finite, 1)
    below = distribution.cdf(edges) - atom * (edges >= distribution.null_loss)
    below[edges <= 0] = 0.0
    return np.diff(below)


class LossPane(RowsWidget):
    """The loss distribution, as density, histogram or cumulative share, on a linear or a log axis.

    In its place another observable of networks can be drawn.

    Attributes:
        observable: which of ``SHOWN`` is drawn; empty for the loss.
        log_axis: which axis; a density is per unit of what is on it.
        measure: what is drawn.
        zoom: 0 for the whole distribution; each level up shows its lowest tenth.
        shown: the loss axis that was drawn last; None before.
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._view: View | None = None
        self._notice = ""
        self.log_axis = False
        self.measure = Measure.DENSITY
        self.zoom = 0
        self.observable = ""
        self._plot = ObservablePlot()
        self._across, self._up = HeldScale(), HeldScale()
        self.shown: Scale | None = None
        self._margin = _LABEL
        self._set_titles()

    def show(self, view: View | None, notice: str = "") -> None:
        """Draw a view, or a notice where there is none."""
        self._view, self._notice = view, notice
        self.redraw()

    def toggle_axis(self) -> None:
        """Change between the linear and the log axis."""
        self.log_axis = not self.log_axis
        self._redrawn()

    def cycle_measure(self) -> None:
        """Go from density to histogram to cumulative share."""
        self.measure = self.measure.next
        self._redrawn()

    def cycle_observable(self) -> None:
        """Go from the loss to the next observable; after the last comes the loss."""
        names = ["", *SHOWN]
        self.observable = names[(names.index(self.observable) + 1) % len(names)]
        self._redrawn()

    def observing(self, experiment: Experiment, samples: int) -> GradientPlan | None:
        """Return what a run that begins is to observe: all that can be drawn here, where one of it is.

        Args:
            experiment: of the run.
            samples: networks of the run.
        """
        names = asked_of_runs(experiment) if self.observable else ()
        return parse_plan(names, samples=samples) if names else None

    def zoom_by(self, step: int) -> bool:
        """Show about the lowest tenth of what is shown, or ten times as much; return whether it can be done.

        Levels that would show the same picture are passed over.
        """
        view = self._view
        if view is None or view.distribution is None or view.snapshot.facts is None or self.observable:
            return False
        facts, columns = view.snapshot.facts, self._columns(self.content_size.width)
        here = self._scale(view, facts, columns, self.zoom)
        for wanted in range(self.zoom + step, _DEEPEST + 1 if step > 0 else -1, step):
            if step > 0 and view.distribution.finite * _ZOOM**-wanted < _FEWEST:
                return False
            scale = self._scale(view, facts, columns, wanted)
            if scale is not None and scale != here:
                self.zoom = wanted
                self._redrawn()
                return True
        return False

    def _redrawn(self) -> None:
        """Draw with axes that are chosen anew."""
        self._across.forget()
        self._up.forget()
        self._plot.forget()
        self._margin = _LABEL
        self._set_titles()
        self.redraw()

    def paint(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """Draw legend, landmark names and plot."""
        view = self._view
        if view is not None and view.snapshot.state is RunState.FAILED:
            return message_rows(view.snapshot.message or "the sampling failed", width, height, "warn")
        if view is None or view.distribution is None or view.snapshot.facts is None:
            return message_rows(self._notice, width, height)
        if self.observable:
            return self._plot.rows(view, self.observable, self.measure, self.log_axis, width, height)
        facts, distribution = view.snapshot.facts, view.distribution
        columns = self._columns(width)
        x = self._axis(view, facts, columns)
        if x is None:
            return message_rows(_nothing_to_bin(distribution), width, height)
        self.shown = x
        self._state_share(distribution, x)
        legend = self._legend(view, facts, width, x.high if height >= _ROOMY else math.inf)
        lines = max(4, height - len(legend) - 1)
        places = np.linspace(x.low, x.high, columns + 1)
        edges = 10.0**places if self.log_axis else places
        per = self._per(np.diff(places), distribution)
        bars = self._heights(distribution, edges, per)
        pinned = None
        if view.comparison:
            pinned = self._heights(view.comparison.pin.distribution, edges, per)
        peak = max(float(bars.max()), float(pinned.max()) if pinned is not None else 0.0)
        label = "loss L" + (" (log axis)" if self.log_axis else "")
        label = label if height >= _ROOMY else ""  # the foot has it too
        area = Canvas.area_lines(lines, label)
        if self.measure is Measure.CUMULATIVE:
            y = Scale.linear(0.0, 1.0, max(2, area // lines_apart(area)))
        else:
            y = self._up.even(0.0, peak or 1.0, area, lines_apart(area))
        if (widest := max(map(len, y.labels))) > self._margin:
            self._margin = widest
            return self.paint(width, height)
        y = y._replace(labels=tuple(label.rjust(self._margin) for label in y.labels))
        canvas = Canvas(width, lines, x, y, label)
        for place in self._landmarks(facts).values():
            canvas.landmark(place)
        canvas.bars(bars[: canvas.columns])
        canvas.bands(bars, self._bands(distribution, bars, per))
        least = y.high / canvas.lines / 8  # below this a curve would only hide low bars
        middle = (places[1:] + places[:-1]) / 2
        for overlay in facts.overlays[:1]:  # the law that says most; exports draw them all
            if self.measure is Measure.CUMULATIVE:
                law = np.interp(edges[1:], overlay.loss, overlay.cdf, left=0.0)
            else:
                law = overlay.shares(edges, facts.null_loss) * per
            canvas.line(middle, np.where(law > least, law, np.nan), "theory")
        if pinned is not None:
            canvas.dots(np.where(pinned > least, pinned, np.nan), "•", "pinned")
        return [*legend, canvas.landmark_names(self._landmarks(facts), width), *canvas.rows()]

    def _per(self, widths: FloatArray, distribution: LossDistribution) -> FloatArray:
        """Return the factors that turn shares of the losses into heights of bars, shape as ``widths``."""
        if self.measure is Measure.DENSITY:
            return 1.0 / widths  # per unit of loss, or per decade
        return np.full(widths.shape, float(distribution.finite) if self.measure is Measure.COUNT else 1.0)

    def _heights(self, distribution: LossDistribution, edges: FloatArray, per: FloatArray) -> FloatArray:
        """Return the height of each bar, in the measure that is drawn."""
        if self.measure is Measure.CUMULATIVE:
            return distribution.cdf(edges[1:])
        return bar_shares(distribution, edges) * per

    def _bands(self, distribution: LossDistribution, bars: FloatArray, per: FloatArray) -> FloatArray:
        """Return how far each bar may reach, at 95 % for all together, in units of the bars.

        For cumulative shares by the inequality of Dvoretzky, Kiefer and Wolfowitz, with Massart's constant.
        """
        finite = distribution.finite
        if self.measure is Measure.CUMULATIVE:
            return np.minimum(1.0, bars + math.sqrt(math.log(2 / 0.05) / (2 * max(finite, 1))))
        counts = np.round(bars / per * finite)
        _, high = simultaneous_bands(np.clip(counts, 0, finite), finite)
        return np.where(counts > 0, high * per, 0.0)

    def _columns(self, width: int) -> int:
        """Return the columns of a plot: its label column is as wide as the widest tick has been."""
        return Canvas.area(width, Scale(0, 1, (), (" " * self._margin,))) if width else _USUAL_COLUMNS

    def _axis(self, view: View, facts: Facts, columns: int) -> Scale | None:
        """Return the loss axis; None where there is nothing to put on it."""
        ends = self._ends(view, facts, self.zoom)
        if ends is None:
            return None
        if self.zoom and self.log_axis:  # an even axis may show several times as many losses
            return Scale.decades(*ends, columns // COLUMNS_APART, cells=columns)
        return self._across.even(*ends, columns, COLUMNS_APART, log=self.log_axis)

    def _scale(self, view: View, facts: Facts, columns: int, zoom: int) -> Scale | None:
        """Return the loss axis at a level of zoom, whatever the one on view is."""
        ends = self._ends(view, facts, zoom)
        if ends is None or (zoom and self.log_axis):
            return ends and Scale(*ends, (), (), log=True)
        return Scale.even(*ends, columns, COLUMNS_APART, log=self.log_axis)

    def _ends(self, view: View, facts: Facts, zoom: int) -> tuple[float, float] | None:
        """Return the ends of the axis at a level of zoom, None where there is nothing to put on it."""
        parts = [view.distribution, view.comparison.pin.distribution if view.comparison else None]
        shown = [part for part in parts if part is not None and part.histogram.index.size]
        if not shown:
            return None
        top = _ZOOM**-zoom
        if self.log_axis:
            ends = np.array(
                [part.quantile([_LOW * top, top if zoom else _HIGH], atom=False) for part in shown]
            )
            positive = ends[ends > 0]
            if not positive.size:
                return None
            return _rounded(math.log10(positive.min()), math.log10(positive.max()), whole=not zoom)
        high = max(float(part.quantile(min(_TOP, top), atom=False)) for part in shown)
        high = high or float(shown[0].histogram.upper[-1])
        near = [place for place in (facts.null_loss, facts.constant_loss) if place <= 2.5 * high]
        return 0.0, high if zoom else max([high, *(1.02 * place for place in near)])

    def _state_share(self, distribution: LossDistribution, x: Scale) -> None:
        """Say in the title which part of the losses is drawn."""
        if not self.zoom:
            return
        drawn = float(distribution.cdf(np.array([10.0**x.high if self.log_axis else x.high]))[0])
        self.entitle(f"Loss distribution, lowest {number_text(100 * drawn, 2)} %", str(self.border_subtitle))

    def _landmarks(self, facts: Facts) -> dict[str, float]:
        """Return the places of the landmarks on the axis, by name."""
        places = {"L0": facts.null_loss, "Lc": facts.constant_loss}
        if self.log_axis:
            return {name: math.log10(place) for name, place in places.items() if place > 0}
        return {"0": 0.0, **places}

    def _legend(self, view: View, facts: Facts, width: int, end: float) -> list[list[Piece]]:
        """Return the lines above the plot."""
        items = [
            [Piece(f"L0 null {number_text(facts.null_loss)}", "landmark")],
            [Piece(f"Lc constant {number_text(facts.constant_loss)}", "landmark")],
        ]
        if view.modes and view.distribution and view.distribution.histogram.atom:
            mass = number_text(view.modes.atom_mass.estimate)
            items.append([Piece(f"at L0 {mass} (no bar)", "warn")])
        if view.distribution and not self.log_axis and not self.zoom:
            beyond = 1 - float(view.distribution.cdf(np.array([end]))[0])
            if beyond >= _WORTH_TELLING:
                items.append([Piece(f"{percent_text(beyond)} % beyond →", "dim")])
        if view.comparison or facts.overlays:
            items.append([Piece("█", "bar"), Piece(" these settings")])
        if view.comparison:
            items.append([Piece("•", "pinned"), Piece(f" pinned: {view.comparison.label}")])
        if facts.overlays:
            name = plain_text(facts.overlays[0].name)
            items.append([Piece("⠒⠒", "theory"), Piece(f" theory: {name}")])
        return flow(items, width)

    def _set_titles(self) -> None:
        drawn = self.measure.value
        if self.observable:
            per_decade = self.log_axis and self.observable != "confusion_min"
            drawn = {"share with loss ≤ L": "share at most so large"}.get(drawn, drawn)
            self.border_title = TITLES[self.observable]
            self.border_subtitle = f"{drawn}, {'log' if per_decade else 'linear'} axis"
            return
        self.border_title = "Loss distribution"
        if self.measure is Measure.DENSITY:
            drawn += " per decade" if self.log_axis else " per unit loss"
        self.border_subtitle = f"{drawn}, {'log' if self.log_axis else 'linear'} axis"


def _rounded(low: float, high: float, *, whole: bool) -> tuple[float, float]:
    """Return ends of a log axis, rounded outward to half decades or to about a tenth of what is between.

    Rounded ends stay where they are while the sample grows.
    """
    step = 0.5 if whole else 10.0 ** round(math.log10(max(high - low, 1e-6)) - 1)
    first, last = math.floor(low / step), math.ceil(high / step + 1e-9)
    return first * step, max(last, first + 1) * step


def _nothing_to_bin(distribution: LossDistribution) -> str:
    """Return in words why there is no histogram."""
    histogram = distribution.histogram
    if histogram.nonfinite == histogram.total:
        return f"all {histogram.total:,} losses are NaN or infinite"
    if histogram.zero:
        return "every loss is 0 or the null loss, to within rounding: there is nothing to bin"
    return "every network has the null loss L0 to within rounding: there is nothing to bin"
