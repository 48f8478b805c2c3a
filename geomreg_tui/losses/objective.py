"""A loss on the examples of a data set, and the landmarks that the data put on the loss axis."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from numpy.typing import NDArray
from torch import Tensor

from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.losses.constant import best_constant_loss, null_loss
from geomreg_tui.losses.per_example import LOSSES, Targets

__all__ = ["LabelledExamples", "Objective"]

FloatArray = NDArray[np.float64]

_NUMBER_LOSSES = ("mse", "mae", "huber")


@runtime_checkable
class LabelledExamples(Protocol):
    """The properties of a data set that a loss needs (see ``geomreg_tui.datasets.Dataset``)."""

    @property
    def y(self) -> NDArray[Any]:
        """Class labels (E,) or real targets, (E,) or (E, C)."""

    @property
    def examples(self) -> int:
        """Training examples N; the other E - N are held out."""

    @property
    def classes(self) -> int | None:
        """Number of classes, or None for real targets."""

    @property
    def label_values(self) -> Float64[FloatArray, " classes"] | None:
        """Each class as a number, increasing."""

    @property
    def label_mean(self) -> FloatArray:
        """The number that is taken from class numbers."""

    @property
    def label_std(self) -> FloatArray:
        """The number that they are then divided by."""

    @property
    def why_real(self) -> str:
        """Of real targets, why they are no classes."""


class Objective:
    """A loss on the examples of a data set.

    Predictions: with C outputs, the class whose output is strictly largest; with one output, the class
    whose number is strictly nearest, which for two classes -1 and 1 is the sign. So ties are wrong
    predictions: equal outputs, or a single output of 0. An output that is not finite has no finite loss.

    Attributes:
        outputs: C, the outputs that a network needs.
        null_loss: training loss of the network whose outputs are all 0. Where the number format of the run
            gives a loss more than one unit in the last place away from the exact one, it is the former,
            so that such networks can be told by their loss.
        constant_loss: training loss of the best constant prediction, never more than ``null_loss``.
        labels: (E,) classes, or None for real targets.
        numbers: (E, C) numbers that outputs are compared with, in the run's number format.
        bounds: (2, E) interval of the right class for a single output, in the run's number format.
    """

    outputs: int
    null_loss: float
    constant_loss: float

    def __init__(
        self,
        loss: str,
        targets: Float64[FloatArray, "examples outputs"],
        labels: Int64[NDArray[np.int64], " examples"] | None,
        bounds: Float64[FloatArray, "2 examples"],
        examples: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        """Prepare a loss; use :meth:`build`.

        Args:
            loss: its name.
            targets: (E, C) numbers that outputs are compared with.
            labels: (E,) classes, or None for real targets.
            bounds: (2, E) interval of the right class for a single output.
            examples: N.
            dtype: number format of outputs and losses.
            device: where they are.
        """
        self.outputs = targets.shape[1]
        self._loss = LOSSES[loss]
        self.labels = labels
        self._examples = examples
        rounded = torch.from_numpy(targets).to(dtype)
        self.numbers = rounded.to(torch.float64).numpy()
        self.bounds = torch.from_numpy(bounds).to(dtype).to(torch.float64).numpy()
        self._targets = self.numbers[:examples]
        self._all = Targets.build(rounded, labels, bounds, dtype, device)
        held_out = None if labels is None else labels[examples:]
        self._held_out = Targets.build(rounded[examples:], held_out, bounds[:, examples:], dtype, device)
        trained = None if labels is None else labels[:examples]
        self._training = Targets.build(rounded[:examples], trained, bounds[:, :examples], dtype, device)
        exact = Targets.build(rounded[:examples], trained, bounds[:, :examples], torch.float64, device)
        self.null_loss = null_loss(self._loss, self._all, exact)
        self.constant_loss = min(self.null_loss, best_constant_loss(loss, self._targets))

    @classmethod
    def build(
        cls,
        dataset: LabelledExamples,
        loss: str,
        outputs: int | None,
        dtype: torch.dtype,
        device: torch.device,
    ) -> Objective:
        """Prepare a loss on a data set.

        Class labels become targets as follows. ``mse``, ``mae`` and ``huber``: the label as a (scaled)
        number, or one-hot if ``outputs`` is the number of classes. ``bce`` and ``hinge``: 0 and 1, and
        -1 and 1, on one output for two classes; one against the rest, and the margin to every other
        output, for more. ``cross_entropy``: always an output for each class.

        Args:
            dataset: the examples.
            loss: name of the loss.
            outputs: outputs asked for; None for what data and loss imply.
            dtype: number format of outputs and losses.
            device: where they are.

        Raises:
            ExperimentError: if the loss does not fit the targets, or the outputs do not fit both.
        """
        size = _output_size(dataset, loss, outputs)
        examples = len(dataset.y)
        anywhere = np.stack([np.full(examples, -np.inf), np.full(examples, np.inf)])
        if dataset.classes is None or dataset.label_values is None:
            targets = dataset.y.astype(np.float64).reshape(examples, -1)
            return cls(loss, targets, None, anywhere, dataset.examples, dtype, device)
        numbers = (dataset.label_values - dataset.label_mean) / dataset.label_std
        if loss not in _NUMBER_LOSSES:
            numbers = np.array([0.0, 1.0]) if loss == "bce" else np.array([-1.0, 1.0])
        if size > 1:
            targets, bounds = np.eye(dataset.classes)[dataset.y], anywhere
        else:
            _check_apart(numbers, dtype)
            targets = numbers[dataset.y].reshape(-1, 1)
            cuts = (numbers[1:] + numbers[:-1]) / 2 if loss in _NUMBER_LOSSES else np.zeros(1)
            edges = np.concatenate([[-np.inf], cuts, [np.inf]])
            bounds = np.stack([edges[dataset.y], edges[dataset.y + 1]])
        return cls(loss, targets, dataset.y.astype(np.int64), bounds, dataset.examples, dtype, device)

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


def _output_size(dataset: LabelledExamples, loss: str, asked: int | None) -> int:
    classes = dataset.classes
    if classes == 1 and loss not in _NUMBER_LOSSES:
        got = f"{loss!r} with a single class in the whole target column"
        allowed = "allowed are two classes or more: try another target, or add rows of a second class"
        raise ExperimentError([Problem("loss", got, allowed)])
    if classes is None:
        if loss not in _NUMBER_LOSSES:
            allowed = f"allowed with real targets are {', '.join(_NUMBER_LOSSES)}"
            allowed += f"; {dataset.why_real}" if dataset.why_real else ""
            raise ExperimentError([Problem("loss", f"{loss!r} with real targets", allowed)])
        sizes = [int(dataset.y[0].size)]
    elif loss in _NUMBER_LOSSES:
        sizes = [1, classes]
    elif loss == "cross_entropy" or classes > 2:
        sizes = [classes]
    else:
        sizes = [1, 2]
    if asked is None:
        return sizes[0]
    if asked not in sizes:
        kind = "real targets" if classes is None else f"{classes} classes"
        allowed = f"allowed with loss {loss} and {kind} is {' or '.join(str(size) for size in sizes)}"
        raise ExperimentError([Problem("outputs", str(asked), allowed)])
    return asked


def _check_apart(numbers: Float64[FloatArray, " classes"], dtype: torch.dtype) -> None:
    """Refuse classes whose numbers have no finite squares in a number format, or are not apart in it.

    Raises:
        ExperimentError: naming the number format.
    """
    rounded = torch.from_numpy(numbers).to(dtype)
    largest = float(np.abs(numbers).max())
    name = str(dtype).removeprefix("torch.")
    wrong = ""
    if not bool(torch.isfinite(rounded.square()).all()):
        wrong = f"classes of numbers up to {largest:.3g}, whose squares overflow {name}"
    elif len(torch.unique(rounded)) < len(numbers):
        wrong = f"classes of numbers up to {largest:.10g}, some of which {name} cannot tell apart"
    if wrong:
        allowed = "try standardize, or number the classes from 0"
        raise ExperimentError([Problem("standardize", wrong, allowed)])
