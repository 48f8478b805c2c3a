"""Mergeable aggregates: what is kept of the networks that were drawn. Numpy only, never torch."""

from geomreg_tui.summary.aggregate import ChunkResult, Summary
from geomreg_tui.summary.facts import Facts, Overlay
from geomreg_tui.summary.histogram import LossHistogram
from geomreg_tui.summary.joint import JointHistogram
from geomreg_tui.summary.moments import ExactSum, Moments
from geomreg_tui.summary.resolution import loss_resolution, zeros_are_exact
from geomreg_tui.summary.signed import LossJoint, SignedHistogram

__all__ = [
    "ChunkResult",
    "ExactSum",
    "Facts",
    "JointHistogram",
    "LossHistogram",
    "LossJoint",
    "Moments",
    "Overlay",
    "SignedHistogram",
    "Summary",
    "loss_resolution",
    "zeros_are_exact",
]
