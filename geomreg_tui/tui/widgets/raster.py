"""Curves as dots of braille characters: clipped, joined by strokes, dashed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["BRAILLE", "braille", "stroke"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

BRAILLE = (2, 4)  # dots in a cell: across, up
_BITS = np.array([[0x40, 0x80], [0x04, 0x20], [0x02, 0x10], [0x01, 0x08]])  # of the dots, lowest row first
_DASH, _WAY = 2, 3  # cells drawn of so many along the way


def stroke(
    u: FloatArray, v: FloatArray, shape: tuple[int, int], *, joined: bool = True, dashed: bool = False
) -> NDArray[np.bool_]:
    """Return the dots of a curve, rows counted from the lowest.

    Args:
        u, v: its points as shares of both axes, shape (points,); it is interrupted where one is NaN.
        shape: dots up and across.
        joined: whether strokes join the points.
        dashed: whether every third cell along the way is left out.
    """
    up, across = shape
    dots = np.zeros(shape, bool)
    known = np.isfinite(u) & np.isfinite(v)
    inside = known & (u >= 0) & (u <= 1) & (v >= 0) & (v <= 1)
    x, y = u[inside] * across, v[inside] * up
    way = np.zeros(x.size)
    if joined and u.size > 1:
        line_x, line_y = _strokes(u, v, shape)
        x, y = (line_x, line_y) if dashed else (np.append(x, line_x), np.append(y, line_y))
        way = np.hypot(np.diff(x, prepend=x[:1]) / BRAILLE[0], np.diff(y, prepend=y[:1]) / BRAILLE[1])
    if dashed:
        drawn = np.floor(np.cumsum(way)) % _WAY < _DASH
        x, y = x[drawn], y[drawn]
    dots[np.minimum(y.astype(int), up - 1), np.minimum(x.astype(int), across - 1)] = True
    return dots


def _strokes(u: FloatArray, v: FloatArray, shape: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """Return points on the strokes between neighbours, as near as dots, in dots from the corner.

    Each stroke is cut to the plotting area first (Liang and Barsky 1984).
    """
    known = np.isfinite(u) & np.isfinite(v)
    first = np.flatnonzero(known[:-1] & known[1:])
    start = np.stack([u[first], v[first]])
    step = np.stack([u[first + 1], v[first + 1]]) - start
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.stack([-start / step, (1 - start) / step])
    level = step == 0
    within = (start >= 0) & (start <= 1)
    enter = np.where(level, np.where(within, 0.0, np.inf), ends.min(axis=0)).max(axis=0).clip(0)
    leave = np.where(level, 1.0, ends.max(axis=0)).min(axis=0).clip(max=1)
    seen = enter <= leave
    start, step, enter, leave = start[:, seen], step[:, seen], enter[seen], leave[seen]
    size = np.array(shape[::-1], np.float64)[:, None]
    low, high = (start + step * enter) * size, (start + step * leave) * size
    counts = np.ceil(np.abs(high - low).max(axis=0, initial=0)).astype(int) + 1
    which = np.repeat(np.arange(counts.size), counts)
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    share = number / np.maximum(counts[which] - 1, 1)
    x, y = (low[:, which] + (high - low)[:, which] * share).clip(0)
    return x, y


def braille(dots: NDArray[np.bool_]) -> IntArray:
    """Return the dots of each cell as the lowest byte of its braille character, (lines, columns)."""
    up, across = dots.shape
    cells = dots.reshape(up // BRAILLE[1], BRAILLE[1], across // BRAILLE[0], BRAILLE[0])
    return np.asarray(np.einsum("akbl,kl->ab", cells, _BITS), np.int64)
