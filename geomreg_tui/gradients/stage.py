"""Observing networks as a stage of a run: chunks are observed, folded in order, and committed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from geomreg_tui.engine.executors import Executor, perform_alone
from geomreg_tui.engine.stage import Findings, Stage, StageContext, StageKind
from geomreg_tui.engine.work import Work
from geomreg_tui.errors import ExperimentError, Problem, RunDirectoryError, SamplingError
from geomreg_tui.experiment import Experiment
from geomreg_tui.gradients.describe import describe
from geomreg_tui.gradients.pieces import ArrangeResult, ArrangeWork, ObserveWork
from geomreg_tui.gradients.plan import NAME, check_plan, plan_from_values
from geomreg_tui.gradients.result import Observations
from geomreg_tui.gradients.store import (
    LAYOUT,
    Observed,
    Planned,
    empty_observations,
    packs_of,
    read_given_up,
    read_observed,
    write_given_up,
)
from geomreg_tui.rundir import Part, RunDirectory
from geomreg_tui.sampling.chunked import ChunkedStage, folder_findings
from geomreg_tui.sampling.packs import Pack
from geomreg_tui.sampling.store import read_prefix
from geomreg_tui.summary import Facts

__all__ = ["GRADIENTS", "GradientsKind", "GradientsStage"]


class GradientsStage(ChunkedStage[Observations]):
    """The observing of a run that is under way.

    Attributes:
        planned: what is asked for, and how it is observed.
    """

    name = NAME
    verb = "observed"

    def __init__(self, run: RunDirectory, planned: Planned, context: StageContext) -> None:
        """Read what is committed; damaged packs are set aside and their chunks observed again.

        Raises:
            RunDirectoryError: if the directory cannot be read.
        """
        super().__init__(run, packs_of(run, planned), planned.plan.networks, context)
        self.planned = planned
        self._noted = read_given_up(run)

    def work(self, chunk: int, count: int | None) -> ObserveWork:
        """Return the work of observing a chunk, or its first networks."""
        planned = self.planned
        return ObserveWork(self._run.facts.experiment, planned.plan, planned.arrangement, chunk, count)

    def chunk_of(self, work: Work) -> int:
        """Return the chunk that a piece of work observes."""
        if not isinstance(work, ObserveWork):
            raise AssertionError(f"observing gave out no {type(work).__name__}")
        return work.chunk

    def pack_of(self, answer: Observations) -> Pack[Observations]:
        """Return what observing a chunk gave as a pack."""
        return Pack.of_chunk(answer, np.empty(0))

    def extend(self, target: int) -> str:
        """Do nothing: how many networks are observed is planned apart from how many are drawn."""
        return ""

    def part(self) -> Part:
        """Return the networks of the prefix."""
        return GRADIENTS.to_part(self.result())

    def result(self) -> Observed:
        """Return the networks of the prefix, with what was asked for."""
        return Observed(self.planned, self.fold.summary())

    def commit(self) -> None:
        """Write what is folded and not yet on disk, and which chunks could not be observed."""
        super().commit()
        given_up = set(self.fold.given_up)
        if given_up != self._noted:
            write_given_up(self._run, given_up)
            self._noted = given_up


class GradientsKind(StageKind):
    """Observing networks: its plan is a :class:`GradientPlan` as plain data, its result :class:`Observed`."""

    name = NAME
    layout = LAYOUT

    def check_plan(self, plan: Mapping[str, Any], experiment: Experiment, executor: Executor) -> Planned:
        """Observe a few networks; return the plan with how it is best done.

        Raises:
            ExperimentError: if the experiment has nothing of the kind to observe.
        """
        asked = plan_from_values(plan)
        check_plan(asked, experiment)
        outcome = perform_alone(executor, ArrangeWork(experiment, asked))
        died = Problem("observe", "an experiment whose first gradients fail", outcome.error)
        found: ArrangeResult = outcome.answer or ArrangeResult(problems=(died,))
        if found.arrangement is None:
            raise ExperimentError(found.problems)
        return Planned(asked, found.arrangement, found.laws)

    def open(
        self, run: RunDirectory, context: StageContext, changes: Mapping[str, Any]
    ) -> GradientsStage | None:
        """Return the observing of a run, or None; ``changes`` may name more ``networks``."""
        planned = Planned.read(run)
        return None if planned is None else GradientsStage(run, _changed(planned, changes), context)

    def write_changes(self, run: RunDirectory, changes: Mapping[str, Any]) -> None:
        """Write how many networks are asked for now."""
        planned = Planned.read(run)
        if planned is not None and changes:
            _changed(planned, changes).write(run.path)

    def tidy(self, run: RunDirectory) -> None:
        """Delete half-written files, and packs that a larger one replaces."""
        planned = Planned.read(run)
        if planned is not None:
            packs_of(run, planned).tidy()

    def check_repeat(self, stage: Stage, run: RunDirectory, executor: Executor) -> str:
        """Observe the last stored chunk again; return which it is if it is not what is stored.

        Raises:
            SamplingError: if it cannot be observed.
        """
        if not isinstance(stage, GradientsStage) or stage.fold.last_stored is None:
            return ""
        chunk, check = stage.fold.last_stored
        outcome = perform_alone(executor, stage.work(chunk, None))
        if outcome.answer is None:
            raise SamplingError(
                f"chunk {chunk:,} was observed before and cannot be observed again: {outcome.error}"
            )
        return "" if stage.pack_of(outcome.answer).check == check else f"chunk {chunk:,}, observed again,"

    def read(self, run: RunDirectory) -> Observed | None:
        """Return the networks of the committed prefix; None where nothing is observed."""
        return read_observed(run)

    def to_part(self, result: Observed) -> Part:
        """Return the part of a snapshot that holds observations."""
        return Part(result.planned.to_json(), result.observations.to_arrays())

    def from_part(self, part: Part, facts: Facts | None) -> Observed:
        """Return the observations that a part of a snapshot holds.

        Raises:
            LookupError, TypeError, ValueError: if the part is not whole, or does not fit to the facts.
        """
        planned, observations = Planned.from_json(part.values), Observations.from_arrays(part.arrays)
        if facts is not None:
            observations = Observations.merge([empty_observations(planned, facts), observations])
        return Observed(planned, observations)

    def verify(self, run: RunDirectory) -> Findings:
        """Read the plan and all packs."""
        try:
            planned = Planned.read(run)
        except RunDirectoryError as error:
            return Findings((str(error),))
        if planned is None:
            return Findings()
        folder, given_up = packs_of(run, planned), read_given_up(run)
        read = list(folder.read_all())
        problems, notes, files = folder_findings(folder, read, given_up)
        pack, _ = read_prefix(folder, given_up, read)
        return Findings(
            tuple(f"observed networks, {problem}" for problem in problems),
            tuple(f"observed networks, {note}" for note in notes),
            files,
            Observed(planned, pack.summary),
        )

    def describe(self, document: dict[str, Any], facts: Facts, results: Mapping[str, Any]) -> None:
        """Add the observables: moments, quantiles, and how they go with the loss."""
        document |= describe(results[NAME])


def _changed(planned: Planned, changes: Mapping[str, Any]) -> Planned:
    networks = int(changes.get("networks") or 0)
    if networks <= planned.plan.networks:
        return planned
    return replace(planned, plan=replace(planned.plan, networks=networks))


GRADIENTS = GradientsKind()
