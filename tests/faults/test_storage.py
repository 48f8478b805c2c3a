"""What disks, people and clocks do to a run directory: no committed network is lost, and a line says why."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.rundir import RunDirectory, RunState
from geomreg_tui.rundir.log import read_events
from geomreg_tui.runner import RunHandle
from geomreg_tui.runner.verify import verify_run
from geomreg_tui.sampling.store import committed, packs_of
from tests.command import call
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
    fill,
    finish,
    fold,
    geomreg,
    outcome,
    sample_here,
    samples_of,
    state_of,
    wait_for,
)

WILD_CLOCK = """
import random, time
true_time, true_time_ns = time.time, time.time_ns
time.time = lambda: true_time() + random.uniform(-1e6, 1e6)
time.time_ns = lambda: true_time_ns() + random.randrange(-10**15, 10**15)
"""


UNTIL_IT_FAILS = """
import json, sys
from pathlib import Path
from geomreg_tui import Experiment, start_run
experiment = Experiment.parse(json.loads(sys.argv[2]))
handle = start_run(experiment, 10**9, directory=Path(sys.argv[1]), workers=1, patience=2)
handle.wait()
print(handle.failure())
"""


def samples_kept(path):
    return committed(RunDirectory.open(path)).summary.samples


def test_a_run_on_a_full_disk_waits_for_room_and_then_goes_on(small_disk, runs, at_leisure):
    path = small_disk / "run"
    handle = runs.start(EXPERIMENT, 10**9, directory=path, workers=1)
    wait_for(lambda: handle.status().samples > 0)
    fill(small_disk)
    wait_for(lambda: _stands_still(handle))
    kept = handle.status().samples
    (small_disk / "filler").unlink()
    wait_for(lambda: handle.status().samples > kept)
    handle.stop()
    status, summary = outcome(handle)
    assert status.state is RunState.STOPPED
    assert summary.histogram.digest() == fold(summary.samples)[0].histogram.digest()
    assert "directory can be written again" in (path / "log.jsonl").read_text()


def _stands_still(handle):
    """Whether the snapshot of a run has stood still for longer than two commits take."""
    before = handle.snapshot()
    time.sleep(5)
    return handle.snapshot() is before


def test_a_run_on_a_disk_that_stays_full_fails_with_a_clear_line(
    small_disk, runs, before_each_chunk, monkeypatch, expected
):
    path = small_disk / "run"
    # It does not come to its end while there is room.
    before_each_chunk(
        f"while chunk >= 10 and not os.path.exists({str(small_disk / 'filler')!r}): time.sleep(0.05)"
    )
    handle = runs.start(EXPERIMENT, SAMPLES, directory=path, workers=1, patience=3)
    wait_for(lambda: handle.status().samples > 0)
    fill(small_disk)
    assert handle.wait(PATIENCE)
    assert "No space left on device" in handle.failure()
    kept = samples_kept(path)
    assert kept > 0
    for command in (["report", path], ["runs", "verify", path]):
        assert call(*command)[0] == 0
    fill(small_disk)  # what the engine has freed for its last word, too
    code, out, err = finish(geomreg("run", "--resume", path))
    assert (code, out) == (1, "")
    assert "No space left on device" in err
    assert samples_kept(path) >= kept
    (small_disk / "filler").unlink()
    monkeypatch.delenv("PYTHONPATH")
    status, summary = outcome(runs.resume(path, workers=2))
    assert (status.state, summary.samples) == (RunState.DONE, SAMPLES)
    assert summary.histogram.digest() == expected


def test_a_scheduler_does_not_wait_for_room_on_the_disk(small_disk, runs, at_leisure):
    patience = 100 * PATIENCE  # what ends sooner has not waited
    handle = runs.start(EXPERIMENT, 10**9, directory=small_disk / "run", workers=1, patience=patience)
    wait_for(lambda: handle.status().samples > 0)
    fill(small_disk)
    os.kill(engine_of(handle.directory), signal.SIGTERM)
    assert handle.wait(PATIENCE)
    assert "No space left on device" in handle.failure()
    assert samples_kept(handle.directory) > 0


def test_a_run_cannot_start_on_a_full_disk_and_leaves_nothing(small_disk):
    fill(small_disk)
    code, out, err = finish(geomreg("run", *OPTIONS, "--samples", 1000, "--out", small_disk / "run"))
    assert (code, out) == (1, "")
    assert "No space left on device" in err
    assert [entry.name for entry in small_disk.iterdir()] == ["filler"]


def test_a_read_only_disk_can_be_read_and_is_refused_for_writing(engines_here, small_disk):
    path = small_disk / "run"
    sample_here(path, 1000)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for command in (["report", path], ["runs", "verify", path]):
        assert call(*command)[0] == 0
    for command in (
        ["run", "--resume", path, "--samples", 2000],
        ["run", *OPTIONS, "--out", small_disk / "b"],
    ):
        code, out, err = call(*command)
        assert (code, out) == (1, "")
        assert "Read-only file system" in err
    assert samples_kept(path) == 1000


def test_a_folder_that_becomes_read_only_ends_the_run(tmp_path, without_privileges, at_leisure):
    path = tmp_path / "run"
    process = subprocess.Popen(
        [*without_privileges, sys.executable, "-c", UNTIL_IT_FAILS, str(path), json.dumps(VALUES)],
        stdout=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: [*path.glob("chunks/*-*.safetensors")] or None)
    folders = (path / "chunks", path / "control", path)
    for folder in folders:
        if folder.exists():
            folder.chmod(0o555)
    said, _ = process.communicate(timeout=PATIENCE)
    for folder in folders:
        if folder.exists():
            folder.chmod(0o755)
    assert "Permission denied" in said
    kept = samples_kept(path)
    assert kept > 0
    sample_here(path, kept + 1000)
    assert committed(RunDirectory.open(path)).summary.histogram.digest() == (
        fold(kept + 1000)[0].histogram.digest()
    )


def test_a_run_whose_folder_is_deleted_ends(tmp_path, runs, at_leisure):
    handle = runs.start(EXPERIMENT, 10**9, directory=tmp_path / "run", workers=1, patience=1)
    pid = engine_of(handle.directory)
    wait_for(lambda: samples_of(handle) > 0)
    (tmp_path / "run").rename(tmp_path / "moved")
    subprocess.run(["rm", "-r", str(tmp_path / "moved")], check=False)
    wait_for(lambda: handle._process.poll() is not None)
    assert pid
    assert handle._process.returncode == 3


@pytest.mark.parametrize("damage", ["flipped", "truncated", "empty", "garbage", "gone"])
def test_a_damaged_chunk_is_set_aside_and_only_that_is_drawn_again(tmp_path, expected, damage):
    run = drawn_run(tmp_path / "run")
    files = packs_of(run).scan()
    victim = files[len(files) // 2]
    others = {file.path: file.path.stat().st_mtime_ns for file in files if file is not victim}
    data = bytearray(victim.path.read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 16
    victim.path.write_bytes(
        {"truncated": data[:-100], "empty": b"", "garbage": os.urandom(1000)}.get(damage, bytes(data))
    )
    if damage == "gone":
        victim.path.unlink()
    assert samples_kept(run.path) == victim.first * CHUNK
    assert verify_run(run.path).problems
    code, out, _ = call("runs", "verify", run.path)
    assert code == 1  # its summary is of networks that are not there any more
    assert "PROBLEM" in out
    executor = Shuffled(workers=1)
    sample_here(run.path, executor=executor)
    assert sorted(executor.order) == list(range(victim.first, victim.stop))
    assert committed(run).summary.histogram.digest() == expected
    assert verify_run(run.path).problems == ()
    for path, stamp in others.items():
        assert not path.exists() or path.stat().st_mtime_ns == stamp
    set_aside = [*(run.path / "chunks").glob("*.damaged")]
    assert len(set_aside) == (damage != "gone")


def test_a_damaged_incomplete_chunk_is_named(engines_here, tmp_path):
    path = tmp_path / "run"
    call("run", "--data", "iris", "--width", 4, "--samples", 50, "--out", path, "--quiet")
    assert "50 networks in 1 file" in call("runs", "verify", path)[1]
    kept = path / "chunks" / "tail.safetensors"
    data = bytearray(kept.read_bytes())
    data[-3] ^= 1
    kept.write_bytes(data)
    code, out, _ = call("runs", "verify", path)
    assert code != 0
    assert "the incomplete last chunk" in out
    assert "damaged" in out


def test_the_real_engine_mends_a_damaged_chunk(tmp_path, expected):
    run = drawn_run(tmp_path / "run")
    victim = packs_of(run).scan()[1]
    victim.path.write_bytes(victim.path.read_bytes()[:-1])
    code, _, err = finish(geomreg("run", "--resume", run.path, "--samples", SAMPLES + 1, "--workers", 2))
    assert code == 0, err
    events = read_events(run.path / "log.jsonl")[0]
    assert [event["event"] for event in events].count("pack set aside") == 1
    assert committed(run).summary.histogram.digest() == fold(SAMPLES + 1)[0].histogram.digest()


def test_a_half_written_log_line_spoils_no_other(tmp_path):
    run = drawn_run(tmp_path / "run", 1000)
    with (run.path / "log.jsonl").open("a") as file:
        file.write('{"time": "2026-11-2')
    sample_here(tmp_path / "run", 2000)
    events, broken = read_events(run.path / "log.jsonl")
    assert broken == 1
    assert [event["event"] for event in events] == ["start", "end"] * 2
    code, out, _ = call("runs", "verify", run.path)
    assert code == 0
    assert "1 line(s) cannot be read" in out


def test_a_newer_schema_is_refused_by_every_command(tmp_path):
    run = drawn_run(tmp_path / "run", 1000)
    stored = json.loads((run.path / "experiment.json").read_text())
    (run.path / "experiment.json").write_text(json.dumps({**stored, "schema": 2}))
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    for command in (["report"], ["run", "--resume"], ["attach"], ["runs", "stop"]):
        code, out, err = call(*command, run.path)
        assert code == 1
        assert out == ""
        assert "schema '2'" in err
        assert "use the version" in err
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before


def test_of_two_engines_at_once_one_goes_on(tmp_path, expected):
    run = drawn_run(tmp_path / "run", 1000)
    both = [geomreg("run", "--resume", run.path, "--samples", SAMPLES, "--workers", 1) for _ in range(2)]
    ended = sorted((finish(process) for process in both), key=lambda end: end[0])
    assert [code for code, _, _ in ended] in ([0, 1], [0, 0])  # the second may have come when all was done
    if ended[1][0]:
        assert "in use by process" in ended[1][2]
    assert committed(run).summary.histogram.digest() == expected


def test_an_engine_that_is_taken_over_leaves(tmp_path, runs, at_leisure):
    first = runs.start(EXPERIMENT, 10**9, directory=tmp_path / "run", workers=1)
    wait_for(lambda: first.status().samples > 0)
    second = runs.resume(first.directory, workers=1, take_over=True)
    wait_for(lambda: first._process.poll() is not None)
    assert "was taken over by process" in (first.directory / "engine.log").read_text()
    assert engine_of(first.directory) == second._process.pid
    wait_for(lambda: state_of(second) is RunState.SAMPLING)
    second.stop()
    status, summary = outcome(second)
    assert status.state is RunState.STOPPED
    assert summary.histogram.digest() == fold(summary.samples)[0].histogram.digest()


def test_a_clock_that_jumps_changes_nothing(tmp_path, runs, every_process, expected):
    every_process(WILD_CLOCK)
    handle = runs.start(EXPERIMENT, SAMPLES, directory=tmp_path / "run", workers=2)
    handle.pause()
    status = wait_for(lambda: (s := handle.snapshot()) and s.state in (RunState.PAUSED, RunState.DONE) and s)
    assert 0 <= status.elapsed_s < PATIENCE
    handle.resume()
    status, summary = outcome(handle)
    assert status.state is RunState.DONE
    assert 0 <= status.elapsed_s < PATIENCE
    assert summary.histogram.digest() == expected
    code, out, _ = call("report", handle.directory)
    assert code == 0
    assert f"{SAMPLES:,} networks" in out


def test_a_run_directory_of_another_person_can_be_read(tmp_path, expected):
    """As when it lies on a file system that this person may not write."""
    run = drawn_run(tmp_path / "run")
    for path in (*run.path.rglob("*"), run.path):
        path.chmod(0o555 if path.is_dir() else 0o444)
    handle = RunHandle(run.path)
    assert handle.snapshot().samples == SAMPLES
    assert handle.status().state is RunState.DONE
    if os.geteuid():
        with pytest.raises(RunDirectoryError, match="Permission denied"):
            handle.pause()
    for path in (run.path, *run.path.rglob("*")):
        path.chmod(0o755)


def test_the_files_of_a_long_run_stay_few(tmp_path):
    from geomreg_tui.sampling.packs import Pack

    run = drawn_run(tmp_path / "run", 500)
    pack = packs_of(run).read(packs_of(run).scan()[0])
    most = 0
    for chunk in range(1, 600):
        packs_of(run).append(chunk, chunk + 1, Pack(pack.summary, np.empty(0), pack.check))
        most = max(most, len(packs_of(run).scan()))
    assert most <= 3 * 7 + 1
    assert committed(run).summary.samples == 600 * CHUNK
