"""The command line. Importing it imports neither torch nor textual, nor anything else that takes long."""

import os
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit with one of :class:`geomreg_tui.errors.ExitCode`.

    Opening the explorer as it was left takes no parser of options and no model of an experiment: without
    them the first frame is on the screen in two thirds of the time.
    """
    from geomreg_tui.safe_path import leave_working_directory

    leave_working_directory()
    from geomreg_tui.cli.exits import exit_from

    options = sys.argv[1:]
    if options in ([], ["--fresh"]) and "_GEOMREG_TUI_COMPLETE" not in os.environ:
        from geomreg_tui.cli.opening import open_explorer

        exit_from(lambda: open_explorer(fresh=bool(options)))
    from geomreg_tui.cli.app import run

    exit_from(run)
