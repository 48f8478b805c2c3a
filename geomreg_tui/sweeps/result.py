"""What the points of a sweep have shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from geomreg_tui.errors import SamplingError
from geomreg_tui.gradients.store import Observed, read_observed
from geomreg_tui.rundir import RunDirectory
from geomreg_tui.sampling.store import committed
from geomreg_tui.splitting.checkpoints import TailFolder
from geomreg_tui.splitting.joined import DeepTail, deep_tail
from geomreg_tui.statistics import (
    LandmarkDominance,
    LossDistribution,
    ModeAnalysis,
    analyse_modes,
    landmark_dominance,
    run_volume,
)
from geomreg_tui.summary import Facts, Summary
from geomreg_tui.sweeps.plan import Factor, point_name
from geomreg_tui.training.overview import TrainingOverview
from geomreg_tui.training.store import read_overview
from geomreg_tui.training.volume import VolumeOfLoss

__all__ = ["FailedPoint", "SweepError", "SweepPoint"]


@dataclass(frozen=True)
class SweepPoint:
    """One experiment of a sweep and its results.

    Attributes:
        settings: the value of each factor, in the order of the factors.
        facts: what the experiment came to.
        summary: its networks.
        modes: the mode analysis.
        landmark: landmark dominance.
        tail: the deep tail; None where none was asked for.
        training: the trained ensemble; None where nothing was trained.
        observed: the networks of which more than the loss was observed; None where none were.
        mixed: whether parts of it were drawn in different environments, whose bits may differ.
    """

    settings: tuple[Any, ...]
    facts: Facts
    summary: Summary
    modes: ModeAnalysis
    landmark: LandmarkDominance
    tail: DeepTail | None = None
    mixed: bool = False
    training: TrainingOverview | None = None
    observed: Observed | None = None

    @cached_property
    def volume_of_loss(self) -> VolumeOfLoss:
        """V of any loss, from what was sampled and the deep tail."""
        return VolumeOfLoss.of(run_volume(self.distribution, self.facts), self.tail)

    @cached_property
    def distribution(self) -> LossDistribution:
        """The losses of its networks."""
        return LossDistribution(self.summary, self.facts.null_loss)

    @classmethod
    def of(cls, settings: tuple[Any, ...], run: RunDirectory) -> SweepPoint:
        """Analyse the result of one experiment."""
        facts, summary = run.facts, committed(run).summary
        distribution = LossDistribution(summary, facts.null_loss)
        tail = TailFolder.of(run).read()
        deep = None if tail is None else deep_tail(tail, run_volume(distribution, facts))
        landmark = landmark_dominance(distribution, deep)
        modes, trained = analyse_modes(distribution), read_overview(run)
        return cls(settings, facts, summary, modes, landmark, deep, run.mixed, trained, read_observed(run))


@dataclass(frozen=True)
class FailedPoint:
    """One experiment of a sweep that failed while it was run.

    Attributes:
        settings: the value of each factor, in the order of the factors.
        reason: why it failed.
        samples: networks of it that are there; where there are any, it is a :class:`SweepPoint` as well.
    """

    settings: tuple[Any, ...]
    reason: str
    samples: int = 0


class SweepError(SamplingError):
    """Points of a sweep failed; all others are kept.

    Attributes:
        failed: which.
    """

    def __init__(self, factors: Sequence[Factor], failed: Sequence[FailedPoint]) -> None:
        self.failed = tuple(failed)
        number = "1 point" if len(failed) == 1 else f"{len(failed):,} points"
        lines = [f"{point_name(factors, point.settings)}: {point.reason}" for point in failed]
        super().__init__("\n".join([f"{number} of the sweep failed, all others are kept", *lines]))
