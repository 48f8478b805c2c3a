"""The real data sets that scikit-learn ships.

Their files are read directly: importing scikit-learn for that would take each process over a second, which
is most of what a preview takes. A test compares every set with scikit-learn's own loader.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.datasets.base import Pool
from geomreg_tui.errors import DataError

__all__ = ["BUILT_IN", "shipped"]

BUILT_IN = {
    "digits": "images of handwritten digits",
    "iris": "measurements of iris flowers",
    "wine": "chemical analyses of wines",
    "breast_cancer": "measurements of breast tumours",
    "diabetes": "patients and the progress of their diabetes",
}
FloatArray = NDArray[np.float64]
# Tables whose first line is: rows, columns, names of the classes.
_TABLES = {"iris": "iris.csv", "wine": "wine_data.csv", "breast_cancer": "breast_cancer.csv"}


def shipped(name: str) -> Pool:
    """Load one of :data:`BUILT_IN`; digits are images (1, 8, 8), so that convolutions work on them.

    Raises:
        DataError: if this version of scikit-learn does not ship the file.
    """
    folder = _folder()
    try:
        if name == "digits":
            table = np.loadtxt(folder / "digits.csv.gz", delimiter=",")
            x, y = table[:, :-1].reshape(-1, 1, 8, 8), table[:, -1].astype(np.int64)
            names = tuple(str(digit) for digit in range(10))
        elif name == "diabetes":
            x = np.loadtxt(folder / "diabetes_data_raw.csv.gz")
            return _pool(name, x, np.loadtxt(folder / "diabetes_target.csv.gz"), None)
        else:
            path = folder / _TABLES[name]
            with path.open(encoding="utf-8") as file:
                names = tuple(file.readline().strip().split(",")[2:])
            table = np.loadtxt(path, delimiter=",", skiprows=1)
            x, y = table[:, :-1], table[:, -1].astype(np.int64)
    except (OSError, ValueError) as error:
        raise DataError(
            f"data {name}: cannot be read from scikit-learn's files in {folder} ({error}): "
            "try another version of scikit-learn"
        ) from None
    return _pool(name, x, y, names)


def _pool(name: str, x: FloatArray, y: NDArray[Any], names: tuple[str, ...] | None) -> Pool:
    return Pool(x, y, f"{name}: {len(x):,} {BUILT_IN[name]}, from scikit-learn", names)


def _folder() -> Path:
    spec = find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise DataError("scikit-learn is not installed: pip install scikit-learn")
    return Path(spec.origin).parent / "datasets" / "data"
