"""The view: one frozen object with everything the panes draw, made from a snapshot off the event loop."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from geomreg_tui.errors import GeomregError, RunDirectoryError, plain_text
from geomreg_tui.experiment import Experiment
from geomreg_tui.formatting import exact_text
from geomreg_tui.rundir import RunDirectory
from geomreg_tui.runner.snapshot import Snapshot, read_live
from geomreg_tui.sampling.store import committed
from geomreg_tui.splitting.joined import DeepTail, deep_tail
from geomreg_tui.splitting.observed_curve import ObservedAtLoss
from geomreg_tui.statistics import (
    HeldOutBins,
    LandmarkDominance,
    LossDistribution,
    ModeAnalysis,
    VolumeCurve,
    analyse_modes,
    distance,
    held_out_in_bins,
    landmark_dominance,
    run_volume,
)
from geomreg_tui.statistics.differences import dominance_difference
from geomreg_tui.statistics.distribution import Distance
from geomreg_tui.statistics.intervals import Interval
from geomreg_tui.summary import Summary
from geomreg_tui.training.overview import TrainingOverview
from geomreg_tui.training.volume import VolumeOfLoss
from geomreg_tui.tui.pins import Pin, Pins

__all__ = ["Comparison", "View", "build_view", "difference_text", "load_pin", "load_pins"]

_DIP_SAMPLES = 20_000
# Not what is sampled, but how.
_HOW = {"data_sha256", "sampler", "dtype", "backend", "chunk_size", "batch_size", "bin_bits"}
_MOST_DIFFERENCES = 3  # that are named one by one


@dataclass(frozen=True)
class Comparison:
    """How the shown distribution differs from a pinned one.

    Attributes:
        place: of the pin among the pins.
        pin: the pinned one.
        label: in what the pinned one differs, in a few words.
        dominance: D_0 of the shown one minus D_0 of the pinned one, with its 95 % interval.
        distance: Kolmogorov–Smirnov distance with its p-value.
    """

    place: int
    pin: Pin
    label: str
    dominance: Interval
    distance: Distance


@dataclass(frozen=True)
class View:
    """A run or preview at one moment, analysed.

    Attributes:
        generation: number of the change of settings that this answers.
        snapshot: what was read.
        distribution, modes, landmark, volume: its analysis; None before the first networks.
        comparisons: against each of the pinned distributions.
        tail: its deep tail; None where none was asked for.
        training: its trained ensemble; None where nothing is trained.
        volume_of_loss: V of any loss, from what was sampled and the tail; None before the first networks.
        held_out: held-out performance by training loss; None where nothing is held out.
        low_loss: observables among the networks of the lowest loss that the tail has come to, by name.
        complete: whether nothing is left to compute for this snapshot (the dip test comes last).
    """

    generation: int
    snapshot: Snapshot
    distribution: LossDistribution | None = None
    modes: ModeAnalysis | None = None
    volume: VolumeCurve | None = None
    comparisons: tuple[Comparison, ...] = ()
    tail: DeepTail | None = None
    landmark: LandmarkDominance | None = None
    training: TrainingOverview | None = None
    volume_of_loss: VolumeOfLoss | None = None
    held_out: HeldOutBins | None = None
    low_loss: Mapping[str, ObservedAtLoss] = field(default_factory=dict)
    complete: bool = field(default=True, compare=False)

    def pin(self, path: Path | None = None) -> Pin | None:
        """Return this distribution as one to compare with; None where there is nothing to pin.

        Args:
            path: of the run that it is of; None where it is of a preview.
        """
        facts = self.snapshot.facts
        if self.distribution is None or self.landmark is None or self.volume is None or facts is None:
            return None
        where = None if path is None else path.absolute()
        known = self.distribution, self.landmark, self.volume, self.tail
        return Pin(facts.experiment, *known, where, self.held_out)


def build_view(snapshot: Snapshot, generation: int, pins: Pins, *, dip: bool) -> View:
    """Analyse a snapshot.

    Args:
        snapshot: what was read.
        generation: tag for the view.
        pins: distributions to compare with.
        dip: whether to do the dip test, which takes longer than all the rest.
    """
    facts, summary = snapshot.facts, snapshot.summary
    if facts is None or summary is None or not summary.samples:
        return View(generation, snapshot)
    distribution = LossDistribution(summary, facts.null_loss)
    modes = analyse_modes(distribution, dip_samples=_DIP_SAMPLES if dip else 0)
    curve = run_volume(distribution, facts)
    deep = deep_tail(snapshot.tail, curve) if snapshot.tail else None
    landmark = landmark_dominance(distribution, deep)
    return View(
        generation,
        snapshot,
        distribution,
        modes,
        curve,
        tuple(
            _compare(distribution, landmark, place, pin, difference_text(pin.experiment, facts.experiment))
            for place, pin in pins
        ),
        deep,
        landmark,
        snapshot.training,
        _volume_of_loss(snapshot.training, curve, deep),
        _held_out(summary),
        {name: rows[-1] for name, rows in deep.observed.items() if rows} if deep else {},
        complete=dip or not snapshot.state.over,
    )


def _held_out(summary: Summary) -> HeldOutBins | None:
    return None if summary.joint is None else held_out_in_bins(summary.joint)


def _volume_of_loss(
    training: TrainingOverview | None, curve: VolumeCurve, deep: DeepTail | None
) -> VolumeOfLoss:
    named = None if training is None else training.volume
    return VolumeOfLoss.of(curve, deep) if named is None else named


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
        snapshot = read_live(run)
    summary = snapshot.summary if snapshot else None
    if summary is None or summary.samples < run.read_status().samples:
        summary = committed(run).summary
    if not summary.samples:
        raise RunDirectoryError(f"{path.name}: has no networks yet that could be compared")
    distribution = LossDistribution(summary, run.facts.null_loss)
    curve = run_volume(distribution, run.facts)
    deep = deep_tail(snapshot.tail, curve) if snapshot is not None and snapshot.tail else None
    landmark = landmark_dominance(distribution, deep)
    held_out = _held_out(summary)
    return Pin(run.facts.experiment, distribution, landmark, curve, deep, path.absolute(), held_out)


def load_pins(paths: Iterable[Path | None]) -> tuple[list[tuple[int, Pin]], str]:
    """Return the distributions of runs on disk by their places, and what is wrong with the others.

    Args:
        paths: of a run for each place; None where nothing is pinned.
    """
    pins, wrong = [], []
    for place, path in enumerate(paths):
        if path is not None:
            try:
                pins.append((place, load_pin(path)))
            except (GeomregError, OSError) as error:
                wrong.append(str(error))
    return pins, "; ".join(wrong)


def difference_text(experiment: Experiment, other: Experiment) -> str:
    """Return in what an experiment differs from another, apart from how it is computed.

    Where that is much, or the kind of network, the whole experiment is given.

    Args:
        experiment: the one that is described.
        other: the one that it is compared with.
    """
    if experiment.arch != other.arch:
        return experiment.describe()
    parts = []
    for key in Experiment.model_fields:
        value = getattr(experiment, key)
        if key not in _HOW and value != getattr(other, key):
            parts.append(f"{key.replace('_', ' ')} {_value_text(value)}")
    if len(parts) > _MOST_DIFFERENCES:
        return experiment.describe()
    return plain_text(", ".join(parts)) or "the same settings"


def _value_text(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return exact_text(value)


def _compare(
    distribution: LossDistribution, landmark: LandmarkDominance, place: int, pin: Pin, label: str
) -> Comparison:
    gap = dominance_difference(landmark, pin.landmark)
    return Comparison(place, pin, label, gap, distance(distribution, pin.distribution))
