"""The commands, put together; and what happens when one fails."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from geomreg_tui import __version__
from geomreg_tui.cli.config import config
from geomreg_tui.cli.explore import FreshOption, attach, explore, open_explorer
from geomreg_tui.cli.inspect import doctor, export, report
from geomreg_tui.cli.options import experiment_options
from geomreg_tui.cli.run import run
from geomreg_tui.cli.runs import runs_app
from geomreg_tui.cli.serve import serve
from geomreg_tui.cli.sphere import sphere
from geomreg_tui.cli.sweep import sweep
from geomreg_tui.cli.tail import tail
from geomreg_tui.errors import ExitCode, GeomregError, plain_text
from geomreg_tui.experiment import Experiment

__all__ = ["app", "main"]

app = typer.Typer(
    name="geomreg-tui",
    help="Where does weight space put its volume? Without a command: open the explorer.",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(experiment_options(run))
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
        typer.echo(f"geomreg-tui {__version__}")
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
        open_explorer(Experiment.parse({}), fresh=fresh)
    elif fresh:
        raise typer.BadParameter("belongs to the explorer: 'geomreg-tui --fresh'", param_hint="--fresh")


def main() -> None:
    """Run the command line and exit with one of :class:`ExitCode`."""
    try:
        code = app(standalone_mode=False)
    except GeomregError as error:
        print(plain_text(f"Error: {error}"), file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(ExitCode.OK)
    except typer.Abort:
        sys.exit(ExitCode.INTERRUPTED)
    except Exception as error:
        show = getattr(error, "show", None)
        if show is None:
            raise
        show()
        sys.exit(ExitCode.USAGE)
    sys.exit(code if isinstance(code, int) else ExitCode.OK)
