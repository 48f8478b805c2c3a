"""The command ``config``: which settings are in effect, what a file may hold, whether a file is right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from geomreg_tui.cli.help import HelpCommand
from geomreg_tui.cli.run import print_json
from geomreg_tui.cli.values import CommandGroup
from geomreg_tui.errors import ExperimentError, Problem, plain_text
from geomreg_tui.experiment import Experiment

__all__ = ["config_app"]

ExperimentFlag = Annotated[
    bool, typer.Option("--experiment", help="of an experiment file (SPEC.toml) in place of the settings")
]

config_app = typer.Typer(invoke_without_command=True, cls=CommandGroup, rich_markup_mode=None)


@config_app.callback()
def config(
    context: typer.Context,
    example: Annotated[
        bool, typer.Option("--example", help="print a whole configuration file, every line explained")
    ] = False,
) -> None:
    """Show the explorer's settings and keys, where each comes from, and which file they can be set in."""
    from geomreg_tui.tui.keys import spelling
    from geomreg_tui.tui.settings import config_file, example_file, load_settings

    if context.invoked_subcommand is not None:
        return
    if example:
        print(example_file(), end="")
        return
    settings = load_settings()
    path = config_file()
    print(plain_text(f"{path} ({'is read' if path.exists() else 'is not there: all as usual'})\n"))
    values = {
        "fps": f"{settings.fps:g}",
        "mouse": "true" if settings.mouse else "false",
        "ascii": "true" if settings.ascii else "false",
        "theme": settings.theme or "the one chosen last",
        **{f"keys.{name}": ", ".join(map(spelling, keys)) for name, keys in settings.keys.items()},
    }
    first, second = (max(map(len, column)) for column in (values, values.values()))
    for name, value in values.items():
        print(plain_text(f"{name:{first}}  {value:{second}}  {settings.source(name)}"))


@config_app.command(cls=HelpCommand)
def schema(experiment: ExperimentFlag = False) -> None:
    """Print a JSON Schema of the configuration file, for editors that check and complete TOML."""
    from geomreg_tui.tui.settings import settings_schema

    print_json(Experiment.schema_document() if experiment else settings_schema())


@config_app.command(cls=HelpCommand)
def validate(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="the file [default: the configuration file in effect]"),
    ] = None,
    experiment: ExperimentFlag = False,
) -> None:
    """Check a configuration file, or an experiment file; exit 2 with a line for each problem."""
    from geomreg_tui.tui.settings import check_file, config_file

    if experiment:
        if file is None:
            raise ExperimentError([Problem("FILE", "no file", "allowed is the path of an experiment file")])
        Experiment.from_toml(file)
    else:
        file = file or config_file()
        check_file(file)
    print(plain_text(f"{file}: ok"))
