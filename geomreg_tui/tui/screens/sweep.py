"""The sweep screen: a factor over its values, as small multiples and as a trend of D."""

from __future__ import annotations

import time
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.reactive import Reactive
from textual.widget import Widget
from textual.widgets import Static

from geomreg_tui.errors import plain_text
from geomreg_tui.tui.bindings import LINES, display, in_effect
from geomreg_tui.tui.numbers import count_text
from geomreg_tui.tui.screens.choice import RunChoice
from geomreg_tui.tui.screens.export import SweepExportScreen
from geomreg_tui.tui.screens.frame import ROOMY, SMALLEST, WIDE
from geomreg_tui.tui.screens.helping import ask_help
from geomreg_tui.tui.screens.sweeping import SweepingScreen
from geomreg_tui.tui.sweep_watch import SweepTrouble
from geomreg_tui.tui.sweeps import SweepMove
from geomreg_tui.tui.widgets.keyline import KeyLine
from geomreg_tui.tui.widgets.lines import EndsLine
from geomreg_tui.tui.widgets.multiples import Multiples
from geomreg_tui.tui.widgets.points import PointsTable
from geomreg_tui.tui.widgets.rows import Piece, Roles, follow_theme
from geomreg_tui.tui.widgets.sweep_form import SweepForm
from geomreg_tui.tui.widgets.sweep_words import invitation_text, progress_pieces, time_left, warning_text
from geomreg_tui.tui.widgets.trend import measures_of

__all__ = ["SweepScreen"]

_ROOM_FOR_BAR = 72  # columns


class SweepScreen(SweepingScreen):
    """Shows the sweep of the session. Ends with a point to open, or with None; a sweep goes on meanwhile."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "sample", "Start/pause", tooltip="Start the sweep; pause it; go on", id="sample"),
        Binding("s", "stop", "Stop", tooltip="Stop the sweep and keep what is done", id="stop"),
        Binding(
            "enter", "open", "Open", key_display="enter", tooltip="Open the selected point in the explorer"
        ),
        Binding("o", "reopen", "Sweeps", tooltip="Open a sweep that is on disk"),
        Binding("z", "zoom(1)", "Zoom", tooltip="Show only the lowest tenth of the losses", id="zoom_in"),
        Binding("Z", "zoom(-1)", "Out", tooltip="Zoom out again", id="zoom_out"),
        Binding(
            "t", "tail", "Tail", tooltip="Sweep deep tails too; then: V, trained networks, or D", id="tail"
        ),
        Binding("e", "export", "Export", tooltip="Write the sweep as data, figure or report", id="export"),
        Binding("escape", "back", "Back", tooltip="Leave a field; go back to the explorer", id="leave_field"),
        Binding("x", "dismiss", "Back", tooltip="Go back to the explorer", show=False, id="sweep"),
        Binding("question_mark", "help", "Help", tooltip="This help", id="help"),
        Binding("q", "app.quit", "Quit", tooltip="Leave; asks first while a sweep is sampling", id="quit"),
        Binding("left", "beside(-1)", "Left", show=False),
        Binding("right", "beside(1)", "Right", show=False),
        *LINES,
    ]

    # Textual paints the whole screen anew when the focus moves; the two widgets concerned are enough.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    def compose(self) -> ComposeResult:
        """Lay out controls over the multiples, with the trend at their right."""
        yield Roles()
        with Vertical(id="sweep"):
            yield EndsLine(id="header")
            yield self._form
            with Horizontal(id="sweep-body"):
                yield self._multiples
                with Vertical(id="sweep-right"):
                    yield self._trend
                    yield self._table
            yield EndsLine(id="status")
            yield KeyLine(3, id="keys")  # help, quit and palette lead to all others
        yield Static(id="too-small", markup=False)

    def on_mount(self) -> None:
        """Show the sweep of the session, if there is one, and watch it."""
        follow_theme(self)
        self._arrange()
        self._multiples.selected = self._sweeps.selected
        self._multiples.focus()
        self._watch.start()
        if self._sweeps.shown is not None:
            self._watch.watch(self._sweeps.shown.directory)
        self._reopen(self._first)
        self.call_after_refresh(self._draw)

    def on_unmount(self) -> None:
        """Close the watch; the sweep goes on."""
        self._watch.close()
        self._sweeps.setup = self._form.setup

    def on_resize(self, event: events.Resize) -> None:
        """Choose the layout for the new size."""
        self._arrange()
        self.call_after_refresh(self._draw)

    def _arrange(self) -> None:
        width, height = self.app.size
        tiny = width < SMALLEST[0] or height < SMALLEST[1]
        self.set_class(tiny, "-tiny")
        self.set_class(width >= WIDE[0] and height >= WIDE[1], "-wide")
        self.set_class(width >= ROOMY, "-roomy")
        self.set_class(width >= 100, "-broad")
        self.set_class(width < 76, "-narrow")
        if tiny:
            text = f"geomreg-tui needs {SMALLEST[0]}x{SMALLEST[1]} cells; this is {width}x{height}"
            self.query_one("#too-small", Static).update(text)

    # Drawing

    @on(SweepingScreen.Updated)
    def _updated(self, event: SweepingScreen.Updated) -> None:
        news, shown = event.news, self._sweeps.shown
        if shown is None or news.path != shown.directory:
            return
        if isinstance(news, SweepTrouble):
            self._notice = warning_text(news.message, news.path)
        else:
            self._sweeps.view = news
        if self._going_on and self._sweeps.view is not None:
            self._going_on = False
            if self._sweeps.next_move(self._form.plan) in (SweepMove.GO_ON, SweepMove.NOTHING):
                self.action_sample()
        self._draw()

    def _draw(self) -> None:
        if not self.is_attached:
            return
        view = self._sweeps.view
        notice = invitation_text(self._form.plan)
        if self._sweeps.starting or self._sweeps.shown is not None:
            notice = "the sampling process is loading: the first networks come in a moment"
        self._multiples.show(view, notice)
        selected = self._multiples.selected
        self._trend.show(view, selected, "then D0 against them, with the direction, comes here")
        self._table.show(view, selected)
        self.set_class(view is None, "-empty")
        about = self._experiment.describe()
        under_way = view.under_way if view else None
        right = [f"{count_text(under_way.rate)} networks/s"] if under_way and under_way.rate > 0 else []
        right += [plain_text(under_way.device)] if under_way and under_way.device else []
        left = [Piece("geomreg-tui  " if self.app.size.width >= 100 else "", "strong"), Piece(about)]
        self.query_one("#header", EndsLine).show(left, [Piece(" · ".join(right), "dim")] if right else [])
        self._draw_status()

    def _draw_status(self) -> None:
        sweeps, view = self._sweeps, self._sweeps.view
        right: list[Piece] = []
        if sweeps.starting:
            pieces = [Piece("… starting the engine of the sweep", "warn")]
        elif self._notice:
            pieces = [Piece(self._notice, "warn")]
        elif view is None:
            waits = sweeps.shown is not None
            pieces = [Piece("… sweep: waiting for the first networks" if waits else "no sweep yet", "dim")]
        else:
            seconds = time_left(view, self._time_left, time.monotonic())
            pieces = progress_pieces(view, seconds, bar=self.app.size.width >= _ROOM_FOR_BAR)
            right = [Piece(f"kept as {plain_text(view.path.name)}", "dim")] if view.state.over else []
            if view.state.over and self._form.plan and not sweeps.asks_for_view(self._form.plan):
                pieces = [Piece("space starts another sweep, as set above", "mark")]
        self.query_one("#status", EndsLine).show(pieces, right)
        self.query_one(KeyLine).offer(
            in_effect(self.BINDINGS, self._keys),
            self.check_action,
            (self._keys["palette"][0], display(self._keys["palette"]), "Palette"),
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done now."""
        view = self._sweeps.view
        if action == "stop":
            return view is not None and not view.state.over
        if action == "open":
            point = self._multiples.point
            return view is not None and point is not None and point.result is not None
        if action == "zoom" and parameters == (-1,):
            return self._multiples.zoom > 0
        if action == "tail":
            return view is None or view.state.over or len(measures_of(view)) > 1
        if action in ("export", "zoom"):
            return view is not None and any(point.result for point in view.points)
        return True

    # The sweep

    def action_export(self) -> None:
        """Offer to write the sweep to a file."""
        view = self._sweeps.view
        if view is not None:
            self.app.push_screen(SweepExportScreen(view.path, not view.state.over))

    def action_open(self) -> None:
        """Close the screen with the selected point, to be shown in full."""
        point = self._multiples.point
        if point is not None and point.result is not None:
            self.dismiss(RunChoice("open", point.path))

    # Controls, selection and keys

    @on(SweepForm.Changed)
    def _form_changed(self) -> None:
        self._notice = ""
        if self._sweeps.view is None:
            self._draw()
        self._draw_status()

    @on(SweepForm.Left)
    def _form_left(self) -> None:
        self._multiples.focus()

    @on(Multiples.Moved)
    @on(PointsTable.Chosen)
    def _moved(self, event: Multiples.Moved | PointsTable.Chosen) -> None:
        if isinstance(event, PointsTable.Chosen):
            self._multiples.select(event.place)
        self._sweeps.selected = self._multiples.selected
        view = self._sweeps.view
        self._trend.show(view, self._multiples.selected)
        self._table.show(view, self._multiples.selected)
        self._draw_status()

    @on(Multiples.Opened)
    def _clicked(self) -> None:
        self.action_open()

    def action_beside(self, step: int) -> None:
        """Select the point to the left (-1) or to the right (1)."""
        self._multiples.move(step, 0)

    def action_move(self, step: int) -> None:
        """Select the point above (-1) or below (1)."""
        self._multiples.move(0, step)

    def action_zoom(self, step: int) -> None:
        """Zoom to the low-loss end, or out."""
        if not self._multiples.zoom_by(step) and step > 0:
            self.notify("Too few losses lie lower; sample more to zoom further.", markup=False)
        self._draw_status()

    def action_page(self, direction: int) -> None:
        """Select a point a screenful further."""
        self._multiples.move_page(direction)

    def action_end(self, direction: int) -> None:
        """Select the first or the last point."""
        self._multiples.move_to_end(direction)

    def action_back(self) -> None:
        """Leave a field; from anywhere else, go back to the explorer."""
        if self.focused is not None and self.focused is not self._multiples:
            self._multiples.focus()
        else:
            self.dismiss(None)

    def action_help(self) -> None:
        """Show every key and every term."""
        ask_help(self)
