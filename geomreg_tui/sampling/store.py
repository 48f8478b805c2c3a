"""The files of sampling in a run directory: ``chunks/``, and ``losses.npy`` if that was asked for."""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterable

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.rundir import Layout, RunDirectory
from geomreg_tui.rundir.store import write_bytes
from geomreg_tui.sampling.packs import Kept, Pack, PackFile, PackFolder
from geomreg_tui.sampling.plan import chunk_size
from geomreg_tui.summary import Summary

__all__ = ["LAYOUT", "committed", "committed_packs", "packs_of", "read_prefix", "write_losses"]

LAYOUT = Layout(
    begun=("plan.json",),
    owned={
        ".": re.compile(r"plan\.json|losses\.npy"),
        "chunks": re.compile(r"[\d-]+\.safetensors(\.damaged)?|tail\.safetensors|\..+\.tmp"),
    },
)


def packs_of(run: RunDirectory) -> PackFolder[Summary]:
    """Return the folder of a run's packs."""
    facts = run.facts
    digest, size = facts.experiment.digest(), chunk_size(facts.experiment)
    return PackFolder(run.path / "chunks", digest, size, facts.empty_summary())


def committed(run: RunDirectory) -> Pack[Summary]:
    """Return the networks of the committed prefix of chunks, as one pack.

    A damaged or missing pack ends the prefix; chunks that were given up are passed over.

    Raises:
        RunDirectoryError: if the folder cannot be read.
    """
    return committed_packs(run)[0]


def committed_packs(
    run: RunDirectory, read: Iterable[tuple[PackFile, Pack[Summary] | RunDirectoryError]] | None = None
) -> tuple[Pack[Summary], list[PackFile]]:
    """Return what :func:`committed` returns, and the files that it is made of.

    Args:
        run: the run.
        read: its packs, as :meth:`PackFolder.read_all` yields them, where they are read already.
    """
    return read_prefix(packs_of(run), run.read_status().given_up, read)


def read_prefix(
    folder: PackFolder[Kept],
    given_up: Collection[int],
    read: Iterable[tuple[PackFile, Pack[Kept] | RunDirectoryError]] | None = None,
) -> tuple[Pack[Kept], list[PackFile]]:
    """Return the networks of the committed prefix of chunks in a folder, and the files they are in.

    Args:
        folder: of packs.
        given_up: chunks that could not be drawn, which are passed over.
        read: the packs, as :meth:`PackFolder.read_all` yields them, where they are read already.

    Raises:
        RunDirectoryError: if the folder cannot be read.
    """
    files: list[PackFile] = []
    packs = [folder.empty_pack]
    reached = _skip(0, given_up)
    for file, pack in folder.read_all() if read is None else read:
        if isinstance(pack, RunDirectoryError):
            continue
        if file.first != reached:
            break
        packs.append(pack)
        files.append(file)
        reached = _skip(file.stop, given_up)
    incomplete = folder.read_tail()
    if incomplete is not None and incomplete[0] == reached:
        packs.append(incomplete[1])
    return Pack.merge(packs), files


def write_losses(run: RunDirectory, losses: NDArray[np.float64]) -> None:
    """Write the kept losses as ``losses.npy``.

    Raises:
        RunDirectoryError: if it cannot be written.
    """
    buffer = io.BytesIO()
    np.save(buffer, losses, allow_pickle=False)
    write_bytes(run.path / "losses.npy", buffer.getvalue())


def _skip(chunk: int, given_up: Collection[int]) -> int:
    """Return the first chunk from ``chunk`` on that was not given up."""
    while chunk in given_up:
        chunk += 1
    return chunk
