"""Canonical averages over weight space at inverse temperature beta, from the volume curve alone.

Z(beta) = integral of exp(-beta L) dV. The heat capacity beta**2 Var_beta(L) has a peak that grows with the
number of parameters at a phase change of second order. For V = c eps**lambda it is lambda at every beta, as
is beta times the mean loss.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["gaussian_heat_capacity", "heat_capacity"]

FloatArray = NDArray[np.float64]

_RESOLVED = 3.0  # times the lowest loss of a curve, from which a mean loss is known


def heat_capacity(log10_loss: FloatArray, log10_volume: FloatArray, beta: ArrayLike) -> FloatArray:
    """Return beta**2 Var_beta(L) at each beta; NaN where the mean loss is not well above the curve's end.

    Args:
        log10_loss: increasing, (points,).
        log10_volume: at each, not decreasing, (points,).
        beta: inverse temperatures, (betas,).
    """
    betas = np.asarray(beta, np.float64)
    if len(log10_loss) < 2:
        return np.full(betas.shape, np.nan)
    log_volume = np.log(10) * log10_volume
    with np.errstate(divide="ignore"):
        inner = log_volume[1:] + np.log(-np.expm1(np.minimum(log_volume[:-1] - log_volume[1:], 0.0)))
    weight = np.concatenate([[log_volume[0]], inner])
    middle = np.concatenate([[log10_loss[0]], (log10_loss[1:] + log10_loss[:-1]) / 2])
    loss = 10.0**middle
    log = weight - betas[:, None] * loss
    share = np.exp(log - log.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    mean = share @ loss
    variance = (share * (loss - mean[:, None]) ** 2).sum(axis=1)
    found = betas**2 * variance
    return np.where(mean > _RESOLVED * 10.0 ** log10_loss[0], found, np.nan)


def gaussian_heat_capacity(kernel: FloatArray, targets: FloatArray, beta: ArrayLike) -> FloatArray:
    """Return beta**2 Var_beta(L) of outputs N(0, K), L = ||f - y||**2 / N: exact at infinite width.

    With eigenvalues k_i of K, m_i the coordinates of y, and x_i = 2 beta k_i / N, log Z is
    - sum_i [log(1 + x_i) / 2 + beta m_i**2 / (N (1 + x_i))], and the heat capacity beta**2 (log Z)''.

    Args:
        kernel: K, (N, N).
        targets: y, (N,).
        beta: inverse temperatures, (betas,).
    """
    betas = np.asarray(beta, np.float64)[:, None]
    count = len(targets)
    values, vectors = np.linalg.eigh(kernel)
    k = np.clip(values, 0, None)
    square = (vectors.T @ targets) ** 2
    x = 2 * betas * k / count
    terms = x**2 / (2 * (1 + x) ** 2) + 2 * betas * x * square / (count * (1 + x) ** 3)
    total: FloatArray = terms.sum(axis=1)
    return total
