"""What outputs are compared with, as numbers: made from a data set for a loss. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.losses.constant import best_constant_loss, loss_of_zeros

if TYPE_CHECKING:
    from jaxtyping import Float64, Int64

__all__ = ["LabelledExamples", "TargetNumbers"]

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


@dataclass(frozen=True, eq=False)
class TargetNumbers:
    """What outputs are compared with.

    Predictions: with C outputs, the class whose output is strictly largest; with one output, the class
    whose number is strictly nearest, which for two classes -1 and 1 is the sign. So ties are wrong
    predictions: equal outputs, or a single output of 0. An output that is not finite has no finite loss.

    Attributes:
        numbers: (E, C) numbers that outputs are compared with, in the run's number format.
        labels: (E,) classes, or None for real targets.
        bounds: (2, E) interval of the right class for a single output, in the run's number format.
        examples: N, training examples, which come first.
    """

    numbers: Float64[FloatArray, "examples outputs"]
    labels: Int64[NDArray[np.int64], " examples"] | None
    bounds: Float64[FloatArray, "2 examples"]
    examples: int

    @property
    def outputs(self) -> int:
        """C, the outputs that a network needs."""
        return int(self.numbers.shape[1])

    @property
    def training(self) -> Float64[FloatArray, "training outputs"]:
        """Targets of the training examples in the run's number format, (N, C)."""
        return self.numbers[: self.examples]

    @classmethod
    def round(
        cls,
        targets: Float64[FloatArray, "examples outputs"],
        labels: Int64[NDArray[np.int64], " examples"] | None,
        bounds: Float64[FloatArray, "2 examples"],
        examples: int,
        dtype: str,
    ) -> TargetNumbers:
        """Return targets, rounded to a number format.

        Args:
            targets: (E, C) numbers that outputs are compared with.
            labels: (E,) classes, or None for real targets.
            bounds: (2, E) interval of the right class for a single output.
            examples: N.
            dtype: number format of outputs and losses.
        """
        return cls(_rounded(targets, dtype), labels, _rounded(bounds, dtype), examples)

    @classmethod
    def build(cls, dataset: LabelledExamples, loss: str, outputs: int | None, dtype: str) -> TargetNumbers:
        """Return what outputs are compared with on a data set.

        Class labels become targets as follows. ``mse``, ``mae`` and ``huber``: the label as a (scaled)
        number, or one-hot if ``outputs`` is the number of classes. ``bce`` and ``hinge``: 0 and 1, and
        -1 and 1, on one output for two classes; one against the rest, and the margin to every other
        output, for more. ``cross_entropy``: always an output for each class.

        Args:
            dataset: the examples.
            loss: name of the loss.
            outputs: outputs asked for; None for what data and loss imply.
            dtype: number format of outputs and losses.

        Raises:
            ExperimentError: if the loss does not fit the targets, or the outputs do not fit both.
        """
        size = _output_size(dataset, loss, outputs)
        examples = len(dataset.y)
        anywhere = np.stack([np.full(examples, -np.inf), np.full(examples, np.inf)])
        if dataset.classes is None or dataset.label_values is None:
            targets = dataset.y.astype(np.float64).reshape(examples, -1)
            return cls.round(targets, None, anywhere, dataset.examples, dtype)
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
        return cls.round(targets, dataset.y.astype(np.int64), bounds, dataset.examples, dtype)

    def null_loss(self, loss: str) -> float:
        """Return the mean training loss of outputs that are all 0."""
        return loss_of_zeros(loss, self.training, self.bounds[:, : self.examples])

    def constant_loss(self, loss: str) -> float:
        """Return the mean training loss of the best constant prediction."""
        return best_constant_loss(loss, self.training)


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


def _check_apart(numbers: Float64[FloatArray, " classes"], dtype: str) -> None:
    """Refuse classes whose numbers have no finite squares in a number format, or are not apart in it.

    Raises:
        ExperimentError: naming the number format.
    """
    largest = float(np.abs(numbers).max())
    wrong = ""
    with np.errstate(over="ignore"):
        rounded = numbers.astype(dtype)
        finite = bool(np.isfinite(np.square(rounded)).all())
    if not finite:
        wrong = f"classes of numbers up to {largest:.3g}, whose squares overflow {dtype}"
    elif len(np.unique(rounded)) < len(numbers):
        wrong = f"classes of numbers up to {largest:.10g}, some of which {dtype} cannot tell apart"
    if wrong:
        allowed = "try standardize, or number the classes from 0"
        raise ExperimentError([Problem("standardize", wrong, allowed)])


def _rounded(numbers: Float64[FloatArray, "rows columns"], dtype: str) -> Float64[FloatArray, "rows columns"]:
    """Return numbers rounded to a number format."""
    with np.errstate(over="ignore"):
        return numbers.astype(dtype).astype(np.float64)
