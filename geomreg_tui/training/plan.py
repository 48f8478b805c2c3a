"""How networks are to be trained. No torch here, and little else: the command line reads it early."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.experiment import Experiment
from geomreg_tui.gradients.plan import GradientPlan
from geomreg_tui.options import OptionReader

__all__ = [
    "ADAM_STEP",
    "LR_SHARE",
    "NAME",
    "OBSERVED",
    "OPTIMIZERS",
    "PARTS",
    "SGD_BATCH",
    "TrainingPlan",
    "check_plan",
    "parse_plan",
    "plan_from_values",
    "plan_values",
]

NAME = "training"
OPTIMIZERS = ("gd", "momentum", "sgd", "adam")
PARTS = ("all", "readout")
LR_SHARE = 0.5  # of the largest stable step, 2 / lambda_max: none of 720 networks diverged at up to 1.25
ADAM_STEP = 1e-3  # that of Adam's authors; its steps do not grow with the gradient
SGD_BATCH = 32
# What can be observed of the gradients of networks that are trained, and the measures that it gives.
OBSERVED: dict[str, tuple[str, ...]] = {
    "confusion": ("confusion_min", "confusion_mean"),
    "ntk": ("ntk_change",),
}
_FLAT = ("mae", "hinge")  # losses whose second derivative is 0 wherever there is one
_MOST_STEPS, _MOST_TRAJECTORIES, _MOST_EXAMPLES, _MOST_RECORD = 10**9, 10**5, 10**9, 1000
_MOST_SKETCH, _MOST_DIMENSIONS = 10**5, 10**6
# Of plans, what those of earlier versions do not have.
_OPTIONAL: dict[str, Any] = {"sketch": 0, "subspace": 0, "observe": (), "pairs": None}


@dataclass(frozen=True)
class TrainingPlan:
    """How networks are to be trained.

    Attributes:
        optimizer: ``gd`` (gradient descent on all examples), ``momentum`` (heavy ball), ``sgd``
            (minibatches) or ``adam``.
        lr: step size; None for ``auto``: a share of the largest stable step of each network, and for Adam
            :data:`ADAM_STEP`.
        lr_share: that share, of 2 / lambda_max of the Gauss-Newton matrix at the start.
        momentum: coefficient of ``momentum``, at least 0 and below 1.
        batch: examples a step; None for all. A number above the training examples means all.
        steps: after how many a network has not fitted.
        to_loss: training loss at or below which a network has fitted; 0 for none.
        train: ``all`` weights and biases, or those of the ``readout``.
        trajectories: networks that are trained.
        record: recorded steps a decade.
        sketch: numbers that are kept of the weights at each recorded step, for the dimension of the updates;
            0 for none. Networks with fewer weights are kept whole.
        subspace: dimensions of the random affine subspace in which each network is trained, through its
            start; 0 for all of weight space.
        observe: what is observed of gradients at each recorded step: names of :data:`OBSERVED`, in its order.
        pairs: pairs of examples whose gradients are compared; None for all.
    """

    optimizer: str = "gd"
    lr: float | None = None
    lr_share: float = LR_SHARE
    momentum: float = 0.9
    batch: int | None = None
    steps: int = 10_000
    to_loss: float = 1e-3
    train: str = "all"
    trajectories: int = 64
    record: int = 8
    sketch: int = 0
    subspace: int = 0
    observe: tuple[str, ...] = ()
    pairs: int | None = None

    def observing(self, asked: GradientPlan | None) -> TrainingPlan:
        """Return the plan with what is observed of networks that are drawn observed of trained ones too.

        The gradient norm is recorded in any case; sharpness and walks are those of drawn networks alone.
        """
        names = () if asked is None else tuple(name for name in OBSERVED if name in asked.observe)
        pairs = asked.pairs if asked is not None and "confusion" in names else None
        return replace(self, observe=names, pairs=pairs)

    @property
    def observed(self) -> tuple[str, ...]:
        """The measures of gradients that are recorded."""
        return tuple(measure for name in self.observe for measure in OBSERVED[name])

    @property
    def tail_loss(self) -> float:
        """The loss that a deep tail is to go to: below ``to_loss``, as losses are at which networks end."""
        return self.to_loss / 2

    def recorded_steps(self) -> tuple[int, ...]:
        """Return the steps, from 0 to the last, at which every network is recorded."""
        last = math.ceil(self.record * math.log10(self.steps))
        grid = {min(round(10 ** (place / self.record)), self.steps) for place in range(last + 1)}
        return (0, *sorted(grid | {self.steps}))


def plan_values(plan: TrainingPlan) -> dict[str, Any]:
    """Return a plan as plain data; None stands for ``auto`` and for all examples.

    A sketch, a subspace and what is observed are named only where there are any, so that runs from before
    there were any are as they were.
    """
    values = {**asdict(plan), "observe": list(plan.observe)}
    for name in _OPTIONAL:
        if name == "pairs" or not values[name]:
            del values[name]
    return {**values, "pairs": plan.pairs} if plan.observe else values


def plan_from_values(values: Mapping[str, Any]) -> TrainingPlan:
    """Restore a plan.

    Raises:
        LookupError, TypeError, ValueError: if entries are missing or impossible.
    """
    given = {**_OPTIONAL, **values}
    given = {field.name: given[field.name] for field in fields(TrainingPlan)}
    plan = TrainingPlan(
        optimizer=str(given["optimizer"]),
        lr=None if given["lr"] is None else float(given["lr"]),
        lr_share=float(given["lr_share"]),
        momentum=float(given["momentum"]),
        batch=None if given["batch"] is None else int(given["batch"]),
        steps=int(given["steps"]),
        to_loss=float(given["to_loss"]),
        train=str(given["train"]),
        trajectories=int(given["trajectories"]),
        record=int(given["record"]),
        sketch=int(given["sketch"]),
        subspace=int(given["subspace"]),
        observe=tuple(str(name) for name in given["observe"]),
        pairs=None if given["pairs"] is None else int(given["pairs"]),
    )
    possible = (
        plan.optimizer in OPTIMIZERS
        and plan.train in PARTS
        and (plan.lr is None or 0 < plan.lr < math.inf)
        and 0 < plan.lr_share < math.inf
        and 0 <= plan.momentum < 1
        and (plan.batch is None or (1 <= plan.batch <= _MOST_EXAMPLES and plan.optimizer != "gd"))
        and 1 <= plan.steps <= _MOST_STEPS
        and 0 <= plan.to_loss < math.inf
        and 1 <= plan.trajectories <= _MOST_TRAJECTORIES
        and 1 <= plan.record <= _MOST_RECORD
        and 0 <= plan.sketch <= _MOST_SKETCH
        and 0 <= plan.subspace <= _MOST_DIMENSIONS
        and plan.observe == tuple(name for name in OBSERVED if name in plan.observe)
        and (plan.pairs is None or ("confusion" in plan.observe and plan.pairs >= 1))
    )
    if not possible:
        raise ValueError("an impossible plan of training")
    return plan


def parse_plan(
    optimizer: str | None = None,
    lr: str | None = None,
    lr_share: str | None = None,
    momentum: str | None = None,
    batch: str | None = None,
    steps: str | None = None,
    to_loss: str | None = None,
    train: str | None = None,
    trajectories: str | None = None,
    record: str | None = None,
    sketch: str | None = None,
    subspace: str | None = None,
) -> TrainingPlan:
    """Return how networks are to be trained; every argument as the person wrote it, None for the default.

    Raises:
        ExperimentError: with one problem for each argument that is no good.
    """
    reader = OptionReader()
    default = TrainingPlan()
    name = reader.name("optimizer", optimizer, default.optimizer, OPTIMIZERS)
    step_rule = "auto, or a step size above 0, such as 0.01"
    plan = TrainingPlan(
        optimizer=name,
        lr=None if lr in (None, "auto") else reader.number("lr", lr, 0.0, 5e-324, 1e300, step_rule),
        lr_share=reader.number(
            "lr-share",
            lr_share,
            default.lr_share,
            1e-300,
            1e300,
            "a share of the largest stable step, such as 0.5",
        ),
        momentum=reader.number(
            "momentum",
            momentum,
            default.momentum,
            0.0,
            math.nextafter(1.0, 0.0),
            "a number of at least 0 and below 1",
        ),
        batch=_batch(reader, batch, name),
        steps=reader.whole("steps", steps, default.steps, 1, _MOST_STEPS),
        to_loss=reader.number("to-loss", to_loss, default.to_loss, 0.0, 1e300, "a loss, such as 1e-3, or 0"),
        train=reader.name("train", train, default.train, PARTS),
        trajectories=reader.whole("trajectories", trajectories, default.trajectories, 1, _MOST_TRAJECTORIES),
        record=reader.whole("record", record, default.record, 1, _MOST_RECORD),
        sketch=reader.whole("sketch", sketch, default.sketch, 0, _MOST_SKETCH),
        subspace=reader.whole("subspace", subspace, default.subspace, 0, _MOST_DIMENSIONS),
    )
    reader.check()
    return plan


def check_plan(plan: TrainingPlan, experiment: Experiment) -> None:
    """Refuse what cannot be trained, as far as that can be told without loading the data.

    Raises:
        ExperimentError: with one problem for each thing that cannot be.
    """
    problems = []
    loss = experiment.loss
    if loss == "zero_one":
        allowed = "training needs a loss with a gradient: try cross_entropy, or hinge"
        problems.append(Problem("loss", "'zero_one', whose gradient is 0", allowed))
    elif plan.lr is None and loss in _FLAT and plan.optimizer != "adam":
        got = (
            f"auto with loss {loss}, whose second derivative is 0, so that no step is the largest stable one"
        )
        problems.append(Problem("lr", got, "try a step size such as 0.01, or optimizer adam"))
    if plan.train == "readout" and experiment.arch == "custom":
        got = "'readout' with a module of your own, whose readout is not known"
        problems.append(Problem("train", got, "allowed is all"))
    elif plan.train == "readout" and experiment.depth == 0:
        got = "'readout' with depth 0, where there is no layer below it"
        problems.append(Problem("train", got, "allowed is all, or a depth of at least 1"))
    if problems:
        raise ExperimentError(problems)


def _batch(reader: OptionReader, text: str | None, optimizer: str) -> int | None:
    """Return the examples of a step; None for all."""
    if text is None:
        return SGD_BATCH if optimizer == "sgd" else None
    if text == "all":
        return None
    if optimizer == "gd":
        allowed = "gd takes all examples in every step: try optimizer sgd"
        reader.problems.append(Problem("batch", repr(text), allowed))
        return None
    return reader.whole("batch", text, SGD_BATCH, 1, _MOST_EXAMPLES)
