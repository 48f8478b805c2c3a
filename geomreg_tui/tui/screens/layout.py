"""The panes of the explorer side by side, or as tabs where there is no room."""

from __future__ import annotations

from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static, Tab, Tabs

from geomreg_tui.experiment import Experiment
from geomreg_tui.tui.widgets.knobs import Knobs
from geomreg_tui.tui.widgets.loss import LossPane
from geomreg_tui.tui.widgets.modes import ModesTable
from geomreg_tui.tui.widgets.sphere import SpherePane
from geomreg_tui.tui.widgets.volume import VolumePane

__all__ = ["Layout"]

WIDE = (120, 32)
ROOMY = 160  # columns from which the outer panes are wider
SMALLEST = (60, 16)
_TABS = {"setup": "Setup", "loss": "Loss", "volume": "Volume", "modes": "Modes", "sphere": "Sphere"}


class Layout:
    """Every pane, made once; an arrangement only shows and hides them.

    Attributes:
        tabs: chooses the pane where only one is shown.
        body: all panes.
        too_small: what is shown instead where nothing fits.
        knobs, loss, sphere: panes whose settings others ask for.
    """

    def __init__(self, experiment: Experiment, samples: int, first: str) -> None:
        """Make the panes, for the experiment that the knobs show; ``first`` is the first tab."""
        knobs = Knobs(experiment, samples, id="setup")
        knobs.border_title = "Setup"
        modes = VerticalScroll(ModesTable(id="modes-table"), id="modes", classes="pane")
        modes.border_title = "Mode dominance"
        modes.border_subtitle = "shares with 95 % intervals"
        self.knobs = knobs
        self.loss = LossPane(id="loss", classes="pane")
        self.sphere = SpherePane(id="sphere", classes="pane")
        panes: dict[str, Widget] = {
            "setup": knobs,
            "loss": self.loss,
            "volume": VolumePane(id="volume", classes="pane"),
            "modes": modes,
            "sphere": self.sphere,
        }
        self._panes = panes
        self._columns = {
            ("loss", "volume"): Vertical(panes["loss"], panes["volume"], id="centre"),
            ("modes", "sphere"): Vertical(panes["sphere"], panes["modes"], id="right"),
        }
        tabs = (Tab(label, id=f"tab-{name}") for name, label in _TABS.items())
        self.tabs = Tabs(*tabs, active=f"tab-{first}", id="tabs")
        self.body = Horizontal(knobs, *self._columns.values(), id="body")
        self.too_small = Static(id="too-small", markup=False)

    @property
    def active(self) -> str:
        """Name of the pane that is shown where only one is."""
        return self.tabs.active.removeprefix("tab-") or "setup"

    def turn(self, step: int) -> None:
        """Show the next or previous tab, round and round."""
        names = list(_TABS)
        self.tabs.active = f"tab-{names[(names.index(self.active) + step) % len(names)]}"

    def leave_setup(self) -> None:
        """Show the losses in place of the knobs, where only one of them is shown."""
        if self.active == "setup":
            self.tabs.active = "tab-loss"

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
        for name, pane in self._panes.items():
            pane.display = wide or name == self.active
        for names, column in self._columns.items():
            column.display = wide or self.active in names
