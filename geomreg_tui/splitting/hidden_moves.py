"""Moves of the layers below a Gaussian readout, under their law times the evidence Z(tau).

See :mod:`~geomreg_tui.splitting.tempering` for what Z(tau) is.

Where singular values of the readout's root may be as small as they like, particles can be spread evenly
over the logarithms of all sizes from tau to 1, and no one step size moves them all. There three kinds of
moves take turns: those of the adapted step; those of a step that is drawn for each particle, evenly over
logarithms; and those that multiply a layer's d coordinates by a factor c, with the Jacobian c**d. Steps and
factors are drawn without regard to where particles are, and c and 1 / c alike, so each kind leaves the law
invariant by itself.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from geomreg_tui.sampling.roots import PIVOTS
from geomreg_tui.splitting.kernels import adapted, noise, shrunk
from geomreg_tui.splitting.spaces import ReducedSpace
from geomreg_tui.splitting.spectrum import spectrum_of

__all__ = ["HiddenMoves"]

_SMALLEST = 1e-300  # of tau**2, below which only singular values tell anything
_SMALLEST_STEP = 1e-16  # of coordinates near 1: below it a step is rounding
_KINDS = 3  # of moves where particles are spread over scales


class HiddenMoves:
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
        spread: float = 0.0,
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
            spread: the range of natural logarithms of sizes that particles are spread over; 0 where they
                are not.
        """
        self.hidden = hidden
        self.scale = scale
        self.acceptance = 1.0
        self._space = space
        self._log_evidence = log_evidence
        self._log_tau = log_tau
        self._base = base
        self._generator = generator
        self._spread = spread
        self._turn = 0

    def sweep(self) -> Tensor:
        """Propose a move of each; return log Z(tau) of where they are, (n,)."""
        kind = self._turn % _KINDS if self._spread else 0
        self._turn += 1
        if kind == 1:
            self._propose(*self._scattered())
        elif kind == 2:
            self._propose(*self._multiplied())
        else:
            step = self.scale
            proposed = shrunk(self.hidden, step) + step * noise(self.hidden, self._generator)
            self.acceptance = self._propose(proposed, 0.0)
            self.scale = adapted(step, self.acceptance)
        return self._log_evidence

    def _scattered(self) -> tuple[Tensor, float]:
        """Return proposals by steps of all sizes, and the logarithm of their densities' ratio, 0."""
        smallest = max(math.exp(self._log_tau), _SMALLEST_STEP)
        step = smallest ** self._uniform().unsqueeze(1)
        kept = (1 - step.square()).clamp_min(0).sqrt()
        return kept * self.hidden + step * noise(self.hidden, self._generator), 0.0

    def _multiplied(self) -> tuple[Tensor, Tensor]:
        """Return particles with one of their layers multiplied, and the logarithm of the densities' ratio."""
        layers = self._space.layers_below
        layer = layers[self._turn // _KINDS % len(layers)]
        log_factor = self._spread * (2 * self._uniform() - 1)
        block = self.hidden[:, layer]
        moved = block * log_factor.exp().unsqueeze(1)
        proposed = self.hidden.clone()
        proposed[:, layer] = moved
        longer = moved.square().sum(dim=1) - block.square().sum(dim=1)
        return proposed, block.shape[1] * log_factor - longer / 2

    def _propose(self, proposed: Tensor, log_ratio: Tensor | float) -> float:
        """Accept or reject; return the share accepted.

        Args:
            proposed: where to go, (n, hidden).
            log_ratio: logarithm of the law's density there over that here, the proposal's densities and its
                Jacobian included and Z(tau) left out.
        """
        root = self._space.readout_root(proposed)
        there = _log_evidence(root, self._space.reach.targets, self._log_tau, self._base)
        accepted = self._uniform().log() < there - self._log_evidence + log_ratio
        self.hidden = torch.where(accepted.unsqueeze(1), proposed, self.hidden)
        self._log_evidence = torch.where(accepted, there, self._log_evidence)
        return float(accepted.double().mean())

    def _uniform(self) -> Tensor:
        like = self._log_evidence
        return torch.rand(len(like), dtype=like.dtype, device=like.device, generator=self._generator)


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
