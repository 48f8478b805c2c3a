"""The command line: a thin shell over the engine, the analysis and the exports. Never imports torch."""

from geomreg_tui.cli.app import main

__all__ = ["main"]
