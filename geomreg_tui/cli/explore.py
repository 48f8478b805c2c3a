"""Opening the explorer."""

from __future__ import annotations

from typing import Annotated

import typer

from geomreg_tui.cli.commands import FreshOption
from geomreg_tui.cli.completion import complete_run
from geomreg_tui.cli.opening import open_explorer
from geomreg_tui.experiment import Experiment
from geomreg_tui.options import SAMPLES

__all__ = [
    "AsciiOption",
    "CountOption",
    "FpsOption",
    "MouseOption",
    "ThemeOption",
    "attach",
    "explore",
]


CountOption = Annotated[
    str | None,
    typer.Option(
        SAMPLES.option,
        help=SAMPLES._replace(default="1e6, or as last time").help,
        metavar=SAMPLES.metavar,
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
    given = experiment if experiment.model_fields_set else None
    raise typer.Exit(open_explorer(given, samples, fps, mouse, ascii_only, theme, fresh=fresh))


def attach(
    run: Annotated[
        str,
        typer.Argument(
            metavar="[RUN]",
            help="a run directory, a run's name or part of it [default: the newest that is being sampled]",
            autocompletion=complete_run,
        ),
    ] = "going",
    fps: FpsOption = None,
    mouse: MouseOption = None,
    ascii_only: AsciiOption = None,
    theme: ThemeOption = None,
) -> None:
    """Open the explorer on a run that is being sampled or done; looking at it writes nothing."""
    from geomreg_tui.rundir import RunDirectory, find_run
    from geomreg_tui.sampling.plan import read_plan

    stored = RunDirectory.open(find_run(run))
    samples = str(read_plan(stored).samples)
    raise typer.Exit(
        open_explorer(stored.asked, samples, fps, mouse, ascii_only, theme, attached=stored.path)
    )
