"""Figures of a sweep: D_0 and the deep tail's volumes against a factor, and the density of each point."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.formatting import decimal_text, exact_text
from geomreg_tui.report.drawing import COLOURS, INK, figure_text, legend_above, new_figure, style, title
from geomreg_tui.report.figures import draw_density, loss_label, loss_unit
from geomreg_tui.report.observed import LABELS
from geomreg_tui.report.sweep_results import Sweep
from geomreg_tui.statistics.trends import LANDMARK, LOG10_RATIO, intervals_of, measure_of
from geomreg_tui.sweeps.plan import Factor
from geomreg_tui.sweeps.volumes import TailComparison

__all__ = [
    "MOST_DENSITIES",
    "draw_densities",
    "draw_directions",
    "draw_observed",
    "draw_sweep",
    "draw_tails",
    "draw_training",
]

FloatArray = NDArray[np.float64]

MOST_DENSITIES = 36
_COLUMNS = 4
_CHARACTERS = 64  # of tick labels that fit under all panels side by side
_LABELS = {
    LANDMARK: "dominance $D_0$  (-1 central, +1 zero)",
    LOG10_RATIO: r"$\log_{10}$ ratio $\Lambda$ of zero to central",
}
_TRAINED = {"held_out_loss": "held-out loss, median", "distance": "distance from the start, median"}
_MARKS = "osD^vPX*"
_WIDE_RATIO = 16  # of the largest to the smallest value, from which the axis of a factor is logarithmic


def draw_sweep(sweep: Sweep) -> Any:
    """Return the figure of a sweep for a file: D_0 against each factor, tails, densities, with a title.

    Raises:
        ExperimentError: if matplotlib is not installed.
    """
    parts = [(_directions_size(sweep), _fill_directions)]
    if sweep.tails is not None:
        parts.append((_tails_size(sweep), _fill_tails))
    if sweep.observed is not None:
        parts.append((_observed_size(sweep), _fill_observed))
    if sweep.training is not None:
        parts.append((_training_size(sweep), _fill_training))
    parts.append((_densities_size(sweep), _fill_densities))
    with style():
        widths, heights = zip(*(size for size, _ in parts), strict=True)
        figure = new_figure(max(widths), sum(heights))
        places = figure.subfigures(len(parts), 1, height_ratios=heights, hspace=0.04)
        for place, (_, fill) in zip(places, parts, strict=True):
            fill(place, sweep)
        title(figure, [sweep.describe(), *sweep.warnings])
    return figure


def draw_directions(sweep: Sweep) -> Any:
    """Return a figure of D_0 with its interval against each factor, a line for each value of the other.

    Raises:
        ExperimentError: if matplotlib is not installed.
    """
    return _alone(sweep, _directions_size(sweep), _fill_directions)


def draw_tails(sweep: Sweep) -> Any:
    """Return a figure of log10 V at equal loss against each factor, over that of the ball of P dimensions.

    Raises:
        ExperimentError: if matplotlib is not installed.
    """
    return _alone(sweep, _tails_size(sweep), _fill_tails)


def draw_training(sweep: Sweep) -> Any:
    """Return a figure of trained networks against each factor, with log10 V at the loss they are trained to.

    V has an axis of its own, at the right.

    Raises:
        ExperimentError: if matplotlib is not installed.
    """
    return _alone(sweep, _training_size(sweep), _fill_training)


def draw_observed(sweep: Sweep) -> Any:
    """Return a figure of the mean of each observable against each factor.

    Raises:
        ExperimentError: if matplotlib is not installed.
    """
    return _alone(sweep, _observed_size(sweep), _fill_observed)


def draw_densities(sweep: Sweep) -> Any:
    """Return small multiples of the densities, each on its own axes, spread over the points if too many.

    Raises:
        ExperimentError: if matplotlib is not installed.
    """
    return _alone(sweep, _densities_size(sweep), _fill_densities)


def _alone(sweep: Sweep, size: tuple[float, float], fill: Callable[[Any, Sweep], None]) -> Any:
    with style():
        figure = new_figure(*size)
        fill(figure, sweep)
    return figure


def _directions_size(sweep: Sweep) -> tuple[float, float]:
    return (9.2 if len(sweep.factors) > 1 else 6.4), 3.8


def _fill_directions(figure: Any, sweep: Sweep) -> None:
    panels = figure.subplots(1, len(sweep.factors), sharey=True, squeeze=False)[0]
    landmarks = [point.landmark for point in sweep.points]
    measure = measure_of(landmarks)
    bands = intervals_of(measure, landmarks)
    for place, axes in enumerate(panels):
        _draw_against(axes, sweep, place, bands)
        axes.axhline(0, color=INK, lw=0.6)
        if measure == LANDMARK:
            axes.set_ylim(-1.05, 1.05)
        if not place:
            axes.set_ylabel(_LABELS[measure])


def _tails_size(sweep: Sweep) -> tuple[float, float]:
    return (9.2 if len(sweep.factors) > 1 else 6.4), 5.2


def _fill_tails(figure: Any, sweep: Sweep) -> None:
    found = sweep.tails
    if found is None:
        return
    panels = figure.subplots(2, len(sweep.factors), sharex="col", sharey="row", squeeze=False)
    at = decimal_text(found.log10_loss, 2)
    labels = (
        rf"$\log_{{10}} V(\varepsilon)$ at $\log_{{10}} \varepsilon$ = {at}",
        r"$\log_{10} V_P(r)$ of the ball",
    )
    for axes_of_row, bands, label in zip(panels, _tail_bands(found), labels, strict=True):
        for place, axes in enumerate(axes_of_row):
            _draw_against(axes, sweep, place, bands, legend=axes_of_row is panels[0])
        axes_of_row[0].set_ylabel(label)
    for axes in panels[0]:
        axes.set_xlabel("")


def _training_bands(sweep: Sweep) -> list[tuple[str, FloatArray]]:
    """Return what is drawn of trained networks: labels, and measures that are known, (points, 3)."""
    if sweep.training is None:
        return []
    measures = sweep.training.measures
    known = {name for name, values in measures.items() if np.isfinite(values[:, 0]).any()}
    first = "held_out_loss" if "held_out_loss" in known else "distance"
    labels = {first: _TRAINED[first], "log10_volume": r"$\log_{10} V$ at the loss trained to"}
    return [(label, measures[name]) for name, label in labels.items() if name in known]


def _observed_bands(sweep: Sweep) -> list[tuple[str, FloatArray]]:
    """Return what is drawn of observables: labels, and means, (points, 3)."""
    means = {} if sweep.observed is None else sweep.observed.means
    return [(LABELS[name], values) for name, values in means.items() if np.isfinite(values[:, 0]).any()]


def _training_size(sweep: Sweep) -> tuple[float, float]:
    return (9.8 if len(sweep.factors) > 1 else 6.4), 3.8


def _fill_training(figure: Any, sweep: Sweep) -> None:
    bands = _training_bands(sweep)
    if not bands:
        return
    (label, values), *rest = bands
    panels = figure.subplots(1, len(sweep.factors), sharey=True, squeeze=False)[0]
    rights = [axes.twinx() for axes in panels] if rest else []
    for place, axes in enumerate(panels):
        _draw_against(axes, sweep, place, values)
    for place, axes in enumerate(rights):
        _draw_against(axes, sweep, place, rest[0][1], legend=False, dashed=True)
        if axes is not rights[-1]:
            axes.sharey(rights[-1])
            axes.tick_params(labelright=False)
    panels[0].set_ylabel(label)
    if rights:
        rights[-1].set_ylabel(f"{rest[0][0]} (dashed)")


def _observed_size(sweep: Sweep) -> tuple[float, float]:
    return _rows_size(sweep, _observed_bands(sweep))


def _fill_observed(figure: Any, sweep: Sweep) -> None:
    laws = {} if sweep.observed is None else sweep.observed.laws
    _fill_rows(figure, sweep, _observed_bands(sweep), {LABELS[name]: values for name, values in laws.items()})


def _rows_size(sweep: Sweep, bands: Sequence[tuple[str, FloatArray]]) -> tuple[float, float]:
    return (9.2 if len(sweep.factors) > 1 else 6.4), 1.2 + 2.0 * max(1, len(bands))


def _fill_rows(
    figure: Any,
    sweep: Sweep,
    bands: Sequence[tuple[str, FloatArray]],
    laws: Mapping[str, FloatArray] = MappingProxyType({}),
) -> None:
    """Draw measures against each factor, one below the other.

    Args:
        figure: where.
        sweep: whose points.
        bands: labels of the measures, and intervals, (points, 3).
        laws: what theory expects of some, by their labels, (points, 3).
    """
    if not bands:
        return
    panels = figure.subplots(len(bands), len(sweep.factors), sharex="col", sharey="row", squeeze=False)
    for row, (axes_of_row, (label, values)) in enumerate(zip(panels, bands, strict=True)):
        for place, axes in enumerate(axes_of_row):
            _draw_against(axes, sweep, place, values, legend=not row)
            if label in laws:
                _draw_law(axes, sweep, place, laws[label][:, 0])
            if row + 1 < len(bands):
                axes.set_xlabel("")
        axes_of_row[0].set_ylabel(label)


def _tail_bands(found: TailComparison) -> tuple[FloatArray, FloatArray]:
    """Return log10 V at equal loss, and that of the ball, each with the ends of its interval, (points, 3)."""
    volume = np.array(found.volumes)
    return volume, np.repeat(found.log10_sphere[:, None], 3, axis=1)


def _shown(sweep: Sweep) -> list[int]:
    count = len(sweep.points)
    return sorted({round(place) for place in np.linspace(0, count - 1, min(count, MOST_DENSITIES))})


def _densities_size(sweep: Sweep) -> tuple[float, float]:
    columns, rows = _grid(sweep)
    return 2.3 * max(columns, 2), 0.5 + 1.75 * rows


def _fill_densities(figure: Any, sweep: Sweep) -> None:
    columns, rows = _grid(sweep)
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    shown = _shown(sweep)
    for axes in panels[len(shown) :]:
        axes.set_visible(False)
    # One loss axis for all, so that they can be compared; where half of them end, most tails have ended.
    high = float(np.median([sweep.results[place].modes.range[1] for place in shown]))
    unit = loss_unit(high)
    for axes, place in zip(panels, shown, strict=False):
        draw_density(axes, sweep.results[place], bare=True, unit=unit)
        if high > 0:
            axes.set_xlim(0, high / unit)
        name = ", ".join(
            f"{factor.key} = {exact_text(value)}"
            for factor, value in zip(sweep.factors, sweep.points[place].settings, strict=True)
        )
        axes.set_title(figure_text(name), fontsize=8)
        axes.tick_params(labelsize=7)
    figure.supxlabel(loss_label(sweep.results[0], unit), fontsize=9)
    figure.supylabel("density $p(L)$\n(per unit of loss)", fontsize=9)


def _grid(sweep: Sweep) -> tuple[int, int]:
    """Return columns and rows of the small multiples: those of the two factors where that fits."""
    shown, last = len(_shown(sweep)), len(sweep.factors[-1].values)
    whole = len(sweep.factors) == 2 and last <= 6 and shown == len(sweep.points)
    columns = last if whole else min(_COLUMNS, shown)
    return columns, math.ceil(shown / columns)


def _draw_against(
    axes: Any,
    sweep: Sweep,
    place: int,
    bands: FloatArray,
    *,
    legend: bool = True,
    dashed: bool = False,
) -> None:
    """Draw an estimate of each point against a factor, a line for each value of the other factor.

    Args:
        axes: where.
        sweep: whose points.
        place: of the factor among the factors.
        bands: estimate, low and high end of its interval, shape (points, 3); NaN where there is none.
        legend: whether to say which line is which.
        dashed: whether lines are dashed and marks hollow, as of a second axis.
    """
    factor = sweep.factors[place]
    other = 1 - place if len(sweep.factors) == 2 else None
    lines = sweep.factors[other].values if other is not None else (None,)
    colours = list(COLOURS.values())
    positions = _positions(factor)
    for number, held in enumerate(lines):
        chosen = [
            k
            for k, point in enumerate(sweep.points)
            if (other is None or point.settings[other] == held) and math.isfinite(bands[k, 0])
        ]
        x = np.array([positions[sweep.points[k].settings[place]] for k in chosen])
        ends = bands[chosen].reshape(-1, 3)
        ends = np.where(np.isfinite(ends), ends, ends[:, :1])  # an end without bound is not drawn
        label = None
        if other is not None and legend:
            label = figure_text(f"{sweep.factors[other].key} = {exact_text(held)}")
        axes.errorbar(
            x,
            ends[:, 0],
            yerr=np.abs(ends[:, 1:] - ends[:, :1]).T,
            color=colours[number % len(colours)],
            marker=_MARKS[number % len(_MARKS)],
            ls=_line(factor, number // len(colours), dashed=dashed),
            mfc="none" if dashed else None,
            ms=4,
            capsize=2.5,
            lw=1.2,
            label=label,
        )
    axes.set_xlabel(factor.key.replace("_", " "))
    _set_factor_axis(axes, factor, positions, _CHARACTERS // len(sweep.factors))
    legend_above(axes, columns=3)


def _line(factor: Factor, turn: int, *, dashed: bool) -> str:
    """Return how a line is drawn: otherwise at each turn through the colours; none without an order."""
    if not factor.ordered:
        return "none"
    return "--" if dashed else ("-", "--", ":", "-.")[turn % 4]


def _draw_law(axes: Any, sweep: Sweep, place: int, values: FloatArray) -> None:
    """Draw what theory expects at each point against a factor, (points,); NaN where it has no law."""
    factor = sweep.factors[place]
    positions = _positions(factor)
    other = 1 - place if len(sweep.factors) == 2 else None
    for held in sweep.factors[other].values if other is not None else (None,):
        chosen = [k for k, point in enumerate(sweep.points) if other is None or point.settings[other] == held]
        axes.plot(
            [positions[sweep.points[k].settings[place]] for k in chosen],
            values[chosen],
            color=INK,
            marker="x",
            ms=5,
            lw=0.8,
            ls="--" if factor.ordered else "none",
            alpha=0.6,
            zorder=3,
        )


def _positions(factor: Factor) -> dict[Any, float]:
    """Return where each value of a factor is drawn: at itself, or names one after the other."""
    if factor.ordered:
        return {value: float(value) for value in factor.values}
    return {value: float(number) for number, value in enumerate(factor.values)}


def _set_factor_axis(axes: Any, factor: Factor, positions: dict[Any, float], room: int) -> None:
    places = sorted(positions.values())
    if factor.ordered and places[0] > 0 and places[-1] / places[0] >= _WIDE_RATIO:
        axes.set_xscale("log")
    names = [exact_text(value) for value in factor.values]
    if len(names) <= 10:
        rotated = sum(map(len, names)) > room
        axes.set_xticks(
            [positions[value] for value in factor.values],
            [figure_text(name) for name in names],
            rotation=30 if rotated else 0,
            ha="right" if rotated else "center",
        )
        axes.minorticks_off()
