"""Opening the explorer, or saying what to use instead where there is no terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from geomreg_tui.errors import ExitCode

if TYPE_CHECKING:
    from geomreg_tui.experiment import Experiment

__all__ = ["open_explorer"]


def open_explorer(
    experiment: Experiment | None = None,
    samples: str | None = None,
    fps: float | None = None,
    mouse: bool | None = None,
    ascii_only: bool | None = None,
    theme: str | None = None,
    *,
    fresh: bool = False,
    attached: Path | None = None,
) -> int:
    """Open the explorer and return the exit code; None values were not given."""
    from geomreg_tui.tui import run_explorer
    from geomreg_tui.tui.settings import load_settings
    from geomreg_tui.tui.web import in_browser

    settings = load_settings({"fps": fps, "mouse": mouse, "ascii": ascii_only, "theme": theme})
    count = None
    if samples is not None:
        from geomreg_tui.experiment import parse_count

        count = parse_count(samples)
    if in_browser() or (sys.stdin.isatty() and sys.stdout.isatty()):
        return run_explorer(experiment, count, attached=attached, settings=settings, fresh=fresh)
    instead = "geomreg-tui run' for the same experiment without one, and 'geomreg-tui report latest"
    if attached is not None:
        instead = f"geomreg-tui report {attached}"
    print(
        f"The explorer needs a terminal, and there is none. Use '{instead}' for its result.",
        file=sys.stderr,
    )
    return ExitCode.USAGE
