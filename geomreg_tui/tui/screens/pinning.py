"""Pins: distributions that are kept for comparison, from one session to the next where they are runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textual import on

from geomreg_tui.errors import plain_text
from geomreg_tui.tui.bindings import display
from geomreg_tui.tui.keys import Keys
from geomreg_tui.tui.pins import MOST, Pin, Pins
from geomreg_tui.tui.screens.messages import PinsLoaded
from geomreg_tui.tui.screens.running import RunningScreen
from geomreg_tui.tui.session import Session
from geomreg_tui.tui.threads import in_thread
from geomreg_tui.tui.view import load_pins

__all__ = ["PinningScreen"]


class PinningScreen(RunningScreen):
    """A screen of plots of one session, with what is pinned drawn beside what is on view."""

    def __init__(self, session: Session, keys: Keys) -> None:
        super().__init__(session, keys)
        self._awaited: Sequence[Path | None] = ()  # runs that are being read, to be pinned

    @property
    def pinned(self) -> tuple[str | None, ...]:
        """Run directories of what is pinned, by its place, or is about to be; None where nothing is."""
        paths = [path.absolute() if path is not None else None for path in self.session.pins.paths]
        for place, path in enumerate(self._awaited):
            paths[place] = paths[place] or path
        return tuple(None if path is None else str(path) for path in paths) if any(paths) else ()

    def action_pin(self) -> None:
        """Pin what is on view, or let go of it where it is pinned."""
        view, session = self.view, self.session
        path = session.directory if view is not None and view.generation == session.generation else None
        pin = view.pin(path) if view is not None else None
        pins = session.pins
        if pin is None:
            self.notify("There is no distribution to pin yet.", severity="warning", markup=False)
        elif (place := pins.place_of(pin.experiment)) is not None:
            self._repin(pins.without(place))
        else:
            self.add_pin(pin)

    def action_unpin(self) -> None:
        """Let go of all that is pinned."""
        self._repin(Pins())

    def add_pin(self, pin: Pin) -> None:
        """Pin a distribution, if there is a place for it."""
        try:
            self._repin(self.session.pins.with_pin(pin))
        except ValueError:
            key = display(self.keys["unpin"])
            said = f"{MOST} are pinned, and that is all that can be; {key} lets go of them."
            self.notify(said, severity="warning", markup=False)

    def load_pins(self, paths: Sequence[Path | None]) -> None:
        """Pin runs again that were pinned in the last session."""
        if any(paths):
            self._awaited = paths
            in_thread("pins", lambda: load_pins(paths), self._read_pins)

    def _read_pins(self, found: tuple[list[tuple[int, Pin]], str] | None, problem: str) -> None:
        self.post_message(PinsLoaded(*(found or ([], problem))))

    @on(PinsLoaded)
    def _pins_loaded(self, event: PinsLoaded) -> None:
        self._awaited = ()
        pins = self.session.pins
        for place, pin in event.pins:
            pins = pins.placed(place, pin)
        if pins is not self.session.pins:
            self._repin(pins)
        if event.problem:
            said = f"What was pinned cannot all be shown: {event.problem}"
            self.notify(plain_text(said), severity="warning", markup=False)

    def _repin(self, pins: Pins) -> None:
        self.session.repin(pins)
        self.look_anew()
