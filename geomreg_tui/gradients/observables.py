"""What is measured of a drawn network besides its loss, each from Gram matrices of its gradients.

Three matrices say all of it, for N training examples and C outputs:

- the *empirical NTK* Theta (N C, N C), the inner products of the gradients of outputs, f_c(x_i) at place c N
  + i (Jacot, Gabriel & Hongler 2018, arXiv 1806.07572);
- the *slopes* s_i (C,), derivatives of the loss L by the outputs on example i;
- the *gradient Gram matrix* K (N, N), K_ij = s_i^T Theta_ij s_j: the inner products of what the examples
  contribute to the gradient of L. They are 1/N of the gradients of the examples' own losses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Float64, Int64

__all__ = [
    "Confusion",
    "confusion",
    "curvature_root",
    "gradient_gram",
    "gradient_norm",
    "ntk_trace",
    "sharpness",
]


@dataclass(frozen=True)
class Confusion:
    """Cosines between the gradients of the losses of two examples, over some pairs.

    A pair of which one gradient is 0 has no cosine: it is left out, and counted. A network without any cosine
    has no confusion; its numbers here are NaN.

    Attributes:
        minimum, mean: of the cosines, (batch,).
        negative: share of the cosines that are below 0, (batch,).
        missing: pairs without a cosine, (batch,).
        undefined: whether there is no cosine at all, (batch,).
    """

    minimum: Float64[Tensor, " batch"]
    mean: Float64[Tensor, " batch"]
    negative: Float64[Tensor, " batch"]
    missing: Int64[Tensor, " batch"]
    undefined: Bool[Tensor, " batch"]


def confusion(gram: Float64[Tensor, "batch training training"], pairs: Int64[Tensor, "2 pairs"]) -> Confusion:
    """Return the gradient confusion of each network.

    Source: Sankararaman, De, Xu, Huang & Goldstein 2020 (arXiv 1904.06963). Their eta bounds inner products
    from below; the cosine does not depend on the size of gradients. The smallest of many cosines depends on
    how many there are, so it is compared at an equal number of pairs only.

    Args:
        gram: K, (batch, N, N). What is not finite gives NaN.
        pairs: places of the examples of each pair, (2, pairs).
    """
    inner = gram[:, pairs[0], pairs[1]]
    size = gram.diagonal(dim1=1, dim2=2).clamp_min(0).sqrt()
    norms = size[:, pairs[0]] * size[:, pairs[1]]
    there = norms != 0  # true of NaN, which then shows in the results
    cosine = torch.where(there, inner / norms, 0.0).clamp(-1, 1)
    count = there.sum(dim=1)
    undefined = count == 0
    number = count.clamp_min(1).to(torch.float64)
    nothing = torch.where(undefined, torch.nan, 0.0).to(torch.float64)
    # Sums of what is not finite are NaN, but a smallest number and a comparison may pass over it.
    broken = torch.where(cosine.sum(dim=1).isfinite(), 0.0, torch.nan) + nothing
    return Confusion(
        torch.where(there, cosine, torch.inf).amin(dim=1) + broken,
        cosine.sum(dim=1) / number + broken,
        (there & (inner < 0)).sum(dim=1) / number + broken,
        pairs.shape[1] - count,
        undefined,
    )


def gradient_gram(
    ntk: Float64[Tensor, "batch columns columns"], slopes: Float[Tensor, "batch outputs training"]
) -> Float64[Tensor, "batch training training"]:
    """Return K from Theta and the slopes."""
    batch, outputs, examples = slopes.shape
    exact = slopes.to(torch.float64)
    if outputs == 1:
        return ntk * (exact.mT * exact)
    blocks = ntk.view(batch, outputs, examples, outputs, examples)
    return torch.einsum("bci,bcidj,bdj->bij", exact, blocks, exact)


def gradient_norm(gram: Float64[Tensor, "batch training training"]) -> Float64[Tensor, " batch"]:
    """Return ||grad L||: its square is sum_ij K_ij; for mse r^T Theta r, with r the scaled residuals."""
    return gram.sum(dim=(1, 2)).clamp_min(0).sqrt()


def ntk_trace(ntk: Float64[Tensor, "batch columns columns"]) -> Float64[Tensor, " batch"]:
    """Return tr Theta = sum_ic ||grad f_c(x_i)||**2 (Jacot et al. 2018).

    With mse, 2 / (N C) of it is the trace of the Gauss-Newton matrix.
    """
    return ntk.diagonal(dim1=1, dim2=2).sum(dim=1)


def sharpness(
    ntk: Float64[Tensor, "batch columns columns"], root: Float64[Tensor, "batch outputs training outputs"]
) -> Float64[Tensor, " batch"]:
    """Return the largest eigenvalue of the Gauss-Newton matrix of the loss, J^T H J.

    H is the second derivative of L by the outputs. With H = B B^T the matrix has the eigenvalues of B^T
    Theta B, so this is exact; for mse it is 2 / (N C) times the largest eigenvalue of Theta. The Hessian of
    L has one term more, which is 0 at a perfect fit. Source: Sagun et al. 2017 (arXiv 1706.04454); Martens
    2020, section 8.

    Args:
        ntk: Theta.
        root: B of each example, (batch, C, N, C): rows are outputs.
    """
    batch, outputs, examples, _ = root.shape
    blocks = ntk.view(batch, outputs, examples, outputs, examples)
    matrix = torch.einsum("bcie,bcidj,bdjf->beifj", root, blocks, root)
    matrix = matrix.reshape(batch, outputs * examples, outputs * examples)
    finite = matrix.isfinite().all(dim=2).all(dim=1)
    usable = torch.where(finite[:, None, None], matrix, 0.0)
    largest: Tensor = torch.linalg.eigvalsh(usable)[:, -1].clamp_min(0)
    return torch.where(finite, largest, torch.nan)


def curvature_root(
    loss: str,
    outputs: Float[Tensor, "batch outputs training"],
    targets: Float[Tensor, "1 outputs training"],
) -> Float64[Tensor, "batch outputs training outputs"]:
    """Return B with B B^T the second derivative of the loss by the outputs, for each example.

    With p the softmax of the outputs, that of cross entropy is diag(p) - p p^T = B B^T with
    B = diag(r) (I - r r^T), r the square roots of p, since I - r r^T is a projection.

    Args:
        loss: name of a loss that has one: ``mse``, ``huber``, ``bce`` or ``cross_entropy``.
        outputs: (batch, C, N).
        targets: as the loss sees them.

    Returns:
        (batch, C, N, C), of which the last index is the column of B.
    """
    exact = outputs.to(torch.float64)
    count, examples = exact[0].numel(), exact.shape[2]
    match loss:
        case "mse":
            squares = torch.full_like(exact, 2 / count)
        case "huber":
            squares = ((exact - targets).abs() < 1).to(torch.float64) / count
        case "bce":
            squares = torch.sigmoid(exact) * torch.sigmoid(-exact) / count
        case "cross_entropy":
            roots = torch.softmax(exact, dim=1).sqrt()
            along = roots.unsqueeze(3) * roots.transpose(1, 2).unsqueeze(1)
            identity = torch.eye(exact.shape[1], dtype=torch.float64, device=exact.device).unsqueeze(1)
            curved: Tensor = roots.unsqueeze(3) * (identity - along) / examples**0.5
            return curved
        case _:
            raise ValueError(f"the second derivative of {loss} is 0")
    return torch.diag_embed(squares.sqrt().transpose(1, 2)).transpose(1, 2)
