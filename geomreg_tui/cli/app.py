"""The commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from geomreg_tui import __version__
from geomreg_tui.cli.config import config
from geomreg_tui.cli.explore import FreshOption, attach, explore
from geomreg_tui.cli.inspect import doctor, export, report
from geomreg_tui.cli.opening import open_explorer
from geomreg_tui.cli.options import experiment_options
from geomreg_tui.cli.run import run as sample
from geomreg_tui.cli.runs import runs_app
from geomreg_tui.cli.serve import serve
from geomreg_tui.cli.sphere import sphere
from geomreg_tui.cli.sweep import sweep
from geomreg_tui.cli.tail import tail
from geomreg_tui.errors import ExitCode

__all__ = ["app", "run"]

app = typer.Typer(
    name="geomreg-tui",
    help="Where does weight space put its volume? Without a command: open the explorer.",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run")(experiment_options(sample))
app.command()(experiment_options(tail))
app.command()(experiment_options(sweep))
app.command()(experiment_options(explore))
app.command()(attach)
app.command()(experiment_options(serve))
app.command()(sphere)
app.command()(report)
app.command()(export)
app.command()(doctor)
app.command()(config)
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
