"""Sketches of how far weights have moved: few numbers with the products of the moves, to a known error.

A sketch of K numbers (count sketch; Charikar, Chen & Farach-Colton 2002) adds each weight, with a random
sign, to one of K places. For moves x and y its product is unbiased, with variance

    (|x|**2 |y|**2 + (x . y)**2 - 2 sum_i x_i**2 y_i**2) / K.

It costs a pass over the weights, whatever K is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["CountSketch"]

_KEY = 0x736B6574  # ends the key of its random numbers, so that they are no trajectory's


class CountSketch:
    """What makes sketches of moves, the same for all trajectories of an experiment.

    Attributes:
        size: numbers in a sketch. Where there are fewer weights than were asked for it is how many these
            are: the sketch is the move itself, and nothing is lost.
    """

    def __init__(self, weights: int, size: int, seed: int) -> None:
        """Draw a place and a sign for each weight.

        Args:
            weights: how many weights and biases a move has.
            size: numbers that are asked for; 0 for none.
            seed: of the experiment.
        """
        self.size = min(weights, size)
        self._place: NDArray[np.int64] = np.empty(0, np.int64)
        self._sign: NDArray[np.float64] = np.empty(0)
        if self.size == size and size:
            rng = np.random.default_rng([seed, _KEY])
            self._place = rng.integers(0, size, weights)
            self._sign = rng.choice(np.array([-1.0, 1.0]), weights)

    def of(self, moves: Sequence[Tensor]) -> NDArray[np.float64]:
        """Return a sketch of the move of each network, (networks, size), in float64.

        Args:
            moves: a tensor for each tensor of parameters, (networks, *size).
        """
        count = len(moves[0])
        if not self.size:
            return np.empty((count, 0))
        parts = [move.detach().to("cpu", torch.float64).flatten(1) for move in moves]
        flat: NDArray[np.float64] = torch.cat(parts, dim=1).numpy()
        if not len(self._place):
            return flat
        # One network after the other, so that its bits do not depend on how many there are.
        rows = [np.bincount(self._place, self._sign * row, self.size) for row in flat]
        return np.array(rows, np.float64).reshape(count, self.size)
