"""A stage whose pieces of work are chunks: they are drawn, folded in order, and committed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, Generic

from geomreg_tui.engine.stage import Progress, StageContext
from geomreg_tui.engine.work import Outcome, Work
from geomreg_tui.errors import RunDirectoryError, SamplingError
from geomreg_tui.rundir import RunDirectory
from geomreg_tui.sampling.fold import Fold
from geomreg_tui.sampling.packs import Kept, Pack, PackFile, PackFolder

__all__ = ["ChunkedStage", "folder_findings"]

_LOOK_AHEAD = 4  # chunks under way or out of order, for each worker
_MOST_GIVEN_UP = 8
_GAP_SHOWN = 1000  # chunks of a gap that are looked at one by one


class ChunkedStage(ABC, Generic[Kept]):
    """A stage of a run that is under way, in chunks.

    Attributes:
        name: of the kind.
        verb: what is done to a chunk, past participle.
        fold: the chunks that are there, and that are wanted.
    """

    name: ClassVar[str]
    verb: ClassVar[str]
    fold: Fold[Kept]

    def __init__(
        self, run: RunDirectory, packs: PackFolder[Kept], wanted: int, context: StageContext
    ) -> None:
        """Read what is committed; damaged packs are set aside and their chunks drawn again.

        Args:
            run: the run directory.
            packs: the folder of packs.
            wanted: networks that are asked for.
            context: what is known of the engine.

        Raises:
            RunDirectoryError: if the directory cannot be read.
        """
        self.fold = Fold(run, packs, wanted)
        self._run = run
        self._context = context
        self._under_way = 0
        self._passing = False  # whether anything has failed that may not fail again
        self._seen = -1

    @abstractmethod
    def work(self, chunk: int, count: int | None) -> Work:
        """Return the work of drawing a chunk, or its first networks."""

    @abstractmethod
    def chunk_of(self, work: Work) -> int:
        """Return the chunk that a piece of work draws."""

    @abstractmethod
    def pack_of(self, answer: Any) -> Pack[Kept]:
        """Return what drawing a chunk gave as a pack."""

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
        return f"{number} {chunks} cannot be {self.verb}: {first}; all others are kept, and {again}"

    @property
    def progress(self) -> Progress:
        """How many networks are there."""
        fold = self.fold
        given_up = tuple(sorted(fold.given_up))
        return Progress(fold.samples, fold.committed_samples, fold.wanted, fold.next, given_up)

    def pop(self) -> Work | None:
        """Return the next chunk to draw, or None while enough are under way."""
        if self._under_way + self.fold.waiting >= self._context.workers * _LOOK_AHEAD:
            return None
        piece = self.fold.pop()
        if piece is None:
            return None
        self._under_way += 1
        return self.work(*piece)

    def take(self, outcome: Outcome) -> str | None:
        """Take the outcome of drawing a chunk; return a message if the chunk cannot be drawn.

        Raises:
            SamplingError: if so many chunks cannot be drawn that there is no use in going on.
        """
        chunk = self.chunk_of(outcome.work)
        self._under_way -= 1
        if outcome.answer is not None:
            self.fold.take(chunk, self.pack_of(outcome.answer))
            return None
        self._run.log("chunk given up", chunk=chunk, reason=outcome.error)
        self.fold.give_up(chunk, outcome.error)
        self._passing |= not outcome.lasting
        if len(self.fold.given_up) >= _MOST_GIVEN_UP:
            raise SamplingError(self.failure)
        return self.failure

    def show_changes(self) -> bool:
        """Return whether there are more networks than when this was asked last."""
        before, self._seen = self._seen, self.fold.samples
        return self._seen != before

    def commit(self) -> None:
        """Write what is folded and not yet on disk."""
        self.fold.commit()

    def close(self) -> None:
        """Write the incomplete last chunk, and chunks that follow one that is missing."""
        self.fold.commit_rest()


def folder_findings(
    folder: PackFolder[Any],
    read: Iterable[tuple[PackFile, Pack[Kept] | RunDirectoryError]],
    given_up: set[int],
) -> tuple[list[str], list[str], int]:
    """Look at packs that were read; return problems and notes, in words, and how many files are whole.

    Args:
        folder: of the packs.
        read: as :meth:`PackFolder.read_all` yields them.
        given_up: chunks that could not be drawn.
    """
    problems, notes = [], []
    files, reached = 0, 0
    for file, pack in read:
        if isinstance(pack, RunDirectoryError):
            problems.append(f"chunks {file.first:,} to {file.stop - 1:,}: {pack}")
            continue
        gap = range(reached, min(file.first, reached + _GAP_SHOWN))
        if missing := [chunk for chunk in gap if chunk not in given_up]:
            notes.append(f"chunks {missing[0]:,} to {file.first - 1:,} are missing; resuming draws them")
        files, reached = files + 1, file.stop
    try:
        files += folder.check_tail() is not None
    except RunDirectoryError as error:
        problems.append(f"the incomplete last chunk: {error}")
    if given_up:
        notes.append(f"chunks that could not be drawn: {', '.join(map(str, sorted(given_up)))}")
    return problems, notes, files
