"""``geomreg-tui compare-runs``: two to six runs side by side, with differences from the first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from geomreg_tui.cli.completion import complete_run
from geomreg_tui.cli.output import output_width
from geomreg_tui.cli.progress import narrate
from geomreg_tui.cli.run import JsonOption, print_json
from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.experiment import read_number

__all__ = ["compare_runs"]


def compare_runs(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN",
            help="two to six runs, as for report; the first is what the others are compared with",
            autocompletion=complete_run,
        ),
    ],
    at_loss: Annotated[
        str | None,
        typer.Option(
            "--at-loss",
            metavar="LOSS",
            help="loss at which V is compared [default: the smallest at which all know it well]",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="write a figure (.png .svg .pdf), .csv or .json too")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="replace an existing file")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare two to six runs: D_0, mass at L_0, quantiles, V at equal loss and tails, with differences.

    Differences are from the first run and have 95 % intervals. Beside them is the Kolmogorov-Smirnov
    distance.
    """
    from geomreg_tui.report import compare_results, compared_text, export_compared, load_result
    from geomreg_tui.rundir import find_run

    loss = None if at_loss is None else _loss(at_loss)
    compared = compare_results([load_result(find_run(name)) for name in names], loss)
    if out is not None:
        export_compared(compared, out, force)
        narrate(f"Wrote {out}")
    if as_json:
        print_json(compared.to_json())
    else:
        print(compared_text(compared, output_width()))


def _loss(text: str) -> float:
    """Return a loss.

    Raises:
        ExperimentError: if it is no positive number.
    """
    try:
        value = read_number(text)
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        raise ExperimentError([Problem("at-loss", repr(text), "allowed is a positive number, such as 1e-3")])
    return value
