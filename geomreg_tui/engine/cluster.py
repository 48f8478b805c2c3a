"""The executor of a cluster: the workers of Dask do the work, and the engine owns what becomes of it.

Dask carries work and answers, and says which workers there are (:mod:`geomreg_tui.engine.cluster_link`).
Which of them are used is decided here; who does what, and what counts, in
:mod:`geomreg_tui.engine.cluster_deal`.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from geomreg_tui.datasets import ARRAYS, arrays_path, files_of
from geomreg_tui.engine.cluster_deal import Deal, Member
from geomreg_tui.engine.cluster_link import Answered, Event, Found, Link, Lost, Members
from geomreg_tui.engine.cluster_worker import SentFile
from geomreg_tui.engine.executors import News
from geomreg_tui.engine.work import Outcome, Prepared, Work
from geomreg_tui.errors import ClusterError, SamplingError, one_line
from geomreg_tui.experiment import Experiment
from geomreg_tui.place import Cluster

__all__ = ["DaskExecutor"]

_FIRST = 60.0  # seconds that a cluster of Dask may have no worker when a run begins
_GREETING = 120.0  # seconds that workers have to say what they are when a run begins
_PATIENCE = 600.0  # seconds that the scheduler may be gone
_LARGEST = 2**30  # bytes of a data file that is sent

Compare = Callable[[Mapping[str, Any], Mapping[str, Any]], list[str]]


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
        self._device = ""
        self._refused: dict[str, str] = {}
        self._present: frozenset[str] = frozenset()
        self._first: dict[str, str] | None = None
        self._noted: list[dict[str, str]] = []
        self._lost_at: float | None = None
        self._deal = Deal()

    @property
    def workers(self) -> int:
        """How many workers may be given work now, at least one."""
        return max(len(self._deal.members), 1)

    def prepare(self, work: Work) -> Prepared:
        """Do work that makes an experiment ready, by the first worker that can be used.

        Raises:
            ClusterError: if the cluster cannot be reached, has no workers, or they differ.
            GeomregError: what the work ends in.
        """
        device = str(getattr(work, "device", "auto"))
        if self._deal.link is not None and device != self._device:
            self._disconnect()
        if self._deal.link is None:
            self._connect(device)
        self._deal.files = self._sent(work.experiment)
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
        for member in self._deal.members.values():
            member.noted = False
        return prepared

    def submit(self, work: Work) -> None:
        """Take a piece of work."""
        self._deal.submit(work)

    def outcomes(self, timeout: float) -> list[Outcome]:
        """Return outcomes of finished work, waiting at most ``timeout`` seconds for one.

        Raises:
            SamplingError: if the scheduler has been gone for too long.
        """
        self._deal.deal()
        self._deal.help()
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
        self._deal.deal()
        return finished

    def news(self) -> News:
        """Return what is wrong with the cluster now, and other environments that have joined since."""
        joined = []
        for member in self._deal.members.values():
            if member.noted:
                continue
            member.noted = True
            if all(self._compare(known, member.environment) for known in self._noted):
                self._noted.append(member.environment)
                joined.append(member.environment)
        return News(self._trouble(), tuple(joined))

    def abandon(self) -> None:
        """Take back all work and forget it."""
        self._deal.forget()

    def close(self) -> None:
        """Leave the cluster and forget unfinished work."""
        self.abandon()
        self._disconnect()

    def _connect(self, device: str) -> None:
        link = Link(self._cluster, device, self._events)
        link.open()
        self._deal.link, self._device = link, device

    def _disconnect(self) -> None:
        link, self._deal.link = self._deal.link, None
        if link is not None:
            link.close()
        self._events = SimpleQueue()
        self._present = frozenset()
        self._deal.members.clear()
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
        if self._deal.link is not None:
            self._deal.link.supply(files)
        return tuple(files)

    def _wait_for_workers(self) -> None:
        """Wait until there is a worker, and until those that are there have said what they are.

        Raises:
            ClusterError: if there is none in time. Jobs of Slurm may wait as long as they must.
        """
        begun = time.monotonic()
        self._hear_of_workers(0.0)
        while True:
            unknown = self._present - self._deal.members.keys() - self._refused.keys()
            waited = time.monotonic() - begun
            if self._deal.members and (not unknown or waited > _GREETING):
                return
            if self._refused and not unknown and self._lost_at is None:
                raise ClusterError(self._refusals())
            if waited > (_GREETING if unknown else _FIRST) and self._cluster.executor == "dask":
                raise ClusterError(
                    f"{self.place}: has no workers that answer; start some: dask worker ADDRESS --nthreads 1"
                )
            self._hear_of_workers(0.1)

    def _hear_of_workers(self, timeout: float) -> None:
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
        if not self._deal.members and self._deal.link is not None:
            return f"{self.place}: no workers, waiting for some"
        return ""

    def _hear(self, event: Event) -> list[Outcome]:
        """Take note of what has happened; return what has come to an end."""
        if isinstance(event, Found):
            self._meet(event)
        elif isinstance(event, Members):
            self._lost_at = None
            self._present = event.addresses
            for member in self._deal.members.values():
                member.resting = False
            gone = [address for address in self._deal.members if address not in event.addresses]
            self._refused = {each: why for each, why in self._refused.items() if each in event.addresses}
            return [outcome for address in gone for outcome in self._deal.bury(address)]
        elif isinstance(event, Lost):
            self._lost_at = self._lost_at or time.monotonic()
            self._present = frozenset()
            self._deal.lose_all()
        elif isinstance(event, Answered):
            return self._deal.answered(event.key, event.answer)
        else:
            self._deal.returned(event.key)
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
        if found.address in self._deal.members:
            self._deal.members[found.address].stuck = False
            return
        self._refused.pop(found.address, None)
        self._deal.members[found.address] = Member(found.address, greeting.device, greeting.environment)
