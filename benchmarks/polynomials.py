"""The polynomials of ``geomreg_tui/fused/kernel.cpp``: Chebyshev fits, and their largest errors.

    python -m benchmarks.polynomials

A fit is of a function that has been divided by its leading behaviour, so that the error is relative where
the kernel needs it so. Errors are those of the polynomial alone, before any rounding to float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mpmath import (
    chebyfit,
    cos,
    erf,
    erfc,
    erfinv,
    exp,
    linspace,
    log,
    log1p,
    mp,
    mpf,
    pi,
    polyval,
    sin,
    sqrt,
    tanh,
)

__all__ = ["FITS", "Fit"]

_TINY = mpf("1e-30")


@dataclass(frozen=True)
class Fit:
    """A function of one number, on an interval, and the degree of the polynomial that stands for it."""

    name: str
    function: Callable[[mpf], mpf]
    low: float | mpf
    high: float | mpf
    degree: int

    def coefficients(self) -> list[mpf]:
        """Return the coefficients, highest power first."""
        return list(chebyfit(self.function, [self.low, self.high], self.degree + 1))

    def error(self) -> mpf:
        """Return the largest error, relative to the function, at 2,000 points."""
        terms = self.coefficients()
        points = linspace(self.low, self.high, 2000)
        return max(abs(polyval(terms, x) / self.function(x) - 1) for x in points)


def _log_rest(f: mpf) -> mpf:
    return (log1p(f) - f + f * f / 2) / f**3 if abs(f) > 1e-12 else mpf(1) / 3


def _exp_rest(r: mpf) -> mpf:
    return (exp(r) - 1 - r) / r**2 if abs(r) > 1e-12 else mpf(1) / 2


def _sine_ratio(square: mpf) -> mpf:
    s = sqrt(square + _TINY)
    return sin(pi * s) / s


def _tanh_rest(square: mpf) -> mpf:
    x = sqrt(square + _TINY)
    return (tanh(x) / x - 1) / x**2


def _erf_ratio(square: mpf) -> mpf:
    x = sqrt(square + _TINY)
    return erf(x) / x


def _erfinv_ratio(w: mpf) -> mpf:
    y = sqrt(1 - exp(-w - _TINY))
    return sqrt(2) * erfinv(y) / y


mp.dps = 50
_HALF_OCTAVE = sqrt(mpf(1) / 2)
FITS = (
    Fit("LOG: (log(1+f) - f + f^2/2) / f^3", _log_rest, _HALF_OCTAVE - 1, 1 / _HALF_OCTAVE - 1, 7),
    Fit("SINPI: sin(pi s) / s in s^2", _sine_ratio, 0, mpf(1) / 4, 5),
    Fit("COSPI: cos(pi s) in s^2", lambda q: cos(pi * sqrt(q)), 0, mpf("0.2499"), 5),
    Fit("EXP: (exp(r) - 1 - r) / r^2", _exp_rest, -log(2) / 2, log(2) / 2, 4),
    Fit("TANH: (tanh(x) / x - 1) / x^2 in x^2", _tanh_rest, 0, mpf("0.625") ** 2, 4),
    Fit("ERF: erf(x) / x in x^2", _erf_ratio, 0, 1, 6),
    Fit("LOG_ERFC: log(erfc(x)) + x^2", lambda x: log(erfc(x)) + x * x, 1, mpf("4.1"), 7),
    Fit("ERFINV: sqrt(2) erfinv(y) / y in -log(1 - y^2)", _erfinv_ratio, 0, mpf("2.45"), 6),
)


def main() -> None:
    """Print every polynomial."""
    for fit in FITS:
        print(f"{fit.name} on [{float(fit.low):.4g}, {float(fit.high):.4g}], error {float(fit.error()):.1e}")
        print("   ", ", ".join(f"{float(c):.9g}f" for c in fit.coefficients()))


if __name__ == "__main__":
    main()
