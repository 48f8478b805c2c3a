"""The executor of a cluster: deals work to the workers of Dask, and owns what becomes of it.

Dask carries work and answers, and says which workers there are. What is under way, what is tried again and
where, and which answers count, is decided here: an answer counts once, for work under way by that key.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from geomreg_tui.datasets import ARRAYS, arrays_path, files_of
from geomreg_tui.engine.cluster_link import Answered, Event, Found, Link, Lost, Members
from geomreg_tui.engine.cluster_worker import SentFile
from geomreg_tui.engine.executors import News
from geomreg_tui.engine.place import Cluster
from geomreg_tui.engine.work import Outcome, Prepared, Work
from geomreg_tui.errors import (
    ClusterError,
    ExperimentError,
    ModuleError,
    SamplingError,
    one_line,
)
from geomreg_tui.experiment import Experiment

__all__ = ["DaskExecutor"]

_DEPTH = 2  # pieces of work given to a worker at once, so that it never waits for the next
_DEATHS = 3  # workers that may die over a piece of work before it is given up
_FIRST = 60.0  # seconds that a cluster of Dask may have no worker when a run begins
_GREETING = 120.0  # seconds that workers have to say what they are when a run begins
_PATIENCE = 600.0  # seconds that the scheduler may be gone
_LARGEST = 2**30  # bytes of a data file that is sent

Compare = Callable[[Mapping[str, Any], Mapping[str, Any]], list[str]]


@dataclass(eq=False)
class _Piece:
    """A piece of work, and how often it has come to nothing.

    Attributes:
        deaths: workers that died over it.
        failed: whether it ended in an error.
        alone: whether the worker that has it has nothing else.
    """

    work: Work
    deaths: int = 0
    failed: bool = False
    alone: bool = False

    @property
    def suspect(self) -> bool:
        return self.failed or self.deaths > 0


@dataclass(eq=False)
class _Member:
    """A worker that may be given work.

    Attributes:
        queue: keys of what it has been given, in that order.
        resting: whether it gets nothing before the scheduler names it again.
        noted: whether it was told that it has joined.
    """

    address: str
    device: str
    environment: dict[str, str]
    queue: list[str] = field(default_factory=list)
    resting: bool = False
    noted: bool = False


class DaskExecutor:
    """The workers of a cluster of Dask.

    Work whose worker dies is tried again, alone on its worker, and given up when that has happened three
    times; what raises an error is tried once more. When the scheduler is gone, all that was under way is
    handed out again when it is back. Workers come and go as they like; each gets work once it has said what
    it is, and is like the first.

    Args:
        cluster: which.
        compare: returns in words what differs between two environments and may change bits.

    Attributes:
        arrays: the folder with the arrays that experiments were given for data; None for none.
    """

    def __init__(self, cluster: Cluster, compare: Compare) -> None:
        self.arrays: Path | None = None
        self.place = cluster.name
        self._cluster, self._compare = cluster, compare
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._link: Link | None = None
        self._device = ""
        self._files: tuple[SentFile, ...] = ()
        self._members: dict[str, _Member] = {}
        self._refused: dict[str, str] = {}
        self._present: frozenset[str] = frozenset()
        self._first: dict[str, str] | None = None
        self._noted: list[dict[str, str]] = []
        self._lost_at: float | None = None
        self._ready: deque[_Piece] = deque()
        self._under_way: dict[str, tuple[_Piece, _Member]] = {}

    @property
    def workers(self) -> int:
        """How many workers may be given work now, at least one."""
        return max(len(self._members), 1)

    def prepare(self, work: Work) -> Prepared:
        """Do work that makes an experiment ready, by the first worker that can be used.

        Raises:
            ClusterError: if the cluster cannot be reached, has no workers, or they differ.
            GeomregError: what the work ends in.
        """
        device = str(getattr(work, "device", "auto"))
        if self._link is not None and device != self._device:
            self._disconnect()
        if self._link is None:
            self._connect(device)
        self._files = self._sent(work.experiment)
        self._wait_for_workers()
        self._check_alike()
        self.submit(work)
        while not (outcomes := self.outcomes(1.0)):
            pass
        (outcome,) = outcomes
        if outcome.answer is None:
            raise outcome.cause or SamplingError(f"the experiment cannot be prepared: {outcome.error}")
        prepared: Prepared = outcome.answer
        self._noted = [prepared.environment]
        for member in self._members.values():
            member.noted = False
        return prepared

    def submit(self, work: Work) -> None:
        """Take a piece of work."""
        self._ready.append(_Piece(work))

    def outcomes(self, timeout: float) -> list[Outcome]:
        """Return outcomes of finished work, waiting at most ``timeout`` seconds for one.

        Raises:
            SamplingError: if the scheduler has been gone for too long.
        """
        self._deal()
        finished: list[Outcome] = []
        try:
            event: Event | None = self._events.get(timeout=timeout)
            while event is not None:
                finished += self._hear(event)
                event = None if self._events.empty() else self._events.get()
        except Empty:
            pass
        if self._lost_at is not None and time.monotonic() - self._lost_at > _PATIENCE:
            raise SamplingError(
                f"the scheduler of {self.place} has been gone for {_PATIENCE / 60:.0f} minutes; what was "
                "committed is kept, and --resume goes on with it"
            )
        self._deal()
        return finished

    def news(self) -> News:
        """Return what is wrong with the cluster now, and other environments that have joined since."""
        joined = []
        for member in self._members.values():
            if member.noted:
                continue
            member.noted = True
            if all(self._compare(known, member.environment) for known in self._noted):
                self._noted.append(member.environment)
                joined.append(member.environment)
        return News(self._trouble(), tuple(joined))

    def abandon(self) -> None:
        """Take back all work and forget it."""
        if self._link is not None:
            self._link.drop(list(self._under_way))
        self._under_way.clear()
        self._ready.clear()
        for member in self._members.values():
            member.queue.clear()

    def close(self) -> None:
        """Leave the cluster and forget unfinished work."""
        self.abandon()
        self._disconnect()

    def _connect(self, device: str) -> None:
        link = Link(self._cluster, device, self._events)
        link.open()
        self._link, self._device = link, device

    def _disconnect(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()
        self._events = SimpleQueue()
        self._members.clear()
        self._refused.clear()
        self._first = None

    def _sent(self, experiment: Experiment) -> tuple[SentFile, ...]:
        """Return the files of this machine that workers must have for an experiment, which are sent to them.

        A file that is not here, or is too large to be sent, is read where workers have it.
        """
        paths = dict(files_of(experiment))
        if experiment.data == ARRAYS and experiment.data_sha256 and self.arrays is not None:
            paths[ARRAYS] = arrays_path(self.arrays, experiment.data_sha256)
        files: dict[SentFile, Path] = {}
        for named, path in paths.items():
            try:
                if not path.is_file() or path.stat().st_size > _LARGEST:
                    continue
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError:
                continue  # whoever reads it says what is wrong with it
            files[SentFile(named, path.name, digest)] = path
        if self._link is not None:
            self._link.supply(files)
        return tuple(files)

    def _wait_for_workers(self) -> None:
        """Wait until there is a worker, and until those that are there have said what they are.

        Raises:
            ClusterError: if there is none in time. Jobs of Slurm may wait as long as they must.
        """
        begun = time.monotonic()
        while True:
            self._deal_with_events(0.1)
            unknown = self._present - self._members.keys() - self._refused.keys()
            waited = time.monotonic() - begun
            if self._members and (not unknown or waited > _GREETING):
                return
            if self._refused and not unknown and self._lost_at is None:
                raise ClusterError(self._refusals())
            if waited > (_GREETING if unknown else _FIRST) and self._cluster.executor == "dask":
                raise ClusterError(
                    f"{self.place}: has no workers that answer; start some: dask worker ADDRESS --nthreads 1"
                )

    def _deal_with_events(self, timeout: float) -> None:
        """Hear of workers while nothing is under way."""
        try:
            self._hear(self._events.get(timeout=timeout))
            while not self._events.empty():
                self._hear(self._events.get())
        except Empty:
            pass

    def _check_alike(self) -> None:
        """Check that the workers that are there can be used together.

        Raises:
            ClusterError: if they cannot.
        """
        if self._refused and not self._cluster.allow_mixed:
            raise ClusterError(self._refusals())

    def _refusals(self) -> str:
        listed = [f"worker {address}: {why}" for address, why in sorted(self._refused.items())]
        more = f", and {len(listed) - 5} others" if len(listed) > 5 else ""
        return f"{self.place}: {'; '.join(listed[:5])}{more}"

    def _trouble(self) -> str:
        """Return what is wrong, in words; empty where nothing is."""
        if self._lost_at is not None:
            gone = time.monotonic() - self._lost_at
            left = max(0.0, _PATIENCE - gone)
            return (
                f"the scheduler of {self.place} cannot be reached; waiting for it, {left / 60:.0f} min more"
            )
        if self._refused:
            return f"workers that get no work: {self._refusals()}"
        if not self._members and self._link is not None:
            return f"{self.place}: no workers, waiting for some"
        return ""

    def _hear(self, event: Event) -> list[Outcome]:
        """Take note of what has happened; return what has come to an end."""
        if isinstance(event, Found):
            self._meet(event)
        elif isinstance(event, Members):
            self._lost_at = None
            self._present = event.addresses
            for member in self._members.values():
                member.resting = False
            gone = [address for address in self._members if address not in event.addresses]
            self._refused = {each: why for each, why in self._refused.items() if each in event.addresses}
            return [outcome for address in gone for outcome in self._bury(self._members.pop(address))]
        elif isinstance(event, Lost):
            self._lost_at = self._lost_at or time.monotonic()
            self._present = frozenset()
            self._members.clear()
            self._ready.extendleft(piece for piece, _ in reversed(self._under_way.values()))
            self._under_way.clear()
        elif event.key in self._under_way:
            piece, member = self._under_way.pop(event.key)
            member.queue.remove(event.key)
            if isinstance(event, Answered):
                return self._answered(piece, event.answer)
            member.resting = True
            self._ready.appendleft(piece)
        return []

    def _meet(self, found: Found) -> None:
        """Take a worker that has said what it is, or refuse it."""
        greeting = found.greeting
        if isinstance(greeting, Exception):
            self._refused[found.address] = f"cannot be used ({one_line(greeting)})"
            return
        if self._first is None:
            self._first = greeting.environment
        differs = self._compare(self._first, greeting.environment)
        if differs and not self._cluster.allow_mixed:
            why = f"the bits may differ from those of others ({'; '.join(differs)})"
            self._refused[found.address] = (
                f"{why}; --allow-mixed uses it all the same, and every output says so"
            )
            return
        self._refused.pop(found.address, None)
        self._members[found.address] = _Member(found.address, greeting.device, greeting.environment)

    def _bury(self, member: _Member) -> list[Outcome]:
        """Hand out again what a worker had that is gone; return what has been given up."""
        pieces = [self._under_way.pop(key)[0] for key in member.queue]
        if self._link is not None:
            self._link.drop(member.queue)
        finished: list[Outcome] = []
        for place, piece in enumerate(pieces):
            piece.alone = False
            piece.deaths += place == 0
            if piece.deaths >= _DEATHS:
                finished.append(Outcome(piece.work, None, f"its worker died, {_DEATHS} times"))
            else:
                self._ready.appendleft(piece)
        return finished

    def _answered(self, piece: _Piece, answer: Any) -> list[Outcome]:
        """Return the outcome of work; what has failed for the first time is tried once more."""
        if not isinstance(answer, Exception):
            return [Outcome(piece.work, answer)]
        lasting = isinstance(answer, (ExperimentError, ModuleError))
        preparing = not piece.work.stage
        if piece.failed or preparing:
            again = ", twice, the second time with nothing else on its worker" if piece.failed else ""
            return [Outcome(piece.work, None, f"{type(answer).__name__}: {answer}{again}", lasting, answer)]
        piece.failed, piece.alone = True, False
        self._ready.append(piece)
        return []

    def _deal(self) -> None:
        """Give waiting work to workers: to each a first piece before any gets a second."""
        if self._link is None or not self._ready:
            return
        usable = [member for member in self._members.values() if not member.resting]
        alone = {member.address for piece, member in self._under_way.values() if piece.alone}
        for depth in range(1, _DEPTH + 1):
            for member in usable:
                if not self._ready:
                    return
                if len(member.queue) >= depth or member.address in alone:
                    continue
                if self._ready[0].suspect and member.queue:
                    continue  # it waits for a worker that has nothing else
                piece = self._ready.popleft()
                piece.alone = piece.suspect
                if piece.alone:
                    alone.add(member.address)
                self._give(piece, member, self._link)

    def _give(self, piece: _Piece, member: _Member, link: Link) -> None:
        key = uuid.uuid4().hex
        member.queue.append(key)
        self._under_way[key] = (piece, member)
        link.carry(key, piece.work, member.address, member.device, self._files)
