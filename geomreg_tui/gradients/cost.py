"""What gradients cost, and what follows: which layers are projected, how many networks are side by side.

The figures are seconds on one CPU core, measured. They need not be right for another machine, only the same
on all: what they decide is part of the bits of a result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from geomreg_tui.sampling.cost import Cost
from geomreg_tui.shapes import LayerShape

__all__ = ["network_cost", "projects", "sizes"]

_NORMAL = {"float32": 6e-9, "float64": 2.5e-8}  # one normal
_PRODUCT = {"float32": 6e-11, "float64": 1.2e-10}  # one multiplication and addition in a matrix product
_BASIS = {"float32": (8e-7, 2.5e-10), "float64": (8e-7, 5e-10)}  # of a basis: a column, and a product
_ROOT = {"float32": (4e-7, 1.3e-10), "float64": (5e-7, 3e-10)}  # the same of a root
_ELEMENT = 3e-9  # one activation written, passed through the nonlinearity and its slope, and read again
_GRAM_PRODUCT = 1e-10  # in float64, whatever the format
_NETWORK = 2e-6  # loss, slopes, cosines, histograms
_EIGENVALUE = 1.2e-9  # of one number of a matrix, times its order
_BATCH_ELEMENTS, _BATCH_LIMIT = 2**19, 256
_CHUNK_SECONDS, _CHUNK_LIMIT = 0.2, 2**14
_CALL_SECONDS = 5e-4  # of a person's own module, for one gradient


def projects(shape: LayerShape, examples: int, columns: int, dtype: str) -> bool:
    """Return whether a layer is cheaper to project than to draw in full.

    Args:
        shape: the layer.
        examples: N, which it is applied to.
        columns: derivatives that go back through it.
        dtype: number format.
    """
    return (
        _layer(shape, examples, columns, dtype, True).seconds
        < _layer(shape, examples, columns, dtype, False).seconds
    )


def network_cost(
    shapes: Sequence[LayerShape],
    examples: int,
    columns: int,
    dtype: str,
    method: str,
    eigenvalues: bool = False,
) -> Cost:
    """Return what the gradients of one network cost.

    Args:
        shapes: the layers.
        examples: N.
        columns: derivatives that go back: N, or N C for the NTK.
        dtype: number format.
        method: ``direct``, or ``projected``: each layer in the cheaper way.
        eigenvalues: whether those of the NTK are asked for.
    """
    normals, seconds, elements = 0, _NETWORK, columns**2
    if eigenvalues:
        seconds += _EIGENVALUE * columns**3
    for shape in shapes:
        chosen = method == "projected" and projects(shape, examples, columns, dtype)
        cost = _layer(shape, examples, columns, dtype, chosen)
        normals, seconds, elements = normals + cost.normals, seconds + cost.seconds, elements + cost.elements
    return Cost(normals, seconds, elements)


def sizes(cost: Cost, rows: int, *, one_by_one: bool = False) -> tuple[int, int]:
    """Return (chunk size, batch size): networks of a chunk, and those side by side.

    Args:
        cost: of one network.
        rows: gradients of one network, if they are computed one by one.
        one_by_one: whether they are.
    """
    batch = 2 ** int(math.log2(max(1, min(_BATCH_LIMIT, _BATCH_ELEMENTS // cost.elements))))
    seconds = cost.seconds + (_CALL_SECONDS * (rows + 1) if one_by_one else 0.0)
    chunk = max(1, min(_CHUNK_LIMIT, int(_CHUNK_SECONDS / seconds)))
    batch = min(batch, 2 ** int(math.log2(chunk)))
    return chunk // batch * batch, batch


def _layer(shape: LayerShape, examples: int, columns: int, dtype: str, projected: bool) -> Cost:
    first = shape.index == 0
    positions = examples * shape.columns
    rows, rank = shape.n_in + shape.bias, min(positions, shape.n_in + shape.bias)
    back = columns * shape.columns
    products = shape.n_out * positions * (rank if projected else rows)
    seconds = 0.0
    if projected:
        fresh = 0 if first else min(back, shape.n_out)
        normals = shape.n_out * rank + rows * fresh
        elements = normals + rows * rank
        if not first:
            column, product = _BASIS[dtype]
            seconds += column * positions + product * rank * positions * (rows + positions)
            if shape.n_out > back:
                column, product = _ROOT[dtype]
                seconds += column * back + product * back**2 * shape.n_out
            products += rows * rank * fresh + rows * back * (fresh + rank) + shape.n_out * rank * back
    else:
        normals = shape.n_out * rows
        elements = normals
        products += 0 if first else shape.n_out * shape.n_in * back
    seconds += normals * _NORMAL[dtype] + products * _PRODUCT[dtype]
    seconds += _ELEMENT * shape.n_out * (positions + 2 * back)
    seconds += _GRAM_PRODUCT * (shape.n_out * back**2 + (0 if first else shape.n_in * positions**2))
    return Cost(normals, seconds, elements + shape.n_out * (3 * positions + 2 * back))
