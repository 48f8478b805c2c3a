"""Reading values off plots: the crosshair, the window, and the keys that move them."""

from __future__ import annotations

from textual import on

from geomreg_tui.formatting import number_text
from geomreg_tui.statistics.intervals import UNDEFINED
from geomreg_tui.tui.bindings import display
from geomreg_tui.tui.clipboard import copy
from geomreg_tui.tui.keys import Keys
from geomreg_tui.tui.pins import MARKS, PIN_ROLES
from geomreg_tui.tui.readout import place_texts, readout, readout_texts
from geomreg_tui.tui.screens.arranging import ArrangingScreen
from geomreg_tui.tui.screens.range import RangeScreen
from geomreg_tui.tui.view import Comparison, View
from geomreg_tui.tui.widgets.measure import Measure
from geomreg_tui.tui.widgets.plot import PlotPane
from geomreg_tui.tui.widgets.reading import Reading, ReadingLine
from geomreg_tui.tui.widgets.rows import Piece
from geomreg_tui.tui.window import Window

__all__ = ["ReadingScreen"]

_FACTOR = 2.0  # of one step of a zoom
_STEP = 0.25  # of the width of what is on view, that one step of a pan moves it by
_MOVING = ("move", "copy_reading")  # actions that need a crosshair
_BARS = ("bins", "heights")  # actions on the loss pane
_BARS_KEYS = {"wider_bins", "heights"}
# Of the strip of keys while there is a crosshair: actions whose keys are shown together, and what they do.
_STRIP = (
    (("move_left", "move_right"), "Move"),
    (("closer", "farther"), "Zoom"),
    (("pan_left", "pan_right"), "Pan"),
    (("range",), "Range"),
    (("whole",), "All"),
    (("wider_bins", "finer_bins"), "Bars"),
    (("axis", "heights"), "Log"),
    (("read",), "Next plot"),
    (("copy_reading",), "Copy"),
    (("leave_field",), "End"),
)
_ARROWS = ("←", "→")


class ReadingScreen(ArrangingScreen):
    """A screen of plots with one crosshair.

    Attributes:
        view: what is on view; None before the first.
        reading: the plot that the crosshair is moved on; None without a crosshair.
    """

    def __init__(self, keys: Keys) -> None:
        super().__init__(keys)
        self.view: View | None = None
        self.reading: PlotPane | None = None
        self._waiting = False  # for a plot to be drawn, to read it

    def why_not_read(self, action: str) -> str:
        """Return why an action on plots cannot be done now; empty where it can, and for all others."""
        if action in _MOVING and self.reading is None:
            return f"there is no crosshair: {display(self.keys['read'])} shows it"
        if action in _BARS and self._subject is not self._panes.loss:
            return "it is for the bars of the loss"
        return ""

    def reading_keys(self) -> list[tuple[str, str, str]]:
        """Return the keys that serve while there is a crosshair: as named, as shown, what they do."""
        plots, bars = len(self._drawn()) > 1, self._subject is self._panes.loss
        strip = []
        for actions, meaning in _STRIP:
            if (actions == ("read",) and not plots) or (_BARS_KEYS & set(actions) and not bars):
                continue
            shown = [display(self.keys[name][:1]).replace("escape", "esc") for name in actions]
            shown = ["arrows"] if tuple(shown) == _ARROWS else shown
            between = "" if max(map(len, shown)) == 1 else " "  # the line is to fit into 80 columns
            strip.append((self.keys[actions[0]][0], between.join(shown), meaning))
        return strip

    @property
    def current(self) -> str:
        """Name of the pane that keys for arranging act on: that of the crosshair, unless one is marked."""
        if self.reading is not None and not self._marked and self.focused is None:
            return self._current_of(self.reading.id or "")
        return super().current

    # The crosshair

    def _drawn(self) -> list[PlotPane]:
        """Return the plots that are on the screen, and have something on them."""
        return [plot for plot in self._panes.plots if plot.display and plot.axis is not None]

    @property
    def _subject(self) -> PlotPane:
        """The plot that keys act on."""
        drawn = self._drawn()
        if self.reading is not None and (self.reading in drawn or not drawn):
            return self.reading
        return drawn[0] if drawn else self._panes.loss

    def action_read(self) -> None:
        """Show the crosshair; move it on the next plot; after the last take it away."""
        if self._panes.single and not any(plot.display for plot in self._panes.plots):
            self._panes.turn_to("loss")
            self._panes.arrange(self)
            self._waiting = self._panes.loss.axis is None
            if self._waiting and self.view is not None and self.view.distribution is not None:
                return
        self._begin_reading()

    @on(PlotPane.Begun)
    def _plot_begun(self) -> None:
        if self._waiting:
            self._begin_reading()

    def _begin_reading(self) -> None:
        self._waiting = False
        drawn = self._drawn()
        if not drawn:
            self.notify("There is no plot to read values off yet.", severity="warning", markup=False)
            return
        place = drawn.index(self.reading) + 1 if self.reading in drawn else 0
        if self.reading is not None and place == len(drawn):
            self.stop_reading()
            return
        self.set_focus(None)
        self.mark("")
        plot = drawn[place]
        first, self.reading = self.reading is None, plot
        if first:
            self._point(plot, self._beginning(plot))
        elif not plot.linked and plot.spot is None:
            self._point(plot, plot.stepped(0))
        self._turned()

    def _beginning(self, plot: PlotPane) -> float | None:
        """Return where the crosshair begins: at the null loss where that is on view, else in the middle."""
        facts = self.view.snapshot.facts if self.view else None
        place = plot.place_of(facts.null_loss) if facts is not None and plot.linked else None
        if place is not None and plot.axis is not None and plot.axis.low <= place <= plot.axis.high:
            return place
        return plot.stepped(0)

    def stop_reading(self) -> None:
        """Take the crosshair away."""
        if self.reading is not None:
            self.reading = None
            for plot in self._panes.plots:
                plot.point(None)
            self._turned()

    def _point(self, plot: PlotPane, place: float | None) -> None:
        """Put the crosshair to a place on a plot, and on the others to the same loss."""
        if place is None:
            return
        if not plot.linked:
            plot.point(plot.at, place)
            return
        at = plot.loss_at(place)
        if at is None:
            return
        for other in self._panes.plots:
            other.point(at, place if other is plot else other.spot if not other.linked else None)

    def action_move(self, cells: int) -> None:
        """Move the crosshair by columns."""
        if self.reading is not None:
            self._point(self._subject, self._subject.stepped(cells))
            self.read_anew()

    def action_copy_reading(self) -> None:
        """Copy what is known at the crosshair."""
        text = self.query_one(ReadingLine).text
        if text:
            copy(self.app, text)
            self.notify("Copied.", markup=False)

    @on(PlotPane.Pointed)
    def _pointed(self, event: PlotPane.Pointed) -> None:
        self.set_focus(None)  # arrows are the crosshair's now
        before, self.reading = self.reading, event.pane
        self._point(event.pane, event.place)
        if before is not event.pane:
            self._turned()
        self.read_anew()

    def _turned(self) -> None:
        """Show which plot the crosshair is moved on, if any."""
        for plot in self._panes.plots:
            plot.set_class(plot is self.reading, "-reading")
        self.read_anew()
        self.draw_keys()

    def draw_keys(self) -> None:
        """Draw the line of keys."""
        raise NotImplementedError

    # The values

    def read_anew(self) -> None:
        """Show what is known at the crosshair now."""
        self.query_one(ReadingLine).show(self._readings() if self.reading is not None else [])

    def _readings(self) -> list[Reading]:
        loss, view = self._panes.loss, self.view
        if not loss.linked and self._subject is loss:
            return [Reading((), tuple(loss.texts()))]
        at = self._panes.volume.at
        if view is None or view.snapshot.facts is None or view.distribution is None or view.volume is None:
            return [Reading((), ("no networks yet",))]
        if at is None:
            return [Reading((), ("no loss yet: move the crosshair",))]
        null = view.snapshot.facts.null_loss
        height = loss.bins.at(at, view.distribution) if loss.bins is not None else UNDEFINED
        found = readout(at, null, height, view.volume, view.tail)
        texts = place_texts(at, found.per_null) + readout_texts(found, self._height_name)
        step = self._panes.training.step_of(at)
        if step is not None:
            texts.append(f"median trained to it at step {step:,}")
        texts += self._panes.generalisation.texts_at(at)
        return [Reading((), tuple(texts)), *(self._reading_of(each, at) for each in view.comparisons)]

    def _reading_of(self, comparison: Comparison, at: float) -> Reading:
        """Return what is known of a pinned distribution at a loss."""
        pin, place, bins = comparison.pin, comparison.place, self._panes.loss.bins
        height = bins.at(at, pin.distribution) if bins is not None else UNDEFINED
        found = readout(at, pin.distribution.null_loss, height, pin.volume, pin.tail)
        name = Piece(MARKS[place], PIN_ROLES[place]), Piece(f" {comparison.label}", "text")
        texts = readout_texts(found, self._height_name) + self._panes.generalisation.pin_texts_at(pin, at)
        return Reading(name, tuple(texts))

    @property
    def _height_name(self) -> str:
        """What the bars of the loss pane are, in a word or two."""
        loss = self._panes.loss
        if loss.measure is Measure.DENSITY:
            return "density per decade" if loss.log_axis else "density"
        return "networks" if loss.measure is Measure.COUNT else "share"

    # The window

    def action_closer(self, step: int) -> None:
        """Zoom in about the crosshair (1), or out (-1)."""
        self._zoom(self._subject, step, self._subject.place)

    def _zoom(self, plot: PlotPane, step: int, about: float | None) -> None:
        ends = plot.ends
        if ends is None:
            return
        if about is None or not ends.low <= about <= ends.high:
            about = (ends.low + ends.high) / 2
        self._show_window(plot, ends.zoomed(about, _FACTOR**step))

    @on(PlotPane.Turned)
    def _wheel_turned(self, event: PlotPane.Turned) -> None:
        self._zoom(event.pane, event.step, event.place)

    def action_pan(self, direction: int) -> None:
        """Show what is to the left (-1) or to the right (1)."""
        ends = self._subject.ends
        if ends is not None:
            self._show_window(self._subject, ends.panned(_STEP * direction))

    def action_range(self) -> None:
        """Ask for the range on view."""
        plot = self._subject
        if plot.axis is None:
            self.notify("There is no plot yet.", severity="warning", markup=False)
            return
        log = plot.axis.log
        low, high = (number_text(10.0**end if log else end) for end in (plot.axis.low, plot.axis.high))
        least = 0.0 if plot.linked else None
        screen = RangeScreen(log, least, plot.what, f"{low} {high}")
        self.app.push_screen(screen, lambda window: self._show_window(plot, window) if window else None)

    def action_whole(self) -> None:
        """Show all again."""
        self._subject.look(None)
        self.read_anew()
        self.draw_keys()

    def _show_window(self, plot: PlotPane, window: Window) -> None:
        if not plot.look(window):
            self.notify("There is nothing to tell apart there.", severity="warning", markup=False)
        self.read_anew()
        self.draw_keys()

    # Bars

    def action_bins(self, step: int) -> None:
        """Draw bars over more columns (1), or fewer (-1)."""
        if not self._panes.loss.widen_bins(step):
            self.notify(f"Bars are not {'wider' if step > 0 else 'finer'} than this.", markup=False)
        self.read_anew()

    def action_heights(self) -> None:
        """Change between linear and log heights of the bars."""
        self._panes.loss.toggle_heights()
        self.read_anew()

    # What is drawn

    def action_axis(self) -> None:
        """Change between linear and log axes."""
        self._panes.set_axes(not self._panes.loss.log_axis)
        self.read_anew()

    def action_measure(self) -> None:
        """Change what the loss pane draws."""
        self._panes.loss.cycle_measure()
        self.read_anew()

    def action_observable(self) -> None:
        """Change what the loss pane draws: the loss, or an observable of gradients."""
        self._panes.loss.cycle_observable()
        self.read_anew()
        self.draw_keys()

    def action_training_view(self) -> None:
        """Change what the pane of the training draws."""
        self._panes.training.cycle()
        self.read_anew()

    def action_held_out_view(self) -> None:
        """Change what is drawn of held-out examples: loss or accuracy; where they are hidden, show them."""
        if self._panes.generalisation.display:
            self._panes.generalisation.cycle()
        else:
            self._panes.turn_to("generalisation")
        self.read_anew()

    def action_zoom(self, step: int) -> None:
        """Zoom to the low-loss end, or out."""
        if not self._panes.loss.zoom_by(step) and step > 0:
            self.notify("Too few losses lie lower; sample more to zoom further.", markup=False)
        self.read_anew()
        self.draw_keys()
