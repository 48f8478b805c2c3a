"""What is left to say of a run that cannot go on."""

from __future__ import annotations

import contextlib
import time

from geomreg_tui.errors import GeomregError
from geomreg_tui.rundir import RunDirectory, RunState, Status
from geomreg_tui.runner import registry
from geomreg_tui.runner.snapshot import Snapshot, to_stored
from geomreg_tui.sampling.plan import read_plan
from geomreg_tui.sampling.stage import SAMPLING

__all__ = ["publish_failure"]


def publish_failure(run: RunDirectory, message: str) -> None:
    """Publish why the run cannot go on, as far as that can still be done."""
    run.log("end", state=RunState.FAILED.value, message=message)
    with contextlib.suppress(GeomregError):
        summary = SAMPLING.read(run)
        target = read_plan(run).samples
        before = run.read_status()
        try:
            others = {kind.name: kind.read(run) for kind in registry.STAGES if kind is not SAMPLING}
            results = {SAMPLING.name: summary, **others}
            snapshot = Snapshot(
                RunState.FAILED, target, time.time(), run.facts, message=message, results=results
            )
            run.write_live(to_stored(snapshot))
        except GeomregError:
            run.drop_live()
        run.write_status(
            Status(
                RunState.FAILED,
                summary.samples,
                target,
                before.elapsed_s,
                message,
                run.facts.describe(),
                run.mixed,
                before.given_up,
            )
        )
