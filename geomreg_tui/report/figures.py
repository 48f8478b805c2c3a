"""Figures of a run for papers and reports, by matplotlib (the extra ``figures``)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from geomreg_tui.formatting import exact_text, number_text, share_text
from geomreg_tui.report.drawing import COLOURS, INK, figure_text, legend_above, new_figure, style, title
from geomreg_tui.report.observed_figures import fill_observables, observables_drawn, observables_size
from geomreg_tui.report.results import Result

__all__ = ["PANELS", "draw_density", "draw_figure", "draw_panel", "loss_label", "loss_unit"]

_BINS = 128
_FAR = 200  # decades from 1, beyond which an axis has a unit of its own
_LOSSES = {
    "mse": "mean squared error",
    "mae": "mean absolute error",
    "huber": "Huber loss",
    "cross_entropy": "cross-entropy, nats",
    "bce": "binary cross-entropy, nats",
    "hinge": "hinge loss",
    "zero_one": "share of errors",
}
# Dashed, since a law that is exact lies on what was sampled and must not hide it.
_GRADIENTS = {
    "confusion_min": ("smallest cosine", "blue", "-"),
    "confusion_mean": ("mean cosine", "green", "-."),
    "ntk_change": ("change of the NTK", "purple", "--"),
}
_LAWS = (("orange", "--"), ("vermilion", ":"), ("purple", "-."))


def draw_figure(result: Result) -> Any:
    """Return a matplotlib figure with all panels side by side for which the run has something.

    What was observed besides losses has a part of its own below them.

    Raises:
        ExperimentError: if matplotlib is not installed.
    """
    without = {
        "held_out": result.held_out is None,
        "training": result.training is None,
        "training_gradients": not _trained_gradients(result),
    }
    names = [name for name in PANELS if not without.get(name)]
    size = 4.6 * len(names), 4.2
    with style():
        if observables_drawn(result):
            wide, high = observables_size(result)
            figure = new_figure(max(size[0], wide), size[1] + high)
            above, below = figure.subfigures(2, 1, height_ratios=(size[1], high), hspace=0.04)
        else:
            figure, below = new_figure(*size), None
            above = figure
        for axes, name in zip(above.subplots(1, len(names)), names, strict=True):
            PANELS[name](axes, result)
        if below is not None:
            fill_observables(below, result)
        heading = f"{result.facts.describe()} · {result.summary.samples:,} networks"
        title(figure, [heading, *result.warnings])
    return figure


def draw_panel(result: Result, name: str) -> Any:
    """Return a figure of one of :data:`PANELS`, wide, without a title.

    Raises:
        ExperimentError: if matplotlib is not installed.
    """
    with style():
        figure = new_figure(7.2, 3.6)
        PANELS[name](figure.subplots(), result)
    return figure


def loss_unit(high: float) -> float:
    """Return the unit of an axis of losses that ends at ``high``: 1, or a power of ten.

    Matplotlib takes an axis that is shorter than about 1e-287 for one of no length.
    """
    if not high > 0 or abs(math.log10(high)) < _FAR:
        return 1.0
    return 10.0 ** math.floor(math.log10(high))


def loss_label(result: Result, unit: float = 1.0) -> str:
    """Return the label of the loss axis, with its unit."""
    name = result.facts.experiment.loss
    units = f", in units of {exact_text(unit)}" if unit != 1 else ""
    return f"loss $L$ ({_LOSSES.get(name, name)}{units})"


def draw_density(axes: Any, result: Result, *, bare: bool = False, unit: float | None = None) -> None:
    """Draw the density of the losses with joint bands, landmarks and theory.

    Args:
        axes: where.
        result: the run.
        bare: without labels and legend, for a small multiple.
        unit: of the axis of losses; None for the one that suits it.
    """
    high = result.modes.range[1]
    unit = loss_unit(high) if unit is None else unit
    if not bare:
        axes.set_xlabel(loss_label(result, unit))
        axes.set_ylabel("density $p(L)$ (share per unit of loss)")
    if not result.summary.histogram.count.size or high <= 0:
        _say_empty(axes)
        return
    binned = result.distribution.linear_bins(_BINS, high, atom=False)
    edges, width = binned.edges / unit, binned.width / unit
    low, top = (band / width for band in binned.bands())
    blue = COLOURS["blue"]
    axes.stairs(binned.density * unit, edges, color=blue, fill=True, alpha=0.15, lw=0)
    axes.stairs(binned.density * unit, edges, color=blue, lw=1.0, label="sampled")
    axes.stairs(top, edges, baseline=low, color=blue, fill=True, alpha=0.4, lw=0, label="95 % band, joint")
    for overlay, (colour, line) in zip(result.facts.overlays, _LAWS, strict=False):
        law = overlay.shares(binned.edges, result.facts.null_loss) / width
        label = f"theory: {figure_text(overlay.name)}"
        axes.stairs(law, edges, color=COLOURS[colour], ls=line, lw=0.9 if bare else 1.4, label=label)
    _mark_landmarks(axes, result, lambda loss: loss / unit if loss <= high else None)
    axes.set_xlim(0, high / unit)
    axes.set_ylim(0, None)
    if not bare:
        legend_above(axes)


def _draw_volume(axes: Any, result: Result) -> None:
    curve = result.volume
    axes.set_xlabel(r"$\log_{10}\,\varepsilon$  ($\varepsilon$ in units of the loss)")
    axes.set_ylabel(r"$\log_{10} V(\varepsilon)$  (share with $L \leq \varepsilon$)")
    if not curve.loss.size:
        _say_empty(axes)
        return
    blue = COLOURS["blue"]
    axes.plot(curve.log10_loss, curve.log10_volume, color=blue, label="sampled")
    low, high = np.log10(curve.low), np.log10(curve.high)
    axes.fill_between(curve.log10_loss, low, high, color=blue, alpha=0.3, lw=0, label="95 % interval")
    for overlay, (colour, line) in zip(result.facts.overlays, _LAWS, strict=False):
        seen = (overlay.cdf > 0.1 / curve.samples) & (overlay.loss > 0)
        places, shares = np.log10(overlay.loss[seen]), np.log10(overlay.cdf[seen])
        label = f"theory: {figure_text(overlay.name)}"
        axes.plot(places, shares, color=COLOURS[colour], ls=line, lw=1.6, label=label)
    floor = curve.zero.estimate or curve.unresolved.estimate
    if floor > 0:
        label = f"exact zeros, $V(0)$ = {share_text(floor, 3)}"
        if not curve.zero.estimate:
            label = f"unresolved in {result.facts.experiment.dtype}: {share_text(floor, 3)} of networks"
        axes.axhline(np.log10(floor), color=COLOURS["green"], ls="-.", lw=1.2, label=label)
    else:
        label = f"nothing {'sampled below' if result.tail else 'seen'}: $V$ < 3/{curve.samples:,}"
        axes.axhline(np.log10(curve.bound), color=COLOURS["green"], ls="-.", lw=1.2, label=label)
    # What was sampled sets the ends: a law may go on for hundreds of decades.
    left, right = float(curve.log10_loss[0]), float(curve.log10_loss[-1])
    deepest = _draw_tail(axes, result)
    bottom = low[0] if floor > 0 else min(float(low[0]), float(np.log10(curve.bound)))
    if deepest is not None:
        left, bottom = min(left, deepest[0]), min(float(bottom), deepest[1])
    _mark_landmarks(axes, result, lambda loss: float(np.log10(loss)) if loss > 0 else None)
    axes.set_xlim(left - 0.03 * (right - left) - 1e-9, right + 0.03 * (right - left) + 1e-9)
    axes.set_ylim(1.05 * bottom - 1e-9, max(0.02, -0.05 * bottom))
    legend_above(axes)


def _draw_tail(axes: Any, result: Result) -> tuple[float, float] | None:
    """Draw the tail below all sampled losses, with its band; return log10 L and log10 V at its end."""
    deep = result.tail
    if deep is None or deep.curve is None:
        return None
    own = deep.log10_loss <= deep.meets
    if not own.any():
        return None
    loss, volume, low, high = (
        each[own] for each in (deep.log10_loss, deep.log10_volume, deep.low, deep.high)
    )
    colour = COLOURS["purple"]
    axes.plot(loss, volume, color=colour, label=f"deep tail, {deep.in_curve} populations")
    axes.fill_between(loss, low, high, color=colour, alpha=0.3, lw=0, label="its 95 % band")
    return float(loss[0]), float(low[0])


def _draw_training(axes: Any, result: Result) -> None:
    overview = result.training
    axes.set_xlabel("step + 1")
    axes.set_ylabel("training loss $L$")
    if overview is None or not overview.step.size:
        _say_empty(axes)
        return
    step, band, colour = overview.step + 1, overview.bands["loss"], COLOURS["vermilion"]
    for network, first in enumerate(overview.shown.first_row[:-1]):
        rows = slice(first, overview.shown.first_row[network + 1])
        label = "some trajectories" if not network else None
        axes.plot(overview.shown.step[rows] + 1, overview.shown.loss[rows], color=INK, lw=0.4, label=label)
    for low, high in ((0, -1), (1, -2)):
        share = f"{band.shares[high] - band.shares[low]:.0%} of the trajectories"
        ends = band.quantiles[:, low], band.quantiles[:, high]
        axes.fill_between(step, *ends, color=colour, alpha=0.18, lw=0, label=share)
    axes.plot(step, band.median[:, 0], color=colour, label="median")
    axes.set_xscale("log")
    axes.set_yscale("log")
    _draw_volume_of_path(axes, result)
    legend_above(axes)


def _draw_volume_of_path(axes: Any, result: Result) -> None:
    """Draw log10 V of the median loss on an axis of its own, where V is known."""
    overview = result.training
    volume = result.volume_of_loss.at(overview.bands["loss"].median[:, 0]) if overview else np.empty((0, 3))
    known = np.isfinite(volume[:, 0])
    if overview is None or not known.any():
        return
    right = axes.twinx()
    right.plot(overview.step[known] + 1, volume[known, 0], color=COLOURS["purple"], ls="--")
    right.set_ylabel(r"$\log_{10} V$ of the median loss (dashed)", color=COLOURS["purple"])
    right.set_ylim(None, 0)


def _trained_gradients(result: Result) -> tuple[str, ...]:
    """Return what was observed of gradients of trained networks."""
    return () if result.training is None else result.training.plan.observed


def _draw_training_gradients(axes: Any, result: Result) -> None:
    """Draw medians and middle halves of cosines and, on an axis of its own, of the change of the NTK."""
    overview, names = result.training, _trained_gradients(result)
    axes.set_xlabel("step + 1")
    if overview is None or not names or not overview.step.size:
        _say_empty(axes, "no gradients to draw")
        return
    axes.set_xscale("log")
    cosines = [name for name in names if name != "ntk_change"]
    right = axes.twinx() if cosines and "ntk_change" in names else axes
    for name in names:
        label, colour, line = _GRADIENTS[name]
        band, own = overview.bands[name], right if name == "ntk_change" else axes
        low, high = (band.quantiles[:, place] for place in (1, -2))
        own.fill_between(overview.step + 1, low, high, color=COLOURS[colour], alpha=0.18, lw=0)
        own.plot(overview.step + 1, band.median[:, 0], color=COLOURS[colour], ls=line, label=label)
        if own is not axes:
            axes.plot([], [], color=COLOURS[colour], ls=line, label=label)  # for the legend of both
    if cosines:
        axes.set_ylabel("cosine of the gradients of two examples")
        axes.set_ylim(-1.02, 1.02)
    if "ntk_change" in names:
        right.set_ylabel(r"$\|\Theta_t - \Theta_0\| / \|\Theta_0\|$")
        right.set_ylim(0, None)
    legend_above(axes)


def _draw_held_out(axes: Any, result: Result) -> None:
    curve = result.held_out
    axes.set_xlabel(r"$\varepsilon$  (training loss at most $\varepsilon$)")
    if curve is None or not np.any(curve.loss > 0):
        _say_empty(axes)
        return
    band = curve.mean_loss if curve.accuracy is None else curve.accuracy
    axes.set_ylabel("mean held-out loss" if curve.accuracy is None else "held-out accuracy (share correct)")
    shown = (curve.loss > 0) & np.isfinite(band.estimate)
    green = COLOURS["green"]
    finite = shown & np.isfinite(band.low) & np.isfinite(band.high)
    axes.plot(curve.loss[shown], band.estimate[shown], color=green, marker=".", ms=4, label="mean")
    axes.fill_between(
        curve.loss[finite],
        band.low[finite],
        band.high[finite],
        color=green,
        alpha=0.3,
        lw=0,
        label="95 % interval, each for its point",
    )
    axes.set_xscale("log")
    if curve.accuracy is None:
        axes.set_ylim(0, None)
    else:
        axes.set_ylim(0, 1)
    legend_above(axes)


def _mark_landmarks(axes: Any, result: Result, place: Callable[[float], float | None]) -> None:
    """Draw a line at each landmark that ``place`` has a place for; the atom's mass stands with its line."""
    facts, atom = result.facts, result.modes.atom_mass.estimate
    null = "null loss $L_0$"
    if atom > 0:
        null += f", atom of {number_text(atom, 3)}"
    for name, loss, line in (
        (null, facts.null_loss, "--"),
        ("constant loss $L_c$", facts.constant_loss, ":"),
    ):
        where = place(loss)
        if where is not None:
            axes.axvline(where, color=INK, ls=line, lw=1.1, label=name)


def _say_empty(axes: Any, text: str = "no losses to draw") -> None:
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes)


PANELS: dict[str, Callable[[Any, Result], None]] = {
    "density": draw_density,
    "volume": _draw_volume,
    "training": _draw_training,
    "training_gradients": _draw_training_gradients,
    "held_out": _draw_held_out,
}
