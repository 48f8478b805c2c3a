"""The analyst: one thread that reads a snapshot and analyses it, for one request at a time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from geomreg_tui.errors import GeomregError
from geomreg_tui.runner.snapshot import Snapshot
from geomreg_tui.statistics.hypersphere import log_volume
from geomreg_tui.tui.pins import Pins
from geomreg_tui.tui.view import View, build_view

__all__ = ["Analyst", "Answer", "Failure", "Job", "Unchanged", "Warm"]


@dataclass(frozen=True)
class Job:
    """One request.

    Attributes:
        generation: tag for the answer.
        read: returns the newest snapshot.
        pins: distributions to compare with.
    """

    generation: int
    read: Callable[[], Snapshot | None]
    pins: Pins


@dataclass(frozen=True)
class Unchanged:
    """The answer when there is nothing new to draw."""

    generation: int


@dataclass(frozen=True)
class Failure:
    """The answer when the snapshot could not be read."""

    generation: int
    message: str


@dataclass(frozen=True)
class Warm:
    """Sent once, when scipy has been loaded: from then on special functions cost nothing to call."""


Answer = View | Unchanged | Failure | Warm


class Analyst:
    """Answers jobs in a daemon thread, so that leaving never waits for it.

    Args:
        deliver: called in that thread with each answer.
    """

    def __init__(self, deliver: Callable[[Answer], object]) -> None:
        self._deliver = deliver
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._outstanding = threading.Event()
        self._seen: tuple[object, ...] | None = None
        self._last: View | None = None

    def start(self) -> None:
        """Start the thread; from now on answers are delivered."""
        threading.Thread(target=self._serve, name="analyst", daemon=True).start()

    @property
    def busy(self) -> bool:
        """Whether an answer is outstanding."""
        return self._outstanding.is_set()

    def ask(self, job: Job) -> bool:
        """Hand over a job, unless one is outstanding; return whether it was taken."""
        if self.busy:
            return False
        self._outstanding.set()
        self._jobs.put(job)
        return True

    def close(self) -> None:
        """End the thread after the job in hand."""
        self._jobs.put(None)

    def _serve(self) -> None:
        """Load scipy, then answer jobs until there are no more."""
        log_volume(1.0, 1.0)
        self._deliver(Warm())
        while (job := self._jobs.get()) is not None:
            try:
                answer: Answer = self._answer(job)
            except GeomregError as error:
                self._seen = None
                answer = Failure(job.generation, str(error))
            except Exception as error:
                # A defect in the analysis must not leave the explorer waiting for ever.
                self._seen = None
                answer = Failure(job.generation, f"the analysis failed: {type(error).__name__}: {error}")
            self._outstanding.clear()
            self._deliver(answer)

    def _answer(self, job: Job) -> View | Unchanged:
        """Return the view of the newest snapshot, or that nothing has changed."""
        snapshot = job.read()
        if snapshot is None:
            return Unchanged(job.generation)
        key = (job.generation, snapshot.written_at, snapshot.state, snapshot.samples, snapshot.message)
        last = self._last
        if key == self._seen and last is not None:
            if last.complete:
                return Unchanged(job.generation)
            self._last = build_view(snapshot, job.generation, job.pins, dip=True)
            return self._last
        self._last = build_view(snapshot, job.generation, job.pins, dip=False)
        self._seen = key
        return self._last
