"""Held-out error of infinitely wide networks that fit: drawn given that they fit, or trained until they do.

Squared error, one output. K is the covariance of outputs before training (NNGP), Theta the tangent kernel,
each over the training examples and then the held-out ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["posterior_error", "trained_error"]

FloatArray = NDArray[np.float64]


def posterior_error(kernel: FloatArray, targets: FloatArray, examples: int) -> float:
    """Return the expected held-out squared error of a network drawn given that it fits all training examples.

    Its outputs are N(K* K^-1 y, K** - K* K^-1 K*^T) (Lee et al. 2018, arXiv 1711.00165). Gradient descent on
    the readout alone ends at such a draw too.

    Args:
        kernel: K, (examples + held out, examples + held out).
        targets: y, (examples + held out,).
        examples: training examples.
    """
    return trained_error(kernel, kernel, targets, examples)


def trained_error(kernel: FloatArray, ntk: FloatArray, targets: FloatArray, examples: int) -> float:
    """Return the expected held-out squared error of a network that gradient descent has made to fit.

    It ends at f_0(x*) + A (y - f_0(X)) with A = Theta* Theta^-1 (Lee et al. 2019, arXiv 1902.06720), whose
    mean is A y and whose covariance is that of f_0(x*) - A f_0(X).

    Args:
        kernel: K, (examples + held out, examples + held out).
        ntk: Theta, up to a factor, of the same shape.
        targets: y, (examples + held out,).
        examples: training examples.
    """
    n = examples
    solved = np.linalg.lstsq(ntk[:n, :n], ntk[:n, n:], rcond=None)[0].T
    mean = solved @ targets[:n]
    mixed = solved @ kernel[:n, n:]
    variance = np.diag(kernel[n:, n:] - mixed - mixed.T + solved @ kernel[:n, :n] @ solved.T)
    return float(np.mean((mean - targets[n:]) ** 2 + np.maximum(variance, 0)))
