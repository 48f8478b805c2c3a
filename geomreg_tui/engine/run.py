"""The engine's loop: hands out chunks, publishes snapshots, commits, obeys."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from geomreg_tui.engine.executors import Executor, Outcome
from geomreg_tui.engine.fold import Fold
from geomreg_tui.engine.result import summary_document
from geomreg_tui.engine.tail import Descents
from geomreg_tui.engine.task import Leg, Task
from geomreg_tui.errors import RunDirectoryError, SamplingError, TakenOverError
from geomreg_tui.runs import Action, Command, Lease, Pack, RunDirectory, RunState, Snapshot, Status

__all__ = ["Engine", "Pace"]

_LOOK_AHEAD = 4  # chunks under way or out of order, for each worker
_RATE_WINDOW = 5.0  # seconds
_STILL = 1.0  # seconds between snapshots while nothing changes
_MOST_GIVEN_UP = 8


@dataclass(frozen=True)
class Pace:
    """How often the engine does what is not sampling, and how long it waits, in seconds.

    Attributes:
        publish: between snapshots.
        commit: between commits.
        poll: longest wait for a finished chunk before looking elsewhere.
        obey: between looks for commands.
        hurry: longest wait for chunks under way when a scheduler says that time is up.
        drain: longest wait for them when a person says stop.
        patience: how long the run directory may be unwritable before the run fails.
    """

    publish: float = 0.2
    commit: float = 2.0
    poll: float = 0.05
    obey: float = 0.2
    hurry: float = 2.0
    drain: float = 60.0
    patience: float = 60.0


class Engine:
    """Samples a run, from what is committed to what is asked for, or until a command says stop.

    Args:
        run: the run directory.
        executor: where chunks are drawn.
        fold: what is there and what is wanted.
        lease: the right to write; without one nobody else may write.
        pace: how often things are done.
        device: what it is sampled on, for viewers.
        descents: the populations of the deep tail, which begin when the fold is finished.
    """

    def __init__(
        self,
        run: RunDirectory,
        executor: Executor,
        fold: Fold,
        lease: Lease | None = None,
        pace: Pace = Pace(),
        device: str = "cpu",
        descents: Descents | None = None,
    ) -> None:
        self._run = run
        self._executor = executor
        self._fold = fold
        self._descents = descents or Descents(run)
        self._lease = lease
        self._pace = pace
        self._device = device
        self._running = 0
        self._stop_at: float | None = None
        self._paused = False
        self._message = ""
        self._passing = False  # whether anything has failed that may not fail again
        self._status: Status | None = None
        self._unwritable_since: float | None = None
        self._elapsed = run.read_status().elapsed_s
        self._clock: float | None = None
        self._recent: deque[tuple[float, int]] = deque()

    def run(self) -> RunState:
        """Sample until the plan is fulfilled or a command says stop; return how it ended.

        Raises:
            RunDirectoryError: if the directory cannot be written; what was committed is kept.
            TakenOverError: if another engine has taken the directory over; nothing more is written.
        """
        self._run.log("start", samples=self._fold.plan.samples, chunk=self._fold.next)
        self._clock = time.monotonic()
        self._publish(RunState.SAMPLING)
        self._write_status(RunState.SAMPLING)
        published = committed = time.monotonic()
        obeyed = 0.0
        failure = ""
        try:
            while not self._over():
                self._feed()
                self._take(self._executor.outcomes(self._pace.poll) if self._running else self._idle())
                self._count_time()
                now = time.monotonic()
                if now - obeyed >= self._pace.obey:
                    for command in self._run.control.poll():
                        self._obey(command)
                    obeyed = now
                if (
                    now - published >= self._pace.publish
                    and not self._paused
                    and self._moves(now - published)
                ):
                    self._publish(RunState.SAMPLING)
                    published = now
                if now - committed >= self._pace.commit:
                    self._commit()
                    committed = now
        except SamplingError as error:
            failure = str(error)
        if self._running:
            self._executor.abandon()
        return self._close(failure)

    def request_stop(self, *, hurry: bool = False) -> None:
        """Stop soon, keeping everything that is finished; asked a second time, at once.

        Safe to call from a signal handler.

        Args:
            hurry: wait no longer than ``pace.hurry`` for chunks under way.
        """
        now = time.monotonic()
        if self._stop_at is not None:
            self._stop_at = now
        else:
            self._stop_at = now + (self._pace.hurry if hurry else self._pace.drain)

    def _over(self) -> bool:
        if self._stop_at is not None:
            return self._running == 0 or time.monotonic() >= self._stop_at
        return self._fold.finished and self._descents.finished

    def _obey(self, command: Command) -> None:
        self._run.log("command", action=command.action.value, samples=command.samples)
        if command.action is Action.STOP:
            self.request_stop()
        elif command.action is Action.PAUSE and not self._paused:
            self._elapsed, self._clock = self._time_spent(), None
            self._paused = True
            self._commit()
            self._publish(RunState.PAUSED)
        elif command.action is Action.RESUME and self._paused:
            self._paused = False
            self._recent.clear()
            self._publish(RunState.SAMPLING)
        elif command.action is Action.EXTEND:
            self._fold.extend(command.samples)
            try:
                self._run.write_plan(self._fold.plan.samples, self._fold.plan.keep_losses)
            except RunDirectoryError as error:
                self._message = f"{error}; this engine goes on to the new number all the same"

    def _feed(self) -> None:
        if self._paused or self._stop_at is not None:
            return
        limit = self._executor.workers * _LOOK_AHEAD
        while self._running + self._fold.waiting < limit:
            chunk = self._fold.pop_chunk()
            if chunk is None:
                break
            self._executor.submit(self._fold.plan.task(chunk))
            self._running += 1
        while self._fold.finished and self._running < self._executor.workers:
            leg = self._descents.pop_leg()
            if leg is None:
                break
            self._executor.submit(leg)
            self._running += 1

    def _idle(self) -> list[Outcome]:
        time.sleep(self._pace.poll)
        return []

    def _take(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            self._running -= 1
            if isinstance(outcome.task, Leg):
                self._message = self._descents.take(outcome.task, outcome)
                continue
            if not isinstance(outcome.task, Task):
                raise AssertionError(f"nobody asked for a {type(outcome.task).__name__}")
            chunk = outcome.task.chunk
            if (drawn := outcome.answer) is not None:
                losses = drawn.losses if drawn.losses is not None else self._run.empty().losses
                self._fold.take(chunk, Pack.of_chunk(drawn.summary, losses))
                continue
            self._run.log("chunk given up", chunk=chunk, reason=outcome.error)
            self._fold.give_up(chunk, outcome.error)
            self._passing |= not outcome.lasting
            self._message = self._given_up_text()
            if len(self._fold.given_up) >= _MOST_GIVEN_UP:
                raise SamplingError(self._message)

    def _count_time(self) -> None:
        """Count the time while networks are drawn; descents count their own."""
        sampling = not self._paused and not self._fold.finished
        if sampling and self._clock is None:
            self._clock = time.monotonic()
        elif not sampling and self._clock is not None:
            self._elapsed, self._clock = self._time_spent(), None

    def _moves(self, since: float) -> bool:
        """Whether viewers would see anything new, which is not always so while only the tail goes on."""
        if not self._fold.finished or since >= _STILL:
            return True
        fresh, self._descents.fresh = self._descents.fresh, False
        return fresh

    def _given_up_text(self) -> str:
        given_up = self._fold.given_up
        chunks = ", ".join(f"{chunk:,}" for chunk in sorted(given_up))
        number = "chunk" if len(given_up) == 1 else "chunks"
        first = given_up[min(given_up)]
        again = "--resume tries again" if self._passing else "the same would happen again"
        return f"{number} {chunks} cannot be drawn: {first}; all others are kept, and {again}"

    def _publish(self, state: RunState) -> None:
        now = time.monotonic()
        summary = self._fold.summary()
        self._recent.append((now, summary.samples))
        while len(self._recent) > 2 and now - self._recent[0][0] > _RATE_WINDOW:
            self._recent.popleft()
        (start, before), (end, after) = self._recent[0], self._recent[-1]
        rate = (after - before) / (end - start) if end > start and state is RunState.SAMPLING else 0.0
        snapshot = Snapshot(
            state=state,
            target=self._fold.plan.samples,
            written_at=time.time(),
            facts=self._run.facts,
            summary=summary,
            rate=rate,
            elapsed_s=self._time_spent(),
            message=self._message,
            device=self._device,
            mixed=self._run.mixed,
            tail=self._descents.tail,
        )
        try:
            self._run.write_live(snapshot)
        except RunDirectoryError:
            if state.over:
                self._run.drop_live()
            # Otherwise the next commit tells whether this lasts.

    def _commit(self, *, last: bool = False) -> None:
        """Write what is folded; where that fails keep it and try again later, but not for ever.

        Args:
            last: there is no time to try again.
        """
        if self._lease is not None and not self._lease.held():
            raise TakenOverError(
                f"{self._run.path}: was taken over by {self._run.engine() or 'another engine'}"
            )
        try:
            self._fold.commit()
            self._write_status(RunState.PAUSED if self._paused else RunState.SAMPLING)
        except RunDirectoryError as error:
            now = time.monotonic()
            if self._unwritable_since is None:
                self._unwritable_since = now
            if last or now - self._unwritable_since >= self._pace.patience:
                raise
            self._message = f"{error}; what was drawn since waits in memory, make room to keep it"
        else:
            if self._unwritable_since is not None:
                self._unwritable_since = None
                self._message = ""
                self._run.log("directory can be written again")

    def _write_status(self, state: RunState, tail: int = 0) -> None:
        status = Status(
            state,
            self._fold.committed_samples + tail,
            self._fold.plan.samples,
            self._time_spent(),
            self._message,
            self._run.facts.describe(),
            self._run.mixed,
            tuple(sorted(self._fold.given_up)),
        )
        if status != self._status:  # while a run is paused nothing is written
            self._run.write_status(status)
            self._status = status

    def _time_spent(self) -> float:
        return self._elapsed + (time.monotonic() - self._clock if self._clock is not None else 0.0)

    def _close(self, failure: str) -> RunState:
        """Write everything, what must not be lost first, and return how the run ended."""
        self._elapsed, self._clock = self._time_spent(), None
        self._commit(last=self._stop_at is not None)
        while self._unwritable_since is not None:
            time.sleep(self._pace.poll)
            self._commit()
        self._fold.commit_rest()
        done = self._fold.finished and self._descents.finished
        state = RunState.DONE if done else RunState.STOPPED
        given_up = self._given_up_text() if self._fold.given_up else ""
        self._message = failure or given_up or self._descents.failure
        if self._message:
            state = RunState.FAILED
        summary = self._fold.summary()
        self._write_status(state, summary.samples - self._fold.committed_samples)
        if self._fold.plan.keep_losses:
            self._run.write_losses(self._run.committed()[0].losses[: self._fold.plan.keep_losses])
        document = summary_document(
            self._run.facts,
            summary,
            state is RunState.DONE,
            self._elapsed,
            self._run.environments,
            tuple(sorted(self._fold.given_up)),
            self._descents.read(),
        )
        self._run.write_summary(document)
        self._publish(state)
        self._run.log("end", state=state.value, samples=summary.samples, message=self._message)
        return state
