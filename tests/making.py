"""Run directories made without an engine."""

from geomreg_tui.runs import RunDirectory


def new_run(path, *plan):
    """Make a run directory that no engine is at; ``plan`` as :meth:`RunDirectory.begin` takes it."""
    run, lease = RunDirectory.begin(path, *plan)
    lease.release()
    return run
