"""What the losses say: views, volumes, modes, trends. Numbers in, numbers out; no networks, no torch."""

from geomreg_tui.statistics.distribution import Binned, Distance, LossDistribution, distance
from geomreg_tui.statistics.heldout import HeldOutBins, HeldOutCurve, held_out_given_loss, held_out_in_bins
from geomreg_tui.statistics.intervals import (
    Interval,
    clopper_pearson,
    rule_of_three,
    simultaneous_bands,
    wilson,
)
from geomreg_tui.statistics.landmark import LandmarkDominance, landmark_dominance
from geomreg_tui.statistics.lebesgue import LebesgueCurve, lebesgue_curve
from geomreg_tui.statistics.modes import Mode, ModeAnalysis, analyse_modes
from geomreg_tui.statistics.shape import Dip
from geomreg_tui.statistics.trends import Direction, direction
from geomreg_tui.statistics.volume import VolumeCurve, run_volume, volume_curve

__all__ = [
    "Binned",
    "Dip",
    "Direction",
    "Distance",
    "HeldOutBins",
    "HeldOutCurve",
    "Interval",
    "LandmarkDominance",
    "LebesgueCurve",
    "LossDistribution",
    "Mode",
    "ModeAnalysis",
    "VolumeCurve",
    "analyse_modes",
    "clopper_pearson",
    "direction",
    "distance",
    "held_out_given_loss",
    "held_out_in_bins",
    "landmark_dominance",
    "lebesgue_curve",
    "rule_of_three",
    "run_volume",
    "simultaneous_bands",
    "volume_curve",
    "wilson",
]
