"""What the pages need of the package below its public names; nothing else in this folder imports it.

The reference of the command line is read from the program's own commands, so that no option can be missing.
The pictures are of the explorer itself, with a person at its keys.
"""

from __future__ import annotations

from typing import Any

from geomreg_tui import Experiment
from geomreg_tui.cli.app import app as command_line
from geomreg_tui.tui.app import FIRST, ExplorerApp
from geomreg_tui.tui.source import EngineSource

__all__ = ["FIRST", "ExplorerApp", "command_line", "open_explorer"]


def open_explorer(settings: dict[str, Any], samples: int, *, ascii_only: bool = False) -> ExplorerApp:
    """Return the explorer on an experiment, whose previews and runs are those of a real engine.

    Args:
        settings: keys of the experiment.
        samples: networks of a full run.
        ascii_only: draw with nothing but ASCII.
    """
    return ExplorerApp(Experiment.parse(settings), samples, EngineSource(), ascii_only=ascii_only)
