"""Two factors at once: the direction of one over a whole grid, and whether its effect differs along it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.statistics.evidence import holm
from geomreg_tui.statistics.intervals import LEVEL, Interval
from geomreg_tui.statistics.landmark import LandmarkDominance
from geomreg_tui.statistics.trends import (
    DOMINANCE,
    NO_DIRECTION,
    central_interval,
    draws_of,
    intervals_of,
    means_by_value,
    measure_of,
    step_p_values,
    tau_b,
)

__all__ = ["GridDirection", "grid_direction"]

FloatArray = NDArray[np.float64]


class GridDirection(NamedTuple):
    """The direction of a factor over all lines of a grid, one for each value of the other factor.

    Attributes:
        verdict: in words, of all lines together.
        effects: of each line, the change from the smallest value of the factor to the largest, with its 95 %
            interval.
        mean_effect: their mean, with its interval.
        p_value: of the hypothesis that the effect is the same on all lines.
        measure: what changes, as in :class:`~.trends.Direction`.
    """

    verdict: str
    effects: tuple[Interval, ...]
    mean_effect: Interval
    p_value: float
    measure: str

    @property
    def interacts(self) -> bool:
        """Whether the effect differs between the lines, at 5 %."""
        return self.p_value < 1 - LEVEL

    def to_json(self) -> dict[str, Any]:
        """Return plain data; None stands for what is undefined."""
        return {
            "measure": self.measure,
            "verdict": self.verdict,
            "mean_effect": self.mean_effect.to_json(),
            "effects": [effect.to_json() for effect in self.effects],
            "interaction": {
                "p_value": self.p_value if math.isfinite(self.p_value) else None,
                "differs": self.interacts,
            },
        }


def grid_direction(
    lines: Sequence[tuple[Sequence[float], Sequence[LandmarkDominance]]], *, seed: int = 0
) -> GridDirection | None:
    """Return the direction of a factor over the lines of a grid together; None where one has no two values.

    1. Steps between neighbouring values are tested as in :func:`~.trends.direction`, those of all lines
       together by one Holm procedure. All resolved and of one sign: "monotone, towards zero" for the grid.
       Resolved steps of both signs: "not monotone everywhere".
    2. Otherwise "mostly towards ..." where the interval of the mean over lines of Kendall's tau-b excludes 0.
    3. *Interaction*: the effects from end to end are compared by Cochran's Q (1954), which has the chi-square
       law with one degree of freedom less than there are lines if all are equal.

    Args:
        lines: the values of the factor and landmark dominance at the points of each line, at least two lines.
        seed: of the redraws.
    """
    measure = measure_of([point for _, points in lines for point in points])
    effects, spreads, drawn_effects, taus, changes, p_values = [], [], [], [], [], []
    for number, (factor, points) in enumerate(lines):
        estimates = intervals_of(measure, points)[:, 0]
        known = np.flatnonzero(np.isfinite(estimates)).tolist()
        x = np.asarray(factor, np.float64)[known]
        values, group = np.unique(x, return_inverse=True)
        if values.size < 2:
            return None
        drawn = draws_of(measure, [points[place] for place in known], seed + number)
        means, redrawn = means_by_value(estimates[known][None], group)[0], means_by_value(drawn, group)
        effect = redrawn[:, -1] - redrawn[:, 0]
        effects.append(central_interval(float(means[-1] - means[0]), effect, 1 - LEVEL))
        spreads.append(float(np.var(effect)))
        drawn_effects.append(effect)
        taus.append(tau_b(x, drawn))
        changes += np.diff(means).tolist()
        p_values += step_p_values(means, redrawn).tolist()
    sizes = np.array([effect.estimate for effect in effects])
    mean = central_interval(float(sizes.mean()), np.mean(drawn_effects, axis=0), 1 - LEVEL)
    resolved = holm(np.array(p_values))
    signs = {change > 0 for change, sure in zip(changes, resolved.tolist(), strict=True) if sure}
    verdict = NO_DIRECTION
    if len(signs) > 1:
        verdict = "not monotone everywhere"
    elif resolved.all():
        verdict = DOMINANCE.monotone[0 if True in signs else 1]
    else:
        low, high = np.quantile(np.mean(taus, axis=0), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        if (low > 0 or high < 0) and signs <= {bool(low > 0)}:
            verdict = DOMINANCE.mostly[0 if low > 0 else 1]
    return GridDirection(verdict, tuple(effects), mean, _homogeneity(sizes, np.array(spreads)), measure)


def _homogeneity(effects: FloatArray, variances: FloatArray) -> float:
    """Return the p-value of Cochran's Q for effects with known variances; NaN for fewer than two."""
    from scipy.special import chdtrc

    if effects.size < 2 or not np.all(variances > 0):
        return math.nan
    weight = 1 / variances
    mean = float(weight @ effects / weight.sum())
    return float(chdtrc(effects.size - 1, float(weight @ (effects - mean) ** 2)))
