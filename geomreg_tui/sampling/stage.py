"""Plain sampling as a stage of a run: chunks are drawn, folded in order, and committed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from geomreg_tui.engine.executors import Executor, perform_alone
from geomreg_tui.engine.stage import Findings, Stage, StageContext, StageKind
from geomreg_tui.engine.work import Work
from geomreg_tui.errors import RunDirectoryError, SamplingError
from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir import Part, RunDirectory
from geomreg_tui.sampling.chunked import ChunkedStage, folder_findings
from geomreg_tui.sampling.packs import Pack
from geomreg_tui.sampling.pieces import ChunkWork
from geomreg_tui.sampling.plan import NAME, SamplingPlan, read_plan
from geomreg_tui.sampling.result import describe
from geomreg_tui.sampling.store import LAYOUT, committed, committed_packs, packs_of, write_losses
from geomreg_tui.summary import ChunkResult, Facts, Summary

__all__ = ["SAMPLING", "SamplingKind", "SamplingStage"]


class SamplingStage(ChunkedStage[Summary]):
    """The sampling of a run that is under way.

    Attributes:
        plan: what is asked for.
    """

    name = NAME
    verb = "drawn"

    def __init__(self, run: RunDirectory, plan: SamplingPlan, context: StageContext) -> None:
        """Read what is committed; damaged packs are set aside and their chunks drawn again.

        Raises:
            RunDirectoryError: if the directory cannot be read.
        """
        super().__init__(run, packs_of(run), plan.samples, context)
        self.plan = plan

    def work(self, chunk: int, count: int | None) -> ChunkWork:
        """Return the work of drawing a chunk, or its first networks."""
        size = self.fold.size
        kept = max(0, min(size, self.plan.keep_losses - chunk * size))
        experiment = self._run.facts.experiment
        return ChunkWork(experiment, chunk, count, kept if count is None else min(kept, count))

    def chunk_of(self, work: Work) -> int:
        """Return the chunk that a piece of work draws."""
        if not isinstance(work, ChunkWork):
            raise AssertionError(f"sampling gave out no {type(work).__name__}")
        return work.chunk

    def pack_of(self, answer: ChunkResult) -> Pack[Summary]:
        """Return what drawing a chunk gave as a pack."""
        losses = answer.losses if answer.losses is not None else np.empty(0)
        return Pack.of_chunk(answer.summary, losses)

    def extend(self, target: int) -> str:
        """Ask for more networks; asking for fewer changes nothing."""
        self.fold.extend(target)
        self.plan = replace(self.plan, samples=self.fold.wanted)
        try:
            self.plan.write(self._run.path)
        except RunDirectoryError as error:
            return f"{error}; this engine goes on to the new number all the same"
        return ""

    def result(self) -> Summary:
        """Return the networks of the prefix."""
        return self.fold.summary()

    def part(self) -> Part:
        """Return the networks of the prefix."""
        return SAMPLING.to_part(self.result())

    def close(self) -> None:
        """Write the incomplete last chunk, chunks that follow one that is missing, and the kept losses."""
        super().close()
        if self.plan.keep_losses:
            write_losses(self._run, committed(self._run).losses[: self.plan.keep_losses])


class SamplingKind(StageKind):
    """Plain sampling: its plan is ``{"samples": N, "keep_losses": K}``, its result a summary."""

    name = NAME
    layout = LAYOUT

    def check_plan(self, plan: Mapping[str, Any], experiment: Experiment, executor: Executor) -> SamplingPlan:
        """Return the plan: an experiment that is prepared can be sampled."""
        return SamplingPlan.from_json(plan)

    def open(self, run: RunDirectory, context: StageContext, changes: Mapping[str, Any]) -> SamplingStage:
        """Return the sampling of a run; ``changes`` are those of its plan that are not 0."""
        return SamplingStage(run, _changed(read_plan(run), changes), context)

    def write_changes(self, run: RunDirectory, changes: Mapping[str, Any]) -> None:
        """Write how many networks are asked for now."""
        _changed(read_plan(run), changes).write(run.path)

    def tidy(self, run: RunDirectory) -> None:
        """Delete half-written files, and packs that a larger one replaces."""
        packs_of(run).tidy()

    def check_repeat(self, stage: Stage, run: RunDirectory, executor: Executor) -> str:
        """Draw the last stored chunk again; return its name if its bits differ, else an empty text.

        Raises:
            SamplingError: if it cannot be drawn.
        """
        if not isinstance(stage, SamplingStage) or stage.fold.last_stored is None:
            return ""
        chunk, check = stage.fold.last_stored
        outcome = perform_alone(executor, ChunkWork(run.facts.experiment, chunk))
        if outcome.answer is None:
            raise SamplingError(
                f"chunk {chunk:,} was drawn before and cannot be drawn again: {outcome.error}"
            )
        same = Pack.of_chunk(outcome.answer.summary, np.empty(0)).check == check
        return "" if same else f"chunk {chunk:,}, drawn again,"

    def read(self, run: RunDirectory) -> Summary:
        """Return the networks of the committed prefix."""
        return committed(run).summary

    def to_part(self, result: Summary) -> Part:
        """Return the part of a snapshot that holds a summary."""
        return Part({}, result.to_arrays())

    def from_part(self, part: Part, facts: Facts | None) -> Summary:
        """Return the summary that a part of a snapshot holds.

        Raises:
            LookupError, TypeError, ValueError: if the part is not whole, or does not fit to the facts.
        """
        summary = Summary.from_arrays(part.arrays)
        return summary if facts is None else Summary.merge([facts.empty_summary(), summary])

    def verify(self, run: RunDirectory) -> Findings:
        """Read the plan and all packs."""
        given_up = run.read_status().given_up
        folder = packs_of(run)
        read = list(folder.read_all())
        problems, notes, files = folder_findings(folder, read, set(given_up))
        try:
            read_plan(run)
        except RunDirectoryError as error:
            problems.append(str(error))
        result = committed_packs(run, read)[0].summary
        return Findings(tuple(problems), tuple(notes), files, result)

    def describe(self, document: dict[str, Any], facts: Facts, results: Mapping[str, Any]) -> None:
        """Add the losses of the networks: moments, quantiles, modes, dominance and volumes."""
        document |= describe(facts, results[NAME])


def _changed(plan: SamplingPlan, changes: Mapping[str, Any]) -> SamplingPlan:
    """Return a plan with changes, of which 0 means none."""
    return replace(plan, **{key: value for key, value in changes.items() if value})


SAMPLING = SamplingKind()
