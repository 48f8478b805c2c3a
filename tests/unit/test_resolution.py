"""Where a number format ends: losses of rounded outputs against float64, curves cut there, old runs read."""

import itertools
import json
import math

import numpy as np
import pytest
import torch
from scipy import optimize

from geomreg_tui.datasets import load
from geomreg_tui.errors import ExperimentError
from geomreg_tui.experiment import Experiment, choices
from geomreg_tui.losses.objective import Objective
from geomreg_tui.losses.per_example import Targets
from geomreg_tui.report.results import load_result
from geomreg_tui.report.text import report_text
from geomreg_tui.rundir import RunDirectory
from geomreg_tui.sampling.work import prepare, run_chunk
from geomreg_tui.statistics import LossDistribution, run_volume
from geomreg_tui.summary import Facts, LossHistogram, Moments, Summary, loss_resolution
from tests.unit.exporting import make_run

CPU = torch.device("cpu")
BASE = {"data": "gaussian", "inputs": 3, "examples": 4, "depth": 1, "width": 4}


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
@pytest.mark.parametrize("examples", [1, 5])
def test_losses_of_rounded_outputs_keep_their_digits_above_the_resolution_and_lose_them_below(loss, examples):
    """Outputs at random about the targets, rounded to float32: the same networks in both formats."""
    data = load(Experiment.parse({**BASE, "examples": examples, "data_seed": 3}))
    single, double = (
        Objective.build(data, loss, None, dtype, CPU) for dtype in (torch.float32, torch.float64)
    )
    targets = torch.from_numpy(single.targets.T)  # as float32 has them
    end = loss_resolution(loss, "float32", single.targets, 0.0)  # outputs that were no sums
    generator = torch.Generator().manual_seed(0)
    errors = {}
    for factor in (1e-3, 1e6):
        outputs = torch.randn(2000, 1, examples, generator=generator, dtype=torch.float64)
        power = 1 if loss == "mae" else 2
        size = outputs.abs().pow(power).mean(dim=2, keepdim=True) / (2 if loss == "huber" else 1)
        outputs = targets + outputs * (factor * end / size) ** (1 / power)
        exact = double._loss(outputs, _as_float64(single)).mean(dim=1)
        computed = single.per_example(outputs.float(), training=True).mean(dim=1).double()
        errors[factor] = float(((computed - exact).abs() / exact).median())
    assert errors[1e6] < 0.01
    assert errors[1e-3] > 0.9


def _as_float64(objective):
    targets = torch.from_numpy(objective.targets)
    anywhere = np.stack([np.full(len(targets), -np.inf), np.full(len(targets), np.inf)])
    return Targets.build(targets, None, anywhere, torch.float64, CPU)


@pytest.mark.parametrize("loss", ["cross_entropy", "bce"])
def test_losses_of_margins_keep_their_digits_down_to_the_smallest_normal_number(loss):
    data = load(Experiment.parse({"data": "moons", "examples": 1, "loss": loss}))
    objective = Objective.build(data, loss, None, torch.float32, CPU)
    end = loss_resolution(loss, "float32", objective.targets, 1.0)
    assert end == float(np.finfo(np.float32).tiny)
    for margin in np.linspace(20, 86, 23):
        outputs = torch.zeros(1, objective.outputs, 1)
        own = int(data.y[0])
        if objective.outputs == 1:
            outputs[0, 0, 0] = margin if own else -margin
        else:
            outputs[0, own, 0] = margin
        exact = math.log1p(math.exp(-float(torch.tensor(margin, dtype=torch.float32))))
        assert exact > end
        assert float(objective.per_example(outputs)) == pytest.approx(exact, rel=1e-5)


def curve_of(losses, **facts):
    base = prepare(Experiment.parse({**BASE, **facts.pop("keys", {})})).facts
    made = Facts(**{**vars(base), **facts})
    histogram = LossHistogram.from_losses(losses, 12, made.null_loss, 1e-9)
    summary = Summary(histogram, Moments.from_losses(losses, made.null_loss), None, facts.pop("dead", 0))
    return run_volume(LossDistribution(summary, made.null_loss), made)


def test_a_curve_ends_at_the_resolution_and_says_what_share_lies_below():
    losses = np.concatenate([[0.0] * 3, np.geomspace(1e-20, 1.0, 2001)])
    curve = curve_of(losses, resolution=1e-14)
    assert 1e-14 <= curve.loss[0] <= 1e-14 * (1 + 2 / 4096)
    below = np.count_nonzero(losses < curve.loss[0])
    assert curve.count[0] == below
    assert curve.unresolved.estimate == below / losses.size
    assert curve.zero.estimate == 0
    assert curve.zero.low == 0
    assert curve.zero.high > curve.unresolved.estimate
    exact = curve_of(losses, resolution=1e-14, zeros_exact=True)
    assert exact.zero.estimate == 3 / losses.size
    assert exact.unresolved.estimate == pytest.approx((below - 3) / losses.size)
    nothing = curve_of(losses[losses > 1e-3], resolution=1e-14)
    assert nothing.unresolved.estimate == 0
    assert nothing.loss[0] >= 1e-3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", choices("loss"))
def test_every_run_knows_where_its_format_ends(loss, dtype):
    data = "moons" if loss in ("cross_entropy", "bce", "hinge", "zero_one") else "diabetes"
    facts = prepare(
        Experiment.parse({**BASE, "data": data, "inputs": None, "loss": loss, "dtype": dtype})
    ).facts
    values, arrays = facts.to_parts()
    restored = Facts.from_parts(json.loads(json.dumps(values)), arrays)
    assert (restored.resolution, restored.zeros_exact) == (facts.resolution, facts.zeros_exact)
    assert facts.zeros_exact == (loss in ("hinge", "zero_one"))
    eps = float(np.finfo(dtype).eps)
    of_targets = {"mse": eps**2 * facts.null_loss, "mae": eps * facts.null_loss, "hinge": eps}.get(loss)
    if of_targets is not None:
        assert 1.01 * of_targets < facts.resolution < 1e3 * of_targets
    # What version 0.1.0 wrote: nothing is known of its outputs.
    del values["resolution"], values["zeros_exact"]
    old = Facts.from_parts(values, arrays)
    assert old.resolution == (
        None if loss == "huber" else pytest.approx(of_targets or facts.resolution, rel=1e-5)
    )
    assert old.zeros_exact == facts.zeros_exact


def test_reports_say_what_is_dead_at_the_null_loss_zero_and_unresolved(tmp_path):
    losses = np.concatenate([[0.0] * 4, [1e-16] * 6, [1.0] * 50, np.linspace(0.1, 2, 940)])
    make_run(tmp_path / "a", losses, resolution=1e-14, zeros_exact=False, dead=30)
    text = report_text(load_result(tmp_path / "a"))
    assert "Losses of 0   4 in float32; none known to be exact" in text
    for said, share in (("At L_0        mass", 0.05), ("Dead         ", 0.03), ("unresolved: P =", 0.01)):
        assert float(text.split(f"{said} ")[1].split(" [")[0]) == share
    assert "below L = 1e-14, the end of float32; dtype float64 goes on" in text
    assert "V(0)" not in text
    document = json.loads(json.dumps(document_of(tmp_path / "a")))
    counts = document["counts"]
    assert [counts[k] for k in ("zero", "exact_zero", "atom", "at_null_loss", "dead")] == [4, 0, 50, 50, 30]
    assert document["volume"]["unresolved"][0] == 0.01
    make_run(tmp_path / "b", losses, resolution=1e-14, zeros_exact=True, dead=None)
    text = report_text(load_result(tmp_path / "b"))
    assert "Dead          not counted" in text
    assert float(text.split("exact zeros: V(0) = ")[1].split(" [")[0]) == 0.004
    assert document_of(tmp_path / "b")["counts"]["dead"] is None


def document_of(path):
    from geomreg_tui.report.results import result_document

    return result_document(load_result(path))


def test_a_target_of_zero_has_exact_zeros_where_networks_are_dead():
    values = {**BASE, "examples": 1, "width": 2, "depth": 2}
    experiment = Experiment.parse({**values, "data": "gaussian"})
    facts = prepare(experiment).facts
    summary = run_chunk(facts.experiment, 0, 5000).summary
    assert summary.dead == summary.histogram.atom > 0
    assert facts.exact_zeros(summary) == 0
    zero = Facts(**{**vars(facts), "null_loss": 0.0})
    moved = Summary(LossHistogram(12, summary.histogram.index, summary.histogram.count, summary.dead + 1),
                    summary.moments, None, summary.dead)  # fmt: skip
    assert zero.exact_zeros(moved) == summary.dead
    assert LossDistribution(moved, 0.0).at_null == summary.dead + 1


def test_a_readout_without_weights_is_said_to_predict_zero():
    facts = prepare(Experiment.parse({**BASE, "init": "sparse"})).facts
    assert facts.zeros_exact
    assert any("every network predicts 0" in note for note in facts.data_notes)
    summary = run_chunk(facts.experiment, 0, 200).summary
    assert (summary.histogram.atom, summary.dead) == (200, 0) or summary.dead > 0


@pytest.mark.parametrize("loss", ["cross_entropy", "bce", "hinge", "zero_one"])
def test_a_column_with_one_class_is_refused(tmp_path, loss):
    path = tmp_path / "one.csv"
    path.write_text("f,y\n1,a\n2,a\n3,a\n4,a\n")
    keys = {"data": str(path), "target": "y", "examples": 3, "loss": loss}
    with pytest.raises(ExperimentError, match="single class in the whole target column"):
        prepare(Experiment.parse(keys))
    path.write_text("f,y\n1,7\n2,7\n3,7\n4,7\n")
    with pytest.raises(ExperimentError, match=r"these are all .*, and classes are two or more"):
        prepare(Experiment.parse(keys))


KINDS = ["one_class_chosen", "single_example", "constant", "two", "several"]
# By brute force these take seconds; what is left has each kind, and each loss of several kinds.
LONG = [
    ("cross_entropy", "single_example"),
    ("cross_entropy", "one_class_chosen"),
    ("bce", "single_example"),
    ("bce", "several"),
    ("hinge", "several"),
]


@pytest.mark.parametrize(
    ("loss", "kind"),
    [
        pytest.param(*pair, marks=[pytest.mark.full] if pair in LONG else [])
        for pair in itertools.product(choices("loss"), KINDS)
    ],
)
def test_landmarks_of_degenerate_targets_are_those_of_brute_force(tmp_path, loss, kind):
    """L_0 and L_c against the loss itself over all constant predictions, by scipy."""
    numbers = loss in ("mse", "mae", "huber")
    column = {"one_class_chosen": [0, 0, 0, 1, 2], "single_example": [0, 1, 2, 1, 0], "constant": [3.5] * 5,
              "two": [0, 1, 1, 0, 1], "several": [0, 1, 2, 2, 1]}[kind]  # fmt: skip
    if numbers:
        column = [2.5 * value + 0.25 for value in column]
    elif kind == "constant":
        pytest.skip("a constant column has no classes")
    chosen = {"one_class_chosen": 3, "single_example": 1}.get(kind, 5)
    path = tmp_path / "t.npz"
    np.savez(path, x=np.arange(5.0).reshape(-1, 1), y=np.array(column))
    base = {"data": str(path), "examples": chosen, "loss": loss, "standardize": False}
    for seed in range(60):
        data = load(Experiment.parse({**base, "data_seed": seed}))
        if kind != "one_class_chosen" or len(set(data.y.tolist())) == 1:
            break
    ours = Objective.build(data, loss, None, torch.float64, CPU)

    def value(constant):
        outputs = torch.as_tensor(np.asarray(constant, float)).reshape(1, -1, 1).expand(1, -1, chosen)
        return float(ours.per_example(outputs).mean())

    size = ours.outputs
    assert ours.null_loss == pytest.approx(value(np.zeros(size)), abs=1e-12)
    corners = 40 * np.eye(size)
    starts = [np.zeros(size), *corners, *-corners, np.random.default_rng(0).normal(0, 1, size)]
    limits = {"xatol": 1e-9, "fatol": 1e-11, "maxiter": 600}
    found = [optimize.minimize(value, start, method="Nelder-Mead", options=limits).fun for start in starts]
    best = min([*found, *map(value, starts)])
    assert ours.constant_loss == pytest.approx(best, abs=2e-5)
    if kind in ("one_class_chosen", "single_example", "constant"):
        assert ours.constant_loss == pytest.approx(0, abs=1e-12)


def test_run_directories_of_version_0_1_0_say_that_dead_networks_were_not_counted(stored_run):
    result = load_result(stored_run)
    assert isinstance(RunDirectory.open(stored_run), RunDirectory)
    assert result.summary.dead is None
    assert "Dead          not counted" in report_text(result)
    assert document_of(stored_run)["counts"]["dead"] is None
    assert result.facts.resolution is not None


@pytest.fixture(params=["20260102-090000-mlp-0a1b2c3d", "20260103-101500-mlp-4e5f6a7b"])
def stored_run(request, tmp_path):
    import shutil
    from pathlib import Path

    stored = Path(__file__).parents[1] / "tui" / "stored" / request.param
    return Path(shutil.copytree(stored, tmp_path / request.param))
