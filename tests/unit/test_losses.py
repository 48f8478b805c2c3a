"""Losses against torch.nn.functional, their tails against mpmath, their best constants against optimisers."""

from __future__ import annotations

import math
from functools import cache

import mpmath
import numpy as np
import pytest
import torch
from scipy import optimize, sparse
from sklearn.metrics import accuracy_score
from torch import Tensor
from torch.nn import functional

from geomreg_tui.datasets import Dataset, load
from geomreg_tui.errors import ExperimentError
from geomreg_tui.experiment import Experiment, choices
from geomreg_tui.losses.objective import Objective
from tests import seeds

CPU = torch.device("cpu")
NETWORKS = 4
# (data, loss, outputs) for every form that targets take.
FORMS = [
    ("diabetes", "mse", None),
    ("diabetes", "mae", None),
    ("diabetes", "huber", None),
    ("digits", "mse", None),
    ("digits", "mse", 10),
    ("moons", "mae", None),
    ("iris", "huber", 3),
    ("iris", "cross_entropy", None),
    ("moons", "cross_entropy", None),
    ("moons", "bce", None),
    ("moons", "bce", 2),
    ("digits", "bce", None),
    ("moons", "hinge", None),
    ("moons", "hinge", 2),
    ("wine", "hinge", None),
    ("moons", "zero_one", None),
    ("digits", "zero_one", None),
]


@cache
def dataset(data: str, **keys: object) -> Dataset:
    return load(Experiment.parse({"data": data, "examples": 20, "held_out": 30, **keys}))


def objective(data: Dataset, loss: str, outputs: int | None, dtype: torch.dtype = torch.float64) -> Objective:
    return Objective.build(data, loss, outputs, dtype, CPU)


def draw(size: int, examples: int, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = seeds.torch_generator(3)
    return 2 * torch.randn(NETWORKS, size, examples, dtype=dtype, generator=generator)


def by_torch(data: Dataset, loss: str, outputs: Tensor) -> Tensor:
    """Return losses (networks, E) by torch's own functions, one output or example at a time."""
    size = outputs.shape[1]
    labels = torch.from_numpy(data.y)
    if loss in ("mse", "mae", "huber"):
        if data.classes is None:
            targets = labels.view(1, -1)
        elif size == 1:
            numbers = torch.from_numpy((data.label_values - data.label_mean) / data.label_std)
            targets = numbers[labels].view(1, -1)
        else:
            targets = functional.one_hot(labels).T.to(outputs.dtype)
        function = {"mse": functional.mse_loss, "mae": functional.l1_loss, "huber": functional.huber_loss}[
            loss
        ]
        return function(outputs, targets.expand_as(outputs), reduction="none").mean(dim=1)
    if loss == "cross_entropy":
        return functional.cross_entropy(outputs, labels.expand(len(outputs), -1), reduction="none")
    if loss == "bce":
        hot = labels.view(1, -1) if size == 1 else functional.one_hot(labels).T
        hot = hot.to(outputs.dtype).expand_as(outputs)
        return functional.binary_cross_entropy_with_logits(outputs, hot, reduction="none").mean(dim=1)
    if loss == "hinge":
        if size == 1:
            return functional.relu(1 - (2 * labels - 1) * outputs[:, 0])
        return torch.stack([functional.multi_margin_loss(f.T, labels, reduction="none") for f in outputs])
    predicted = (outputs[:, 0] > 0).long() if size == 1 else outputs.argmax(dim=1)
    return (predicted != labels).to(outputs.dtype)


@pytest.mark.parametrize(("data", "loss", "outputs"), FORMS)
def test_every_loss_is_torchs(data: str, loss: str, outputs: int | None) -> None:
    examples = dataset(data)
    ours = objective(examples, loss, outputs)
    drawn = draw(ours.outputs, 50)
    before = drawn.clone()
    with torch.inference_mode():
        losses = ours.per_example(drawn)
    torch.testing.assert_close(losses, by_torch(examples, loss, before), rtol=1e-12, atol=1e-12)
    assert torch.equal(drawn, before)


@pytest.mark.parametrize(("data", "loss", "outputs"), FORMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_null_network_has_the_null_loss_to_rounding(
    data: str, loss: str, outputs: int | None, dtype: torch.dtype
) -> None:
    held_out = 8
    for examples in (1, 2, 7, 9, 16, 17, 30, 142):
        picked = dataset(data, examples=examples, held_out=held_out)
        ours = objective(picked, loss, outputs, dtype)
        zeros = torch.zeros(64, ours.outputs, examples + held_out, dtype=dtype)
        with torch.inference_mode():
            sampled = ours.per_example(zeros)[:, :examples].mean(dim=1).double()
        apart = float((sampled - ours.null_loss).abs().max())
        assert apart <= 2 * torch.finfo(dtype).eps * ours.null_loss, examples
        assert 0 <= ours.constant_loss <= ours.null_loss, examples


def test_null_network_is_recognised_where_many_outputs_round_alike() -> None:
    """log 2, averaged over 1,000 outputs and 1,500 examples in float32, is off by many units."""
    labels = np.arange(1500) % 1000
    many = Dataset(
        x=np.zeros((1500, 1)),
        y=labels,
        examples=1500,
        classes=1000,
        notes=(),
        sha256=None,
        label_names=None,
        label_values=np.arange(1000.0),
        label_mean=np.zeros(1),
        label_std=np.ones(1),
    )
    ours = objective(many, "bce", None, torch.float32)
    sampled = ours.per_example(torch.zeros(3, 1000, 1500)).mean(dim=1).double()
    assert (
        float((sampled - ours.null_loss).abs().max()) <= 2 * torch.finfo(torch.float32).eps * ours.null_loss
    )
    assert ours.null_loss == pytest.approx(math.log(2), rel=1e-4)


@pytest.mark.parametrize(
    ("data", "loss", "exact"),
    [("digits", "cross_entropy", math.log(10)), ("moons", "bce", math.log(2)), ("moons", "hinge", 1.0)],
)
def test_null_loss_of_classes_is_known(data: str, loss: str, exact: float) -> None:
    assert objective(dataset(data), loss, None, torch.float32).null_loss == pytest.approx(exact, rel=1e-15)


def test_null_loss_and_constant_loss_of_squared_error_are_moments_of_the_targets() -> None:
    examples = dataset("diabetes", standardize=False)
    ours = objective(examples, "mse", None)
    assert ours.null_loss == pytest.approx(np.mean(examples.y[:20] ** 2), rel=1e-14)
    assert ours.constant_loss == pytest.approx(np.var(examples.y[:20]), rel=1e-12)
    np.testing.assert_array_equal(ours.targets, examples.y[:20, np.newaxis])


@pytest.mark.parametrize("label", [0, 1])
def test_small_losses_keep_their_relative_precision(label: int) -> None:
    examples = dataset("moons", examples=1, held_out=0, data_seed=label)
    examples = Dataset(**{**vars(examples), "y": np.array([label])})
    for margin in (1.0, 15.0, 40.0, 80.0):
        exact = float(mpmath.log1p(mpmath.exp(-mpmath.mpf(margin))))
        single = torch.full((1, 1, 1), margin if label else -margin)
        assert objective(examples, "bce", None, torch.float32).per_example(single).item() == pytest.approx(
            exact, rel=1e-6
        )
        pair = torch.zeros(1, 2, 1)
        pair[0, label, 0] = margin
        loss = objective(examples, "cross_entropy", None, torch.float32).per_example(pair)
        assert loss.item() == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize(("data", "loss", "outputs"), FORMS)
@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_overflowed_outputs_never_have_a_finite_loss_nor_a_right_answer(
    data: str, loss: str, outputs: int | None, value: float
) -> None:
    ours = objective(dataset(data), loss, outputs, torch.float32)
    drawn = draw(ours.outputs, 50, torch.float32)
    drawn[0] = value
    losses = ours.per_example(drawn)
    assert not losses[0].isfinite().any()
    assert losses[1:].isfinite().all()
    if math.isnan(value) and data != "diabetes":
        assert ours.correct(drawn)[0] == 0


def best_constant(loss: str, ours: Objective, examples: Dataset) -> float:
    """Return the least training loss of a constant prediction that a general optimiser finds."""
    data = Dataset(**{**vars(examples), "y": examples.y[:20]})

    def value(constant: np.ndarray) -> float:
        outputs = torch.from_numpy(constant).view(1, -1, 1).expand(1, -1, 20)
        return float(by_torch(data, loss, outputs).mean())

    if ours.outputs == 1:
        return float(optimize.minimize_scalar(lambda c: value(np.array([c])), bounds=(-9, 9)).fun)
    return float(optimize.minimize(value, np.zeros(ours.outputs), method="BFGS").fun)


@pytest.mark.parametrize(
    ("data", "loss", "outputs"), [form for form in FORMS if form[1] not in ("hinge", "zero_one")]
)
def test_no_optimiser_beats_the_constant_loss(data: str, loss: str, outputs: int | None) -> None:
    examples = dataset(data)
    ours = objective(examples, loss, outputs)
    assert ours.constant_loss == pytest.approx(best_constant(loss, ours, examples), abs=2e-6)


def least_hinge(shares: np.ndarray) -> float:
    """Return the best constant multi-class hinge loss, as a linear programme over scores and slacks."""
    classes = len(shares)
    pairs = [(own, other) for own in range(classes) for other in range(classes) if own != other]
    matrix = sparse.lil_matrix((len(pairs), classes + len(pairs)))
    cost = np.zeros(classes + len(pairs))
    for row, (own, other) in enumerate(pairs):
        matrix[row, other], matrix[row, own], matrix[row, classes + row] = 1, -1, -1
        cost[classes + row] = shares[own] / classes
    limits = [(None, None)] * classes + [(0, None)] * len(pairs)
    return optimize.linprog(cost, matrix.tocsr(), -np.ones(len(pairs)), bounds=limits).fun


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("classes", [2, 3, 5, 9])
def test_constant_hinge_loss_is_the_optimum_of_its_linear_programme(classes: int, seed: int) -> None:
    skewed = seeds.generator(seed).dirichlet(np.full(classes, 0.5))
    y = seeds.generator(seed).choice(classes, size=60, p=skewed)
    examples = Dataset(
        x=np.zeros((60, 1)),
        y=y,
        examples=60,
        classes=classes,
        notes=(),
        sha256=None,
        label_names=None,
        label_values=np.arange(float(classes)),
        label_mean=np.zeros(1),
        label_std=np.ones(1),
    )
    shares = np.bincount(y, minlength=classes) / 60
    assert objective(examples, "hinge", classes).constant_loss == pytest.approx(least_hinge(shares), abs=1e-9)
    if classes == 2:
        kinks = [np.mean(np.maximum(0, 1 - (2 * y - 1) * c)) for c in (-1.0, 1.0)]
        assert objective(examples, "hinge", 1).constant_loss == pytest.approx(min(kinks), abs=1e-12)


@pytest.mark.parametrize(("data", "outputs"), [("moons", None), ("moons", 2), ("digits", None)])
def test_constant_zero_one_loss_is_the_share_outside_the_commonest_class(
    data: str, outputs: int | None
) -> None:
    examples = dataset(data)
    labels = examples.y[:20]
    dummy = max(accuracy_score(labels, np.full(20, label)) for label in np.unique(labels))
    assert objective(examples, "zero_one", outputs).constant_loss == pytest.approx(1 - dummy)


@pytest.mark.parametrize(("data", "loss", "outputs"), [form for form in FORMS if form[0] != "diabetes"])
def test_correct_counts_the_held_out_accuracy(data: str, loss: str, outputs: int | None) -> None:
    examples = dataset(data)
    ours = objective(examples, loss, outputs)
    drawn = draw(ours.outputs, 50)
    counted = ours.correct(drawn)
    for network in range(NETWORKS):
        held_out = drawn[network, :, 20:].numpy()
        if ours.outputs > 1:
            predicted = held_out.argmax(axis=0)
        elif loss in ("mse", "mae", "huber"):
            numbers = (examples.label_values - examples.label_mean) / examples.label_std
            predicted = np.abs(held_out.T - numbers).argmin(axis=1)
        else:
            predicted = (held_out[0] > 0).astype(int)
        assert int(counted[network]) == accuracy_score(examples.y[20:], predicted, normalize=False)
    assert counted.dtype == torch.int64


def test_ties_are_wrong() -> None:
    for outputs in (1, 2):
        ours = objective(dataset("moons"), "zero_one", outputs)
        zeros = torch.zeros(1, outputs, 50, dtype=torch.float64)
        assert ours.null_loss == 1.0
        assert int(ours.correct(zeros)) == 0


def test_real_targets_have_no_accuracy() -> None:
    assert objective(dataset("diabetes"), "mse", None).correct(draw(1, 50)) is None


@pytest.mark.parametrize("loss", [name for name in choices("loss") if name not in ("mse", "mae", "huber")])
def test_class_losses_refuse_real_targets(loss: str) -> None:
    with pytest.raises(ExperimentError, match="allowed with real targets are mse, mae, huber") as caught:
        objective(dataset("diabetes"), loss, None)
    assert [problem.key for problem in caught.value.problems] == ["loss"]


@pytest.mark.parametrize(
    ("data", "loss", "outputs", "allowed"),
    [
        ("digits", "cross_entropy", 9, "10"),
        ("moons", "cross_entropy", 1, "2"),
        ("digits", "bce", 1, "10"),
        ("moons", "hinge", 3, "1 or 2"),
        ("digits", "mse", 2, "1 or 10"),
        ("diabetes", "mse", 2, "1"),
    ],
)
def test_outputs_that_do_not_fit_are_one_clear_problem(
    data: str, loss: str, outputs: int, allowed: str
) -> None:
    with pytest.raises(ExperimentError, match=f"is {allowed}\\.") as caught:
        objective(dataset(data), loss, outputs)
    assert [problem.key for problem in caught.value.problems] == ["outputs"]
