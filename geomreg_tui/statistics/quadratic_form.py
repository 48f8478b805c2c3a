"""The law of a mean squared error whose residuals are jointly normal: a generalised chi-square law."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geomreg_tui.statistics.laplace import log_inverse

__all__ = ["QuadraticForm", "squared_error_law"]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

_ELEMENTS = 2**19  # complex numbers held at once
_CERTAIN = 1e200  # in largest weights: where the distribution function is 1
_POWER_LAW = 1e-140  # in largest weights; smaller numbers would have squares beyond the range of floats
_FIXED = 1e-24  # variances below this share of |y|**2 move a residual by less than 1e-12 of it


@dataclass(frozen=True)
class QuadraticForm:
    """The law of ``offset + sum_i sum_c (sqrt(weights_i) z_ic + u_ic)**2``, with z_ic standard normal.

    Attributes:
        weights: positive, and none below 1e-24 of the sum of ``squares``; shape (terms,).
        squares: ``sum_c u_ic**2``, on which alone the law depends, shape (terms,).
        freedom: how many c there are: normals that share a weight.
        offset: the part of the sum that is not random.
    """

    weights: FloatArray
    squares: FloatArray
    freedom: int = 1
    offset: float = 0.0

    @property
    def mean(self) -> float:
        """Mean of the law."""
        return self.offset + float(self.freedom * self.weights.sum() + self.squares.sum())

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Return P(form <= x)."""
        return np.exp(self.log_cdf(x))

    def log_cdf(self, x: ArrayLike) -> FloatArray:
        """Return log P(form <= x), accurate to about 1e-10 absolutely, far beyond where P itself underflows.

        Inverts the Laplace transform of the distribution function,
        ``exp(-offset s) prod_i (1 + 2 w_i s)**(-freedom/2) exp(-squares_i s / (1 + 2 w_i s)) / s``.
        """
        points = np.asarray(x, np.float64)
        if not self.weights.size:
            return np.where(points >= self.offset, 0.0, -np.inf)
        scale = float(self.weights.max())
        with np.errstate(over="ignore"):
            excess = np.minimum((points.ravel() - self.offset) / scale, _CERTAIN)
        above = np.flatnonzero(excess > 0)
        result = np.full(excess.shape, -np.inf)
        rows = max(1, _ELEMENTS // (60 * self.weights.size))
        for start in range(0, above.size, rows):
            some = above[start : start + rows]
            within = np.maximum(excess[some], _POWER_LAW)
            # Far below the smallest weight the distribution function is a power of x.
            power = self.freedom * self.weights.size / 2 * np.log(excess[some] / within)
            result[some] = np.minimum(self._scaled_log_cdf(within, scale) + power, 0.0)
        return result.reshape(points.shape)

    def _scaled_log_cdf(self, x: FloatArray, scale: float) -> FloatArray:
        """Return log P(form - offset <= x), with all sizes divided by ``scale``."""
        weights, squares = self.weights / scale, self.squares / scale

        def log_transform(s: ComplexArray) -> ComplexArray:
            # By real functions: many times as fast as complex logarithms and divisions.
            real, imaginary = 1 + 2 * weights * s.real[..., None], 2 * weights * s.imag[..., None]
            modulus = real * real + imaginary * imaginary
            size = np.log(modulus).sum(axis=-1) / 2
            angle = np.arctan2(imaginary, real).sum(axis=-1)
            shrunk = (real / modulus) @ squares - 1j * ((imaginary / modulus) @ squares)
            transform: ComplexArray = -self.freedom / 2 * (size + 1j * angle) - shrunk * s - np.log(s)
            return transform

        def slope(s: FloatArray) -> FloatArray:
            inverse = 1 / (1 + 2 * weights * s[:, None])
            moments: FloatArray = inverse @ (self.freedom * weights) + (inverse * inverse) @ squares
            return -moments - 1 / s

        return log_inverse(x, log_transform, slope, edge=0.0)


def squared_error_law(kernel: FloatArray, targets: FloatArray) -> QuadraticForm:
    """Return the law of the mean of ``(f - y)**2`` over examples and outputs.

    The outputs are independent of each other, and each is N(0, kernel) over the examples. In the
    eigenvectors of the kernel the squares of the residuals are independent. Directions in which
    the kernel is singular, to within rounding, have residuals that are not random.

    Args:
        kernel: covariance of an output over examples, shape (examples, examples).
        targets: y, shape (examples, outputs).
    """
    examples, outputs = targets.shape
    values, vectors = np.linalg.eigh(kernel)
    squares = np.square(vectors.T @ targets).sum(axis=1)
    rounding = examples * float(np.finfo(np.float64).eps) * float(values[-1])
    random = values > max(rounding, _FIXED * float(squares.sum()))
    count = examples * outputs
    return QuadraticForm(
        weights=values[random] / count,
        squares=squares[random] / count,
        freedom=outputs,
        offset=float(squares[~random].sum()) / count,
    )
