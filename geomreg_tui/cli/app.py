"""The commands, put together."""

from __future__ import annotations

import functools
from typing import Annotated

import typer

from geomreg_tui import __version__
from geomreg_tui.cli.compare import compare
from geomreg_tui.cli.compare_runs import compare_runs
from geomreg_tui.cli.config import config_app
from geomreg_tui.cli.doctor import doctor
from geomreg_tui.cli.explore import FreshOption, attach, explore
from geomreg_tui.cli.help import HelpCommand
from geomreg_tui.cli.inspect import export, report
from geomreg_tui.cli.opening import open_explorer
from geomreg_tui.cli.options import experiment_options
from geomreg_tui.cli.run import run as sample
from geomreg_tui.cli.runs import runs_app
from geomreg_tui.cli.serve import serve
from geomreg_tui.cli.sphere import sphere
from geomreg_tui.cli.study import study
from geomreg_tui.cli.sweep import sweep
from geomreg_tui.cli.tail import tail
from geomreg_tui.cli.train import train
from geomreg_tui.cli.values import CommandGroup
from geomreg_tui.errors import ExitCode

__all__ = ["app", "run"]

_ANY_WIDTH = 10_000  # help texts are as wide as the terminal

app = typer.Typer(
    name="geomreg-tui",
    cls=CommandGroup,
    help="Where does weight space put its volume? Without a command: open the explorer.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": _ANY_WIDTH},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
command = functools.partial(app.command, cls=HelpCommand)
command("run")(experiment_options(sample))
command()(experiment_options(tail))
command()(experiment_options(train))
command()(experiment_options(sweep))
command()(experiment_options(compare))
command("compare-runs")(compare_runs)
command()(study)
command()(experiment_options(explore))
command()(attach)
command()(experiment_options(serve))
command()(sphere)
command()(report)
command()(export)
command()(doctor)
app.add_typer(config_app, name="config")
app.add_typer(runs_app, name="runs")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"geomreg-tui {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
    fresh: FreshOption = False,
) -> None:
    """Open the explorer unless a command is given."""
    if context.invoked_subcommand is None:
        raise typer.Exit(open_explorer(fresh=fresh))
    if fresh:
        raise typer.BadParameter("belongs to the explorer: 'geomreg-tui --fresh'", param_hint="--fresh")


def run() -> object:
    """Run the command that the command line asks for, and return its exit code."""
    try:
        return app(standalone_mode=False)
    except typer.Abort:
        return ExitCode.INTERRUPTED
