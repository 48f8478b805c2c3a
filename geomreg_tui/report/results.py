"""A result: a run read from disk and analysed, from which every report, file and figure is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from geomreg_tui.errors import SamplingError
from geomreg_tui.experiment import Experiment
from geomreg_tui.gradients.describe import describe as describe_observed
from geomreg_tui.gradients.plan import NAME as GRADIENTS
from geomreg_tui.gradients.store import Observed, read_observed
from geomreg_tui.report.command import run_command
from geomreg_tui.rundir import RunDirectory, RunState, Status
from geomreg_tui.runner.document import run_document
from geomreg_tui.runner.launch import start_run
from geomreg_tui.sampling.plan import NAME as SAMPLING
from geomreg_tui.sampling.store import committed
from geomreg_tui.splitting.checkpoints import TailFolder
from geomreg_tui.splitting.joined import DeepTail, deep_tail
from geomreg_tui.splitting.plan import NAME as SPLITTING
from geomreg_tui.splitting.stage import add_at_loss
from geomreg_tui.statistics import (
    HeldOutCurve,
    LandmarkDominance,
    LebesgueCurve,
    LossDistribution,
    ModeAnalysis,
    VolumeCurve,
    analyse_modes,
    held_out_given_loss,
    landmark_dominance,
    lebesgue_curve,
    run_volume,
)
from geomreg_tui.statistics.intervals import Interval
from geomreg_tui.summary import Facts, Summary
from geomreg_tui.training.overview import TrainingOverview
from geomreg_tui.training.plan import NAME as TRAINING
from geomreg_tui.training.result import TrainingResult
from geomreg_tui.training.store import read_overview, read_trajectories
from geomreg_tui.training.volume import VolumeOfLoss

__all__ = ["Result", "load_result", "result_document", "sample"]


@dataclass(frozen=True)
class Result:
    """A run as it stands.

    Attributes:
        run: its directory.
        summary: the committed networks.
        status: state and counts.
    """

    run: RunDirectory
    summary: Summary
    status: Status

    @property
    def facts(self) -> Facts:
        """The facts of its experiment."""
        return self.run.facts

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return self.run.path

    @property
    def environments(self) -> tuple[Mapping[str, Any], ...]:
        """Versions and device that its bits depend on."""
        return self.run.environments

    @property
    def command(self) -> str:
        """The shell command that draws its networks again.

        Raises:
            RunDirectoryError: if the plan of the run cannot be read.
        """
        return run_command(self.run, self.status)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What every output must say of the run: parts of different environments, chunks missing."""
        found = []
        if len(self.environments) > 1:
            found.append("mixed: parts were drawn in different environments, whose bits may differ")
        if self.status.given_up:
            chunks = ", ".join(f"{chunk:,}" for chunk in self.status.given_up)
            found.append(f"incomplete: chunks that could not be drawn are missing ({chunks})")
        return tuple(found)

    @cached_property
    def distribution(self) -> LossDistribution:
        """The distribution of its losses."""
        return LossDistribution(self.summary, self.facts.null_loss)

    @property
    def at_null(self) -> Interval:
        """The share of its finite losses that is equal to the null loss to within rounding."""
        return self.distribution.at_null_share

    @cached_property
    def modes(self) -> ModeAnalysis:
        """Its modes."""
        return analyse_modes(self.distribution)

    @cached_property
    def landmark(self) -> LandmarkDominance:
        """Its landmark dominance.

        Raises:
            RunDirectoryError: if the plan of its tail is damaged.
        """
        return landmark_dominance(self.distribution, self.tail)

    @cached_property
    def volume(self) -> VolumeCurve:
        """Its volume fractions."""
        return run_volume(self.distribution, self.facts)

    @cached_property
    def lebesgue(self) -> LebesgueCurve | None:
        """Lebesgue volumes of low loss; None unless the init law is uniform on a box or a ball."""
        return lebesgue_curve(self.volume, self.facts.support, self.facts.parameters)

    @cached_property
    def held_out(self) -> HeldOutCurve | None:
        """Held-out performance given the training loss; None when nothing is held out."""
        return held_out_given_loss(self.summary.joint) if self.summary.joint else None

    @cached_property
    def tail(self) -> DeepTail | None:
        """Its deep tail; None where none was asked for.

        Raises:
            RunDirectoryError: if its plan is damaged.
        """
        tail = TailFolder.of(self.run).read()
        return None if tail is None else deep_tail(tail, self.volume)

    @cached_property
    def observed(self) -> Observed | None:
        """The networks whose gradients and walks were observed; None where none were.

        Raises:
            RunDirectoryError: if the plan of that is damaged.
        """
        return read_observed(self.run)

    @cached_property
    def observables(self) -> dict[str, Any]:
        """What was observed of networks besides their loss, by name, as ``summary.json`` has it.

        Each has its ``mean``, ``std``, ``min``, ``max`` and ``quantiles`` over networks, and intervals of
        some; with a deep tail, ``at_loss`` has those among networks of low loss. Empty where nothing was
        observed.

        Raises:
            RunDirectoryError: if the plan of that is damaged.
        """
        if self.observed is None:
            return {}
        found: dict[str, Any] = describe_observed(self.observed)["observables"]
        if self.tail is not None:
            add_at_loss(found, self.tail)
        return found

    @cached_property
    def volume_of_loss(self) -> VolumeOfLoss:
        """V of any loss: of the run that its training names, or from its own networks and its own tail."""
        named = None if self.training is None else self.training.volume
        return VolumeOfLoss.of(self.volume, self.tail) if named is None else named

    @cached_property
    def training(self) -> TrainingOverview | None:
        """Its trained ensemble: counts, medians and quantiles of the paths; None where nothing is trained.

        Raises:
            RunDirectoryError: if the plan of the training is damaged.
        """
        return read_overview(self.run)

    @cached_property
    def trajectories(self) -> TrainingResult | None:
        """All trajectories of its ensemble, whole; None where nothing is trained.

        Raises:
            RunDirectoryError: if the plan of the training is damaged.
        """
        return read_trajectories(self.run)

    @property
    def complete(self) -> bool:
        """Whether all that was asked for is there: networks, populations of the tail, trajectories."""
        return self.status.state is RunState.DONE


def sample(experiment: Experiment, samples: int, directory: Path | None = None) -> Result:
    """Run an experiment to its end on all cores, and return its result.

    Args:
        experiment: what to sample.
        samples: how many networks.
        directory: the run directory to make; default: a new one in the catalogue.

    Raises:
        ExperimentError, DataError, CapacityError: if the experiment cannot be run; nothing is written.
        SamplingError: if the run failed.
    """
    handle = start_run(experiment, samples, directory=directory)
    handle.wait()
    result = load_result(handle.directory)
    if result.status.state is RunState.FAILED:
        raise SamplingError(result.status.message or f"the run failed; {handle.directory} has its log")
    return result


def load_result(path: Path) -> Result:
    """Read the committed part of a run.

    Raises:
        RunDirectoryError: if it is not a run directory, or is damaged.
    """
    run = RunDirectory.open(path)
    return Result(run, committed(run).summary, run.read_status())


def result_document(result: Result) -> dict[str, Any]:
    """Return the result as the plain data of ``summary.json``."""
    return run_document(
        result.facts,
        {
            SAMPLING: result.summary,
            GRADIENTS: result.observed,
            SPLITTING: TailFolder.of(result.run).read(),
            TRAINING: result.training,
        },
        result.complete,
        result.status.elapsed_s,
        result.environments,
        result.status.given_up,
    )
