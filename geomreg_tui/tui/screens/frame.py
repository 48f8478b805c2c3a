"""The frame of the explorer: its panes side by side, or one of them where no more fit or one is maximised.

Knows nothing of what is in the panes, so that the frame can be on the screen before that is imported.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from textual.containers import Horizontal
from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import Layout, WidgetPlacement
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static, Tab, Tabs

from geomreg_tui.tui.arrangement import Arrangement, Arrangements, Box, first_arrangement
from geomreg_tui.tui.panes import ON_LARGE, ON_WIDE, PANES

__all__ = ["LARGE", "ROOMY", "SMALLEST", "WIDE", "Frame"]

WIDE = (120, 32)  # columns and lines from which all panes have room
ROOMY = 160  # columns from which the outer panes are wider
LARGE = (160, 56)  # columns and lines from which the knobs leave room for panes below them
SMALLEST = (60, 16)


class _Places(Layout):
    """Puts each pane where its box is."""

    name = "places"

    def __init__(self, body: _Body) -> None:
        self._body = body

    def arrange(
        self, parent: Widget, children: Sequence[Widget], size: Size, greedy: bool = True
    ) -> list[WidgetPlacement]:
        """Return the place of each pane that is shown."""
        boxes = self._body.boxes(size)
        return [
            WidgetPlacement(Region(*boxes[child.id]), NULL_OFFSET, NULL_SPACING, child)
            for child in children
            if child.id is not None and child.id in boxes
        ]


class _Body(Horizontal):
    """All panes, each made once and a child of this, wherever it stands.

    Attributes:
        arrangement: where they stand; None where one fills all.
        there: names of those that are shown.
    """

    def __init__(self, *panes: Widget, id: str) -> None:
        super().__init__(*panes, id=id)
        self.arrangement: Arrangement | None = None
        self.there: Collection[str] = ()
        self._places = _Places(self)

    @property
    def layout(self) -> Layout:
        """The layout, whatever the style sheet says."""
        return self._places

    def boxes(self, size: Size) -> Mapping[str, Box]:
        """Return where each pane is on so many cells."""
        if self.arrangement is None:
            return {name: Box(0, 0, size.width, size.height) for name in self.there}
        return self.arrangement.boxes(size.width, size.height, self.there)


class Frame:
    """Every pane, made once; an arrangement only shows, hides and places them.

    Attributes:
        tabs: chooses the pane where only one is shown.
        body: all panes.
        too_small: what is shown instead where nothing fits.
        filled: names of panes, of those that a wide screen does without, that there is something in.
        maximised: whether one pane fills a screen that has room for all.
        arrangements: how panes stand, by the kind of screen that a person has arranged them on.
    """

    def __init__(self, panes: Mapping[str, Widget], first: str, arrangements: Arrangements) -> None:
        """Put panes, by the names in :data:`PANES`, into their places; ``first`` is the first tab."""
        self._panes = panes
        self.filled: frozenset[str] = frozenset()
        self.maximised = False
        self.arrangements: dict[str, Arrangement] = dict(arrangements)
        self._size = Size(0, 0)
        tabs = (Tab(pane.label, id=f"tab-{name}") for name, pane in PANES.items())
        self.tabs = Tabs(*tabs, active=f"tab-{first}", id="tabs")
        self.body = _Body(*(panes[name] for name in PANES), id="body")
        self.too_small = Static(id="too-small", markup=False)

    # One pane

    @property
    def active(self) -> str:
        """Name of the pane that is shown where only one is."""
        return self.tabs.active.removeprefix("tab-") or "setup"

    @property
    def all_fit(self) -> bool:
        """Whether the screen has room for all panes."""
        return self._size.width >= WIDE[0] and self._size.height >= WIDE[1]

    @property
    def single(self) -> bool:
        """Whether one pane is shown at a time."""
        return self.maximised or not self.all_fit

    def turn_to(self, name: str) -> None:
        """Show a pane where only one is shown."""
        self.tabs.active = f"tab-{name}"

    def turn(self, step: int) -> None:
        """Show the next or previous pane; after the last comes the first."""
        names = list(PANES)
        self.turn_to(names[(names.index(self.active) + step) % len(names)])

    def leave_setup(self) -> None:
        """Show the losses in place of the knobs, where only one of them is shown."""
        if self.active == "setup":
            self.turn_to("loss")

    # All panes

    @property
    def there(self) -> list[str]:
        """Names of the panes that there is something to show of."""
        return [name for name, pane in PANES.items() if pane.always or name in self.filled]

    @property
    def kind(self) -> str:
        """Of which kind the screen is: a large one has room below the knobs."""
        columns, lines = LARGE
        return ON_LARGE if self._size.width >= columns and self._size.height >= lines else ON_WIDE

    @property
    def arrangement(self) -> Arrangement:
        """How panes stand on a screen of this kind."""
        known = self.arrangements.get(self.kind)
        return known or first_arrangement(self.kind, roomy=self._size.width >= ROOMY)

    @property
    def shown(self) -> list[str]:
        """Names of the panes that are on the screen, in the order of reading."""
        return [self.active] if self.single else self.arrangement.order(self.there)

    def rearrange(self, arrangement: Arrangement | None) -> None:
        """Take another arrangement for screens of this kind; None for the one at first."""
        if arrangement is None:
            self.arrangements.pop(self.kind, None)
        else:
            self.arrangements[self.kind] = arrangement

    def arrange(self, screen: Screen[Any]) -> None:
        """Choose and make the arrangement for the size of the terminal."""
        self._size = screen.app.size
        width, height = self._size
        tiny = width < SMALLEST[0] or height < SMALLEST[1]
        screen.set_class(tiny, "-tiny")
        screen.set_class(not self.all_fit and not tiny, "-tabs")
        screen.set_class(self.maximised and not tiny, "-maximised")
        if tiny:
            needed = f"{SMALLEST[0]}x{SMALLEST[1]}"
            self.too_small.update(f"geomreg-tui needs {needed} cells; this is {width}x{height}")
        arrangement, shown = None if self.single else self.arrangement, self.shown
        if (arrangement, shown) != (self.body.arrangement, self.body.there):
            self.body.arrangement, self.body.there = arrangement, shown
            self._panes["setup"].refresh(layout=True)  # what is asked of a child places all anew
        for name, pane in self._panes.items():
            pane.display = name in shown
