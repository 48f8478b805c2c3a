"""``geomreg-tui sphere``: volumes and surfaces of balls in any dimension."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from geomreg_tui.cli.run import JsonOption, print_json
from geomreg_tui.errors import ExperimentError, Problem

__all__ = ["sphere"]


def sphere(
    dims: Annotated[
        str, typer.Option(help="dimensions: 1:100, 1:1000:10, 1:1e12:log, or 1,2,5", metavar="RANGE")
    ] = "1:30",
    radius: Annotated[str, typer.Option(help="radius of the ball", metavar="R")] = "1",
    as_json: JsonOption = False,
) -> None:
    """Tabulate and plot log V_n(r) and log S_{n-1}(r), with their peaks."""
    import numpy as np

    from geomreg_tui.analysis import hypersphere

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
    from rich.console import Console
    from rich.table import Table

    from geomreg_tui.export import curve_text

    console = Console(highlight=False)
    table = Table(box=None, header_style="bold")
    for name in ("n", "log10 V_n(r)", "log10 S_n-1(r)"):
        table.add_column(name, justify="right")
    ten = math.log(10)
    for a, b, c in zip(n, volume, surface, strict=True):
        table.add_row(f"{int(a):,}", f"{b / ten:,.6f}", f"{c / ten:,.6f}")
    console.print(table)
    if len(n) > 2:
        log_axis = bool(n[-1] > 1000)
        x = np.log10(n.astype(float)) if log_axis else n.astype(float)
        label = "log10 n" if log_axis else "dimension n"
        console.print(curve_text(x, volume / ten, label, f"log10 V_n(r), r = {r:g}", console.width))
    for name, peak in peaks.items():
        console.print(f"{name} peaks at n = {peak.n:.7f}, log10 = {peak.log_value / ten:.7f}")
    console.print(f"volume is below 1 beyond about n = {2 * math.pi * math.e * r * r:,.1f}")


def _radius(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise ExperimentError([Problem("radius", repr(text), "allowed is a positive number")])
    return value
