"""Packs: the committed chunks of a run, merged over contiguous ranges into a handful of immutable files.

A pack holds the merged summary (and, at the start of a run, the kept losses) of chunks ``first`` to
``stop - 1``. Eight packs of a level become one of the next, so a run of any length has tens of files.
A chunk is committed if and only if a pack that verifies covers it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.rundir.store import (
    arrays_digest,
    discard,
    parsing,
    read_arrays,
    sweep_temporaries,
    sync_folder,
    write_arrays,
)

__all__ = ["Aggregate", "Pack", "PackFile", "PackFolder"]

_FAN_IN = 8
_TOP_LEVEL = 9
_NAME = re.compile(r"(\d{12})-(\d{12})-(\d)\.safetensors")
_TAIL = "tail.safetensors"
_LOSSES = "losses"
FloatArray = NDArray[np.float64]


class Aggregate(Protocol):
    """What is kept of networks, and merges exactly: a summary of losses, or observations."""

    @property
    def samples(self) -> int:
        """Networks."""

    @classmethod
    def merge(cls, parts: Iterable[Self], /) -> Self:
        """Return the aggregate of all networks of ``parts`` together."""

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return named arrays, from which :meth:`from_arrays` restores every bit."""

    def identity_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what a chunk is recognised by when it is drawn again."""

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]], /) -> Self:
        """Restore an aggregate.

        Raises:
            LookupError, TypeError, ValueError: if arrays are missing, or contradict each other.
        """


Kept = TypeVar("Kept", bound=Aggregate)


@dataclass(frozen=True)
class PackFile:
    """A file that claims to hold chunks ``first`` to ``stop - 1``; ``level`` is how often it was merged."""

    path: Path
    first: int
    stop: int
    level: int


@dataclass(frozen=True)
class Pack(Generic[Kept]):
    """Committed networks.

    Attributes:
        summary: their aggregate.
        losses: kept losses, in chunk order; those after the run's first K are not kept.
        check: digest of the last chunk's own summary, by which it is recognised when drawn again.
    """

    summary: Kept
    losses: FloatArray
    check: str = ""

    @classmethod
    def of_chunk(cls, summary: Kept, losses: FloatArray) -> Pack[Kept]:
        """Return the pack of a single chunk."""
        return Pack(summary, losses, arrays_digest(summary.identity_arrays()))

    @classmethod
    def merge(cls, packs: Sequence[Pack[Kept]]) -> Pack[Kept]:
        """Return packs of consecutive chunks as one."""
        summary = type(packs[0].summary).merge(pack.summary for pack in packs)
        return Pack(summary, np.concatenate([pack.losses for pack in packs]), packs[-1].check)


class PackFolder(Generic[Kept]):
    """The folder of packs.

    Args:
        path: the folder.
        digest: digest of the run's experiment; packs of another are refused.
        chunk_size: networks in a chunk.
        empty: the aggregate of no networks, to which those of all packs must fit.
    """

    def __init__(self, path: Path, digest: str, chunk_size: int, empty: Kept) -> None:
        self.path = path
        self.digest = digest
        self.chunk_size = chunk_size
        self.empty = empty

    @property
    def empty_pack(self) -> Pack[Kept]:
        """The pack of no networks."""
        return Pack(self.empty, np.empty(0))

    def files(self) -> list[PackFile]:
        """Return all packs by name, the largest of those that begin with the same chunk first.

        Raises:
            RunDirectoryError: if the folder cannot be read or is a link.
        """
        found = []
        try:
            if self.path.is_symlink():
                raise RunDirectoryError(f"{self.path}: is a link, which is never followed")
            for entry in self.path.iterdir():
                match = _NAME.fullmatch(entry.name)
                if match and int(match[1]) < int(match[2]):
                    found.append(PackFile(entry, int(match[1]), int(match[2]), int(match[3])))
        except OSError as error:
            raise RunDirectoryError(f"{self.path}: cannot be read ({error.strerror})") from error
        return sorted(found, key=lambda file: (file.first, -file.stop))

    def scan(self) -> list[PackFile]:
        """Return the packs, in order and without overlap; of overlapping ones the largest.

        Raises:
            RunDirectoryError: if the folder cannot be read or is a link.
        """
        return _without_overlap(self.files())

    def read(self, file: PackFile) -> Pack[Kept]:
        """Return a pack.

        Raises:
            RunDirectoryError: if it is damaged, or not what its name and the run say.
        """
        header, pack = self._read(file.path)
        expected = {"digest": self.digest, "first": file.first, "stop": file.stop}
        if any(header.get(key) != value for key, value in expected.items()):
            raise RunDirectoryError(f"{file.path}: belongs to another run or range")
        if pack.summary.samples != (file.stop - file.first) * self.chunk_size:
            raise RunDirectoryError(f"{file.path}: holds another number of networks than its chunks have")
        return pack

    def read_all(self) -> Iterator[tuple[PackFile, Pack[Kept] | RunDirectoryError]]:
        """Yield the packs in order and without overlap, and in place of a damaged one what is wrong.

        A damaged pack is followed by the smaller ones, if any are left, that it was merged from. A pack
        that the engine merges into a larger one meanwhile is not damaged: the larger one comes next.
        """
        reached, bad = 0, set[Path]()
        while True:
            files = [f for f in self.files() if f.path not in bad and f.first >= reached]
            if not files:
                return
            for file in _without_overlap(files):
                try:
                    pack = self.read(file)
                except RunDirectoryError as error:
                    bad.add(file.path)
                    if file.path.exists():
                        yield file, error
                    break
                reached = file.stop
                yield file, pack

    def append(self, first: int, stop: int, pack: Pack[Kept]) -> None:
        """Commit chunks ``first`` to ``stop - 1``, then merge packs that have become many.

        Raises:
            RunDirectoryError: if the folder cannot be written; what was there is still there.
        """
        self._write(first, stop, 0, pack)
        while (last := self._to_merge(stop)) is not None:
            try:
                merged = Pack.merge([self.read(file) for file in last])
            except RunDirectoryError:
                return  # the damaged one is found, set aside and recomputed when the run is resumed
            first, stop = last[0].first, last[-1].stop
            self._write(first, stop, last[0].level + 1, merged)
            for file in last:
                discard(file.path)

    def write_tail(self, chunk: int, pack: Pack[Kept]) -> None:
        """Keep the networks of an incomplete last chunk; a run that goes on computes that chunk anew."""
        header = {"digest": self.digest, "chunk": chunk, "count": pack.summary.samples}
        write_arrays(self.path / _TAIL, header, {**pack.summary.to_arrays(), _LOSSES: pack.losses})

    def read_tail(self) -> tuple[int, Pack[Kept]] | None:
        """Return the incomplete chunk that is kept, with its index, or None when none is whole."""
        try:
            return self.check_tail()
        except RunDirectoryError:
            return None

    def check_tail(self) -> tuple[int, Pack[Kept]] | None:
        """Return the incomplete chunk that is kept, with its index, or None when there is none.

        Raises:
            RunDirectoryError: if there is one that is damaged, or of another experiment.
        """
        path = self.path / _TAIL
        if not path.exists():
            return None
        header, pack = self._read(path)
        with parsing(path):
            chunk = int(str(header["chunk"]))
            if header["digest"] != self.digest or not 0 < pack.summary.samples < self.chunk_size:
                raise ValueError("not an incomplete chunk of this experiment")
        return chunk, pack

    def tidy(self) -> None:
        """Delete what killed engines left: half-written files, and packs that a larger one replaces."""
        sweep_temporaries(self.path)
        chosen = self.scan()
        for file in self.files():
            if any(c.first <= file.first and file.stop <= c.stop and c != file for c in chosen):
                discard(file.path)

    def set_aside(self, file: PackFile) -> Path:
        """Move a damaged pack out of the way, keeping it, and return where it went."""
        aside = file.path.with_name(file.path.name + ".damaged")
        with contextlib.suppress(FileNotFoundError):
            file.path.rename(aside)
        sync_folder(self.path)
        return aside

    def _to_merge(self, stop: int) -> list[PackFile] | None:
        """Return the packs to merge into one, of which the last ends with chunk ``stop - 1``."""
        last = [file for file in self.scan() if file.stop <= stop][-_FAN_IN:]
        level = last[-1].level if last else _TOP_LEVEL
        joined = all(left.stop == right.first for left, right in pairwise(last))
        if len(last) < _FAN_IN or level >= _TOP_LEVEL or not joined or any(f.level != level for f in last):
            return None
        return last

    def _write(self, first: int, stop: int, level: int, pack: Pack[Kept]) -> None:
        """Write a pack under the name that says its chunks and its level."""
        header = {"digest": self.digest, "first": first, "stop": stop, "check": pack.check}
        path = self.path / f"{first:012d}-{stop:012d}-{level}.safetensors"
        write_arrays(path, header, {**pack.summary.to_arrays(), _LOSSES: pack.losses})

    def _read(self, path: Path) -> tuple[dict[str, object], Pack[Kept]]:
        """Return the header of a file and the pack in it.

        Raises:
            RunDirectoryError: if it is damaged.
        """
        header, arrays = read_arrays(path)
        losses = arrays.pop(_LOSSES, None)
        with parsing(path):
            if losses is None or losses.dtype != np.float64 or losses.ndim != 1:
                raise ValueError("no losses")
            kind = type(self.empty)
            summary = kind.merge([self.empty, kind.from_arrays(arrays)])
            return header, Pack(summary, losses.astype(np.float64, copy=False), str(header.get("check", "")))


def _without_overlap(files: Sequence[PackFile]) -> list[PackFile]:
    """Return the packs, in order, that begin where those before them have ended."""
    chosen: list[PackFile] = []
    for file in files:
        if not chosen or file.first >= chosen[-1].stop:
            chosen.append(file)
    return chosen
