"""Data sets: what scikit-learn ships, synthetic ones, and the user's own files and arrays. No torch here."""

from geomreg_tui.datasets.base import Dataset
from geomreg_tui.datasets.files import files_in, files_of
from geomreg_tui.datasets.given import ARRAYS, ARRAYS_FILE, arrays_in, arrays_path, pack_arrays, read_packed
from geomreg_tui.datasets.load import load
from geomreg_tui.datasets.shipped import BUILT_IN
from geomreg_tui.datasets.synthetic import SYNTHETIC

__all__ = [
    "ARRAYS",
    "ARRAYS_FILE",
    "BUILT_IN",
    "SYNTHETIC",
    "Dataset",
    "arrays_in",
    "arrays_path",
    "files_in",
    "files_of",
    "load",
    "pack_arrays",
    "read_packed",
]
