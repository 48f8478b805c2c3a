"""The engine's link to a cluster: a thread that speaks to Dask's scheduler, and says what happens.

The link never decides anything. It carries pieces of work to the workers that it is told, looks which workers
there are, has new ones greeted, and finds the scheduler again. What happens it puts into a queue, from which
:class:`~geomreg_tui.engine.cluster.DaskExecutor` takes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import pickle
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from geomreg_tui.engine.cluster_worker import Greeting, Missing, SentFile, greet, keep_files, serve
from geomreg_tui.engine.work import Work
from geomreg_tui.errors import ClusterError, SamplingError, one_line
from geomreg_tui.place import Cluster

__all__ = ["Answered", "Event", "Found", "Link", "Lost", "Members", "Returned"]

LOOK = 0.5  # seconds between looks for workers
_CONNECT = 10.0  # seconds
_AGAIN = 1.0  # seconds between tries to find the scheduler again
_GREET = 600.0  # seconds that a worker has to load torch
_ASK = 20.0  # seconds between looks for jobs that have ended
_CLOSE = 3.0  # seconds for goodbyes


@dataclass(frozen=True)
class Members:
    """The workers that the scheduler has now, by their addresses."""

    addresses: frozenset[str]


@dataclass(frozen=True)
class Found:
    """A worker has said what it is, or why it cannot be used."""

    address: str
    greeting: Greeting | Exception


@dataclass(frozen=True)
class Answered:
    """A piece of work has come to an end: its answer, or the error that it ended in."""

    key: str
    answer: Any


@dataclass(frozen=True)
class Returned:
    """A piece of work that came to nothing through no fault of its own."""

    key: str


@dataclass(frozen=True)
class Lost:
    """The scheduler cannot be reached; nothing is under way any more."""

    why: str


Event = Members | Found | Answered | Returned | Lost


class _Call:
    """A call that is made, and whose value it becomes, where it is unpickled."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._function, self._arguments = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._function, self._arguments


class Link:
    """A link to a cluster.

    Args:
        cluster: which.
        device: which devices of workers are meant.
        events: where what happens is put.
    """

    def __init__(self, cluster: Cluster, device: str, events: SimpleQueue[Event]) -> None:
        self._cluster, self._device, self._events = cluster, device, events
        self._files: dict[SentFile, Path] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="cluster", daemon=True)
        self._client: Any = None
        self._jobs: Any = None
        self._asked = 0.0
        self._watch: asyncio.Task[None] | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._known: set[str] = set()

    def open(self) -> None:
        """Connect.

        Raises:
            ClusterError: if Dask is not installed, or the scheduler cannot be reached.
        """
        try:
            import distributed

            if self._cluster.executor == "slurm":
                import dask_jobqueue  # noqa: F401
        except ImportError as error:
            raise ClusterError(
                f"executor {self._cluster.executor}: needs Dask, which cannot be imported ({error}): "
                "pip install 'geomreg-tui[cluster]'"
            ) from None
        for name in ("distributed", "distributed.client", "distributed.scheduler", "asyncio", "tornado"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what happens is said in other places
        import dask

        dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 PB"})
        del distributed
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._begin(), self._loop).result()
        except BaseException:
            self.close()
            raise

    def supply(self, files: Mapping[SentFile, Path]) -> None:
        """Have files sent to workers that need them."""
        self._files.update(files)

    def greet(self, address: str) -> None:
        """Have a worker say what it is, once it has time."""
        self._loop.call_soon_threadsafe(lambda: self._loop.create_task(self._greet(address)))

    def carry(self, key: str, work: Work, address: str, device: str, files: Sequence[SentFile]) -> None:
        """Have a piece of work done by a worker.

        Args:
            key: by which its end is told.
            work: the work.
            address: of the worker.
            device: where it works.
            files: that the work needs.
        """
        self._loop.call_soon_threadsafe(self._start, key, work, address, device, tuple(files))

    def drop(self, keys: Sequence[str]) -> None:
        """Take work back; a worker that is at it stops soon, and nothing more is told of it."""
        self._loop.call_soon_threadsafe(self._drop, list(keys))

    def close(self) -> None:
        """Say goodbye; does not wait for work under way."""
        if not self._thread.is_alive():
            return
        with contextlib.suppress(TimeoutError, asyncio.CancelledError, Exception):
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(2 * _CLOSE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSE)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _begin(self) -> None:
        """Ask for jobs where they are to be asked for, connect, and begin to look for workers."""
        if self._cluster.executor == "slurm":
            self._jobs = await _slurm(self._cluster.jobs)
        await self._connect()
        self._watch = self._loop.create_task(self._look())

    async def _connect(self) -> None:
        """Connect to the scheduler.

        Raises:
            ClusterError: if it cannot be reached.
        """
        from distributed import Client

        address = self._cluster.address() if self._jobs is None else self._jobs.scheduler_address
        client = Client(address, asynchronous=True, timeout=_CONNECT, set_as_default=False)
        try:
            self._client = await asyncio.wait_for(client, 2 * _CONNECT)
        except Exception as error:  # whatever a stranger at this address makes of it
            with contextlib.suppress(Exception):
                await asyncio.wait_for(client.close(timeout=1), _CLOSE)
            raise ClusterError(
                f"scheduler: {address} cannot be reached ({type(error).__name__}: {one_line(error)[:200]}); "
                "is 'dask scheduler' running there, and does the network let this machine through?"
            ) from None

    async def _look(self) -> None:
        """Look which workers there are, again and again, and for the scheduler when it is gone."""
        while True:
            try:
                if self._client.status != "running":
                    raise ConnectionError("the connection was closed")
                threads = await asyncio.wait_for(self._client.scheduler.ncores(), 6 * _CONNECT)
            except Exception as error:  # of the network
                await self._find_again(f"{type(error).__name__}: {error}")
                continue
            for address in set(threads) - self._known:
                self._loop.create_task(self._greet(address))
            self._known = set(threads)
            self._ask_for_jobs()
            self._events.put(Members(frozenset(threads)))
            await asyncio.sleep(LOOK)

    def _ask_for_jobs(self) -> None:
        """Have Slurm asked for jobs in the place of those that have ended."""
        now = self._loop.time()
        if self._jobs is not None and now - self._asked > _ASK:
            self._jobs.scale(jobs=self._cluster.jobs)
            self._asked = now

    async def _find_again(self, why: str) -> None:
        """Connect again, however long it takes."""
        self._drop(list(self._tasks))
        self._known.clear()
        self._events.put(Lost(why))
        client, self._client = self._client, None
        with contextlib.suppress(Exception):
            await asyncio.wait_for(client.close(timeout=1), _CLOSE)
        while self._client is None:
            await asyncio.sleep(_AGAIN)
            with contextlib.suppress(ClusterError):
                await self._connect()

    async def _greet(self, address: str) -> None:
        """Have a new worker say what it is."""
        try:
            work = self._done(greet, self._device, address=address)
            greeting: Greeting | Exception = await asyncio.wait_for(work, _GREET)
        except Exception as error:  # the worker has no such package, or is gone
            greeting = SamplingError(f"{type(error).__name__}: {error}")
        self._events.put(Found(address, greeting))

    async def _done(self, function: Callable[..., Any], *arguments: Any, address: str) -> Any:
        """Have a function called by a worker, and return what it gives."""
        # The scheduler looks into what it is given, and a worker dies of a task that it cannot read. So both
        # are given bytes: the scheduler needs none of our packages, and a worker without them can say so.
        call = pickle.dumps(_Call(function, arguments))
        key = f"geomreg-{uuid.uuid4().hex}"
        future = self._client.submit(pickle.loads, call, key=key, workers=[address], pure=False, retries=0)
        try:
            return await future
        finally:
            future.release()

    def _start(self, key: str, work: Work, address: str, device: str, files: tuple[SentFile, ...]) -> None:
        self._tasks[key] = self._loop.create_task(self._carry(key, work, address, device, files))

    async def _carry(
        self, key: str, work: Work, address: str, device: str, files: tuple[SentFile, ...]
    ) -> None:
        """Have a piece of work done, and tell how it ended; files that the worker lacks are sent first."""
        event: Event
        try:
            answer = await self._done(serve, work, device, files, address=address)
            if isinstance(answer, Missing):
                contents = {file: self._files[file].read_bytes() for file in answer.files}
                await self._client.run(keep_files, contents, workers=[address])
                answer = await self._done(serve, work, device, files, address=address)
            event = Answered(key, answer)
        except asyncio.CancelledError:
            # The work was dropped, or Dask has forgotten it with the worker or the scheduler.
            event = Returned(key)
        except (OSError, AttributeError) as error:
            if isinstance(error, FileNotFoundError):
                event = Answered(key, SamplingError(f"a data file is gone: {error}"))
            else:  # of the network
                event = Returned(key)
        except Exception as error:  # the answer or the work does not go through, or the worker died thrice
            event = Answered(key, SamplingError(f"{type(error).__name__}: {error}"))
        if self._tasks.pop(key, None) is not None:
            self._events.put(event)

    def _drop(self, keys: Sequence[str]) -> None:
        for key in keys:
            task = self._tasks.pop(key, None)
            if task is not None:
                task.cancel()

    async def _end(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._drop(list(self._tasks))
        await asyncio.sleep(0)  # in which what was dropped is released
        if self._client is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._client.close(timeout=1), _CLOSE)
        if self._jobs is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._jobs.close(), _CLOSE)


async def _slurm(jobs: int) -> Any:
    """Ask Slurm for jobs, as Dask's own configuration describes them.

    Raises:
        ClusterError: if it does not, or Slurm does not take them.
    """
    import dask
    from dask_jobqueue import SLURMCluster

    options: dict[str, Any] = {}
    if dask.config.get("jobqueue.slurm.processes", None) is None:
        # One thread for each process: a worker does one piece of work at a time.
        options["processes"] = dask.config.get("jobqueue.slurm.cores", None) or 1
    try:
        cluster = await SLURMCluster(asynchronous=True, **options)
        cluster.scale(jobs=jobs)
    except Exception as error:  # of the configuration, or of sbatch
        raise ClusterError(
            f"executor slurm: no jobs can be asked for ({type(error).__name__}: {one_line(error)[:300]}); "
            "describe them under jobqueue.slurm in ~/.config/dask/jobqueue.yaml"
        ) from None
    return cluster
