"""Plain sampling: networks are drawn in chunks, by exact samplers. Importing this does not load torch."""

from geomreg_tui.sampling.packs import Pack, PackFile
from geomreg_tui.sampling.plan import ChunkWork, SamplingPlan, read_plan
from geomreg_tui.sampling.stage import SAMPLING, SamplingStage
from geomreg_tui.sampling.store import committed

__all__ = [
    "SAMPLING",
    "ChunkWork",
    "Pack",
    "PackFile",
    "SamplingPlan",
    "SamplingStage",
    "committed",
    "read_plan",
]
