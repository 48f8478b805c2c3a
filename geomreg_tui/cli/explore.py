"""Opening the explorer."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from geomreg_tui.cli.options import SamplesOption
from geomreg_tui.errors import ExitCode
from geomreg_tui.experiment import Experiment, parse_count

__all__ = ["explore", "open_explorer"]


def explore(
    experiment: Experiment,
    samples: SamplesOption = "1e6",
    fps: Annotated[
        float | None, typer.Option(help="frames a second [default: 4, over SSH 2]", min=0.1)
    ] = None,
    mouse: Annotated[bool, typer.Option("--mouse/--no-mouse", help="use the mouse")] = True,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="draw with ASCII characters only")] = False,
    theme: Annotated[str | None, typer.Option(help="a Textual theme")] = None,
) -> None:
    """Open the explorer on an experiment."""
    open_explorer(experiment, samples, fps, mouse, ascii_only, theme)


def open_explorer(
    experiment: Experiment,
    samples: str,
    fps: float | None = None,
    mouse: bool = True,
    ascii_only: bool = False,
    theme: str | None = None,
) -> None:
    """Open the explorer, or say what to use instead where there is no terminal."""
    import os

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print(
            "The explorer needs a terminal, and there is none. Use 'geomreg-tui run' for the same "
            "experiment without one, and 'geomreg-tui report latest' for its result.",
            file=sys.stderr,
        )
        raise typer.Exit(ExitCode.USAGE)
    from geomreg_tui.tui import run_explorer

    rate = fps or (2.0 if os.environ.get("SSH_CONNECTION") else 4.0)
    code = run_explorer(
        experiment, parse_count(samples), fps=rate, mouse=mouse, ascii_only=ascii_only, theme=theme
    )
    raise typer.Exit(code)
