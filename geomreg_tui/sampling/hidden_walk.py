"""Moves of the layers below a Gaussian readout, under their law times the evidence Z(tau).

See :mod:`~geomreg_tui.sampling.tempering` for what Z(tau) is.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from geomreg_tui.sampling.kernels import adapted, noise, shrunk
from geomreg_tui.sampling.spaces import ReducedSpace
from geomreg_tui.sampling.spectrum import spectrum_of

__all__ = ["HiddenWalk"]


class HiddenWalk:
    """Preconditioned Crank-Nicolson moves; they leave that law invariant.

    Attributes:
        hidden: where they are, (n, hidden).
        scale: step size.
        acceptance: share accepted in the last sweep; 1 where there is nothing to move.
    """

    def __init__(
        self,
        space: ReducedSpace,
        hidden: Tensor,
        log_evidence: Tensor,
        log_tau: float,
        scale: float,
        generator: torch.Generator,
    ) -> None:
        """Begin.

        Args:
            space: where they are.
            hidden: coordinates of the layers, (n, hidden).
            log_evidence: log Z(tau) there, (n,).
            log_tau: logarithm of tau.
            scale: step size to begin with, below 1.
            generator: random numbers.
        """
        self.hidden = hidden
        self.scale = scale
        self.acceptance = 1.0
        self._space = space
        self._log_evidence = log_evidence
        self._log_tau = log_tau
        self._generator = generator

    def sweep(self) -> Tensor:
        """Propose a move of each; return log Z(tau) of where they are, (n,)."""
        proposed = shrunk(self.hidden, self.scale) + self.scale * noise(self.hidden, self._generator)
        there = _log_evidence(self._space.readout_root(proposed), self._space.targets, self._log_tau)
        chance = torch.rand(len(there), dtype=there.dtype, device=there.device, generator=self._generator)
        accepted = chance.log() < there - self._log_evidence
        self.hidden = torch.where(accepted.unsqueeze(1), proposed, self.hidden)
        self._log_evidence = torch.where(accepted, there, self._log_evidence)
        self.acceptance = float(accepted.double().mean())
        self.scale = adapted(self.scale, self.acceptance)
        return self._log_evidence


def _log_evidence(root: Tensor, targets: Tensor, log_tau: float) -> Tensor:
    """Return log Z(tau), (n or 1,): by Cholesky's method, by singular values where that fails."""
    tau2 = math.exp(2 * log_tau)
    examples = root.shape[2]
    gram = root.mT @ root
    gram.diagonal(dim1=1, dim2=2).add_(tau2)
    factor, failed = torch.linalg.cholesky_ex(gram)
    solved = torch.linalg.solve_triangular(
        factor, targets.mT.unsqueeze(0).expand(len(root), -1, -1), upper=False
    )
    log_size = factor.diagonal(dim1=1, dim2=2).log().sum(dim=1) - examples * log_tau
    found: Tensor = -solved.square().sum(dim=(1, 2)) / 2 - len(targets) * log_size
    wrong = ((failed != 0) | ~found.isfinite()).nonzero()[:, 0]
    if wrong.numel():
        found[wrong] = spectrum_of(root[wrong], targets).log_evidence(log_tau)
    return found
