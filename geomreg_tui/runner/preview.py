"""Previews: one warm process that answers the newest request and forgets the older ones."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from geomreg_tui.engine import InProcess, Prepared
from geomreg_tui.errors import ExitCode, GeomregError
from geomreg_tui.rundir import RunState, write_snapshot
from geomreg_tui.rundir.store import discard
from geomreg_tui.runner.preparation import Preparation
from geomreg_tui.runner.protocol import PreviewRequest
from geomreg_tui.runner.snapshot import Snapshot, to_stored
from geomreg_tui.sampling.pieces import ChunkWork
from geomreg_tui.sampling.plan import NAME as SAMPLING
from geomreg_tui.sampling.plan import chunk_size
from geomreg_tui.summary import Summary

__all__ = ["serve_previews"]

_PUBLISH = 0.1  # seconds between snapshots
_LONGEST = 15.0  # seconds spent on one preview


def serve_previews(lines: Iterable[str], path: Path) -> ExitCode:
    """Answer requests until there are no more lines, by snapshots in a file; then delete that.

    Args:
        lines: requests, one JSON object a line (:class:`~geomreg_tui.runner.protocol.PreviewRequest`).
        path: the snapshot file; its folder is deleted too where nothing else is in it.
    """
    _answer_all(lines, path)
    # Whoever asked may have been killed, and then nobody else would take this away.
    discard(path)
    with contextlib.suppress(OSError):
        path.parent.rmdir()
    return ExitCode.OK


def _answer_all(lines: Iterable[str], path: Path) -> None:
    """Answer requests until there are no more lines."""
    requests: queue.Queue[PreviewRequest | None] = queue.Queue()

    def listen() -> None:
        for line in lines:
            requests.put(PreviewRequest.from_line(line))
        requests.put(None)

    threading.Thread(target=listen, daemon=True).start()
    while (request := requests.get()) is not None:
        while not requests.empty():
            newer = requests.get()
            if newer is None:
                return
            request = newer
        if request.samples:
            _answer(request, path, requests)


def _answer(request: PreviewRequest, path: Path, requests: queue.Queue[PreviewRequest | None]) -> None:
    """Answer a request by snapshots, until it is met or a newer one is there."""

    def superseded() -> bool:
        return not requests.empty()

    executor = InProcess(superseded)
    try:
        prepared = executor.prepare(Preparation(request.parse(), request.device, request.module))
    except GeomregError as error:
        failed = Snapshot(RunState.FAILED, request.samples, time.time(), message=str(error))
        write_snapshot(path, to_stored(replace(failed, request=request.number)))
        return
    facts = prepared.facts
    size, batch = chunk_size(facts.experiment), int(facts.experiment.batch_size or 1)
    begun = time.monotonic()
    published = 0.0
    whole: list[Summary] = []
    first = True
    while not superseded():
        drawn = sum(part.samples for part in whole)
        # A single batch of the first chunk comes first, so that something shows at once.
        count = min(request.samples, batch) if first else min(request.samples - drawn, size)
        executor.submit(ChunkWork(facts.experiment, len(whole), count))
        outcomes = executor.outcomes(0)
        if not outcomes:
            return
        (outcome,) = outcomes
        if outcome.answer is None:
            failed = _snapshot(request, prepared, RunState.FAILED, whole, begun, outcome.error)
            write_snapshot(path, to_stored(failed))
            return
        shown = [*whole, outcome.answer.summary]
        if not first:
            whole = shown
        over = not first and (drawn + count >= request.samples or time.monotonic() - begun > _LONGEST)
        if first or over or time.monotonic() - published > _PUBLISH:
            state = RunState.DONE if over else RunState.SAMPLING
            short = over and drawn + count < request.samples
            message = f"ended at its time limit of {_LONGEST:g} s" if short else ""
            write_snapshot(path, to_stored(_snapshot(request, prepared, state, shown, begun, message)))
            published = time.monotonic()
        first = False
        if over:
            return


def _snapshot(
    request: PreviewRequest,
    prepared: Prepared,
    state: RunState,
    parts: list[Summary],
    begun: float,
    message: str,
) -> Snapshot:
    """Return a snapshot of a preview."""
    summary = Summary.merge(parts) if parts else None
    elapsed = time.monotonic() - begun
    rate = summary.samples / elapsed if summary and elapsed > 0 else 0.0
    return Snapshot(
        state,
        request.samples,
        time.time(),
        prepared.facts,
        rate,
        elapsed,
        message,
        request.number,
        prepared.place,
        results={SAMPLING: summary} if summary else {},
    )
