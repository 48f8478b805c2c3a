"""A group of trajectories: those that one worker trains, a block after the other."""

from __future__ import annotations

from collections.abc import Callable

from geomreg_tui.training.ensemble import Ensemble
from geomreg_tui.training.result import TrainingResult
from geomreg_tui.training.state import GroupState, check_range
from geomreg_tui.training.trajectories import Block

__all__ = ["Group"]


class Group:
    """Trajectories ``first`` up to ``stop``, of which a block is trained at a time.

    Attributes:
        first, stop: range of their indices.
    """

    def __init__(self, ensemble: Ensemble, first: int, stop: int) -> None:
        """Begin at the first block."""
        self._ensemble = ensemble
        self.first, self.stop = first, stop
        self._done = TrainingResult.empty(ensemble.layers, ensemble.plan.observed)
        self._block: Block | None = None

    @property
    def finished(self) -> bool:
        """Whether all trajectories have ended."""
        return len(self._done.trajectory) == self.stop - self.first

    def advance(self, interrupt: Callable[[], bool]) -> None:
        """Train a step or more, until all have ended or ``interrupt``, asked after each step, says stop."""
        stopped = False
        while not (self.finished or stopped):
            if self._block is None:
                first = self.first + len(self._done.trajectory)
                self._block = Block(
                    self._ensemble, range(first, min(first + self._ensemble.block, self.stop))
                )
            self._block.advance(interrupt=interrupt)
            if self._block.finished:
                self._done = TrainingResult.merge([self._done, self._block.result()])
                self._block = None
            stopped = interrupt()

    def state(self) -> GroupState:
        """Return where the group stands; :meth:`restored` goes on from there to the same bits."""
        return GroupState.of(self._done, None if self._block is None else self._block.to_parts())

    @classmethod
    def restored(cls, ensemble: Ensemble, first: int, stop: int, state: GroupState) -> Group:
        """Return the group that stands at a state; ``ensemble`` is as it was.

        Raises:
            LookupError, TypeError, ValueError: if the state is not whole, or of other trajectories.
        """
        check_range(state.result, first, stop)
        group = cls(ensemble, first, stop)
        group._done = state.done
        if state.block is not None:
            group._block = Block.from_parts(ensemble, *state.block)
        return group
