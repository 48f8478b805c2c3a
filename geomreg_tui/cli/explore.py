"""Opening the explorer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from geomreg_tui.errors import ExitCode
from geomreg_tui.experiment import Experiment, parse_count

__all__ = [
    "AsciiOption",
    "CountOption",
    "FpsOption",
    "FreshOption",
    "MouseOption",
    "ThemeOption",
    "attach",
    "explore",
    "open_explorer",
]


CountOption = Annotated[
    str | None,
    typer.Option(
        "--samples",
        help="networks to draw, such as 1e6 or 10M [default: 1e6, or as last time]",
        metavar="COUNT",
    ),
]
FpsOption = Annotated[float | None, typer.Option(help="frames a second [default: 4, over SSH 2]")]
MouseOption = Annotated[
    bool | None, typer.Option("--mouse/--no-mouse", help="use the mouse [default: yes]", show_default=False)
]
AsciiOption = Annotated[
    bool | None,
    typer.Option(
        "--ascii/--no-ascii", help="draw with ASCII characters only [default: no]", show_default=False
    ),
]
ThemeOption = Annotated[str | None, typer.Option(help="a Textual theme [default: the one chosen last]")]
FreshOption = Annotated[bool, typer.Option("--fresh", help="open nothing of the last session again")]


def explore(
    experiment: Experiment,
    samples: CountOption = None,
    fps: FpsOption = None,
    mouse: MouseOption = None,
    ascii_only: AsciiOption = None,
    theme: ThemeOption = None,
    fresh: FreshOption = False,
) -> None:
    """Open the explorer: on an experiment, or without one where the last session ended."""
    open_explorer(experiment, samples, fps, mouse, ascii_only, theme, fresh=fresh)


def attach(
    run: Annotated[
        str,
        typer.Argument(
            metavar="[RUN]",
            help="a run directory, a run's name or part of it [default: the newest that is being sampled]",
        ),
    ] = "going",
    fps: FpsOption = None,
    mouse: MouseOption = None,
    ascii_only: AsciiOption = None,
    theme: ThemeOption = None,
) -> None:
    """Open the explorer on a run that is being sampled or done; looking at it writes nothing."""
    from geomreg_tui.runs import RunDirectory, find_run

    stored = RunDirectory.open(find_run(run))
    samples = str(stored.plan()[0])
    open_explorer(stored.asked, samples, fps, mouse, ascii_only, theme, attached=stored.path)


def open_explorer(
    experiment: Experiment,
    samples: str | None = None,
    fps: float | None = None,
    mouse: bool | None = None,
    ascii_only: bool | None = None,
    theme: str | None = None,
    *,
    fresh: bool = False,
    attached: Path | None = None,
) -> None:
    """Open the explorer, or say what to use instead where there is no terminal."""
    from geomreg_tui.tui.settings import load_settings
    from geomreg_tui.tui.web import in_browser

    settings = load_settings({"fps": fps, "mouse": mouse, "ascii": ascii_only, "theme": theme})
    count = None if samples is None else parse_count(samples)
    if not in_browser() and not (sys.stdin.isatty() and sys.stdout.isatty()):
        instead = "geomreg-tui run' for the same experiment without one, and 'geomreg-tui report latest"
        if attached is not None:
            instead = f"geomreg-tui report {attached}"
        print(
            f"The explorer needs a terminal, and there is none. Use '{instead}' for its result.",
            file=sys.stderr,
        )
        raise typer.Exit(ExitCode.USAGE)
    from geomreg_tui.tui import run_explorer

    raise typer.Exit(run_explorer(experiment, count, attached=attached, settings=settings, fresh=fresh))
