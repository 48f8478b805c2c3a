"""The engine's loop: hands out the work of stages, publishes snapshots, commits, obeys."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from geomreg_tui.engine.executors import Executor
from geomreg_tui.engine.stage import Stage
from geomreg_tui.engine.work import Outcome
from geomreg_tui.errors import RunDirectoryError, SamplingError, TakenOverError
from geomreg_tui.rundir import Action, Command, Lease, RunDirectory, RunState, Status, StoredSnapshot

__all__ = ["Engine", "Pace"]

_RATE_WINDOW = 5.0  # seconds
_STILL = 1.0  # seconds between snapshots while nothing changes

Describe = Callable[[bool, float], dict[str, Any]]


@dataclass(frozen=True)
class Pace:
    """How often the engine publishes, commits and looks for commands, and how long it waits, in seconds.

    Attributes:
        publish: between snapshots.
        commit: between commits.
        poll: longest wait for an outcome before looking elsewhere.
        obey: between looks for commands.
        hurry: longest wait for work under way when a scheduler says that time is up.
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
    """Takes a run through its stages until all that is asked for is there, or until it is told to stop.

    The first stage gives the run its counts, and the time spent on it is the run's.

    Args:
        run: the run directory.
        executor: where work is done.
        stages: what there is to do, at least one, in order: a stage begins when those before it are finished.
        describe: returns the result of the run as plain data; called with whether it is complete, and the
            seconds spent.
        lease: the right to write; without one nobody else may write.
        pace: how often things are done.
        device: what it is sampled on, for viewers.
    """

    def __init__(
        self,
        run: RunDirectory,
        executor: Executor,
        stages: Sequence[Stage],
        describe: Describe,
        lease: Lease | None = None,
        pace: Pace = Pace(),
        device: str = "cpu",
    ) -> None:
        self._run = run
        self._executor = executor
        self._stages = tuple(stages)
        self._first = self._stages[0]
        self._describe = describe
        self._lease = lease
        self._pace = pace
        self._device = device
        self._running = 0
        self._stop_at: float | None = None
        self._paused = False
        self._message = ""
        self._trouble = ""
        self._status: Status | None = None
        self._unwritable_since: float | None = None
        self._elapsed = run.read_status().elapsed_s
        self._clock: float | None = None
        self._recent: deque[tuple[float, int]] = deque()

    def run(self) -> RunState:
        """Go on until all stages are finished or a command says stop; return how the run ended.

        Raises:
            RunDirectoryError: if the directory cannot be written; what was committed is kept.
            TakenOverError: if another engine has taken the directory over; nothing more is written.
        """
        start = {"samples": self._first.progress.target, "chunk": self._first.progress.pieces}
        self._run.log("start", **start, **({"cluster": self._executor.place} if self._executor.place else {}))
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
                self._hear()
                now = time.monotonic()
                if now - obeyed >= self._pace.obey:
                    for command in self._run.control.poll():
                        self._obey(command)
                    obeyed = now
                if (
                    now - published >= self._pace.publish
                    and not self._paused
                    and self._has_news(now - published)
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
            hurry: wait no longer than ``pace.hurry`` for work under way.
        """
        now = time.monotonic()
        if self._stop_at is not None:
            self._stop_at = now
        else:
            self._stop_at = now + (self._pace.hurry if hurry else self._pace.drain)

    def _over(self) -> bool:
        """Return whether the loop is to end: all is done, or it was told to stop."""
        if self._stop_at is not None:
            return self._running == 0 or time.monotonic() >= self._stop_at
        return self._finished

    @property
    def _finished(self) -> bool:
        """Return whether all stages are finished."""
        return all(stage.finished for stage in self._stages)

    def _obey(self, command: Command) -> None:
        """Do what a command says."""
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
            self._message = self._first.extend(command.samples) or self._message

    def _feed(self) -> None:
        """Hand out the work of the first stage that is not finished."""
        if self._paused or self._stop_at is not None:
            return
        for stage in self._stages:
            while (work := stage.pop()) is not None:
                self._executor.submit(work)
                self._running += 1
            if not stage.finished:
                return

    def _idle(self) -> list[Outcome]:
        """Wait a little, and return no outcomes."""
        time.sleep(self._pace.poll)
        return []

    def _take(self, outcomes: list[Outcome]) -> None:
        """Give each outcome to the stage that its work is of."""
        for outcome in outcomes:
            self._running -= 1
            (stage,) = (stage for stage in self._stages if stage.name == outcome.work.stage)
            message = stage.take(outcome)
            self._message = self._message if message is None else message

    def _hear(self) -> None:
        """Say what troubles the executor, and set down other environments that have joined."""
        news = self._executor.news()
        for environment in news.joined:
            self._run.add_environment(environment, self._first.progress.pieces)
        if news.trouble != self._trouble:
            said = self._trouble and self._message == self._trouble
            if news.trouble or said:
                self._message = news.trouble
            if bool(news.trouble) != bool(self._trouble):
                self._run.log("workers", message=news.trouble or "as they should be")
            self._trouble = news.trouble

    def _count_time(self) -> None:
        """Count the time while the first stage goes on; others count their own."""
        counting = not self._paused and not self._first.finished
        if counting and self._clock is None:
            self._clock = time.monotonic()
        elif not counting and self._clock is not None:
            self._elapsed, self._clock = self._time_spent(), None

    def _has_news(self, since: float) -> bool:
        """Whether viewers would see anything new, which is not always so once the first stage is finished."""
        if not self._first.finished or since >= _STILL:
            return True
        return any(stage.show_changes() for stage in self._stages[1:])

    def _publish(self, state: RunState) -> None:
        """Write a snapshot of all stages, with the rate of late."""
        now = time.monotonic()
        parts = {stage.name: stage.part() for stage in self._stages}
        progress = self._first.progress
        self._recent.append((now, progress.done))
        while len(self._recent) > 2 and now - self._recent[0][0] > _RATE_WINDOW:
            self._recent.popleft()
        (start, before), (end, after) = self._recent[0], self._recent[-1]
        rate = (after - before) / (end - start) if end > start and state is RunState.SAMPLING else 0.0
        snapshot = StoredSnapshot(
            state=state,
            target=progress.target,
            written_at=time.time(),
            facts=self._run.facts,
            parts=parts,
            rate=rate,
            elapsed_s=self._time_spent(),
            message=self._message or self._farewell(state),
            device=self._device,
            mixed=self._run.mixed,
        )
        try:
            self._run.write_live(snapshot)
        except RunDirectoryError:
            if state.over:
                self._run.drop_live()
            # Otherwise the next commit tells whether this lasts.

    def _farewell(self, state: RunState) -> str:
        """Return what is waited for since the run was told to stop; empty where it was not, or is over."""
        if self._stop_at is None or state.over:
            return ""
        return f"stopping, finishing {self._running} {'pieces' if self._running != 1 else 'piece'} of work"

    def _commit(self, *, last: bool = False) -> None:
        """Write what is done; where that fails keep it and try again later, but not for ever.

        Args:
            last: there is no time to try again.
        """
        if self._lease is not None and not self._lease.held():
            raise TakenOverError(
                f"{self._run.path}: was taken over by {self._run.engine() or 'another engine'}"
            )
        try:
            for stage in self._stages:
                stage.commit()
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

    def _write_status(self, state: RunState) -> None:
        """Write how the run stands, where that has changed."""
        progress = self._first.progress
        status = Status(
            state,
            progress.done if state.over else progress.committed,
            progress.target,
            self._time_spent(),
            self._message,
            self._run.facts.describe(),
            self._run.mixed,
            progress.given_up,
        )
        if status != self._status:  # while a run is paused nothing is written
            self._run.write_status(status)
            self._status = status

    def _time_spent(self) -> float:
        """Return the seconds spent on the run, pauses left out."""
        return self._elapsed + (time.monotonic() - self._clock if self._clock is not None else 0.0)

    def _close(self, failure: str) -> RunState:
        """Write everything, what must not be lost first, and return how the run ended."""
        self._elapsed, self._clock = self._time_spent(), None
        self._commit(last=self._stop_at is not None)
        while self._unwritable_since is not None:
            time.sleep(self._pace.poll)
            self._commit()
        for stage in self._stages:
            stage.close()
        state = RunState.DONE if self._finished else RunState.STOPPED
        self._message = failure or next((stage.failure for stage in self._stages if stage.failure), "")
        if self._message:
            state = RunState.FAILED
        # A run that says it is done has its result.
        self._run.write_summary(self._describe(state is RunState.DONE, self._elapsed))
        self._write_status(state)
        self._publish(state)
        self._run.log("end", state=state.value, samples=self._first.progress.done, message=self._message)
        return state
