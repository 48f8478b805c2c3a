"""A pane with a plot whose values can be read: it knows which loss each of its columns is at."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.message import Message

from geomreg_tui.tui.axes import Scale
from geomreg_tui.tui.widgets.canvas import Canvas
from geomreg_tui.tui.widgets.rows import RowsWidget
from geomreg_tui.tui.window import Window

__all__ = ["PlotPane"]


class PlotPane(RowsWidget):
    """Draws a plot with a crosshair; its axis can be panned and zoomed.

    Attributes:
        at: the loss that the crosshair is at; None without one.
        spot: the place that it was put to on this plot, where several have the same loss; None where it was
            put elsewhere.
        window: what is on view where a person asked for it; None where the pane chooses.
        axis: the axis across that was drawn last; None while nothing is drawn.
    """

    @dataclass
    class Pointed(Message):
        """A column of the plot was clicked on."""

        pane: PlotPane
        place: float

    class Begun(Message):
        """There is something on the plot to read."""

    @dataclass
    class Turned(Message):
        """The wheel was turned over the plot: up is 1."""

        pane: PlotPane
        place: float
        step: int

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.at: float | None = None
        self.spot: float | None = None
        self.window: Window | None = None
        self.axis: Scale | None = None
        self._columns = 0
        self._margin_shown = 0

    def drawn(self, canvas: Canvas, width: int) -> None:
        """Remember where the axis of a plot is, and draw the crosshair on it."""
        if self.axis is None:
            self.post_message(self.Begun())
        self.axis, self._columns = canvas.x, canvas.columns
        self._margin_shown = width - canvas.columns
        place = self.place
        if place is not None:
            canvas.cursor(place)

    # Between losses and places on the axis

    @property
    def place(self) -> float | None:
        """Where on the axis the crosshair is; None without one, or where its loss is not on the axis."""
        if self.at is None:
            return None
        if self.spot is not None and self.loss_at(self.spot) == self.at:
            return self.spot
        return self.place_of(self.at)

    @property
    def linked(self) -> bool:
        """Whether a place on the axis is one of a loss, which other plots have too."""
        return True

    def point(self, at: float | None, spot: float | None = None) -> None:
        """Put the crosshair at a loss, and at a place of this plot; None takes it away."""
        if (at, spot) != (self.at, self.spot):
            self.at, self.spot = at, spot
            self.redraw()

    def place_of(self, loss: float) -> float | None:
        """Return where on the axis a loss is; None where it is nowhere."""
        raise NotImplementedError

    def loss_at(self, place: float) -> float | None:
        """Return the loss at a place on the axis; None where there is none."""
        raise NotImplementedError

    def stepped(self, cells: int) -> float | None:
        """Return the place so many cells from the crosshair, within the axis; None while nothing is drawn.

        From nowhere it goes to the middle.
        """
        if self.axis is None:
            return None
        here = self.place
        if here is None:
            return self.axis.middle(self._columns // 2, self._columns)
        share = min(max(self.axis.share(here), 0.0), 1.0)
        column = min(max(int(share * self._columns), 0), self._columns - 1)
        return self.axis.middle(min(max(column + cells, 0), self._columns - 1), self._columns)

    # The window

    @property
    def ends(self) -> Window | None:
        """What is on view; None while nothing is drawn."""
        return None if self.axis is None else Window(self.axis.low, self.axis.high)

    @property
    def what(self) -> str:
        """What is on the axis, in a word or two."""
        return "Loss"

    @property
    def least(self) -> float | None:
        """The place below which there is nothing; None where there is no such place."""
        return None

    def look(self, window: Window | None) -> bool:
        """Show a part of the axis, or what the pane chooses; return whether that can be shown."""
        if window is not None and self.least is not None:
            window = window.within(self.least)
        if window is not None and not window.sound(self.axis is not None and self.axis.log):
            return False
        self.window = window
        self.redrawn()
        return True

    def redrawn(self) -> None:
        """Draw with axes that are chosen anew."""
        self.redraw()

    # The mouse

    def _pointed_at(self, event: events.MouseEvent) -> float | None:
        """Return the place under the mouse; None beside the plot."""
        column = event.x - self.gutter.left - self._margin_shown
        if self.axis is None or not 0 <= column < self._columns:
            return None
        return self.axis.middle(column, self._columns)

    def on_click(self, event: events.Click) -> None:
        """Tell where the click was."""
        place = self._pointed_at(event)
        if place is not None:
            self.post_message(self.Pointed(self, place))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Tell that the wheel was turned up."""
        self._turn(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Tell that the wheel was turned down."""
        self._turn(event, -1)

    def _turn(self, event: events.MouseEvent, step: int) -> None:
        place = self._pointed_at(event)
        if place is not None:
            event.stop()
            self.post_message(self.Turned(self, place, step))
