"""What can happen to a cluster: nothing is lost, and nothing is counted twice."""

import os
import random
import signal

import pytest

from geomreg_tui.rundir import RunState
from tests import seeds
from tests.faults.driving import EXPERIMENT, SAMPLES, fold, outcome, samples_of, wait_for
from tests.patience import PATIENCE

# What takes place before each chunk, in workers, so that there is time to disturb them.
SLOW_CHUNKS = """
import sys
if "dask_worker" in " ".join(sys.orig_argv):
    import time
    from geomreg_tui.sampling import work as sampling
    draw = sampling.run_chunk
    def run_chunk(*arguments, **options):
        time.sleep(0.1)
        return draw(*arguments, **options)
    sampling.run_chunk = run_chunk
"""


@pytest.fixture
def slow(tmp_path, own_cluster):
    """Return a function that starts a worker that rests before each chunk."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SLOW_CHUNKS)
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    return lambda: own_cluster.start_worker(PYTHONPATH=path)


@pytest.fixture(scope="module")
def expected():
    """The digest of the networks, drawn here one chunk after the other."""
    return fold(SAMPLES)[0].histogram.digest()


def test_workers_die_and_join_and_nothing_is_lost(own_cluster, slow, expected, tmp_path, runs):
    slow(), slow()
    handle = runs.start(EXPERIMENT, SAMPLES, directory=tmp_path / "run", cluster=own_cluster.place)
    wait_for(lambda: samples_of(handle) > 0)
    own_cluster.kill_worker()
    slow()
    seen = samples_of(handle)
    wait_for(lambda: samples_of(handle) > seen or not handle.running())
    own_cluster.kill_worker()
    status, summary = outcome(handle)
    assert status.state is RunState.DONE, status.message
    assert (summary.samples, summary.histogram.digest()) == (SAMPLES, expected)


def test_a_scheduler_that_restarts_costs_only_time(own_cluster, slow, expected, tmp_path, runs):
    slow(), slow()
    handle = runs.start(EXPERIMENT, SAMPLES, directory=tmp_path / "run", cluster=own_cluster.place)
    wait_for(lambda: samples_of(handle) > 0)
    own_cluster.kill_scheduler()
    wait_for(lambda: "cannot be reached" in handle.snapshot().message)
    own_cluster.start_scheduler()
    slow()
    status, summary = outcome(handle)
    assert status.state is RunState.DONE, status.message
    assert (summary.samples, summary.histogram.digest()) == (SAMPLES, expected)
    assert status.message == ""


def test_a_worker_that_stands_still_holds_nothing_up(own_cluster, slow, expected, tmp_path, runs):
    stopped = slow()
    slow()
    handle = runs.start(EXPERIMENT, SAMPLES, directory=tmp_path / "run", cluster=own_cluster.place)
    wait_for(lambda: samples_of(handle) > 0)
    stopped.send_signal(signal.SIGSTOP)  # its connection stays, and its work comes to no end
    status, summary = outcome(handle)
    assert status.state is RunState.DONE, status.message
    assert (summary.samples, summary.histogram.digest()) == (SAMPLES, expected)


def test_a_stop_is_prompt_and_the_run_goes_on_elsewhere(own_cluster, slow, expected, tmp_path, runs):
    slow()
    handle = runs.start(EXPERIMENT, SAMPLES, directory=tmp_path / "run", cluster=own_cluster.place)
    wait_for(lambda: samples_of(handle) > 0)
    handle.stop()
    assert outcome(handle)[0].state is RunState.STOPPED
    # Without workers, too, and with a scheduler that is gone.
    handle = runs.resume(tmp_path / "run", cluster=own_cluster.place)
    own_cluster.kill_scheduler()
    wait_for(lambda: "cannot be reached" in handle.snapshot().message)
    handle.stop(hurry=True)
    assert outcome(handle)[0].state is RunState.STOPPED
    status, summary = outcome(runs.resume(tmp_path / "run", workers=1))
    assert status.state is RunState.DONE
    assert summary.histogram.digest() == expected


@pytest.mark.full  # by default an engine that stops leaves it
def test_an_engine_that_is_killed_leaves_the_cluster_to_the_next(own_cluster, slow, expected, tmp_path, runs):
    slow()
    handle = runs.start(EXPERIMENT, SAMPLES, directory=tmp_path / "run", cluster=own_cluster.place)
    wait_for(lambda: handle.status().samples > 0)
    handle.kill()
    assert handle.wait(PATIENCE)
    status, summary = outcome(runs.resume(tmp_path / "run", cluster=own_cluster.place))
    assert status.state is RunState.DONE
    assert summary.histogram.digest() == expected


@pytest.mark.full  # above one worker is killed at a time, and one scheduler
def test_a_million_networks_under_ten_kills_of_workers_and_two_of_the_scheduler(own_cluster, tmp_path, runs):
    experiment = EXPERIMENT.replace(chunk_size=1000, width=256)
    samples = 10**6
    moments = random.Random(seeds.seed(31))
    own_cluster.start_worker(), own_cluster.start_worker()
    options = {"directory": tmp_path / "run", "cluster": own_cluster.place}
    handle = runs.start(experiment, samples, **options)
    places = sorted(moments.sample(range(2, 24), 12))
    scheduler_kills = (places[3], places[8])
    for place in places:
        wait_for(lambda place=place: samples_of(handle) >= samples * place / 26)
        if place in scheduler_kills:
            own_cluster.restart_scheduler()
        else:
            own_cluster.kill_worker()
            own_cluster.start_worker()
    status, summary = outcome(handle)
    assert status.state is RunState.DONE, status.message
    assert status.given_up == ()
    plain = outcome(runs.start(experiment, samples, directory=tmp_path / "plain", workers=2))[1]
    assert (summary.samples, summary.histogram.digest()) == (samples, plain.histogram.digest())
