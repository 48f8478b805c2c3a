"""The command line: its commands, and what it does without one."""

from __future__ import annotations

from typing import Annotated

import typer

from geomreg_tui import __version__
from geomreg_tui.cli.commands import FreshOption, RootGroup
from geomreg_tui.cli.opening import open_explorer
from geomreg_tui.errors import ExitCode

__all__ = ["app", "run"]

_ANY_WIDTH = 10_000  # help texts are as wide as the terminal

app = typer.Typer(
    name="geomreg-tui",
    cls=RootGroup,
    help="Where does weight space put its volume? Without a command: open the explorer.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": _ANY_WIDTH},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


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
