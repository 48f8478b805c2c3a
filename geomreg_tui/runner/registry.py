"""The stages that a run can have, in the order in which it goes through them. Only this module lists them."""

from __future__ import annotations

from functools import reduce
from pathlib import Path

from geomreg_tui.engine.stage import StageKind
from geomreg_tui.gradients.stage import GRADIENTS
from geomreg_tui.rundir import Layout
from geomreg_tui.rundir import delete_run as delete_owned
from geomreg_tui.sampling.stage import SAMPLING
from geomreg_tui.splitting.stage import SPLITTING
from geomreg_tui.training.stage import TRAINING

__all__ = ["STAGES", "delete_run", "layout"]

STAGES: tuple[StageKind, ...] = (SAMPLING, GRADIENTS, SPLITTING, TRAINING)


def layout() -> Layout:
    """Return the layout of a run directory with the files of all stages."""
    return reduce(Layout.joined, (kind.layout for kind in STAGES))


def delete_run(path: Path, *, force: bool = False) -> tuple[str, ...]:
    """Delete a run with the files of its stages; as :func:`geomreg_tui.rundir.delete_run`."""
    return delete_owned(path, layout(), force=force)
