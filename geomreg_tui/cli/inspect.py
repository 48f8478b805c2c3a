"""Commands on what is there already: ``report`` and ``export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from geomreg_tui.cli.completion import complete_run
from geomreg_tui.cli.progress import narrate
from geomreg_tui.cli.run import JsonOption, print_result
from geomreg_tui.cli.runs import RunArgument
from geomreg_tui.cli.sweep import print_sweep
from geomreg_tui.errors import plain_text
from geomreg_tui.options import EXPORTED

__all__ = ["export", "report"]


def report(run: RunArgument = "latest", as_json: JsonOption = False) -> None:
    """Print what the losses of a run or a sweep say; of one that is still sampling, what they say so far."""
    from geomreg_tui.listing import find
    from geomreg_tui.report import load_sweep
    from geomreg_tui.rundir.elsewhere import SWEEP

    entry = find(run)
    if entry.kind != SWEEP:
        print_result(entry.path, as_json)
        return
    sweep = load_sweep(entry.path)
    for warning in sweep.warnings:
        narrate(plain_text(f"!!! {warning}"))
    print_sweep(sweep.factors, sweep.points, sweep.judged, sweep.judged_grid, as_json, sweep.failed)


def export(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="a run directory, a run's name or part of it, 'latest', or the directory or name of a sweep",
            autocompletion=complete_run,
        ),
    ],
    out: Annotated[
        Path,
        typer.Argument(metavar=EXPORTED.metavar, help=EXPORTED.help),
    ],
    force: Annotated[bool, typer.Option("--force", help="replace an existing file")] = False,
) -> None:
    """Write the histogram, V(eps) and statistics of a run in the format that the file name asks for.

    Of a sweep: its points, figures and directions, in any of those formats but .parquet and .npz.
    """
    from geomreg_tui.listing import find
    from geomreg_tui.report import export_result, export_sweep, load_result, load_sweep
    from geomreg_tui.rundir.elsewhere import SWEEP

    entry = find(run)
    if entry.kind == SWEEP:
        export_sweep(load_sweep(entry.path), out, force)
    else:
        export_result(load_result(entry.path), out, force)
    narrate(f"Wrote {out}")
