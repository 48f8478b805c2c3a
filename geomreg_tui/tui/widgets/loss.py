"""The loss distribution: a live histogram with its landmarks, theory, and the pinned ones over it."""

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
from geomreg_tui.summary import Facts
from geomreg_tui.tui.axes import COLUMNS_APART, HeldScale, Scale, rounded_ends
from geomreg_tui.tui.bars import Bins, heights_axis, squeezed
from geomreg_tui.tui.numbers import number_text
from geomreg_tui.tui.pins import MARKS, PIN_ROLES
from geomreg_tui.tui.view import View
from geomreg_tui.tui.widgets.canvas import Canvas
from geomreg_tui.tui.widgets.measure import Measure
from geomreg_tui.tui.widgets.messages import message_rows
from geomreg_tui.tui.widgets.observable import SHOWN, TITLES, Asked, ObservablePlot, asked_of_runs
from geomreg_tui.tui.widgets.pinned import pin_items
from geomreg_tui.tui.widgets.plot import PlotPane
from geomreg_tui.tui.widgets.rows import Piece, flow

__all__ = ["LossPane"]

FloatArray = NDArray[np.float64]

_TOP = 0.97  # share of the losses that the linear axis reaches up to
_WORTH_TELLING = 0.001  # share of the losses beyond the axis
_LOW, _HIGH = 0.0005, 0.9995  # shares of the losses between which the log axis extends
_WIDTHS = (1, 2, 3, 4, 6, 8, 12, 16)  # columns that a bar may have
_SQUEEZED = 2  # columns of a linear axis that half of the losses are squeezed into
_USUAL_COLUMNS = 60  # where nothing is drawn yet
_LABEL = 6  # cells of the tick labels of the density, unless one needs more
_ZOOM = 10.0  # each level shows the lowest tenth of the losses that the one before it shows
_FEWEST = 50  # losses that a zoom must still show
_DEEPEST = 12
_ROOMY = 12  # lines from which all is said; below that the plot needs them


class LossPane(PlotPane):
    """The loss distribution, as density, histogram or cumulative share, on a linear or a log axis.

    In its place another observable of networks can be drawn.

    Attributes:
        observable: which of ``SHOWN`` is drawn; empty for the loss.
        measure: what is drawn.
        log_heights: whether bars are on a log axis too.
        zoom: 0 for the whole distribution; each level up shows its lowest tenth.
        each: columns of a bar.
        bins: those that were drawn last, of losses; None while none are.
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._view: View | None = None
        self._notice = ""
        self._log_axis: bool | None = None  # None while nobody has said
        self._chosen = False  # which axis then
        self._chosen_for = -1  # generation
        self.measure = Measure.DENSITY
        self.log_heights = False
        self.zoom = 0
        self.each = 1
        self.observable = ""
        self.bins: Bins | None = None
        self._plot = ObservablePlot()
        self._across, self._up = HeldScale(), HeldScale()
        self._margin = _LABEL
        self._set_titles()

    @property
    def log_axis(self) -> bool:
        """Whether the loss axis is a log one; a density is per unit of what is on it."""
        return self._chosen if self._log_axis is None else self._log_axis

    @property
    def log_asked(self) -> bool:
        """Whether a person has asked for the log axis."""
        return bool(self._log_axis)

    def show(self, view: View | None, notice: str = "") -> None:
        """Draw a view, or a notice where there is none."""
        self._view, self._notice = view, notice
        self.redraw()

    def set_axis(self, log: bool) -> None:
        """Draw on a linear or a log axis, whatever the losses are."""
        if self.window is not None and log != self.log_axis:
            self.window = self.window.turned(log)
        self._log_axis = log
        self.redrawn()

    def toggle_heights(self) -> None:
        """Change between linear and log heights of bars."""
        self.log_heights = not self.log_heights
        self.redrawn()

    def widen_bins(self, step: int) -> bool:
        """Draw bars over more columns (1) or fewer (-1); return whether there are other such."""
        place = _WIDTHS.index(self.each) + step
        if not 0 <= place < len(_WIDTHS):
            return False
        self.each = _WIDTHS[place]
        self.redrawn()
        return True

    def cycle_measure(self) -> None:
        """Go from density to histogram to cumulative share."""
        self.measure = self.measure.next
        self.redrawn()

    def cycle_observable(self) -> None:
        """Go from the loss to the next observable; after the last comes the loss."""
        names = ["", *SHOWN]
        self.window = self.spot = None
        self.observable = names[(names.index(self.observable) + 1) % len(names)]
        self.redrawn()

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
        if self.window is not None:
            self.window = None
            self.redrawn()
            return True
        facts, columns = view.snapshot.facts, self._room(self.content_size.width)
        here = self._scale(view, facts, columns, self.zoom)
        for wanted in range(self.zoom + step, _DEEPEST + 1 if step > 0 else -1, step):
            if step > 0 and view.distribution.finite * _ZOOM**-wanted < _FEWEST:
                return False
            scale = self._scale(view, facts, columns, wanted)
            if scale is not None and scale != here:
                self.zoom = wanted
                self.redrawn()
                return True
        return False

    def redrawn(self) -> None:
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
            return self._observed(view, width, height)
        facts, distribution = view.snapshot.facts, view.distribution
        columns = self._room(width)
        self._choose_axis(view, facts, columns)
        x = self._axis(view, facts, columns)
        if x is None:
            self.axis = self.bins = None
            return message_rows(_nothing_to_bin(distribution), width, height)
        self._state_share(distribution, x)
        legend = self._legend(view, facts, width, x.high if height >= _ROOMY else math.inf)
        lines = max(4, height - len(legend) - 1)
        bins = self.bins = Bins.of(x, columns, self.measure, self.each)
        heights = bins.heights(distribution)
        pinned = [(each.place, bins.heights(each.pin.distribution)) for each in view.comparisons]
        label = "loss L" + (" (log axis)" if self.log_axis else "")
        label = label if height >= _ROOMY else ""  # the foot has it too
        every = np.concatenate([heights, *(other for _, other in pinned)])
        area = Canvas.area_lines(lines, label)
        y = heights_axis(self._up, every, area, self.measure, self.log_heights)
        if (widest := max(map(len, y.labels), default=0)) > self._margin:
            self._margin = widest
            return self.paint(width, height)
        y = y._replace(labels=tuple(text.rjust(self._margin) for text in y.labels))
        canvas = Canvas(width, lines, x, y, label)
        for place in self._landmarks(facts).values():
            canvas.landmark(place)
        which = np.arange(columns) // self.each  # the bar of each column
        tall = np.log10 if self.log_heights else np.asarray
        least = 10.0**y.low if self.log_heights else y.high / canvas.lines / 8  # below it only bars are drawn
        with np.errstate(divide="ignore"):
            bars = tall(heights)[which]
            canvas.bars(bars)
            _, high = bins.bands(distribution, heights)
            canvas.bands(bars, tall(np.where(heights > 0, high, 0.0))[which])
            for overlay in facts.overlays[:1]:  # the law that says most; exports draw them all
                law = bins.law(overlay, distribution)[which]
                middles = (np.arange(columns) + 0.5) / columns * (x.high - x.low) + x.low
                canvas.line(middles, tall(np.where(law > least, law, np.nan)), "theory")
            for place, other in pinned:
                seen = tall(np.where(other > least, other, np.nan))[which]
                canvas.dots(seen, MARKS[place], PIN_ROLES[place])
        self.drawn(canvas, width)
        return [*legend, canvas.landmark_names(self._landmarks(facts), width), *canvas.rows()]

    def _observed(self, view: View, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """Draw another observable."""
        self.bins = None
        asked = Asked(
            self.observable,
            self.measure,
            self.log_axis,
            self.log_heights,
            self.each,
            self.window,
            self.at,
        )
        drawn = self._plot.draw(view, asked, width, height)
        if isinstance(drawn, str):
            self.axis = None
            return message_rows(drawn, width, height)
        above, canvas = drawn
        self.drawn(canvas, width)
        return [*above, *canvas.rows()]

    # The crosshair

    @property
    def place(self) -> float | None:
        """Where on the axis the crosshair is."""
        return self.spot if self.observable else super().place

    @property
    def linked(self) -> bool:
        """Whether it is losses that are on the axis."""
        return not self.observable

    def place_of(self, loss: float) -> float | None:
        """Return where on the axis a loss is."""
        if self.log_axis:
            return math.log10(loss) if loss > 0 else None
        return loss

    def loss_at(self, place: float) -> float | None:
        """Return the loss at a place on the axis."""
        return float(10.0**place) if self.log_axis else place

    @property
    def what(self) -> str:
        """What is on the axis."""
        return TITLES[self.observable] if self.observable else super().what

    @property
    def least(self) -> float | None:
        """The place below which there is nothing: no loss is below 0."""
        return None if self.observable or self.log_axis else 0.0

    def texts(self) -> list[str]:
        """Return what is known at the crosshair of another observable, in words."""
        return [] if self.spot is None else self._plot.texts(self.spot)

    # Axes

    def _choose_axis(self, view: View, facts: Facts, columns: int) -> None:
        """Choose the log axis where half of what has bars would be in two columns of a linear one.

        Once for each change of the settings, so that a growing sample does not turn it.
        """
        distribution = view.distribution
        if self._log_axis is not None or view.generation == self._chosen_for or distribution is None:
            return
        self._chosen_for, before = view.generation, self._chosen
        self._chosen = False
        ends = self._ends(view, facts, 0)
        if ends is not None:
            self._chosen = squeezed(distribution, _SQUEEZED * ends[1] / columns)
        if self._chosen != before:
            self.window = None
            self._across.forget()
            self._up.forget()
            self._set_titles()

    def _room(self, width: int) -> int:
        """Return the columns of a plot: its label column is as wide as the widest tick has been."""
        return Canvas.area(width, Scale(0, 1, (), (" " * self._margin,))) if width else _USUAL_COLUMNS

    def _axis(self, view: View, facts: Facts, columns: int) -> Scale | None:
        """Return the loss axis; None where there is nothing to put on it."""
        ends = self._ends(view, facts, self.zoom)
        if ends is None:
            return None
        if self.window is not None:
            turned = Scale.decades if self.log_axis else Scale.linear
            return turned(*self.window, columns // COLUMNS_APART, cells=columns)
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
        parts = [view.distribution, *(each.pin.distribution for each in view.comparisons)]
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
            return rounded_ends(math.log10(positive.min()), math.log10(positive.max()), whole=not zoom)
        high = max(float(part.quantile(min(_TOP, top), atom=False)) for part in shown)
        high = high or float(shown[0].histogram.upper[-1])
        near = [place for place in (facts.null_loss, facts.constant_loss) if place <= 2.5 * high]
        return 0.0, high if zoom else max([high, *(1.02 * place for place in near)])

    def _state_share(self, distribution: LossDistribution, x: Scale) -> None:
        """Say in the title which part of the losses is drawn."""
        if not self.zoom and self.window is None:
            return
        ends = np.array([x.low, x.high])
        below, drawn = distribution.cdf(10.0**ends if self.log_axis else ends).tolist()
        said = f"lowest {number_text(100 * drawn, 2)} %"
        if self.window is not None and x.low > (-math.inf if self.log_axis else 0.0):
            said = f"{number_text(100 * (drawn - below), 2)} % of it"
        self.entitle(f"Loss distribution, {said}", str(self.border_subtitle))

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
        if self._log_axis is None and self._chosen:
            items.append([Piece("log axis: half would be in 2 columns", "dim")])
        if view.distribution and not self.log_axis and not self.zoom and self.window is None:
            beyond = 1 - float(view.distribution.cdf(np.array([end]))[0])
            if beyond >= _WORTH_TELLING:
                items.append([Piece(f"{percent_text(beyond)} % beyond →", "dim")])
        if view.comparisons or facts.overlays:
            items.append([Piece("█", "bar"), Piece(" these settings")])
        items += pin_items(view.comparisons)
        if facts.overlays:
            name = plain_text(facts.overlays[0].name)
            items.append([Piece("⠒⠒", "theory"), Piece(f" theory: {name}")])
        return flow(items, width)

    def _set_titles(self) -> None:
        drawn, log = self.measure.value, "log " if self.log_heights else ""
        if self.observable:
            per_decade = self.log_axis and self.observable != "confusion_min"
            drawn = {"share with loss ≤ L": "share at most so large"}.get(drawn, drawn)
            self.border_title = TITLES[self.observable]
            self.border_subtitle = f"{log}{drawn}, {'log' if per_decade else 'linear'} axis"
            return
        self.border_title = "Loss distribution"
        if self.measure is Measure.DENSITY:
            drawn += " per decade" if self.log_axis else " per unit loss"
        self.border_subtitle = f"{log}{drawn}, {'log' if self.log_axis else 'linear'} axis"


def _nothing_to_bin(distribution: LossDistribution) -> str:
    """Return in words why there is no histogram."""
    histogram = distribution.histogram
    if histogram.nonfinite == histogram.total:
        return f"all {histogram.total:,} losses are NaN or infinite"
    if histogram.zero:
        return "every loss is 0 or the null loss, to within rounding: there is nothing to bin"
    return "every network has the null loss L0 to within rounding: there is nothing to bin"
