"""Data sets: what scikit-learn ships, synthetic ones, and the user's own files. No torch here."""

from geomreg_tui.datasets.base import Dataset
from geomreg_tui.datasets.load import load
from geomreg_tui.datasets.shipped import BUILT_IN
from geomreg_tui.datasets.synthetic import SYNTHETIC

__all__ = ["BUILT_IN", "SYNTHETIC", "Dataset", "load"]
