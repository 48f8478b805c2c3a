"""Mergeable aggregates: what is kept of the networks that were drawn. Numpy only, never torch."""

from geomreg_tui.summary.aggregate import ChunkResult, Summary
from geomreg_tui.summary.descent import Descent, TailPlan
from geomreg_tui.summary.facts import Facts, Overlay
from geomreg_tui.summary.histogram import LossHistogram
from geomreg_tui.summary.joint import JointHistogram
from geomreg_tui.summary.moments import ExactSum, Moments
from geomreg_tui.summary.resolution import loss_resolution, zeros_are_exact
from geomreg_tui.summary.tail import Tail

__all__ = [
    "ChunkResult",
    "Descent",
    "ExactSum",
    "Facts",
    "JointHistogram",
    "LossHistogram",
    "Moments",
    "Overlay",
    "Summary",
    "Tail",
    "TailPlan",
    "loss_resolution",
    "zeros_are_exact",
]
