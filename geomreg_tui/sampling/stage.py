"""Plain sampling as a stage of a run: chunks are drawn, folded in order, and committed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from geomreg_tui.engine.executors import Executor, perform_alone
from geomreg_tui.engine.stage import Findings, Progress, Stage, StageContext, StageKind
from geomreg_tui.engine.work import Outcome
from geomreg_tui.errors import RunDirectoryError, SamplingError
from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir import Part, RunDirectory
from geomreg_tui.sampling.fold import Fold
from geomreg_tui.sampling.packs import Pack
from geomreg_tui.sampling.pieces import ChunkWork
from geomreg_tui.sampling.plan import NAME, SamplingPlan, read_plan
from geomreg_tui.sampling.result import describe
from geomreg_tui.sampling.store import LAYOUT, committed, committed_packs, empty_pack, packs_of, write_losses
from geomreg_tui.summary import Facts, Summary

__all__ = ["SAMPLING", "SamplingKind", "SamplingStage"]

_LOOK_AHEAD = 4  # chunks under way or out of order, for each worker
_MOST_GIVEN_UP = 8
_GAP_SHOWN = 1000  # chunks of a gap that are looked at one by one


class SamplingStage:
    """The sampling of a run that is under way.

    Attributes:
        name: of the kind.
        fold: the chunks that are there, and that are wanted.
    """

    name = NAME

    def __init__(self, run: RunDirectory, plan: SamplingPlan, workers: int = 1) -> None:
        """Read what is committed; damaged packs are set aside and their chunks drawn again.

        Raises:
            RunDirectoryError: if the directory cannot be read.
        """
        self.fold = Fold(run, plan)
        self._run = run
        self._limit = workers * _LOOK_AHEAD
        self._under_way = 0
        self._passing = False  # whether anything has failed that may not fail again
        self._seen = -1

    @property
    def finished(self) -> bool:
        """Whether everything asked for is there or given up."""
        return self.fold.finished

    @property
    def failure(self) -> str:
        """Which chunks cannot be drawn, in words; empty where all can."""
        given_up = self.fold.given_up
        if not given_up:
            return ""
        chunks = ", ".join(f"{chunk:,}" for chunk in sorted(given_up))
        number = "chunk" if len(given_up) == 1 else "chunks"
        first = given_up[min(given_up)]
        again = "--resume tries again" if self._passing else "the same would happen again"
        return f"{number} {chunks} cannot be drawn: {first}; all others are kept, and {again}"

    @property
    def progress(self) -> Progress:
        """How many networks are there."""
        fold = self.fold
        given_up = tuple(sorted(fold.given_up))
        return Progress(fold.samples, fold.committed_samples, fold.plan.samples, fold.next, given_up)

    def pop(self) -> ChunkWork | None:
        """Return the next chunk to draw, or None while enough are under way."""
        if self._under_way + self.fold.waiting >= self._limit:
            return None
        work = self.fold.pop()
        self._under_way += work is not None
        return work

    def take(self, outcome: Outcome) -> str | None:
        """Take the outcome of drawing a chunk; return a message if the chunk cannot be drawn.

        Raises:
            SamplingError: if so many chunks cannot be drawn that there is no use in going on.
        """
        if not isinstance(outcome.work, ChunkWork):
            raise AssertionError(f"sampling gave out no {type(outcome.work).__name__}")
        self._under_way -= 1
        chunk, drawn = outcome.work.chunk, outcome.answer
        if drawn is not None:
            losses = drawn.losses if drawn.losses is not None else empty_pack(self._run).losses
            self.fold.take(chunk, Pack.of_chunk(drawn.summary, losses))
            return None
        self._run.log("chunk given up", chunk=chunk, reason=outcome.error)
        self.fold.give_up(chunk, outcome.error)
        self._passing |= not outcome.lasting
        if len(self.fold.given_up) >= _MOST_GIVEN_UP:
            raise SamplingError(self.failure)
        return self.failure

    def extend(self, target: int) -> str:
        """Ask for more networks; asking for fewer changes nothing."""
        self.fold.extend(target)
        try:
            self.fold.plan.write(self._run.path)
        except RunDirectoryError as error:
            return f"{error}; this engine goes on to the new number all the same"
        return ""

    def show_changes(self) -> bool:
        """Return whether there are more networks than when this was asked last."""
        before, self._seen = self._seen, self.fold.samples
        return self._seen != before

    def part(self) -> Part:
        """Return the networks of the prefix."""
        return SAMPLING.to_part(self.result())

    def result(self) -> Summary:
        """Return the networks of the prefix."""
        return self.fold.summary()

    def commit(self) -> None:
        """Write what is folded and not yet on disk."""
        self.fold.commit()

    def close(self) -> None:
        """Write the incomplete last chunk, chunks that follow one that is missing, and the kept losses."""
        self.fold.commit_rest()
        keep = self.fold.plan.keep_losses
        if keep:
            write_losses(self._run, committed(self._run).losses[:keep])


class SamplingKind(StageKind):
    """Plain sampling: its plan is ``{"samples": N, "keep_losses": K}``, its result a summary."""

    name = NAME
    layout = LAYOUT

    def check_plan(self, plan: Mapping[str, Any], experiment: Experiment, executor: Executor) -> SamplingPlan:
        """Return the plan: an experiment that is prepared can be sampled."""
        return SamplingPlan.from_json(plan)

    def open(self, run: RunDirectory, context: StageContext, changes: Mapping[str, Any]) -> SamplingStage:
        """Return the sampling of a run; ``changes`` are those of its plan that are not 0."""
        return SamplingStage(run, _changed(read_plan(run), changes), context.workers)

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
        same = Pack.of_chunk(outcome.answer.summary, empty_pack(run).losses).check == check
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
        problems, notes = [], []
        files, reached = 0, 0
        given_up = set(run.read_status().given_up)
        read = list(packs_of(run).read_all())
        for file, pack in read:
            if isinstance(pack, RunDirectoryError):
                problems.append(f"chunks {file.first:,} to {file.stop - 1:,}: {pack}")
                continue
            gap = range(reached, min(file.first, reached + _GAP_SHOWN))
            if missing := [chunk for chunk in gap if chunk not in given_up]:
                notes.append(f"chunks {missing[0]:,} to {file.first - 1:,} are missing; resuming draws them")
            files, reached = files + 1, file.stop
        if given_up:
            notes.append(f"chunks that could not be drawn: {', '.join(map(str, sorted(given_up)))}")
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
