"""The run directory, which is the interface between the engine and every viewer. Numpy only, never torch.

The public API has a function of this name, ``geomreg_tui.runs()``, and Python puts a package in the place of
whatever else has its name in the package above. So this package can be called, and is that function then.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from geomreg_tui.runs.catalogue import RunEntry, delete_run, find_run, list_runs, new_run_path, runs_root
from geomreg_tui.runs.control import Action, Command
from geomreg_tui.runs.directory import Layout, RunDirectory, StagePlan, differences
from geomreg_tui.runs.lease import Holder, Lease
from geomreg_tui.runs.snapshot import Part, RunState, StoredSnapshot, read_snapshot, write_snapshot
from geomreg_tui.runs.status import Status, read_status

__all__ = [
    "Action",
    "Command",
    "Holder",
    "Layout",
    "Lease",
    "Part",
    "RunDirectory",
    "RunEntry",
    "RunState",
    "StagePlan",
    "Status",
    "StoredSnapshot",
    "delete_run",
    "differences",
    "find_run",
    "list_runs",
    "new_run_path",
    "read_snapshot",
    "read_status",
    "runs_root",
    "write_snapshot",
]


class _CallablePackage(ModuleType):
    def __call__(self) -> Any:
        """Return the runs in the catalogue, newest first; as :func:`geomreg_tui.api.runs`."""
        return import_module("geomreg_tui.api").runs()


sys.modules[__name__].__class__ = _CallablePackage
