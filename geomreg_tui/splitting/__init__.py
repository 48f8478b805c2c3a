"""The deep tail: V(eps) far below what plain sampling sees, by multilevel splitting (sequential Monte Carlo).

Importing this does not load torch.
"""

from geomreg_tui.splitting.checkpoints import Checkpoint, TailFolder
from geomreg_tui.splitting.curve import TailCurve, TailHeldOut, stitch, tail_curve
from geomreg_tui.splitting.joined import DeepTail, deep_tail
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.splitting.result import PopulationResult, Tail
from geomreg_tui.splitting.stage import SPLITTING, SplittingStage

__all__ = [
    "SPLITTING",
    "Checkpoint",
    "DeepTail",
    "PopulationResult",
    "SplittingStage",
    "Tail",
    "TailCurve",
    "TailFolder",
    "TailHeldOut",
    "TailPlan",
    "deep_tail",
    "stitch",
    "tail_curve",
]
