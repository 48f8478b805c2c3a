"""Other ways to a cluster: jobs of Slurm, encrypted connections, and hosts that share but a network."""

import os
import shutil
import signal
import subprocess
import sys

import pytest

from geomreg_tui.errors import ClusterError
from geomreg_tui.place import Cluster
from geomreg_tui.rundir import RunState
from tests.cluster.driving import DaskCluster
from tests.faults.driving import EXPERIMENT, SAMPLES, alive, fold, outcome, samples_of, wait_for
from tests.faults.test_tail import bits_of
from tests.patience import PATIENCE

# There is no Slurm here: these do what it does with a job, at once and on this machine.
SBATCH = """#!/bin/sh
setsid sh "$1" > "$JOBS/log" 2>&1 < /dev/null &
echo $! >> "$JOBS/submitted"
echo "Submitted batch job $!"
"""
SCANCEL = """#!/bin/sh
for job in "$@"; do kill -9 -- "-$job"; done
"""


def digest():
    return fold(SAMPLES)[0].histogram.digest()


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Stand-ins for the commands of Slurm, and the folder in which they note jobs."""
    for name, script in {"sbatch": SBATCH, "scancel": SCANCEL}.items():
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(script)
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("JOBS", str(tmp_path))
    for key, value in {"CORES": "1", "MEMORY": "2GB", "INTERFACE": "lo"}.items():
        monkeypatch.setenv(f"DASK_JOBQUEUE__SLURM__{key}", value)
    monkeypatch.setenv("DASK_JOBQUEUE__SLURM__LOG_DIRECTORY", str(tmp_path / "logs"))
    monkeypatch.setenv("DASK_JOBQUEUE__SLURM__LOCAL_DIRECTORY", str(tmp_path / "local"))
    return tmp_path


def test_slurm_is_asked_for_jobs_whose_workers_do_the_work(slurm, tmp_path, runs):
    place = Cluster("slurm", jobs=2)
    status, summary = outcome(runs.start(EXPERIMENT, SAMPLES, directory=tmp_path / "run", cluster=place))
    assert status.state is RunState.DONE, status.message
    assert summary.histogram.digest() == digest()
    jobs = [int(job) for job in (slurm / "submitted").read_text().split()]
    assert len(jobs) == 2
    wait_for(lambda: not any(alive(job) for job in jobs))  # they are given back


@pytest.mark.full  # by default they live as long as the run
def test_jobs_that_end_are_asked_for_again(slurm, tmp_path, runs):
    place = Cluster("slurm", jobs=1)
    handle = runs.start(EXPERIMENT, 10**9, directory=tmp_path / "run", cluster=place)
    wait_for(lambda: samples_of(handle) > 0)
    (job,) = (slurm / "submitted").read_text().split()
    os.killpg(int(job), signal.SIGKILL)
    wait_for(lambda: len((slurm / "submitted").read_text().split()) > 1)
    seen = samples_of(handle)
    wait_for(lambda: samples_of(handle) > seen + 10**6)
    handle.stop()
    assert outcome(handle)[0].state is RunState.STOPPED


def test_slurm_without_a_description_of_jobs_is_named(slurm, tmp_path, runs, monkeypatch):
    monkeypatch.delenv("DASK_JOBQUEUE__SLURM__CORES")
    with pytest.raises(ClusterError, match=r"no jobs can be asked for .*cores.*jobqueue\.yaml"):
        runs.start(EXPERIMENT, SAMPLES, directory=tmp_path / "run", cluster=Cluster("slurm"))


@pytest.mark.full  # it is Dask that encrypts
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_an_encrypted_cluster_is_reached_by_the_options_of_dask(tmp_path, runs, monkeypatch):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    made += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(made, capture_output=True, check=True)
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION", "true")
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TLS__CA_FILE", str(certificate))
    for role in ("SCHEDULER", "WORKER", "CLIENT"):
        monkeypatch.setenv(f"DASK_DISTRIBUTED__COMM__TLS__{role}__KEY", str(key))
        monkeypatch.setenv(f"DASK_DISTRIBUTED__COMM__TLS__{role}__CERT", str(certificate))
    (tmp_path / "cluster").mkdir()
    cluster = DaskCluster(tmp_path / "cluster", protocol="tls")
    try:
        cluster.start_scheduler()
        cluster.start_worker()
        assert cluster.address.startswith("tls://")
        options = {"directory": tmp_path / "run", "cluster": cluster.place}
        assert outcome(runs.start(EXPERIMENT, SAMPLES, **options))[1].histogram.digest() == digest()
        for name in [name for name in os.environ if name.startswith("DASK_")]:
            monkeypatch.delenv(name)
        with pytest.raises(ClusterError, match="cannot be reached"):
            runs.start(EXPERIMENT, SAMPLES, directory=tmp_path / "other", cluster=cluster.place)
    finally:
        cluster.close()


@pytest.fixture
def two_hosts(tmp_path):
    """Two network namespaces with a cable between them: what to put before a command to run it in each."""
    ip = shutil.which("ip")
    if ip is None or os.geteuid():
        pytest.skip("network namespaces need ip, and root")
    names = [f"geomreg-{os.getpid()}-{number}" for number in range(2)]

    def run(*words):
        return subprocess.run([ip, *words], capture_output=True, text=True, check=True)

    try:
        for name in names:
            try:
                run("netns", "add", name)
            except subprocess.CalledProcessError as error:
                pytest.skip(f"network namespaces cannot be made here: {error.stderr.strip()}")
        run(
            "-n", names[0], "link", "add", "veth0", "type", "veth", "peer", "name", "veth1", "netns", names[1]
        )
        for number, name in enumerate(names):
            run("-n", name, "address", "add", f"10.213.7.{number + 1}/24", "dev", f"veth{number}")
            run("-n", name, "link", "set", f"veth{number}", "up")
            run("-n", name, "link", "set", "lo", "up")
        yield [[ip, "netns", "exec", name] for name in names]
    finally:
        for name in names:
            subprocess.run([ip, "netns", "delete", name], capture_output=True, check=False)


@pytest.mark.full  # by default the workers are processes beside the engine
def test_engine_and_workers_on_hosts_of_their_own(two_hosts, tmp_path):
    here, there = two_hosts
    hidden = tmp_path / "runs"  # of which the worker's host sees an empty folder in its place
    hidden.mkdir()
    (tmp_path / "cluster").mkdir()
    mask = ["unshare", "--mount", "sh", "-c", f'mount -t tmpfs none {hidden} && exec "$@"', "sh"]
    cluster = DaskCluster(tmp_path / "cluster", host="10.213.7.2", before=[*there, *mask])
    try:
        cluster.start_scheduler()
        for _ in range(2):
            cluster.start_worker()
        words = ["tail", "--data", "gaussian", "--inputs", "6", "--examples", "4", "--width", "12"]
        words += ["--depth", "1", "--samples", "3000", "--to-log10-volume", "-6", "--population", "60"]
        words += ["--repeats", "3", "--quiet", "--json"]
        for name, options in {
            "far": ["--executor", "dask", "--scheduler", cluster.address],
            "near": ["--workers", "1"],
        }.items():
            command = [
                *here,
                sys.executable,
                "-m",
                "geomreg_tui",
                *words,
                *options,
                "--out",
                str(hidden / name),
            ]
            answer = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
            assert answer.returncode == 0, answer.stderr
        assert bits_of(hidden / "far") == bits_of(hidden / "near")
    finally:
        cluster.close()
