"""Square roots of Gram matrices, exact for singular ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from jaxtyping import Float, Float64

__all__ = ["PIVOTS", "augment", "gram_root", "triangular_root"]

PIVOTS = 1e-4  # smallest over largest: below it the rounding of a Gram matrix, squared, shows


def gram_root(
    columns: Float[Tensor, "batch n_in columns"], scale: float, offset: float
) -> Float[Tensor, "batch rank columns"]:
    """Return R with R^T R = scale**2 A^T A + offset**2 1 1^T, for activations A.

    The Gram matrix is positive semi-definite, often singular (dead units, repeated inputs). Cholesky's
    method is backward stable on it as long as it succeeds; where it meets a pivot that is not positive, the
    eigenvalues, with those that are negative by rounding set to 0, give the root instead. No jitter is added.
    For float32 activations the matrix is formed in float64, so the root is exact to float32 rounding. Where
    all activations of a column are 0, so is that column of R, exactly: an example for which a layer is off
    stays off. For float64 the R of a QR decomposition is used, which never squares the condition number.

    Args:
        columns: A, (batch, n_in, m).
        scale: factor on A.
        offset: constant added as one more row of the augmented A.

    Returns:
        (batch, rank, m) in the format of ``columns``. The rank is m; for float64 it is the number of rows of
        the augmented A where those are fewer.
    """
    count = columns.shape[2]
    if count == 1:
        norm = torch.linalg.vector_norm(columns, dim=(1, 2), keepdim=True, dtype=torch.float64)
        single: Tensor = norm.mul_(scale).square_().add_(offset**2).sqrt_().to(columns.dtype)
        return single
    if columns.dtype == torch.float64:
        return _qr_root(columns, scale, offset)
    exact = columns.to(torch.float64)
    gram = torch.bmm(exact.mT, exact).mul_(scale**2).add_(offset**2)
    upper, failed = torch.linalg.cholesky_ex(gram, upper=True)
    singular = failed.nonzero()[:, 0]
    if singular.numel():
        poor = gram[singular]
        upper[singular] = _eigen_root(poor) * (poor.diagonal(dim1=1, dim2=2) > 0).unsqueeze(1)
    rounded: Tensor = upper.to(columns.dtype)
    return rounded


def triangular_root(
    columns: Float64[Tensor, "batch n_in columns"], scale: float, offset: float
) -> Float64[Tensor, "batch rank columns"]:
    """Return the upper triangular R of :func:`gram_root` whose diagonal is not negative.

    It depends continuously on activations of full rank. The first columns of A decide the first columns of R.
    By Cholesky's method where that loses no more than 1e-8 of the smallest pivot, by a QR decomposition
    otherwise: exact for singular Gram matrices.

    Args:
        columns: A, (batch, n_in, m), float64.
        scale: factor on A.
        offset: constant added as one more row of the augmented A.

    Returns:
        (batch, rank, m), with rank the smaller of m and n_in + (offset > 0).
    """
    rows, count = columns.shape[1:]
    rank = min(count, rows + bool(offset))
    if rank < count:
        return _positive(_qr_root(columns, scale, offset))
    gram = torch.bmm(columns.mT, columns).mul_(scale**2).add_(offset**2)
    upper, failed = torch.linalg.cholesky_ex(gram, upper=True)
    pivots = upper.diagonal(dim1=1, dim2=2)
    fine = (failed == 0) & (pivots.amin(dim=1) > PIVOTS * pivots.amax(dim=1))
    poor = (~fine).nonzero()[:, 0]
    if poor.numel():
        upper = upper.index_copy(0, poor, _positive(_qr_root(columns[poor], scale, offset)))
    root: Tensor = upper
    return root


def augment(
    columns: Float[Tensor, "batch n_in columns"], scale: float, offset: float
) -> Float[Tensor, "batch rows columns"]:
    """Return scale * A with one more row of ``offset``, where that is not 0, (batch, rows, m).

    There are n_in rows, or n_in + 1.
    """
    rows = columns * scale
    if not offset:
        return rows
    constant = rows.new_full((rows.shape[0], 1, rows.shape[2]), offset)
    return torch.cat([rows, constant], dim=1)


def _qr_root(
    columns: Float[Tensor, "batch n_in columns"], scale: float, offset: float
) -> Float[Tensor, "batch rank columns"]:
    """Return the root from a QR decomposition: accurate, and slower than that of the Gram matrix."""
    rows = augment(columns, scale, offset)
    root: Tensor = torch.linalg.qr(rows, mode="reduced" if rows.requires_grad else "r").R
    return root


def _positive(root: Float[Tensor, "batch rank columns"]) -> Float[Tensor, "batch rank columns"]:
    """Return a root with rows turned so that its diagonal is not negative."""
    signs = torch.where(root.diagonal(dim1=1, dim2=2) < 0, -1.0, 1.0).to(root.dtype)
    signed: Tensor = root * signs.unsqueeze(-1)
    return signed


def _eigen_root(gram: Float64[Tensor, "batch columns columns"]) -> Float64[Tensor, "batch columns columns"]:
    """Return a root of a Gram matrix by its eigenvalues; negative ones are rounding, and count as 0."""
    values, vectors = torch.linalg.eigh(gram)
    root: Tensor = values.clamp_min_(0).sqrt_().unsqueeze(-1) * vectors.mT
    return root
