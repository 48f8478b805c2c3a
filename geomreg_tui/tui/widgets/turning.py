"""A pane that draws one measure of a view, and turns from one to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from geomreg_tui.tui.view import View
from geomreg_tui.tui.widgets.plot import PlotPane

__all__ = ["TurningPane"]


class TurningPane(PlotPane):
    """Draws a measure of the view; subclasses say which there are.

    Attributes:
        NAMES: what is written at the foot for each measure; the first is drawn at first.
        shown: which of them is drawn.
    """

    NAMES: ClassVar[Mapping[str, str]]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._view: View | None = None
        self.shown = next(iter(self.NAMES))
        self.border_subtitle = self.NAMES[self.shown]

    def measures(self) -> Sequence[str]:
        """Return the measures that there are of the view, in the order of turning; the first at least."""
        raise NotImplementedError

    def show(self, view: View | None) -> None:
        """Draw a view; nothing where there is none."""
        self._view = view
        if self.shown not in self.measures():
            self._turn_to(self.measures()[0])
        self.redraw()

    def cycle(self) -> None:
        """Draw the next measure; after the last comes the first."""
        measures = self.measures()
        self._turn_to(measures[(measures.index(self.shown) + 1) % len(measures)])
        self.redraw()

    def _turn_to(self, shown: str) -> None:
        self.shown = shown
        self.entitle(self.BORDER_TITLE or "", self.NAMES[shown])
