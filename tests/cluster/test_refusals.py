"""Clusters that cannot be used, and what is said of them."""

import os
import socket
import subprocess
import sys
import time

import pytest

import geomreg_tui as geomreg
from geomreg_tui.errors import ClusterError, ExperimentError
from geomreg_tui.place import Cluster
from geomreg_tui.rundir import RunDirectory, RunState
from tests.command import call
from tests.faults.driving import EXPERIMENT, SAMPLES, fold, outcome, samples_of, wait_for

FAR = ["--executor", "dask", "--scheduler"]
SMALL = ["run", "--data", "gaussian", "--inputs", 4, "--examples", 1, "--width", 4, "--depth", 1]
SMALL += ["--samples", 1000, "--quiet"]

# A worker that says it has another torch, and whose numbers are the same.
OTHER_TORCH = """
import sys
if "dask_worker" in " ".join(sys.orig_argv):
    from geomreg_tui.sampling import device
    told = device.environment
    device.environment = lambda where: {**told(where), "torch": "1.13.1"}
"""


# One that has not this package.
WITHOUT_PACKAGE = """
import sys
if "dask_worker" in " ".join(sys.orig_argv):
    sys.modules["geomreg_tui"] = None
"""


@pytest.fixture
def another_worker(tmp_path, own_cluster):
    """Return a function that starts a worker that runs lines first: it has another version of torch."""

    def start(lines=OTHER_TORCH):
        folder = tmp_path / "site"
        folder.mkdir(exist_ok=True)
        (folder / "sitecustomize.py").write_text(lines)
        path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
        own_cluster.start_worker(PYTHONPATH=path)

    return start


def known(cluster, count):
    """Wait until the scheduler has so many workers."""
    from distributed import Client

    with Client(cluster.address, timeout=10) as client:
        client.wait_for_workers(count, timeout=60)


def test_workers_with_other_versions_are_refused_unless_they_are_allowed(
    own_cluster, another_worker, tmp_path, runs
):
    own_cluster.start_worker()
    known(own_cluster, 1)
    another_worker()
    known(own_cluster, 2)
    with pytest.raises(
        ClusterError, match=r"worker tcp://127\.0\.0\.1:\d+: .*torch was .* and is .*allow-mixed"
    ):
        runs.start(EXPERIMENT, SAMPLES, directory=tmp_path / "run", cluster=own_cluster.place)
    assert not (tmp_path / "run").exists()
    mixed = Cluster(scheduler=own_cluster.address, allow_mixed=True)
    status, summary = outcome(runs.start(EXPERIMENT, SAMPLES, directory=tmp_path / "run", cluster=mixed))
    assert status.state is RunState.DONE
    assert summary.histogram.digest() == fold(SAMPLES)[0].histogram.digest()
    versions = {each["torch"] for each in RunDirectory.open(tmp_path / "run").environments}
    assert "1.13.1" in versions
    assert status.mixed


@pytest.mark.full  # by default it is there from the beginning
def test_a_worker_with_other_versions_that_joins_later_gets_no_work(
    own_cluster, another_worker, tmp_path, runs
):
    own_cluster.start_worker()
    options = {"directory": tmp_path / "run", "cluster": own_cluster.place}
    handle = runs.start(EXPERIMENT, 10**9, **options)
    another_worker()
    wait_for(lambda: "1.13.1" in handle.snapshot().message)
    seen = samples_of(handle)
    wait_for(lambda: samples_of(handle) > seen)
    handle.stop()
    status, _ = outcome(handle)
    assert not status.mixed
    assert len(RunDirectory.open(tmp_path / "run").environments) == 1


def test_a_worker_without_this_package_is_named(own_cluster, another_worker, tmp_path, runs):
    another_worker(WITHOUT_PACKAGE)
    with pytest.raises(ClusterError, match=r"worker tcp://127\.0\.0\.1:\d+: cannot be used .*geomreg_tui"):
        runs.start(EXPERIMENT, SAMPLES, directory=tmp_path / "run", cluster=own_cluster.place)


def test_an_address_where_nothing_listens_is_named_soon(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        begun = time.monotonic()
        answer = call(*SMALL, *FAR, address, "--out", tmp_path / "run")
        assert time.monotonic() - begun < 60
    assert answer.returncode == 1
    assert f"scheduler: {address} cannot be reached" in answer.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.full  # by default nothing listens
def test_something_else_that_listens_is_no_scheduler(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        answer = call(*SMALL, *FAR, address, "--out", tmp_path / "run")
    assert answer.returncode == 1
    assert "cannot be reached" in answer.stderr


@pytest.mark.parametrize("content", [None, "", "{}", "[1]", '{"address": 3}', '{"address": "http://x"}'])
def test_a_file_that_names_no_scheduler_is_named(tmp_path, content):
    path = tmp_path / "scheduler.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ClusterError, match=r"scheduler: .*scheduler\.json.*dask scheduler --scheduler-file"):
        Cluster(scheduler=str(path)).address()


def test_a_cluster_without_workers_is_named(own_cluster, tmp_path, monkeypatch):
    from geomreg_tui.engine import cluster
    from geomreg_tui.runner.begin import check
    from geomreg_tui.runner.protocol import RunRequest
    from geomreg_tui.runner.resume import changes

    monkeypatch.setattr(cluster, "_FIRST", 1.0)
    executor = cluster.DaskExecutor(own_cluster.place, changes)
    try:
        with pytest.raises(ClusterError, match="has no workers that answer"):
            check(RunRequest("", {"sampling": {"samples": 1}}, {"data": "digits"}, check=True), executor)
    finally:
        executor.close()


def test_a_machine_without_dask_says_what_to_install(tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("import sys\nsys.modules['distributed'] = None\n")
    environment = {**os.environ, "PYTHONPATH": str(site)}
    words = [*SMALL, *FAR, "tcp://127.0.0.1:1", "--out", tmp_path / "run"]
    command = [sys.executable, "-m", "geomreg_tui", *map(str, words)]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert "pip install 'geomreg-tui[cluster]'" in answer.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--executor", "dusk"],
            "executor: got 'dusk'; allowed are local, dask, slurm. Did you mean 'dask'?",
        ),
        (["--executor", "dask"], "scheduler: got nothing; executor dask needs the address"),
        (["--scheduler", "tcp://h:1"], "scheduler: got 'tcp://h:1'; allowed only with --executor dask"),
        (["--jobs", 2], "jobs: got 2; allowed only with --executor slurm"),
        ([*FAR, "http://h:1"], "scheduler: got 'http://h:1'; allowed are tcp://HOST:PORT"),
        ([*FAR, "tcp://h:1", "--workers", 2], "workers: got 2; allowed only without --executor"),
        (["--allow-mixed"], "allow-mixed: got --allow-mixed; allowed only with --resume or --executor"),
    ],
)
def test_options_that_do_not_go_together_are_refused(words, said):
    answer = call(*SMALL, *words)
    assert answer.returncode == 2
    assert said in answer.stderr


def test_a_module_that_only_this_process_has_is_refused(cluster):
    import torch

    with (
        pytest.warns(UserWarning, match="drawn in this process"),
        pytest.raises(ExperimentError, match="workers of a cluster must import it"),
    ):
        geomreg.sample(
            module=torch.nn.Linear(4, 1),
            data="gaussian",
            inputs=4,
            examples=2,
            samples=100,
            cluster=cluster.place,
            progress=False,
        )
