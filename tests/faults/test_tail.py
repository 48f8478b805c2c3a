"""The deep tail under interruption: the same bits as a tail that nothing has disturbed."""

import json
import os
import random
import shutil
import signal
import time

import numpy as np
import pytest

from geomreg_tui.errors import ExperimentError, RunDirectoryError
from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir import RunDirectory, RunState
from geomreg_tui.rundir.store import read_arrays, write_arrays
from geomreg_tui.runner.verify import verify_run
from geomreg_tui.splitting.checkpoints import TailFolder
from geomreg_tui.splitting.pieces import LevelsWork
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.splitting.population import Population
from geomreg_tui.splitting.work import go_down
from tests import seeds
from tests.command import call
from tests.engines import put_engines_here
from tests.patience import PATIENCE

from .driving import (
    engine_of,
    engine_pid,
    family,
    fill,
    finish,
    geomreg,
    kill_engine,
    outcome,
    stands_still,
    wait_for,
)

REPEATS, SAMPLES = 2, 2_000
PLAN = TailPlan(log10_volume=-12, population=100, repeats=REPEATS, kernel="pcn")  # of many levels
VALUES = {"data": "gaussian", "inputs": 6, "examples": 4, "width": 12, "depth": 1, "chunk_size": 1000}
EXPERIMENT = Experiment.parse(VALUES)
OPTIONS = [word for key, value in VALUES.items() for word in (f"--{key.replace('_', '-')}", str(value))]
GOALS = [
    "--to-log10-volume",
    PLAN.log10_volume,
    "--population",
    PLAN.population,
    "--repeats",
    REPEATS,
    "--move",
    "pcn",
]
COMMAND = ["tail", *OPTIONS, *GOALS, "--samples", SAMPLES]

# Levels so slow that there is time to disturb them; their bits are the same.
SLOW_LEVELS = """
import sys
if "multiprocessing.forkserver" in " ".join(sys.orig_argv):
    import time
    from geomreg_tui.splitting.population import Population
    walk_down = Population.advance
    def advance(self):
        time.sleep(SECONDS)
        return walk_down(self)
    Population.advance = advance
"""


def bits_of(path):
    """Return every bit that the populations of a run have come to."""
    run = RunDirectory.open(path)
    tail = TailFolder.of(run).planned()
    found = []
    for index in range(tail.plan.repeats):
        checkpoint = TailFolder.of(run).checkpoint(index, tail.in_use)
        assert checkpoint is not None
        found.append(
            (
                json.dumps(checkpoint.values, sort_keys=True),
                {name: array.tobytes() for name, array in checkpoint.arrays.items()},
            )
        )
    return found


def engine_at_work_or_over(path, process):
    wait_for(lambda: engine_of(path) or process.poll() is not None)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """A finished tail, and the bits of its populations when walked here level by level."""
    path = tmp_path_factory.mktemp("tail") / "run"
    with pytest.MonkeyPatch.context() as monkeypatch:
        put_engines_here(monkeypatch)
        call(*COMMAND, "--out", path, "--quiet", check=0)
    run = RunDirectory.open(path)
    tail = TailFolder.of(run).planned()
    expected = []
    for index in range(REPEATS):
        descender = Population(run.facts.experiment, tail.in_use, index)
        while descender.advance():
            pass
        values, arrays = descender.to_parts()
        expected.append(
            (json.dumps(values, sort_keys=True), {name: array.tobytes() for name, array in arrays.items()})
        )
    return path, expected


def test_a_population_is_the_same_whoever_walks_it(undisturbed):
    path, expected = undisturbed
    assert bits_of(path) == expected
    assert verify_run(path).problems == ()


@pytest.mark.full  # by default a worker of a tail is killed, and the engine of a run
@pytest.mark.parametrize(("times", "least"), [(3, 2), (5, 3)])
def test_killed_engines_that_are_gone_on_with_give_the_same_bits(
    undisturbed, tmp_path, every_process, times, least
):
    every_process(SLOW_LEVELS.replace("SECONDS", "0.15"))
    path = tmp_path / "run"
    moments = random.Random(seeds.seed(5))
    process = geomreg(*COMMAND, "--workers", 2, "--out", path, "--quiet")
    killed = 0
    for _ in range(times):
        engine_at_work_or_over(path, process)
        time.sleep(moments.uniform(0.0, 2.0))
        killed += kill_engine(path)
        finish(process)
        process = geomreg("tail", "--resume", path, "--workers", 2, "--quiet")
    code, _, err = finish(process)
    assert code == 0, err
    assert killed >= least
    assert bits_of(path) == undisturbed[1]


def test_one_of_two_workers_that_is_killed_costs_no_more_than_a_leg(
    undisturbed, tmp_path, every_process, runs
):
    every_process(SLOW_LEVELS.replace("SECONDS", "0.1"))
    path = tmp_path / "run"
    handle = runs.start(EXPERIMENT, SAMPLES, directory=path, workers=2, tail=PLAN)
    wait_for(lambda: (path / "tail" / "population-00.safetensors").exists())
    server = wait_for(lambda: [pid for pid in family(engine_pid(path)) if family(pid)] or None)[0]
    os.kill(family(server)[0], signal.SIGKILL)
    assert outcome(handle)[0].state is RunState.DONE
    assert bits_of(path) == undisturbed[1]
    one, two = (json.loads((p / "summary.json").read_text()) for p in (undisturbed[0], path))
    assert one["tail"] == two["tail"]


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGUSR1, marks=pytest.mark.full)])
def test_a_scheduler_stops_it_and_it_can_be_gone_on_with(
    engines_here, undisturbed, tmp_path, every_process, number
):
    every_process(SLOW_LEVELS.replace("SECONDS", "0.15"))
    path = tmp_path / "run"
    process = geomreg(*COMMAND, "--workers", 2, "--out", path)
    wait_for(lambda: (path / "tail" / "population-00.safetensors").exists())
    process.send_signal(number)
    wait_for(lambda: engine_of(path) is None)
    code, _, err = finish(process)
    assert code == 130
    assert f"tail --resume {path}" in err
    assert RunDirectory.open(path).read_status().state is RunState.STOPPED
    call("tail", "--resume", path, "--quiet", check=0)
    assert bits_of(path) == undisturbed[1]


def test_pause_and_go_on(undisturbed, tmp_path, every_process, runs):
    every_process(SLOW_LEVELS.replace("SECONDS", "0.15"))
    path = tmp_path / "run"
    handle = runs.start(EXPERIMENT, SAMPLES, directory=path, workers=2, tail=PLAN)
    file = path / "tail" / "population-00.safetensors"
    wait_for(file.exists)
    handle.pause()
    wait_for(lambda: handle.snapshot().state is RunState.PAUSED)
    wait_for(lambda: stands_still(lambda: checkpoints(path)))  # when the legs under way have ended
    assert handle.snapshot().state is RunState.PAUSED
    handle.resume()
    assert outcome(handle)[0].state is RunState.DONE
    assert bits_of(path) == undisturbed[1]


def test_a_time_limit_ends_all_and_more_time_goes_on(engines_here, undisturbed, tmp_path, monkeypatch):
    walk_down = Population.advance

    def slowly(self):
        time.sleep(0.1)
        return walk_down(self)

    monkeypatch.setattr(Population, "advance", slowly)
    path = tmp_path / "run"
    code, out, err = call(*COMMAND, "--out", path, "--max-seconds", 1, "--json")
    assert code == 0, err
    assert json.loads(out)["tail"]["statuses"] == ["time limit"] * REPEATS
    code, out, err = call("tail", "--resume", path, "--max-seconds", 0.5, "--json")
    assert code == 0
    assert "complete" in err
    monkeypatch.setattr(Population, "advance", walk_down)
    code, out, err = call("tail", "--resume", path, "--max-seconds", 1e6, "--json")
    assert code == 0, err
    assert json.loads(out)["tail"]["statuses"] == ["volume reached"] * REPEATS
    assert bits_of(path) == undisturbed[1]


def flip(path):
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[:1000])


def empty(path):
    path.write_bytes(b"")


def of_another(path):
    shutil.copy(path.with_name("population-00.safetensors"), path)


def fewer_particles(path):
    header, arrays = read_arrays(path)
    write_arrays(path, header, {**arrays, "state.normals": arrays["state.normals"][:50]})


def lineage_out_of_range(path):
    header, arrays = read_arrays(path)
    write_arrays(path, header, {**arrays, "state.lineage": arrays["state.lineage"] + 10**6})


def unfinished_nonsense(path):
    header, arrays = read_arrays(path)
    values = {**json.loads(header["values"]), "status": None}
    values["state"] = {**values["state"], "status": None, "scale": "none", "bound": ["x"]}
    write_arrays(path, {**header, "values": json.dumps(values)}, arrays)


@pytest.mark.parametrize("damage", [flip, cut, empty, of_another, unfinished_nonsense])
def test_a_damaged_checkpoint_is_set_aside_and_its_population_begun_anew(
    engines_here, undisturbed, tmp_path, runs, damage
):
    path = tmp_path / "run"
    shutil.copytree(undisturbed[0], path)
    file = path / "tail" / "population-01.safetensors"
    untouched = (path / "tail" / "population-00.safetensors").stat().st_mtime_ns
    damage(file)
    if damage is not unfinished_nonsense:  # which only who goes on with it can tell
        assert "population 1" in verify_run(path).problems[0]
    assert outcome(runs.resume(path))[0].state is RunState.DONE
    assert (path / "tail" / "population-01.safetensors.damaged").exists()
    assert (path / "tail" / "population-00.safetensors").stat().st_mtime_ns == untouched
    assert bits_of(path) == undisturbed[1]


@pytest.mark.parametrize("damage", [fewer_particles, lineage_out_of_range, unfinished_nonsense])
def test_a_worker_begins_a_population_anew_whose_checkpoint_does_not_fit(undisturbed, tmp_path, damage):
    path = tmp_path / "run"
    shutil.copytree(undisturbed[0], path)
    damage(path / "tail" / "population-01.safetensors")
    run = RunDirectory.open(path)
    plan = TailFolder.of(run).planned().in_use
    stands = TailFolder.of(run).checkpoint(1, plan)
    walked = go_down(LevelsWork(run.facts.experiment, plan, 1, stands, 0, np.inf, 1e9), "cpu")
    assert walked.damage
    assert walked.result.status == "volume reached"
    TailFolder.of(run).write(1, plan, walked.checkpoint)
    assert bits_of(path) == undisturbed[1]


def test_a_kernel_that_does_not_work_on_the_experiment_is_refused_before_anything_is_written(
    engines_here, tmp_path, runs
):
    uniform = EXPERIMENT.replace(init="he_uniform")
    with pytest.raises(ExperimentError, match="move: got 'tempered'; that is exact only for"):
        runs.start(uniform, SAMPLES, directory=tmp_path / "run", tail=TailPlan(1e-3, kernel="tempered"))
    assert not (tmp_path / "run").exists()


def test_a_tail_of_a_link_is_not_read(undisturbed, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(undisturbed[0], path)
    (path / "tail").rename(tmp_path / "elsewhere")
    (path / "tail").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunDirectoryError, match="link"):
        TailFolder.of(RunDirectory.open(path)).read()


def checkpoints(path):
    return {entry.name: entry.stat().st_mtime_ns for entry in (path / "tail").glob("population-*")}


def began_on(disk, runs, **options):
    """Return a handle on a tail on a small disk, of which a checkpoint has just been written."""
    handle = runs.start(EXPERIMENT, SAMPLES, directory=disk / "run", workers=2, tail=PLAN, **options)
    wait_for(lambda: checkpoints(handle.directory) or None)
    return handle


def test_a_tail_on_a_full_disk_waits_for_room_and_then_goes_on(undisturbed, small_disk, every_process, runs):
    every_process(SLOW_LEVELS.replace("SECONDS", "0.15"))
    handle = began_on(small_disk, runs)
    fill(small_disk)
    stood = checkpoints(handle.directory)
    time.sleep(2.5)  # longer than two legs
    assert checkpoints(handle.directory) == stood
    assert handle.running()
    (small_disk / "filler").unlink()
    assert outcome(handle)[0].state is RunState.DONE
    assert bits_of(handle.directory) == undisturbed[1]


@pytest.mark.full  # tests/faults/test_storage.py has a run do so
def test_a_tail_on_a_disk_that_stays_full_fails_with_a_clear_line_and_goes_on(
    undisturbed, small_disk, every_process, runs
):
    every_process(SLOW_LEVELS.replace("SECONDS", "0.15"))
    handle = began_on(small_disk, runs, patience=2)
    path = handle.directory
    fill(small_disk)
    levels = [descent.levels for descent in TailFolder.of(RunDirectory.open(path)).read().populations]
    assert max(levels) > 0
    assert handle.wait(PATIENCE)
    assert "No space left on device" in handle.failure()
    for command in (["report", path], ["runs", "verify", path]):
        call(*command, check=0)
    fill(small_disk)  # what the engine has freed, too
    code, out, err = finish(geomreg("tail", "--resume", path))
    assert (code, out) == (1, "")
    assert "No space left on device" in err
    kept = [descent.levels for descent in TailFolder.of(RunDirectory.open(path)).read().populations]
    assert all(now >= before for now, before in zip(kept, levels, strict=True))
    (small_disk / "filler").unlink()
    assert outcome(runs.resume(path, workers=2))[0].state is RunState.DONE
    assert bits_of(path) == undisturbed[1]
