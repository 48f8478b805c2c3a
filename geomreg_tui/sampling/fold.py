"""The fold: finished chunks become one prefix, in the order of chunks whatever the order of completion.

What is shown and kept at any moment is a contiguous prefix, so stopping early is unbiased and gives the
same bits as a run that asked for less. Only chunks that cannot be drawn at all are passed over, and named.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.rundir import RunDirectory
from geomreg_tui.sampling.packs import Pack, PackFile
from geomreg_tui.sampling.pieces import ChunkWork
from geomreg_tui.sampling.plan import SamplingPlan, chunk_size
from geomreg_tui.sampling.store import empty_pack, packs_of
from geomreg_tui.summary import Summary

__all__ = ["Fold"]


@dataclass
class _Span:
    """Consecutive chunks that are folded and not yet committed."""

    first: int
    stop: int
    packs: list[Pack]

    def merged(self) -> Pack:
        """Return them as one pack, and hold only that from now on."""
        self.packs = [Pack.merge(self.packs)]
        return self.packs[0]


class Fold:
    """The chunks of a run: those that are there, those that are asked for, and their summary.

    Attributes:
        plan: what is asked for.
        size: networks in a whole chunk.
        next: the first chunk that is not folded.
        given_up: chunks that could not be drawn, with the reasons.
        last_stored: the last chunk found on disk and the digest of its summary; None for a new run.
    """

    def __init__(self, run: RunDirectory, plan: SamplingPlan) -> None:
        """Read what is committed; damaged packs are set aside and their chunks drawn again.

        Raises:
            RunDirectoryError: if the directory cannot be read.
        """
        self.plan = plan
        self.size = chunk_size(run.facts.experiment)
        self.next = 0
        self.given_up: dict[int, str] = {}
        self._experiment = run.facts.experiment
        self._packs = packs_of(run)
        self._total = empty_pack(run).summary
        self._unmerged: list[Summary] = []
        self._stored: deque[tuple[PackFile, Pack]] = deque()
        self._done: dict[int, Pack] = {}
        self._spans: list[_Span] = []
        self._again: list[int] = []
        for file, pack in self._packs.read_all():
            if isinstance(pack, RunDirectoryError):
                aside = self._packs.set_aside(file)
                run.log("pack set aside", reason=str(pack), kept_as=aside.name)
            else:
                self._stored.append((file, pack))
        self.last_stored: tuple[int, str] | None = None
        if self._stored:
            file, pack = self._stored[-1]
            self.last_stored = file.stop - 1, pack.check
        self._advance()
        self._cursor = self.next
        self._tail = self._packs.read_tail()

    @property
    def finished(self) -> bool:
        """Whether everything asked for is there or given up."""
        if self.next < self.whole_chunks:
            return False
        return not self._rest or self.next > self.whole_chunks or self._tail_suffices

    @property
    def whole_chunks(self) -> int:
        """Chunks of which every network is asked for."""
        return self.plan.samples // self.size

    @property
    def _rest(self) -> int:
        """Networks that are asked for beyond the whole chunks."""
        return self.plan.samples % self.size

    @property
    def waiting(self) -> int:
        """Chunks that are finished but follow one that is not."""
        return len(self._done)

    @property
    def samples(self) -> int:
        """Networks of the prefix, those of an incomplete last chunk included."""
        tail = self._tail_pack()
        merged = self._total.samples + sum(part.samples for part in self._unmerged)
        return merged + (tail.summary.samples if tail else 0)

    @property
    def committed_samples(self) -> int:
        """Networks of the prefix that are on disk; those of an incomplete last chunk are not counted."""
        fresh = sum(pack.summary.samples for span in self._spans for pack in span.packs)
        return self._total.samples + sum(part.samples for part in self._unmerged) - fresh

    def pop(self) -> ChunkWork | None:
        """Return the next chunk to draw, or None when none is left to hand out."""
        chunk = self._pop_chunk()
        if chunk is None:
            return None
        count = None if chunk < self.whole_chunks else self._rest
        kept = max(0, min(self.size, self.plan.keep_losses - chunk * self.size))
        return ChunkWork(self._experiment, chunk, count, kept if count is None else min(kept, count))

    def _pop_chunk(self) -> int | None:
        """Return the index of the next chunk to draw, or None when none is left to hand out."""
        if self._again:
            return self._again.pop(0)
        chunks = self.whole_chunks + (self._rest > 0)
        while self._cursor < chunks:
            chunk = self._cursor
            covering = [f.stop for f, _ in self._stored if f.first <= chunk < f.stop]
            if covering:
                self._cursor = covering[0]
                continue
            self._cursor += 1
            if chunk >= self.next and not (chunk == self.whole_chunks and self._tail_suffices):
                return chunk
        return None

    def take(self, chunk: int, pack: Pack) -> None:
        """Take the result of drawing a chunk."""
        samples = pack.summary.samples
        if samples == self.size:
            self._done[chunk] = pack
        elif chunk == self.whole_chunks and samples >= self._rest:
            self._tail = chunk, pack
        else:
            self._again.append(chunk)  # the plan grew meanwhile: more of this chunk is wanted
        self._advance()

    def give_up(self, chunk: int, reason: str) -> None:
        """Pass over a chunk that cannot be drawn."""
        self.given_up[chunk] = reason
        self._advance()

    def extend(self, samples: int) -> None:
        """Ask for more networks; asking for fewer changes nothing."""
        if samples <= self.plan.samples:
            return
        had_tail = self._tail_suffices
        self.plan = replace(self.plan, samples=samples)
        if self._tail is not None and had_tail and not self._tail_suffices:
            self._again.append(self._tail[0])

    def summary(self) -> Summary:
        """Return the networks of the prefix, those of an incomplete last chunk included."""
        if self._unmerged:
            self._total = Summary.merge([self._total, *self._unmerged])
            self._unmerged = []
        for span in self._spans:
            span.merged()
        tail = self._tail_pack()
        return Summary.merge([self._total, tail.summary]) if tail else self._total

    def commit(self) -> None:
        """Write what is folded and not yet on disk.

        Raises:
            RunDirectoryError: if the directory cannot be written; nothing is lost, so it can be tried again.
        """
        while self._spans:
            span = self._spans[0]
            self._packs.append(span.first, span.stop, span.merged())
            del self._spans[0]

    def commit_rest(self) -> None:
        """Write the incomplete last chunk, and chunks that follow one that is missing."""
        tail = self._tail_pack()
        if tail is not None:
            self._packs.write_tail(self.next, tail)
        for chunk in sorted(self._done):
            self._packs.append(chunk, chunk + 1, self._done[chunk])
        self._done.clear()

    @property
    def _tail_suffices(self) -> bool:
        """Whether the incomplete last chunk that is there is the one asked for."""
        if self._tail is None:
            return False
        chunk, pack = self._tail
        return chunk == self.whole_chunks and pack.summary.samples >= self._rest

    def _tail_pack(self) -> Pack | None:
        """Return the incomplete chunk that follows the prefix, if there is one."""
        return self._tail[1] if self._tail is not None and self._tail[0] == self.next else None

    def _advance(self) -> None:
        """Take into the prefix the chunks that follow it: drawn, stored, or given up."""
        while True:
            if self.next in self._done:
                pack = self._done.pop(self.next)
                self._unmerged.append(pack.summary)
                if self._spans and self._spans[-1].stop == self.next:
                    self._spans[-1].packs.append(pack)
                    self._spans[-1].stop += 1
                else:
                    self._spans.append(_Span(self.next, self.next + 1, [pack]))
                self.next += 1
            elif self._stored and self._stored[0][0].first <= self.next:
                file, pack = self._stored.popleft()
                self._unmerged.append(pack.summary)
                self.next = file.stop
            elif self.next in self.given_up:
                self.next += 1
            else:
                return
