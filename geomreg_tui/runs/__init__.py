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
from geomreg_tui.runs.directory import RunDirectory, differences
from geomreg_tui.runs.lease import Holder, Lease
from geomreg_tui.runs.packs import Pack, PackFile
from geomreg_tui.runs.snapshot import RunState, Snapshot, read_snapshot, write_snapshot
from geomreg_tui.runs.status import Status, read_status
from geomreg_tui.runs.tail import Checkpoint, TailFolder
from geomreg_tui.runs.verify import Verification, verify_run

__all__ = [
    "Action",
    "Checkpoint",
    "Command",
    "Holder",
    "Lease",
    "Pack",
    "PackFile",
    "RunDirectory",
    "RunEntry",
    "RunState",
    "Snapshot",
    "Status",
    "TailFolder",
    "Verification",
    "delete_run",
    "differences",
    "find_run",
    "list_runs",
    "new_run_path",
    "read_snapshot",
    "read_status",
    "runs_root",
    "verify_run",
    "write_snapshot",
]


class _CallablePackage(ModuleType):
    def __call__(self) -> Any:
        """Return the runs in the catalogue, newest first; as :func:`geomreg_tui.api.runs`."""
        return import_module("geomreg_tui.api").runs()


sys.modules[__name__].__class__ = _CallablePackage
