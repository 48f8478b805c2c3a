"""Arranging panes: one that fills the screen, which of them keys act on, how large each is and where."""

from __future__ import annotations

from textual import events, on
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Tabs

from geomreg_tui.tui.arrangement import Arrangement
from geomreg_tui.tui.bindings import display
from geomreg_tui.tui.keys import Keys
from geomreg_tui.tui.panes import PANES
from geomreg_tui.tui.screens.frame import WIDE
from geomreg_tui.tui.screens.layout import Layout

__all__ = ["ArrangingScreen"]

_USUAL = "loss"  # the pane that is meant where nobody has chosen one
_ON_ALL = ("taller", "broader", "exchange", "hide")  # actions on panes that stand side by side


class ArrangingScreen(Screen[None]):
    """A screen of panes that can be arranged.

    Attributes:
        keys: of every action.
    """

    _panes: Layout

    def __init__(self, keys: Keys) -> None:
        super().__init__()
        self.keys = keys
        self._marked = ""  # name of the pane that was chosen by keys
        self._away: Widget | None = None  # what had the focus when its pane left the screen

    def rearranged(self) -> None:
        """Draw what depends on which panes are on the screen."""
        raise NotImplementedError

    def on_resize(self, event: events.Resize) -> None:
        """Choose the layout for the new size."""
        self.place_panes()

    def place_panes(self) -> None:
        """Put the panes into their places.

        What has the focus then is on the screen: with its pane it goes, and comes back.
        """
        self._panes.arrange(self)
        shown = self._panes.shown
        if self.focused is None and _pane_of(self._away) in shown:
            self.set_focus(self._away, scroll_visible=False)
            self._away = None
        if _pane_of(self.focused) not in ("", *shown):
            self._away = self.focused
            self.set_focus(None)
        self.call_after_refresh(self.rearranged)

    @on(Tabs.TabActivated)
    def _tab_chosen(self) -> None:
        self.place_panes()

    # Which pane is meant

    @property
    def active_tab(self) -> str:
        """Name of the pane that is shown where only one is."""
        return self._panes.active

    @property
    def current(self) -> str:
        """Name of the pane that keys for arranging act on."""
        return self._current_of(_pane_of(self.focused), self._marked, _USUAL)

    def _current_of(self, *names: str) -> str:
        """Return the first of some panes that is on the screen."""
        shown = self._panes.shown
        return next((name for name in names if name in shown), shown[0])

    def action_tab(self, step: int) -> None:
        """Show the next or previous tab; where all panes are shown, mark the next or previous."""
        if self._panes.single:
            self._panes.turn(step)
            return
        shown = self._panes.shown
        self.mark(shown[(shown.index(self.current) + step) % len(shown)])

    def mark(self, name: str) -> None:
        """Mark the pane that keys act on; an empty name marks none."""
        if name:
            self.set_focus(None)
        self._marked = name
        for pane in self._panes.body.children:
            pane.set_class(pane.id == name, "-current")

    @on(events.DescendantFocus)
    def _field_entered(self) -> None:
        self.mark("")  # what has the focus is meant now

    # One pane

    def action_maximise(self) -> None:
        """Let the current pane fill the screen, or show all again."""
        panes = self._panes
        if not panes.maximised:
            panes.turn_to(self.current)
            if _pane_of(self.focused) != panes.active:
                self.set_focus(None)
        panes.maximised = not panes.maximised
        self.place_panes()

    # All panes

    def why_not_arranged(self, action: str) -> str:
        """Return why an action on panes cannot be done now; empty where it can, and for all others."""
        panes = self._panes
        if action in _ON_ALL and not panes.all_fit:
            return f"all panes stand side by side from {WIDE[0]}x{WIDE[1]} cells on"
        if action in _ON_ALL and panes.maximised:
            return f"one pane fills the screen: {display(self.keys['maximise'])} shows all"
        if action == "unhide" and not panes.arrangement.hidden:
            return "no pane is hidden"
        if action == "arrange_anew" and panes.kind not in panes.arrangements:
            return "all stands as at first"
        return ""

    def action_taller(self, step: int) -> None:
        """Make the current pane taller (1) or lower (-1)."""
        there, name = self._panes.there, self.current
        self._take(self._panes.arrangement.taller(name, step, there), "taller" if step > 0 else "lower")

    def action_broader(self, step: int) -> None:
        """Make the column of the current pane broader (1) or narrower (-1)."""
        panes = self._panes
        width = panes.body.size.width
        wanted = panes.arrangement.broader(self.current, step, panes.there, width)
        self._take(wanted, "broader" if step > 0 else "narrower")

    def action_exchange(self, step: int) -> None:
        """Let the current pane and the next (1) or the one before (-1) change places."""
        name = self.current
        self._take(self._panes.arrangement.exchanged(name, step, self._panes.there), "elsewhere")
        self.mark(name)  # the same key takes it further

    def action_hide(self) -> None:
        """Hide the current pane."""
        name = self.current
        hidden = self._panes.arrangement.without(name, self._panes.there)
        if hidden is not None and _pane_of(self.focused) == name:
            self.set_focus(None)
        self.mark("")
        self._take(hidden, "hidden")

    def action_unhide(self) -> None:
        """Show the panes that are hidden."""
        self._take(self._panes.arrangement.with_all(), "")

    def action_arrange_anew(self) -> None:
        """Put every pane where it stands at first, as large as it is at first."""
        self._panes.rearrange(None)
        self.place_panes()

    def _take(self, arrangement: Arrangement | None, how: str) -> None:
        """Arrange panes, or say that this one cannot be so."""
        if arrangement is None:
            self.notify(f"{PANES[self.current].title} cannot be {how}.", markup=False)
            return
        self._panes.rearrange(arrangement)
        self.place_panes()


def _pane_of(widget: Widget | None) -> str:
    """Return the name of the pane that a widget is in; empty where it is in none."""
    if widget is None:
        return ""
    return next((part.id for part in widget.ancestors_with_self if part.id in PANES), None) or ""
