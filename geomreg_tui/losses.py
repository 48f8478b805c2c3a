"""Losses of batches of networks, and the landmarks that the data put on the loss axis.

Every loss has the definition of ``torch.nn.functional``, averaged over the outputs. Those of a softmax or
a sigmoid are evaluated by way of margins, which keeps the relative precision of losses near 0;
``log_softmax`` has only absolute precision there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from geomreg_tui.errors import ExperimentError, Problem

__all__ = ["LabelledExamples", "Objective"]

FloatArray = NDArray[np.float64]

_NUMBER_LOSSES = ("mse", "mae", "huber")


@runtime_checkable
class LabelledExamples(Protocol):
    """What a loss needs to know of a data set (see ``geomreg_tui.datasets.Dataset``)."""

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
        """What class numbers are shifted by."""

    @property
    def label_std(self) -> FloatArray:
        """What class numbers are then divided by."""

    @property
    def why_real(self) -> str:
        """Of real targets, why they are no classes."""


@dataclass(frozen=True, eq=False)
class _Targets:
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
        self._loss = _LOSSES[loss]
        self._examples = examples
        rounded = torch.from_numpy(targets).to(dtype)
        self._targets = rounded[:examples].to(torch.float64).numpy()
        self._all = _tensors(rounded, labels, bounds, dtype, device)
        held_out = None if labels is None else labels[examples:]
        self._held_out = _tensors(rounded[examples:], held_out, bounds[:, examples:], dtype, device)
        trained = None if labels is None else labels[:examples]
        self._training = _tensors(rounded[:examples], trained, bounds[:, :examples], dtype, device)
        exact = _tensors(rounded[:examples], trained, bounds[:, :examples], torch.float64, device)
        self.null_loss = self._null_loss(exact)
        self.constant_loss = min(self.null_loss, _CONSTANTS[loss](self._targets))

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

    def _null_loss(self, exact: _Targets) -> float:
        zeros = torch.zeros_like(self._all.numbers).unsqueeze(0)
        rounded = float(self.per_example(zeros)[:, : self._examples].mean(dim=1))
        loss = float(self._loss(torch.zeros_like(exact.numbers).unsqueeze(0), exact).mean())
        return loss if abs(rounded - loss) <= torch.finfo(zeros.dtype).eps * loss else rounded


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


def _tensors(
    targets: Float[Tensor, "examples outputs"],
    labels: Int64[NDArray[np.int64], " examples"] | None,
    bounds: Float64[FloatArray, "2 examples"],
    dtype: torch.dtype,
    device: torch.device,
) -> _Targets:
    numbers = targets.T.contiguous().to(device, dtype)
    low, high = torch.from_numpy(bounds).to(device, dtype)
    return _Targets(
        numbers=numbers,
        signs=torch.where(numbers > 0, 1.0, -1.0).to(dtype),
        labels=None if labels is None else torch.from_numpy(labels).to(device).view(1, 1, -1),
        others=1 - numbers,
        low=low,
        high=high,
    )


def _over_outputs(losses: Float[Tensor, "batch outputs examples"]) -> Float[Tensor, "batch examples"]:
    """Return the mean of (batch, C, E) over C."""
    return losses[:, 0] if losses.shape[1] == 1 else losses.mean(dim=1)


def _mse(
    outputs: Float[Tensor, "batch outputs examples"], targets: _Targets
) -> Float[Tensor, "batch examples"]:
    return _over_outputs((outputs - targets.numbers).square_())


def _mae(
    outputs: Float[Tensor, "batch outputs examples"], targets: _Targets
) -> Float[Tensor, "batch examples"]:
    return _over_outputs((outputs - targets.numbers).abs_())


def _huber(
    outputs: Float[Tensor, "batch outputs examples"], targets: _Targets
) -> Float[Tensor, "batch examples"]:
    numbers = targets.numbers.expand_as(outputs)
    return _over_outputs(functional.huber_loss(outputs, numbers, reduction="none"))


def _cross_entropy(
    outputs: Float[Tensor, "batch outputs examples"], targets: _Targets
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
    outputs: Float[Tensor, "batch outputs examples"], targets: _Targets
) -> Float[Tensor, "batch examples"]:
    losses = functional.logsigmoid(outputs * targets.signs).neg_()
    return _over_outputs(losses.add_(outputs, alpha=0))


def _hinge(
    outputs: Float[Tensor, "batch outputs examples"], targets: _Targets
) -> Float[Tensor, "batch examples"]:
    if outputs.shape[1] == 1:
        margins = (outputs * targets.signs).neg_().add_(1)
    else:
        margins = (outputs - targets.own(outputs)).add_(targets.others)
    return _over_outputs(margins.clamp_(min=0).add_(outputs, alpha=0))


def _zero_one(
    outputs: Float[Tensor, "batch outputs examples"], targets: _Targets
) -> Float[Tensor, "batch examples"]:
    wrong = targets.right(outputs).logical_not_().to(outputs.dtype)
    return wrong.add_((outputs * 0).sum(dim=1))


_LOSSES: dict[str, Callable[[Tensor, _Targets], Tensor]] = {
    "mse": _mse,
    "mae": _mae,
    "huber": _huber,
    "cross_entropy": _cross_entropy,
    "bce": _bce,
    "hinge": _hinge,
    "zero_one": _zero_one,
}


# Losses of the best constant prediction, from training targets (N, C).


def _variance(targets: Float64[FloatArray, "training outputs"]) -> float:
    return float(targets.var(axis=0).mean())


def _spread(targets: Float64[FloatArray, "training outputs"]) -> float:
    return float(np.abs(targets - np.median(targets, axis=0)).mean())


def _huber_constant(targets: Float64[FloatArray, "training outputs"]) -> float:
    from scipy.optimize import brentq
    from scipy.special import huber

    best = [
        brentq(lambda c, column=column: np.clip(c - column, -1, 1).sum(), column.min(), column.max())
        for column in targets.T
    ]
    return float(huber(1.0, targets - np.array(best)).mean())


def _binary_entropy(targets: Float64[FloatArray, "training outputs"]) -> float:
    from scipy.special import entr

    share = targets.mean(axis=0)
    return float((entr(share) + entr(1 - share)).mean())


def _class_shares(
    targets: Float64[FloatArray, "training outputs"],
) -> Float64[FloatArray, " classes"]:
    """Return the share of each class, for one-hot targets or a single signed one."""
    shares: FloatArray = targets.mean(axis=0)
    return np.array([(1 - shares[0]) / 2, (1 + shares[0]) / 2]) if len(shares) == 1 else shares


def _label_entropy(targets: Float64[FloatArray, "training outputs"]) -> float:
    from scipy.special import entr

    return float(entr(_class_shares(targets)).sum())


def _hinge_constant(targets: Float64[FloatArray, "training outputs"]) -> float:
    """Return the least mean hinge loss of a constant prediction.

    One output: the loss is linear between kinks at -1 and 1, so it is twice the smaller share. C outputs:
    a linear programme in differences of outputs, so there is a best prediction in whole numbers; classes
    ordered by share step down by 1, in groups. With i classes above, a group of shares p costs
    (last - 1) sum(p), and the step above it i times the share of all below; the best grouping is a
    shortest path over group ends.
    """
    shares = _class_shares(targets)
    if targets.shape[1] == 1:
        return float(2 * shares.min())
    below = np.concatenate([[0.0], np.cumsum(np.sort(shares)[::-1])])
    cost = np.zeros(len(below))
    for last in range(1, len(below)):
        first = np.arange(last)
        group = (below[last] - below[:last]) * (last - 1)
        cost[last] = (cost[:last] + first * (1 - below[:last]) + group).min()
    return float(cost[-1] / len(shares))


def _minority(targets: Float64[FloatArray, "training outputs"]) -> float:
    return float(1 - _class_shares(targets).max())


_CONSTANTS: dict[str, Callable[[FloatArray], float]] = {
    "mse": _variance,
    "mae": _spread,
    "huber": _huber_constant,
    "cross_entropy": _label_entropy,
    "bce": _binary_entropy,
    "hinge": _hinge_constant,
    "zero_one": _minority,
}
