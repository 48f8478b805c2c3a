"""A Gaussian readout under a smoothed squared error, in the singular vectors of its root R.

With outputs t = g R, targets y and l_i the squared singular values of R, everything is a product over i (and
over outputs): the evidence Z(tau) = E exp(-|t - y|**2 / 2 tau**2), and the normal law that residuals and g
have under that weight. Logarithms throughout: tau may be as small as it likes.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Spectrum", "spectrum_of"]


class Spectrum(NamedTuple):
    """What decides Z(tau).

    Attributes:
        log_values: logarithms of l_i, -inf for those that are 0, (n or 1, N).
        along: y in the singular vectors, (n or 1, C, N).
        left: left singular vectors, (n or 1, k, N).
    """

    log_values: Tensor
    along: Tensor
    left: Tensor

    def log_evidence(self, log_tau: float) -> Tensor:
        """Return log Z(tau), (n or 1,)."""
        log_sum = self._log_sum(log_tau)
        misfit = (2 * self.along.abs().log() - log_sum.unsqueeze(1)).exp().sum(dim=(1, 2))
        return -misfit / 2 - self.along.shape[1] * (log_sum - 2 * log_tau).sum(dim=1) / 2

    def residuals(self, log_tau: float, noise: Tensor) -> Tensor:
        """Return r / tau in the singular vectors, (draws, n, C, N), for standard normals of that shape."""
        log_sum = self._log_sum(log_tau).unsqueeze(1)
        center = self.along.sign() * (self.along.abs().log() + log_tau - log_sum).exp()
        return ((self.log_values.unsqueeze(1) - log_sum) / 2).exp() * noise - center

    def mean_excess(self, log_tau: float) -> Tensor:
        """Return E[|r|**2 / tau**2], (n or 1,)."""
        log_sum = self._log_sum(log_tau)
        center = (2 * (self.along.abs().log() + log_tau - log_sum.unsqueeze(1))).exp().sum(dim=(1, 2))
        return center + self.along.shape[1] * (self.log_values - log_sum).exp().sum(dim=1)

    def readout(self, log_tau: float, noise: Tensor) -> Tensor:
        """Return g that belongs to the residuals of the same noise, (n, C, k)."""
        log_sum = self._log_sum(log_tau).unsqueeze(1)
        log_root = self.log_values.unsqueeze(1) / 2
        center = self.along.sign() * (self.along.abs().log() + log_root - log_sum).exp()
        turned = center + (log_tau - log_sum / 2).exp() * noise
        return turned @ self.left.mT

    def _log_sum(self, log_tau: float) -> Tensor:
        """Return log(l_i + tau**2), (n or 1, N)."""
        return torch.logaddexp(self.log_values, torch.full_like(self.log_values, 2 * log_tau))


def spectrum_of(root: Tensor, targets: Tensor) -> Spectrum:
    """Return singular values and vectors of roots (n or 1, k, N) with targets (C, N) in them."""
    examples = root.shape[2]
    if root.shape[1] < examples:
        rest = root.new_zeros(len(root), examples - root.shape[1], examples)
        root = torch.cat([root, rest], dim=1)
    left, values, vectors = torch.linalg.svd(root)
    along = targets @ vectors.mT
    return Spectrum(2 * values.log(), along, left)
