"""A Gaussian readout under a smoothed squared error, in the singular vectors of its root R.

With outputs t = g R, targets y and l_i the squared singular values of R, everything is a product over i (and
over outputs): the evidence Z(tau) = E exp(-(|t - y|**2 - b) / 2 tau**2), and the normal law that residuals
and g have under that weight.

The part of y that no g can reach is a floor of |t - y|**2. So, nearly, is a part for which g would have to be
*remote*: 1e4 standard deviations from 0 or more, which no population comes to. The base b is a number near
the lowest of many networks' floors, remote parts included. With it nothing cancels: near a floor, |t - y|**2
and b may agree to all their digits. Logarithms throughout: tau may be as small as it likes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Spectrum", "spectrum_of", "spread_over"]

_REMOTE = 2 * math.log(1e4)
_ROUNDING = 8 * torch.finfo(torch.float64).eps  # of a singular value, times the size of the matrix
_SPREAD = 1.2  # mean of log(median / size) below the median; it is 1 for a density that is flat at 0
_ABOVE_ROUNDING = 3.0  # of the logarithm of a singular value, above where it is rounding
_LOG_TINY = math.log(torch.finfo(torch.float64).tiny)  # below it numbers lose digits, and end in 0


class Spectrum(NamedTuple):
    """What decides Z(tau).

    Attributes:
        log_values: logarithms of l_i, -inf for those that are 0 to within rounding, (n or 1, K).
        along: y in the singular vectors that can be reached, 0 in others, (n or 1, C, K).
        left: left singular vectors, (n or 1, k, K).
        floor: the smallest |t - y|**2 over all g, (n or 1,).
        remote: which parts of ``along`` are remote, bool, (n or 1, C, K).
    """

    log_values: Tensor
    along: Tensor
    left: Tensor
    floor: Tensor
    remote: Tensor

    @property
    def high_floor(self) -> Tensor:
        """The smallest |t - y|**2 without remote g, (n or 1,)."""
        return self.floor + torch.where(self.remote, self.along, 0.0).square().sum(dim=(1, 2))

    @property
    def log_limit(self) -> float:
        """The log tau that remote parts allow: below it they are remote no more; -inf without any."""
        values = self.log_values.unsqueeze(1).expand_as(self.remote)[self.remote]
        return float(values.max()) / 2 if values.numel() else -math.inf

    @property
    def smallest(self) -> Tensor:
        """Logarithms of the smallest singular values that are not 0 to within rounding, (n or 1,)."""
        values = torch.where(self.log_values.isfinite(), self.log_values, torch.inf) / 2
        return values.amin(dim=1) if values.shape[1] else values.new_full((len(values),), torch.inf)

    def is_rounding(self, log_sizes: Tensor, log_tau: float) -> bool:
        """Return whether some singular values at tau or above are hardly more than rounding.

        That is what terms leave that cancel, and numbers near the smallest that the format has. Those far
        below tau do not matter: Z(tau) does not depend on them.

        Args:
            log_sizes: logarithms of what the roots' terms add up to where they do not cancel, (n,).
            log_tau: logarithm of tau.
        """
        if not self.log_values.shape[1]:
            return False
        rounding = math.log(_ROUNDING * max(self.left.shape[1:])) + log_sizes
        smallest = self.smallest.clamp_min(log_tau)
        return bool((smallest < rounding.clamp_min(_LOG_TINY) + _ABOVE_ROUNDING).any())

    def log_evidence(self, log_tau: float, base: float) -> Tensor:
        """Return log Z(tau), (n or 1,)."""
        log_sum = self._log_sum(log_tau)
        log_square, log_all = 2 * self.along.abs().log(), log_sum.unsqueeze(1)
        near = (log_square - log_all).exp()
        regained = (log_square + self.log_values.unsqueeze(1) - log_all - 2 * log_tau).exp()
        misfit = torch.where(self.remote, -regained, near).sum(dim=(1, 2))
        size = self.along.shape[1] * (log_sum - 2 * log_tau).sum(dim=1)
        return -(misfit + self._above(log_tau, base) + size) / 2

    def excess(self, log_tau: float, base: float, noise: Tensor) -> Tensor:
        """Return (|r|**2 - base) / tau**2 for residuals r, (draws, n).

        Args:
            log_tau: logarithm of tau.
            base: what is counted from.
            noise: standard normals, (draws, n, C, K).
        """
        log_sum = self._log_sum(log_tau).unsqueeze(1)
        log_size, sign = self.along.abs().log(), self.along.sign()
        scattered = ((self.log_values.unsqueeze(1) - log_sum) / 2).exp() * noise
        residual = scattered - sign * (log_size + log_tau - log_sum).exp()
        square = residual.square()
        if self.remote.any():
            # r**2 - y**2 as (r + y) (r - y), with r + y without cancellation.
            regained = sign * (log_size + self.log_values.unsqueeze(1) - log_tau - log_sum).exp() + scattered
            lost = residual - sign * (log_size - log_tau).exp()
            square = torch.where(self.remote, regained * lost, square)
        return square.sum(dim=(2, 3)) + self._above(log_tau, base)

    def mean_excess(self, log_tau: float, base: float) -> Tensor:
        """Return E[(|r|**2 - base) / tau**2], (n or 1,)."""
        log_sum = self._log_sum(log_tau)
        log_square, log_all = 2 * self.along.abs().log(), log_sum.unsqueeze(1)
        center = (log_square + 2 * (log_tau - log_all)).exp()
        kept = (2 * log_tau - log_all).exp()
        regained = (log_square - 2 * log_tau + self.log_values.unsqueeze(1) - log_all).exp() * (1 + kept)
        squares = torch.where(self.remote, -regained, center).sum(dim=(1, 2))
        scatter = self.along.shape[1] * (self.log_values - log_sum).exp().sum(dim=1)
        return squares + scatter + self._above(log_tau, base)

    def readout(self, log_tau: float, noise: Tensor, rest: Tensor) -> Tensor:
        """Return g that belongs to the residuals of the same noise, (n, C, k).

        Args:
            log_tau: logarithm of tau.
            noise: the standard normals, (n, C, K).
            rest: further ones for what outputs do not depend on, (n, C, k).
        """
        log_sum = self._log_sum(log_tau).unsqueeze(1)
        log_root = self.log_values.unsqueeze(1) / 2
        center = self.along.sign() * (self.along.abs().log() + log_root - log_sum).exp()
        turned = center + (log_tau - log_sum / 2).exp() * noise
        return rest + (turned - rest @ self.left) @ self.left.mT

    def _above(self, log_tau: float, base: float) -> Tensor:
        """Return how far the floor is above the base, in units of tau**2, (n or 1,)."""
        gap = self.high_floor - base
        return gap.sign() * (gap.abs().log() - 2 * log_tau).exp()

    def _log_sum(self, log_tau: float) -> Tensor:
        """Return log(l_i + tau**2), (n or 1, K)."""
        return torch.logaddexp(self.log_values, torch.full_like(self.log_values, 2 * log_tau))


def spread_over(log_sizes: Tensor, log_tau: float) -> float:
    """Return the range of logarithms that sizes are evenly spread over; 0 where they are not.

    With a density that vanishes as size**(a - 1), the logarithm of median over size has, below the median, a
    mean of 1 / a (Hill 1975). Sizes that are spread evenly over logarithms have a quarter of their range.

    Args:
        log_sizes: natural logarithms of sizes, (n,); infinite ones are left out.
        log_tau: that of the lowest size that tells anything.
    """
    sizes = log_sizes[log_sizes.isfinite()]
    if len(sizes) < 2 or not math.isfinite(log_tau):
        return 0.0
    median = sizes.median()
    below = (median - sizes[sizes < median].clamp_min(log_tau)).clamp_min(0)
    if not below.numel() or float(below.mean()) < _SPREAD:
        return 0.0
    return float(sizes.max()) - log_tau + 1


def spectrum_of(root: Tensor, targets: Tensor) -> Spectrum:
    """Return singular values and vectors of roots (n or 1, k, G) with targets (C, G) in them."""
    finite = root.isfinite().all(dim=2).all(dim=1)
    if not finite.all():  # networks that are no numbers reach nothing
        root = torch.where(finite[:, None, None], root, 0.0)
    left, values, right = torch.linalg.svd(root, full_matrices=False)
    largest = values.amax(dim=1, keepdim=True) if values.shape[1] else values
    zero = values <= _ROUNDING * max(root.shape[1:]) * largest
    along = torch.where(zero.unsqueeze(1), 0.0, targets @ right.mT)
    outside = targets - along @ right
    size = targets.norm(dim=1)
    lost = outside.norm(dim=2) > _ROUNDING * targets.shape[1] * size
    floor = torch.where(lost, outside.square().sum(dim=2), 0.0).sum(dim=1)
    floor = torch.where(finite, floor, torch.inf)
    log_values = torch.where(zero, -torch.inf, 2 * values.log())
    remote = 2 * along.abs().log() > log_values.unsqueeze(1) + _REMOTE
    return Spectrum(log_values, along, left, floor, remote)
