"""The fold: finished chunks become one prefix, in the order of chunks whatever the order of completion.

What is shown and kept at any moment is a contiguous prefix, so stopping early is unbiased and gives the
same bits as a run that asked for less. Only chunks that cannot be drawn at all are passed over, and named.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Generic

from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.rundir import RunDirectory
from geomreg_tui.sampling.packs import Kept, Pack, PackFile, PackFolder

__all__ = ["Fold"]


@dataclass
class _Span(Generic[Kept]):
    """Consecutive chunks that are folded and not yet committed."""

    first: int
    stop: int
    packs: list[Pack[Kept]]

    def merged(self) -> Pack[Kept]:
        """Return them as one pack, and hold only that from now on."""
        self.packs = [Pack.merge(self.packs)]
        return self.packs[0]


class Fold(Generic[Kept]):
    """The chunks of a run: those that are there, those that are asked for, and their summary.

    Attributes:
        wanted: networks that are asked for.
        size: networks in a whole chunk.
        next: the first chunk that is not folded.
        given_up: chunks that could not be drawn, with the reasons.
        last_stored: the last chunk found on disk and the digest of its summary; None for a new run.
    """

    def __init__(self, run: RunDirectory, packs: PackFolder[Kept], wanted: int) -> None:
        """Read what is committed; damaged packs are set aside and their chunks drawn again.

        Args:
            run: where it is logged that a pack was set aside.
            packs: the folder of packs.
            wanted: networks that are asked for.

        Raises:
            RunDirectoryError: if the directory cannot be read.
        """
        self.wanted = wanted
        self.size = packs.chunk_size
        self.next = 0
        self.given_up: dict[int, str] = {}
        self._packs = packs
        self._total = packs.empty
        self._unmerged: list[Kept] = []
        self._stored: deque[tuple[PackFile, Pack[Kept]]] = deque()
        self._done: dict[int, Pack[Kept]] = {}
        self._spans: list[_Span[Kept]] = []
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
        return self.wanted // self.size

    @property
    def _rest(self) -> int:
        """Networks that are asked for beyond the whole chunks."""
        return self.wanted % self.size

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

    def pop(self) -> tuple[int, int | None] | None:
        """Return the next chunk to draw and how many of its networks (None: all); None when none is left."""
        chunk = self._pop_chunk()
        if chunk is None:
            return None
        return chunk, None if chunk < self.whole_chunks else self._rest

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

    def take(self, chunk: int, pack: Pack[Kept]) -> None:
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
        if samples <= self.wanted:
            return
        had_tail = self._tail_suffices
        self.wanted = samples
        if self._tail is not None and had_tail and not self._tail_suffices:
            self._again.append(self._tail[0])

    def summary(self) -> Kept:
        """Return the networks of the prefix, those of an incomplete last chunk included."""
        if self._unmerged:
            self._total = type(self._total).merge([self._total, *self._unmerged])
            self._unmerged = []
        for span in self._spans:
            span.merged()
        tail = self._tail_pack()
        return type(self._total).merge([self._total, tail.summary]) if tail else self._total

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

    def _tail_pack(self) -> Pack[Kept] | None:
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
