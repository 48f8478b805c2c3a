"""Operations on networks side by side whose result for one does not depend on how many there are.

Some of torch's do depend on it, in the last bits, as measured on CPUs with AVX2 and AVX-512:

- A matrix product of all networks at once as one tall matrix. A batched product computes each network's by
  itself, but a batch of a single one may go to another routine.
- A matrix product whose matrices begin elsewhere in memory: the alignment of arrays is among what changes the
  order of MKL's sums (oneMKL Developer Guide, "Obtaining Numerically Reproducible Results"). Here each begins
  at a multiple of 64 bytes. Those of a batch do so only where the size of a matrix is a multiple too.
- Elementwise functions: the last few numbers of a tensor, those that do not fill a vector register, are
  computed by other instructions (sigmoid, silu, gelu, softplus).
- Sums over an outer dimension, as of stacked tensors, are added in another order where there is one network.

Sums over the inner dimensions of one network do not. ``tests/training/test_bits.py`` holds all of this.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

__all__ = ["elementwise", "multiply", "per_network", "squared_norm", "squared_norms", "subtract_product"]

_LARGE = 2**21  # multiplications from which a product of its own for each network is at least as fast
_LANES = 32  # numbers that the widest vector loops of torch compute at once, or a multiple
_ALIGNMENT = 64  # bytes
_BLOCK = 2**17  # numbers that are squared at once: in float64 they stay in a cache


def multiply(left: Tensor, right: Tensor) -> Tensor:
    """Return the matrix product of each network, (networks, rows, columns).

    Args:
        left: (networks, rows, inner).
        right: (networks, inner, columns), or (1, inner, columns) when shared by all.
    """
    count, rows, inner = left.shape
    columns = right.shape[2]
    step = _unit(left) // math.gcd(rows, _unit(left))
    width = columns + -columns % step  # so that each product begins as it should
    left, right = _aligned(left, inner), _aligned(right, width)
    if rows * inner * columns >= _LARGE:
        product = left.new_empty(count, rows, width)
        for network in range(count):
            torch.mm(left[network], right[network if len(right) > 1 else 0], out=product[network])
    elif count == 1:
        product = torch.bmm(left.expand(2, -1, -1), right.expand(2, -1, -1))[:1]
    else:
        product = torch.bmm(left, right.expand(count, -1, -1))
    if width == columns:
        return product
    return product.new_empty(count, rows, columns).copy_(product[:, :, :columns])


def subtract_product(tensor: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Return ``tensor`` minus the matrix product of each network, in its place where that can be.

    Args:
        tensor: (networks, rows, columns); not to be used afterwards.
        left: (networks, rows, inner).
        right: (networks, inner, columns), or (1, inner, columns) when shared by all.
    """
    count, rows, columns = tensor.shape
    inner = left.shape[2]
    if rows * columns % _unit(tensor):
        return tensor.sub_(multiply(left, right))
    tensor, left, right = _aligned(tensor, columns), _aligned(left, inner), _aligned(right, columns)
    if rows * columns * inner >= _LARGE:
        for network in range(count):
            tensor[network].addmm_(left[network], right[network if len(right) > 1 else 0], alpha=-1)
        return tensor
    if count == 1:
        pair = (part.expand(2, -1, -1) for part in (tensor, left, right))
        return torch.baddbmm(*pair, alpha=-1)[:1]
    return tensor.baddbmm_(left, right.expand(count, -1, -1), alpha=-1)


def _unit(tensor: Tensor) -> int:
    """Return how many numbers fill the bytes of ``_ALIGNMENT``."""
    return _ALIGNMENT // tensor.element_size()


def _aligned(tensor: Tensor, width: int) -> Tensor:
    """Return matrices that each begin at a multiple of ``_ALIGNMENT`` bytes, a copy where they do not.

    Whether rows or columns are stored one after the other stays. Strides follow from that and the sizes
    alone, also of sizes of 1, as torch chooses routines by them.

    Args:
        tensor: (networks, rows, columns).
        width: columns of the matrices returned; those beyond the tensor's are 0.
    """
    count, rows, columns = tensor.shape
    one = tensor[0]
    by_columns = not one.is_contiguous() and one.mT.is_contiguous()
    apart = rows * width + -(rows * width) % _unit(tensor)
    strides = (apart, 1, rows) if by_columns else (apart, width, 1)
    size = (count, rows, width)
    kept = by_columns or one.is_contiguous()
    in_place = width == columns and (count == 1 or tensor.stride(0) == apart)
    if kept and in_place and tensor.data_ptr() % _ALIGNMENT == 0:
        return tensor.as_strided(size, strides)
    result = tensor.new_zeros(count * apart).as_strided(size, strides)
    result[:, :, :columns] = tensor
    return result


def elementwise(function: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    """Return a function of each number of tensors of one shape, computed in whole vectors.

    Args:
        function: takes as many tensors, and leaves them as they are.
        tensors: of one shape.
    """
    size = tensors[0].numel()
    short = -size % _LANES
    if not short:
        return function(*tensors)
    padded = [torch.cat([tensor.reshape(-1), tensor.new_zeros(short)]) for tensor in tensors]
    return function(*padded)[:size].view(tensors[0].shape)


def per_network(values: Tensor, dimensions: int) -> Tensor:
    """Return one number a network as a tensor that broadcasts over ``dimensions`` dimensions."""
    return values.view(-1, *(1,) * (dimensions - 1))


def squared_norms(tensor: Tensor) -> Tensor:
    """Return the sum of squares of each network, (networks,), in float64."""
    rows = tensor.flatten(1)
    parts = torch.split(rows, max(1, _BLOCK // max(1, rows.shape[1])))
    return torch.cat([_wide(part).sum(dim=1) for part in parts])


def _wide(tensor: Tensor) -> Tensor:
    """Return squares in float64."""
    numbers = tensor.to(torch.float64, copy=True)
    return numbers.mul_(numbers)


def squared_norm(tensors: Sequence[Tensor]) -> Tensor:
    """Return the sum of squares over several tensors of each network, (networks,), in float64."""
    total = squared_norms(tensors[0])
    for tensor in tensors[1:]:
        total = total + squared_norms(tensor)
    return total
