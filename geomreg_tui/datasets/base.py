"""What a data set is before and after examples are picked from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Dataset", "FloatArray", "Pool"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Dataset:
    """The examples of an experiment: N training examples, then M held-out ones (E = N + M).

    Attributes:
        x: inputs, (E, features) or (E, channels, height, width), float64.
        y: class labels 0 ... classes - 1, int64 (E,), or real targets, float64 (E,) or (E, C).
        examples: N.
        classes: number of classes, or None for real targets.
        notes: plain statements about source, targets, standardisation and picked examples.
        sha256: digest of the file (for an NPY pair, of x followed by y); None for sets that are not files.
        label_names: name of each class, sorted; None for real targets.
        label_values: each class as a number, increasing, (classes,); None for real targets.
        label_mean: what is subtracted from targets as numbers, (C,); 0 without standardisation.
        label_std: what they are then divided by, (C,); 1 without standardisation. In ``y``, real targets
            are so scaled already; a loss that takes class labels as numbers scales ``label_values``.
    """

    x: FloatArray
    y: NDArray[Any]
    examples: int
    classes: int | None
    notes: tuple[str, ...]
    sha256: str | None
    label_names: tuple[str, ...] | None
    label_values: FloatArray | None
    label_mean: FloatArray
    label_std: FloatArray
    why_real: str = ""


@dataclass(frozen=True, eq=False)
class Pool:
    """All the examples that can be picked from.

    Attributes:
        x: inputs in any real number format, (P, features) or (P, channels, height, width).
        y: targets as they are stored: numbers or text, (P,), or numbers (P, C).
        source: a plain statement of where they come from.
        label_names: names of the classes 0, 1, ... where the source knows better names than the numbers.
        test_rows: how many examples at the end are a test set, from which alone held-out ones are taken.
        sha256: digest of the file, if it is one.
        notes: plain statements on how the file was read.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    source: str
    label_names: tuple[str, ...] | None = None
    test_rows: int = 0
    sha256: str | None = None
    notes: tuple[str, ...] = ()
