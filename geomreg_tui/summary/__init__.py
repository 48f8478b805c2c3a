"""Mergeable aggregates: what is kept of the networks that were drawn. Numpy only, never torch."""

from geomreg_tui.summary.aggregate import ChunkResult, Summary
from geomreg_tui.summary.facts import Facts, Overlay
from geomreg_tui.summary.histogram import LossHistogram
from geomreg_tui.summary.joint import JointHistogram
from geomreg_tui.summary.moments import ExactSum, Moments
from geomreg_tui.summary.resolution import loss_resolution, zeros_are_exact

__all__ = [
    "ChunkResult",
    "ExactSum",
    "Facts",
    "JointHistogram",
    "LossHistogram",
    "Moments",
    "Overlay",
    "Summary",
    "loss_resolution",
    "zeros_are_exact",
]
