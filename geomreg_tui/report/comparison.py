"""A comparison of sampling and training as text."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.columns import table_lines, wrapped_lines
from geomreg_tui.formatting import interval_text, number_text, probability_text
from geomreg_tui.statistics.evidence import Finding, mean_interval
from geomreg_tui.statistics.intervals import Interval
from geomreg_tui.studies.comparison import Comparison

__all__ = ["comparison_text"]

_SMALLEST_P = 1e-6
_WHAT = {
    "volume": "networks drawn given L <= eps, as often as they have volume",
    "readout": "readout trained by gradient descent, the layers below as drawn",
    "gd": "all weights trained by gradient descent",
    "sgd": "all weights trained by minibatches",
}


def comparison_text(comparison: Comparison, width: int | None = None) -> str:
    """Return arms side by side, the differences between them, and ranks, as plain text.

    Args:
        comparison: what was compared.
        width: cells of a line; None for no limit.
    """
    sets = len(comparison.sets)
    volume = _mean_text(comparison.log10_volume)
    first = (
        f"{sets} training set{'s' * (sets != 1)}, each network at training loss {number_text(comparison.eps)}"
        f" or below; mean log10 V there {volume}"
    )
    lines = [*wrapped_lines(first, width), ""]
    headings = ["arm", "held-out loss", "accuracy", "fitted", "infinitely wide", "networks"]
    rows = [
        [
            name,
            _mean_text(arm.loss),
            _mean_text(arm.accuracy),
            number_text(float(np.nanmean(arm.fitted)), 3) if np.isfinite(arm.fitted).any() else "-",
            number_text(comparison.limits[name]) if name in comparison.limits else "-",
            _WHAT[name],
        ]
        for name, arm in comparison.arms.items()
    ]
    lines += table_lines(headings, rows, width, left=(0, 5), wrap_last=True)
    lines += ["", "Mean differences over training sets, with 95 % intervals:"]
    lines += _finding_lines(comparison.differences, comparison.words, width)
    if comparison.ranks:
        lines += ["", "Mean rank of trained networks among the volume's, 0 to 1; uniform ranks have 0.5:"]
        lines += _finding_lines(comparison.ranks, comparison.rank_words, width)
    lines += [
        "",
        *wrapped_lines(
            "A linear model, and a readout alone, end where the volume's networks are: every difference is 0 "
            "there, and ranks by loss and norm are uniform. The distance of a trained network is from its "
            "start, that of the volume's from an initial network drawn apart: training that keeps to its "
            "start ranks low. Words account for all lines of a table together (Holm, 5 %); equal is within "
            "5 %.",
            width,
        ),
    ]
    return "\n".join(lines)


def _finding_lines(findings: tuple[Finding, ...], words: tuple[str, ...], width: int | None) -> list[str]:
    rows = [
        [finding.name, finding.measure, _effect(finding.effect), _p(finding.p_different), word]
        for finding, word in zip(findings, words, strict=True)
    ]
    return table_lines(["", "of", "estimate", "p", "verdict"], rows, width, left=(0, 1, 4))


def _effect(effect: Interval) -> str:
    if math.isfinite(effect.low) and math.isfinite(effect.high):
        return interval_text(effect)
    return number_text(effect.estimate) if math.isfinite(effect.estimate) else "-"


def _p(value: float) -> str:
    return "-" if math.isnan(value) else probability_text(value, _SMALLEST_P).removeprefix("= ")


def _mean_text(values: NDArray[np.float64]) -> str:
    return _effect(mean_interval(values[np.isfinite(values)]))
