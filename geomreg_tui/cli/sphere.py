"""``geomreg-tui sphere``: volumes and surfaces of balls in any dimension."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from geomreg_tui.cli.output import output_width
from geomreg_tui.cli.run import JsonOption, print_json
from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.experiment import read_number
from geomreg_tui.formatting import decimal_text, exact_text, number_text

__all__ = ["sphere"]

_PLOT_WIDTH = 100
_NARROWEST_PLOT = 30


def sphere(
    dims: Annotated[
        str, typer.Option(help="dimensions: 1:100, 1:1000:10, 1:1e12:log, or 1,2,5", metavar="RANGE")
    ] = "1:30",
    radius: Annotated[str, typer.Option(help="radius of the ball", metavar="R")] = "1",
    as_json: JsonOption = False,
) -> None:
    """Tabulate and plot log V_n(r) and log S_{n-1}(r), with their peaks."""
    import numpy as np

    from geomreg_tui.statistics import hypersphere

    r = _radius(radius)
    n = hypersphere.parse_dims(dims)
    volume, surface = hypersphere.log_volume(n, r), hypersphere.log_surface(n, r)
    peaks = {"volume": hypersphere.volume_peak(r), "surface": hypersphere.surface_peak(r)}
    if as_json:
        rows = [
            {"n": int(a), "log_volume": float(b), "log_surface": float(c)}
            for a, b, c in zip(n, volume, surface, strict=True)
        ]
        print_json(
            {
                "radius": r,
                "rows": rows,
                "peaks": {name: {"n": peak.n, f"log_{name}": peak.log_value} for name, peak in peaks.items()},
            }
        )
        return
    from geomreg_tui.columns import table_lines, wrapped_lines
    from geomreg_tui.report import curve_text

    width, ten = output_width(), math.log(10)
    cells = [
        (f"{int(a):,}", decimal_text(float(b / ten), 6), decimal_text(float(c / ten), 6))
        for a, b, c in zip(n, volume, surface, strict=True)
    ]
    lines = table_lines(("n", "log10 V_n(r)", "log10 S_n-1(r)"), cells, width)
    if len(n) > 2 and (width is None or width >= _NARROWEST_PLOT):
        log_axis = bool(n[-1] > 1000)
        x = np.log10(n.astype(float)) if log_axis else n.astype(float)
        label = "log10 n" if log_axis else "dimension n"
        drawn = f"log10 V_n(r), r = {exact_text(r)}"
        lines.append(curve_text(x, volume / ten, label, drawn, width or _PLOT_WIDTH))
    for name, peak in peaks.items():
        place, height = number_text(peak.n, 8), decimal_text(peak.log_value / ten, 7)
        lines += wrapped_lines(f"{name} peaks at n = {place}, log10 = {height}", width, 2)
    below = number_text(2 * math.pi * math.e * r * r, 3)
    lines += wrapped_lines(f"volume is below 1 beyond about n = {below}", width, 2)
    print("\n".join(lines))


def _radius(text: str) -> float:
    try:
        value = read_number(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise ExperimentError([Problem("radius", repr(text), "allowed is a positive number")])
    return value
