"""Orthonormal bases of the space that columns lie in, and roots of Gram matrices, of many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["column_root", "orthonormal_basis"]

# Largest condition number at which Cholesky's method, in float64, leaves a basis orthonormal to 1e-8.
_CONDITION = 5e3


def orthonormal_basis(
    columns: Float[Tensor, "batch n_in columns"],
) -> tuple[Float[Tensor, "batch n_in rank"], Float[Tensor, "batch rank columns"]]:
    """Return Q with orthonormal columns, and R, with Q R = A. The span of Q holds that of A.

    Of equal, nearly equal and zero columns too: Q is orthonormal whatever the rank of A, by a QR
    decomposition with Householder's reflections. For float32, the factors of well-conditioned A come from a
    Cholesky decomposition of A^T A in float64, which is faster; the condition number is bounded by the norms
    of R and its inverse.

    Args:
        columns: A, (batch, n_in, m).

    Returns:
        Q (batch, n_in, rank) and R (batch, rank, m), with rank the smaller of n_in and m.
    """
    rows, count = columns.shape[1:]
    if columns.dtype == torch.float64 or count > rows:
        basis, root = torch.linalg.qr(columns)
        return basis, root
    exact = columns.to(torch.float64)
    upper, failed = torch.linalg.cholesky_ex(exact.mT @ exact, upper=True)
    identity = torch.eye(count, dtype=torch.float64, device=columns.device)
    inverse = torch.linalg.solve_triangular(upper, identity.expand_as(upper), upper=True)
    condition = torch.linalg.matrix_norm(upper) * torch.linalg.matrix_norm(inverse)
    poor = ((failed != 0) | ~(condition < _CONDITION)).nonzero()[:, 0]
    basis, root = (exact @ inverse).to(columns.dtype), upper.to(columns.dtype)
    if poor.numel():
        found, factor = torch.linalg.qr(exact[poor])
        basis[poor], root[poor] = found.to(columns.dtype), factor.to(columns.dtype)
    return basis, root


def column_root(columns: Float[Tensor, "batch rows columns"]) -> Float[Tensor, "batch rank columns"]:
    """Return S with S^T S = D^T D, of as few rows as may be. Columns that are 0 are columns of 0, exactly.

    Args:
        columns: D, (batch, rows, m).

    Returns:
        (batch, rank, m), with rank the smaller of rows and m.
    """
    rows, count = columns.shape[1:]
    if rows <= count:
        return columns
    if columns.dtype == torch.float64:
        root: Tensor = torch.linalg.qr(columns, mode="r").R
        return root
    exact = columns.to(torch.float64)
    upper, failed = torch.linalg.cholesky_ex(exact.mT @ exact, upper=True)
    singular = failed.nonzero()[:, 0]
    if singular.numel():
        upper[singular] = torch.linalg.qr(exact[singular], mode="r").R
    rounded: Tensor = upper.to(columns.dtype)
    return rounded
