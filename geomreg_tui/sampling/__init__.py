"""Drawing networks: exact samplers, and the chunk as the only unit of work."""

from geomreg_tui.sampling.chunk import Ready, prepare, run_chunk
from geomreg_tui.sampling.device import environment, resolve_devices

__all__ = [
    "Ready",
    "environment",
    "prepare",
    "resolve_devices",
    "run_chunk",
]
