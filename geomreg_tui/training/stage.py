"""The training of an ensemble as a stage of a run: groups of trajectories go from state to state in workers.

The bits of a trajectory depend on nothing but experiment, plan and its index. So the division into groups,
where they are trained, and how often the run is stopped, changes nothing.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from geomreg_tui.engine.executors import Executor, perform_alone
from geomreg_tui.engine.stage import Findings, Progress, StageContext, StageKind
from geomreg_tui.engine.work import Outcome
from geomreg_tui.errors import ExperimentError, Problem, RunDirectoryError
from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir import Part, RunDirectory
from geomreg_tui.splitting.joined import deep_tail
from geomreg_tui.splitting.plan import NAME as SPLITTING
from geomreg_tui.statistics import LossDistribution, run_volume
from geomreg_tui.summary import Facts
from geomreg_tui.training.document import training_document
from geomreg_tui.training.overview import TrainingOverview
from geomreg_tui.training.pieces import GroupResult, GroupWork, TrialResult, TrialWork
from geomreg_tui.training.plan import NAME, check_plan, plan_from_values
from geomreg_tui.training.result import TrainingResult
from geomreg_tui.training.state import GroupState
from geomreg_tui.training.store import LAYOUT, PlannedTraining, TrainingFolder, read_overview
from geomreg_tui.training.volume import VolumeOfLoss

__all__ = ["TRAINING", "TrainingKind", "TrainingStage"]

_STRETCH = 1.0  # seconds that a worker trains a group before it hands it back
_FLOAT32_REACHES = 1e-5  # training in float32 is as in float64 down to 1e-6, and stalls below
_REST = 5  # an overview is made anew after so many times the time that it took


class TrainingStage:
    """The training of a run that is under way.

    Attributes:
        name: of the kind.
        planned: what is to be trained.
        failed: groups that cannot be trained, with the reasons.
    """

    name = NAME

    def __init__(self, run: RunDirectory, planned: PlannedTraining, context: StageContext) -> None:
        """Read what is there; a group whose file is damaged is begun anew.

        Raises:
            RunDirectoryError: if a damaged file cannot be set aside.
        """
        self.planned = planned
        self.failed: dict[int, str] = {}
        self._run, self._context = run, context
        self._folder = TrainingFolder(run)
        self._passing = False  # whether anything has failed that may not fail again
        self._changed = True
        self._waiting: deque[int] = deque()
        self._under_way: set[int] = set()
        self._turns: dict[int, int] = {}
        self._results: dict[int, TrainingResult] = {}
        self._states: dict[int, GroupState] = {}  # of groups that are not finished
        self._unwritten: dict[int, GroupState] = {}
        self._overview: TrainingOverview | None = None
        self._next_overview = 0.0
        for group in range(planned.groups):
            state = self._stored(group)
            if state is not None:
                self._results[group] = state.result
            if self._ended_in(group) < self._size(group):
                self._waiting.append(group)
                if state is not None:
                    self._states[group] = state

    @property
    def finished(self) -> bool:
        """Whether every group has come to an end."""
        return not (self._waiting or self._under_way)

    @property
    def failure(self) -> str:
        """Which trajectories cannot be trained, in words; empty where all can."""
        if not self.failed:
            return ""
        first = min(self.failed)
        which = ", ".join(self._trajectories(group) for group in sorted(self.failed))
        again = "--resume tries again" if self._passing else "the same would happen again"
        return f"trajectories {which} cannot be trained: {self.failed[first]}; {again}"

    @property
    def progress(self) -> Progress:
        """How many trajectories have ended."""
        ended = sum(map(self._ended_in, range(self.planned.groups)))
        return Progress(ended, ended, self.planned.plan.trajectories, ended, tuple(sorted(self.failed)))

    def pop(self) -> GroupWork | None:
        """Return the next steps to make, or None while each worker has some."""
        if not self._waiting or len(self._under_way) >= self._context.workers:
            return None
        group = self._waiting.popleft()
        self._under_way.add(group)
        return GroupWork(
            self._run.facts.experiment,
            self.planned.plan,
            *self.planned.span(group),
            self._states.get(group),
            self._turns.get(group, 0),
            _STRETCH,
        )

    def take(self, outcome: Outcome) -> str | None:
        """Take what some steps gave; return what there is to say about them."""
        work = outcome.work
        if not isinstance(work, GroupWork):
            raise AssertionError(f"training gave out no {type(work).__name__}")
        group = work.first // self.planned.size
        self._under_way.discard(group)
        self._changed = True
        trained: GroupResult | None = outcome.answer
        if trained is None:
            self.failed[group] = outcome.error
            self._passing |= not outcome.lasting
            self._run.log("trajectories given up", group=group, reason=outcome.error)
            return self.failure
        if trained.damage:
            self._run.log("state of trajectories not used", group=group, reason=trained.damage)
        self._turns[group] = work.turn + 1
        self._results[group] = trained.state.result
        self._states[group] = self._unwritten[group] = trained.state
        if trained.finished:
            del self._states[group]
        else:
            self._waiting.appendleft(group)  # each goes to its end before the next begins
        return None

    def extend(self, target: int) -> str:
        """Do nothing: how many trajectories there are is fixed when a run begins."""
        return ""

    def show_changes(self) -> bool:
        """Return whether trajectories have gone on since the overview was shown last."""
        return self._changed and (self.finished or time.monotonic() >= self._next_overview)

    def part(self) -> Part:
        """Return the overview as it was made last; a large one is not made anew at every call."""
        if self._overview is None or self.show_changes():
            return TRAINING.to_part(self.result())
        return TRAINING.to_part(self._overview)

    def result(self) -> TrainingOverview:
        """Return the overview of all trajectories; one that has not changed is not made anew."""
        if self._overview is None or self._changed:
            begun = time.monotonic()
            self._overview = self._make_overview()
            self._changed = False
            now = time.monotonic()
            self._next_overview = now + _REST * (now - begun)
        return self._overview

    def _make_overview(self) -> TrainingOverview:
        none = self.planned.nothing
        whole = TrainingResult.merge([none, *(self._results[group] for group in sorted(self._results))])
        reasons = tuple(dict.fromkeys(self.failed.values()))
        lost = sum(self._size(group) - self._ended_in(group) for group in self.failed)
        return TrainingOverview.of(self.planned.plan, whole, reasons, lost, self.planned.volume)

    def commit(self) -> None:
        """Write where groups stand.

        Raises:
            RunDirectoryError: if that cannot be written; nothing is lost, so it can be tried again.
        """
        for group in sorted(self._unwritten):
            self._folder.write(self.planned, group, self._unwritten[group])
            del self._unwritten[group]

    def close(self) -> None:
        """Do nothing: all is written."""

    def _stored(self, group: int) -> GroupState | None:
        """Return where a group stands; one whose file is damaged has not begun."""
        try:
            return self._folder.state(self.planned, group)
        except RunDirectoryError as error:
            aside = self._folder.set_aside(group)
            self._run.log("trajectories set aside", reason=str(error), kept_as=aside.name)
            return None

    def _size(self, group: int) -> int:
        first, stop = self.planned.span(group)
        return stop - first

    def _ended_in(self, group: int) -> int:
        result = self._results.get(group)
        return 0 if result is None else len(result.trajectory) - result.going

    def _trajectories(self, group: int) -> str:
        first, stop = self.planned.span(group)
        return f"{first:,} to {stop - 1:,}" if stop - first > 1 else f"{first:,}"


class TrainingKind(StageKind):
    """Trained ensembles: the plan is a :class:`TrainingPlan`, the result a :class:`TrainingOverview`."""

    name = NAME
    layout = LAYOUT

    def check_plan(
        self, plan: Mapping[str, Any], experiment: Experiment, executor: Executor
    ) -> PlannedTraining:
        """Try a first step of one network; return the ensemble, divided among the workers.

        Raises:
            ExperimentError: if the experiment cannot be trained so.
        """
        asked = plan_from_values(plan)
        check_plan(asked, experiment)
        outcome = perform_alone(executor, TrialWork(experiment, asked))
        died = Problem("training", "an experiment whose first step kills its worker", outcome.error)
        trial: TrialResult = outcome.answer or TrialResult(problems=(died,))
        if trial.problems:
            raise ExperimentError(trial.problems)
        planned = PlannedTraining.divided(asked, trial.layers, trial.block, executor.workers)
        return planned.with_volume(plan.get("volume"))

    def adapt(self, experiment: Experiment, plan: Mapping[str, Any]) -> Experiment:
        """Return the experiment in float64 where float32 would not come to the loss that is asked for."""
        deep = plan_from_values(plan).to_loss < _FLOAT32_REACHES
        return experiment.replace(dtype="float64", backend="torch") if deep else experiment

    def open(
        self, run: RunDirectory, context: StageContext, changes: Mapping[str, Any]
    ) -> TrainingStage | None:
        """Return the training of a run, or None."""
        planned = TrainingFolder(run).planned()
        return None if planned is None else TrainingStage(run, planned, context)

    def write_changes(self, run: RunDirectory, changes: Mapping[str, Any]) -> None:
        """Do nothing: a plan of training never changes."""

    def tidy(self, run: RunDirectory) -> None:
        """Delete what engines that were killed left half-written."""
        TrainingFolder(run).tidy()

    def read(self, run: RunDirectory) -> TrainingOverview | None:
        """Return the overview of all trajectories on disk; those whose file is damaged have failed."""
        return read_overview(run)

    def to_part(self, result: TrainingOverview) -> Part:
        """Return the part of a snapshot that holds an overview."""
        return Part(*result.to_parts())

    def from_part(self, part: Part, facts: Facts | None) -> TrainingOverview:
        """Return the overview that a part of a snapshot holds.

        Raises:
            LookupError, TypeError, ValueError: if the part is not whole.
        """
        return TrainingOverview.from_parts(part.values, part.arrays)

    def verify(self, run: RunDirectory) -> Findings:
        """Read the plan and the files of all groups."""
        folder = TrainingFolder(run)
        try:
            planned = folder.planned()
        except RunDirectoryError as error:
            return Findings((str(error),))
        if planned is None:
            return Findings()
        problems = [
            str(result) for result in folder.results(planned) if isinstance(result, RunDirectoryError)
        ]
        return Findings(tuple(problems))

    def describe(self, document: dict[str, Any], facts: Facts, results: Mapping[str, Any]) -> None:
        """Add how trajectories ended, medians of their paths, and V of the losses on them."""
        sampled = run_volume(LossDistribution(results["sampling"], facts.null_loss), facts)
        deep = results.get(SPLITTING)
        own = VolumeOfLoss.of(sampled, None if deep is None else deep_tail(deep, sampled))
        document["training"] = training_document(results[NAME], results[NAME].volume or own)


TRAINING = TrainingKind()
