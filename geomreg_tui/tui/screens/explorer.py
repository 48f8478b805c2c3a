"""The main screen: knobs, four panes, header and status, in a wide layout or as tabs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.reactive import Reactive
from textual.timer import Timer
from textual.widget import Widget

from geomreg_tui.errors import GeomregError, one_line, plain_text
from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir import RunState
from geomreg_tui.tui.analyst import Analyst, Failure, Job, Warm
from geomreg_tui.tui.bindings import action_of, display, explorer_bindings, in_effect, turn_key
from geomreg_tui.tui.keys import Keys
from geomreg_tui.tui.pins import Pin
from geomreg_tui.tui.screens.choosing import ChoosingScreen
from geomreg_tui.tui.screens.helping import ask_help
from geomreg_tui.tui.screens.layout import Layout
from geomreg_tui.tui.screens.messages import Answered, Loaded, Opened
from geomreg_tui.tui.screens.quit import ask_quit
from geomreg_tui.tui.screens.running import stopping_text
from geomreg_tui.tui.session import Move, Session
from geomreg_tui.tui.state import State
from geomreg_tui.tui.view import View
from geomreg_tui.tui.watch import Watch
from geomreg_tui.tui.widgets.keyline import KeyLine
from geomreg_tui.tui.widgets.knobs import Knobs
from geomreg_tui.tui.widgets.lines import HeaderLine, StatusLine, headline_texts
from geomreg_tui.tui.widgets.machine import MachineLine
from geomreg_tui.tui.widgets.reading import ReadingLine
from geomreg_tui.tui.widgets.rows import Roles, follow_theme

__all__ = ["ExplorerScreen"]

_DEBOUNCE = 0.12  # seconds without another change before a preview starts


class ExplorerScreen(ChoosingScreen):
    """Routes keys to the session and answers of the analyst to the panes."""

    AUTO_FOCUS = ""  # behind a dialog stays what had the focus, or nothing, so that a mark stays too
    BINDINGS: ClassVar[list[BindingType]] = explorer_bindings()

    # Textual paints the whole screen anew when the focus moves; the two widgets concerned are enough.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    def __init__(self, session: Session, fps: float, keys: Keys, restored: State) -> None:
        """Show a session; ``restored`` is what was open when the last one ended."""
        super().__init__(session, 1 / max(0.1, fps), keys)
        self._first = restored.tab or ("loss" if session.shows_run else "setup")
        self._restored = restored
        self._machine = MachineLine(id="machine")
        self._failure = ""  # of reading or analysing
        self._analyst = Analyst(lambda answer: self.post_message(Answered(answer)))
        self._debounce: Timer | None = None

    def compose(self) -> ComposeResult:
        """Lay out every pane once; the layouts only show and hide them."""
        session, restored = self.session, self._restored
        self._panes = Layout(session.experiment, session.samples, self._first, restored.panes)
        self._panes.arrange(self)
        yield Roles()
        yield HeaderLine(id="header")
        yield self._panes.tabs
        yield self._panes.body
        yield ReadingLine(id="reading")
        yield StatusLine(id="status")
        yield self._machine
        yield KeyLine(3, id="keys")  # help, quit and palette lead to all others
        yield self._panes.too_small

    def on_mount(self) -> None:
        """Ask for the first preview."""
        self.lookout = Watch(self, self._look, self._frame)
        follow_theme(self)
        self._analyst.start()
        self._panes.restore(self._restored)
        self._machine.turn(self._restored.machine)
        self._draw()
        self.draw_keys()
        self.call_after_refresh(self._open)

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """Keep the styles, which are right since mounting: a change of theme goes through all screens."""
        event.refresh_styles = False

    def state(self) -> State:
        """Return what is open."""
        session = self.session
        run = None if session.directory is None else str(session.directory.absolute())
        state = self._panes.state(session.experiment, session.samples)
        return replace(state, run=run, pins=self.pinned, machine=self._machine.wanted)

    def on_unmount(self) -> None:
        """Close the analyst."""
        self._analyst.close()

    def _open(self) -> None:
        self.set_focus(self.query_one("#field-arch"), scroll_visible=False)
        self.place_panes()
        self.app.post_message(Opened())
        self.load_pins([None if path is None else Path(path) for path in self._restored.pins])
        if self.session.shows_run:
            self.look_anew()
            return
        try:
            self.session.source.open()
        except (GeomregError, OSError) as error:
            self.notice = plain_text(f"previews cannot start: {error}")
            self.draw_status()
            return
        self._preview()

    # What can be done

    def rearranged(self) -> None:
        """Draw what depends on which panes are on the screen."""
        self.read_anew()
        self.draw_status()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done now."""
        return not self.why_not(action, parameters)

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return why an action cannot be done now; empty where it can."""
        session, loss = self.session, self._panes.loss
        if action == "export" and session.directory is None:
            return "a preview is kept nowhere: space starts a run, which is"
        if action == "stop" and not session.run_active:
            return "no run is being sampled"
        if action == "unpin" and not len(session.pins):
            return "nothing is pinned"
        if action == "training_view" and "training" not in self._panes.filled:
            return "nothing is trained: g trains networks of these settings"
        if action == "held_out_view" and "generalisation" not in self._panes.filled:
            return "nothing is held out: 'held out' in Setup sets how many examples are"
        held_out = self._panes.generalisation
        if action == "held_out_view" and held_out.display and not held_out.has_classes:
            return "there are no classes, of which accuracy is"
        if action == "zoom" and loss.observable:
            return "an observable is on view, not the loss"
        if action == "zoom" and parameters == (-1,) and not loss.zoom and loss.window is None:
            return "all losses are on view"
        return self.why_not_read(action) or self.why_not_arranged(action)

    def on_key(self, event: events.Key) -> None:
        """Say of a key whose action cannot be done now why that is."""
        for binding in in_effect(self.BINDINGS, self.keys):
            reason = self.why_not(*action_of(binding)) if event.key in binding.key.split(",") else ""
            if reason and binding.show:
                self.notify(f"{binding.description}: {reason}.", markup=False)

    def draw_keys(self) -> None:
        """Draw the keys that serve now."""
        palette = self.keys["palette"]
        if self.reading is not None:
            self.query_one(KeyLine).show(self.reading_keys())
            return
        self.query_one(KeyLine).offer(
            in_effect(self.BINDINGS, self.keys),
            self._is_offered,
            (palette[0], display(palette), "Palette"),
            turn=turn_key(self.keys),
        )

    def _is_offered(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Return whether the line of keys has an action: of those that can be done, what serves often."""
        return bool(self.check_action(action, parameters)) and (action != "tab" or self._panes.single)

    def action_more_keys(self) -> None:
        """Show further keys in the line of keys."""
        self.query_one(KeyLine).turn()

    # Knobs

    @on(Knobs.Changed)
    def _knobs_changed(self, event: Knobs.Changed) -> None:
        if self._debounce:
            self._debounce.stop()
        self.session.valid = True
        self.notice = ""
        self._debounce = self.set_timer(_DEBOUNCE, lambda: self._apply(event.experiment, event.samples))
        self.draw_status()

    @on(Knobs.Invalid)
    def _knobs_invalid(self, event: Knobs.Invalid) -> None:
        if self._debounce:
            self._debounce.stop()
        self.session.valid = False
        self.notice = one_line(f"! not started: {event.problems[0]}")
        self.draw_status()

    def _apply(self, experiment: Experiment, samples: int) -> None:
        changed = experiment != self.session.experiment
        self.session.experiment, self.session.samples = experiment, samples
        if changed or self.view is None or self.view.generation != self.session.generation:
            self._preview()
        self.draw_status()

    def _preview(self) -> None:
        try:
            self.session.preview()
        except (GeomregError, OSError) as error:
            self.notice = plain_text(f"no preview: {error}")
        self.look_anew()

    # Looking and drawing

    def look_anew(self) -> None:
        """Look for the first answer after a change."""
        self._failure = ""
        self.lookout.eagerly()

    def _look(self) -> None:
        if self.app.screen is not self:
            return  # what is hidden is not drawn: Textual would send all of the screen in front, each time
        self._analyst.ask(Job(self.session.generation, self.session.read, self.session.pins))

    @on(Answered)
    def _answered(self, event: Answered) -> None:
        answer, session = event.answer, self.session
        if isinstance(answer, Warm):
            self._panes.sphere.begin()
            return
        if answer.generation != session.generation:
            return
        if isinstance(answer, View):
            self.lookout.steadily()
            self._failure = ""
            self.view = answer
            session.note(answer.snapshot)
            if answer.snapshot.state is RunState.FAILED:
                self._panes.knobs.blame(answer.snapshot.message)
            self._draw()
        elif isinstance(answer, Failure):
            self._failure = one_line(f"! {answer.message}")
            # What cannot be read now perhaps can be later.
            (self.lookout.steadily if session.run_active else self.lookout.seldom)()
            self.draw_status()
        elif self.view is None or self.view.generation != session.generation:
            self.lookout.in_vain()
        else:
            if not self.view.snapshot.state.over or session.busy:
                self.lookout.steadily()
            elif session.run is not None and session.run.attached:
                self.lookout.seldom()  # others may go on with it
            else:
                self.lookout.rest()  # nothing can change here: look no more, send nothing
            self.draw_status()

    def _draw(self) -> None:
        view, session = self.view, self.session
        facts = view.snapshot.facts if view else None
        shown = facts.experiment if facts else session.experiment
        self.query_one(HeaderLine).show(shown, facts, view.snapshot if view else None)
        filled = self._panes.filled
        self._panes.show(view, session.directions)
        self.read_anew()
        if filled != self._panes.filled:
            self._panes.arrange(self)
        self.draw_status()

    def draw_status(self) -> None:
        """Draw the status line, with D_0 where not all panes are on the screen."""
        session, view = self.session, self.view
        snapshot = view.snapshot if view and view.generation == session.generation else None
        starting = "… starting the engine of the full run" if session.starting else ""
        stopping = stopping_text(snapshot) if session.stopping else ""
        notice = starting or stopping or self.notice or self._failure
        what = "run" if session.shows_run else "preview"
        landmark = view.landmark if view and snapshot is not None else None
        apart = self._panes.single or "modes" not in self._panes.shown  # from the table that says it too
        headline = headline_texts(landmark.landmark) if landmark is not None and apart else ()
        self.query_one(StatusLine).show(snapshot, what, notice, session.aside, session.directory, headline)
        self.draw_keys()

    # Keys

    @on(Loaded)
    def _loaded(self, event: Loaded) -> None:
        what = event.what
        if event.wanted != self._wanted:
            return
        self.notice = one_line(f"! {event.problem}") if event.problem else ""
        if isinstance(what, Pin):
            self.add_pin(what)
        elif what is not None and not self.session.starting:
            if self._debounce:
                self._debounce.stop()
            self.session.show_run(what)
            self._panes.knobs.show(what.experiment, what.target)
            self._panes.leave_setup()
            if self._going_on and self.session.next_move() is Move.EXTEND:
                self.begin(Move.EXTEND)
        self._going_on = False
        self.look_anew()
        self.draw_status()

    def action_machine(self) -> None:
        """Tell how busy the machine is, or no more."""
        self._machine.turn(not self._machine.wanted)

    def action_help(self) -> None:
        """Tell what the field with the focus is; without one show every key and every term."""
        ask_help(self)

    def action_leave_field(self) -> None:
        """Leave a field, or else the crosshair, or else a pane that fills the screen, or else a mark."""
        if self.focused is None and self.reading is not None:
            self.stop_reading()
        elif self.focused is None and self._panes.maximised:
            self.action_maximise()
        else:
            self.mark("")
        self.set_focus(None)

    def ask_quit(self) -> None:
        """Leave, after asking if a run is being sampled."""
        ask_quit(self.app, self.session.all_going())
