"""A loss on the examples of a data set, and the landmarks that the data put on the loss axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geomreg_tui.losses.constant import told_loss
from geomreg_tui.losses.per_example import LOSSES, LossPerExample, Targets
from geomreg_tui.losses.targets import LabelledExamples, TargetNumbers

if TYPE_CHECKING:
    from jaxtyping import Float, Float64, Int64

__all__ = ["Objective"]

FloatArray = NDArray[np.float64]


class Objective:
    """A loss on the examples of a data set.

    Attributes:
        outputs: C, the outputs that a network needs.
        null_loss: training loss of the network whose outputs are all 0. Where the number format of the run
            gives a loss more than one unit in the last place away from the exact one, it is the former,
            so that such networks can be told by their loss.
        constant_loss: training loss of the best constant prediction, never more than ``null_loss``.
    """

    outputs: int
    null_loss: float
    constant_loss: float

    def __init__(self, loss: str, targets: TargetNumbers, dtype: torch.dtype, device: torch.device) -> None:
        """Prepare a loss.

        Args:
            loss: its name.
            targets: what outputs are compared with.
            dtype: number format of outputs and losses.
            device: where they are.
        """
        self.outputs = targets.outputs
        self._loss = LOSSES[loss]
        self._examples = examples = targets.examples
        self._targets = targets.training
        labels, bounds = targets.labels, targets.bounds
        rounded = torch.from_numpy(targets.numbers).to(dtype)
        self._all = Targets.build(rounded, labels, bounds, dtype, device)
        held_out = None if labels is None else labels[examples:]
        self._held_out = Targets.build(rounded[examples:], held_out, bounds[:, examples:], dtype, device)
        trained = None if labels is None else labels[:examples]
        self._training = Targets.build(rounded[:examples], trained, bounds[:, :examples], dtype, device)
        exact = Targets.build(rounded[:examples], trained, bounds[:, :examples], torch.float64, device)
        self.null_loss = _null_loss(self._loss, self._all, exact)
        self.constant_loss = min(self.null_loss, targets.constant_loss(loss))

    @classmethod
    def build(
        cls,
        dataset: LabelledExamples,
        loss: str,
        outputs: int | None,
        dtype: torch.dtype,
        device: torch.device,
    ) -> Objective:
        """Prepare a loss on a data set; see :meth:`TargetNumbers.build`.

        Args:
            dataset: the examples.
            loss: name of the loss.
            outputs: outputs asked for; None for what data and loss imply.
            dtype: number format of outputs and losses.
            device: where they are.

        Raises:
            ExperimentError: if the loss does not fit the targets, or the outputs do not fit both.
        """
        name = str(dtype).removeprefix("torch.")
        return cls(loss, TargetNumbers.build(dataset, loss, outputs, name), dtype, device)

    @property
    def targets(self) -> Float64[FloatArray, "training {self.outputs}"]:
        """Targets of the training examples as the loss sees them, in the run's number format, (N, C)."""
        return self._targets

    def per_example(
        self, outputs: Float[Tensor, "batch {self.outputs} examples"], *, training: bool = False
    ) -> Float[Tensor, "batch examples"]:
        """Return the loss of each network on each example, averaged over outputs.

        Args:
            outputs: (batch, C, E); left as they are.
            training: whether the outputs are those on the N training examples alone.

        Returns:
            (batch, E), or (batch, N).
        """
        return self._loss(outputs, self._training if training else self._all)

    def correct(
        self, outputs: Float[Tensor, "batch {self.outputs} examples"]
    ) -> Int64[Tensor, " batch"] | None:
        """Return how many held-out predictions of each network are right, or None for real targets.

        Args:
            outputs: (batch, C, E).

        Returns:
            (batch,), int64.
        """
        if self._held_out.labels is None:
            return None
        return self._held_out.right(outputs[:, :, self._examples :]).sum(dim=1)


def _null_loss(loss: LossPerExample, targets: Targets, exact: Targets) -> float:
    """Return the mean loss over the training examples by which outputs that are all 0 can be told.

    Args:
        loss: of each network on each example.
        targets: of all examples in the run's number format, of which the training examples come first.
        exact: of the N training examples in float64.
    """
    zeros = torch.zeros_like(targets.numbers).unsqueeze(0)
    examples = exact.numbers.shape[1]
    rounded = float(loss(zeros, targets)[:, :examples].mean(dim=1))
    mean = float(loss(torch.zeros_like(exact.numbers).unsqueeze(0), exact).mean())
    return told_loss(rounded, mean, torch.finfo(zeros.dtype).eps)
