"""What drawing a network costs: it decides which way of drawing a layer is cheaper, and sizes of batches.

The figures are seconds on one CPU core, measured (``benchmarks/primitives.py``). They need not be right
for another machine, only the same on all: what they decide is part of an experiment's bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from geomreg_tui.shapes import LayerShape

__all__ = ["Cost", "network_cost", "projects"]

_NORMAL = 2.5e-9  # one float32 normal
_PRODUCT = 2e-11  # one multiplication and addition in a float32 matrix product
_ACTIVATION = 1.5e-9  # one activation written, passed through the nonlinearity and read again
_ROOT_PRODUCT = 5.5e-11  # the same in a float64 Gram matrix and its root
_RADIAL_LAYER = 9e-8
_NETWORK = 1e-7  # loss, histogram, transfer


@dataclass(frozen=True)
class Cost:
    """The cost of one network.

    Attributes:
        normals: random numbers.
        seconds: time on one core, roughly.
        elements: numbers held in memory at once.
    """

    normals: int
    seconds: float
    elements: int


def projects(shape: LayerShape, columns: int) -> bool:
    """Return whether a layer applied to ``columns`` columns is cheaper to project than to draw in full."""
    if columns >= shape.n_in:
        return False
    saved = shape.n_out * (shape.n_in - columns) * (_NORMAL + columns * _PRODUCT)
    return columns == 1 or saved > _root_seconds(shape, columns)


def network_cost(shapes: Sequence[LayerShape], examples: int, sampler: str) -> Cost:
    """Return what one network costs with a sampler (``direct``, ``projected`` or ``radial``)."""
    if sampler == "radial":
        seconds = _NETWORK + _RADIAL_LAYER * len(shapes) + _NORMAL * shapes[-1].n_out
        return Cost(2 * (len(shapes) - 1) + shapes[-1].n_out, seconds, 8 + 2 * shapes[-1].n_out)
    normals, seconds, elements = 0, _NETWORK, 1
    for shape in shapes:
        columns = examples * shape.columns
        projected = sampler == "projected" and projects(shape, columns)
        rank = columns if projected else shape.n_in + shape.bias
        normals += shape.n_out * rank
        seconds += shape.n_out * rank * (_NORMAL + columns * _PRODUCT)
        unfolded = shape.n_in * columns if shape.columns > 1 and shape.index > 0 else 0
        seconds += (shape.n_out * columns + unfolded) * _ACTIVATION
        held = shape.n_out * (rank + columns)
        if shape.index > 0:
            held += shape.n_in * columns
            if projected:
                seconds += _root_seconds(shape, columns)
                held += 2 * columns * (shape.n_in + 2 * columns)
        elements = max(elements, held)
    return Cost(normals, seconds, elements)


def _root_seconds(shape: LayerShape, columns: int) -> float:
    """Return the seconds that the root of a layer's activations costs."""
    return columns**2 * (shape.n_in + columns) * _ROOT_PRODUCT
