"""The engine's loop: hands out chunks, folds them in order, publishes snapshots, commits, obeys."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from geomreg_tui.engine.executors import Executor, Outcome
from geomreg_tui.engine.plan import Plan
from geomreg_tui.engine.result import summary_document
from geomreg_tui.errors import SamplingError
from geomreg_tui.runs import RunDirectory, RunState, Snapshot
from geomreg_tui.runs.directory import Command, Status
from geomreg_tui.runs.packs import Pack
from geomreg_tui.summary import Summary

__all__ = ["Engine", "Pace"]

_LOOK_AHEAD = 4  # chunks under way or out of order, for each worker
_RATE_WINDOW = 5.0  # seconds


@dataclass(frozen=True)
class Pace:
    """How often the engine does what is not sampling, in seconds."""

    publish: float = 0.2
    commit: float = 2.0
    poll: float = 0.05
    drain: float = 4.0


class Engine:
    """One sitting of a run: from what is committed to what is asked for, or until told to stop.

    Summaries are folded in the order of chunks whatever the order of completion, so what is shown and
    kept at any moment is a contiguous prefix: stopping early is unbiased and gives the same bits as a
    run that asked for less.
    """

    def __init__(
        self,
        run: RunDirectory,
        executor: Executor,
        devices: list[str],
        pace: Pace = Pace(),
    ) -> None:
        self._run = run
        self._executor = executor
        self._devices = devices
        self._pace = pace
        samples, keep = run.plan()
        self._plan = Plan(run.facts.experiment, samples, keep)
        self._whole = self._load()
        self._tail: Pack | None = None
        self._done: dict[int, Pack] = {}
        self._fresh: list[Pack] = []
        self._committed = self._next = self._submitted = self._first
        self._running = 0
        self._stopping = self._paused = False
        self._state = RunState.SAMPLING
        self._message = ""
        self._elapsed = run.read_status().elapsed_s
        self._clock: float | None = None
        self._recent: deque[tuple[float, int]] = deque()

    def run(self) -> RunState:
        """Sample until the plan is fulfilled or a command says stop; return how it ended.

        Raises:
            RunDirectoryError: if the directory cannot be written; what was committed is kept.
        """
        self._run.log("start", samples=self._plan.samples, chunk=self._first)
        self._publish(RunState.SAMPLING)
        self._clock = time.monotonic()
        published = committed = time.monotonic()
        try:
            while not self._finished():
                self._obey()
                self._feed()
                self._take(self._executor.outcomes(self._pace.poll) if self._running else self._idle())
                now = time.monotonic()
                if now - published >= self._pace.publish and not self._paused:
                    self._publish(RunState.SAMPLING)
                    published = now
                if now - committed >= self._pace.commit:
                    self._commit()
                    committed = now
            if not self._message:
                short = self._summary().samples < self._plan.samples
                self._state = RunState.STOPPED if short else RunState.DONE
        except SamplingError as error:
            self._state, self._message = RunState.FAILED, str(error)
        self._close()
        return self._state

    def request_stop(self) -> None:
        """Stop soon, keeping everything that is finished; safe to call from a signal handler."""
        self._stopping = True

    def _load(self) -> Pack:
        """Return the committed whole chunks, merged."""
        pack, files = self._run.committed()
        self._first = files[-1].stop if files else 0
        if pack.summary.samples == self._first * self._plan.chunk_size:
            return pack
        # An incomplete last chunk is drawn anew as part of the whole one.
        return Pack.merge([self._run.empty(), *(self._run.packs.read(file) for file in files)])

    @property
    def _tail_samples(self) -> int:
        return self._tail.summary.samples if self._tail else 0

    def _finished(self) -> bool:
        if self._stopping:
            return self._running == 0
        return self._next >= self._plan.whole_chunks and self._tail_samples >= self._plan.tail

    def _obey(self) -> None:
        command = self._run.poll()
        if command is None:
            return
        self._run.log("command", action=command.action, samples=command.samples)
        if command.action == "stop":
            self._stopping = True
        elif command.action == "pause" and not self._paused:
            self._paused = True
            self._elapsed = self._time_spent()
            self._clock = None
            self._commit()
            self._publish(RunState.PAUSED)
        elif command.action == "resume" and self._paused:
            self._paused = False
            self._clock = time.monotonic()
            self._recent.clear()
            self._publish(RunState.SAMPLING)
        elif command.action == "extend":
            self._extend(command)

    def _extend(self, command: Command) -> None:
        samples = max(command.samples, self._submitted * self._plan.chunk_size)
        self._plan = Plan(self._plan.experiment, samples, self._plan.keep_losses)
        self._run.write_plan(samples, self._plan.keep_losses)
        if self._tail and self._tail_samples < self._plan.samples - self._next * self._plan.chunk_size:
            self._tail = None
            self._submit(self._next)

    def _feed(self) -> None:
        if self._paused or self._stopping:
            return
        limit = self._next + self._executor.workers * _LOOK_AHEAD
        while self._submitted < min(self._plan.chunks, limit):
            self._submit(self._submitted)
            self._submitted += 1

    def _submit(self, chunk: int) -> None:
        self._executor.submit(self._plan.task(chunk, self._devices))
        self._running += 1

    def _idle(self) -> list[Outcome]:
        time.sleep(self._pace.poll)
        return []

    def _take(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            self._running -= 1
            task = outcome.task
            if outcome.summary is None:
                self._run.log("chunk failed", chunk=task.chunk, reason=outcome.error)
                raise SamplingError(f"chunk {task.chunk} cannot be drawn: {outcome.error}")
            losses = outcome.losses if outcome.losses is not None else self._run.empty().losses
            self._done[task.chunk] = Pack(outcome.summary, losses)
        while self._next in self._done:
            pack = self._done.pop(self._next)
            samples = pack.summary.samples
            if samples == self._plan.chunk_size:
                self._fresh.append(pack)
                self._next += 1
            elif self._next < self._plan.whole_chunks or samples < self._plan.tail:
                self._submit(self._next)  # the plan grew meanwhile: more of this chunk is wanted
            else:
                self._tail = pack

    def _publish(self, state: RunState) -> None:
        self._absorb()
        now = time.monotonic()
        summary = self._summary()
        self._recent.append((now, summary.samples))
        while len(self._recent) > 2 and now - self._recent[0][0] > _RATE_WINDOW:
            self._recent.popleft()
        (start, before), (end, after) = self._recent[0], self._recent[-1]
        rate = (after - before) / (end - start) if end > start and state is RunState.SAMPLING else 0.0
        self._run.write_live(
            Snapshot(
                state=state,
                target=self._plan.samples,
                written_at=time.time(),
                facts=self._run.facts,
                summary=summary,
                rate=rate,
                elapsed_s=self._time_spent(),
                message=self._message,
            )
        )

    def _absorb(self) -> None:
        """Fold what came since the last commit into one pack, and all of it into the total."""
        if len(self._fresh) > 1:
            self._fresh = [Pack.merge(self._fresh)]

    def _summary(self) -> Summary:
        parts = [self._whole.summary, *(pack.summary for pack in self._fresh)]
        if self._tail:
            parts.append(self._tail.summary)
        return Summary.merge(parts)

    def _commit(self) -> None:
        self._absorb()
        if self._fresh:
            self._run.packs.append(self._committed, self._next, self._fresh[0])
            self._whole = Pack.merge([self._whole, *self._fresh])
            self._fresh = []
            self._committed = self._next
        state = RunState.PAUSED if self._paused else RunState.SAMPLING
        self._write_status(state)

    def _write_status(self, state: RunState) -> None:
        samples = self._whole.summary.samples + self._tail_samples
        self._run.write_status(Status(state, samples, self._plan.samples, self._time_spent()))

    def _time_spent(self) -> float:
        return self._elapsed + (time.monotonic() - self._clock if self._clock is not None else 0.0)

    def _close(self) -> None:
        self._elapsed, self._clock = self._time_spent(), None
        self._commit()
        if self._tail:
            self._run.packs.write_tail(self._next, self._tail)
        summary = self._summary()
        losses = Pack.merge([self._whole, *([self._tail] if self._tail else [])]).losses
        if self._plan.keep_losses:
            self._run.write_losses(losses[: self._plan.keep_losses])
        complete = self._state is RunState.DONE
        self._run.write_summary(summary_document(self._run.facts, summary, complete, self._elapsed))
        self._write_status(self._state)
        self._publish(self._state)
        self._run.log("end", state=self._state.value, samples=summary.samples, message=self._message)
