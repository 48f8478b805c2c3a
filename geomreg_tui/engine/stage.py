"""A stage: something that a run does, as the engine's loop and the run directory see it.

A run goes through its stages one after the other: it draws networks, then goes down the deep tail. The
loop does not know what they are. It asks the first that is not finished for work, gives it what came of
it, publishes the parts of all, and has them commit.

A subject that is a stage has two objects here: a :class:`StageKind`, which says how it is planned, kept and
read, and for each run a :class:`Stage`, which is under way. The registry lists the kinds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from geomreg_tui.engine.executors import Executor
from geomreg_tui.engine.work import Outcome, Work
from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir import Layout, Part, RunDirectory, StagePlan
from geomreg_tui.summary import Facts

__all__ = ["Findings", "Progress", "Stage", "StageContext", "StageKind"]


@dataclass(frozen=True)
class Progress:
    """How far a stage is, in units of its own (networks, for sampling).

    Attributes:
        done: what is there.
        committed: what of it is on disk.
        target: what is asked for.
        pieces: pieces of work that are done without a gap (chunks, for sampling).
        given_up: numbers of the pieces that could not be done.
    """

    done: int
    committed: int
    target: int
    pieces: int = 0
    given_up: tuple[int, ...] = ()


class Stage(Protocol):
    """A stage of a run that is under way."""

    @property
    def name(self) -> str:
        """Name of its kind."""

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""

    @property
    def failure(self) -> str:
        """Why the run has failed because of it, in words; empty where it has not."""

    @property
    def progress(self) -> Progress:
        """How far it is."""

    def pop(self) -> Work | None:
        """Return the next piece of work, or None while nothing is to be handed out."""

    def take(self, outcome: Outcome) -> str | None:
        """Take the outcome of a piece of work; return a message for people, None to leave the last one.

        Raises:
            SamplingError: if there is no use in going on.
            RunDirectoryError: if it cannot be written, and that has lasted.
        """

    def extend(self, target: int) -> str:
        """Ask for more, where there can be more; return an error message, empty where all went well."""

    def show_changes(self) -> bool:
        """Return whether anything is new since the last call."""

    def part(self) -> Part:
        """Return its part of the snapshot, which viewers read."""

    def result(self) -> Any:
        """Return its whole result, as :meth:`StageKind.read` does from disk."""

    def commit(self) -> None:
        """Write finished work that is not yet on disk.

        Raises:
            RunDirectoryError: if it cannot be written; nothing is lost, so it can be tried again.
        """

    def close(self) -> None:
        """Write the files that are written once, when the run ends.

        Raises:
            RunDirectoryError: if it cannot be written.
        """


@dataclass(frozen=True)
class StageContext:
    """Facts about the engine that a stage may need.

    Attributes:
        capacity: returns how many pieces of work can be under way at once, which may change in a run.
    """

    capacity: Callable[[], int] = lambda: 1

    @property
    def workers(self) -> int:
        """How many pieces of work can be under way at once now, at least one."""
        return max(self.capacity(), 1)


@dataclass(frozen=True)
class Findings:
    """The result of checking a stage's files.

    Attributes:
        problems: in words, what is wrong; empty when all is well.
        notes: in words, what is not wrong but worth knowing.
        files: files that hold what they should.
        result: what is committed, as :meth:`StageKind.read` returns it, where the check has read it.
    """

    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    files: int = 0
    result: Any = None


class StageKind(ABC):
    """A kind of stage: how it is planned, kept and read.

    A plan is plain data, as it goes from a command to the engine: ``{"samples": 1000}``.

    Attributes:
        name: unique, and the same for ever: it is written into snapshots.
        layout: the files that it keeps in a run directory.
    """

    name: str
    layout: Layout

    @abstractmethod
    def check_plan(self, plan: Mapping[str, Any], experiment: Experiment, executor: Executor) -> StagePlan:
        """Make sure that an experiment can go through the stage; return the plan as a run keeps it.

        Args:
            plan: what is asked for.
            experiment: the resolved experiment.
            executor: where a first step may be tried.

        Raises:
            ExperimentError: if it cannot.
        """

    def adapt(self, experiment: Experiment, plan: Mapping[str, Any]) -> Experiment:
        """Return the experiment as the stage needs it for a plan. Workers call this; it may load torch."""
        return experiment

    @abstractmethod
    def open(self, run: RunDirectory, context: StageContext, changes: Mapping[str, Any]) -> Stage | None:
        """Return the stage of a run, from what is committed; None where the run has no such stage.

        Args:
            run: the run directory; nothing is written into it but that damaged files are set aside.
            context: what is known of the engine.
            changes: what is asked for in place of what the plan on disk says.

        Raises:
            RunDirectoryError: if the plan is damaged, or the stage cannot be gone on with.
        """

    @abstractmethod
    def write_changes(self, run: RunDirectory, changes: Mapping[str, Any]) -> None:
        """Write changes of what is asked for into the plan on disk.

        Raises:
            RunDirectoryError: if it cannot be written.
        """

    @abstractmethod
    def tidy(self, run: RunDirectory) -> None:
        """Delete half-written files of engines that were killed."""

    def check_repeat(self, stage: Stage, run: RunDirectory, executor: Executor) -> str:
        """Do a stored piece of work again; return its name if its bits differ, else an empty text.

        Raises:
            SamplingError: if it cannot be done again.
        """
        return ""

    @abstractmethod
    def read(self, run: RunDirectory) -> Any:
        """Return the committed result of the stage; None where the run has no such stage.

        Raises:
            RunDirectoryError: if the plan is damaged.
        """

    @abstractmethod
    def to_part(self, result: Any) -> Part:
        """Return the part of a snapshot that holds a result."""

    @abstractmethod
    def from_part(self, part: Part, facts: Facts | None) -> Any:
        """Return the result that a part of a snapshot holds.

        Raises:
            LookupError, TypeError, ValueError: if the part is not whole.
        """

    @abstractmethod
    def verify(self, run: RunDirectory) -> Findings:
        """Read all files of the stage, and compare checksums. Nothing is written."""

    @abstractmethod
    def describe(self, document: dict[str, Any], facts: Facts, results: Mapping[str, Any]) -> None:
        """Add the results of the stage to the document of ``summary.json``.

        Args:
            document: the results of the stages before it.
            facts: what the experiment comes to.
            results: the results of all stages of the run, by name.
        """
