"""Workers of a cluster give the bits that this machine gives."""

import json

import numpy as np
import pytest

import geomreg_tui as geomreg
from geomreg_tui.experiment import Experiment
from geomreg_tui.place import Cluster
from geomreg_tui.rundir import RunDirectory
from geomreg_tui.runner.verify import verify_run
from geomreg_tui.sampling.store import committed
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.training.plan import TrainingPlan
from geomreg_tui.training.result import TrainingResult
from geomreg_tui.training.store import TrainingFolder
from tests.command import call
from tests.engines import put_engines_here
from tests.faults.driving import EXPERIMENT, SAMPLES, fold, outcome
from tests.faults.test_tail import bits_of

TAIL = TailPlan(log10_volume=-6, population=60, repeats=3, kernel="pcn")
TRAINING = TrainingPlan(steps=200, trajectories=6, to_loss=0.05)
SMALL = Experiment.parse(
    {"data": "gaussian", "inputs": 6, "examples": 4, "width": 12, "depth": 1, "chunk_size": 1000}
)


def trained_bits(path):
    folder = TrainingFolder(RunDirectory.open(path))
    planned = folder.planned()
    whole = TrainingResult.merge([folder.state(planned, group).result for group in range(planned.groups)])
    values, arrays = whole.to_parts()
    return values, {name: array.tobytes() for name, array in arrays.items()}


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A run with a tail and a training whose engine and worker were this process."""
    path = tmp_path_factory.mktemp("here") / "run"
    with pytest.MonkeyPatch.context() as monkeypatch:
        put_engines_here(monkeypatch)
        geomreg.start_run(SMALL, 3000, directory=path, tail=TAIL, training=TRAINING)
    return path


def test_a_run_has_the_bits_of_chunks_drawn_here(cluster, tmp_path, runs):
    _, summary = outcome(runs.start(EXPERIMENT, SAMPLES, directory=tmp_path / "run", cluster=cluster.place))
    assert summary.histogram.digest() == fold(SAMPLES)[0].histogram.digest()
    assert verify_run(tmp_path / "run").problems == ()
    start = json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[0])
    assert start["cluster"] == f"dask {cluster.address}"


def test_a_tail_and_a_training_have_the_bits_of_this_process(cluster, here, tmp_path, runs):
    path = tmp_path / "run"
    options = {"tail": TAIL, "training": TRAINING, "cluster": cluster.place}
    status, summary = outcome(runs.start(SMALL, 3000, directory=path, **options))
    assert status.message == ""
    assert summary.histogram.digest() == committed(RunDirectory.open(here)).summary.histogram.digest()
    assert bits_of(path) == bits_of(here)
    assert trained_bits(path) == trained_bits(here)


@pytest.mark.parametrize(
    "over",
    [
        ["--over", "width=2,8", "--depth", 1, "--samples", "2e4"],
        pytest.param(
            ["--over", "width=1:50", "--over", "replicate=0:19", "--depth", 1, "--samples", 100],
            marks=pytest.mark.full,
            id="a thousand points",
        ),
    ],
)
def test_a_sweep_by_the_command_line_prints_what_this_machine_prints(cluster, tmp_path, over):
    words = ["sweep", *over, "--data", "gaussian", "--inputs", 4, "--examples", 1, "--quiet", "--json"]
    far = ["--executor", "dask", "--scheduler", cluster.file]
    answers = [call(*words, "--out", tmp_path / "far", *far, check=0)]
    with pytest.MonkeyPatch.context() as monkeypatch:
        put_engines_here(monkeypatch)
        answers.append(call(*words, "--out", tmp_path / "near", check=0))
    found = [json.loads(answer.stdout) for answer in answers]
    assert found[0] == found[1]


@pytest.mark.parametrize("count", [pytest.param(1, marks=pytest.mark.full), 3])
def test_one_worker_and_three_have_the_bits_of_chunks_drawn_here(own_cluster, count, tmp_path, runs):
    for _ in range(count):
        own_cluster.start_worker()
    _, summary = outcome(
        runs.start(EXPERIMENT, SAMPLES, directory=tmp_path / "run", cluster=own_cluster.place)
    )
    assert summary.histogram.digest() == fold(SAMPLES)[0].histogram.digest()


COMPARED = {"data": "gaussian", "inputs": 4, "examples": 3, "held_out": 10, "width": 8, "depth": 1}


def test_a_comparison_by_a_cluster_is_that_of_this_machine(cluster, tmp_path):
    sizes = {"arms": "volume,gd", "training_sets": 2, "to_loss": 0.1, "population": 20, "repeats": 2}
    words = ["compare", "--quiet", "--json"]
    for key, value in {**COMPARED, **sizes, "trajectories": 2, "steps": 500}.items():
        words += [f"--{key.replace('_', '-')}", value]
    far = ["--executor", "dask", "--scheduler", cluster.file]
    answers = [call(*words, "--out", tmp_path / "far", *far, check=0)]
    with pytest.MonkeyPatch.context() as monkeypatch:
        put_engines_here(monkeypatch)
        answers.append(call(*words, "--out", tmp_path / "near", check=0))
    found = [json.loads(answer.stdout) for answer in answers]
    assert found[0] == found[1]
    assert all(value is not None for value in found[0]["log10_volume"])


@pytest.mark.full
def test_a_study_by_a_cluster_is_that_of_this_machine(cluster, tmp_path):
    far = ["--executor", "dask", "--scheduler", cluster.file]
    answers = [
        call("study", "two-modes", "--quiet", "--json", "--out", tmp_path / name, *more, check=0)
        for name, more in (("far", far), ("near", []))
    ]
    found = [json.loads(answer.stdout) for answer in answers]
    assert found[0] == found[1]


def test_arrays_and_files_of_this_machine_are_sent(cluster, tmp_path):
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(40, 3)), generator.normal(size=40)
    np.savez(tmp_path / "data.npz", x=x, y=y)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    options = {"examples": 5, "width": 8, "depth": 1, "samples": 2e4, "progress": False}
    far = {"cluster": Cluster(scheduler=str(cluster.file)), **options}
    results = [
        geomreg.sample(data=(x, y), **options),
        geomreg.sample(data=(x, y), **far),
        geomreg.sample(data=tmp_path / "data.npz", **far),
        geomreg.sample(data=tmp_path / "x.npy", target=str(tmp_path / "y.npy"), **far),
    ]
    digests = {result.summary.histogram.digest() for result in results}
    assert len(digests) == 1
    # They go on where the files are no more: what was given is in the run, and the worker is sent that.
    again = results[1].resume(4e4, cluster=far["cluster"], progress=False)
    assert again.summary.samples == 40_000


def test_a_file_that_nobody_has_is_named(cluster, tmp_path):
    with pytest.raises(geomreg.DataError, match=r"cannot read .*none\.npz: No such file"):
        geomreg.sample(data=tmp_path / "none.npz", samples=100, cluster=cluster.place, progress=False)
