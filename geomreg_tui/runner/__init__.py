"""Puts engine and stages together: the registry of stages, processes, and how they are started and followed.

Nothing here imports torch into the process that starts an engine; the engine's workers do. The names are
imported when they are first used: an engine starts the server of its workers before all else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geomreg_tui.runner.document import run_document
    from geomreg_tui.runner.handle import RunHandle
    from geomreg_tui.runner.launch import resume_run, start_run
    from geomreg_tui.runner.preview_engine import PreviewEngine
    from geomreg_tui.runner.registry import STAGES, delete_run
    from geomreg_tui.runner.series import RunSeries
    from geomreg_tui.runner.snapshot import Snapshot
    from geomreg_tui.runner.verify import Verification, verify_run

_HOMES = {
    "STAGES": "registry",
    "PreviewEngine": "preview_engine",
    "RunHandle": "handle",
    "RunSeries": "series",
    "Snapshot": "snapshot",
    "Verification": "verify",
    "delete_run": "registry",
    "resume_run": "launch",
    "run_document": "document",
    "start_run": "launch",
    "verify_run": "verify",
}

__all__ = [
    "STAGES",
    "PreviewEngine",
    "RunHandle",
    "RunSeries",
    "Snapshot",
    "Verification",
    "delete_run",
    "resume_run",
    "run_document",
    "start_run",
    "verify_run",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'geomreg_tui.runner' has no attribute {name!r}")
    return getattr(import_module(f"geomreg_tui.runner.{_HOMES[name]}"), name)
