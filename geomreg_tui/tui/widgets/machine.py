"""The line on how busy the machine is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import on
from textual.message import Message

from geomreg_tui.tui.machine import PERIOD, Load, MachineWatch, load_text
from geomreg_tui.tui.widgets.rows import Piece, RowsWidget, flow

__all__ = ["MachineLine"]


class MachineLine(RowsWidget):
    """Shows how busy the machine is, in one line; nothing is looked at while it is hidden.

    Args:
        period: seconds between looks.

    Attributes:
        wanted: whether it is shown.
    """

    @dataclass
    class Looked(Message, bubble=False):
        """The machine was looked at. The screen does not hear of it, or would be drawn behind another."""

        load: Load

    def __init__(self, period: float = PERIOD, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.wanted = self.display = False
        self._said = "…"
        self._watch = MachineWatch(lambda load: self.post_message(self.Looked(load)), period)

    def turn(self, on: bool) -> None:
        """Show the line, or hide it."""
        self.wanted = self.display = on
        (self._watch.start if on else self._watch.stop)()

    def on_unmount(self) -> None:
        """Look no more."""
        self._watch.stop()

    @on(Looked)
    def _looked(self, event: Looked) -> None:
        self._said = load_text(event.load)
        if self.app.screen is self.screen:  # behind another screen it is drawn when that is gone
            self.redraw()

    def paint(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """Draw the line, as much of it as fits."""
        return flow([[Piece(self._said, "dim")]], width)
