"""Losses of networks on each example, in the definitions of ``torch.nn.functional``, averaged over outputs.

Those of a softmax or a sigmoid are evaluated by way of margins, which keeps the relative precision of losses
near 0; ``log_softmax`` has only absolute precision there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Float64, Int64

__all__ = ["LOSSES", "LossPerExample", "Targets"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Targets:
    """Targets as tensors beside which outputs (batch, C, E) are laid.

    Attributes:
        numbers: what outputs should be, (C, E).
        signs: 1 where ``numbers`` is positive and -1 elsewhere, (C, E).
        labels: class of each example, (1, 1, E); None for real targets.
        others: 0 for the output of the example's own class and 1 for the others, (C, E).
        low, high: a single output between them, both exclusive, is the right class, (E,).
    """

    numbers: Float[Tensor, "outputs examples"]
    signs: Float[Tensor, "outputs examples"]
    labels: Int64[Tensor, "1 1 examples"] | None
    others: Float[Tensor, "outputs examples"]
    low: Float[Tensor, " examples"]
    high: Float[Tensor, " examples"]

    @classmethod
    def build(
        cls,
        targets: Float[Tensor, "examples outputs"],
        labels: Int64[NDArray[np.int64], " examples"] | None,
        bounds: Float64[FloatArray, "2 examples"],
        dtype: torch.dtype,
        device: torch.device,
    ) -> Targets:
        """Return targets in a number format.

        Args:
            targets: (E, C) numbers that outputs are compared with.
            labels: (E,) classes, or None for real targets.
            bounds: (2, E) interval of the right class for a single output.
            dtype: the number format.
            device: where they are.
        """
        numbers = targets.T.contiguous().to(device, dtype)
        low, high = torch.from_numpy(bounds).to(device, dtype)
        return cls(
            numbers=numbers,
            signs=torch.where(numbers > 0, 1.0, -1.0).to(dtype),
            labels=None if labels is None else torch.from_numpy(labels).to(device).view(1, 1, -1),
            others=1 - numbers,
            low=low,
            high=high,
        )

    def own(self, outputs: Float[Tensor, "batch outputs examples"]) -> Float[Tensor, "batch 1 examples"]:
        """Return the output of each example's own class, (batch, 1, E)."""
        assert self.labels is not None
        return outputs.gather(1, self.labels.expand(len(outputs), 1, -1))

    def right(self, outputs: Float[Tensor, "batch outputs examples"]) -> Bool[Tensor, "batch examples"]:
        """Return which predictions are right, bool (batch, E); ties and NaN are wrong."""
        if outputs.shape[1] == 1:
            single = outputs[:, 0]
            return (single > self.low).logical_and_(single < self.high)
        return (outputs < self.own(outputs)).sum(dim=1) == outputs.shape[1] - 1


LossPerExample = Callable[[Tensor, Targets], Tensor]
"""Takes outputs (batch, C, E), which it leaves as they are, and targets; returns losses (batch, E)."""


def _over_outputs(losses: Float[Tensor, "batch outputs examples"]) -> Float[Tensor, "batch examples"]:
    """Return the mean of (batch, C, E) over C."""
    return losses[:, 0] if losses.shape[1] == 1 else losses.mean(dim=1)


def _mse(
    outputs: Float[Tensor, "batch outputs examples"], targets: Targets
) -> Float[Tensor, "batch examples"]:
    return _over_outputs((outputs - targets.numbers).square_())


def _mae(
    outputs: Float[Tensor, "batch outputs examples"], targets: Targets
) -> Float[Tensor, "batch examples"]:
    return _over_outputs((outputs - targets.numbers).abs_())


def _huber(
    outputs: Float[Tensor, "batch outputs examples"], targets: Targets
) -> Float[Tensor, "batch examples"]:
    numbers = targets.numbers.expand_as(outputs)
    return _over_outputs(functional.huber_loss(outputs, numbers, reduction="none"))


def _cross_entropy(
    outputs: Float[Tensor, "batch outputs examples"], targets: Targets
) -> Float[Tensor, "batch examples"]:
    """Return log(1 + s), with s the sum over other classes of exp(f_other - f_own).

    With the largest margin m >= 0 factored out, it is m + log1p(exp(-m) s + exp(-m) - 1).
    """
    margins = outputs - targets.own(outputs)
    largest = margins.amax(dim=1)
    # Nothing is overwritten that derivatives need.
    others = ((margins - largest.unsqueeze(1)).exp_() * targets.others).sum(dim=1)
    return others.add_(torch.expm1(-largest)).log1p_().add_(largest)


def _bce(
    outputs: Float[Tensor, "batch outputs examples"], targets: Targets
) -> Float[Tensor, "batch examples"]:
    losses = functional.logsigmoid(outputs * targets.signs).neg_()
    return _over_outputs(losses.add_(outputs, alpha=0))


def _hinge(
    outputs: Float[Tensor, "batch outputs examples"], targets: Targets
) -> Float[Tensor, "batch examples"]:
    if outputs.shape[1] == 1:
        margins = (outputs * targets.signs).neg_().add_(1)
    else:
        margins = (outputs - targets.own(outputs)).add_(targets.others)
    return _over_outputs(margins.clamp_(min=0).add_(outputs, alpha=0))


def _zero_one(
    outputs: Float[Tensor, "batch outputs examples"], targets: Targets
) -> Float[Tensor, "batch examples"]:
    wrong = targets.right(outputs).logical_not_().to(outputs.dtype)
    return wrong.add_((outputs * 0).sum(dim=1))


LOSSES: dict[str, LossPerExample] = {
    "mse": _mse,
    "mae": _mae,
    "huber": _huber,
    "cross_entropy": _cross_entropy,
    "bce": _bce,
    "hinge": _hinge,
    "zero_one": _zero_one,
}
