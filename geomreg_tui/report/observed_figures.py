"""Figures of observables: how each is distributed over networks, with its law, and down the tail."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.formatting import number_text
from geomreg_tui.gradients.plan import LABELS
from geomreg_tui.report.drawing import COLOURS, figure_text, legend_above, new_figure, style
from geomreg_tui.report.results import Result

__all__ = ["draw_observables", "fill_observables", "observables_drawn", "observables_size"]

FloatArray = NDArray[np.float64]

_BINS = 48
_TOP = 0.995  # share of the networks that the axis reaches up to
_WIDE, _HIGH = 3.1, 2.8  # inches, of one panel


def observables_drawn(result: Result) -> list[str]:
    """Return the observables of which there is a histogram; those of walks have none."""
    if result.observed is None:
        return []
    found = result.observed.observations.values
    return [name for name in LABELS if name in found and found[name].histogram.finite]


def observables_size(result: Result) -> tuple[float, float]:
    """Return width and height of the figure in inches."""
    names = observables_drawn(result)
    columns, rows = _grid(len(names))
    return _WIDE * columns, _HIGH * rows * (2 if _falls(result, names) else 1)


def draw_observables(result: Result) -> Any:
    """Return a figure of every observable, a panel each; with a deep tail, of its medians down there too.

    Raises:
        ExperimentError: if matplotlib is not installed.
    """
    with style():
        figure = new_figure(*observables_size(result))
        fill_observables(figure, result)
    return figure


def fill_observables(figure: Any, result: Result) -> None:
    """Draw a panel for each observable, and below it one for its way down the tail where there is one."""
    names = observables_drawn(result)
    columns, rows = _grid(len(names))
    deep = _falls(result, names)
    places = figure.subplots(rows * (2 if deep else 1), columns, squeeze=False)
    for axes in places.flat:
        axes.set_visible(False)
    for number, name in enumerate(names):
        row, column = divmod(number, columns)
        _draw_histogram(places[row * (2 if deep else 1), column], result, name)
        if deep:
            _draw_fall(places[2 * row + 1, column], result.observables[name].get("at_loss", []), name)


def _grid(count: int) -> tuple[int, int]:
    columns = min(3, count)
    return columns, math.ceil(count / max(columns, 1))


def _falls(result: Result, names: Sequence[str]) -> bool:
    return any(result.observables[name].get("at_loss") for name in names)


def _draw_histogram(axes: Any, result: Result, name: str) -> None:
    """Draw the density of an observable over networks, with its mean and that of theory."""
    axes.set_visible(True)
    assert result.observed is not None
    values = result.observed.observations.values[name]
    middles, counts = values.histogram.middles()
    cumulative = np.cumsum(counts) / counts.sum()
    low = min(0.0, float(middles[0]))
    high = float(middles[min(int(np.searchsorted(cumulative, _TOP)), middles.size - 1)])
    law = result.observed.planned.laws.get(name)
    if law is not None:
        low, high = min(low, law.mean), max(high, law.mean)
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high + 0.02 * (high - low), _BINS + 1)
    density = np.histogram(middles, edges, weights=counts)[0] / counts.sum() / np.diff(edges)
    blue = COLOURS["blue"]
    axes.stairs(density, edges, color=blue, fill=True, alpha=0.25, lw=0)
    axes.stairs(density, edges, color=blue, lw=1.0)
    mean = values.moments.mean
    axes.axvline(mean, color=blue, lw=1.4, label=f"mean {number_text(mean)}")
    if law is not None:
        label = f"theory {number_text(law.mean)} ({figure_text(law.name)})"
        axes.axvline(law.mean, color=COLOURS["orange"], ls="--", lw=1.4, label=label)
    axes.set_xlabel(LABELS[name])
    axes.set_ylabel("density over networks")
    axes.set_ylim(0, None)
    legend_above(axes, 1)


def _draw_fall(axes: Any, rows: Sequence[Mapping[str, Any]], name: str) -> None:
    """Draw the median of an observable down the tail with its interval, and the middle 90 % of networks."""
    if not rows:
        return
    axes.set_visible(True)
    volume = _column([row["log10_volume"] for row in rows])
    median, low, high = (_column([row["quantiles"]["0.5"][end] for row in rows]) for end in range(3))
    ends = [_column([row["quantiles"][share][0] for row in rows]) for share in ("0.05", "0.95")]
    purple = COLOURS["purple"]
    axes.fill_between(volume, *ends, color=purple, alpha=0.18, lw=0, label="90 % of networks")
    axes.plot(volume, median, color=purple, marker=".", ms=4, label="median [95 %]")
    axes.errorbar(volume, median, (median - low, high - median), color=purple, lw=1.0, ls="none")
    axes.set_xlabel(r"$\log_{10} V$ of the networks up to a loss")
    axes.set_ylabel(LABELS[name])
    axes.invert_xaxis()
    legend_above(axes, 1)


def _column(values: Sequence[float | None]) -> FloatArray:
    return np.array([math.nan if value is None else value for value in values])
