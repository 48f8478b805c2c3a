"""The figures of the pages about statistics: real runs, drawn for light and for dark pages.

``python -m docs.figures [NAME ...]`` draws those that are named, by default all of :data:`FIGURES`, into
``docs/pages/pictures``. Each run is drawn anew.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

import geomreg_tui as geomreg

__all__ = ["FIGURES", "draw_all"]

FOLDER = Path(__file__).parent / "pages" / "pictures"
ONE_EXAMPLE = {"data": "gaussian", "inputs": 4, "examples": 1}
INK = {"light": "#1f2328", "dark": "#d8dee9"}
BLUE, ORANGE, GREEN, GREY = "#3f88e0", "#e8830c", "#2fa46a", "#8a919c"
WINDOW = 1 / 4  # in units of L_0: the width of the windows of D_0


def dominance(result: Any) -> tuple[float, float, float]:
    """Return D_0 with the ends of its 95 % interval, from counts alone (Clopper and Pearson 1934)."""
    null, total = result.facts.null_loss, result.summary.samples
    near_zero = result.distribution.cdf(WINDOW * null)
    inner, outer = ((1 - WINDOW / 2) * null, (1 + WINDOW / 2) * null)
    near_null = result.distribution.cdf(outer) - result.distribution.cdf(inner)
    zero, both = round(float(near_zero * total)), round(float((near_zero + near_null) * total))
    low = stats.beta.ppf(0.025, zero, both - zero + 1) if zero else 0.0
    high = stats.beta.ppf(0.975, zero + 1, both - zero) if zero < both else 1.0
    return 2 * zero / both - 1, 2 * low - 1, 2 * high - 1


def density(axes: Axes, result: Any, edges: np.ndarray, **style: Any) -> None:
    """Draw the density over bins, in units of the null loss; the atom at it is left out."""
    null = result.facts.null_loss
    binned = result.distribution.rebin(edges * null, atom=False)
    heights = np.asarray(binned.count) / result.summary.samples / np.diff(edges)
    axes.stairs(heights, edges, **style)


def modes(runs: dict[str, Any]) -> Callable[[], Figure]:
    """The two humps of one example, and the windows that D_0 compares."""
    result = runs["one"]

    def draw() -> Figure:
        figure, axes = new_figure(7, 3.2)
        edges = np.linspace(0, 3, 97)
        density(axes, result, edges, fill=True, color=BLUE, alpha=0.55)
        axes.axvspan(0, WINDOW, color=ORANGE, alpha=0.25)
        axes.axvspan(1 - WINDOW / 2, 1 + WINDOW / 2, color=GREEN, alpha=0.25)
        axes.text(WINDOW / 2, axes.get_ylim()[1] * 0.93, "Z", ha="center", color=ORANGE, weight="bold")
        axes.text(1, axes.get_ylim()[1] * 0.93, "C", ha="center", color=GREEN, weight="bold")
        axes.set(xlim=(0, 3), xlabel="loss in units of $L_0$", ylabel="density")
        return figure

    return draw


def axis(runs: dict[str, Any]) -> Callable[[], Figure]:
    """The same networks over a linear and over a logarithmic axis."""
    result = runs["one"]

    def draw() -> Figure:
        figure, (left, right) = new_figure(7, 2.8, columns=2)
        density(left, result, np.linspace(0, 3, 97), fill=True, color=BLUE, alpha=0.55)
        left.set(xlim=(0, 3), xlabel="loss in units of $L_0$", ylabel="density of the loss")
        edges = np.logspace(-6, 1.5, 91)
        binned = result.distribution.rebin(edges * result.facts.null_loss, atom=False)
        heights = np.asarray(binned.count) / result.summary.samples / np.diff(np.log10(edges))
        right.stairs(heights, edges, fill=True, color=BLUE, alpha=0.55)
        right.set(xscale="log", xlabel="the same, logarithmic", ylabel="density of its logarithm")
        return figure

    return draw


def widths(runs: dict[str, Any]) -> Callable[[], Figure]:
    """D_0 and basin D against width and depth."""
    sweep = runs["grid"]
    found: dict[int, list[tuple[int, float, float, float, float]]] = {}
    for point, result in zip(sweep.points, sweep.results, strict=True):
        width, depth = (int(value) for value in point.settings)
        found.setdefault(depth, []).append((width, *dominance(result), result.dominance.basin.estimate))

    def draw() -> Figure:
        figure, (left, right) = new_figure(7, 3.2, columns=2)
        for (depth, rows), colour in zip(sorted(found.items()), (BLUE, ORANGE, GREEN), strict=True):
            width, middle, low, high, basin = np.array(rows).T
            bars = [middle - low, high - middle]
            left.errorbar(width, middle, bars, color=colour, marker="o", ms=4, lw=1.2, label=f"depth {depth}")
            right.plot(width, basin, color=colour, marker="o", ms=4, lw=1.2)
        left.set(title="$D_0$", xlabel="width", ylabel="-1 central, +1 zero", ylim=(-1.05, 1.05))
        right.set(title="basin $D$", xlabel="width", ylim=(-1.05, 1.05))
        left.legend(frameon=False)
        return figure

    return draw


def volume(runs: dict[str, Any]) -> Callable[[], Figure]:
    """The volume curve: what sampling sees, and the deep tail."""
    result = runs["tail"]
    curve, tail = result.volume, result.arrays("tail")

    def draw() -> Figure:
        figure, axes = new_figure(7, 3.6)
        low, high = (np.log10(np.maximum(ends, 1e-99)) for ends in (curve.low, curve.high))
        axes.fill_between(curve.log10_loss, low, high, color=BLUE, alpha=0.3, lw=0)
        axes.plot(
            curve.log10_loss, curve.log10_volume, color=BLUE, label="plain sampling, with 95 % interval"
        )
        axes.plot(tail["log10_loss"], tail["log10_volume"], color=ORANGE, ls="--", label="deep tail")
        place = np.array([-6.0, -3.0])
        order = np.argsort(tail["log10_loss"])
        start = np.interp(-4.5, tail["log10_loss"][order], tail["log10_volume"][order])
        axes.plot(place, start + 2 * (place + 4.5) - 1.5, color=GREY, lw=1, label=r"slope $\lambda = 2$")
        axes.axhline(np.log10(3 / result.summary.samples), color=GREY, ls=":", lw=1)
        axes.set(xlim=(-6.5, 1.5), ylim=(-12.5, 0.5), xlabel=r"$\log_{10}$ loss", ylabel=r"$\log_{10} V$")
        axes.legend(frameon=False, loc="lower right")
        return figure

    return draw


def spheres(runs: dict[str, Any]) -> Callable[[], Figure]:
    """Volumes of balls against dimension."""

    def draw() -> Figure:
        figure, axes = new_figure(7, 3)
        for radius, colour in ((0.8, BLUE), (1.0, ORANGE), (1.2, GREEN)):
            ball = geomreg.sphere("1:40", radius=radius)
            axes.plot(ball.n, ball.log10_volume, color=colour, label=f"radius {radius:g}")
            axes.plot(
                ball.volume_peak.n, ball.volume_peak.log_value / np.log(10), color=colour, marker="o", ms=5
            )
        axes.axhline(0, color=GREY, lw=1, ls=":")
        axes.set(xlabel="dimension n", ylabel=r"$\log_{10}$ volume", xlim=(1, 40))
        axes.legend(frameon=False)
        return figure

    return draw


FIGURES: dict[str, Callable[[dict[str, Any]], Callable[[], Figure]]] = {
    make.__name__: make for make in (modes, axis, widths, volume, spheres)
}
# What each takes of the runs.
_NEEDS = {"modes": "one", "axis": "one", "widths": "grid", "volume": "tail"}
_RUNS: dict[str, Callable[[], Any]] = {
    "one": lambda: geomreg.sample(**ONE_EXAMPLE, width=8, depth=2, samples=2e6, progress=False),
    "grid": lambda: geomreg.sweep(
        {"width": [2, 4, 6, 8, 10, 12, 16], "depth": [1, 2, 3]}, **ONE_EXAMPLE, samples=5e5, progress=False
    ),
    "tail": lambda: geomreg.tail(
        data="digits", examples=4, width=16, depth=1, samples=1e5, to_log10_volume=-12,
        population=400, repeats=8, progress=False,
    ),
}  # fmt: skip


def new_figure(width: float, height: float, columns: int = 1) -> tuple[Figure, Any]:
    """Return a figure of inches, and its axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(1, columns)


def draw_all(names: Sequence[str] = ()) -> None:
    """Draw the figures, in a folder of their own so that no other runs are found."""
    wanted = list(names) or list(FIGURES)
    with tempfile.TemporaryDirectory(prefix="geomreg-") as home:
        os.environ["GEOMREG_HOME"] = home
        needed = dict.fromkeys(_NEEDS[name] for name in wanted if name in _NEEDS)
        runs = {name: _RUNS[name]() for name in needed}
        for name in wanted:
            draw = FIGURES[name](runs)
            for scheme, ink in INK.items():
                keys = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
                style = {
                    **dict.fromkeys(keys, ink),
                    "axes.spines.top": False,
                    "axes.spines.right": False,
                    "font.size": 10,
                    "svg.fonttype": "none",
                    "svg.hashsalt": name,
                }
                with mpl.rc_context(style):
                    path = FOLDER / f"{name}-{scheme}.svg"
                    draw().savefig(path, transparent=True, metadata={"Date": None, "Creator": None})
            print(f"{name}: {path.stat().st_size // 1024} kB", flush=True)


if __name__ == "__main__":
    draw_all(sys.argv[1:])
