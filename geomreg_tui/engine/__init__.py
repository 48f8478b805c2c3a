"""The engine: takes a run through its stages. It knows them by their protocol only.

Nothing here imports torch into the engine's own process; its workers do, when the work needs it.
"""

from geomreg_tui.engine.executors import Executor, InProcess, WorkerPool
from geomreg_tui.engine.loop import Engine, Pace
from geomreg_tui.engine.stage import Findings, Progress, Stage, StageContext, StageKind
from geomreg_tui.engine.work import Outcome, Prepared, Work, perform

__all__ = [
    "Engine",
    "Executor",
    "Findings",
    "InProcess",
    "Outcome",
    "Pace",
    "Prepared",
    "Progress",
    "Stage",
    "StageContext",
    "StageKind",
    "Work",
    "WorkerPool",
    "perform",
]
