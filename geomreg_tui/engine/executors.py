"""Executors: where chunks are drawn. Both kinds give the same bits; only the time differs.

An executor takes tasks and gives back outcomes in any order. Another kind (a cluster) needs no more than
the methods of :class:`Executor`: a task is ``run_chunk(experiment, k)``, or a leg of the deep tail, which
finds its checkpoint in the run directory and leaves its next one there.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Protocol

from geomreg_tui.datasets import arrays_in
from geomreg_tui.engine.task import Prepared, Work
from geomreg_tui.errors import ExperimentError, GeomregError, GivenUpError, ModuleError, SamplingError
from geomreg_tui.experiment import Experiment

__all__ = ["NICE", "Executor", "InProcess", "Outcome", "WorkerPool"]

NICE = 5  # of workers: what a person is waiting for, such as a key in the explorer, goes first
_DEPTH = 2  # tasks given to a worker at once, so that it never waits for the next


@dataclass(frozen=True)
class Outcome:
    """The outcome of a task: what it gave, or None and the reason.

    Attributes:
        task: the task.
        answer: what it gave; None where it failed.
        error: why it failed.
        lasting: whether it would fail in the same way if it were tried again.
    """

    task: Work
    answer: Any
    error: str = ""
    lasting: bool = False


class Executor(Protocol):
    """A place where chunks are drawn, as the engine needs it.

    Attributes:
        arrays: the folder with the arrays that experiments were given for data; None for none.
    """

    arrays: Path | None

    @property
    def workers(self) -> int:
        """How many tasks can be under way at once; known once an experiment is prepared."""

    def prepare(
        self,
        experiment: Experiment,
        device: str,
        module: str | None,
        deep: bool = False,
        overlays: bool = True,
    ) -> Prepared:
        """Make an experiment ready; errors are for the person who asked for it.

        Args:
            experiment: the experiment.
            device: which devices are meant.
            module: the module factory that the person named.
            deep: whether for a deep tail.
            overlays: whether to compute what theory says of it.
        """

    def submit(self, task: Work) -> None:
        """Take a task."""

    def outcomes(self, timeout: float) -> list[Outcome]:
        """Return what was finished, waiting at most ``timeout`` seconds for something."""

    def abandon(self) -> None:
        """Stop what is under way and forget it; other tasks may be submitted."""

    def close(self) -> None:
        """Stop at once and forget what is unfinished."""


class InProcess:
    """Draws in the calling process, one task for each call of :meth:`outcomes`.

    Args:
        interrupt: asked before each batch of a chunk whether to give it up; a chunk that is given up has
            no outcome.
    """

    workers = 1

    def __init__(self, interrupt: Callable[[], bool] | None = None) -> None:
        self.arrays: Path | None = None
        self._interrupt = interrupt
        self._tasks: deque[Work] = deque()
        self._device = "cpu"

    def prepare(
        self,
        experiment: Experiment,
        device: str,
        module: str | None,
        deep: bool = False,
        overlays: bool = True,
    ) -> Prepared:
        """Make an experiment ready."""
        worker = _loaded_worker()
        with arrays_in(self.arrays):
            prepared: Prepared = worker.prepare(experiment, device, module, deep, overlays)
        self._device = prepared.devices[0]
        return prepared

    def submit(self, task: Work) -> None:
        """Take a task."""
        self._tasks.append(task)

    def outcomes(self, timeout: float) -> list[Outcome]:
        """Draw the next task."""
        if not self._tasks:
            return []
        task = self._tasks.popleft()
        try:
            worker = _loaded_worker()
            with arrays_in(self.arrays):
                result = worker.perform(task, self._device, self._interrupt)
        except GivenUpError:
            return []
        except (GeomregError, RuntimeError, MemoryError) as error:
            lasting = isinstance(error, (ExperimentError, ModuleError))
            return [Outcome(task, None, f"{type(error).__name__}: {error}", lasting)]
        return [Outcome(task, result)]

    def abandon(self) -> None:
        """Forget what is unfinished."""
        self._tasks.clear()

    def close(self) -> None:
        """Forget what is unfinished."""
        self._tasks.clear()


@dataclass(eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection
    device: str
    tasks: deque[Work] = field(default_factory=deque)


class WorkerPool:
    """Worker processes on this machine, each with a pipe of its own: one for each core, or for each GPU.

    A task that kills its worker or raises an error loses nothing else: it is tried once more with no other
    task under way (it may have run out of memory only because of the others), and reported if that fails
    too; what was waiting behind it goes to another worker.

    Args:
        cores: workers on the CPU; of GPU workers there is one for each device.

    Attributes:
        arrays: the folder with the arrays that experiments were given for data; None for none.
    """

    def __init__(self, cores: int) -> None:
        self.arrays: Path | None = None
        self._cores = cores
        self._devices = ["cpu"] * cores
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["geomreg_tui.engine.preload"])
        self._pool: list[_Worker] = []
        self._ready: deque[Work] = deque()
        self._suspects: deque[Work] = deque()
        self._alone: Work | None = None

    @property
    def workers(self) -> int:
        """How many workers there may be."""
        return len(self._devices)

    def prepare(
        self,
        experiment: Experiment,
        device: str,
        module: str | None,
        deep: bool = False,
        overlays: bool = True,
    ) -> Prepared:
        """Make an experiment ready in the first worker."""
        worker = self._pool[0] if self._pool else self._start()
        worker.pipe.send((self.arrays, (experiment, device, module, deep, overlays)))
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

    def submit(self, task: Work) -> None:
        """Take a task."""
        self._ready.append(task)
        self._deal()

    def outcomes(self, timeout: float) -> list[Outcome]:
        """Return what was finished, waiting at most ``timeout`` seconds for something."""
        self._deal()
        pipes = {worker.pipe: worker for worker in self._pool if worker.tasks}
        finished: list[Outcome] = []
        for pipe in wait(list(pipes), timeout):
            worker = pipes[pipe]  # type: ignore[index]
            try:
                answer = worker.pipe.recv()
            except (EOFError, OSError):
                code = self._close_worker(worker)
                first, *behind = worker.tasks
                self._ready.extendleft(reversed(behind))
                finished += self._failed(first, f"its worker died ({_cause(code)})")
                continue
            task = worker.tasks.popleft()
            if isinstance(answer, Exception):
                lasting = isinstance(answer, (ExperimentError, ModuleError))
                finished += self._failed(task, f"{type(answer).__name__}: {answer}", lasting)
                continue
            if task is self._alone:
                self._alone = None
            finished.append(Outcome(task, answer))
        self._deal()
        return finished

    def abandon(self) -> None:
        """Kill the workers that are at a task, and forget all tasks."""
        for worker in [worker for worker in self._pool if worker.tasks]:
            worker.process.kill()
            self._close_worker(worker)
        self._ready.clear()
        self._suspects.clear()
        self._alone = None

    def close(self) -> None:
        """Kill the workers; what they had not finished is forgotten."""
        for worker in list(self._pool):
            worker.process.kill()
            self._close_worker(worker)

    def _deal(self) -> None:
        """Give waiting tasks to workers; one that has failed only when no other is under way."""
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

    def _give(self, worker: _Worker, task: Work) -> None:
        worker.tasks.append(task)
        with contextlib.suppress(OSError):  # a dead worker is noticed when its answer is waited for
            worker.pipe.send((self.arrays, (task, worker.device)))

    def _failed(self, task: Work, why: str, lasting: bool = False) -> list[Outcome]:
        """Put a task aside to be tried alone, or report it if that is what it was."""
        if task is not self._alone:
            self._suspects.append(task)
            return []
        self._alone = None
        why = f"{why}, twice, the second time with nothing else under way"
        return [Outcome(task, None, why, lasting)]

    def _start(self) -> _Worker:
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
    os.nice(NICE)
    parent = os.getppid()
    try:
        worker = _loaded_worker()
    except SamplingError as error:
        with contextlib.suppress(EOFError, OSError):
            pipe.recv()
            pipe.send(error)
        return
    with contextlib.suppress(EOFError, OSError):
        while os.getppid() == parent:
            arrays, request = pipe.recv()
            answer: object
            try:
                with arrays_in(arrays):
                    do = worker.perform if isinstance(request[0], Work) else worker.prepare
                    answer = do(*request)
            except GeomregError as error:
                answer = error
            except Exception as error:
                answer = SamplingError(f"{type(error).__name__}: {error}")
            pipe.send(answer)


def _loaded_worker() -> Any:
    """Return the module that prepares experiments and draws networks; loading it loads torch.

    Raises:
        SamplingError: if torch, or what it needs, cannot be loaded.
    """
    try:
        from geomreg_tui.engine import worker
    except (ImportError, OSError) as error:  # a library that is broken is an OSError
        raise SamplingError(
            f"no networks can be drawn here: {error}; 'geomreg-tui doctor' says what this machine has"
        ) from None
    return worker
