"""The view: one frozen object with everything the panes draw, made from a snapshot off the event loop."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from geomreg_tui.analysis import (
    DeepTail,
    LossDistribution,
    ModeAnalysis,
    VolumeCurve,
    analyse_modes,
    deep_tail,
    distance,
    volume_curve,
)
from geomreg_tui.analysis.distribution import Distance
from geomreg_tui.analysis.intervals import UNDEFINED, Interval
from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.runs import RunDirectory, Snapshot

__all__ = ["Comparison", "Pin", "View", "build_view", "load_pin"]

_DIP_SAMPLES = 20_000
_DRAWS = 4_000


@dataclass(frozen=True)
class Pin:
    """A distribution kept for comparison.

    Attributes:
        label: what it was drawn from, in a few words.
        distribution, modes: what is compared.
    """

    label: str
    distribution: LossDistribution
    modes: ModeAnalysis


@dataclass(frozen=True)
class Comparison:
    """How the shown distribution differs from the pinned one.

    Attributes:
        pin: the pinned one.
        dominance: D of the shown one minus D of the pinned one, with its 95 % interval.
        distance: Kolmogorov–Smirnov distance with its p-value.
    """

    pin: Pin
    dominance: Interval
    distance: Distance


@dataclass(frozen=True)
class View:
    """A run or preview at one moment, analysed.

    Attributes:
        generation: number of the change of settings that this answers.
        snapshot: what was read.
        distribution, modes, volume: its analysis; None before the first networks.
        comparison: against the pinned distribution, if there is one.
        tail: its deep tail; None where none was asked for.
        complete: whether nothing is left to compute for this snapshot (the dip test comes last).
    """

    generation: int
    snapshot: Snapshot
    distribution: LossDistribution | None = None
    modes: ModeAnalysis | None = None
    volume: VolumeCurve | None = None
    comparison: Comparison | None = None
    tail: DeepTail | None = None
    complete: bool = field(default=True, compare=False)

    def pin(self) -> Pin | None:
        """Return this distribution as one to compare with; None where there is nothing to pin."""
        if self.distribution is None or self.modes is None or self.snapshot.facts is None:
            return None
        return Pin(self.snapshot.facts.experiment.describe(), self.distribution, self.modes)


def build_view(snapshot: Snapshot, generation: int, pin: Pin | None, *, dip: bool) -> View:
    """Analyse a snapshot.

    Args:
        snapshot: what was read.
        generation: tag for the view.
        pin: distribution to compare with.
        dip: whether to do the dip test, which takes longer than all the rest.
    """
    facts, summary = snapshot.facts, snapshot.summary
    if facts is None or summary is None or not summary.samples:
        return View(generation, snapshot)
    distribution = LossDistribution(summary, facts.null_loss)
    modes = analyse_modes(distribution, dip_samples=_DIP_SAMPLES if dip else 0)
    curve = volume_curve(distribution)
    return View(
        generation,
        snapshot,
        distribution,
        modes,
        curve,
        _compare(distribution, modes, pin) if pin else None,
        deep_tail(snapshot.tail, curve) if snapshot.tail else None,
        complete=dip or not snapshot.state.over,
    )


def load_pin(path: Path) -> Pin:
    """Return the distribution of a run on disk as one to compare with; blocks while files are read.

    The newest snapshot is taken; where there is none that can be read, or the run has gone on without
    one, what is committed.

    Raises:
        RunDirectoryError: if it is not a run directory, or nothing of it has been sampled yet.
    """
    run = RunDirectory.open(path)
    snapshot = None
    with contextlib.suppress(RunDirectoryError):
        snapshot = run.read_live()
    summary = snapshot.summary if snapshot else None
    if summary is None or summary.samples < run.read_status().samples:
        summary = run.committed()[0].summary
    if not summary.samples:
        raise RunDirectoryError(f"{path.name}: has no networks yet that could be compared")
    distribution = LossDistribution(summary, run.facts.null_loss)
    label = run.facts.experiment.describe()
    return Pin(label, distribution, analyse_modes(distribution, dip_samples=0))


def _compare(distribution: LossDistribution, modes: ModeAnalysis, pin: Pin) -> Comparison:
    # Separate generators: the two samples are independent.
    first, second = (
        part.draw_dominance(np.random.default_rng(seed), _DRAWS)
        for seed, part in enumerate((modes, pin.modes))
    )
    gap = modes.dominance.estimate - pin.modes.dominance.estimate
    interval = UNDEFINED
    if math.isfinite(gap):
        low, high = np.quantile(first - second, [0.025, 0.975])
        interval = Interval(gap, float(low), float(high))
    return Comparison(pin, interval, distance(distribution, pin.distribution))
