"""The engine: samples in processes of its own, owns the run directory, and is driven by small messages.

Nothing here imports torch into the process that starts an engine; the engine's workers do.
"""

from geomreg_tui.engine.handle import RunHandle
from geomreg_tui.engine.launch import RunSeries, resume_run, start_run
from geomreg_tui.engine.preview_engine import PreviewEngine
from geomreg_tui.engine.result import summary_document

__all__ = ["PreviewEngine", "RunHandle", "RunSeries", "resume_run", "start_run", "summary_document"]
