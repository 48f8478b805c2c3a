"""Targets: class labels or real numbers, and the scale on which losses see them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.datasets.base import FloatArray, Pool
from geomreg_tui.datasets.standardize import Scaling
from geomreg_tui.errors import one_line

__all__ = ["MOST_CLASSES", "Targets"]

MOST_CLASSES = 100  # whole-number targets with more distinct values are real targets
_NAMES_SHOWN = 10
_LONG = 1e16  # whole numbers from here on are written with an exponent


@dataclass(frozen=True, eq=False)
class Targets:
    """The targets of a pool. Attributes as those of ``Dataset``, for the whole pool.

    Attributes:
        y: class of each example, int64 (P,), or scaled real targets, float64 (P,) or (P, C).
        label_names, label_values: names and numbers of the classes; None for real targets.
        label_mean, label_std: shift and scale of targets as numbers, (C,).
        notes: what was decided.
        why_real: of real targets, why they are no classes, and what would make them such.
    """

    y: NDArray[Any]
    label_names: tuple[str, ...] | None
    label_values: FloatArray | None
    label_mean: FloatArray
    label_std: FloatArray
    notes: tuple[str, ...]
    why_real: str = ""

    @classmethod
    def of(cls, pool: Pool, standardize: bool) -> Targets:
        """Decide what the targets of a pool are.

        Text is always a class label. Whole numbers are class labels where there are 2 to 100 different
        ones. Everything else is a real target.
        """
        is_text = pool.y.dtype.kind == "U"
        if is_text or _is_whole(pool.y):
            unique, index = np.unique(pool.y, return_inverse=True)
            if is_text or 2 <= len(unique) <= MOST_CLASSES:
                values = np.arange(len(unique)) if is_text else unique
                names = pool.label_names or tuple(str(u) if is_text else _number(u) for u in unique)
                return cls._classes(index, values.astype(np.float64), names, standardize)
        return replace(cls._real(pool.y.astype(np.float64), standardize), why_real=_why_real(pool.y))

    @classmethod
    def _classes(
        cls, index: NDArray[Any], values: FloatArray, names: tuple[str, ...], standardize: bool
    ) -> Targets:
        mean, std = np.zeros(1), np.ones(1)
        scale = "their numbers as they are"
        if standardize and len(values) == 2:
            mean, std = np.array([values.mean()]), np.array([(values[1] - values[0]) / 2])
            scale = "-1 and 1"
        elif standardize:
            mean, std = _mean_and_std(Scaling.of(values[index].reshape(-1, 1)))
            scale = "their numbers scaled to mean 0 and variance 1 over the whole set"
        names = tuple(one_line(name) for name in names)
        shown = ", ".join(names[:_NAMES_SHOWN]) + (", ..." if len(names) > _NAMES_SHOWN else "")
        notes = (f"{len(names)} classes: {shown}", f"losses that take classes as numbers see {scale}")
        return cls(index.astype(np.int64), names, values, mean, std, notes)

    @classmethod
    def _real(cls, y: FloatArray, standardize: bool) -> Targets:
        columns = y.reshape(len(y), -1)
        count = columns.shape[1]
        kind = "real targets" if count == 1 else f"{count} real targets an example"
        if not standardize:
            return cls(y, None, None, np.zeros(count), np.ones(count), (f"{kind}, not standardised",))
        scaling = Scaling.of(columns)
        note = f"{kind}, scaled to mean 0 and variance 1 over the whole set"
        if not scaling.std.all():
            note += "; constant ones set to 0"
        return cls(scaling.apply(columns).reshape(y.shape), None, None, *_mean_and_std(scaling), (note,))


def _number(value: float) -> str:
    return str(int(value)) if abs(value) < _LONG else repr(float(value))


def _is_whole(y: NDArray[Any]) -> bool:
    return y.ndim == 1 and (y.dtype.kind in "bui" or bool(np.array_equal(y, np.round(y))))


def _why_real(y: NDArray[Any]) -> str:
    if y.ndim > 1:
        if np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all():
            return "these are one-hot: write the number of each class instead, y.argmax(axis=1)"
        return f"these are {y.shape[1]} an example, and a class is one"
    if not _is_whole(y):
        return "these are not all whole numbers, as classes are"
    count = len(np.unique(y))
    if count > MOST_CLASSES:
        return f"these are {count:,} different numbers, and classes are up to {MOST_CLASSES}, or text"
    return f"these are all {y[0]:g}, and classes are two or more"


def _mean_and_std(scaling: Scaling) -> tuple[FloatArray, FloatArray]:
    return scaling.mean * scaling.unit, np.where(scaling.std > 0, scaling.std * scaling.unit, 1.0)
