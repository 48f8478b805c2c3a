"""A product of a network has the same bits whatever networks are beside it, and wherever it is in memory."""

import itertools

import pytest
import torch

from geomreg_tui.batched import multiply, subtract_product
from tests import seeds

# Odd and even, of one number, and a little more than whole vectors.
SIZES = [
    pytest.param((1, 17, 65), id="few"),
    pytest.param((1, 2, 5, 8, 17, 33, 65), id="many", marks=pytest.mark.full),
]
LARGE = (129, 130, 127)  # from which each network has a product of its own
NETWORKS = 8
GROUPS = ([0], [3], [7], [2, 5], [1, 4, 6], [0, 2, 3, 7], [1, 2, 3, 4, 5, 6, 7])
ORDERS = list(itertools.product((False, True), repeat=3))  # by columns left and right; right is shared


def drawn(generator, dtype, networks, rows, columns, *, by_columns=False):
    """Draw matrices whose rows, or columns, are stored one after the other."""
    size = (networks, columns, rows) if by_columns else (networks, rows, columns)
    found = torch.randn(size, dtype=dtype, generator=generator)
    return found.mT if by_columns else found


def picked(tensor, group):
    """Return some of the networks in memory of their own, stored as they were; a shared one stays."""
    if len(tensor) == 1:
        return tensor
    return tensor[group] if tensor.is_contiguous() else tensor.mT[group].mT


def shifted(tensor):
    """Return the same numbers in memory that begins a number later than torch's does."""
    by_columns = not tensor.is_contiguous()
    stored = tensor.mT if by_columns else tensor
    longer = torch.cat([stored.new_zeros(1), stored.reshape(-1)])[1:].view(stored.shape)
    return longer.mT if by_columns else longer


def assert_products_stay(generator, dtype, sizes, order):
    """Assert it of both products in all groups; and that they are those of numbers of twice the length."""
    rows, inner, columns = sizes
    left = drawn(generator, dtype, NETWORKS, rows, inner, by_columns=order[0])
    right = drawn(generator, dtype, 1 if order[2] else NETWORKS, inner, columns, by_columns=order[1])
    start = drawn(generator, dtype, NETWORKS, rows, columns)
    product, rest = multiply(left, right), subtract_product(start.clone(), left, right)
    exact = left.to(torch.float64) @ right.to(torch.float64)
    # Rounding errors of a sum of products are at most (number of terms + 1) units of the sum of sizes.
    most = (inner + 2) * torch.finfo(dtype).eps * (left.abs() @ right.abs() + start.abs()).to(torch.float64)
    assert bool(((product - exact).abs() <= most).all())
    assert bool(((rest - (start - exact)).abs() <= most).all())
    for group in GROUPS:
        some = picked(left, group), picked(right, group)
        assert torch.equal(multiply(*some), product[group]), group
        assert torch.equal(subtract_product(start[group], *some), rest[group]), group
    assert torch.equal(multiply(shifted(left), shifted(right)), product)
    assert torch.equal(subtract_product(shifted(start), shifted(left), shifted(right)), rest)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("lengths", SIZES)
def test_a_product_does_not_depend_on_the_networks_beside_it(dtype, order, lengths):
    generator = torch.Generator().manual_seed(seeds.seed(41))
    for sizes in itertools.product(lengths, repeat=3):
        assert_products_stay(generator, dtype, sizes, order)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("order", ORDERS)
def test_nor_does_a_large_one(dtype, order):
    generator = torch.Generator().manual_seed(seeds.seed(42))
    assert_products_stay(generator, dtype, LARGE, order)


def test_memory_that_is_subtracted_from_is_used_again():
    """Of any size: with 15 numbers a network, and with 64, which fill whole 64 bytes."""
    for rows, columns in ((3, 5), (8, 8)):
        start = torch.ones(4, rows, columns)
        rest = subtract_product(start, torch.ones(4, rows, 2), torch.ones(1, 2, columns))
        assert rest.data_ptr() == start.data_ptr()
        assert bool((rest == -1).all())
