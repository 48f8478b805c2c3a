"""Packs: the committed chunks of a run, merged over contiguous ranges into a handful of immutable files.

A pack holds the merged summary (and, at the start of a run, the kept losses) of chunks ``first`` to
``stop - 1``. Eight packs of a level become one of the next, so a run of any length has tens of files.
A chunk is committed if and only if a pack that verifies covers it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.runs.store import read_arrays, sync_folder, write_arrays
from geomreg_tui.summary import Summary

__all__ = ["Pack", "PackFile", "PackFolder"]

_FAN_IN = 8
_NAME = re.compile(r"(\d{12})-(\d{12})-(\d)\.safetensors")
_TAIL = "tail.safetensors"
_LOSSES = "losses"
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class PackFile:
    """A file that claims to hold chunks ``first`` to ``stop - 1``; ``level`` is how often it was merged."""

    path: Path
    first: int
    stop: int
    level: int


@dataclass(frozen=True)
class Pack:
    """Committed networks.

    Attributes:
        summary: their aggregate.
        losses: kept losses, in chunk order; those after the run's first K are not kept.
    """

    summary: Summary
    losses: FloatArray

    @classmethod
    def merge(cls, packs: Sequence[Pack]) -> Pack:
        """Return packs of consecutive chunks as one."""
        summary = Summary.merge(pack.summary for pack in packs)
        return cls(summary, np.concatenate([pack.losses for pack in packs]))


class PackFolder:
    """The folder of a run that holds its packs.

    Attributes:
        path: the folder.
        digest: digest of the experiment; packs of another one are refused.
        chunk_size: networks in a chunk.
    """

    def __init__(self, path: Path, digest: str, chunk_size: int) -> None:
        self.path = path
        self.digest = digest
        self.chunk_size = chunk_size

    def scan(self) -> list[PackFile]:
        """Return the packs, in order and without overlap; of overlapping ones the largest.

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
        chosen: list[PackFile] = []
        for file in sorted(found, key=lambda file: (file.first, -file.stop)):
            if not chosen or file.first >= chosen[-1].stop:
                chosen.append(file)
        return chosen

    def read(self, file: PackFile) -> Pack:
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

    def append(self, first: int, stop: int, pack: Pack) -> None:
        """Commit chunks ``first`` to ``stop - 1``, then merge packs that have become many."""
        self._write(first, stop, 0, pack)
        while True:
            files = self.scan()
            last = files[-_FAN_IN:]
            level = last[-1].level
            joined = all(left.stop == right.first for left, right in pairwise(last))
            if len(last) < _FAN_IN or level >= 9 or not joined or any(file.level != level for file in last):
                return
            try:
                merged = Pack.merge([self.read(file) for file in last])
            except RunDirectoryError:
                return  # the damaged one is found, set aside and recomputed when the run is resumed
            self._write(last[0].first, last[-1].stop, level + 1, merged)
            for file in last:
                file.path.unlink(missing_ok=True)

    def write_tail(self, chunk: int, pack: Pack) -> None:
        """Keep the networks of an incomplete last chunk; a run that goes on computes that chunk anew."""
        header = {"digest": self.digest, "chunk": chunk, "count": pack.summary.samples}
        write_arrays(self.path / _TAIL, header, {**pack.summary.to_arrays(), _LOSSES: pack.losses})

    def read_tail(self, chunk: int) -> Pack | None:
        """Return the networks of the incomplete chunk ``chunk``, or None when none are kept."""
        if not (self.path / _TAIL).exists():
            return None
        try:
            header, pack = self._read(self.path / _TAIL)
        except RunDirectoryError:
            return None
        return pack if header.get("digest") == self.digest and header.get("chunk") == chunk else None

    def drop_tail(self) -> None:
        """Forget the incomplete last chunk."""
        (self.path / _TAIL).unlink(missing_ok=True)

    def set_aside(self, file: PackFile) -> Path:
        """Move a damaged pack out of the way, keeping it, and return where it went."""
        aside = file.path.with_name(file.path.name + ".damaged")
        with contextlib.suppress(FileNotFoundError):
            file.path.rename(aside)
        sync_folder(self.path)
        return aside

    def _write(self, first: int, stop: int, level: int, pack: Pack) -> None:
        header = {"digest": self.digest, "first": first, "stop": stop}
        path = self.path / f"{first:012d}-{stop:012d}-{level}.safetensors"
        write_arrays(path, header, {**pack.summary.to_arrays(), _LOSSES: pack.losses})

    def _read(self, path: Path) -> tuple[dict[str, object], Pack]:
        header, arrays = read_arrays(path)
        losses = arrays.pop(_LOSSES, None)
        if losses is None or losses.dtype != np.float64 or losses.ndim != 1:
            raise RunDirectoryError(f"{path}: is damaged (no losses)")
        try:
            return header, Pack(Summary.from_arrays(arrays), losses.astype(np.float64, copy=False))
        except ValueError as error:
            raise RunDirectoryError(f"{path}: is damaged ({error})") from error
