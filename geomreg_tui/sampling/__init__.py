"""Drawing networks: exact samplers, and the chunk as the only unit of work."""

from geomreg_tui.sampling.chunk import ChunkResult, Ready, prepare, run_chunk
from geomreg_tui.sampling.device import device_count, environment, resolve_device

__all__ = [
    "ChunkResult",
    "Ready",
    "device_count",
    "environment",
    "prepare",
    "resolve_device",
    "run_chunk",
]
