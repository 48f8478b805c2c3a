"""The explorer: turn a knob, see the loss distribution. Draws only; all knowledge is below.

Importing this package imports neither textual nor torch; :func:`run_explorer` imports the first, and
nothing in this process ever imports the second.
"""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING

from geomreg_tui.tui.settings import Settings

if TYPE_CHECKING:
    from geomreg_tui.experiment import Experiment
    from geomreg_tui.tui.source import Source

__all__ = ["run_explorer"]


def run_explorer(
    experiment: Experiment | None = None,
    samples: int | None = None,
    *,
    source: Source | None = None,
    attached: Path | None = None,
    settings: Settings | None = None,
    fresh: bool = False,
) -> int:
    """Open the explorer and return its exit code when it is closed.

    What was open at the end of the last session is opened again if no key of ``experiment`` was given;
    otherwise only how it looked is.

    Args:
        experiment: the experiment that the knobs show at first; None for that of the last session, or the
            default one.
        samples: networks of a full run; None for as many as in the last session, or a million.
        source: where networks come from; default: engines in processes of their own.
        attached: directory of a run to show, of which ``experiment`` is the one asked for.
        settings: how it looks, and its keys.
        fresh: take nothing over from the last session.

    Returns:
        0, or 1 after a crash, or 128 + the number of the signal that ended it.

    Raises:
        ExperimentError: if there is no such theme.
        RunDirectoryError: if there is no such run.
    """
    gc.disable()  # until the explorer is there: nearly all that is made till then stays
    try:
        return _run(experiment, samples, source, attached, settings or Settings(), fresh)
    finally:
        gc.enable()


def _run(
    experiment: Experiment | None,
    samples: int | None,
    source: Source | None,
    attached: Path | None,
    settings: Settings,
    fresh: bool,
) -> int:
    from geomreg_tui.tui.app import open_explorer
    from geomreg_tui.tui.source import EngineSource
    from geomreg_tui.tui.state import State, read_look, read_state, state_file

    keep_in = state_file() if attached is None else None
    if experiment is None:  # what takes an import to read is read once the first frame is on the screen
        last = None if fresh else state_file()
        restored, notice = (State(), "") if last is None else (read_look(last), "")
    else:
        last = None
        restored, notice = (State(), "") if fresh else read_state(state_file())
        if attached is not None or experiment.model_fields_set:
            restored = restored.look
        samples = samples or restored.samples
        experiment = restored.experiment or experiment
    # Code that only a file names is never imported, whatever knob is turned.
    module = experiment.module if experiment is not None and attached is None else None
    return open_explorer(
        experiment,
        samples,
        source or EngineSource(module=module),
        attached,
        settings,
        restored,
        notice,
        keep_in,
        last,
    )
