"""Signals to the engine and to the command that follows it: real processes, real signals."""

import json
import os
import signal
import subprocess
import time

import pytest

from geomreg_tui.rundir import RunDirectory, RunState
from geomreg_tui.runner import RunHandle
from geomreg_tui.sampling.store import committed
from tests.command import call
from tests.patience import PATIENCE, contention

from .driving import (
    CHUNK,
    EXPERIMENT,
    OPTIONS,
    alive,
    engine_of,
    engine_pid,
    family,
    finish,
    fold,
    geomreg,
    outcome,
    samples_of,
    wait_for,
)

# Chunks that nothing can wait for: what ends has not waited.
SLOW_CHUNKS = f"if chunk >= 4: time.sleep({100 * PATIENCE})"


def started(path, *options):
    """Start a long run by the command line, and wait until it is sampling."""
    process = geomreg("run", *OPTIONS, "--samples", "1e9", "--workers", 2, "--out", path, *options)
    wait_for(lambda: process.poll() is not None or (path / "status.json").exists())
    handle = RunHandle(path)
    wait_for(lambda: samples_of(handle) >= CHUNK)
    return process, handle


def kept(path):
    """Return the networks that are kept, which must be the first of the undisturbed run."""
    summary = committed(RunDirectory.open(path)).summary
    assert summary.histogram.digest() == fold(summary.samples)[0].histogram.digest()
    return summary.samples


# Each way to tell a run that it is to stop is tried with one signal here, and with the others in full.
def one_of(number, *others):
    return [number, *(pytest.param(other, marks=pytest.mark.full) for other in others)]


@pytest.mark.parametrize("number", one_of(signal.SIGINT, signal.SIGTERM, signal.SIGUSR1))
def test_a_polite_signal_to_the_engine_stops_it_with_everything_kept(tmp_path, runs, number, at_leisure):
    handle = runs.start(EXPERIMENT, 10**9, directory=tmp_path / "run", workers=2)
    wait_for(lambda: samples_of(handle) > CHUNK)
    os.kill(engine_pid(handle.directory), number)
    status, summary = outcome(handle)
    assert status.state is RunState.STOPPED
    assert summary.samples == kept(handle.directory) > CHUNK


@pytest.mark.parametrize("number", one_of(signal.SIGUSR1, signal.SIGTERM))
def test_a_scheduler_that_signals_before_each_chunk_of_the_job_loses_nothing(tmp_path, number, at_leisure):
    process, handle = started(tmp_path / "run")
    pid = engine_pid(handle.directory)
    everyone = [process.pid, pid, *family(pid)]
    for member in everyone:
        os.kill(member, number)
    code, _, _ = finish(process)
    assert code == 130
    assert handle.status().state is RunState.STOPPED
    assert handle.status().samples == kept(handle.directory) >= CHUNK
    wait_for(lambda: not any(alive(member) for member in everyone))


@pytest.mark.alone
@pytest.mark.parametrize(
    ("number", "slow"),
    [
        (signal.SIGUSR1, False),
        (signal.SIGTERM, True),
        *(
            pytest.param(number, slow, marks=pytest.mark.full)
            for number, slow in ((signal.SIGINT, False), (signal.SIGTERM, False), (signal.SIGUSR1, True))
        ),
    ],
)
def test_a_scheduler_is_obeyed_within_five_seconds(tmp_path, runs, before_each_chunk, number, slow):
    """Only a person's Ctrl-C waits for the chunks under way."""
    if slow:
        before_each_chunk(SLOW_CHUNKS)
    handle = runs.start(EXPERIMENT, 10**9, directory=tmp_path / "run", workers=2)
    wait_for(lambda: samples_of(handle) >= 4 * CHUNK)
    workers = family(engine_pid(handle.directory))
    busy, begun = contention(), time.monotonic()
    os.kill(engine_pid(handle.directory), number)
    status, summary = outcome(handle)
    assert status.state is RunState.STOPPED
    assert time.monotonic() - begun < 5 * max(busy, contention())
    assert not slow or summary.samples == 4 * CHUNK
    wait_for(lambda: not any(alive(worker) for worker in workers))


def test_a_hang_up_does_not_stop_the_engine(tmp_path, runs, expected):
    handle = runs.start(EXPERIMENT, 20_250, directory=tmp_path / "run", workers=2)
    os.kill(engine_pid(handle.directory), signal.SIGHUP)
    status, summary = outcome(handle)
    assert (status.state, summary.histogram.digest()) == (RunState.DONE, expected)


def test_ctrl_c_keeps_everything_and_says_how_to_go_on(tmp_path, at_leisure):
    process, handle = started(tmp_path / "run", "--json")
    process.send_signal(signal.SIGINT)
    code, out, err = finish(process)
    assert code == 130
    document = json.loads(out)
    assert document["complete"] is False
    assert document["samples"] == kept(handle.directory) == handle.status().samples
    assert f"run --resume {handle.directory}' goes on" in err
    assert engine_of(handle.directory) is None


def test_ctrl_c_twice_stops_now(tmp_path, before_each_chunk):
    before_each_chunk(SLOW_CHUNKS)
    process, handle = started(tmp_path / "run")
    wait_for(lambda: samples_of(handle) == 4 * CHUNK)
    process.send_signal(signal.SIGINT)
    while "Stopping" not in process.stderr.readline():
        assert process.poll() is None
    time.sleep(1.5)
    assert process.poll() is None  # it waits for the chunks under way
    process.send_signal(signal.SIGINT)
    code, out, _ = finish(process)
    assert code == 130
    assert "2,000 networks" in out
    assert kept(handle.directory) == 4 * CHUNK
    assert engine_of(handle.directory) is None


def test_ctrl_c_three_times_ends_an_engine_that_does_not_answer(tmp_path, at_leisure):
    """An engine that is held is as good as one on a machine too busy for it."""
    process, handle = started(tmp_path / "run")
    wait_for(lambda: handle.status().samples >= CHUNK)
    os.kill(engine_pid(handle.directory), signal.SIGSTOP)
    for said in ("Stopping;", "Stopping at once."):
        process.send_signal(signal.SIGINT)
        while said not in process.stderr.readline():
            assert process.poll() is None
    process.send_signal(signal.SIGINT)
    code, out, err = finish(process)
    assert code == 130
    assert "networks" in out
    assert f"run --resume {handle.directory}' goes on" in err
    assert kept(handle.directory) >= CHUNK
    assert engine_of(handle.directory) is None


@pytest.mark.parametrize("number", one_of(signal.SIGTERM, signal.SIGUSR1))
def test_a_scheduler_that_warns_the_command_stops_the_engine(tmp_path, number, at_leisure):
    process, handle = started(tmp_path / "run")
    process.send_signal(number)
    wait_for(lambda: engine_of(handle.directory) is None)
    assert finish(process)[0] == 130
    assert kept(handle.directory) >= CHUNK


def test_a_command_whose_terminal_is_gone_leaves_the_engine_at_work(tmp_path, at_leisure):
    process, handle = started(tmp_path / "run")
    process.send_signal(signal.SIGHUP)
    code, out, _ = finish(process)
    assert (code, out) == (129, "")
    before = samples_of(handle)
    wait_for(lambda: samples_of(handle) > before)
    code, _, err = call("runs", "stop", handle.directory)
    assert code == 0
    assert f"{kept(handle.directory):,} networks are kept" in err


def test_nohup_keeps_the_command_too(tmp_path, at_leisure):
    path = tmp_path / "run"
    process = subprocess.Popen(
        ["nohup", "python", "-m", "geomreg_tui", "run", *OPTIONS, "--samples", "10000", "--out", str(path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PATH": f"{os.path.dirname(os.sys.executable)}:{os.environ['PATH']}"},
    )
    wait_for(lambda: engine_of(path))
    process.send_signal(signal.SIGHUP)
    code, out, _ = finish(process)
    assert code == 0
    assert "10,000 networks" in out


def test_an_interrupted_start_leaves_nothing_at_work(tmp_path):
    process = geomreg("run", *OPTIONS, "--samples", "1e9", "--out", tmp_path / "run")
    children = wait_for(lambda: family(process.pid) or None)
    process.send_signal(signal.SIGINT)
    code, out, _ = finish(process)
    assert (code, out) == (130, "")
    wait_for(lambda: not any(alive(child) for child in children))


def test_a_detached_run_is_controlled_by_commands(tmp_path, home, at_leisure):
    code, out, err = finish(geomreg("run", *OPTIONS, "--samples", "1e9", "--workers", 2, "--detach"))
    assert code == 0, err
    handle = RunHandle(home / "runs" / os.path.basename(out.strip()))
    name = handle.directory.name
    assert out.strip() == str(handle.directory)
    assert f"geomreg-tui attach {name}" in err
    assert "sampling" in call("runs")[1]
    assert call("runs", "pause")[0] == 0
    wait_for(lambda: (s := handle.snapshot()) and s.state is RunState.PAUSED)
    assert "paused" in call("runs")[1]
    assert call("runs", "extend", name, "2e9")[0] == 0
    assert call("runs", "unpause", name)[0] == 0
    wait_for(lambda: (s := handle.snapshot()) and s.state is RunState.SAMPLING and s.target == 2 * 10**9)
    code, _, err = call("runs", "rm", name, "--yes")
    assert code == 1
    assert "stop it first" in err
    assert call("runs", "stop")[0] == 0
    assert handle.status().state is RunState.STOPPED
    code, _, err = call("runs", "pause", name)
    assert code == 1
    assert "no engine is at work" in err
    code, _, err = call("runs", "rm", name)
    assert code == 1
    assert "--yes" in err
    assert call("runs", "rm", name, "--yes")[0] == 0
    assert not handle.directory.exists()


def test_a_sweep_whose_terminal_is_gone_goes_on_to_its_end(tmp_path, at_leisure):
    process = geomreg(
        "sweep", "--over", "width=8,16", *OPTIONS, "--samples", "8k", "--out", tmp_path / "sweep"
    )
    wait_for(lambda: engine_of(tmp_path / "sweep" / "width=8"))
    process.send_signal(signal.SIGHUP)
    assert finish(process)[0] == 129
    document = json.loads((tmp_path / "sweep" / "sweep.json").read_text())
    assert len(document["points"]) == 2


def test_a_sweep_that_is_stopped_goes_on(engines_here, tmp_path, before_each_chunk):
    before_each_chunk("if experiment.width == 16: time.sleep(1.0)")
    command = ["sweep", "--over", "width=8,16,32", *OPTIONS, "--out", tmp_path / "sweep", "--samples"]
    process = geomreg(*command, "6k")
    wait_for(lambda: engine_of(tmp_path / "sweep" / "width=16"))
    first = RunDirectory.open(tmp_path / "sweep" / "width=8")
    stamp = (first.path / "summary.json").stat().st_mtime_ns
    process.send_signal(signal.SIGINT)
    code, _, err = finish(process)
    assert code == 130
    assert f"--out {tmp_path / 'sweep'} goes on" in err
    assert not (tmp_path / "sweep" / "width=32").exists()
    call(*command, "6k", check=0)
    document = json.loads((tmp_path / "sweep" / "sweep.json").read_text())
    assert [point["samples"] for point in document["points"]] == [6000] * 3
    assert (first.path / "summary.json").stat().st_mtime_ns == stamp
    code, _, err = call(*command, "6k", "--activation", "tanh")
    assert code == 1
    assert "activation: relu was sampled, tanh is given" in err
