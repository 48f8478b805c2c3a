"""The run directory, which is the interface between the engine and every viewer. Numpy only, never torch."""

from geomreg_tui.rundir.catalogue import RunEntry, delete_run, find_run, list_runs, new_run_path, runs_root
from geomreg_tui.rundir.control import Action, Command
from geomreg_tui.rundir.directory import Layout, RunDirectory, StagePlan, differences
from geomreg_tui.rundir.labels import Labels, change_labels, parse_labels, read_labels, write_labels
from geomreg_tui.rundir.lease import Holder, Lease
from geomreg_tui.rundir.snapshot import Moment, Part, RunState, StoredSnapshot, read_snapshot, write_snapshot
from geomreg_tui.rundir.status import Status, read_status

__all__ = [
    "Action",
    "Command",
    "Holder",
    "Labels",
    "Layout",
    "Lease",
    "Moment",
    "Part",
    "RunDirectory",
    "RunEntry",
    "RunState",
    "StagePlan",
    "Status",
    "StoredSnapshot",
    "change_labels",
    "delete_run",
    "differences",
    "find_run",
    "list_runs",
    "new_run_path",
    "parse_labels",
    "read_labels",
    "read_snapshot",
    "read_status",
    "runs_root",
    "write_labels",
    "write_snapshot",
]
