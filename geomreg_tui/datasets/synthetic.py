"""Synthetic data sets, each drawn from ``data_seed`` alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.datasets.base import FloatArray, Pool
from geomreg_tui.errors import CapacityError, DataError
from geomreg_tui.memory import available_memory

__all__ = ["SYNTHETIC", "synthetic"]

_POOL = 10_000
_POOL_NUMBERS = 2**25  # numbers in a pool of wide inputs, 256 MiB; fewer examples are drawn then
_TEACHER_WIDTH = 16
_NOISE = 0.1  # standard deviation of the blur on moons and circles
_EXAMPLES_STREAM, _TEACHER_STREAM = 1, 2  # stream 0 picks examples

Maker = Callable[[int, int, int], tuple[FloatArray, NDArray[Any]]]

SYNTHETIC = {
    "gaussian": "x ~ N(0, I), y ~ N(0, 1), independent",
    "teacher": f"x ~ N(0, I), y from a random tanh network with {_TEACHER_WIDTH} hidden units",
    "sine": "x uniform on [-pi, pi], y the sum of sin over the inputs",
    "xor": "x uniform on [-1, 1], class 1 where the first two inputs differ in sign",
    "moons": f"two interleaved half circles, blurred by {_NOISE}",
    "circles": f"two concentric circles of radius 1 and 0.5, blurred by {_NOISE}",
}


def synthetic(name: str, inputs: int | None, wanted: int, seed: int) -> Pool:
    """Draw one of :data:`SYNTHETIC`.

    Args:
        name: which.
        inputs: input size; default 2, for sine 1.
        wanted: examples needed. The pool does not depend on it as long as it holds as many.
        seed: ``data_seed``.

    Raises:
        DataError: if the set cannot have that many inputs.
        CapacityError: if the pool would not fit into memory.
    """
    size = inputs or (1 if name == "sine" else 2)
    if name in ("moons", "circles") and size != 2:
        raise DataError(f"inputs: got {size} with data {name}, which has 2 inputs: leave inputs out")
    if name == "xor" and size < 2:
        raise DataError(f"inputs: got {size} with data xor, which needs at least 2: try inputs 2")
    count = _pool_size(size, wanted)
    needed = 2 * 8 * count * size
    free = available_memory()
    if needed > free:
        raise CapacityError(
            f"data {name} with {size:,} inputs and {wanted:,} examples needs {needed / 2**30:,.1f} GiB, "
            f"but {free / 2**30:,.1f} GiB are free: try fewer inputs or examples"
        )
    x, y = _MAKERS[name](count, size, seed)
    return Pool(x, y, f"{name}: {SYNTHETIC[name]}; {count:,} examples drawn from data_seed {seed}")


def _pool_size(inputs: int, wanted: int) -> int:
    """Return how many examples to draw: a number that does not change while ``wanted`` fits into it."""
    size = min(_POOL, max(1, _POOL_NUMBERS // inputs))
    while size < wanted:
        size *= 2
    return size


def _gaussian(count: int, inputs: int, seed: int) -> tuple[FloatArray, NDArray[Any]]:
    rng = np.random.default_rng([seed, _EXAMPLES_STREAM])
    return rng.standard_normal((count, inputs)), rng.standard_normal(count)


def _teacher(count: int, inputs: int, seed: int) -> tuple[FloatArray, NDArray[Any]]:
    x = np.random.default_rng([seed, _EXAMPLES_STREAM]).standard_normal((count, inputs))
    rng = np.random.default_rng([seed, _TEACHER_STREAM])
    hidden = np.tanh(x @ rng.standard_normal((inputs, _TEACHER_WIDTH)) / math.sqrt(inputs))
    return x, hidden @ rng.standard_normal(_TEACHER_WIDTH) / math.sqrt(_TEACHER_WIDTH)


def _sine(count: int, inputs: int, seed: int) -> tuple[FloatArray, NDArray[Any]]:
    x = np.random.default_rng([seed, _EXAMPLES_STREAM]).uniform(-math.pi, math.pi, (count, inputs))
    return x, np.sin(x).sum(axis=1)


def _xor(count: int, inputs: int, seed: int) -> tuple[FloatArray, NDArray[Any]]:
    x = np.random.default_rng([seed, _EXAMPLES_STREAM]).uniform(-1.0, 1.0, (count, inputs))
    return x, (x[:, 0] * x[:, 1] < 0).astype(np.int64)


def _moons(count: int, inputs: int, seed: int) -> tuple[FloatArray, NDArray[Any]]:
    rng = np.random.default_rng([seed, _EXAMPLES_STREAM])
    angle, y = rng.uniform(0.0, math.pi, count), rng.integers(0, 2, count)
    sign = 1 - 2 * y
    x = np.stack([sign * np.cos(angle) + y, sign * np.sin(angle) + y / 2], axis=1)
    return x + _NOISE * rng.standard_normal((count, inputs)), y


def _circles(count: int, inputs: int, seed: int) -> tuple[FloatArray, NDArray[Any]]:
    rng = np.random.default_rng([seed, _EXAMPLES_STREAM])
    angle, y = rng.uniform(0.0, 2 * math.pi, count), rng.integers(0, 2, count)
    radius = np.where(y == 1, 0.5, 1.0)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return x + _NOISE * rng.standard_normal((count, inputs)), y


_MAKERS: dict[str, Maker] = {
    "gaussian": _gaussian,
    "teacher": _teacher,
    "sine": _sine,
    "xor": _xor,
    "moons": _moons,
    "circles": _circles,
}
