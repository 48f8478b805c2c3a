"""What the fused kernel draws is drawn without torch, whose import takes longer than a small run."""

import subprocess
import sys

import numpy as np
import pytest
import torch

import geomreg_tui as geomreg
from geomreg_tui.datasets import load
from geomreg_tui.errors import ExperimentError
from geomreg_tui.experiment import Experiment, choices
from geomreg_tui.fused.library import kernel
from geomreg_tui.losses.objective import Objective
from geomreg_tui.runner.loading import preloaded
from geomreg_tui.runner.protocol import RunRequest
from geomreg_tui.sampling import resolve
from geomreg_tui.sampling.fused import FusedSampler
from geomreg_tui.sampling.sampler import Sampler
from geomreg_tui.sampling.work import prepare, run_chunk

pytestmark = pytest.mark.skipif(kernel() is None, reason="the fused kernel is not built here")

SMALL = {"data": "iris", "examples": 6, "held_out": 4, "width": 12, "depth": 2}

WORKER = """
import sys
sys.modules["torch"] = None  # whoever imports it fails
from geomreg_tui.experiment import Experiment
from geomreg_tui.runner.preparation import Preparation
from geomreg_tui.runner.preparing import prepare
from geomreg_tui.sampling.pieces import ChunkWork
from geomreg_tui.sampling.work import draw_chunk

for values in (
    {"data": "iris", "examples": 6, "held_out": 4, "bias": True},
    {"data": "digits", "examples": 1, "depth": 8},
    {"data": "moons", "init": "ball", "activation": "gelu", "loss": "hinge"},
    {"data": "digits", "depth": 0, "init": "torch_default", "loss": "cross_entropy"},
):
    experiment = Experiment.parse({**values, "width": values.get("width", 5)})
    prepared = prepare(Preparation(experiment, "auto", {}, overlays=True))
    answer = draw_chunk(ChunkWork(prepared.facts.experiment, 0, 3000), "cpu")
    print(answer.summary.samples, prepared.facts.experiment.backend, prepared.devices)
"""


def test_a_worker_prepares_and_draws_without_torch():
    answer = subprocess.run([sys.executable, "-c", WORKER], capture_output=True, text=True, check=False)
    assert answer.stdout.splitlines() == ["3000 fused ('cpu',)"] * 4, answer.stderr


@pytest.mark.parametrize(
    ("values", "backend"),
    [
        ({}, "fused"),
        ({"init": "orthogonal", "examples": 1, "held_out": 0}, "fused"),
        ({"init": "orthogonal"}, "torch"),
        ({"init": "orthogonal", "examples": 1, "held_out": 0, "sampler": "projected"}, "torch"),
        ({"init": "student_t"}, "torch"),
        ({"init": "sparse"}, "torch"),
        ({"dtype": "float64"}, "torch"),
        ({"residual": True}, "torch"),
        ({"layer_norm": True}, "torch"),
        ({"data": "digits", "arch": "conv"}, "torch"),
        ({"data": "moons", "examples": 200, "held_out": 56}, "fused"),
        ({"data": "moons", "examples": 200, "held_out": 57}, "torch"),
        ({"backend": "torch"}, "torch"),
    ],
)
def test_auto_takes_the_kernel_where_it_can(values, backend):
    facts = prepare(Experiment.parse({**SMALL, **values})).facts
    assert facts.experiment.backend == backend
    assert run_chunk(facts.experiment, 0, 100).summary.samples == 100
    assert Experiment.from_stored(facts.experiment.to_json()) == facts.experiment


def test_auto_takes_torch_where_there_is_no_kernel(monkeypatch):
    from geomreg_tui.sampling import fused as module

    monkeypatch.setattr(module, "kernel", lambda: None)
    assert prepare(Experiment.parse({**SMALL, "seed": 3})).facts.experiment.backend == "torch"


def test_auto_takes_torch_for_what_the_kernel_has_no_number_of(monkeypatch):
    """Such as a loss that has been added, which torch can already draw."""
    from geomreg_tui.fused import plan

    monkeypatch.setattr(plan, "LOSSES", ("mse", "mae"))
    assert (
        prepare(Experiment.parse({**SMALL, "loss": "huber", "seed": 4})).facts.experiment.backend == "torch"
    )
    monkeypatch.setattr(plan, "ACTIVATIONS", ("relu",))
    values = {**SMALL, "activation": "tanh", "backend": "fused", "seed": 5}
    with pytest.raises(ExperimentError, match="it draws activations relu and losses mse, mae"):
        prepare(Experiment.parse(values))


LOSSES = [(name, data, None) for name in choices("loss") for data in ("iris", "moons")] + [
    ("mse", "iris", 3),
    ("mae", "diabetes", None),
    ("huber", "diabetes", None),
    ("hinge", "moons", 2),
]


@pytest.mark.parametrize(("loss", "data", "outputs"), LOSSES)
def test_losses_of_constants_are_those_of_torch(loss, data, outputs):
    values = {"data": data, "examples": 7, "width": 4, "depth": 1, "loss": loss, "outputs": outputs}
    experiment = Experiment.parse(values)
    made = FusedSampler.build(experiment)
    for dtype in (torch.float32, torch.float64):
        theirs = Objective.build(load(experiment), loss, outputs, dtype, torch.device("cpu"))
        assert made.facts.null_loss == pytest.approx(theirs.null_loss, rel=3e-7)
        assert made.facts.constant_loss == pytest.approx(theirs.constant_loss, rel=3e-7, abs=1e-300)
    zeros = torch.zeros(1, made.targets.outputs, 7, dtype=torch.float64)
    exact = float(theirs.per_example(zeros).mean())
    assert made.targets.null_loss(loss) == pytest.approx(exact, rel=3e-7)
    silent = run_chunk(prepare(experiment.replace(gain=0)).facts.experiment, 0, 50).summary
    assert silent.histogram.atom == 50


@pytest.mark.parametrize(
    "values",
    [
        {"data": "digits", "examples": 4, "width": 16},
        {"data": "digits", "examples": 16, "width": 64, "bias": True},
        {"data": "iris", "examples": 16, "width": 64, "activation": "tanh"},
        {"data": "digits", "examples": 3, "width": 16, "init": "uniform"},
        {"data": "digits", "examples": 8, "width": 32, "init": "binary", "loss": "mae"},
        {"data": "gaussian", "examples": 2, "width": 9, "init": "sphere", "gain": 40},
        {"data": "moons", "examples": 32, "width": 50, "loss": "huber", "depth": 4, "gain": 2},
        {"data": "digits", "examples": 1, "width": 100, "depth": 8},
        {"data": "digits", "examples": 1, "width": 100, "depth": 2, "init": "orthogonal", "gain": 30},
    ],
)
def test_rounding_is_as_large_as_it_is_found_with_torch(monkeypatch, values):
    """Medians over 400 networks each, of which torch's are of one set of signs."""
    monkeypatch.setattr(resolve, "_ROUNDED", (400, 400))
    experiment = Experiment.parse({**values, "batch_size": 400})
    ours = FusedSampler.build(experiment).facts.resolution
    theirs = Sampler(experiment).facts.resolution
    assert np.log(ours / theirs) == pytest.approx(0, abs=np.log(3))


def test_a_network_that_does_not_fit_into_memory_is_refused(monkeypatch):
    from geomreg_tui.errors import CapacityError
    from geomreg_tui.sampling import fused as module

    monkeypatch.setattr(module, "available_memory", lambda: 10_000)
    with pytest.raises(CapacityError, match="one network needs"):
        prepare(Experiment.parse({**SMALL, "width": 3000, "init": "uniform"}))


@pytest.mark.parametrize(
    ("values", "plans", "expected"),
    [
        ({}, {"sampling": {}}, False),
        ({"backend": "torch"}, {"sampling": {}}, True),
        ({"layer_norm": True}, {"sampling": {}}, True),
        ({}, {"sampling": {}, "splitting": {}}, True),
        ({}, {"sampling": {}, "training": {}}, True),
        ({"width": -1}, {"sampling": {}}, False),
    ],
)
def test_torch_is_loaded_before_workers_are_forked_where_they_need_it(values, plans, expected):
    request = RunRequest("nowhere", plans, experiment={**SMALL, **values}, device="cpu")
    assert (preloaded(request)[0] == "geomreg_tui.runner.preload_torch") == expected


def test_a_run_that_is_gone_on_with_loads_torch_if_torch_drew_it(tmp_path):
    for backend, expected in (("fused", 1), ("torch", 2)):
        folder = tmp_path / backend
        geomreg.sample(**SMALL, backend=backend, samples=100, out=folder, workers=1, progress=False)
        assert len(preloaded(RunRequest(str(folder), {"sampling": {}}, device="cpu"))) == expected


def test_a_run_that_only_samples_is_gone_on_with_without_torch(engines_here, tmp_path):
    geomreg.sample(Experiment.parse(SMALL), 100, out=tmp_path / "run")
    changes = {"sampling": {"samples": 0}, "splitting": {"seconds": 0.0}, "gradients": {"networks": 0}}
    request = RunRequest(str(tmp_path / "run"), changes, device="cpu")
    assert not any("torch" in name for name in preloaded(request))
    (tmp_path / "run" / "tail").mkdir()
    (tmp_path / "run" / "tail" / "plan.json").write_text("{}")
    assert any("torch" in name for name in preloaded(request))
