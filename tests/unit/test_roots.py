"""Roots of Gram matrices against exact Gram matrices, singular ones above all."""

from __future__ import annotations

import pytest
import torch

from geomreg_tui.sampling.roots import gram_root
from tests import seeds


def activations(kind: str, dtype: torch.dtype) -> torch.Tensor:
    generator = seeds.torch_generator(0)
    full = torch.randn(6, 40, 8, dtype=torch.float64, generator=generator)
    if kind == "repeated":
        full[..., 4:] = full[..., :4]
    elif kind == "dead":
        full[:, 3:] = 0
    elif kind == "all_dead":
        full[2] = 0
    elif kind == "collinear":
        full = full[..., :1] * torch.linspace(-2, 3, 8, dtype=torch.float64)
    elif kind == "nearly_equal":
        full = full[..., :1] + 1e-4 * full
    elif kind == "one":
        full = full[..., :1].contiguous()
    return full.to(dtype)


KINDS = ["regular", "repeated", "dead", "all_dead", "collinear", "nearly_equal", "one"]


@pytest.mark.parametrize("offset", [0.0, 0.7])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_the_root_squares_to_the_gram_matrix(kind: str, dtype: torch.dtype, offset: float) -> None:
    columns = activations(kind, dtype)
    root = gram_root(columns, 1.5, offset)
    assert root.dtype == dtype
    exact = columns.double()
    gram = 2.25 * exact.mT @ exact + offset**2
    size = gram.diagonal(dim1=1, dim2=2).amax(dim=1).view(-1, 1, 1) + 1e-300
    error = (root.double().mT @ root.double() - gram).abs() / size
    assert error.max() < 8 * torch.finfo(dtype).eps


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_repeated_examples_stay_equal_and_close_ones_keep_their_distance(dtype: torch.dtype) -> None:
    """A root computed from a rounded Gram matrix loses differences below sqrt(eps); this one must not."""
    columns = activations("nearly_equal", dtype)
    root = gram_root(columns, 1.0, 0.0).double()
    ours = torch.linalg.vector_norm(root[..., 0] - root[..., 1], dim=1)
    exact = torch.linalg.vector_norm(columns.double()[..., 0] - columns.double()[..., 1], dim=1)
    norm = torch.linalg.vector_norm(columns.double()[..., 0], dim=1)
    assert ((ours - exact).abs() / norm).max() < 8 * torch.finfo(dtype).eps
    repeated = gram_root(activations("repeated", dtype), 1.0, 0.0).double()
    gap = torch.linalg.vector_norm(repeated[..., 0] - repeated[..., 4], dim=1)
    assert (gap / torch.linalg.vector_norm(repeated[..., 0], dim=1)).max() < 8 * torch.finfo(dtype).eps
