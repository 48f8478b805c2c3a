"""Tables of what the points of a sweep have besides their losses: observables and trained ensembles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.columns import table_lines, wrapped_lines
from geomreg_tui.formatting import UNDEFINED, exact_text, interval_text, number_text
from geomreg_tui.report.observed import LABELS
from geomreg_tui.report.training import median_text
from geomreg_tui.sweeps.observed import ObservedComparison, compare_observed
from geomreg_tui.sweeps.plan import Factor
from geomreg_tui.sweeps.result import SweepPoint
from geomreg_tui.sweeps.trained import TrainingComparison, compare_training

__all__ = [
    "factor_words",
    "known_text",
    "law_heading",
    "law_rows",
    "low_loss_heading",
    "low_loss_rows",
    "observed_heading",
    "observed_notes",
    "observed_part",
    "observed_rows",
    "training_heading",
    "training_part",
    "training_rows",
]

_TRAINED = {
    "fitted": "fitted",
    "steps": "steps",
    "distance": "distance",
    "relative_distance": "over the start",
    "held_out_loss": "held-out loss",
    "held_out_accuracy": "accuracy",
    "log10_volume": "log10 V there",
    "confusion_min": "smallest cosine",
    "confusion_mean": "mean cosine",
    "ntk_change": "change of the NTK",
}


def factor_words(factors: Sequence[Factor]) -> list[int]:
    """Return the places of the factors whose values are words, which are set to the left."""
    return [place for place, factor in enumerate(factors) if not factor.ordered]


def known_text(text: str) -> str:
    """Return a number as text, with a hyphen for one that is undefined."""
    return "-" if text == UNDEFINED else text


def training_part(factors: Sequence[Factor], points: Sequence[SweepPoint], width: int | None) -> list[str]:
    """Return how the ensembles ended as a table; nothing where nothing was trained."""
    compared = compare_training(points)
    if compared is None:
        return []
    return measure_lines(factors, training_heading(compared), training_rows(factors, points, compared), width)


def observed_part(factors: Sequence[Factor], points: Sequence[SweepPoint], width: int | None) -> list[str]:
    """Return means of observables as a table; nothing where nothing was observed."""
    compared = compare_observed(points)
    if compared is None:
        return []
    lines = measure_lines(factors, observed_heading(), observed_rows(factors, points, compared), width)
    if compared.laws:
        lines += measure_lines(factors, law_heading(compared), law_rows(factors, points, compared), width)
    if compared.low_loss:
        table = low_loss_rows(factors, points, compared)
        lines += measure_lines(factors, low_loss_heading(), table, width)
    notes = [part for note in observed_notes(compared) for part in wrapped_lines(note, width, 2)]
    return [*lines, *(["", *notes] if notes else [])]


def measure_lines(
    factors: Sequence[Factor], heading: str, table: tuple[list[str], list[list[str]]], width: int | None
) -> list[str]:
    """Return headings and rows as lines, below a blank line and what they show."""
    headings, rows = table
    lines = table_lines(headings, rows, width, left=factor_words(factors))
    return ["", *wrapped_lines(heading, width), "", *lines]


def observed_heading() -> str:
    """Return what the table of observables shows."""
    return "Observed: means over networks [95 %]"


def low_loss_heading() -> str:
    """Return what the table of observables down the tails shows."""
    return "Observed among the networks of the lowest loss that each tail has come to: medians [95 %]"


def low_loss_rows(
    factors: Sequence[Factor], points: Sequence[SweepPoint], compared: ObservedComparison
) -> tuple[list[str], list[list[str]]]:
    """Return headings, and the settings of each point with its medians among networks of low loss."""
    return measure_table(
        factors, points, compared.low_loss, LABELS, lambda _, median: known_text(interval_text(median))
    )


def law_heading(compared: ObservedComparison) -> str:
    """Return what the table of laws shows, and which laws they are."""
    kinds: dict[str, list[str]] = {}
    for name, law in compared.law_names.items():
        kinds.setdefault(law, []).append(LABELS[name])
    return "Means by theory: " + "; ".join(f"{law}: {', '.join(names)}" for law, names in kinds.items())


def law_rows(
    factors: Sequence[Factor], points: Sequence[SweepPoint], compared: ObservedComparison
) -> tuple[list[str], list[list[str]]]:
    """Return headings, and the settings of each point with the means that theory expects, as text."""

    def text(_: str, mean: Sequence[float]) -> str:
        return known_text(number_text(mean[0]))

    return measure_table(factors, points, compared.laws, LABELS, text)


def observed_notes(compared: ObservedComparison) -> list[str]:
    """Return what has to be known before means of different points are compared."""
    if len(compared.pairs) < 2 or "confusion_min" not in compared.means:
        return []
    pairs = f"{compared.pairs[0]:,} to {compared.pairs[-1]:,}"
    return [
        f"The points compare {pairs} pairs of examples: the smallest of more cosines is smaller whatever "
        "the networks are."
    ]


def observed_rows(
    factors: Sequence[Factor], points: Sequence[SweepPoint], compared: ObservedComparison
) -> tuple[list[str], list[list[str]]]:
    """Return headings, and the settings of each point with its means of observables, as text."""
    return measure_table(
        factors, points, compared.means, LABELS, lambda _, mean: known_text(interval_text(mean))
    )


def training_heading(compared: TrainingComparison) -> str:
    """Return what the table of trained ensembles shows."""
    goal = f" to a training loss of {number_text(compared.to_loss)}" if compared.to_loss else ""
    return f"Training{goal}: the share that has fitted, and medians over these [95 %]"


def training_rows(
    factors: Sequence[Factor], points: Sequence[SweepPoint], compared: TrainingComparison
) -> tuple[list[str], list[list[str]]]:
    """Return headings, and the settings of each point with how its ensemble ended, as text.

    Measures that no point has are left out.
    """
    return measure_table(factors, points, compared.measures, _TRAINED, median_text)


def measure_table(
    factors: Sequence[Factor],
    points: Sequence[SweepPoint],
    measures: Mapping[str, NDArray[np.float64]],
    labels: Mapping[str, str],
    text: Callable[[str, tuple[float, float, float]], str],
) -> tuple[list[str], list[list[str]]]:
    """Return headings, and the settings of each point with its measures, as text.

    Args:
        factors: what was varied.
        points: what came out.
        measures: by name, with intervals, (points, 3); what no point has is left out.
        labels: headings of the measures, in the order in which they are shown.
        text: says a measure, by its name, and estimate, low and high end.
    """
    shown = [name for name in labels if name in measures and np.isfinite(measures[name][:, 0]).any()]
    headings = [*(factor.key for factor in factors), *(labels[name] for name in shown)]
    rows = [
        [*map(exact_text, point.settings), *(text(name, _ends(measures[name][place])) for name in shown)]
        for place, point in enumerate(points)
    ]
    return headings, rows


def _ends(values: NDArray[np.float64]) -> tuple[float, float, float]:
    estimate, low, high = map(float, values)
    return estimate, low, high
