"""The deep tail as a stage of a run: populations go down level by level, each from checkpoint to checkpoint.

The bits of a level depend on nothing but experiment, plan, population and level. So where and when a level
is computed, and how often it was begun in vain, changes nothing. Only a time limit does.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from geomreg_tui.engine.executors import Executor, perform_alone
from geomreg_tui.engine.stage import Findings, Progress, StageContext, StageKind
from geomreg_tui.engine.work import Outcome
from geomreg_tui.errors import ExperimentError, Problem, RunDirectoryError
from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir import Part, RunDirectory
from geomreg_tui.splitting.checkpoints import FOLDER, LAYOUT, Checkpoint, TailFolder
from geomreg_tui.splitting.joined import DeepTail, deep_tail
from geomreg_tui.splitting.pieces import LevelsResult, LevelsWork, TrialResult, TrialWork
from geomreg_tui.splitting.plan import NAME, TIME_LIMIT, TailPlan, plan_from_values
from geomreg_tui.splitting.result import FAILED, PopulationResult, Tail, thinned
from geomreg_tui.statistics import LossDistribution, analyse_modes, landmark_dominance, run_volume
from geomreg_tui.summary import Facts, Summary

__all__ = ["SPLITTING", "PlannedTail", "SplittingKind", "SplittingStage", "add_at_loss", "try_plan"]

_STRETCH = 1.0  # seconds that a worker takes a population down before it hands it back
_LONGEST_STRETCH = 20.0  # where checkpoints are large
_TRAFFIC = 1e8  # bytes a second of checkpoints that the engine sends and gets


class SplittingStage:
    """The deep tail of a run that is under way.

    Attributes:
        name: of the kind.
        tail: what is asked for, and what each population has shown, thinned.
        failed: populations that cannot go on or whose numbers cannot be, with the reasons.
    """

    name = NAME

    def __init__(self, run: RunDirectory, tail: Tail, context: StageContext) -> None:
        """Read what is there.

        Args:
            run: the run directory.
            tail: what is asked for.
            context: what is known of the engine.

        Raises:
            RunDirectoryError: if populations are to go on, and some were moved by another version's rules.
        """
        self._run = run
        self._folder = TailFolder.of(run)
        self._context = context
        self.failed: dict[int, str] = {}
        self._passing = False  # whether anything has failed that may not fail again
        self._changed = True
        self._waiting: deque[int] = deque()
        self._under_way: set[int] = set()
        self._stands: dict[int, Checkpoint] = {}  # of populations that go on
        self._unwritten: dict[int, Checkpoint] = {}
        self._moved_otherwise = False
        self.tail = tail
        plan = tail.plan
        # Populations that must wait for others get their share of the time.
        self._allowed = plan.seconds / math.ceil(plan.repeats / context.workers)
        populations = []
        for index in range(plan.repeats):
            stored = self._stored(index)
            self._moved_otherwise |= stored is not None and not stored.of_these_moves
            result = stored.result if stored is not None else PopulationResult.empty()
            seconds = stored.seconds if stored is not None else 0.0
            resumable = result.status == TIME_LIMIT and seconds < self._allowed
            populations.append(replace(thinned(result), status=None if resumable else result.status))
            if populations[-1].status is None:
                self._waiting.append(index)
            elif result.status == FAILED:
                self.failed[index] = result.reason
        if self._waiting and self._moved_otherwise:
            raise RunDirectoryError(
                f"{run.path}: its tail was begun by an earlier version, with other moves. It can be read, "
                "but not continued; begin the tail again in another directory (tail --out)"
            )
        self.tail = replace(tail, populations=tuple(populations))

    @property
    def finished(self) -> bool:
        """Whether every population has come to an end."""
        return not (self._waiting or self._under_way)

    @property
    def failure(self) -> str:
        """Which populations cannot go on, in words; empty where all can."""
        if not self.failed:
            return ""
        first = min(self.failed)
        which = ", ".join(str(index) for index in sorted(self.failed))
        word = "population" if len(self.failed) == 1 else "populations"
        again = "--resume tries again" if self._passing else "the same would happen again"
        return f"{word} {which} of the tail cannot go on: {self.failed[first]}; {again}"

    @property
    def progress(self) -> Progress:
        """How many populations have come to an end."""
        over = sum(result.status is not None for result in self.tail.populations)
        return Progress(over, over, self.tail.plan.repeats, over, tuple(sorted(self.failed)))

    def pop(self) -> LevelsWork | None:
        """Return the next levels to go down, or None while each worker has some."""
        if not self._waiting or len(self._under_way) >= self._context.workers:
            return None
        index = self._waiting.popleft()
        self._under_way.add(index)
        stands = self._stands.get(index)
        levels = self.tail.populations[index].levels
        if stands is None and levels:  # it is still as the disk has it
            stands = self._stored(index)
        return LevelsWork(
            self._run.facts.experiment,
            self.tail.in_use,
            index,
            stands,
            levels if stands is not None else 0,
            self._allowed,
            self._stretch(stands),
        )

    def take(self, outcome: Outcome) -> str:
        """Take what some levels gave; return what there is to say about them."""
        work = outcome.work
        if not isinstance(work, LevelsWork):
            raise AssertionError(f"the tail gave out no {type(work).__name__}")
        self._under_way.discard(work.index)
        self._changed = True
        levels: LevelsResult | None = outcome.answer
        if levels is None:
            self._fail(work.index, outcome.error)
            self._passing |= not outcome.lasting
            return self.failure
        said = ""
        if levels.damage:
            self._set_aside(work.index, levels.damage)
            said = (
                f"population {work.index} of the tail is begun anew: its checkpoint cannot be gone on with "
                f"({levels.damage})"
            )
        self._put(work.index, levels.result)
        self._stands[work.index] = self._unwritten[work.index] = levels.checkpoint
        if levels.result.status is None:
            self._waiting.appendleft(work.index)  # each goes to its end before the next begins
            return said
        del self._stands[work.index]
        if levels.result.status == FAILED:
            self._fail(work.index, levels.result.reason)
            return self.failure
        return said

    def extend(self, target: int) -> str:
        """Do nothing: a tail that goes on is asked for with a new plan."""
        return ""

    def show_changes(self) -> bool:
        """Return whether a population has gone down since this was asked last."""
        changed, self._changed = self._changed, False
        return changed

    def part(self) -> Part:
        """Return what each population has shown, thinned."""
        return SPLITTING.to_part(self.tail)

    def result(self) -> Tail:
        """Return all that the populations have shown, from disk, with what is wrong where they failed."""
        tail = self._folder.read()
        if tail is None:
            return self.tail
        populations = list(tail.populations)
        for index, reason in self.failed.items():
            populations[index] = replace(populations[index], status=FAILED, reason=reason)
        return replace(tail, populations=tuple(populations))

    def commit(self) -> None:
        """Write where populations stand.

        Raises:
            RunDirectoryError: if that cannot be written; nothing is lost, so it can be tried again.
        """
        for index in sorted(self._unwritten):
            self._folder.write(index, self.tail.in_use, self._unwritten[index])
            del self._unwritten[index]

    def close(self) -> None:
        """Do nothing: all is written."""

    def _fail(self, index: int, reason: str) -> None:
        self.failed[index] = reason
        self._run.log("population given up", population=index, reason=reason)
        self._put(index, replace(self.tail.populations[index], status=FAILED, reason=reason))

    def _stretch(self, stands: Checkpoint | None) -> float:
        """Return how long a population goes down before it is handed back: longer where it is large."""
        size = 0 if stands is None else sum(array.nbytes for array in stands.arrays.values())
        both_ways = 2 * size * self._context.workers
        return min(max(_STRETCH, both_ways / _TRAFFIC), _LONGEST_STRETCH)

    def _put(self, index: int, result: PopulationResult) -> None:
        populations = list(self.tail.populations)
        populations[index] = result
        self.tail = replace(self.tail, populations=tuple(populations))

    def _stored(self, index: int) -> Checkpoint | None:
        """Return where a population stands on disk; a damaged one is begun anew."""
        try:
            return self._folder.checkpoint(index, self.tail.in_use)
        except RunDirectoryError as error:
            self._set_aside(index, str(error))
            return None

    def _set_aside(self, index: int, reason: str) -> None:
        """Rename the checkpoint of a population that cannot be gone on with, and log why."""
        aside = self._folder.set_aside(index)
        self._run.log("checkpoint set aside", population=index, reason=reason, kept_as=aside.name)


@dataclass(frozen=True)
class PlannedTail:
    """The plan of a tail of which nothing is computed, as a run directory keeps it."""

    tail: Tail

    def write(self, folder: Path) -> None:
        """Write it into the folder of a run."""
        TailFolder(folder / FOLDER, "").write_plan(self.tail)


class SplittingKind(StageKind):
    """The deep tail: its plan is a :class:`TailPlan` as plain data, its result a :class:`Tail`."""

    name = NAME
    layout = LAYOUT

    def check_plan(self, plan: Mapping[str, Any], experiment: Experiment, executor: Executor) -> PlannedTail:
        """Try a first level with a small population; return the plan with the kernel and the space in use.

        Raises:
            ExperimentError: if the experiment has no tail that can be computed.
        """
        return PlannedTail(try_plan(executor, experiment, plan_from_values(plan)))

    def adapt(self, experiment: Experiment, plan: Mapping[str, Any]) -> Experiment:
        """Return the experiment in float64, with a sampler whose numbers can be moved."""
        from geomreg_tui.splitting.population import tail_experiment

        sizes = {key: getattr(experiment, key) for key in ("chunk_size", "batch_size")}
        return tail_experiment(experiment).replace(**sizes)

    def open(
        self, run: RunDirectory, context: StageContext, changes: Mapping[str, Any]
    ) -> SplittingStage | None:
        """Return the tail of a run, or None; ``changes`` may name other ``seconds``."""
        tail = TailFolder.of(run).planned()
        return None if tail is None else SplittingStage(run, _changed(tail, changes), context)

    def write_changes(self, run: RunDirectory, changes: Mapping[str, Any]) -> None:
        """Write a new time limit."""
        folder = TailFolder.of(run)
        tail = folder.planned()
        if tail is not None and changes.get("seconds"):
            folder.write_plan(_changed(tail, changes))

    def tidy(self, run: RunDirectory) -> None:
        """Delete what workers that were killed left half-written."""
        TailFolder.of(run).tidy()

    def read(self, run: RunDirectory) -> Tail | None:
        """Return all populations as they are on disk; one that is damaged has failed, with the reason."""
        return TailFolder.of(run).read()

    def to_part(self, result: Tail) -> Part:
        """Return the part of a snapshot that holds populations, thinned."""
        return Part(*result.to_parts())

    def from_part(self, part: Part, facts: Facts | None) -> Tail:
        """Return the populations that a part of a snapshot holds.

        Raises:
            LookupError, TypeError, ValueError: if the part is not whole.
        """
        return Tail.from_parts(part.values, part.arrays)

    def verify(self, run: RunDirectory) -> Findings:
        """Read the plan and all checkpoints."""
        folder = TailFolder.of(run)
        try:
            tail = folder.planned()
        except RunDirectoryError as error:
            return Findings((str(error),))
        if tail is None:
            return Findings()
        problems = []
        for index in range(tail.plan.repeats):
            try:
                folder.checkpoint(index, tail.in_use)
            except RunDirectoryError as error:
                problems.append(f"population {index}: {error}")
        return Findings(tuple(problems))

    def describe(self, document: dict[str, Any], facts: Facts, results: Mapping[str, Any]) -> None:
        """Add the deep tail, and the dominance that takes V near zero from it."""
        summary: Summary = results["sampling"]
        distribution = LossDistribution(summary, facts.null_loss)
        deep = deep_tail(results[NAME], run_volume(distribution, facts))
        modes = analyse_modes(distribution)
        document["dominance"] = landmark_dominance(distribution, deep).to_json(modes.excess)
        document["tail"] = deep.to_json()
        add_at_loss(document.get("observables", {}), deep)


def add_at_loss(observables: Mapping[str, dict[str, Any]], deep: DeepTail) -> None:
    """Add what is known among networks of low loss, ``at_loss``, to observables of ``summary.json``."""
    for name, rows in deep.observed.items():
        if name in observables:
            observables[name]["at_loss"] = [row.to_json() for row in rows]


def try_plan(executor: Executor, experiment: Experiment, plan: TailPlan) -> Tail:
    """Return a tail that can be computed, with nothing of it begun.

    Raises:
        ExperimentError: if it cannot, as with a kernel that does not work on the experiment.
    """
    outcome = perform_alone(executor, TrialWork(experiment, plan))
    died = Problem("tail", "an experiment whose first level kills its worker", outcome.error)
    trial: TrialResult = outcome.answer or TrialResult(problems=(died,))
    if trial.problems:
        raise ExperimentError(trial.problems)
    return Tail(plan, trial.kernel, trial.space, (PopulationResult.empty(),) * plan.repeats)


def _changed(tail: Tail, changes: Mapping[str, Any]) -> Tail:
    seconds = changes.get("seconds")
    return replace(tail, plan=replace(tail.plan, seconds=seconds)) if seconds else tail


SPLITTING = SplittingKind()
