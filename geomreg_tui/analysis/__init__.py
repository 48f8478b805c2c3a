"""What the losses say: views, volumes, modes, trends. Numbers in, numbers out; no networks, no torch."""

from geomreg_tui.analysis.deep import DeepTail, deep_tail
from geomreg_tui.analysis.distribution import Binned, Distance, LossDistribution, distance
from geomreg_tui.analysis.heldout import HeldOutCurve, held_out_given_loss
from geomreg_tui.analysis.intervals import (
    Interval,
    clopper_pearson,
    rule_of_three,
    simultaneous_bands,
    wilson,
)
from geomreg_tui.analysis.landmark import LandmarkDominance, landmark_dominance
from geomreg_tui.analysis.lebesgue import LebesgueCurve, lebesgue_curve
from geomreg_tui.analysis.modes import Mode, ModeAnalysis, analyse_modes
from geomreg_tui.analysis.shape import Dip
from geomreg_tui.analysis.tail import TailCurve, TailHeldOut, stitch, tail_curve
from geomreg_tui.analysis.trends import Direction, direction
from geomreg_tui.analysis.volume import VolumeCurve, run_volume, volume_curve

__all__ = [
    "Binned",
    "DeepTail",
    "Dip",
    "Direction",
    "Distance",
    "HeldOutCurve",
    "Interval",
    "LandmarkDominance",
    "LebesgueCurve",
    "LossDistribution",
    "Mode",
    "ModeAnalysis",
    "TailCurve",
    "TailHeldOut",
    "VolumeCurve",
    "analyse_modes",
    "clopper_pearson",
    "deep_tail",
    "direction",
    "distance",
    "held_out_given_loss",
    "landmark_dominance",
    "lebesgue_curve",
    "rule_of_three",
    "run_volume",
    "simultaneous_bands",
    "stitch",
    "tail_curve",
    "volume_curve",
    "wilson",
]
