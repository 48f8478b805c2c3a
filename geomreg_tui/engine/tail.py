"""The deep tail within the engine: which populations are there and which are wanted, as the fold for chunks.

A population goes down in legs of about a second, each from a checkpoint to the next. The bits of a level
depend on nothing but experiment, plan, population and level, so where and when a leg is walked, and how
often it was begun in vain, changes nothing. Only a time limit does.
"""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import replace

from geomreg_tui.engine.executors import Executor, Outcome
from geomreg_tui.engine.task import TIME_LIMIT, Leg, Trial, Tried, Walked
from geomreg_tui.errors import ExperimentError, Problem, RunDirectoryError
from geomreg_tui.experiment import Experiment
from geomreg_tui.runs import RunDirectory
from geomreg_tui.summary import Descent, Tail, TailPlan
from geomreg_tui.summary.descent import FAILED
from geomreg_tui.summary.tail import thinned

__all__ = ["Descents", "try_out"]

_STRETCH = 1.0  # seconds between checkpoints


class Descents:
    """The populations of a run; none at all where no tail is asked for.

    Args:
        run: the run directory.
        workers: how many populations can be under way at once.
        token: of the engine's lease.
        patience: seconds for which checkpoints may be unwritable before that is an error.

    Attributes:
        tail: what is asked for, and what each population has shown, thinned; None without a tail.
        failed: populations whose legs cannot be walked or whose numbers cannot be, with the reasons.
        fresh: whether anything has changed since this was last set to False.
    """

    def __init__(self, run: RunDirectory, workers: int = 1, token: str = "", patience: float = 60.0) -> None:
        """Read what is there.

        Raises:
            RunDirectoryError: if the plan of the tail is damaged, or populations are to be walked and some
                were by the moves of another version.
        """
        self._run = run
        self._token = token
        self._patience = patience
        self._unwritable_since: float | None = None
        self.failed: dict[int, str] = {}
        self._passing = False  # whether anything has failed that may not fail again
        self.fresh = True
        self.tail = run.tail.planned()
        self._waiting: deque[int] = deque()
        self._under_way: set[int] = set()
        self._allowed = 0.0
        self._moved_otherwise = False
        if self.tail is None:
            return
        plan = self.tail.plan
        # Populations that must wait for others get their share of the time.
        self._allowed = plan.seconds / math.ceil(plan.repeats / max(workers, 1))
        descents = []
        for index in range(plan.repeats):
            descent, seconds = self._stored(index)
            resumable = descent.status == TIME_LIMIT and seconds < self._allowed
            descents.append(replace(thinned(descent), status=None if resumable else descent.status))
            if descents[-1].status is None:
                self._waiting.append(index)
            elif descent.status == FAILED:
                self.failed[index] = descent.reason
        if self._waiting and self._moved_otherwise:
            raise RunDirectoryError(
                f"{run.path}: its tail was walked by the moves of an earlier version and can be read, but "
                "not gone on with: begin the tail again in another directory (tail --out)"
            )
        self.tail = replace(self.tail, descents=tuple(descents))

    @property
    def finished(self) -> bool:
        """Whether every population has come to an end."""
        return self.tail is None or not (self._waiting or self._under_way)

    def pop_leg(self) -> Leg | None:
        """Return the next leg to walk, or None when none is left to hand out."""
        if self.tail is None or not self._waiting:
            return None
        index = self._waiting.popleft()
        self._under_way.add(index)
        return Leg(
            self._run.facts.experiment,
            self.tail.in_use,
            index,
            str(self._run.path),
            self.tail.descents[index].levels,
            self._allowed,
            _STRETCH,
            self._token,
        )

    def take(self, leg: Leg, outcome: Outcome) -> str:
        """Take what became of a leg; return what there is to say about it.

        Raises:
            RunDirectoryError: if checkpoints cannot be written, and that has lasted.
        """
        self._under_way.discard(leg.index)
        self.fresh = True
        walked: Walked | None = outcome.answer
        if walked is None:
            self._fail(leg.index, outcome.error)
            self._passing |= not outcome.lasting
            return self.failure
        if walked.aside:
            self._run.log("checkpoint set aside", population=leg.index, reason=walked.aside)
        self._put(leg.index, walked.descent)
        if walked.descent.status == FAILED:
            self._fail(leg.index, walked.descent.reason)
            return self.failure
        if walked.descent.status is None or walked.unwritten:
            self._waiting.appendleft(leg.index)  # each goes to its end before the next begins
        return self._note_writing(walked.unwritten)

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

    def read(self) -> Tail | None:
        """Return all that the populations have shown, from disk, with what is wrong where they failed."""
        tail = self._run.tail.read()
        if tail is None:
            return None
        descents = list(tail.descents)
        for index, reason in self.failed.items():
            descents[index] = replace(descents[index], status=FAILED, reason=reason)
        return replace(tail, descents=tuple(descents))

    def _fail(self, index: int, reason: str) -> None:
        self.failed[index] = reason
        self._run.log("population given up", population=index, reason=reason)
        if self.tail is not None:
            self._put(index, replace(self.tail.descents[index], status=FAILED, reason=reason))

    def _note_writing(self, unwritten: str) -> str:
        if not unwritten:
            self._unwritable_since = None
            return ""
        now = time.monotonic()
        if self._unwritable_since is None:
            self._unwritable_since = now
        if now - self._unwritable_since >= self._patience:
            raise RunDirectoryError(unwritten)
        return f"{unwritten}; the tail goes on in memory, make room to keep it"

    def _put(self, index: int, descent: Descent) -> None:
        if self.tail is not None:
            descents = list(self.tail.descents)
            descents[index] = descent
            self.tail = replace(self.tail, descents=tuple(descents))

    def _stored(self, index: int) -> tuple[Descent, float]:
        """Return what a population has shown and how long it took; a damaged one is begun anew."""
        if self.tail is None:
            return Descent.empty(), 0.0
        try:
            found = self._run.tail.checkpoint(index, self.tail.in_use)
        except RunDirectoryError as error:
            aside = self._run.tail.set_aside(index)
            self._run.log("checkpoint set aside", reason=str(error), kept_as=aside.name)
            found = None
        self._moved_otherwise |= found is not None and not found.of_these_moves
        return (found.descent, found.seconds) if found else (Descent.empty(), 0.0)


def try_out(executor: Executor, experiment: Experiment, plan: TailPlan) -> Tail:
    """Return a tail that can be walked, with nothing of it begun.

    Raises:
        ExperimentError: if it cannot, as with a kernel that does not work on the experiment.
    """
    executor.submit(Trial(experiment, plan))
    while not (outcomes := executor.outcomes(1.0)):
        pass
    died = Problem("tail", "an experiment whose first level kills its worker", outcomes[0].error)
    tried: Tried = outcomes[0].answer or Tried(problems=(died,))
    if tried.problems:
        raise ExperimentError(tried.problems)
    return Tail(plan, tried.kernel, tried.space, (Descent.empty(),) * plan.repeats)
