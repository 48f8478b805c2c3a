"""The engine in real processes: the same bits whatever happens to it."""

import os
import signal
import time

import numpy as np
import pytest

from geomreg_tui import sampling
from geomreg_tui.engine import PreviewEngine, resume_run, start_run
from geomreg_tui.engine.executors import WorkerPool
from geomreg_tui.engine.task import Task
from geomreg_tui.errors import DataError, ExperimentError, RunDirectoryError, SamplingError
from geomreg_tui.experiment import Experiment
from geomreg_tui.runs import RunDirectory, RunState
from geomreg_tui.summary import Summary

CHUNK, SAMPLES = 500, 20_250
VALUES = {
    "data": "gaussian",
    "inputs": 20,
    "examples": 8,
    "width": 64,
    "depth": 2,
    "chunk_size": CHUNK,
    "batch_size": 50,
}
EXPERIMENT = Experiment.parse(VALUES)


def fold(samples, keep=0):
    """Return what the chunks give when drawn here, one after the other."""
    experiment = sampling.prepare(EXPERIMENT).facts.experiment
    parts, losses = [], []
    for chunk in range(-(-samples // CHUNK)):
        part = sampling.run_chunk(experiment, chunk, min(CHUNK, samples - chunk * CHUNK), keep=CHUNK)
        parts.append(part.summary)
        losses.append(part.losses)
    return Summary.merge(parts), np.concatenate(losses)[:keep]


@pytest.fixture(scope="module")
def expected():
    return fold(SAMPLES)[0].histogram.digest()


def outcome(handle):
    assert handle.wait(120)
    run = RunDirectory.open(handle.directory)
    return run.read_status(), run.committed()[0].summary


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (found := condition()) is not None and found is not False:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def samples_of(handle):
    snapshot = handle.snapshot()
    return snapshot.samples if snapshot else 0


def engine_pid(handle):
    return int(wait_for(lambda: RunDirectory.open(handle.directory).engine())["pid"])


def children(pid):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == pid:
                found += [int(entry), *children(int(entry))]
    return found


@pytest.mark.parametrize("workers", [1, 2])
def test_the_result_does_not_depend_on_the_workers(tmp_path, expected, workers):
    handle = start_run(EXPERIMENT, SAMPLES, directory=tmp_path / "run", workers=workers, keep_losses=1200)
    status, summary = outcome(handle)
    assert status.state is RunState.DONE
    assert summary.histogram.digest() == expected
    np.testing.assert_array_equal(np.load(tmp_path / "run" / "losses.npy"), fold(1200, 1200)[1])
    assert not RunDirectory.open(handle.directory).engine()


def test_pause_extend_stop_and_resume(tmp_path, expected):
    handle = start_run(EXPERIMENT, 10**9, directory=tmp_path / "run", workers=2)
    wait_for(lambda: samples_of(handle) > 2 * CHUNK)
    handle.pause()
    wait_for(lambda: handle.snapshot().state is RunState.PAUSED)
    held = samples_of(handle)
    time.sleep(0.5)
    assert samples_of(handle) == held
    handle.resume()
    wait_for(lambda: samples_of(handle) > held)
    handle.stop()
    status, summary = outcome(handle)
    assert status.state is RunState.STOPPED
    assert summary.samples % CHUNK == 0
    assert summary.histogram.digest() == fold(summary.samples)[0].histogram.digest()
    # To a smaller count than what is there, the plan is fulfilled; to a larger one, it goes on.
    target = summary.samples + 750
    status, summary = outcome(resume_run(handle.directory, target, workers=2))
    assert (status.state, summary.samples) == (RunState.DONE, target)
    status, summary = outcome(resume_run(handle.directory, target + 100, workers=1))
    assert (status.state, summary.samples) == (RunState.DONE, target + 100)
    assert summary.histogram.digest() == fold(target + 100)[0].histogram.digest()


def test_an_engine_that_is_killed_loses_nothing_that_was_committed(tmp_path, expected):
    handle = start_run(EXPERIMENT, SAMPLES, directory=tmp_path / "run", workers=2)
    generator = np.random.default_rng(0)
    for _ in range(3):
        pid = engine_pid(handle)
        family = children(pid)
        time.sleep(float(generator.uniform(0, 0.8)))
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            break
        handle.wait(10)
        wait_for(lambda family=family: not any(os.path.exists(f"/proc/{member}") for member in family), 20)
        handle = resume_run(tmp_path / "run", workers=2)
    status, summary = outcome(handle)
    assert (status.state, summary.samples) == (RunState.DONE, SAMPLES)
    assert summary.histogram.digest() == expected


def test_a_worker_that_is_killed_is_replaced(tmp_path, expected):
    handle = start_run(EXPERIMENT, SAMPLES, directory=tmp_path / "run", workers=2)
    pid = engine_pid(handle)
    workers = wait_for(
        lambda: [member for member in children(pid) if b"forkserver" in _command(member)][1:] or None
    )
    os.kill(workers[-1], signal.SIGKILL)
    status, summary = outcome(handle)
    assert status.state is RunState.DONE
    assert summary.histogram.digest() == expected


def _command(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_polite_signal_stops_with_everything_kept(tmp_path, number):
    handle = start_run(EXPERIMENT, 10**9, directory=tmp_path / "run", workers=2)
    wait_for(lambda: samples_of(handle) > CHUNK)
    begun = time.monotonic()
    os.kill(engine_pid(handle), number)
    status, summary = outcome(handle)
    assert time.monotonic() - begun < 5
    assert status.state is RunState.STOPPED
    assert summary.histogram.digest() == fold(summary.samples)[0].histogram.digest()


def test_a_hang_up_does_not_stop_the_engine(tmp_path, expected):
    handle = start_run(EXPERIMENT, SAMPLES, directory=tmp_path / "run", workers=2)
    os.kill(engine_pid(handle), signal.SIGHUP)
    status, summary = outcome(handle)
    assert (status.state, summary.histogram.digest()) == (RunState.DONE, expected)


def test_a_second_engine_is_refused(tmp_path):
    handle = start_run(EXPERIMENT, 10**9, directory=tmp_path / "run", workers=1)
    with pytest.raises(RunDirectoryError, match="in use"):
        resume_run(tmp_path / "run")
    with pytest.raises(RunDirectoryError, match="not an empty folder"):
        start_run(EXPERIMENT, 100, directory=tmp_path / "run")
    handle.stop()
    assert handle.wait(30)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"data": "no-such-file.npz"}, DataError),
        ({"data": "digits", "examples": 10**6}, DataError),
        ({"sampler": "radial", "examples": 3}, ExperimentError),
        ({"arch": "custom", "module": "no_such_module:factory"}, ExperimentError),
    ],
)
def test_what_cannot_be_run_writes_nothing(tmp_path, values, kind):
    with pytest.raises(kind):
        start_run(Experiment.parse(values), 100, directory=tmp_path / "run", workers=1)
    assert not (tmp_path / "run").exists()


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunDirectoryError, match="cannot be created"):
        start_run(EXPERIMENT, 100, directory=tmp_path / "file" / "run", workers=1)


def test_code_named_by_a_run_file_is_never_imported(tmp_path, monkeypatch):
    (tmp_path / "evil.py").write_text("open('evil-was-here', 'w')\ndef factory(): pass\n")
    monkeypatch.chdir(tmp_path)
    handle = start_run(EXPERIMENT, 500, directory=tmp_path / "run", workers=1)
    assert handle.wait(60)
    run = RunDirectory.open(tmp_path / "run")
    facts = run.facts
    from dataclasses import replace

    named = replace(facts, experiment=facts.experiment.replace(arch="custom", module="evil:factory"))
    RunDirectory.create(tmp_path / "second", named, run.environment, 500, 0)
    with pytest.raises(ExperimentError, match="--module"):
        resume_run(tmp_path / "second", workers=1)
    assert not (tmp_path / "evil-was-here").exists()


def test_a_chunk_that_kills_every_worker_is_reported_and_others_go_on(tmp_path, monkeypatch):
    (tmp_path / "deadly.py").write_text(
        "import os, torch\n"
        "class Net(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.weight = torch.nn.Parameter(torch.zeros(1, 20))\n"
        "    def forward(self, x):\n"
        "        if os.path.exists('deadly-now'): os._exit(7)\n"
        "        return x @ self.weight.T\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    values = {**VALUES, "arch": "custom", "module": "deadly:Net"}
    pool = WorkerPool(2)
    try:
        facts = pool.prepare(Experiment.parse(values), "cpu", "deadly:Net").facts
        pool.submit(Task(facts.experiment, 0))
        first = wait_for(lambda: pool.outcomes(1) or None)
        assert first[0].summary.samples == CHUNK
        (tmp_path / "deadly-now").write_text("")
        for chunk in (1, 2):
            pool.submit(Task(facts.experiment, chunk))
        failed = []
        while len(failed) < 2:
            failed += pool.outcomes(1)
        assert {item.task.chunk for item in failed} == {1, 2}
        assert all("died twice" in item.error and "exit code 7" in item.error for item in failed)
        (tmp_path / "deadly-now").unlink()
        pool.submit(Task(facts.experiment, 3))
        assert wait_for(lambda: pool.outcomes(1) or None)[0].summary.samples == CHUNK
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
        number = engine.request(EXPERIMENT.replace(data="no-such-set"), 5000)
        failed = wait_for(lambda: (s := engine.snapshot()) and s.request == number and s)
        assert failed.state is RunState.FAILED
        assert "no-such-set" in failed.message
        os.kill(engine._process.pid, signal.SIGKILL)
        with pytest.raises(SamplingError, match="died"):
            wait_for(lambda: engine.snapshot() and None, 5)
        number = engine.request(EXPERIMENT, 1000)
        assert wait_for(lambda: (s := engine.snapshot()) and s.request == number and s).samples
    finally:
        engine.close()
