"""The run directory, which is the interface between the engine and every viewer. Numpy only, never torch."""

from geomreg_tui.runs.catalog import RunEntry, delete_run, find_run, list_runs, new_run_path, runs_root
from geomreg_tui.runs.directory import RunDirectory
from geomreg_tui.runs.snapshot import RunState, Snapshot, read_snapshot, write_snapshot

__all__ = [
    "RunDirectory",
    "RunEntry",
    "RunState",
    "Snapshot",
    "delete_run",
    "find_run",
    "list_runs",
    "new_run_path",
    "read_snapshot",
    "runs_root",
    "write_snapshot",
]
