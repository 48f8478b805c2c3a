"""Dealing work to the workers of a cluster: who has what, what is tried again, and which answers count.

A piece of work that is given to a worker gets a key. An answer counts if work is under way by its key, and
then no answer by a copy of that work does.
"""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from geomreg_tui.engine.cluster_link import Link
from geomreg_tui.engine.cluster_worker import SentFile
from geomreg_tui.engine.work import Outcome, Work
from geomreg_tui.errors import ExperimentError, ModuleError

__all__ = ["Deal", "Member"]

_DEPTH = 2  # pieces of work given to a worker at once, so that it never waits for the next
_DEATHS = 3  # workers that may die over a piece of work before it is given up
_SLOW = 10.0  # seconds after which what a worker has may be given to an idle one too,
_SLOWER = 4.0  # if that is so many times longer than work takes
_SHARE = 0.1  # of the last piece of work in the time that work takes


@dataclass(eq=False)
class Piece:
    """A piece of work, and how often it has come to nothing.

    Attributes:
        deaths: workers that died over it.
        failed: whether it ended in an error.
        alone: whether the worker that has it has nothing else.
        since: when it was given to a worker last.
        copied: whether a second worker has it too, since the first takes so long.
    """

    work: Work
    deaths: int = 0
    failed: bool = False
    alone: bool = False
    since: float = 0.0
    copied: bool = False

    @property
    def suspect(self) -> bool:
        """Whether it is tried again, alone on its worker."""
        return self.failed or self.deaths > 0


@dataclass(eq=False)
class Member:
    """A worker that may be given work.

    Attributes:
        queue: keys of what it has been given, in that order.
        resting: whether it gets nothing before the scheduler names it again.
        stuck: whether it gets nothing before it has answered, as it was slower than another.
        noted: whether it was told that it has joined.
    """

    address: str
    device: str
    environment: dict[str, str]
    queue: list[str] = field(default_factory=list)
    resting: bool = False
    stuck: bool = False
    noted: bool = False

    @property
    def usable(self) -> bool:
        """Whether it may be given work."""
        return not (self.resting or self.stuck)


class Deal:
    """Work that waits or is under way, and the workers that may be given it.

    Attributes:
        members: the workers, by their addresses.
        link: by which work is sent to them; None while there is none.
        files: that the work needs.
    """

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}
        self.link: Link | None = None
        self.files: Sequence[SentFile] = ()
        self._ready: deque[Piece] = deque()
        self._under_way: dict[str, tuple[Piece, Member]] = {}
        self._typical = 0.0

    def submit(self, work: Work) -> None:
        """Take a piece of work."""
        self._ready.append(Piece(work))

    def forget(self) -> None:
        """Take all work back and forget it."""
        if self.link is not None:
            self.link.drop(list(self._under_way))
        self._under_way.clear()
        self._ready.clear()
        for member in self.members.values():
            member.queue.clear()

    def answered(self, key: str, answer: Any) -> list[Outcome]:
        """Take an answer; return its outcome. What has failed for the first time is tried once more."""
        if key not in self._under_way:
            return []
        piece, _ = self._take_back(key)
        self._drop_copies(piece)
        self._typical += _SHARE * (time.monotonic() - piece.since - self._typical)
        if not isinstance(answer, Exception):
            return [Outcome(piece.work, answer)]
        preparing = not piece.work.stage
        if piece.failed or preparing:
            again = ", twice, the second time with nothing else on its worker" if piece.failed else ""
            lasting = isinstance(answer, (ExperimentError, ModuleError))
            return [Outcome(piece.work, None, f"{type(answer).__name__}: {answer}{again}", lasting, answer)]
        piece.failed = True
        self._ready.append(piece)
        return []

    def returned(self, key: str) -> None:
        """Hand out again what came to nothing; its worker rests until the scheduler names it again."""
        if key not in self._under_way:
            return
        piece, member = self._take_back(key)
        member.resting = True
        if not self._has_copy(piece):
            self._ready.appendleft(piece)

    def bury(self, address: str) -> list[Outcome]:
        """Hand out again what a worker had that is gone; return what has been given up."""
        member = self.members.pop(address)
        keys = list(member.queue)
        pieces = [self._take_back(key)[0] for key in keys]
        if self.link is not None:
            self.link.drop(keys)
        finished: list[Outcome] = []
        for place, piece in enumerate(pieces):
            piece.deaths += place == 0  # it does the others after that
            if self._has_copy(piece):
                continue
            if piece.deaths >= _DEATHS:
                finished.append(Outcome(piece.work, None, f"its worker died, {_DEATHS} times"))
            else:
                self._ready.appendleft(piece)
        return finished

    def lose_all(self) -> None:
        """Hand out again all that was under way: the scheduler is gone, and its workers with it."""
        pieces = list(dict.fromkeys(piece for piece, _ in self._under_way.values()))
        for piece in pieces:
            piece.copied = False
        self._ready.extendleft(reversed(pieces))
        self._under_way.clear()
        self.members.clear()

    def deal(self) -> None:
        """Give waiting work to workers: to each a first piece before any gets a second."""
        if self.link is None or not self._ready:
            return
        usable = [member for member in self.members.values() if member.usable]
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
                self._give(piece, member, self.link)

    def help(self) -> None:
        """Where nothing waits, have idle workers do what lies with others: not begun yet, or slow."""
        if self.link is None or self._ready:
            return
        idle = [member for member in self.members.values() if member.usable and not member.queue]
        if not idle:
            return
        late = time.monotonic() - max(_SLOW, _SLOWER * self._typical)
        for member in list(self.members.values()):
            while idle and len(member.queue) > 1 and not self._under_way[member.queue[-1]][0].copied:
                key = member.queue[-1]
                piece, _ = self._take_back(key)
                self.link.drop([key])
                self._give(piece, idle.pop(), self.link)
            if idle and member.queue:
                piece, _ = self._under_way[member.queue[0]]
                if piece.since < late and not piece.copied:
                    piece.copied = True
                    self._give(piece, idle.pop(), self.link)

    def _give(self, piece: Piece, member: Member, link: Link) -> None:
        key = uuid.uuid4().hex
        member.queue.append(key)
        self._under_way[key] = (piece, member)
        piece.since = time.monotonic()
        link.carry(key, piece.work, member.address, member.device, self.files)

    def _take_back(self, key: str) -> tuple[Piece, Member]:
        """Return what is under way by a key no longer, and who had it."""
        piece, member = self._under_way.pop(key)
        member.queue.remove(key)
        return piece, member

    def _has_copy(self, piece: Piece) -> bool:
        """Return whether a piece of work is under way still, at another worker."""
        return piece.copied and any(other is piece for other, _ in self._under_way.values())

    def _drop_copies(self, piece: Piece) -> None:
        """Take work that has come to an end back from others, which must answer before they get more."""
        if not piece.copied:
            return
        keys = [key for key, (other, _) in self._under_way.items() if other is piece]
        piece.copied = False
        if self.link is None:
            return
        self.link.drop(keys)
        for key in keys:
            _, member = self._take_back(key)
            member.stuck = True
            self.link.greet(member.address)
