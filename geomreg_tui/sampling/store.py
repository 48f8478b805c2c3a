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
from geomreg_tui.sampling.packs import Pack, PackFile, PackFolder
from geomreg_tui.sampling.plan import chunk_size

__all__ = ["LAYOUT", "committed", "committed_packs", "empty_pack", "packs_of", "write_losses"]

LAYOUT = Layout(
    begun=("plan.json",),
    owned={
        ".": re.compile(r"plan\.json|losses\.npy"),
        "chunks": re.compile(r"[\d-]+\.safetensors(\.damaged)?|tail\.safetensors|\..+\.tmp"),
    },
)


def packs_of(run: RunDirectory) -> PackFolder:
    """Return the folder of a run's packs."""
    facts = run.facts
    digest, size = facts.experiment.digest(), chunk_size(facts.experiment)
    return PackFolder(run.path / "chunks", digest, size, facts.empty_summary())


def empty_pack(run: RunDirectory) -> Pack:
    """Return the pack of no networks."""
    return Pack(run.facts.empty_summary(), np.empty(0))


def committed(run: RunDirectory) -> Pack:
    """Return the networks of the committed prefix of chunks, as one pack.

    A damaged or missing pack ends the prefix; chunks that were given up are passed over.

    Raises:
        RunDirectoryError: if the folder cannot be read.
    """
    return committed_packs(run)[0]


def committed_packs(
    run: RunDirectory, read: Iterable[tuple[PackFile, Pack | RunDirectoryError]] | None = None
) -> tuple[Pack, list[PackFile]]:
    """Return what :func:`committed` returns, and the files that it is made of.

    Args:
        run: the run.
        read: its packs, as :meth:`PackFolder.read_all` yields them, where they are read already.
    """
    folder = packs_of(run)
    given_up = set(run.read_status().given_up)
    files: list[PackFile] = []
    packs = [empty_pack(run)]
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
