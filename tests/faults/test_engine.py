"""The engine in real processes: the same bits whatever happens to it."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from geomreg_tui.engine.executors import InProcess, WorkerPool
from geomreg_tui.engine.loop import Pace
from geomreg_tui.errors import DataError, ExperimentError, RunDirectoryError, SamplingError
from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir import RunDirectory, RunState
from geomreg_tui.runner import PreviewEngine, begin
from geomreg_tui.runner.preparing import prepare
from geomreg_tui.runner.protocol import RunRequest
from geomreg_tui.runner.server import start_server
from geomreg_tui.sampling.pieces import ChunkWork
from geomreg_tui.sampling.plan import read_plan
from geomreg_tui.sampling.store import committed
from geomreg_tui.sampling.work import run_chunk
from tests import seeds
from tests.command import call
from tests.making import make_engine, new_run, preparation
from tests.patience import PATIENCE

from .driving import (
    CHUNK,
    EXPERIMENT,
    OPTIONS,
    SAMPLES,
    VALUES,
    Shuffled,
    drawn_run,
    engine_of,
    engine_pid,
    family,
    finish,
    fold,
    geomreg,
    kill_engine,
    outcome,
    sample_here,
    samples_of,
    stands_still,
    state_of,
    wait_for,
)


@pytest.fixture(scope="module")
def server():
    """The server of workers, as the engine has it: what they need is loaded once for all."""
    start_server(("geomreg_tui.runner.preload",))


@pytest.mark.parametrize("workers", [5, *(pytest.param(k, marks=pytest.mark.full) for k in (1, 2))])
def test_the_result_does_not_depend_on_the_workers(tmp_path, runs, expected, workers):
    handle = runs.start(EXPERIMENT, SAMPLES, directory=tmp_path / "run", workers=workers, keep_losses=1200)
    status, summary = outcome(handle)
    assert status.state is RunState.DONE
    assert summary.histogram.digest() == expected
    np.testing.assert_array_equal(np.load(tmp_path / "run" / "losses.npy"), fold(1200, 1200)[1])
    assert not RunDirectory.open(handle.directory).engine()


@pytest.mark.parametrize("seed", range(3))
def test_the_result_does_not_depend_on_the_order_of_completion(tmp_path, expected, seed):
    executor = Shuffled(seed, workers=5)
    run = sample_here(tmp_path / "run", executor=executor, keep=1200)
    assert executor.order != sorted(executor.order)
    assert committed(run).summary.histogram.digest() == expected
    np.testing.assert_array_equal(np.load(tmp_path / "run" / "losses.npy"), fold(1200, 1200)[1])


def test_an_engine_that_is_told_to_stop_says_what_it_waits_for(tmp_path):
    ready = prepare(preparation(EXPERIMENT))
    run = new_run(tmp_path / "run", ready.facts, ready.environment, SAMPLES, 0, EXPERIMENT)
    said = []

    class Stopping(Shuffled):
        def outcomes(self, timeout):
            if len(self.order) == 1:
                engine.request_stop()
            said.append((len(self._queue), run.read_live().message))
            return super().outcomes(timeout)

    engine = make_engine(run, Stopping(workers=3), None, Pace(publish=0.0, commit=0.0))
    assert engine.run() is RunState.STOPPED
    assert said[0][1] == said[1][1] == ""
    for waiting, message in said[2:]:
        assert message == f"stopping, finishing {waiting} {'pieces' if waiting > 1 else 'piece'} of work"
    assert len(said) > 3
    assert run.read_live().message == ""


def test_pause_extend_stop_and_resume(tmp_path, runs, at_leisure):
    handle = runs.start(EXPERIMENT, 10**9, directory=tmp_path / "run", workers=2)
    wait_for(lambda: samples_of(handle) > 2 * CHUNK)
    handle.pause()
    wait_for(lambda: state_of(handle) is RunState.PAUSED)
    held = wait_for(lambda: stands_still(lambda: samples_of(handle)))
    assert held < 10**9
    assert state_of(handle) is RunState.PAUSED
    handle.resume()
    wait_for(lambda: samples_of(handle) > held)
    handle.stop()
    status, summary = outcome(handle)
    assert status.state is RunState.STOPPED
    assert summary.samples % CHUNK == 0
    assert summary.histogram.digest() == fold(summary.samples)[0].histogram.digest()
    wanted = summary.samples + 750
    status, summary = outcome(runs.resume(handle.directory, wanted, workers=2))
    assert (status.state, summary.samples) == (RunState.DONE, wanted)
    assert summary.histogram.digest() == fold(wanted)[0].histogram.digest()


def test_a_run_that_is_going_is_extended(tmp_path, runs, at_leisure):
    handle = runs.start(EXPERIMENT, 10**6, directory=tmp_path / "run", workers=2)
    handle.pause()
    wait_for(lambda: state_of(handle) is RunState.PAUSED)
    there = samples_of(handle)
    handle.extend(100)  # asking for fewer changes nothing
    handle.extend(2 * 10**6)
    wait_for(lambda: read_plan(RunDirectory.open(handle.directory)).samples == 2 * 10**6)
    handle.stop()
    status, summary = outcome(handle)
    assert (status.state, status.target) == (RunState.STOPPED, 2 * 10**6)
    assert summary.samples >= there


def test_an_extended_run_draws_its_incomplete_chunk_whole(tmp_path):
    for samples in (1000, 1300, 1300, 1450, 4250):
        run = sample_here(tmp_path / "run", samples)
        assert committed(run).summary.samples == samples
    assert committed(run).summary.histogram.digest() == fold(4250)[0].histogram.digest()


@pytest.mark.parametrize("times", [1, pytest.param(20, marks=pytest.mark.full)])
def test_an_engine_that_is_killed_loses_nothing(tmp_path, times, at_leisure):
    """At random moments: while it reads, compares, samples, publishes, commits."""
    path, samples = tmp_path / "run", SAMPLES
    generator = seeds.generator(20)
    kept = kills = 0
    process = geomreg("run", *OPTIONS, "--samples", samples, "--out", path, "--workers", 2)
    while kills < times:
        wait_for(lambda process=process: engine_of(path) or process.poll() is not None)
        time.sleep(float(generator.uniform(0, 2.5)))
        kills += kill_engine(path)
        code, _, err = finish(process)
        assert code in (0, 3), err
        found = committed(RunDirectory.open(path)).summary.samples
        assert found >= kept
        kept = found
        if code == 0:  # it was faster than the killer: ask for more
            samples += SAMPLES
        process = geomreg("run", "--resume", path, "--samples", samples, "--workers", 2)
    code, _, err = finish(process)
    assert code == 0, err
    run = RunDirectory.open(path)
    assert committed(run).summary.histogram.digest() == fold(samples)[0].histogram.digest()
    assert len([*path.rglob("*")]) < 40
    assert not [*path.rglob("*.tmp")]


def test_a_worker_that_is_killed_at_its_chunk_is_replaced(tmp_path, runs, expected, before_each_chunk):
    held = tmp_path / "held"
    before_each_chunk(
        f"if chunk == 9 and not os.path.exists({str(held)!r}): "
        f"open({str(held)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    )
    handle = runs.start(EXPERIMENT, SAMPLES, directory=tmp_path / "run", workers=3)
    worker = int(wait_for(lambda: (held.exists() and held.read_text()) or None))
    assert worker in family(engine_pid(handle.directory))
    os.kill(worker, signal.SIGKILL)
    status, summary = outcome(handle)
    assert (status.state, status.given_up) == (RunState.DONE, ())
    assert summary.histogram.digest() == expected


def test_the_server_that_workers_are_forked_from_is_replaced(tmp_path, runs, expected, before_each_chunk):
    """Its workers leave it, too; the system's choice when memory is short may fall on it."""
    before_each_chunk("time.sleep(0.05)")
    handle = runs.start(EXPERIMENT, SAMPLES, directory=tmp_path / "run", workers=2)
    wait_for(lambda: samples_of(handle) >= CHUNK)
    (server,) = (pid for pid in family(engine_pid(handle.directory)) if family(pid))
    os.kill(server, signal.SIGKILL)
    status, summary = outcome(handle)
    assert (status.state, status.given_up) == (RunState.DONE, ())
    assert summary.histogram.digest() == expected


def test_workers_give_way_and_the_engine_does_not(tmp_path, runs, at_leisure):
    own = os.getpriority(os.PRIO_PROCESS, 0)
    handle = runs.start(EXPERIMENT, 10**12, directory=tmp_path / "run", workers=2)
    engine = engine_pid(handle.directory)

    def niceness():
        workers = [pid for pid in family(engine) if b"forkserver" in _command(pid)][1:]
        return [os.getpriority(os.PRIO_PROCESS, pid) for pid in workers]

    wait_for(lambda: niceness() == [own + 5] * 2)
    assert os.getpriority(os.PRIO_PROCESS, engine) == own
    handle.stop()
    assert outcome(handle)[0].state is RunState.STOPPED


def _command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_a_chunk_that_always_kills_its_worker_is_reported_and_all_others_are_kept(
    tmp_path, before_each_chunk, engines_here, expected
):
    path = tmp_path / "run"
    before_each_chunk("if chunk in (7, 40): os.kill(os.getpid(), 9)")  # the last one is the incomplete one
    code, out, err = finish(
        geomreg("run", *OPTIONS, "--samples", SAMPLES, "--out", path, "--workers", 2, "--json")
    )
    assert code == 3
    assert "chunks 7, 40 cannot be drawn" in err
    assert "SIGKILL" in err
    status = RunDirectory.open(path).read_status()
    assert status.state is RunState.FAILED
    assert status.given_up == (7, 40)
    assert status.samples == SAMPLES - CHUNK - 250
    assert f'"samples": {SAMPLES - CHUNK - 250}' in out
    code, out, _ = call("report", path)
    assert code == 0
    assert "could not be drawn are missing (7, 40)" in out
    assert call("runs", "verify", path)[0] == 0
    # Whatever was wrong with the machine is mended: only those two are drawn, and nothing is missing.
    assert call("run", "--resume", path)[0] == 0
    run = RunDirectory.open(path)
    assert run.read_status().given_up == ()
    assert committed(run).summary.histogram.digest() == expected


def test_a_run_of_which_nothing_can_be_drawn_ends(tmp_path, before_each_chunk):
    before_each_chunk("os.kill(os.getpid(), 9)")
    code, out, err = finish(
        geomreg("run", *OPTIONS, "--samples", "1e6", "--out", tmp_path / "run", "--workers", 2)
    )
    assert code == 3
    assert out == ""
    assert "cannot be drawn" in err


def test_a_second_engine_is_refused(tmp_path, runs, at_leisure):
    handle = runs.start(EXPERIMENT, 10**9, directory=tmp_path / "run", workers=1)
    with pytest.raises(RunDirectoryError, match="in use"):
        runs.resume(tmp_path / "run")
    with pytest.raises(RunDirectoryError, match="not an empty folder"):
        runs.start(EXPERIMENT, 100, directory=tmp_path / "run")
    handle.stop()
    assert handle.wait(PATIENCE)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"data": "no-such-file.npz"}, DataError),
        ({"data": "digits", "examples": 10**6}, DataError),
        ({"sampler": "radial", "examples": 3}, ExperimentError),
        ({"arch": "custom", "module": "no_such_module:factory"}, ExperimentError),
    ],
)
@pytest.mark.parametrize("here", [True, pytest.param(False, marks=pytest.mark.full)])
def test_what_cannot_be_run_writes_nothing(request, tmp_path, runs, values, kind, here):
    if here:
        request.getfixturevalue("engines_here")
    with pytest.raises(kind):
        runs.start(Experiment.parse(values), 100, directory=tmp_path / "run", workers=1)
    assert not (tmp_path / "run").exists()


def test_a_run_whose_name_is_taken_meanwhile_gets_another(monkeypatch):
    from geomreg_tui.rundir import list_runs, new_run_path

    taken = new_run_path(EXPERIMENT)
    taken.mkdir(parents=True)  # by another engine, a moment before it takes the lease
    offers = iter([taken])
    monkeypatch.setattr(begin, "new_run_path", lambda asked: next(offers, None) or new_run_path(asked))
    request = RunRequest("", {"sampling": {"samples": 500, "keep_losses": 0}}, VALUES)
    run, lease, engine = begin.begin(request, InProcess())
    assert engine.run() is RunState.DONE
    lease.release()
    assert run.path != taken
    assert not list(taken.iterdir())
    assert run.path in {entry.path for entry in list_runs()}


def test_an_error_of_a_module_of_ones_own_does_not_ask_to_try_again(tmp_path, monkeypatch):
    (tmp_path / "moody.py").write_text(
        "import os, torch\n"
        "class Net(torch.nn.Linear):\n"
        "    def forward(self, x):\n"
        "        if os.path.exists('error-now'): raise ValueError('not with me')\n"
        "        return super().forward(x)\n"
        "def net(): return Net(20, 1)\n"
    )
    monkeypatch.chdir(tmp_path)
    experiment = Experiment.parse({**VALUES, "arch": "custom", "module": "moody:net"})
    prepared = prepare(preparation(experiment, module="moody:net"))
    run = new_run(tmp_path / "run", prepared.facts, prepared.environment, 3 * CHUNK, 0)
    run_chunk(run.facts.experiment, 0)
    (tmp_path / "error-now").write_text("")
    lease = run.lease()
    make_engine(run, InProcess(), lease, Pace(commit=0.0)).run()
    lease.release()
    status = run.read_status()
    assert status.state is RunState.FAILED
    assert "moody:net fails (ValueError: not with me)" in status.message
    assert "the same would happen again" in status.message
    assert "--resume" not in status.message


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path, runs):
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunDirectoryError, match="cannot be created"):
        runs.start(EXPERIMENT, 100, directory=tmp_path / "file" / "run", workers=1)


def test_code_named_by_a_run_file_is_never_imported(tmp_path, runs, monkeypatch):
    (tmp_path / "evil.py").write_text("open('evil-was-here', 'w')\ndef factory(): pass\n")
    monkeypatch.chdir(tmp_path)
    run = drawn_run(tmp_path / "run", 500)
    from dataclasses import replace

    experiment = run.facts.experiment.replace(arch="custom", module="evil:factory")
    named = replace(run.facts, experiment=experiment)
    new_run(tmp_path / "second", named, run.environments[0], 500, 0)
    with pytest.raises(ExperimentError, match="--module"):
        runs.resume(tmp_path / "second", workers=1)
    assert not (tmp_path / "evil-was-here").exists()


@pytest.mark.usefixtures("server")
def test_tasks_that_kill_or_raise_are_tried_alone_then_reported_and_others_go_on(tmp_path, monkeypatch):
    (tmp_path / "deadly.py").write_text(
        "import os, torch\n"
        "class Net(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.weight = torch.nn.Parameter(torch.zeros(1, 20))\n"
        "    def forward(self, x):\n"
        "        if os.path.exists('deadly-now'): os._exit(7)\n"
        "        if os.path.exists('error-now'): raise RuntimeError('out of memory, say')\n"
        "        return x @ self.weight.T\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    values = {**VALUES, "arch": "custom", "module": "deadly:Net"}
    pool = WorkerPool(2)
    try:
        facts = pool.prepare(preparation(Experiment.parse(values), module="deadly:Net")).facts
        pool.submit(ChunkWork(facts.experiment, 0))
        first = wait_for(lambda: pool.outcomes(1) or None)
        assert first[0].answer.summary.samples == CHUNK
        for file, reason in (("deadly-now", "exit code 7"), ("error-now", "out of memory, say")):
            (tmp_path / file).write_text("")
            for chunk in (1, 2):
                pool.submit(ChunkWork(facts.experiment, chunk))
            failed = []
            while len(failed) < 2:
                failed += pool.outcomes(1)
            assert {item.work.chunk for item in failed} == {1, 2}
            assert all("twice" in item.error and reason in item.error for item in failed)
            (tmp_path / file).unlink()
        pool.submit(ChunkWork(facts.experiment, 3))
        assert wait_for(lambda: pool.outcomes(1) or None)[0].answer.summary.samples == CHUNK
        # Preparing again, as a sweep does, makes no more processes.
        before = len(pool._pool)
        pool.prepare(preparation(Experiment.parse({**values, "seed": 1}), module="deadly:Net"))
        assert len(pool._pool) == before
    finally:
        pool.close()


@pytest.mark.usefixtures("server")
def test_each_device_has_a_worker_of_its_own():
    pool = WorkerPool(1)
    try:
        experiment = pool.prepare(preparation(EXPERIMENT)).facts.experiment
        pool._devices = ["cpu", "cpu:0", "cpu:0"]  # names of devices that are there
        for chunk in range(6):
            pool.submit(ChunkWork(experiment, chunk))
        found = []
        while len(found) < 6:
            found += pool.outcomes(1)
        assert all(item.answer.summary.samples == CHUNK for item in found)
        assert sorted(worker.device for worker in pool._pool) == ["cpu", "cpu:0", "cpu:0"]
    finally:
        pool.close()


def test_the_preview_answers_the_newest_request():
    engine = PreviewEngine()
    try:
        engine.start()
        for width in (8, 16, 32):
            number = engine.request(EXPERIMENT.replace(width=width), 5000)
        snapshot = wait_for(
            lambda: (s := engine.snapshot()) and s.request == number and s.state is RunState.DONE and s
        )
        assert snapshot.facts.experiment.width == 32
        assert snapshot.samples == 5000
        assert snapshot.device == "cpu"
        number = engine.request(EXPERIMENT.replace(data="no-such-set"), 5000)
        failed = wait_for(lambda: (s := engine.snapshot()) and s.request == number and s)
        assert failed.state is RunState.FAILED
        assert "no-such-set" in failed.message
        os.kill(engine._process.pid, signal.SIGKILL)
        with pytest.raises(SamplingError, match="died"):
            wait_for(lambda: engine.snapshot() and None)
        number = engine.request(EXPERIMENT, 1000)
        assert wait_for(lambda: (s := engine.snapshot()) and s.request == number and s).samples
    finally:
        engine.close()
