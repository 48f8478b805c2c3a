"""Which way a factor (width, depth, gain, examples) pushes the balance between the modes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.statistics.evidence import holm
from geomreg_tui.statistics.intervals import UNDEFINED, Interval
from geomreg_tui.statistics.landmark import TAIL, LandmarkDominance

__all__ = [
    "LANDMARK",
    "LOG10_RATIO",
    "NO_DIRECTION",
    "Direction",
    "direction",
    "intervals_of",
    "measure_of",
    "volume_direction",
]

FloatArray = NDArray[np.float64]

LANDMARK, LOG10_RATIO, LOG10_VOLUME = "landmark", "log10_ratio", "log10_volume"  # measures
NO_DIRECTION = "no direction"
DRAWS = 4000
_BLOCK = 2**22  # pairs of points, over draws, that are compared at once
_LEVEL = 0.95
_TAILS = (0.025, 0.975)
_FEWEST_FOR_P = 5  # values of the factor from which a permutation p-value is given


class Step(NamedTuple):
    """The change of the measure from one value of the factor to the next.

    Attributes:
        start, stop: the two values of the factor.
        change: the change with its interval; those of all steps of a sweep hold at once (95 %, Bonferroni).
        resolved: whether the change differs from 0, at 5 % for all steps of the sweep together (Holm).
    """

    start: float
    stop: float
    change: Interval
    resolved: bool

    def to_json(self) -> dict[str, Any]:
        """Return plain data; None stands for what is undefined."""
        return {
            "from": self.start,
            "to": self.stop,
            "change": self.change.to_json(),
            "resolved": self.resolved,
        }


class Direction(NamedTuple):
    """How a measure (D_0, Lambda or log10 V) changes with a factor; NaN where undefined.

    Attributes:
        tau: Kendall's tau-b between the factor and the measure, -1 to 1.
        low, high: its 95 % interval under the sampling noise of each point.
        p_value: two-sided, of no association over the points of the sweep; NaN for fewer than five values of
            the factor, of which it could say nothing (it is at least 0.33 for three).
        verdict: what :func:`direction` says in words.
        steps: the changes between neighbouring values of the factor.
        effect: the change from the smallest value of the factor to the largest, with its interval.
        measure: what changes: ``landmark`` (D_0), ``log10_ratio`` (Lambda) or ``log10_volume``.
    """

    tau: float
    low: float
    high: float
    p_value: float
    verdict: str
    steps: tuple[Step, ...] = ()
    effect: Interval = UNDEFINED
    measure: str = LANDMARK

    def to_json(self) -> dict[str, Any]:
        """Return plain data; None stands for what is undefined."""
        values: dict[str, Any] = {
            name: float(value) if math.isfinite(value) else None
            for name, value in zip(self._fields[:4], self[:4], strict=True)
        }
        return {
            "measure": self.measure,
            **values,
            "verdict": self.verdict,
            "steps": [step.to_json() for step in self.steps],
            "effect": self.effect.to_json(),
        }


_UNKNOWN = Direction(math.nan, math.nan, math.nan, math.nan, NO_DIRECTION)


class _Words(NamedTuple):
    """Verdicts on a rise and a fall: where all steps are resolved, and where only tau is."""

    monotone: tuple[str, str]
    mostly: tuple[str, str]


DOMINANCE = _Words(
    ("monotone, towards zero", "monotone, towards central"), ("mostly towards zero", "mostly towards central")
)
_VOLUME = _Words(("monotone, expanding", "monotone, contracting"), ("mostly expanding", "mostly contracting"))


def direction(factor: Sequence[float], landmarks: Sequence[LandmarkDominance], *, seed: int = 0) -> Direction:
    """Return the direction in which a factor pushes landmark dominance over a sweep.

    The measure is D_0, or Lambda where at a point its zero side comes from the deep tail: there D_0 is -1
    to within what sampling sees.

    1. The *steps* between neighbouring values of the factor, each with the central part of its redraws: every
       D_0 is redrawn from its distribution given the sample, independently between points. A step is resolved
       where Holm's procedure (1979) rejects that it is 0, at 5 % for all steps together. Points that share a
       value of the factor are taken together, as the mean of their D_0.
    2. All resolved and of one sign: "monotone, towards zero" or "monotone, towards central".
    3. Resolved steps of both signs: "not monotone: largest at 0.7", with the value of the factor at which it
       is largest (or smallest, where that and not the largest lies inside the sweep).
    4. Otherwise, from three values on, "mostly towards zero" or "mostly towards central" where the interval
       of Kendall's tau-b over the redraws excludes 0 and no resolved step is against it; else "no direction".

    Where the true values are all equal a verdict other than "no direction" is given in at most 5 % of sweeps.
    Points without an estimate are left out.

    Args:
        factor: value of the factor at each point of the sweep, finite.
        landmarks: landmark dominance at each point.
        seed: of the redraws.

    Raises:
        ValueError: if the two differ in length, or a factor is not finite.
    """
    if len(factor) != len(landmarks):
        raise ValueError(f"got {len(factor)} values of the factor for {len(landmarks)} points of the sweep")
    if not all(math.isfinite(value) for value in factor):
        raise ValueError("values of the factor must be finite numbers")
    measure = measure_of(landmarks)
    estimates = intervals_of(measure, landmarks)[:, 0]
    known = np.flatnonzero(np.isfinite(estimates))
    x = np.asarray(factor, np.float64)[known]
    if np.unique(x).size < 2:
        return _UNKNOWN._replace(measure=measure)
    drawn = draws_of(measure, [landmarks[place] for place in known.tolist()], seed)
    return _judged(x, estimates[known], drawn, DOMINANCE, measure)


def measure_of(landmarks: Sequence[LandmarkDominance]) -> str:
    """Return the measure by which points are compared: D_0, or Lambda where one's zero side is the tail's."""
    deep = any(point.zero_side == TAIL for point in landmarks)
    known = sum(math.isfinite(point.log10_ratio.estimate) for point in landmarks)
    return LOG10_RATIO if deep and known > 1 else LANDMARK


def intervals_of(measure: str, landmarks: Sequence[LandmarkDominance]) -> FloatArray:
    """Return the measure at each point with its 95 % interval, shape (points, 3); NaN where undefined."""
    found = [point.log10_ratio if measure == LOG10_RATIO else point.landmark for point in landmarks]
    return np.array(found, np.float64).reshape(-1, 3)


def draws_of(measure: str, landmarks: Sequence[LandmarkDominance], seed: int) -> FloatArray:
    """Return redraws of the measure, independent between points, shape (draws, points)."""
    generator = np.random.default_rng(seed)
    if measure == LOG10_RATIO:
        return np.stack([point.draw_log10_ratio(generator, DRAWS) for point in landmarks], axis=-1)
    return np.stack([point.draw(generator, DRAWS) for point in landmarks], axis=-1)


def volume_direction(
    factor: Sequence[float], log10_volume: FloatArray, std: FloatArray, *, seed: int = 0
) -> Direction:
    """Return the direction in which a factor pushes log10 V at one loss, as :func:`direction` does for D_0.

    The verdict is "monotone, contracting" where more of the factor leaves less volume, "monotone, expanding"
    where more. Each log10 V is redrawn from a normal law with its standard error. Points without V are left
    out.

    Args:
        factor: value of the factor at each point, finite.
        log10_volume, std: log10 V at that loss and its standard error, shape (points,); NaN for none.
        seed: of the redraws.
    """
    known = np.isfinite(log10_volume)
    x, estimates = np.asarray(factor, np.float64)[known], log10_volume[known]
    if np.unique(x).size < 2:
        return _UNKNOWN._replace(measure=LOG10_VOLUME)
    error = np.nan_to_num(std[known])
    noise = np.random.default_rng(seed).standard_normal((DRAWS, x.size))
    return _judged(x, estimates, estimates + error * noise, _VOLUME, LOG10_VOLUME)


def _judged(
    x: FloatArray, estimates: FloatArray, drawn: FloatArray, words: _Words, measure: str
) -> Direction:
    """Return the direction of estimates, shape (n,), over x from their redraws, shape (draws, n)."""
    values, group = np.unique(x, return_inverse=True)
    means, redrawn = means_by_value(estimates[None], group)[0], means_by_value(drawn, group)
    steps = _steps(values, means, redrawn)
    effect = central_interval(float(means[-1] - means[0]), redrawn[:, -1] - redrawn[:, 0], 1 - _LEVEL)
    low, high = np.quantile(tau_b(x, drawn), _TAILS).tolist()
    tau, p_value = math.nan, math.nan
    if np.unique(estimates).size > 1:
        tau = float(tau_b(x, estimates[None])[0])
        low, high = min(low, tau), max(high, tau)
        if values.size >= _FEWEST_FOR_P:
            from scipy.stats import kendalltau

            p_value = float(kendalltau(x, estimates).pvalue)
    verdict = _verdict(values, means, steps, (tau, low, high), words)
    return Direction(tau, low, high, p_value, verdict, tuple(steps), effect, measure)


def means_by_value(rows: FloatArray, group: NDArray[np.int64]) -> FloatArray:
    """Return the mean of each row over the points of each group, shape (rows, groups)."""
    return np.stack([rows[:, group == k].mean(axis=1) for k in range(int(group.max()) + 1)], axis=1)


def _steps(values: FloatArray, means: FloatArray, drawn: FloatArray) -> list[Step]:
    """Return the steps between neighbouring values, resolved or not by Holm's procedure.

    Args:
        values: of the factor, increasing, shape (values,).
        means: of the measure, shape (values,).
        drawn: redraws of those, shape (draws, values).
    """
    changes, redrawn = np.diff(means), np.diff(drawn, axis=1)
    resolved = holm(step_p_values(means, drawn))
    return [
        Step(
            float(values[k]),
            float(values[k + 1]),
            central_interval(float(changes[k]), redrawn[:, k], (1 - _LEVEL) / changes.size),
            bool(resolved[k]),
        )
        for k in range(changes.size)
    ]


def step_p_values(means: FloatArray, drawn: FloatArray) -> FloatArray:
    """Return two-sided p-values of the steps between neighbours being 0, shape (values - 1,).

    Args:
        means: of the measure, shape (values,).
        drawn: redraws of those, shape (draws, values).
    """
    from scipy.special import ndtr

    changes, redrawn = np.diff(means), np.diff(drawn, axis=1)
    opposite = np.where(changes > 0, (redrawn <= 0).mean(axis=0), (redrawn >= 0).mean(axis=0))
    # Where few redraws or none have the other sign, their spread tells how unlikely that sign is.
    spread = redrawn.std(axis=0)
    beyond = ndtr(-np.abs(changes) / np.where(spread > 0, spread, 1e-300))
    p_values = np.where(changes == 0, 1.0, np.minimum(1.0, 2 * np.maximum(opposite, beyond)))
    return np.asarray(p_values, np.float64)


def central_interval(estimate: float, drawn: FloatArray, beyond: float) -> Interval:
    """Return the central part of the redraws, which leaves out a share ``beyond``; it holds the estimate."""
    low, high = np.quantile(drawn, [beyond / 2, 1 - beyond / 2]).tolist()
    return Interval(estimate, min(low, estimate), max(high, estimate))


def _verdict(
    values: FloatArray,
    means: FloatArray,
    steps: Sequence[Step],
    tau: tuple[float, float, float],
    words: _Words,
) -> str:
    """Return in words how the measure changes with the factor."""
    signs = {step.change.estimate > 0 for step in steps if step.resolved}
    if len(signs) > 1:
        largest, smallest = int(np.argmax(means)), int(np.argmin(means))
        inside = 0 < largest < values.size - 1 or not 0 < smallest < values.size - 1
        word, place = ("largest", largest) if inside else ("smallest", smallest)
        return f"not monotone: {word} at {values[place]:.6g}"
    if all(step.resolved for step in steps):
        return words.monotone[0 if True in signs else 1]
    _, low, high = tau
    if values.size > 2 and (low > 0 or high < 0) and signs <= {low > 0}:
        return words.mostly[0 if low > 0 else 1]
    return NO_DIRECTION


def tau_b(x: FloatArray, y: FloatArray) -> FloatArray:
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
