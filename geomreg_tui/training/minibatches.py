"""Which examples a step is made on: each trajectory has an order of its own, from a stream of its own.

The examples are taken in a random order, ``batch`` at a time, each once an epoch; the last step of an epoch
takes what is left. Step t of trajectory k depends on (seed, k, t) alone, so nothing has to be stored.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.sampling.rng import trajectory_key

__all__ = ["Minibatches"]

_EPOCHS = 64  # whose orders are drawn at once


class Minibatches:
    """The minibatches of some trajectories.

    Attributes:
        steps: steps of an epoch.
    """

    def __init__(self, seed: int, trajectories: Sequence[int], examples: int, batch: int) -> None:
        """Prepare.

        Args:
            seed: seed of the experiment.
            trajectories: their indices.
            examples: training examples N.
            batch: examples a step, at most N.
        """
        self.steps = -(-examples // batch)
        self._seed = seed
        self._trajectories = np.asarray(trajectories, np.int64)
        self._examples, self._batch = examples, batch
        self._part = 0
        self._orders: NDArray[np.int64] = np.empty((len(trajectories), 0, examples), np.int64)

    def at(self, step: int) -> NDArray[np.int64]:
        """Return the examples of a step, from 0, of each trajectory, (networks, picked)."""
        epoch, place = divmod(step, self.steps)
        part = 1 + epoch // _EPOCHS
        if part != self._part:
            self._orders = np.stack([self._drawn(int(k), part) for k in self._trajectories])
            self._part = part
        first = place * self._batch
        return self._orders[:, epoch % _EPOCHS, first : first + self._batch]

    def keep(self, places: NDArray[np.int64]) -> None:
        """Forget all trajectories but those at some places."""
        self._trajectories = self._trajectories[places]
        self._orders = self._orders[places]

    def _drawn(self, trajectory: int, part: int) -> NDArray[np.int64]:
        rng = np.random.default_rng(trajectory_key(self._seed, trajectory, part))
        orders = np.tile(np.arange(self._examples), (_EPOCHS, 1))
        drawn: NDArray[np.int64] = rng.permuted(orders, axis=1)
        return drawn
