"""What replicates say of a claim: an effect with its interval, tests of it, and a verdict in one word.

Everything in a replicate was drawn anew, examples and weights, so replicates are independent, and their
scatter holds both the noise of sampling and the difference between data sets. So Student's law over
replicates is all that is needed, whatever was measured in each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geomreg_tui.statistics.intervals import LEVEL, UNDEFINED, Interval

__all__ = [
    "AGAINST",
    "NOT_SUPPORTED",
    "SUPPORTED",
    "UNDECIDED",
    "Finding",
    "find",
    "holm",
    "mean_interval",
    "verdicts_of",
]

SUPPORTED, NOT_SUPPORTED, AGAINST = "supported", "not supported", "against"
UNDECIDED = "undecided at this scale"
Expected = Literal["above", "below", "different", "equal"]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Finding:
    """What replicates say of one prediction of a claim.

    Attributes:
        name: a short name, such as ``width``.
        claim: the prediction, in words.
        measure: what the effect is a number of, with its unit.
        expected: whether the claim says that the effect is ``above``, ``below``, ``different`` from or
            ``equal`` to ``null``.
        null: the value that it is compared with.
        margin: how near to ``null`` an effect is too small to matter; NaN where nothing is said of that.
        effect: mean over the replicates with its 95 % interval; NaN where there are too few.
        replicates: how many it is over.
        missing: how many have no value, and are left out.
        p_different: two-sided p-value of the effect being ``null``; of it being within the margin where
            the claim expects it to be equal.
        p_negligible: p-value of the effect being at least the margin away from ``null``; NaN without one.
        rival: whose prediction it is, where it is not the paper's.
    """

    name: str
    claim: str
    measure: str
    expected: Expected
    null: float
    margin: float
    effect: Interval
    replicates: int
    missing: int
    p_different: float
    p_negligible: float
    rival: str = ""

    def to_json(self, verdict: str) -> dict[str, Any]:
        """Return plain data; None stands for what is undefined.

        Args:
            verdict: what it comes to beside the other findings of its study.
        """
        return {
            "name": self.name,
            "claim": self.claim,
            "measure": self.measure,
            "expected": self.expected,
            "null": self.null,
            "margin": _plain(self.margin),
            "effect": self.effect.to_json(),
            "replicates": self.replicates,
            "missing": self.missing,
            "p_different": _plain(self.p_different),
            "p_negligible": _plain(self.p_negligible),
            "rival": self.rival or None,
            "verdict": verdict,
        }


def find(
    name: str,
    claim: str,
    measure: str,
    values: ArrayLike,
    expected: Expected,
    *,
    null: float = 0.0,
    margin: float = math.nan,
    rival: str = "",
) -> Finding:
    """Return what replicates say of a prediction.

    Args:
        name, claim, measure, expected, null, margin, rival: as the attributes of :class:`Finding`.
        values: the effect in each replicate, (replicates,); NaN for none.

    Raises:
        ValueError: if the claim expects ``equal`` and there is no margin.
    """
    if expected == "equal" and not margin > 0:
        raise ValueError("what is expected to be equal needs a margin")
    given = np.asarray(values, np.float64).ravel()
    known = given[np.isfinite(given)]
    effect = mean_interval(known)
    error = float(known.std(ddof=1)) / math.sqrt(known.size) if known.size > 1 else math.nan
    different = negligible = math.nan
    if known.size > 1:
        beyond = margin if expected == "equal" else 0.0
        gap = abs(effect.estimate - null)
        # Both errors are one-sided; two of them for a difference, whose sign is not known beforehand.
        different = min(1.0, 2 * _beyond(gap - beyond, error, known.size))
        if not math.isnan(margin):
            negligible = _beyond(margin - gap, error, known.size)
    return Finding(
        name,
        claim,
        measure,
        expected,
        null,
        margin,
        effect,
        int(known.size),
        int(given.size - known.size),
        different,
        negligible,
        rival,
    )


def mean_interval(values: ArrayLike) -> Interval:
    """Return the mean of independent values with Student's 95 % interval.

    The ends are NaN for fewer than two values, and where all are equal: their scatter says nothing then.

    Args:
        values: finite numbers, (replicates,).
    """
    known = np.asarray(values, np.float64)
    if not known.size:
        return UNDEFINED
    mean = float(known.mean())
    scatter = float(known.std(ddof=1)) if known.size > 1 else 0.0
    if not scatter > 0:
        return Interval(mean, math.nan, math.nan)
    from scipy.special import stdtrit

    reach = float(stdtrit(known.size - 1, (1 + LEVEL) / 2)) * scatter / math.sqrt(known.size)
    return Interval(mean, mean - reach, mean + reach)


def verdicts_of(findings: Sequence[Finding]) -> list[str]:
    """Return the verdict on each finding; at most one study in twenty has a wrong one.

    All tests of all findings are taken together, by Holm's procedure (1979) at 5 %. An effect that is
    negligible is "not supported", or "supported" where the claim expects that. One that differs is
    "supported" or "against", by the side that the claim names. All else is undecided.
    """
    p_values = [[finding.p_different, finding.p_negligible] for finding in findings]
    rejected = holm(np.array(p_values, np.float64).ravel()).reshape(-1, 2).tolist()
    return [
        _verdict(finding, different, negligible)
        for finding, (different, negligible) in zip(findings, rejected, strict=True)
    ]


def holm(p_values: ArrayLike) -> NDArray[np.bool_]:
    """Return which hypotheses Holm's procedure (1979) rejects, at 5 % for all together; NaN is no test."""
    flat = np.asarray(p_values, np.float64)
    rejected = np.zeros(flat.size, bool)
    order = [place for place in np.argsort(flat, kind="stable").tolist() if not math.isnan(flat[place])]
    for rank, place in enumerate(order):
        if flat[place] > (1 - LEVEL) / (len(order) - rank):
            break
        rejected[place] = True
    return rejected


def _verdict(finding: Finding, different: bool, negligible: bool) -> str:
    if finding.expected == "equal":
        return SUPPORTED if negligible else AGAINST if different else UNDECIDED
    if negligible:
        return NOT_SUPPORTED
    if not different:
        return UNDECIDED
    if finding.expected == "different":
        return SUPPORTED
    return SUPPORTED if (finding.effect.estimate > finding.null) == (finding.expected == "above") else AGAINST


def _beyond(distance: float, error: float, replicates: int) -> float:
    """Return the one-sided p-value of a mean lying a distance on the far side of a bound.

    Where all replicates are equal it is that of the sign test, which needs no scatter.
    """
    if not error > 0:
        return 0.5**replicates if distance > 0 else 1.0
    from scipy.special import stdtr

    return float(stdtr(replicates - 1, -distance / error))


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
