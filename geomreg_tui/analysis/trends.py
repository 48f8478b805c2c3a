"""Which way a factor (width, depth, gain, examples) pushes the balance between the modes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.analysis.modes import ModeAnalysis

__all__ = ["Direction", "direction", "volume_direction"]

FloatArray = NDArray[np.float64]

NO_DIRECTION = "no direction"
_DRAWS = 4000
_BLOCK = 2**22  # pairs of points, over draws, that are compared at once
_TAILS = (0.025, 0.975)


class Direction(NamedTuple):
    """Kendall's tau-b between a factor and the dominance index D; NaN where undefined.

    Attributes:
        tau: rank correlation, -1 to 1; positive when more of the factor moves mass to the zero mode.
        low, high: its 95 % interval under the sampling noise of each D.
        p_value: two-sided, of no association between the factor and D over the points of the sweep. With
            few points it cannot be small (at best 0.33 for three, 0.017 for five).
        verdict: "towards zero" or "towards central" when the interval excludes 0, else "no direction";
            of volumes "expanding" or "contracting".
    """

    tau: float
    low: float
    high: float
    p_value: float
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """Return plain data; None stands for what is undefined."""
        values = {
            name: float(value) if math.isfinite(value) else None
            for name, value in zip(self._fields[:-1], self[:-1], strict=True)
        }
        return {**values, "verdict": self.verdict}


def direction(factor: Sequence[float], analyses: Sequence[ModeAnalysis], *, seed: int = 0) -> Direction:
    """Return the direction in which a factor pushes the dominance index over a sweep.

    The interval holds the central 95 % of tau over redraws of every D from its distribution given the
    sample, taken as independent between points. It says whether *these settings* differ in that order
    beyond the noise of sampling; the p-value says whether so few settings could be so ordered by chance.
    Points without D (no significant mode) are left out. Where the true D are all equal, a direction is
    claimed in about 5 % of sweeps of two or three points, and in fewer of longer ones.

    Args:
        factor: value of the factor at each point of the sweep, finite.
        analyses: the modes at each point.
        seed: of the redraws.

    Raises:
        ValueError: if the two differ in length, or a factor is not finite.
    """
    if len(factor) != len(analyses):
        raise ValueError(f"got {len(factor)} values of the factor for {len(analyses)} points of the sweep")
    if not all(math.isfinite(value) for value in factor):
        raise ValueError("values of the factor must be finite numbers")
    known = [
        (float(value), analysis)
        for value, analysis in zip(factor, analyses, strict=True)
        if math.isfinite(analysis.dominance.estimate)
    ]
    x = np.array([value for value, _ in known])
    estimates = np.array([analysis.dominance.estimate for _, analysis in known])
    if np.unique(x).size < 2:
        return Direction(math.nan, math.nan, math.nan, math.nan, NO_DIRECTION)
    generator = np.random.default_rng(seed)
    drawn = np.stack([analysis.draw_dominance(generator, _DRAWS) for _, analysis in known], axis=-1)
    return _judged(x, estimates, drawn, ("towards zero", "towards central"))


def volume_direction(
    factor: Sequence[float], log10_volume: FloatArray, std: FloatArray, *, seed: int = 0
) -> Direction:
    """Return the direction in which a factor pushes log10 V at one loss, as :func:`direction` does for D.

    The verdict is "contracting" where more of the factor leaves less volume, "expanding" where more. Each
    log10 V is redrawn from a normal law with its standard error. Points without V are left out.

    Args:
        factor: value of the factor at each point, finite.
        log10_volume, std: log10 V at that loss and its standard error, shape (points,); NaN for none.
        seed: of the redraws.
    """
    known = np.isfinite(log10_volume)
    x, estimates = np.asarray(factor, np.float64)[known], log10_volume[known]
    if np.unique(x).size < 2:
        return Direction(math.nan, math.nan, math.nan, math.nan, NO_DIRECTION)
    error = np.nan_to_num(std[known])
    noise = np.random.default_rng(seed).standard_normal((_DRAWS, x.size))
    return _judged(x, estimates, estimates + error * noise, ("expanding", "contracting"))


def _judged(x: FloatArray, estimates: FloatArray, drawn: FloatArray, words: tuple[str, str]) -> Direction:
    """Return tau-b of x with estimates, its interval from redraws (draws, n), and the word for its sign."""
    low, high = np.quantile(_tau_b(x, drawn), _TAILS).tolist()
    if np.unique(estimates).size < 2:
        return Direction(math.nan, low, high, math.nan, NO_DIRECTION)
    from scipy.stats import kendalltau

    result = kendalltau(x, estimates)
    tau = float(result.statistic)
    low, high = min(low, tau), max(high, tau)
    verdict = words[0] if low > 0 else words[1] if high < 0 else NO_DIRECTION
    return Direction(tau, low, high, float(result.pvalue), verdict)


def _tau_b(x: FloatArray, y: FloatArray) -> FloatArray:
    """Return tau-b of ``x``, shape (n,), with each row of ``y``, shape (draws, n); 0 for constant rows."""
    first, second = np.triu_indices(x.size, 1)
    across = np.sign(x[first] - x[second])
    blocks = np.array_split(y, -(-y.shape[0] * first.size // _BLOCK))  # or long sweeps fill the memory
    parts = []
    for block in blocks:
        along = np.sign(block[:, first] - block[:, second])
        untied = np.sqrt(np.count_nonzero(across) * np.count_nonzero(along, axis=1))
        parts.append((along @ across) / np.where(untied > 0, untied, 1.0))
    return np.concatenate(parts)
