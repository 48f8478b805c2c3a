"""Figures for papers and for the README, by matplotlib (the extra ``figures``)."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.export.results import Result
from geomreg_tui.runs.store import write_bytes

__all__ = ["FIGURES", "draw_figure", "write_figure"]

FIGURES = (".png", ".svg", ".pdf")
# Okabe and Ito's palette, which colour-blind readers can tell apart.
BLUE, ORANGE, GREEN, BLACK = "#0072B2", "#E69F00", "#009E73", "#000000"
_BINS = 128
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "geomreg-tui",
    "font.size": 9,
}  # a fixed salt makes equal results equal files


def write_figure(result: Result, path: Path) -> None:
    """Write :func:`draw_figure` in the format that the name of the file asks for.

    Raises:
        ExperimentError: if matplotlib is not installed.
        RunDirectoryError: if the file cannot be written.
    """
    figure = draw_figure(result)
    from matplotlib import rc_context

    buffer = io.BytesIO()
    kind = path.suffix.lower()[1:]
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    with rc_context(_STYLE):
        figure.savefig(buffer, format=kind, dpi=200, metadata=metadata)
    write_bytes(path, buffer.getvalue())


def draw_figure(result: Result) -> Any:
    """Return a matplotlib figure with density and volume fraction side by side.

    Raises:
        ExperimentError: if matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ExperimentError(
            [Problem("FILE", "a figure", "that needs matplotlib: pip install 'geomreg-tui[figures]'")]
        ) from None
    from matplotlib import rc_context

    with rc_context(_STYLE):
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        _draw_density(left, result)
        _draw_volume(right, result)
        title = f"{result.facts.describe()} · {result.summary.samples:,} networks"
        figure.suptitle("\n".join([title, *result.warnings]), fontsize=9)
    return figure


def _draw_density(axes: Any, result: Result) -> None:
    high = result.modes.range[1]
    axes.set_xlabel("loss L")
    axes.set_ylabel("density p(L)")
    if not result.summary.histogram.count.size or high <= 0:
        return
    binned = result.distribution.linear_bins(_BINS, high, atom=False)
    low, top = (band / binned.width for band in binned.bands())
    axes.stairs(binned.density, binned.edges, color=BLUE, fill=True, alpha=0.35, label="sampled")
    middle = (binned.edges[1:] + binned.edges[:-1]) / 2
    axes.fill_between(middle, low, top, step="mid", color=BLUE, alpha=0.35, label="95 % bands, joint", lw=0)
    for overlay, style in zip(result.facts.overlays, ("-", "--", ":"), strict=False):
        law = overlay.shares(binned.edges, result.facts.null_loss) / binned.width
        axes.stairs(law, binned.edges, color=ORANGE, ls=style, label=overlay.name, lw=1.4)
    for name, loss, style in (
        ("constant loss $L_c$", result.facts.constant_loss, ":"),
        ("null loss $L_0$", result.facts.null_loss, "--"),
    ):
        if loss < high:
            axes.axvline(loss, color=BLACK, ls=style, lw=1, label=name)
    axes.set_xlim(0, high)
    axes.set_ylim(0, None)
    atom = result.modes.atom_mass.estimate
    if atom > 0:
        axes.plot([], [], " ", label=f"atom at $L_0$: {atom:.3g}")
    axes.legend(frameon=False)


def _draw_volume(axes: Any, result: Result) -> None:
    curve = result.volume
    axes.set_xlabel(r"$\log_{10}\,\varepsilon$")
    axes.set_ylabel(r"$\log_{10} V(\varepsilon)$")
    if not curve.loss.size:
        return
    axes.fill_between(
        curve.log10_loss,
        np.log10(np.maximum(curve.low, 1e-300)),
        np.log10(curve.high),
        color=BLUE,
        alpha=0.35,
        lw=0,
        label="95 % interval",
    )
    axes.plot(curve.log10_loss, curve.log10_volume, color=BLUE, label="sampled")
    for overlay, style in zip(result.facts.overlays, ("-", "--", ":"), strict=False):
        seen = (overlay.cdf > 0.1 / curve.samples) & (overlay.loss > 0)
        axes.plot(
            np.log10(overlay.loss[seen]),
            np.log10(overlay.cdf[seen]),
            color=ORANGE,
            ls=style,
            label=overlay.name,
        )
    axes.axhline(np.log10(curve.bound), color=GREEN, ls=":", lw=1, label=f"3/S = {curve.bound:.0e}")
    axes.legend(frameon=False)
