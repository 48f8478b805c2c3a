"""The first frame: the explorer without anything in its panes, while the rest is being imported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.screen import Screen

from geomreg_tui.tui.arrangement import Arrangements
from geomreg_tui.tui.bindings import display, explorer_bindings, in_effect, turn_key
from geomreg_tui.tui.keys import Keys
from geomreg_tui.tui.panes import PANES
from geomreg_tui.tui.screens.frame import Frame
from geomreg_tui.tui.widgets.keyline import KeyLine
from geomreg_tui.tui.widgets.rows import Piece, Roles, RowsWidget, flow

if TYPE_CHECKING:
    from geomreg_tui.tui.screens.explorer import ExplorerScreen

__all__ = ["OpeningScreen"]

_EXPLORER = [binding for binding in explorer_bindings() if isinstance(binding, Binding)]
_NOT_YET = {  # nothing to do these with
    "stop",
    "export",
    "zoom_out",
    "unpin",
    "training_view",
    "held_out_view",
    "move_left",
    "move_right",
    "leap_left",
    "leap_right",
    "copy_reading",
}


class _Line(RowsWidget):
    """A line that says the same at any time."""

    def __init__(self, *pieces: Piece, id: str) -> None:
        super().__init__(id=id)
        self._pieces = pieces

    def paint(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """Draw the line, cut where it is too long."""
        return flow([self._pieces], width)


class OpeningScreen(Screen[None]):
    """Draws the frame, then has the explorer prepared in a thread and posts :class:`Prepared`.

    Args:
        about: the experiment in one line.
        tab: name of the pane that small terminals show.
        keys: in effect.
        prepare: what to do once the frame is on the screen; returns what makes the explorer.
        arrangements: of the panes, by the kind of screen.
    """

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [binding for binding in _EXPLORER if binding.id == "quit"]

    @dataclass
    class Prepared(Message):
        """All is imported and read, or something was wrong with it."""

        make: Callable[[], ExplorerScreen] | None
        problem: Exception | None

    def __init__(
        self,
        about: str,
        tab: str,
        keys: Keys,
        prepare: Callable[[], Callable[[], ExplorerScreen]],
        arrangements: Arrangements,
    ) -> None:
        super().__init__()
        self._about, self._tab, self._keys, self._prepare = about, tab, keys, prepare
        self._arrangements = arrangements
        self._frame: Frame

    def compose(self) -> ComposeResult:
        """Lay out what the explorer will lay out."""
        panes = {name: Vertical(id=name, classes="" if name == "setup" else "pane") for name in PANES}
        for name, pane in panes.items():
            pane.border_title, pane.border_subtitle = PANES[name].title, PANES[name].foot
        self._frame = Frame(panes, self._tab, self._arrangements)
        self._frame.arrange(self)
        title = [Piece("geomreg-tui  ", "strong")] if self.app.size.width >= 100 else []
        yield Roles()
        yield _Line(*title, Piece(self._about), id="header")
        yield self._frame.tabs
        yield self._frame.body
        yield _Line(Piece("… opening", "dim"), id="status")
        yield KeyLine(3, id="keys")
        yield self._frame.too_small

    def on_mount(self) -> None:
        """Offer the keys, and have the explorer prepared once all of this is on the screen."""
        self._offer()
        self.call_after_refresh(Thread(target=self._work, name="prepare", daemon=True).start)

    def on_resize(self, event: events.Resize) -> None:
        """Choose the layout for the new size."""
        self._frame.arrange(self)
        self._offer()

    def _work(self) -> None:
        try:
            done = self.Prepared(self._prepare(), None)
        except Exception as error:
            done = self.Prepared(None, error)
        self.post_message(done)

    def _offer(self) -> None:
        """Offer what the explorer will offer: a key that is pressed now is kept for it."""
        hidden = _NOT_YET if self.has_class("-tabs") else _NOT_YET | {"previous_tab", "next_tab"}
        offered = [binding for binding in _EXPLORER if binding.id not in hidden]
        palette = self._keys["palette"]
        self.query_one(KeyLine).offer(
            in_effect(offered, self._keys),
            lambda *_: True,
            (palette[0], display(palette), "Palette"),
            turn=turn_key(self._keys),
        )
