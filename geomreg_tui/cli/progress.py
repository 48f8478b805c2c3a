"""Narration on stderr: a progress bar with rate and ETA where there is a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Protocol

from geomreg_tui.errors import RunDirectoryError, plain_text

if TYPE_CHECKING:
    from geomreg_tui.engine import RunHandle
    from geomreg_tui.runs import Snapshot

__all__ = ["follow", "narrate"]

_REFRESH = 0.2  # seconds


class _Counter(Protocol):
    count: int


def narrate(text: str, quiet: bool = False) -> None:
    """Print a line on stderr unless asked to be quiet."""
    if not quiet:
        print(plain_text(text), file=sys.stderr)


def follow(handle: RunHandle, interrupt: _Counter, quiet: bool) -> Snapshot | None:
    """Show the progress of a run until it is over, and return its last snapshot.

    The first interrupt asks the engine to stop and keep what is done; the second returns at once.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, highlight=False)
    snapshot = handle.snapshot()
    if snapshot and snapshot.facts:
        facts = snapshot.facts
        for note in facts.data_notes:
            narrate(note, quiet)
        narrate(
            f"Sampler {facts.experiment.sampler}: {facts.sampler_reason}. {facts.parameters:,} parameters.",
            quiet,
        )
    stopping = False
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    ) as progress:
        task = progress.add_task("sampling", total=snapshot.target if snapshot else None, rate="")
        while handle.running():
            time.sleep(_REFRESH)
            if interrupt.count and not stopping:
                handle.stop()
                narrate("Stopping; what is done is kept. Ctrl-C again to stop waiting.", quiet)
                stopping = True
            if interrupt.count > 1:
                break
            snapshot = _newest(handle) or snapshot
            if snapshot:
                rate = f"{snapshot.rate:,.0f} networks/s"
                progress.update(task, completed=snapshot.samples, total=snapshot.target, rate=rate)
    return _newest(handle) or snapshot


def _newest(handle: RunHandle) -> Snapshot | None:
    try:
        return handle.snapshot()
    except RunDirectoryError:
        return None
