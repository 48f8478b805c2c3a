"""Training under interruption, with real processes: the same bits as training that nothing has disturbed."""

import os
import random
import signal

import numpy as np
import pytest

from geomreg_tui.rundir import RunDirectory, RunState
from geomreg_tui.runner.verify import verify_run
from geomreg_tui.training.store import read_overview, read_trajectories
from tests import seeds
from tests.command import call
from tests.engines import put_engines_here

from .driving import engine_of, engine_pid, family, finish, geomreg, kill_engine, wait_for

VALUES = ["--data", "iris", "--examples", 12, "--width", 4, "--depth", 1, "--seed", seeds.seed(3)]
COMMAND = [
    "train", *VALUES, "--samples", 500, "--optimizer", "momentum", "--lr", 0.02, "--to-loss", 0,
    "--trajectories", 12, "--steps", 120, "--sketch", 16,
    "--observe", "confusion,ntk", "--observed", 50,
]  # fmt: skip

# While a file is there, steps are so slow that none of the trajectories ends, and states are handed back
# often; the bits are the same.
SLOW_STEPS = """
import sys
from geomreg_tui.training import stage
stage._STRETCH = 0.1
if "multiprocessing.forkserver" in " ".join(sys.orig_argv):
    import os, time
    from geomreg_tui.training.trajectories import Block
    make_step = Block._make_step
    def slowly(self, done):
        if os.path.exists(FILE):
            time.sleep(1.0 if self.step > 20 else 0.01)
        return make_step(self, done)
    Block._make_step = slowly
"""


@pytest.fixture
def slow(tmp_path, every_process):
    """Return the file that makes steps slow, until it is deleted."""
    file = tmp_path / "slow"
    file.touch()
    every_process(SLOW_STEPS.replace("FILE", repr(str(file))))
    return file


def bits_of(path):
    """Return every bit of the trajectories of a run."""
    _, arrays = read_trajectories(RunDirectory.open(path)).to_parts()
    return {name: array.tobytes() for name, array in arrays.items()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    path = tmp_path_factory.mktemp("training") / "run"
    with pytest.MonkeyPatch.context() as monkeypatch:
        put_engines_here(monkeypatch)
        call(*COMMAND, "--out", path, "--quiet", check=0)
    return bits_of(path)


@pytest.mark.full  # by default the engine of two workers is killed, and stopped
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_workers_give_the_same_bits(undisturbed, tmp_path, workers):
    path = tmp_path / "run"
    code, _, err = finish(geomreg(*COMMAND, "--workers", workers, "--out", path, "--quiet"))
    assert code == 0, err
    assert bits_of(path) == undisturbed
    assert verify_run(path).problems == ()


@pytest.mark.parametrize("kills", [1, pytest.param(10, marks=pytest.mark.full)])
def test_killed_engines_that_are_gone_on_with_give_the_same_bits(undisturbed, tmp_path, slow, kills):
    path = tmp_path / "run"
    moments = random.Random(seeds.seed(6))
    process = geomreg(*COMMAND, "--workers", 2, "--out", path, "--quiet")
    killed = 0
    for _ in range(kills):
        wait_for_new_state(path, process)
        for _ in range(moments.randrange(3)):
            wait_for_new_state(path, process)
        killed += kill_engine(path)
        finish(process)
        if killed == kills:
            slow.unlink()
        process = geomreg("train", "--resume", path, "--workers", 2, "--quiet")
    code, _, err = finish(process)
    assert code == 0, err
    assert killed == kills
    assert bits_of(path) == undisturbed


def wait_for_new_state(path, process):
    """Wait until there is more to lose and to go on from than now, or the process is over."""
    seen = states(path)
    wait_for(lambda: states(path) != seen or process.poll() is not None)


def states(path):
    """Return when the file of each group was written."""
    files = sorted((path / "training").glob("group-*.safetensors"))
    return [file.stat().st_mtime_ns for file in files]


@pytest.mark.full
def test_a_killed_worker_costs_no_more_than_some_steps(undisturbed, tmp_path, slow):
    path = tmp_path / "run"
    process = geomreg(*COMMAND, "--workers", 2, "--out", path, "--quiet")
    wait_for_new_state(path, process)
    server = wait_for(lambda: [pid for pid in family(engine_pid(path)) if family(pid)] or None)[0]
    os.kill(family(server)[0], signal.SIGKILL)
    slow.unlink()
    code, _, err = finish(process)
    assert code == 0, err
    assert bits_of(path) == undisturbed


def test_it_is_stopped_and_gone_on_with(undisturbed, tmp_path, slow):
    path = tmp_path / "run"
    process = geomreg(*COMMAND, "--workers", 2, "--out", path)
    wait_for_new_state(path, process)
    process.send_signal(signal.SIGTERM)
    code, _, err = finish(process)
    assert code == 130
    assert f"train --resume {path}" in err
    run = RunDirectory.open(path)
    assert engine_of(path) is None
    assert run.read_status().state is RunState.STOPPED
    overview = read_overview(run)
    assert 0 < overview.waiting <= 12
    assert np.isfinite(overview.bands["loss"].median[:, 0]).all()
    slow.unlink()
    code, _, err = finish(geomreg("train", "--resume", path, "--workers", 1, "--quiet"))
    assert code == 0, err
    assert bits_of(path) == undisturbed
