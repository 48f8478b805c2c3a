"""Puts engine and stages together: the registry of stages, processes, and how they are started and followed.

Nothing here imports torch into the process that starts an engine; the engine's workers do.
"""

from geomreg_tui.runner.document import run_document
from geomreg_tui.runner.handle import RunHandle
from geomreg_tui.runner.launch import RunSeries, resume_run, start_run
from geomreg_tui.runner.preview_engine import PreviewEngine
from geomreg_tui.runner.registry import STAGES, delete_run
from geomreg_tui.runner.snapshot import Snapshot
from geomreg_tui.runner.verify import Verification, verify_run

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
