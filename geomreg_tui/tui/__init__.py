"""The explorer: turn a knob, see the loss distribution. Draws only; all knowledge is below.

Importing this package imports neither textual nor torch; :func:`run_explorer` imports the first, and
nothing in this process ever imports the second.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from geomreg_tui.experiment import Experiment

if TYPE_CHECKING:
    from geomreg_tui.tui.source import Source

__all__ = ["run_explorer"]


def run_explorer(
    experiment: Experiment,
    samples: int,
    *,
    source: Source | None = None,
    attached: Path | None = None,
    fps: float = 4,
    mouse: bool = True,
    ascii_only: bool = False,
    theme: str | None = None,
) -> int:
    """Open the explorer and return its exit code when it is closed.

    Args:
        experiment: the experiment that the knobs show at first.
        samples: networks of a full run.
        source: where networks come from; default: engines in processes of their own.
        attached: directory of a run to show, of which ``experiment`` is the one asked for.
        fps: most frames drawn in a second.
        mouse: whether the terminal sends mouse events (without, it selects text).
        ascii_only: draw with ASCII characters only.
        theme: one of Textual's themes.

    Returns:
        0, or 1 after a crash, or 128 + the number of the signal that ended it.

    Raises:
        ExperimentError: if there is no such theme.
        RunDirectoryError: if there is no such run.
    """
    from geomreg_tui.tui.app import open_explorer
    from geomreg_tui.tui.source import EngineSource

    # Code that only a run's files name is never imported, whatever knob is turned.
    source = source or EngineSource(module=experiment.module if attached is None else None)
    return open_explorer(experiment, samples, source, attached, fps, mouse, ascii_only, theme)
