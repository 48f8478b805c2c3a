"""Executors: where chunks are drawn. Both kinds give the same bits; only the time differs.

An executor takes tasks and gives back outcomes in any order. Another kind (a cluster) needs no more than
the four methods of :class:`Executor`.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections import deque
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from geomreg_tui.engine.task import Prepared, Task
from geomreg_tui.errors import GeomregError, SamplingError
from geomreg_tui.experiment import Experiment
from geomreg_tui.summary import Summary

__all__ = ["Executor", "InProcess", "Outcome", "WorkerPool"]

_DEPTH = 2  # tasks given to a worker at once, so that it never waits for the next


@dataclass(frozen=True)
class Outcome:
    """What became of a task: a summary and the kept losses, or the reason why there is none."""

    task: Task
    summary: Summary | None
    losses: Any = None
    error: str = ""


class Executor(Protocol):
    """What the engine needs of a place where chunks are drawn."""

    workers: int

    def prepare(self, experiment: Experiment, device: str, module: str | None) -> Prepared:
        """Make an experiment ready; raises what the experiment's user should read."""

    def submit(self, task: Task) -> None:
        """Take a task."""

    def outcomes(self, timeout: float) -> list[Outcome]:
        """Return what was finished, waiting at most ``timeout`` seconds for something."""

    def close(self) -> None:
        """Stop at once and forget what is unfinished."""


class InProcess:
    """Draws in the calling process, one task for each call of :meth:`outcomes`."""

    workers = 1

    def __init__(self) -> None:
        self._tasks: deque[Task] = deque()

    def prepare(self, experiment: Experiment, device: str, module: str | None) -> Prepared:
        """Make an experiment ready."""
        from geomreg_tui.engine.worker import prepare

        return prepare(experiment, device, module)

    def submit(self, task: Task) -> None:
        """Take a task."""
        self._tasks.append(task)

    def outcomes(self, timeout: float) -> list[Outcome]:
        """Draw the next task."""
        from geomreg_tui.engine.worker import perform

        if not self._tasks:
            return []
        task = self._tasks.popleft()
        result = perform(task)
        return [Outcome(task, result.summary, result.losses)]

    def close(self) -> None:
        """Forget what is unfinished."""
        self._tasks.clear()


@dataclass(eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection
    tasks: deque[Task] = field(default_factory=deque)


class WorkerPool:
    """Worker processes on this machine, each with a pipe of its own.

    The death of a worker loses nothing: the task that it was at is tried once more with no other task
    under way (it may have run out of memory only because of the others), and reported if that fails too;
    what was waiting behind it goes to another worker.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["geomreg_tui.engine.worker"])
        self._pool: list[_Worker] = []
        self._ready: deque[Task] = deque()
        self._suspects: deque[Task] = deque()
        self._alone: Task | None = None

    def prepare(self, experiment: Experiment, device: str, module: str | None) -> Prepared:
        """Make an experiment ready in the first worker."""
        worker = self._start()
        worker.pipe.send((experiment, device, module))
        try:
            answer = worker.pipe.recv()
        except (EOFError, OSError):
            self._bury(worker)
            raise SamplingError(
                "the process that prepares the experiment died; is there enough memory?"
            ) from None
        if isinstance(answer, Exception):
            raise answer
        prepared: Prepared = answer
        return prepared

    def submit(self, task: Task) -> None:
        """Take a task."""
        self._ready.append(task)
        self._deal()

    def outcomes(self, timeout: float) -> list[Outcome]:
        """Return what was finished, waiting at most ``timeout`` seconds for something."""
        self._deal()
        pipes = {worker.pipe: worker for worker in self._pool if worker.tasks}
        finished = []
        for pipe in wait(list(pipes), timeout):
            worker = pipes[pipe]  # type: ignore[index]
            try:
                answer = worker.pipe.recv()
            except (EOFError, OSError):
                finished += self._died(worker)
                continue
            task = worker.tasks.popleft()
            if task is self._alone:
                self._alone = None
            if isinstance(answer, Exception):
                finished.append(Outcome(task, None, error=f"{type(answer).__name__}: {answer}"))
            else:
                finished.append(Outcome(task, answer.summary, answer.losses))
        self._deal()
        return finished

    def close(self) -> None:
        """Kill the workers; what they had not finished is forgotten."""
        for worker in list(self._pool):
            worker.process.kill()
            self._bury(worker)

    def _deal(self) -> None:
        """Give waiting tasks to workers; one that killed a worker only when no other is under way."""
        if self._alone is not None:
            return
        busy = any(worker.tasks for worker in self._pool)
        if self._suspects:
            if not busy:
                self._alone = self._suspects.popleft()
                self._give(self._pool[0] if self._pool else self._start(), self._alone)
            return
        for depth in range(1, _DEPTH + 1):
            while self._ready:
                free = [worker for worker in self._pool if len(worker.tasks) < depth]
                if free:
                    self._give(free[0], self._ready.popleft())
                elif len(self._pool) < self.workers:
                    self._start()
                else:
                    break

    def _give(self, worker: _Worker, task: Task) -> None:
        worker.tasks.append(task)
        with contextlib.suppress(OSError):  # a dead worker is noticed when its answer is waited for
            worker.pipe.send(task)

    def _died(self, worker: _Worker) -> list[Outcome]:
        code = self._bury(worker)
        first, *behind = worker.tasks
        self._ready.extendleft(reversed(behind))
        if first is not self._alone:
            self._suspects.append(first)
            return []
        self._alone = None
        return [Outcome(first, None, error=f"its worker died twice, the second time alone ({_cause(code)})")]

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._pool.append(worker)
        return worker

    def _bury(self, worker: _Worker) -> int | None:
        self._pool.remove(worker)
        worker.pipe.close()
        worker.process.join(5)
        return worker.process.exitcode


def _cause(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    hint = "; the system was out of memory?" if code == -signal.SIGKILL else ""
    return f"signal {signal.Signals(-code).name}{hint}"


def _serve(pipe: Connection) -> None:
    """Answer requests until the engine goes away."""
    from geomreg_tui.engine.worker import perform, prepare

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    parent = os.getppid()
    with contextlib.suppress(EOFError, OSError):
        while os.getppid() == parent:
            request = pipe.recv()
            answer: object
            try:
                answer = perform(request) if isinstance(request, Task) else prepare(*request)
            except GeomregError as error:
                answer = error
            except Exception as error:
                answer = SamplingError(f"{type(error).__name__}: {error}")
            pipe.send(answer)
