"""The panes of the explorer in their frame."""

from __future__ import annotations

from dataclasses import replace

from textual.containers import VerticalScroll
from textual.widget import Widget

from geomreg_tui.experiment import Experiment
from geomreg_tui.summary import Facts
from geomreg_tui.tui.arrangement import Arrangements
from geomreg_tui.tui.panes import PANES
from geomreg_tui.tui.screens.frame import Frame
from geomreg_tui.tui.state import State
from geomreg_tui.tui.view import View
from geomreg_tui.tui.widgets.generalisation import GeneralisationPane
from geomreg_tui.tui.widgets.knobs import Knobs
from geomreg_tui.tui.widgets.loss import LossPane
from geomreg_tui.tui.widgets.measure import Measure
from geomreg_tui.tui.widgets.modes import Directions, ModesTable
from geomreg_tui.tui.widgets.plot import PlotPane
from geomreg_tui.tui.widgets.sphere import SpherePane
from geomreg_tui.tui.widgets.training import TrainingPane
from geomreg_tui.tui.widgets.volume import VolumePane
from geomreg_tui.tui.window import Window

__all__ = ["Layout"]

_LOADING = "the sampling process is loading: the first networks come in a moment"


class Layout(Frame):
    """The frame with the explorer's panes in it.

    Attributes:
        knobs, loss, volume, sphere, training, generalisation: panes whose settings others ask for.
    """

    def __init__(self, experiment: Experiment, samples: int, first: str, arrangements: Arrangements) -> None:
        """Make the panes, for the experiment that the knobs show; ``first`` is the first tab."""
        self.knobs = Knobs(experiment, samples, id="setup")
        self.knobs.border_title = PANES["setup"].title
        self.loss = LossPane(id="loss", classes="pane")
        self.sphere = SpherePane(id="sphere", classes="pane")
        self.training = TrainingPane(id="training", classes="pane")
        self.generalisation = GeneralisationPane(id="generalisation", classes="pane")
        self.volume = VolumePane(id="volume", classes="pane")
        self._modes = ModesTable(id="modes-table")
        modes = VerticalScroll(self._modes, id="modes", classes="pane")
        modes.border_title, modes.border_subtitle = PANES["modes"].title, PANES["modes"].foot
        panes: dict[str, Widget] = {
            "setup": self.knobs,
            "loss": self.loss,
            "volume": self.volume,
            "training": self.training,
            "generalisation": self.generalisation,
            "modes": modes,
            "sphere": self.sphere,
        }
        super().__init__(panes, first, arrangements)

    def show(self, view: View | None, directions: Directions = ()) -> None:
        """Draw a view in every pane; None while there is none.

        Args:
            view: what to draw.
            directions: factors of a sweep that it is a point of, and where each pushes D.
        """
        facts: Facts | None = view.snapshot.facts if view else None
        self.loss.show(view, _LOADING)
        self.volume.show(view)
        self.training.show(view)
        self.generalisation.show(view)
        self._modes.show(view, directions)
        self.sphere.show(facts)
        parts = {"training": view and view.training, "generalisation": view and view.held_out}
        self.filled = frozenset(name for name, part in parts.items() if part is not None)

    @property
    def plots(self) -> tuple[PlotPane, ...]:
        """The plots whose values can be read."""
        return self.loss, self.volume, self.training, self.generalisation

    def set_axes(self, log: bool) -> None:
        """Draw on linear or log axes."""
        self.loss.set_axis(log)
        self.sphere.set_axis(log)

    def restore(self, state: State) -> None:
        """Look as in a state."""
        if state.log_axis or state.windows:
            self.set_axes(state.log_axis)
        if state.measure is not None:
            self.loss.measure = Measure[state.measure.upper()]
            self.loss.redrawn()
        if state.radius is not None:
            self.sphere.turn(state.radius)
        self.loss.zoom = state.zoom
        for plot in self.plots:
            if (ends := state.windows.get(str(plot.id))) is not None:
                plot.look(Window(*ends))

    def state(self, experiment: Experiment, samples: int) -> State:
        """Return what is open, with this experiment where a knob shows an impossible value."""
        experiment, samples = self.knobs.shown or (experiment, samples)
        return replace(
            State(experiment, samples),
            log_axis=self.loss.log_asked or (self.loss.log_axis and self.loss.window is not None),
            tab=self.active,
            radius=self.sphere.curve.radius,
            measure=self.loss.measure.name.lower(),
            panes=dict(self.arrangements),
            zoom=self.loss.zoom,
            windows={
                str(plot.id): (window.low, window.high)
                for plot in self.plots
                if (window := plot.window) is not None and plot.linked
            },
        )
