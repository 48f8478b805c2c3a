"""Executors: where work is done. All kinds give the same bits; only the time differs.

An executor takes pieces of work and gives back outcomes in any order. Here are those of this machine; the
workers of a cluster are in :mod:`geomreg_tui.engine.cluster`.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple, Protocol

from geomreg_tui.datasets import arrays_in
from geomreg_tui.engine.work import Interrupt, Outcome, Prepared, Work, perform
from geomreg_tui.errors import ExperimentError, GeomregError, GivenUpError, ModuleError, SamplingError

__all__ = ["NICE", "Executor", "InProcess", "News", "WorkerPool", "perform_alone"]

NICE = 5  # of workers: what a person is waiting for, such as a key in the explorer, goes first
_DEPTH = 2  # pieces of work given to a worker at once, so that it never waits for the next


class News(NamedTuple):
    """What an executor has to say.

    Attributes:
        trouble: why work does not go on as it should, in words; empty where it does.
        joined: environments other than those so far, in which work is done from now on.
    """

    trouble: str = ""
    joined: tuple[Mapping[str, str], ...] = ()


class Executor(Protocol):
    """A place where work is done, as the engine needs it.

    Attributes:
        arrays: the folder with the arrays that experiments were given for data; None for none.
        place: the cluster, for people; empty for this machine.
    """

    arrays: Path | None
    place: str

    @property
    def workers(self) -> int:
        """How many pieces of work can be under way at once; known once an experiment is prepared."""

    def prepare(self, work: Work) -> Prepared:
        """Do work that makes an experiment ready; its errors are for the person who asked for it."""

    def submit(self, work: Work) -> None:
        """Take a piece of work."""

    def outcomes(self, timeout: float) -> list[Outcome]:
        """Return outcomes of finished work, waiting at most ``timeout`` seconds for one."""

    def news(self) -> News:
        """Return what there is to say."""

    def abandon(self) -> None:
        """Stop all work under way and forget it; other work may be submitted."""

    def close(self) -> None:
        """Stop at once and forget unfinished work."""


def perform_alone(executor: Executor, work: Work) -> Outcome:
    """Have a piece of work done while nothing else is under way; return its outcome."""
    executor.submit(work)
    while not (outcomes := executor.outcomes(1.0)):
        pass
    (outcome,) = outcomes
    return outcome


class InProcess:
    """Works in the calling process, at one piece of work for each call of :meth:`outcomes`.

    Args:
        interrupt: asked now and then whether to give up what is under way; what is given up has no outcome.
    """

    workers = 1
    place = ""

    def __init__(self, interrupt: Interrupt | None = None) -> None:
        self.arrays: Path | None = None
        self._interrupt = interrupt
        self._queue: deque[Work] = deque()
        self._device = "cpu"

    def prepare(self, work: Work) -> Prepared:
        """Do work that makes an experiment ready."""
        with arrays_in(self.arrays):
            prepared: Prepared = perform(work, "")
        self._device = prepared.devices[0]
        return prepared

    def submit(self, work: Work) -> None:
        """Take a piece of work."""
        self._queue.append(work)

    def outcomes(self, timeout: float) -> list[Outcome]:
        """Do the next piece of work."""
        if not self._queue:
            return []
        work = self._queue.popleft()
        try:
            with arrays_in(self.arrays):
                answer = perform(work, self._device, self._interrupt)
        except GivenUpError:
            return []
        except (GeomregError, RuntimeError, MemoryError) as error:
            lasting = isinstance(error, (ExperimentError, ModuleError))
            return [Outcome(work, None, f"{type(error).__name__}: {error}", lasting)]
        return [Outcome(work, answer)]

    def news(self) -> News:
        """Return nothing: this process is as it is."""
        return News()

    def abandon(self) -> None:
        """Forget unfinished work."""
        self._queue.clear()

    def close(self) -> None:
        """Forget unfinished work."""
        self._queue.clear()


@dataclass(eq=False)
class _Worker:
    """A worker process: the pipe to it, its device, and the work that it was given."""

    process: BaseProcess
    pipe: Connection
    device: str
    queue: deque[Work] = field(default_factory=deque)


class WorkerPool:
    """Worker processes on this machine, each with a pipe of its own: one for each core, or for each GPU.

    Work that kills its worker or raises an error loses nothing else: it is tried once more with nothing else
    under way (it may have run out of memory only because of the others), and reported if that fails too;
    what was waiting behind it goes to another worker.

    Args:
        cores: workers on the CPU; of GPU workers there is one for each device.

    Attributes:
        arrays: the folder with the arrays that experiments were given for data; None for none.
    """

    place = ""

    def __init__(self, cores: int) -> None:
        self.arrays: Path | None = None
        self._cores = cores
        self._devices = ["cpu"] * cores
        self._context = multiprocessing.get_context("forkserver")
        self._pool: list[_Worker] = []
        self._ready: deque[Work] = deque()
        self._suspects: deque[Work] = deque()
        self._alone: Work | None = None

    @property
    def workers(self) -> int:
        """How many workers there may be."""
        return len(self._devices)

    def prepare(self, work: Work) -> Prepared:
        """Do work that makes an experiment ready in the first worker."""
        worker = self._pool[0] if self._pool else self._start()
        worker.pipe.send((self.arrays, work, ""))
        try:
            answer = worker.pipe.recv()
        except (EOFError, OSError):
            code = self._close_worker(worker)
            raise SamplingError(f"the process that prepares the experiment died ({_cause(code)})") from None
        if isinstance(answer, Exception):
            raise answer
        prepared: Prepared = answer
        self._devices = list(prepared.devices)
        if self._devices == ["cpu"]:
            self._devices *= self._cores
        worker.device = self._devices[0]
        return prepared

    def submit(self, work: Work) -> None:
        """Take a piece of work."""
        self._ready.append(work)
        self._deal()

    def outcomes(self, timeout: float) -> list[Outcome]:
        """Return outcomes of finished work, waiting at most ``timeout`` seconds for one."""
        self._deal()
        pipes = {worker.pipe: worker for worker in self._pool if worker.queue}
        finished: list[Outcome] = []
        for pipe in wait(list(pipes), timeout):
            worker = pipes[pipe]  # type: ignore[index]
            try:
                answer = worker.pipe.recv()
            except (EOFError, OSError):
                code = self._close_worker(worker)
                first, *behind = worker.queue
                self._ready.extendleft(reversed(behind))
                finished += self._failed(first, f"its worker died ({_cause(code)})")
                continue
            work = worker.queue.popleft()
            if isinstance(answer, Exception):
                lasting = isinstance(answer, (ExperimentError, ModuleError))
                finished += self._failed(work, f"{type(answer).__name__}: {answer}", lasting)
                continue
            if work is self._alone:
                self._alone = None
            finished.append(Outcome(work, answer))
        self._deal()
        return finished

    def news(self) -> News:
        """Return nothing: a worker that has died is replaced."""
        return News()

    def abandon(self) -> None:
        """Kill the workers that are at work, and forget all work."""
        for worker in [worker for worker in self._pool if worker.queue]:
            worker.process.kill()
            self._close_worker(worker)
        self._ready.clear()
        self._suspects.clear()
        self._alone = None

    def close(self) -> None:
        """Kill the workers and forget unfinished work."""
        for worker in list(self._pool):
            worker.process.kill()
            self._close_worker(worker)

    def _deal(self) -> None:
        """Give waiting work to workers; work that has failed waits until nothing else is under way."""
        if self._alone is not None:
            return
        busy = any(worker.queue for worker in self._pool)
        if self._suspects:
            if not busy:
                self._alone = self._suspects.popleft()
                self._give(self._pool[0] if self._pool else self._start(), self._alone)
            return
        for depth in range(1, _DEPTH + 1):
            while self._ready:
                free = [worker for worker in self._pool if len(worker.queue) < depth]
                if free:
                    self._give(free[0], self._ready.popleft())
                elif len(self._pool) < self.workers:
                    self._start()
                else:
                    break

    def _give(self, worker: _Worker, work: Work) -> None:
        """Send a piece of work to a worker."""
        worker.queue.append(work)
        with contextlib.suppress(OSError):  # a dead worker is noticed when its answer is waited for
            worker.pipe.send((self.arrays, work, worker.device))

    def _failed(self, work: Work, why: str, lasting: bool = False) -> list[Outcome]:
        """Put failed work aside to be tried alone; report it if it was alone already."""
        if work is not self._alone:
            self._suspects.append(work)
            return []
        self._alone = None
        why = f"{why}, twice, the second time with nothing else under way"
        return [Outcome(work, None, why, lasting)]

    def _start(self) -> _Worker:
        """Start a worker on the device that has the fewest, and return it."""
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        taken = [worker.device for worker in self._pool]
        left = list(self._devices)
        for device in taken:
            with contextlib.suppress(ValueError):
                left.remove(device)
        worker = _Worker(process, ours, (left or self._devices)[0])
        self._pool.append(worker)
        return worker

    def _close_worker(self, worker: _Worker) -> int | None:
        """Take a worker that has ended out of the pool; return its exit code."""
        self._pool.remove(worker)
        worker.pipe.close()
        worker.process.join(5)
        return worker.process.exitcode


def _cause(code: int | None) -> str:
    """Return in words why a process ended."""
    if code is None or code >= 0:
        return f"exit code {code}"
    hint = "; the system was out of memory?" if code == -signal.SIGKILL else ""
    return f"signal {signal.Signals(-code).name}{hint}"


def _serve(pipe: Connection) -> None:
    """Answer requests until the engine goes away."""
    os.nice(NICE)
    parent = os.getppid()
    with contextlib.suppress(EOFError, OSError):
        while os.getppid() == parent:
            arrays, work, device = pipe.recv()
            answer: object
            try:
                with arrays_in(arrays):
                    answer = perform(work, device)
            except GeomregError as error:
                answer = error
            except Exception as error:
                answer = SamplingError(f"{type(error).__name__}: {error}")
            pipe.send(answer)
