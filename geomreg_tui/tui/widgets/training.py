"""What training finds: quantiles over an ensemble by step, as loss, log10 V, distance, or held-out loss."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.statistics.intervals import Interval
from geomreg_tui.training.overview import TrainingOverview
from geomreg_tui.training.result import STATUSES
from geomreg_tui.training.volume import VolumeOfLoss
from geomreg_tui.tui.axes import COLUMNS_APART, Scale, lines_apart
from geomreg_tui.tui.numbers import number_text
from geomreg_tui.tui.widgets.canvas import Canvas
from geomreg_tui.tui.widgets.messages import message_rows
from geomreg_tui.tui.widgets.rows import Piece, flow
from geomreg_tui.tui.widgets.turning import TurningPane

__all__ = ["TrainingPane"]

FloatArray = NDArray[np.float64]

_VIEWS = ("loss", "volume", "distance", "held_out_loss")
_OF_GRADIENTS = ("confusion_min", "ntk_change")  # further views, where they were observed
_LINEAR = ("distance", *_OF_GRADIENTS)
_ENDED = {"fitted": "fitted", "limit": "not fitted", "diverged": "diverged", "dead": "dead at the start"}
_ROOMY = 12  # lines from which the axis has its name below it


class TrainingPane(TurningPane):
    """Quantiles over trajectories against the step, and a few of them whole."""

    BORDER_TITLE = "Training"
    NAMES: ClassVar[Mapping[str, str]] = {
        "loss": "training loss, log axis",
        "volume": "log10 V of the training loss",
        "distance": "distance from the start",
        "held_out_loss": "held-out loss, log axis",
        "confusion_min": "smallest cosine of two gradients",
        "ntk_change": "change of the NTK",
    }

    def measures(self) -> Sequence[str]:
        """Return what can be drawn of the view: more where gradients were observed."""
        overview = self._view.training if self._view else None
        return (*_VIEWS, *(name for name in _OF_GRADIENTS if overview and name in overview.bands))

    def paint(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """Draw the legend and the curves."""
        view = self._view
        overview = view.training if view else None
        volume = view.volume_of_loss if view else None
        if overview is None or volume is None:
            return message_rows("nothing is trained yet: the action Train does so", width, height)
        if not overview.step.size:
            return message_rows("no trajectory has begun yet", width, height)
        middle, bands = _curves(overview, volume, self.shown)
        items = _items(overview, volume)
        # Where there is little room the names of the curves give way: they are those of the other panes.
        legend = flow(items if height >= _ROOMY else [*items[:1], *items[3:]], width)
        drawn = np.concatenate([middle, *(end for band in bands for end in band)])
        drawn = drawn[np.isfinite(drawn)]
        if not drawn.size:
            return [*legend, *message_rows(_nothing(self.shown), width, max(1, height - len(legend)))]
        lines = max(5, height - len(legend))
        label = "step + 1 (log axis)" if height >= _ROOMY else ""
        y = _axis(self.shown, drawn, Canvas.area_lines(lines, label))
        right = max(1.0, math.log10(overview.step[-1] + 1))
        columns = Canvas.area(width, y)
        if self.window is not None:
            x = Scale.decades(*self.window, columns // COLUMNS_APART, cells=columns)
        else:
            x = Scale.even(0.0, right, columns, COLUMNS_APART, log=True)
        canvas = Canvas(width, lines, x, y, label)
        steps = np.log10(overview.step + 1.0)
        for low, high in bands:
            for end in (low, high):
                canvas.line(steps, end, "band", dashed=True)
        canvas.line(steps, middle, "bar")
        if self.at is not None and self.at > 0 and self.shown in ("loss", "volume"):
            level = math.log10(self.at) if self.shown == "loss" else float(volume.at([self.at])[0, 0])
            canvas.level(level, "strong")
        self.drawn(canvas, width)
        return [*legend, *canvas.rows()]

    @property
    def what(self) -> str:
        """What is on the axis."""
        return "Step + 1"

    # The crosshair is at the first step by which the median has come down to its loss.

    def place_of(self, loss: float) -> float | None:
        """Return where on the axis the median loss has come down to a loss; None where it never has."""
        step = self.step_of(loss)
        return None if step is None else math.log10(step + 1)

    def step_of(self, loss: float) -> int | None:
        """Return the first recorded step at which the median is no larger than a loss; None without one."""
        overview = self._view.training if self._view else None
        if overview is None or not overview.step.size:
            return None
        reached = np.flatnonzero(overview.bands["loss"].median[:, 0] <= loss)
        return int(overview.step[reached[0]]) if reached.size else None

    def loss_at(self, place: float) -> float | None:
        """Return the median loss at the recorded step nearest to a place on the axis."""
        overview = self._view.training if self._view else None
        if overview is None or not overview.step.size:
            return None
        nearest = int(np.argmin(np.abs(np.log10(overview.step + 1.0) - place)))
        loss = float(overview.bands["loss"].median[nearest, 0])
        return loss if math.isfinite(loss) else None


def _curves(
    overview: TrainingOverview, volume: VolumeOfLoss, shown: str
) -> tuple[FloatArray, list[tuple[FloatArray, FloatArray]]]:
    """Return the median and the ends of the middle 50 and 90 %, as they are drawn, (steps,) each."""
    band = overview.bands["loss" if shown == "volume" else shown]
    curves = [band.median[:, 0], *(band.quantiles[:, place] for place in (0, 1, -2, -1))]
    with np.errstate(divide="ignore", invalid="ignore"):
        if shown == "volume":
            curves = [volume.at(curve)[:, 0] for curve in curves]
        elif shown not in _LINEAR:
            curves = [np.log10(curve) for curve in curves]
    middle, lowest, low, high, highest = curves
    return middle, [(lowest, highest), (low, high)]


def _axis(shown: str, drawn: FloatArray, lines: int) -> Scale:
    """Return the axis of what is drawn on so many lines."""
    low, high = float(drawn.min()), float(drawn.max())
    if shown == "confusion_min":
        return Scale.even(-1.0, max(high, 0.0), lines, lines_apart(lines))
    if shown in _LINEAR:
        return Scale.even(0.0, high if high > 0 else 1.0, lines, lines_apart(lines))
    if shown == "volume":
        return Scale.even(min(-1.0, low), 0.0, lines, lines_apart(lines), log=True, down=True)
    return Scale.even(low, max(high, low + 1.0), lines, lines_apart(lines), log=True)


def _nothing(shown: str) -> str:
    if shown == "volume":
        return "V of these losses is not known: they lie below all that were sampled"
    return "nothing is held out" if shown == "held_out_loss" else "no finite numbers"


def _items(overview: TrainingOverview, volume: VolumeOfLoss) -> list[list[Piece]]:
    """Return how trajectories ended, and the medians where they stand."""
    counts = overview.counts
    ended = [f"{counts[name]:,} {_ENDED[name]}" for name in STATUSES if counts[name]]
    ended += [f"{overview.failed:,} failed"] if overview.failed else []
    ended += [f"{overview.waiting:,} going on"] if overview.waiting else []
    items = [[Piece(", ".join(ended))], [Piece("⠒⠒", "bar"), Piece(" median")]]
    items.append([Piece("⠒ ⠒", "band"), Piece(" middle 50 % and 90 %")])
    loss = overview.bands["loss"].median[-1, 0]
    items.append([Piece(f"loss {number_text(float(loss))} at step {overview.step[-1]:,}")])
    at = Interval(*map(float, volume.at([loss])[0]))
    if math.isfinite(at.estimate):
        items.append([Piece(f"log10 V = {at.estimate:.2f} there")])
    return items
