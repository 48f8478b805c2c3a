"""Opening the explorer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from geomreg_tui.cli.options import SamplesOption
from geomreg_tui.errors import ExitCode
from geomreg_tui.experiment import Experiment, parse_count

__all__ = ["attach", "explore", "open_explorer"]


FpsOption = Annotated[float | None, typer.Option(help="frames a second [default: 4, over SSH 2]", min=0.1)]
MouseOption = Annotated[bool, typer.Option("--mouse/--no-mouse", help="use the mouse")]
AsciiOption = Annotated[bool, typer.Option("--ascii", help="draw with ASCII characters only")]
ThemeOption = Annotated[str | None, typer.Option(help="a Textual theme")]


def explore(
    experiment: Experiment,
    samples: SamplesOption = "1e6",
    fps: FpsOption = None,
    mouse: MouseOption = True,
    ascii_only: AsciiOption = False,
    theme: ThemeOption = None,
) -> None:
    """Open the explorer on an experiment."""
    open_explorer(experiment, samples, fps, mouse, ascii_only, theme)


def attach(
    run: Annotated[
        str,
        typer.Argument(
            metavar="[RUN]",
            help="a run directory, a run's name or part of it [default: the newest that is being sampled]",
        ),
    ] = "going",
    fps: FpsOption = None,
    mouse: MouseOption = True,
    ascii_only: AsciiOption = False,
    theme: ThemeOption = None,
) -> None:
    """Open the explorer on a run that is being sampled or done; looking at it writes nothing."""
    from geomreg_tui.runs import RunDirectory, find_run

    stored = RunDirectory.open(find_run(run))
    samples = str(stored.plan()[0])
    open_explorer(stored.asked, samples, fps, mouse, ascii_only, theme, attached=stored.path)


def open_explorer(
    experiment: Experiment,
    samples: str,
    fps: float | None = None,
    mouse: bool = True,
    ascii_only: bool = False,
    theme: str | None = None,
    attached: Path | None = None,
) -> None:
    """Open the explorer, or say what to use instead where there is no terminal."""
    import os

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        instead = "geomreg-tui run' for the same experiment without one, and 'geomreg-tui report latest"
        if attached is not None:
            instead = f"geomreg-tui report {attached}"
        print(
            f"The explorer needs a terminal, and there is none. Use '{instead}' for its result.",
            file=sys.stderr,
        )
        raise typer.Exit(ExitCode.USAGE)
    from geomreg_tui.tui import run_explorer

    rate = fps or (2.0 if os.environ.get("SSH_CONNECTION") else 4.0)
    code = run_explorer(
        experiment,
        parse_count(samples),
        attached=attached,
        fps=rate,
        mouse=mouse,
        ascii_only=ascii_only,
        theme=theme,
    )
    raise typer.Exit(code)
