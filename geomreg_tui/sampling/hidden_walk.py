"""Moves of the layers below a Gaussian readout, under their law times the evidence Z(tau).

See :mod:`~geomreg_tui.sampling.tempering` for what Z(tau) is.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from geomreg_tui.sampling.kernels import adapted, noise, shrunk
from geomreg_tui.sampling.roots import PIVOTS
from geomreg_tui.sampling.spaces import ReducedSpace
from geomreg_tui.sampling.spectrum import spectrum_of

__all__ = ["HiddenWalk"]

_SMALLEST = 1e-300  # of tau**2, below which only singular values tell anything


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
        base: float,
        scale: float,
        generator: torch.Generator,
    ) -> None:
        """Begin.

        Args:
            space: where they are.
            hidden: coordinates of the layers, (n, hidden).
            log_evidence: log Z(tau) there, (n,).
            log_tau: logarithm of tau.
            base: what |t - y|**2 is counted from.
            scale: step size to begin with, below 1.
            generator: random numbers.
        """
        self.hidden = hidden
        self.scale = scale
        self.acceptance = 1.0
        self._space = space
        self._log_evidence = log_evidence
        self._log_tau = log_tau
        self._base = base
        self._generator = generator

    def sweep(self) -> Tensor:
        """Propose a move of each; return log Z(tau) of where they are, (n,)."""
        proposed = shrunk(self.hidden, self.scale) + self.scale * noise(self.hidden, self._generator)
        root = self._space.readout_root(proposed)
        there = _log_evidence(root, self._space.reach.targets, self._log_tau, self._base)
        chance = torch.rand(len(there), dtype=there.dtype, device=there.device, generator=self._generator)
        accepted = chance.log() < there - self._log_evidence
        self.hidden = torch.where(accepted.unsqueeze(1), proposed, self.hidden)
        self._log_evidence = torch.where(accepted, there, self._log_evidence)
        self.acceptance = float(accepted.double().mean())
        self.scale = adapted(self.scale, self.acceptance)
        return self._log_evidence


def _log_evidence(root: Tensor, targets: Tensor, log_tau: float, base: float) -> Tensor:
    """Return log Z(tau), (n or 1,): by Cholesky's method, by singular values where that loses digits."""
    found, sure = _by_cholesky(root, targets, log_tau, base)
    poor = (~sure).nonzero()[:, 0]
    if poor.numel():
        found[poor] = spectrum_of(root[poor], targets).log_evidence(log_tau, base)
    return found


def _by_cholesky(root: Tensor, targets: Tensor, log_tau: float, base: float) -> tuple[Tensor, Tensor]:
    """Return log Z(tau), (n or 1,), from the smaller of both Gram matrices, and where it can be trusted."""
    tau2 = math.exp(2 * log_tau)
    wide = root.shape[1] < root.shape[2]
    gram = root @ root.mT if wide else root.mT @ root
    gram.diagonal(dim1=1, dim2=2).add_(tau2)
    factor, failed = torch.linalg.cholesky_ex(gram)
    if wide:
        readout = torch.cholesky_solve(root @ targets.mT, factor).mT
        squares = (targets - readout @ root).square().sum(dim=(1, 2))
        square = squares + tau2 * readout.square().sum(dim=(1, 2))
        misfit = (square - base) / max(tau2, _SMALLEST)
    else:
        columns = targets.mT.unsqueeze(0).expand(len(root), -1, -1)
        solved = torch.linalg.solve_triangular(factor, columns, upper=False)
        misfit = solved.square().sum(dim=(1, 2)) - base / max(tau2, _SMALLEST)
    pivots = factor.diagonal(dim1=1, dim2=2)
    size = 2 * len(targets) * (pivots.log() - log_tau).sum(dim=1)
    found: Tensor = -(misfit + size) / 2
    sound = (failed == 0) & found.isfinite()
    return found, sound & (pivots.amin(dim=1) > PIVOTS * pivots.amax(dim=1))
