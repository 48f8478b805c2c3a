"""The frame of the explorer: its panes side by side, or as tabs where there is no room.

Knows nothing of what is in the panes, so that the frame can be on the screen before that is imported.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static, Tab, Tabs

__all__ = ["ROOMY", "SMALLEST", "TITLES", "WIDE", "Frame"]

WIDE = (120, 32)
ROOMY = 160  # columns from which the outer panes are wider
SMALLEST = (60, 16)
_TABS = {
    "setup": "Setup",
    "loss": "Loss",
    "volume": "Volume",
    "training": "Training",
    "generalisation": "Held out",
    "modes": "Modes",
    "sphere": "Sphere",
}
# Of every pane: its title at the start, and what stands at its foot.
TITLES = {
    "setup": ("Setup", ""),
    "loss": ("Loss distribution", "density per unit loss, linear axis"),
    "volume": ("Volume fraction", "V(ε) = share with loss ≤ ε; │ L0"),
    "training": ("Training", "training loss, log axis"),
    "generalisation": ("Generalisation", "held-out loss, log axis"),
    "modes": ("Mode dominance", "shares with 95 % intervals"),
    "sphere": ("Hypersphere volume", "log10 V_n(r), linear n axis"),
}


class Frame:
    """Every pane, made once; an arrangement only shows and hides them.

    Attributes:
        tabs: chooses the pane where only one is shown.
        body: all panes.
        too_small: what is shown instead where nothing fits.
        trained, held_out: whether there is something in the panes of the training and of held-out examples,
            without which a wide screen has none.
    """

    def __init__(self, panes: Mapping[str, Widget], first: str) -> None:
        """Put panes, by the names in :data:`TITLES`, into their places; ``first`` is the first tab."""
        self._panes = panes
        self.trained = self.held_out = False
        self._columns = {
            ("loss", "volume", "training"): Vertical(
                panes["loss"], panes["volume"], panes["training"], id="centre"
            ),
            ("modes", "sphere", "generalisation"): Vertical(
                panes["sphere"], panes["modes"], panes["generalisation"], id="right"
            ),
        }
        tabs = (Tab(label, id=f"tab-{name}") for name, label in _TABS.items())
        self.tabs = Tabs(*tabs, active=f"tab-{first}", id="tabs")
        self.body = Horizontal(panes["setup"], *self._columns.values(), id="body")
        self.too_small = Static(id="too-small", markup=False)

    @property
    def active(self) -> str:
        """Name of the pane that is shown where only one is."""
        return self.tabs.active.removeprefix("tab-") or "setup"

    def turn(self, step: int) -> None:
        """Show the next or previous tab; after the last comes the first."""
        names = list(_TABS)
        self.tabs.active = f"tab-{names[(names.index(self.active) + step) % len(names)]}"

    def leave_setup(self) -> None:
        """Show the losses in place of the knobs, where only one of them is shown."""
        if self.active == "setup":
            self.tabs.active = "tab-loss"

    def show_training(self) -> None:
        """Show the training where only one pane is shown."""
        self.tabs.active = "tab-training"

    def show_held_out(self) -> None:
        """Show held-out examples where only one pane is shown."""
        self.tabs.active = "tab-generalisation"

    def arrange(self, screen: Screen[None]) -> None:
        """Choose and make the arrangement for the size of the terminal."""
        width, height = screen.app.size
        tiny = width < SMALLEST[0] or height < SMALLEST[1]
        wide = width >= WIDE[0] and height >= WIDE[1]
        screen.set_class(wide and width >= ROOMY, "-roomy")
        screen.set_class(tiny, "-tiny")
        screen.set_class(not wide and not tiny, "-tabs")
        if tiny:
            needed = f"{SMALLEST[0]}x{SMALLEST[1]}"
            self.too_small.update(f"geomreg-tui needs {needed} cells; this is {width}x{height}")
        filled = {"training": self.trained, "generalisation": self.held_out}
        for name, pane in self._panes.items():
            pane.display = filled.get(name, True) if wide else name == self.active
        for names, column in self._columns.items():
            column.display = wide or self.active in names
