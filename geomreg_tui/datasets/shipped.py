"""The real data sets that scikit-learn ships."""

from __future__ import annotations

import numpy as np

from geomreg_tui.datasets.base import Pool

__all__ = ["BUILT_IN", "shipped"]

BUILT_IN = {
    "digits": "images of handwritten digits",
    "iris": "measurements of iris flowers",
    "wine": "chemical analyses of wines",
    "breast_cancer": "measurements of breast tumours",
    "diabetes": "patients and the progress of their diabetes",
}


def shipped(name: str) -> Pool:
    """Load one of :data:`BUILT_IN`; digits are images (1, 8, 8), so that convolutions work on them."""
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")(**({"scaled": False} if name == "diabetes" else {}))
    x = np.asarray(bunch.images)[:, np.newaxis] if name == "digits" else np.asarray(bunch.data)
    names = None if name == "diabetes" else tuple(str(label) for label in bunch.target_names)
    source = f"{name}: {len(x):,} {BUILT_IN[name]}, from scikit-learn"
    return Pool(x, np.asarray(bunch.target), source, names)
