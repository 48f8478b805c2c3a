"""Drawing networks: exact samplers, and the chunk as the only unit of work."""

from geomreg_tui.sampling.chunk import ChunkResult, prepare, run_chunk

__all__ = ["ChunkResult", "prepare", "run_chunk"]
