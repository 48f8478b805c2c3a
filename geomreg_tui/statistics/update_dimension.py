"""The dimension of the updates of training: how many directions the weights move in, early, midway and late.

The moves between neighbouring recorded steps are taken as directions, of length 1. Of J of them, with the
Gram matrix G of their cosines c_jk, the dimension is the participation ratio

    (tr G)**2 / tr(G**2) = J**2 / (J + sum over j != k of c_jk**2),

which is that of the matrix sum_j m_j m_j^T too: 1 where all moves are along one line, J where all are at
right angles. J independent random directions in P dimensions have J / (1 + (J - 1) / P), since the mean of
c**2 is 1 / P. So a walk at random in many dimensions has J in every part of its path: its dimension does not
shrink. That of gradient descent on a quadratic loss does, by :func:`linear_moves`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "WINDOWS",
    "linear_moves",
    "participation_ratio",
    "random_ratio",
    "window_dimensions",
    "windows_of",
]

FloatArray = NDArray[np.float64]

WINDOWS = ("early", "middle", "late")
_FEWEST = 2  # moves of a window that has a dimension


def participation_ratio(moves: FloatArray, sketched: int = 0) -> float:
    """Return the dimension of some moves; NaN where fewer than two of them are not 0.

    From sketches it is no more than their number: what scatter there is beyond that is cut off.

    Args:
        moves: each a row, (moves, weights) or (moves, K).
        sketched: K where they are sketches; 0 where they are the moves themselves.
    """
    count = int((np.linalg.norm(moves, axis=1) > 0).sum())
    return float(count / (1 + (count - 1) * max(mean_squared_cosine(moves, sketched), 0.0)))


def mean_squared_cosine(moves: FloatArray, sketched: int = 0) -> float:
    """Return the mean of c**2 over pairs of moves that are not 0; NaN where there is no pair.

    From sketches c**2 is too large by (1 - c**2)(1 - 2 c**2) / K in the mean, to first order in 1/K, as that
    of a correlation of K pairs of normal numbers is (Olkin & Pratt 1958). That is taken off. What is left is
    scatter: the standard error of c**2 of two moves is 2 c (1 - c**2) / sqrt(K), which is never above
    0.77 / sqrt(K), and sqrt(2) / K where they are at right angles.

    Args:
        moves, sketched: as :func:`participation_ratio` has them.
    """
    lengths = np.linalg.norm(moves, axis=1)
    known = moves[lengths > 0] / lengths[lengths > 0, None]
    if len(known) < _FEWEST:
        return float("nan")
    squares = np.square(known @ known.T)[np.triu_indices(len(known), 1)]
    if sketched:
        squares = squares - (1 - squares) * (1 - 2 * squares) / sketched
    return float(squares.mean())


def random_ratio(moves: int, weights: float) -> float:
    """Return the dimension of as many independent random directions: E tr(G)**2 / E tr(G**2)."""
    return moves / (1 + (moves - 1) / weights)


def windows_of(moves: int) -> list[slice]:
    """Return the parts of a path: early, middle and late, of equally many moves each.

    Where the moves do not divide by three, those in between two parts are left out.
    """
    size = moves // len(WINDOWS)
    middle = (moves - size) // 2
    return [slice(0, size), slice(middle, middle + size), slice(moves - size, moves)]


def window_dimensions(moves: FloatArray, sketched: int = 0) -> FloatArray:
    """Return the dimension of the moves of each part of a path, (windows,); arguments as
    :func:`participation_ratio` has them.
    """
    return np.array([participation_ratio(moves[window], sketched) for window in windows_of(len(moves))])


def linear_moves(
    residuals: FloatArray, eigenvalues: FloatArray, rate: float, steps: Sequence[int], to_loss: float
) -> FloatArray:
    """Return the moves of gradient descent on mean squared error, of a model that is linear in its weights.

    After t steps the residual along eigenvector i of the kernel K = X X^T is (1 - rate lambda_i)**t of what
    it was, and the weights have moved by what has gone, over the root of lambda_i, along a direction of
    their own. So the dimension follows from eigenvalues alone.

    Args:
        residuals: y - f at the start along each eigenvector of K, (N,).
        eigenvalues: of K, above 0, (N,).
        rate: 2 / N times the step size.
        steps: between which moves are taken, increasing from 0.
        to_loss: the loss at which training ends, between two of them or at one.

    Returns:
        (moves, N), in the eigenvectors.
    """
    shrink = 1 - rate * eigenvalues
    last = int(steps[-1])
    low, high = (
        0,
        last,
    )  # the loss falls from step to step, so the first that is low enough is found by halves
    while low < high:
        middle = (low + high) // 2
        if np.mean((residuals * shrink**middle) ** 2) <= to_loss:
            high = middle
        else:
            low = middle + 1
    ends = np.array([*(step for step in steps if step < low), low], np.float64)
    gone = (1 - shrink ** ends[:, None]) * residuals / np.sqrt(eigenvalues)
    moves: FloatArray = np.diff(gone, axis=0)
    return moves
